import re
from pathlib import Path

import httpx2
import pytest

from repartee.presentation.api import page
from tests.serving import fake_api

FILES = sorted(path.name for path in (Path(page.__file__).parent / "page").iterdir())


def client(**api) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=fake_api(**api))
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize(
    "accept", ["text/html,application/xhtml+xml,*/*;q=0.8", "*/*", "application/json, text/html"]
)
async def test_a_browser_gets_the_page(accept: str) -> None:
    async with client() as browser:
        answer = await browser.get("/", headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!doctype html>")


async def test_a_program_gets_the_services_name() -> None:
    async with client() as program:
        answer = await program.get("/", headers={"accept": "application/json"})
    assert answer.json()["service"] == "repartee"
    assert answer.headers["vary"] == "accept"


@pytest.mark.parametrize("path", ["/", *(f"/page/{name}" for name in FILES)])
async def test_every_file_is_guarded_and_is_not_sent_twice(path: str) -> None:
    async with client() as browser:
        first = await browser.get(path)
        again = await browser.get(path, headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
        changed = await browser.get(path, headers={"if-none-match": '"other"'})
    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert again.content == b""
    for answer in (first, again):
        rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
        assert rules == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "connect-src": "'self'",
            "img-src": "'self' data: blob:",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
            "require-trusted-types-for": "'script'",
        }
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-cache"


async def test_the_page_is_open_where_the_api_asks_for_a_key() -> None:
    async with client(keys=("k",)) as stranger:
        assert (await stranger.get("/")).status_code == 200
        assert (await stranger.get("/page/main.js")).status_code == 200
        assert (await stranger.get("/characters")).status_code == 401
        assert (await stranger.get("/page/secrets.js")).status_code == 401


@pytest.mark.parametrize("name", ["../page.py", "%2e%2e%2fpage.py", "index.htm", ""])
async def test_nothing_else_is_read_from_the_disk(name: str) -> None:
    async with client() as browser:
        assert (await browser.get(f"/page/{name}")).status_code == 404


async def test_switched_off_it_is_gone_and_its_paths_are_locked() -> None:
    async with client(page=False) as browser:
        assert (await browser.get("/")).status_code == 404
    async with client(page=False, keys=("k",)) as browser:
        assert (await browser.get("/")).status_code == 401


def test_the_page_names_only_files_that_are_there_and_nothing_of_others() -> None:
    for name, file in page.page_files().items():
        text = file.content.decode()
        named = re.findall(r'(?:from "\./|(?:href|src)="page/)([^"]+)"', text)
        assert set(named) <= set(FILES), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name
        assert re.sub(r"http://www\.w3\.org/2000/svg", "", text).find("http") == -1, name
        assert not re.search(r"\sstyle=|\son\w+=\"|<style|<script>", text), name


def test_the_api_does_not_describe_the_page() -> None:
    assert not {"/", "/page/{name}"} & fake_api().openapi()["paths"].keys()

import aiohttp
import pytest

from tests.serving import fake_api, served

RISU = "https://risuai.xyz"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
SAYS = {"model": "fake", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("keys", [(), ("k1",)])
async def test_a_page_of_an_allowed_origin_asks_and_reads_the_answer(keys: tuple[str, ...]) -> None:
    headers = {"origin": RISU, "authorization": "Bearer k1"}
    async with served(fake_api(keys=keys, origins=(RISU,))) as url, aiohttp.ClientSession(url) as session:
        async with session.options("/v1/chat/completions", headers={"origin": RISU} | PREFLIGHT) as response:
            assert response.status == 200
            assert response.headers["access-control-allow-origin"] == RISU
            assert "authorization" in response.headers["access-control-allow-headers"]
        async with session.post("/v1/chat/completions", json=SAYS, headers=headers) as response:
            assert response.status == 200
            assert response.headers["access-control-allow-origin"] == RISU
            assert "X-Repartee-Facts" in response.headers["access-control-expose-headers"]
            assert "access-control-allow-credentials" not in response.headers


async def test_an_error_can_be_read_too() -> None:
    async with (
        served(fake_api(keys=("k1",), origins=(RISU,))) as url,
        aiohttp.ClientSession(url) as session,
        session.post("/v1/chat/completions", json=SAYS, headers={"origin": RISU}) as response,
    ):
        assert (response.status, response.headers["access-control-allow-origin"]) == (401, RISU)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://risuai.xyz", "https://risuai.xyz.evil.example"]
)
async def test_other_origins_are_shut_out_as_before(origin: str) -> None:
    async with served(fake_api(origins=(RISU,))) as url, aiohttp.ClientSession(url) as session:
        async with session.post("/v1/chat/completions", json=SAYS, headers={"origin": origin}) as response:
            assert response.status == 403
            assert "access-control-allow-origin" not in response.headers
        async with session.options("/generate", headers={"origin": origin} | PREFLIGHT) as response:
            assert response.status == 400


async def test_an_allowed_origin_does_not_open_the_door_to_another_host_name() -> None:
    headers = {"origin": RISU, "host": "evil.example"}
    async with (
        served(fake_api(origins=(RISU,))) as url,
        aiohttp.ClientSession(url) as session,
        session.post("/v1/chat/completions", json=SAYS, headers=headers) as response,
    ):
        assert response.status == 403


async def test_without_origins_nothing_is_said_about_them() -> None:
    headers = {"origin": RISU, "authorization": "Bearer k1"}
    async with (
        served(fake_api(keys=("k1",))) as url,
        aiohttp.ClientSession(url) as session,
        session.post("/v1/chat/completions", json=SAYS, headers=headers) as response,
    ):
        assert response.status == 200
        assert "access-control-allow-origin" not in response.headers

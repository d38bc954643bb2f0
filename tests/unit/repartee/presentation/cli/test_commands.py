"""The commands, with the use cases over fakes instead of a running API."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from click.testing import CliRunner, Result

from repartee.application.add_facts import AddFacts
from repartee.application.delete_facts import DeleteFacts
from repartee.application.list_facts import ListFacts
from repartee.application.reindex_facts import ReindexFacts
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.errors import ConfigurationError, StoreLocked, UpstreamUnreachable
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from repartee.presentation.cli.commands import repartee
from repartee.presentation.cli.runtime import ClientSettings, Runtime
from repartee.presentation.services import Running, Services
from tests.fakes import FakeEmbedder, FakeFactArchive, FakeFactStore

_NOBODY = "http://127.0.0.1:9"


class FakeRuntime(Runtime):
    """No API, and a store of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.settings = ClientSettings(data_dir=data_dir, url=None, default_url=_NOBODY, api_key=None)
        self.store = FakeFactStore()
        self.embedder = FakeEmbedder()
        self.archive = FakeFactArchive({})
        self.failure: Exception | None = None
        self.served: tuple[object, ...] = ()

    def client_settings(self) -> ClientSettings:
        return self.settings

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        if self.failure:
            raise self.failure
        yield cast(
            Services,
            SimpleNamespace(
                add_facts=AddFacts(self.embedder, self.store, TenantLocks()),
                list_facts=ListFacts(self.store),
                delete_facts=DeleteFacts(self.store, self.archive, TenantLocks()),
                reindex_facts=ReindexFacts(self.embedder, self.store, self.archive),
                running=Running("fake", "fake", "fake store", None, None),
            ),
        )

    def serve(
        self, host: str | None, port: int | None, announce: Callable[[str], None], *, until_stdin_closes: bool
    ) -> None:
        if self.failure:
            raise self.failure
        announce("serving")
        self.served = (host, port, until_stdin_closes)


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    return FakeRuntime(tmp_path)


def _run(runtime: Runtime, *arguments: str) -> Result:
    result = CliRunner().invoke(repartee, arguments, obj=runtime)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _failed(result: Result, status: int) -> str:
    """Return the one line that a failure has to be."""
    assert result.exit_code == status
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").strip()


def _file(folder: Path, facts: list[str], user_id: str | None = None) -> str:
    content = {"facts": facts, **({"user": {"id": user_id}} if user_id else {})}
    path = folder / "facts.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_the_version_is_said(runtime: FakeRuntime) -> None:
    assert _run(runtime, "--version").stdout.startswith("repartee, version ")


def test_serve_hands_its_options_on(runtime: FakeRuntime) -> None:
    assert _run(runtime, "serve", "--host", "::1", "--port", "0").stdout == "serving\n"
    assert runtime.served == ("::1", 0, False)


def test_a_wrong_setting_is_one_line(runtime: FakeRuntime) -> None:
    runtime.failure = ConfigurationError("REPARTEE_LLM__MAX_TOKENS: Input should be\ngreater than 0")
    said = _failed(_run(runtime, "serve"), status=2)
    assert said == "REPARTEE_LLM__MAX_TOKENS: Input should be greater than 0"


def test_facts_are_added_once(runtime: FakeRuntime, tmp_path: Path) -> None:
    file = _file(tmp_path, [f"Knows number {n}" for n in range(150)], "maya")
    for _ in range(2):
        result = _run(runtime, "facts", "add", "--user-file", file)
        assert result.stdout == "150 facts of maya are stored (fake store)\n"
        assert "stored 64 of 150" in result.stderr
    assert "150 facts of maya" in _run(runtime, "facts", "list", "--user-id", "maya").stderr


def test_facts_can_be_given_to_somebody_else(runtime: FakeRuntime, tmp_path: Path) -> None:
    file = _file(tmp_path, ["Likes tea"], "maya")
    assert (
        "1 fact of ann is stored" in _run(runtime, "facts", "add", "--file", file, "--user-id", "ann").stdout
    )


def test_facts_of_nobody_are_refused(runtime: FakeRuntime, tmp_path: Path) -> None:
    said = _failed(_run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea"])), status=2)
    assert said.endswith("does not say whose facts these are: add --user-id ID (make: USER_ID=ID)")


@pytest.mark.parametrize("command", [["list"], ["delete", "--yes"]])
def test_a_user_id_is_checked_before_anything_is_opened(runtime: FakeRuntime, command: list[str]) -> None:
    runtime.failure = AssertionError("opened")
    said = _failed(_run(runtime, "facts", *command, "--user-id", "../x"), status=2)
    assert said.startswith("user id must be 1 to 128 ASCII letters")


def test_how_far_it_came_is_said_when_the_store_fails(runtime: FakeRuntime, tmp_path: Path) -> None:
    async def full(*_: object) -> None:
        if len(runtime.embedder.calls) > 128:
            raise UpstreamUnreachable("the disk is full", "store")
        await upsert(*_)

    upsert, runtime.store.upsert = runtime.store.upsert, full
    file = _file(tmp_path, [f"Knows number {n}" for n in range(150)], "maya")
    result = _run(runtime, "facts", "add", "--file", file)
    said = result.stderr.splitlines()[-1]
    assert result.exit_code == 1
    assert said == "error: stored 128 of 150 facts of maya: the disk is full; running it again is safe"
    assert "128 facts of maya" in _run(runtime, "facts", "list", "--user-id", "maya").stderr


def test_a_store_that_somebody_else_owns_is_one_line(runtime: FakeRuntime, tmp_path: Path) -> None:
    runtime.failure = StoreLocked("another process owns var/facts: stop it")
    result = _run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea"], "maya"))
    assert _failed(result, status=2) == "another process owns var/facts: stop it"


def test_a_listing_can_be_read_back(runtime: FakeRuntime, tmp_path: Path) -> None:
    _run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea", "Любит чай"], "maya"))
    listing = _run(runtime, "facts", "list", "--user-id", "maya", "--json").stdout
    assert "Любит чай" in listing
    (tmp_path / "again.json").write_text(listing)
    again = _run(runtime, "facts", "add", "--file", str(tmp_path / "again.json"), "--user-id", "maya")
    assert again.stdout.startswith("2 facts of maya are stored")
    assert "2 facts" in _run(runtime, "facts", "list", "--user-id", "maya").stderr


def test_everything_is_deleted_only_when_it_was_said(runtime: FakeRuntime, tmp_path: Path) -> None:
    _run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea", "Has a cat"], "maya"))
    said = _failed(_run(runtime, "facts", "delete", "--user-id", "maya"), status=2)
    assert said == "add --yes to forget everything about maya"
    assert (
        _run(runtime, "facts", "delete", "--user-id", "maya", "--yes").stdout == "deleted 2 facts of maya\n"
    )


def test_one_fact_is_deleted_by_its_id(runtime: FakeRuntime, tmp_path: Path) -> None:
    _run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea", "Has a cat"], "maya"))
    named = [
        "facts",
        "delete",
        "--user-id",
        "maya",
        "--fact-id",
        fact_id(TenantScope("maya"), fact_key("user", "", "Likes tea")),
    ]
    assert _run(runtime, *named).stdout == "deleted 1 fact of maya\n"
    assert _failed(_run(runtime, *named), status=2) == "this user has no fact with this id"


def test_facts_of_an_earlier_embedder_are_carried_over(runtime: FakeRuntime) -> None:
    scope = TenantScope("maya")
    fact = Fact(
        id=fact_id(scope, fact_key("user", "", "Likes tea")),
        text="Likes tea",
        created_at="2026-01-01T00:00:00Z",
    )
    runtime.archive.collections["old"] = [(scope, fact)]
    assert "carried over 1 fact from old, which is still there" in _run(runtime, "facts", "reindex").stdout
    assert "which was deleted" in _run(runtime, "facts", "reindex", "--drop").stdout
    assert _run(runtime, "facts", "reindex").stdout.startswith("there is nothing to carry over")
    assert "Likes tea" in _run(runtime, "facts", "list", "--user-id", "maya").stdout


def test_an_address_for_the_chat_is_checked(runtime: FakeRuntime) -> None:
    said = _failed(_run(runtime, "interact", "--api", "localhost:8000"), status=2)
    assert said == "--api: must start with http:// or https://"
    said = _failed(_run(runtime, "interact", "--api", _NOBODY), status=1)
    assert said.startswith(f"nothing answers at {_NOBODY}")

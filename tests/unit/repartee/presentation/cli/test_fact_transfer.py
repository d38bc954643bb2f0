"""`repartee facts export` and `import`: the way out and back loses nothing."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.application.carry_facts import OwnedFact
from repartee.application.ports import EmbeddedFact, EmbedderProfile, Vector
from repartee.domain.errors import StoreLocked, UpstreamUnreachable
from repartee.domain.fact import Fact, TenantScope
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore
from repartee.presentation.services import Services
from tests.commands import FakeRuntime, failed, run
from tests.fakes import FAKE_PROFILE, FakeEmbedder, FakeTelemetry
from tests.serving import fake_services

NOW = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)
ANN, BOB = TenantScope("ann"), TenantScope("bob")


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    return FakeRuntime(tmp_path)


# --- the round trip, on the embedded engine -----------------------------------------------------------

_words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40).map(str.strip)
_names = st.text(st.characters(categories=["L", "N"]), max_size=20)
_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_times = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=_zones)  # noqa: DTZ001
_ids = st.uuids().map(str)
_facts = st.builds(
    Fact,
    id=_ids,
    owner=st.sampled_from(["user", "character"]),
    character=_names,
    text=_words.filter(bool),
    pinned=st.booleans(),
    created_at=_times,
    invalid_at=st.none() | _times,
    superseded_by=st.none() | _ids,
    source=_words,
    evidence=_words,
)
_scopes = st.sampled_from([ANN, BOB, TenantScope("Ann")])
_owned = st.lists(st.tuples(_scopes, _facts), max_size=8, unique_by=lambda pair: pair[1].id)


class OtherEmbedder(FakeEmbedder):
    """Another profile, with vectors of another size."""

    profile = replace(FAKE_PROFILE, id="other-2", dimension=2)

    async def embed_facts(self, texts: Sequence[str]) -> list[Vector]:
        return [[1.0, 0.0] for _ in texts]


class EmbeddedRuntime(FakeRuntime):
    """The embedded engine instead of the fake store."""

    def __init__(self, folder: Path, embedder: FakeEmbedder) -> None:
        super().__init__(folder)
        self.embedder = embedder

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        async with _opened(self.settings.data_dir, self.embedder.profile) as store:
            yield fake_services(embedder=self.embedder, store=store, archive=store)


@asynccontextmanager
async def _opened(folder: Path, profile: EmbedderProfile) -> AsyncIterator[QdrantEdgeFactStore]:
    store = QdrantEdgeFactStore(folder / "facts", profile, FakeTelemetry())
    await store.ensure()
    yield store
    await store.close()


async def _put(runtime: FakeRuntime, pairs: list[OwnedFact]) -> None:
    async with _opened(runtime.settings.data_dir, runtime.embedder.profile) as store:
        vectors = await FakeEmbedder().embed_facts([fact.text for _, fact in pairs])
        await store.load(
            [(*pair[:1], EmbeddedFact(pair[1], vector)) for pair, vector in zip(pairs, vectors, strict=True)]
        )


async def _all(runtime: FakeRuntime) -> set[OwnedFact]:
    async with _opened(runtime.settings.data_dir, runtime.embedder.profile) as store:
        return {pair async for pair in store.export(runtime.embedder.profile.id)}


@pytest.mark.parametrize("embedder", [FakeEmbedder(), OtherEmbedder()])
@given(pairs=_owned)
@settings(max_examples=15, deadline=None)
def test_what_was_exported_and_imported_is_what_it_was(
    embedder: FakeEmbedder, pairs: list[OwnedFact]
) -> None:
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        source = EmbeddedRuntime(Path(here), FakeEmbedder())
        target = EmbeddedRuntime(Path(there), embedder)
        asyncio.run(_put(source, pairs))
        file = str(Path(here) / "all.jsonl")
        run(source, "facts", "export", "--out", file)
        run(target, "facts", "import", file)
        again = run(target, "facts", "import", file).stdout
        assert asyncio.run(_all(target)) == asyncio.run(_all(source)) == set(pairs)
        assert (f"{len(pairs)} were there" in again) == bool(pairs)


# --- export -------------------------------------------------------------------------------------------


def _fact(number: int, text: str, **changes: object) -> Fact:
    id_ = f"00000000-0000-4000-8000-{number:012}"
    return Fact.model_validate({"id": id_, "text": text, "created_at": NOW, **changes})


async def _remember(runtime: FakeRuntime, scope: TenantScope, *facts: Fact) -> None:
    vectors = await FakeEmbedder().embed_facts([fact.text for fact in facts])
    await runtime.store.upsert(scope, [EmbeddedFact(*pair) for pair in zip(facts, vectors, strict=True)])


@pytest.fixture
def with_two_users(runtime: FakeRuntime) -> FakeRuntime:
    asyncio.run(_remember(runtime, ANN, _fact(1, "Любит чай"), _fact(2, "Lives in Ulm", invalid_at=NOW)))
    asyncio.run(_remember(runtime, BOB, _fact(3, "Has a dog")))
    return runtime


def test_all_that_is_known_of_a_fact_stands_on_its_line(with_two_users: FakeRuntime) -> None:
    result = run(with_two_users, "facts", "export")
    first, second, third = map(json.loads, result.stdout.splitlines())
    assert list(first) == ["user_id", *Fact.model_fields]
    assert (first["user_id"], first["text"]) == ("ann", "Любит чай")
    assert second["invalid_at"] == "2026-11-20T12:30:15.123456Z"
    assert third["user_id"] == "bob"
    assert "Любит чай" in result.stdout
    assert result.stderr == "exported 3 facts of all users\n"


def test_one_users_export_holds_nobody_elses_facts(with_two_users: FakeRuntime) -> None:
    result = run(with_two_users, "facts", "export", "--user-id", "ann")
    assert [json.loads(line)["user_id"] for line in result.stdout.splitlines()] == ["ann", "ann"]
    assert result.stderr == "exported 2 facts of ann\n"


def test_progress_and_what_is_left_out_are_said(runtime: FakeRuntime, tmp_path: Path) -> None:
    asyncio.run(_remember(runtime, ANN, *(_fact(number, f"Knows {number}") for number in range(2_001))))
    runtime.archive.collections["old-1"] = []
    said = run(runtime, "facts", "export", "--out", str(tmp_path / "all.jsonl")).stderr
    assert said == (
        "exported 1000\nexported 2000\nexported 2001 facts of all users; left out is what only old-1 holds: "
        "`repartee facts reindex` carries it over\n"
    )
    assert (tmp_path / "all.jsonl").read_bytes().count(b"\n") == 2_001


def test_all_users_need_the_store_to_themselves_and_the_error_says_so(
    runtime: FakeRuntime, tmp_path: Path
) -> None:
    runtime.failure = StoreLocked("another process owns var/facts")
    out = tmp_path / "all.jsonl"
    for command in (["export", "--out", str(out)], ["import", str(_file(tmp_path, _line(1)))]):
        said = failed(run(runtime, "facts", *command), status=2)
        assert said == "all users' facts are only reached while no API runs: stop it before"
    assert not out.exists()


def test_an_export_that_fails_leaves_the_file_as_it_was(with_two_users: FakeRuntime, tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    out.write_text("yesterday's")

    async def broken(_: str) -> AsyncIterator[OwnedFact]:
        yield ANN, _fact(1, "Likes tea")
        raise UpstreamUnreachable("the store is gone", "store")

    with_two_users.archive.export = broken  # type: ignore[method-assign, assignment]
    said = failed(run(with_two_users, "facts", "export", "--out", str(out)), status=1)
    assert (said, out.read_text()) == ("the store is gone", "yesterday's")
    assert list(tmp_path.iterdir()) == [out]


# --- import -------------------------------------------------------------------------------------------


def _line(number: int, **changes: object) -> str:
    row = {"user_id": "ann", "id": f"00000000-0000-4000-8000-{number:012}", "text": f"Knows {number}"}
    return json.dumps({**row, "created_at": "2026-01-01T00:00:00Z"} | changes)


def _file(folder: Path, *lines: str) -> Path:
    path = folder / "in.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_what_became_of_each_fact_is_counted(with_two_users: FakeRuntime, tmp_path: Path) -> None:
    lines = [_line(1), _line(3), *(_line(number) for number in range(10, 110)), "", "  "]
    result = run(with_two_users, "facts", "import", str(_file(tmp_path, *lines)))
    assert result.stdout == (
        "imported 100 facts; 1 were there and stay as they are; "
        "1 skipped, for their ids belong to other users\n"
    )
    assert "stored 102 of 102" in result.stderr
    assert [fact.text for _, fact in with_two_users.store.all_facts() if fact.id == _fact(1, "x").id] == [
        "Любит чай"
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": }', "column 10: is not JSON: Expecting value"),
        ("[1]", "Input should be a valid dictionary or instance of FactRecord"),
        (_line(2, id="x"), "id: must be the id of a fact: a UUID in lower case"),
        (_line(2, user_id="a b"), "user_id: must be 1 to 128 ASCII letters"),
        (_line(2, text=None), "text: Input should be a valid string"),
        (_line(2, colour="red"), "colour: Extra inputs are not permitted"),
        (_line(1, user_id="bob"), f"id: {json.loads(_line(1))['id']} is in line 1 already"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_written(
    runtime: FakeRuntime, tmp_path: Path, line: str, said: str
) -> None:
    file = _file(tmp_path, _line(1), "", line, _line(4))
    message = failed(run(runtime, "facts", "import", str(file)), status=2)
    assert message.startswith(f"{file}, line 3")
    assert said in message
    assert (runtime.store.all_facts(), runtime.embedder.calls) == ([], [])


def test_bytes_that_are_no_text_and_files_that_are_none_are_one_line(
    runtime: FakeRuntime, tmp_path: Path
) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + _line(1).encode() + b"\r\n\xff\n")
    said = failed(run(runtime, "facts", "import", str(file)), status=2)
    assert said == f"{file}, line 2: is not UTF-8 text: save the file as UTF-8"
    assert failed(run(runtime, "facts", "import", str(tmp_path)), 2).endswith(
        "must be a file: it is read twice"
    )
    assert failed(run(runtime, "facts", "import", "no.jsonl"), 2) == "no.jsonl: No such file or directory"


def test_how_far_it_came_is_said_and_running_it_again_does_the_rest(
    runtime: FakeRuntime, tmp_path: Path
) -> None:
    file = _file(tmp_path, *map(_line, range(150)))
    load, done = runtime.archive.load, []

    async def once(rows: Sequence[object]) -> None:
        if done:
            raise UpstreamUnreachable("the disk is full", "store")
        done.append(rows)
        await load(rows)  # type: ignore[arg-type]

    runtime.archive.load = once  # type: ignore[method-assign, assignment]
    result = run(runtime, "facts", "import", str(file))
    last = result.stderr.splitlines()[-1]
    assert (result.exit_code, last) == (
        1,
        "error: imported 64 of 150 facts: the disk is full; running it again is safe",
    )
    runtime.archive.load = load  # type: ignore[method-assign]
    assert run(runtime, "facts", "import", str(file)).stdout.startswith("imported 86 facts; 64 were there")

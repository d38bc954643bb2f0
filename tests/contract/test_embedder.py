"""What every embedder does: one suite for the fake, both local encoders, OpenAI's and Cohere's API."""

import math
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from repartee.application.ports import Embedder
from repartee.domain.errors import (
    ConfigurationError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from repartee.integrations import transport
from repartee.integrations.calibrated_embedder import CalibratedEmbedder
from repartee.integrations.cohere_embedder import CohereEmbedder
from repartee.integrations.folder_embedder import FolderEmbedder
from repartee.integrations.onnx_embedder import OnnxEmbedder
from repartee.integrations.openai_embedder import OpenAIEmbedder
from repartee.integrations.transport import Upstream
from tests.fakes import FakeEmbedder, FakeTelemetry
from tests.loopback import faults
from tests.loopback.faults import Fault
from tests.loopback.upstream import LoopbackUpstream
from tests.sentence_encoder import write_sentence_encoder

DIMENSION = 64
ENCODER = Path(sys.prefix) / "share" / "repartee" / "all-minilm-l6-v2"
WORDS = ["maya", "drinks", "green", "tea", "every", "morning", "cat", "called", "tofu"]
TEXTS = ["Maya drinks green tea", "Мая любит кошек", "茶が好き", "🦊", "x" * 2_000, "a\nb\tc"]


def remote(kind: str, url: str, dimension: int = DIMENSION) -> OpenAIEmbedder | CohereEmbedder:
    upstream = Upstream("embedder", FakeTelemetry())
    if kind == "openai":
        return OpenAIEmbedder(f"{url}/v1", None, "some/model", dimension, 0.4, upstream, 1.0)
    return CohereEmbedder(url, "key", upstream, 1.0, 0.4, "embed-multilingual-v3.0", dimension)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: how long is waited has tests of its own."""
    monkeypatch.setattr(transport, "_PAUSE", (0.0, 0.02))


@pytest.fixture
async def upstream() -> AsyncIterator[LoopbackUpstream]:
    async with LoopbackUpstream(DIMENSION) as server:
        yield server


def opened(
    kind: str, url: str, folder: Path
) -> OnnxEmbedder | FolderEmbedder | OpenAIEmbedder | CohereEmbedder:
    if kind == "local":
        return OnnxEmbedder(ENCODER)
    if kind == "folder":
        return FolderEmbedder(write_sentence_encoder(folder / "tiny", WORDS).folder, 0.4)
    return remote(kind, url)


@pytest.fixture(params=["fake", "local", "folder", "openai", "cohere", "calibrated"])
async def embedder(
    request: pytest.FixtureRequest, upstream: LoopbackUpstream, tmp_path: Path
) -> AsyncIterator[Embedder]:
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            yield FakeEmbedder()
        elif request.param == "calibrated":
            yield CalibratedEmbedder(FakeEmbedder(), FakeEmbedder.profile)
        else:
            made = opened(request.param, upstream.url, tmp_path)
            stack.push_async_callback(made.close)
            yield made


@pytest.fixture(params=["openai", "cohere"])
async def remote_embedder(
    request: pytest.FixtureRequest, upstream: LoopbackUpstream
) -> AsyncIterator[OpenAIEmbedder | CohereEmbedder]:
    made = remote(request.param, upstream.url)
    yield made
    await made.close()


def endpoint(embedder: Embedder) -> str:
    return "embeddings" if isinstance(embedder, OpenAIEmbedder) else "cohere_embed"


# --- all embedders ------------------------------------------------------------------------------------


async def test_vectors_are_finite_of_unit_length_and_of_the_profiles_size(embedder: Embedder) -> None:
    vectors = [*await embedder.embed_facts(TEXTS), await embedder.embed_query("tea?")]
    assert len(vectors) == len(TEXTS) + 1
    for vector in vectors:
        assert len(vector) == embedder.profile.dimension
        assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-5)


async def test_vectors_come_in_the_order_of_the_texts_whatever_their_number(embedder: Embedder) -> None:
    texts = [f"fact number {number} about tea and word{number}" for number in range(300)]
    together = await embedder.embed_facts(texts)
    [alone] = await embedder.embed_facts([texts[200]])
    assert len(together) == 300
    assert together[200] == pytest.approx(alone, abs=1e-4)


async def test_no_texts_are_no_vectors(embedder: Embedder) -> None:
    assert await embedder.embed_facts([]) == []
    assert await embedder.embed_queries([]) == []


async def test_messages_together_get_the_vectors_that_each_gets_alone(embedder: Embedder) -> None:
    texts = ["Which tea do you drink?", "the cat", "Which tea do you drink?"]
    together = await embedder.embed_queries(texts)
    alone = [await embedder.embed_query(text) for text in texts]
    assert len(together) == 3
    for vector, same in zip(together, alone, strict=True):
        assert vector == pytest.approx(same, abs=1e-5)
    assert together[0] == together[2] != pytest.approx(together[1], abs=1e-2)


async def test_what_is_alike_is_near(embedder: Embedder) -> None:
    tea, cat = await embedder.embed_facts(["Maya drinks green tea every morning", "The cat is called Tofu"])
    query = await embedder.embed_query("Which green tea do you drink in the morning?")
    near, far = (sum(a * b for a, b in zip(query, vector, strict=True)) for vector in (tea, cat))
    assert near > far


async def test_the_profile_can_name_a_file_and_the_check_passes(embedder: Embedder) -> None:
    assert embedder.profile.id.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert embedder.profile.id.isascii()
    await embedder.check()


# --- remote embedders ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "hits"),
    [
        (faults.longer_vectors, UpstreamInvalid, 1),
        (faults.not_a_number, UpstreamInvalid, 1),
        (faults.first_value(None), UpstreamInvalid, 1),
        (faults.first_value("0.5"), UpstreamInvalid, 1),
        (faults.first_value(True), UpstreamInvalid, 1),
        (faults.first_value(float("inf")), UpstreamInvalid, 1),
        (faults.zero_vectors, UpstreamInvalid, 1),
        (faults.short_list, UpstreamInvalid, 1),
        (faults.body({}), UpstreamInvalid, 1),
        (faults.body({"data": None, "embeddings": None}), UpstreamInvalid, 1),
        (faults.body({"data": [{"index": 0}], "embeddings": {"float": [{}]}}), UpstreamInvalid, 1),
        (faults.body({"data": [7], "embeddings": [[0.5]]}), UpstreamInvalid, 1),
        (faults.body({"error": {"code": 401}}), UpstreamMisconfigured, 1),
        (faults.status(401), UpstreamMisconfigured, 1),
        (faults.status(503), UpstreamUnavailable, 2),
        (faults.hang, UpstreamTimeout, 2),
    ],
)
async def test_each_fault_has_its_error(
    remote_embedder: Embedder, upstream: LoopbackUpstream, fault: Fault, error: type[UpstreamError], hits: int
) -> None:
    upstream.script(endpoint(remote_embedder), fault, fault)
    with pytest.raises(UpstreamError) as caught:
        await remote_embedder.embed_query("tea")
    assert type(caught.value) is error
    assert upstream.hits(endpoint(remote_embedder)) == hits


async def test_messages_are_one_call_and_none_where_they_were_asked_for_before(
    remote_embedder: Embedder, upstream: LoopbackUpstream
) -> None:
    first = await remote_embedder.embed_queries(["tea?", "cat?", "tea?"])
    assert upstream.hits(endpoint(remote_embedder)) == 1
    assert [await remote_embedder.embed_query("tea?"), await remote_embedder.embed_query("cat?")] == first[:2]
    assert upstream.hits(endpoint(remote_embedder)) == 1
    await remote_embedder.embed_queries(["cat?", "dog?"])
    body = upstream.requests[-1].body
    assert (upstream.hits(endpoint(remote_embedder)), body.get("input", body.get("texts"))) == (2, ["dog?"])


async def test_calibrated_thresholds_cost_no_calls_and_change_no_vectors(
    remote_embedder: Embedder, upstream: LoopbackUpstream
) -> None:
    profile = replace(remote_embedder.profile, thresholds={"latin": 0.1})
    calibrated = CalibratedEmbedder(remote_embedder, profile)
    assert calibrated.profile.threshold_for("tea") == 0.1
    vectors = await calibrated.embed_queries(["tea?", "cat?"])
    assert upstream.hits(endpoint(remote_embedder)) == 1
    assert vectors == await remote_embedder.embed_queries(["tea?", "cat?"])
    upstream.script(endpoint(remote_embedder), faults.status(401))
    with pytest.raises(UpstreamMisconfigured):
        await calibrated.check()


async def test_a_message_that_failed_is_asked_for_again(
    remote_embedder: Embedder, upstream: LoopbackUpstream
) -> None:
    upstream.script(endpoint(remote_embedder), faults.status(401))
    with pytest.raises(UpstreamMisconfigured):
        await remote_embedder.embed_query("tea?")
    assert len(await remote_embedder.embed_query("tea?")) == DIMENSION


async def test_facts_are_always_embedded_anew(remote_embedder: Embedder, upstream: LoopbackUpstream) -> None:
    await remote_embedder.embed_query("tea")
    await remote_embedder.embed_facts(["tea"])
    await remote_embedder.embed_facts(["tea"])
    assert upstream.hits(endpoint(remote_embedder)) == 3


async def test_vectors_are_brought_to_unit_length(
    remote_embedder: Embedder, upstream: LoopbackUpstream
) -> None:
    upstream.script(endpoint(remote_embedder), faults.first_value(1e200))
    assert math.isclose(math.hypot(*await remote_embedder.embed_query("tea")), 1.0)


@pytest.mark.parametrize("kind", ["openai", "cohere"])
async def test_the_check_names_both_sizes_and_the_setting(upstream: LoopbackUpstream, kind: str) -> None:
    embedder = remote(kind, upstream.url, dimension=1024)
    with pytest.raises(ConfigurationError, match=r"64.*1024.*REPARTEE_EMBEDDER__DIMENSION=64"):
        await embedder.check()
    with pytest.raises(UpstreamInvalid):
        await embedder.embed_query("tea")
    await embedder.close()


async def test_the_check_says_that_the_server_is_down(
    remote_embedder: Embedder, upstream: LoopbackUpstream
) -> None:
    upstream.script(endpoint(remote_embedder), faults.status(401))
    with pytest.raises(UpstreamMisconfigured):
        await remote_embedder.check()


@pytest.mark.parametrize(
    ("kind", "field", "sizes"), [("openai", "input", [128, 128, 44]), ("cohere", "texts", [96] * 3 + [12])]
)
async def test_batches_are_no_larger_than_the_vendor_takes(
    upstream: LoopbackUpstream, kind: str, field: str, sizes: list[int]
) -> None:
    embedder = remote(kind, upstream.url)
    await embedder.embed_facts([f"fact {number}" for number in range(300)])
    await embedder.close()
    assert [len(request.body[field]) for request in upstream.requests] == sizes


async def test_cohere_is_told_what_is_a_query_and_what_a_document(upstream: LoopbackUpstream) -> None:
    embedder = remote("cohere", upstream.url)
    await embedder.embed_query("tea?")
    await embedder.embed_facts(["tea"])
    await embedder.close()
    assert [request.body["input_type"] for request in upstream.requests] == [
        "search_query",
        "search_document",
    ]
    assert upstream.requests[0].body["truncate"] == "END"
    assert upstream.requests[0].headers["authorization"] == "Bearer key"


@pytest.mark.parametrize("send", [False, True])
async def test_a_size_is_asked_for_only_on_request(upstream: LoopbackUpstream, send: bool) -> None:
    values = {"upstream": Upstream("embedder", FakeTelemetry()), "attempt_timeout": 1.0, "threshold": 0.4}
    values |= {"dimension": DIMENSION, "send_dimension": send, "model": "m", "api_key": "key"}
    made: list[Callable[[], OpenAIEmbedder | CohereEmbedder]] = [
        lambda: OpenAIEmbedder(base_url=upstream.url, **values),  # type: ignore[arg-type]  # mixed values
        lambda: CohereEmbedder(base_url=upstream.url, **values),  # type: ignore[arg-type]  # mixed values
    ]
    for make in made:
        embedder = make()
        await embedder.embed_query("tea")
        await embedder.close()
    assert [request.body.get("dimensions") for request in upstream.requests] == [
        DIMENSION if send else None,
        None,
    ]
    asked = upstream.requests[1].body.get("output_dimension")
    assert asked == (DIMENSION if send else None)


def test_profiles_of_different_models_have_different_ids() -> None:
    models = ["a/b", "a_b", "A_B", "a:b", "ab", "a/b ", "é", "ê", "x" * 90, "x" * 91]
    ids = {
        OpenAIEmbedder("http://h", None, model, size, 0.4, Upstream("e", FakeTelemetry()), 1.0).profile.id
        for model in models
        for size in (64, 128)
    }
    assert len({id_.lower() for id_ in ids}) == 2 * len(models)
    assert max(map(len, ids)) <= 120

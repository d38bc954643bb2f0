from pathlib import Path

import pytest
from dishka import Provider, Scope, provide

from repartee.application.erase_user import EraseUser
from repartee.application.ports import ChatModel, Embedder, EventLog, FactArchive, FactStore, Reranker
from repartee.application.retrieve_facts import RetrieveFacts
from repartee.domain.errors import ConfigurationError
from repartee.domain.fact import TenantScope
from repartee.infrastructure.container import make_container
from repartee.infrastructure.settings import Settings
from repartee.main import open_application
from tests.cross_encoder import write_cross_encoder
from tests.fakes import FakeChatModel
from tests.sentence_encoder import write_sentence_encoder


def _settings(data_dir: Path, **sections: dict) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir, **sections)


async def test_without_settings_everything_runs_inside_this_process(tmp_path: Path) -> None:
    container = make_container(_settings(tmp_path))
    assert (await container.get(ChatModel)).name == "offline"
    assert (await container.get(Embedder)).profile.id.startswith("minilm")
    assert "embedded" in (await container.get(FactStore)).name
    assert await container.get(Reranker | None) is None
    await container.close()


async def test_a_store_and_its_archive_are_one_object(tmp_path: Path) -> None:
    container = make_container(_settings(tmp_path))
    assert await container.get(FactStore) is await container.get(FactArchive)
    await container.close()


async def test_a_key_alone_means_openrouter_and_a_base_url_alone_the_servers_first_model(
    tmp_path: Path,
) -> None:
    keyed = make_container(_settings(tmp_path, llm={"api_key": "sk-1"}))
    assert (await keyed.get(ChatModel)).name == "openrouter/auto"
    await keyed.close()
    local = make_container(_settings(tmp_path, llm={"base_url": "http://localhost:11434/v1"}))
    assert (await local.get(ChatModel)).name == "(first model of the server)"
    await local.close()


async def test_a_cohere_key_brings_its_embedder_and_its_reranker(tmp_path: Path) -> None:
    container = make_container(_settings(tmp_path, cohere={"api_key": "co-1"}))
    profile = (await container.get(Embedder)).profile
    assert (profile.model, profile.dimension) == ("embed-multilingual-v3.0", 1024)
    reranker = await container.get(Reranker | None)
    assert reranker is not None
    assert reranker.name == "rerank-v3.5"
    await container.close()


async def test_a_cohere_key_does_not_overrule_a_chosen_embedder(tmp_path: Path) -> None:
    container = make_container(
        _settings(tmp_path, cohere={"api_key": "co-1"}, rerank={"kind": "none"}, embedder={"kind": "local"})
    )
    assert (await container.get(Embedder)).profile.id.startswith("minilm")
    assert await container.get(Reranker | None) is None
    await container.close()


async def test_any_encoder_from_a_folder_can_embed(tmp_path: Path) -> None:
    folder = write_sentence_encoder(tmp_path / "tiny", ["tea"], pooling=None, model="onnx/small.onnx").folder
    chosen = {"kind": "folder", "folder": folder, "model_file": "onnx/small.onnx", "pooling": "cls"}
    ids = set()
    for more in ({}, {"pooling": "mean"}, {"query_prefix": "query: "}, {"document_prefix": "passage: "}):
        container = make_container(_settings(tmp_path, embedder={**chosen, **more}))
        ids.add((await container.get(Embedder)).profile.id)
        await container.close()
    assert len(ids) == 4
    assert all(one.startswith("tiny-") for one in ids)


async def test_any_server_and_any_folder_can_rerank(tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "tiny", ["tea"])
    for rerank, name in (
        ({"kind": "http", "url": "http://127.0.0.1:9/rerank", "texts_field": "texts"}, "127.0.0.1"),
        (
            {"kind": "http", "url": "http://127.0.0.1:9/v1/rerank", "model": "jina-reranker-v2"},
            "jina-reranker-v2",
        ),
        ({"kind": "local", "folder": folder}, "tiny"),
    ):
        container = make_container(_settings(tmp_path, rerank=rerank))
        reranker = await container.get(Reranker | None)
        assert reranker is not None
        assert reranker.name == name
        await container.close()


async def test_retrieval_reranks_as_configured(tmp_path: Path) -> None:
    container = make_container(_settings(tmp_path, rerank={"candidates": 7, "threshold": 0.3}))
    policy = (await container.get(RetrieveFacts))._policy
    assert (policy.rerank_candidates, policy.rules.rerank_threshold) == (7, 0.3)
    await container.close()


@pytest.mark.parametrize(
    ("rerank", "word"),
    [
        ({"kind": "cohere"}, "REPARTEE_COHERE__API_KEY"),
        ({"kind": "http"}, "REPARTEE_RERANK__URL"),
        ({"kind": "local"}, "REPARTEE_RERANK__FOLDER"),
        ({"kind": "local", "folder": "/nonexistent"}, "REPARTEE_RERANK__FOLDER"),
    ],
)
async def test_a_reranker_that_lacks_something_names_the_setting(
    tmp_path: Path, rerank: dict, word: str
) -> None:
    container = make_container(_settings(tmp_path, rerank=rerank))
    with pytest.raises(ConfigurationError, match=word):
        await container.get(Reranker | None)
    await container.close()


async def test_a_qdrant_url_means_a_server(tmp_path: Path) -> None:
    container = make_container(_settings(tmp_path, qdrant={"url": "http://127.0.0.1:9"}))
    assert (await container.get(FactStore)).name == "Qdrant at http://127.0.0.1:9"
    await container.close()


@pytest.mark.parametrize(
    ("embedder", "word"),
    [
        ({"kind": "openai"}, "REPARTEE_EMBEDDER__MODEL"),
        ({"kind": "openai", "model": "some-model"}, "REPARTEE_EMBEDDER__DIMENSION"),
        ({"kind": "cohere"}, "REPARTEE_COHERE__API_KEY"),
        ({"folder": "/nonexistent"}, "make encoder"),
        ({"kind": "folder", "folder": "/nonexistent"}, "REPARTEE_EMBEDDER__FOLDER"),
    ],
)
async def test_an_embedder_that_lacks_something_names_the_setting(
    tmp_path: Path, embedder: dict, word: str
) -> None:
    container = make_container(_settings(tmp_path, embedder=embedder))
    with pytest.raises(ConfigurationError, match=word):
        await container.get(Embedder)
    await container.close()


async def test_the_application_opens_with_any_port_replaced(tmp_path: Path) -> None:
    class Replaced(Provider):
        scope = Scope.APP

        @provide(override=True)
        def chat_model(self) -> ChatModel:
            return FakeChatModel()

    async with open_application(_settings(tmp_path), Replaced()) as application:
        assert application.services.running.model == "fake"
        assert (await application.services.check_health()).status == "ready"


async def test_closing_the_application_frees_the_store_for_the_next_one(tmp_path: Path) -> None:
    for _ in range(2):
        async with open_application(_settings(tmp_path)) as application:
            assert application.services.characters.names()


async def test_what_was_recorded_before_the_log_was_switched_off_is_erased_too(tmp_path: Path) -> None:
    file = tmp_path / "events" / "events-1-1-0000.jsonl"
    file.parent.mkdir()
    file.write_text('{"type":"reply","reply":{"id":"r1"},"user":{"id":"ann"}}\n')
    container = make_container(_settings(tmp_path))
    assert await container.get(EventLog | None) is None
    await (await container.get(FactStore)).ensure()
    erased = await (await container.get(EraseUser))(TenantScope("ann"))
    await container.close()
    assert (erased.events, file.read_bytes()) == (1, b"")


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ({"key_rate": "5/minute"}, "KEY_RATE limits keys"),
        ({"key_rate": "often", "keys": "k"}, "KEY_RATE must look like"),
    ],
)
async def test_a_rate_that_cannot_be_kept_stops_the_start(tmp_path: Path, api: dict, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        async with open_application(_settings(tmp_path, api=api)):
            pass

"""A real HTTP server in the test's own event loop, and an application made of fakes to serve."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from repartee.application.add_facts import AddFacts
from repartee.application.ask_for_facts import AskForFacts
from repartee.application.augment_chat import AugmentChat
from repartee.application.check_health import CheckHealth
from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.delete_facts import DeleteFacts
from repartee.application.dialogue_room import DialogueRoom
from repartee.application.digest_dialogue import DigestDialogue
from repartee.application.edit_fact import EditFact
from repartee.application.erase_user import EraseUser
from repartee.application.export_facts import ExportFacts
from repartee.application.export_user import ExportUser
from repartee.application.extract_facts import ExtractFacts
from repartee.application.fact_stats import FactStats
from repartee.application.generate_reply import GenerateReply, ReplyPolicy
from repartee.application.import_facts import ImportFacts
from repartee.application.keep_safe import KeepSafe, SafetyPolicy
from repartee.application.known_facts import KnownFacts
from repartee.application.list_facts import ListFacts
from repartee.application.model_menu import ModelMenu
from repartee.application.ports import ChatModel, Embedder, EventLog, FactArchive, Sampling, Telemetry
from repartee.application.record_feedback import RecordFeedback
from repartee.application.reindex_facts import ReindexFacts
from repartee.application.retrieve_facts import RetrievalPolicy, RetrieveFacts
from repartee.application.search_facts import SearchFacts
from repartee.application.tenant_locks import TenantLocks
from repartee.infrastructure.settings import shipped_folder
from repartee.infrastructure.telemetry import PrometheusTelemetry
from repartee.integrations.folder_character_library import FolderCharacterLibrary
from repartee.integrations.lexicon_self_harm_detector import LexiconSelfHarmDetector
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from repartee.presentation.api.admission import Places
from repartee.presentation.api.app import Api, build_api
from repartee.presentation.api.door import Door
from repartee.presentation.api.limits import Limits
from repartee.presentation.api.requests import Rates
from repartee.presentation.services import Running, Services
from tests.fakes import (
    FakeChatModel,
    FakeEmbedder,
    FakeEventLog,
    FakeFactArchive,
    FakeFactStore,
    FakeTelemetry,
)


class WordCounter:
    """One token per word."""

    def count(self, text: str) -> int:
        return len(text.split())


def fake_services(
    *,
    model: ChatModel | None = None,
    embedder: Embedder | None = None,
    store: FakeFactStore | None = None,
    archive: FactArchive | None = None,
    event_log: EventLog | None = None,
    telemetry: Telemetry | None = None,
    deadline_seconds: float = 5.0,
    allowed_models: tuple[str, ...] = (),
    tail_role: Literal["system", "user"] = "system",
    safety: SafetyPolicy | None = None,
) -> Services:
    """Return the real use cases over fakes."""
    model = model or FakeChatModel()
    embedder = embedder or FakeEmbedder()
    store = store or FakeFactStore()
    archive = archive or FakeFactArchive({}, store)
    events = event_log or FakeEventLog()
    telemetry = telemetry or FakeTelemetry()
    locks = TenantLocks()
    characters = FolderCharacterLibrary(shipped_folder("characters"))
    retrieve = RetrieveFacts(embedder, store, None, telemetry, RetrievalPolicy(0.5))
    renderer = MakoPromptRenderer(shipped_folder("prompts"))
    room = DialogueRoom(WordCounter(), 8_000)
    compose = ComposePrompt(renderer, WordCounter(), PromptBudget(8_000, 200, tail_role))
    safe = KeepSafe(LexiconSelfHarmDetector(), safety or SafetyPolicy(), telemetry)
    export_user = ExportUser(store, archive, events)
    delete_facts = DeleteFacts(store, archive, locks)
    policy = ReplyPolicy(deadline_seconds, Sampling(max_tokens=200), allowed_models)
    return Services(
        generate_reply=GenerateReply(
            characters,
            retrieve,
            compose,
            model,
            event_log,
            telemetry,
            policy,
            keep_safe=safe,
        ),
        augment_chat=AugmentChat(retrieve, compose, model, event_log, telemetry, policy, keep_safe=safe),
        model_menu=ModelMenu(characters, model.name, allowed_models),
        add_facts=AddFacts(embedder, store, locks),
        list_facts=ListFacts(store),
        search_facts=SearchFacts(retrieve),
        edit_fact=EditFact(embedder, store, locks),
        delete_facts=delete_facts,
        extract_facts=ExtractFacts(
            characters,
            KnownFacts(embedder, store),
            AskForFacts(renderer, model, room),
            store,
            AddFacts(embedder, store, locks),
            telemetry,
            deadline_seconds,
        ),
        digest_dialogue=DigestDialogue(characters, renderer, model, telemetry, room, deadline_seconds),
        reindex_facts=ReindexFacts(embedder, store, archive),
        fact_stats=FactStats(embedder, archive),
        export_facts=ExportFacts(embedder, archive),
        import_facts=ImportFacts(embedder, store, archive),
        export_user=export_user,
        erase_user=EraseUser(delete_facts, export_user, events),
        record_feedback=RecordFeedback(event_log),
        check_health=CheckHealth(
            {"model": model.check, "embedder": embedder.check, "store": store.check}, timeout_seconds=0.5
        ),
        characters=characters,
        running=Running(model=model.name, embedder="fake", store=store.name, reranker=None, event_log=None),
    )


def fake_api(
    *,
    model: ChatModel | None = None,
    embedder: Embedder | None = None,
    store: FakeFactStore | None = None,
    archive: FactArchive | None = None,
    event_log: EventLog | None = None,
    keys: tuple[str, ...] = (),
    user_keys: Mapping[str, str] | None = None,
    origins: tuple[str, ...] = (),
    max_body_bytes: int = 65_536,
    deadline_seconds: float = 5.0,
    allowed_models: tuple[str, ...] = (),
    tail_role: Literal["system", "user"] = "system",
    page: bool = True,
    places: Places | None = None,
    rates: Rates | None = None,
    safety: SafetyPolicy | None = None,
) -> Api:
    """Return the real HTTP application over fakes."""
    telemetry = PrometheusTelemetry()
    services = fake_services(
        telemetry=telemetry,
        model=model,
        embedder=embedder,
        store=store,
        archive=archive,
        event_log=event_log,
        deadline_seconds=deadline_seconds,
        allowed_models=allowed_models,
        tail_role=tail_role,
        safety=safety,
    )
    door = Door(keys, user_keys=user_keys, origins=origins)
    limits = Limits(max_body_bytes, deadline_seconds, places or Places())
    return build_api(services, telemetry, door, limits, page=page, rates=rates)


@asynccontextmanager
async def served(
    app: ASGIApp, http: type[asyncio.Protocol] | Literal["httptools"] = "httptools"
) -> AsyncIterator[str]:
    """Serve on a free loopback port; the value is the base URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, http=http)
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
        listener.close()


class _no_signals:  # noqa: N801  # used as a function
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

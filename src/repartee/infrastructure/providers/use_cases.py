"""The use cases, put together from ports and values."""

from dishka import Provider, Scope, provide

from repartee.application.add_facts import AddFacts
from repartee.application.arms import Arms
from repartee.application.augment_chat import AugmentChat
from repartee.application.check_health import CheckHealth
from repartee.application.compose_prompt import ComposePrompt
from repartee.application.delete_facts import DeleteFacts
from repartee.application.edit_fact import EditFact
from repartee.application.erase_user import EraseUser
from repartee.application.export_facts import ExportFacts
from repartee.application.export_user import ExportUser
from repartee.application.fact_stats import FactStats
from repartee.application.generate_reply import GenerateReply
from repartee.application.import_facts import ImportFacts
from repartee.application.keep_safe import KeepSafe
from repartee.application.list_facts import ListFacts
from repartee.application.model_menu import ModelMenu
from repartee.application.ports import (
    CharacterLibrary,
    ChatModel,
    Embedder,
    EventLog,
    FactArchive,
    FactStore,
    Reranker,
    Sampling,
    Telemetry,
)
from repartee.application.record_feedback import RecordFeedback
from repartee.application.reindex_facts import ReindexFacts
from repartee.application.reply_options import ReplyPolicy
from repartee.application.retrieve_facts import RetrievalPolicy, RetrieveFacts
from repartee.application.search_facts import SearchFacts
from repartee.application.shadow_replies import ShadowReplies
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.ranking import RankingRules
from repartee.infrastructure.providers.event_log import KeptEvents
from repartee.infrastructure.providers.upstreams import Upstreams
from repartee.infrastructure.settings import DEFAULT_MODEL_ID, Settings


class UseCaseProvider(Provider):
    """One object per behaviour, for the life of the process."""

    scope = Scope.APP

    list_facts = provide(ListFacts)
    search_facts = provide(SearchFacts)
    delete_facts = provide(DeleteFacts)
    reindex_facts = provide(ReindexFacts)
    fact_stats = provide(FactStats)
    export_facts = provide(ExportFacts)
    import_facts = provide(ImportFacts)

    tenant_locks = provide(TenantLocks)

    @provide
    def add_facts(self, embedder: Embedder, store: FactStore, locks: TenantLocks) -> AddFacts:
        """Remember."""
        return AddFacts(embedder, store, locks)

    @provide
    def edit_fact(self, embedder: Embedder, store: FactStore, locks: TenantLocks) -> EditFact:
        """Correct."""
        return EditFact(embedder, store, locks)

    @provide
    def record_feedback(self, event_log: EventLog | None) -> RecordFeedback:
        """Record a verdict on a reply."""
        return RecordFeedback(event_log)

    @provide
    def export_user(self, store: FactStore, archive: FactArchive, kept: KeptEvents) -> ExportUser:
        """Read out everything about a user."""
        return ExportUser(store, archive, kept.log)

    @provide
    def erase_user(self, delete_facts: DeleteFacts, export_user: ExportUser, kept: KeptEvents) -> EraseUser:
        """Erase everything about a user."""
        return EraseUser(delete_facts, export_user, kept.log)

    @provide
    def retrieve_facts(
        self,
        embedder: Embedder,
        store: FactStore,
        reranker: Reranker | None,
        telemetry: Telemetry,
        settings: Settings,
    ) -> RetrieveFacts:
        """Find what fits a message."""
        chosen = settings.retrieval
        policy = RetrievalPolicy(
            deadline_seconds=chosen.deadline_seconds,
            rules=RankingRules(
                recency_weight=chosen.recency_weight,
                recency_half_life_days=chosen.recency_half_life_days,
                use_all_up_to=chosen.use_all_up_to,
                drop_near_duplicates=chosen.drop_near_duplicates,
                rerank_threshold=settings.rerank.threshold,
            ),
            candidates=chosen.candidates,
            rerank_candidates=settings.rerank.candidates,
            pinned_limit=chosen.pinned_limit,
            context_turns=chosen.context_turns,
            context_decay=chosen.context_decay,
        )
        return RetrieveFacts(embedder, store, reranker, telemetry, policy)

    @provide
    def generate_reply(
        self,
        characters: CharacterLibrary,
        retrieve_facts: RetrieveFacts,
        compose_prompt: ComposePrompt,
        model: ChatModel,
        event_log: EventLog | None,
        telemetry: Telemetry,
        policy: ReplyPolicy,
        arms: Arms,
        shadow: ShadowReplies | None,
        keep_safe: KeepSafe,
    ) -> GenerateReply:
        """Answer in character."""
        return GenerateReply(
            characters,
            retrieve_facts,
            compose_prompt,
            model,
            event_log,
            telemetry,
            policy,
            arms,
            shadow,
            keep_safe,
        )

    @provide
    def augment_chat(
        self,
        retrieve_facts: RetrieveFacts,
        compose_prompt: ComposePrompt,
        model: ChatModel,
        event_log: EventLog | None,
        telemetry: Telemetry,
        policy: ReplyPolicy,
        arms: Arms,
        shadow: ShadowReplies | None,
        keep_safe: KeepSafe,
    ) -> AugmentChat:
        """Answer a client's own prompt."""
        return AugmentChat(
            retrieve_facts, compose_prompt, model, event_log, telemetry, policy, arms, shadow, keep_safe
        )

    @provide
    def policy(self, settings: Settings) -> ReplyPolicy:
        """What the operator allows and prefers."""
        llm = settings.llm
        return ReplyPolicy(
            deadline_seconds=settings.reply.deadline_seconds,
            defaults=Sampling(temperature=llm.temperature, top_p=llm.top_p, max_tokens=llm.max_tokens),
            allowed_models=llm.nameable_models,
        )

    @provide
    def model_menu(
        self, characters: CharacterLibrary, model: ChatModel, arms: Arms, settings: Settings
    ) -> ModelMenu:
        """What there is to talk to."""
        llm = settings.llm
        own_model = DEFAULT_MODEL_ID if llm.takes_first_model else model.name
        return ModelMenu(characters, own_model, llm.nameable_models, arms.nameable)

    @provide
    def check_health(
        self, model: ChatModel, embedder: Embedder, store: FactStore, upstreams: Upstreams
    ) -> CheckHealth:
        """Ask the dependencies."""
        checks = {"model": model.check, "embedder": embedder.check, "store": store.check}
        return CheckHealth(checks, refusals=upstreams.refusals)

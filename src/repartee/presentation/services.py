"""What both doors open onto: the use cases, and words about what runs behind them."""

from dataclasses import dataclass

from repartee.application.add_facts import AddFacts
from repartee.application.augment_chat import AugmentChat
from repartee.application.check_health import CheckHealth
from repartee.application.delete_facts import DeleteFacts
from repartee.application.digest_dialogue import DigestDialogue
from repartee.application.edit_fact import EditFact
from repartee.application.erase_user import EraseUser
from repartee.application.export_facts import ExportFacts
from repartee.application.export_user import ExportUser
from repartee.application.extract_facts import ExtractFacts
from repartee.application.fact_stats import FactStats
from repartee.application.generate_reply import GenerateReply
from repartee.application.import_facts import ImportFacts
from repartee.application.list_facts import ListFacts
from repartee.application.model_menu import ModelMenu
from repartee.application.ports import CharacterLibrary
from repartee.application.record_feedback import RecordFeedback
from repartee.application.reindex_facts import ReindexFacts
from repartee.application.search_facts import SearchFacts


@dataclass(frozen=True, slots=True)
class Running:
    """What is in use, for people to read; never a secret."""

    model: str
    embedder: str
    store: str
    reranker: str | None
    event_log: str | None


@dataclass(frozen=True, slots=True)
class Services:
    """One object per behaviour."""

    generate_reply: GenerateReply
    augment_chat: AugmentChat
    model_menu: ModelMenu
    add_facts: AddFacts
    list_facts: ListFacts
    search_facts: SearchFacts
    edit_fact: EditFact
    delete_facts: DeleteFacts
    extract_facts: ExtractFacts
    digest_dialogue: DigestDialogue
    reindex_facts: ReindexFacts
    fact_stats: FactStats
    export_facts: ExportFacts
    import_facts: ImportFacts
    export_user: ExportUser
    erase_user: EraseUser
    record_feedback: RecordFeedback
    check_health: CheckHealth
    characters: CharacterLibrary
    running: Running

"""What is asked about a whole chat: its facts, and its summary."""

from dishka import Provider, Scope, provide

from repartee.application.add_facts import AddFacts
from repartee.application.ask_for_facts import AskForFacts
from repartee.application.dialogue_room import DialogueRoom
from repartee.application.digest_dialogue import DigestDialogue
from repartee.application.extract_facts import ExtractFacts
from repartee.application.known_facts import KnownFacts
from repartee.application.ports import (
    CharacterLibrary,
    ChatModel,
    FactStore,
    PromptRenderer,
    Telemetry,
    TokenCounter,
)
from repartee.infrastructure.settings import Settings


class MemoryProvider(Provider):
    """Extraction and digest, under the deadline of a reply."""

    scope = Scope.APP

    known_facts = provide(KnownFacts)
    ask_for_facts = provide(AskForFacts)

    @provide
    def room(self, counter: TokenCounter, settings: Settings) -> DialogueRoom:
        """The model's context."""
        return DialogueRoom(counter, settings.prompt.context_tokens)

    @provide
    def extract_facts(
        self,
        characters: CharacterLibrary,
        known_facts: KnownFacts,
        ask_for_facts: AskForFacts,
        store: FactStore,
        add_facts: AddFacts,
        telemetry: Telemetry,
        settings: Settings,
    ) -> ExtractFacts:
        """Find facts in a chat."""
        deadline = settings.reply.deadline_seconds
        return ExtractFacts(characters, known_facts, ask_for_facts, store, add_facts, telemetry, deadline)

    @provide
    def digest_dialogue(
        self,
        characters: CharacterLibrary,
        renderer: PromptRenderer,
        model: ChatModel,
        telemetry: Telemetry,
        room: DialogueRoom,
        settings: Settings,
    ) -> DigestDialogue:
        """Sum up."""
        deadline = settings.reply.deadline_seconds
        return DigestDialogue(characters, renderer, model, telemetry, room, deadline)

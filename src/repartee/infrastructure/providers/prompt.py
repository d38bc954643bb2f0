"""Templates, token counts and characters."""

from dishka import Provider, Scope, provide

from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.ports import CharacterLibrary, PromptRenderer, TokenCounter
from repartee.infrastructure.settings import Settings
from repartee.integrations.folder_character_library import FolderCharacterLibrary
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from repartee.integrations.script_token_counter import ScriptTokenCounter


class PromptProvider(Provider):
    """What a prompt is made from."""

    scope = Scope.APP

    @provide
    def renderer(self, settings: Settings) -> PromptRenderer:
        """Compile the templates."""
        return MakoPromptRenderer(settings.prompt.folder)

    @provide
    def counter(self) -> TokenCounter:
        """Estimate tokens by script."""
        return ScriptTokenCounter()

    @provide
    def characters(self, settings: Settings) -> CharacterLibrary:
        """Read the shipped characters."""
        return FolderCharacterLibrary(settings.characters_folder)

    @provide
    def compose_prompt(
        self, renderer: PromptRenderer, counter: TokenCounter, settings: Settings
    ) -> ComposePrompt:
        """Put the prompt together within its budget."""
        budget = PromptBudget(
            context_tokens=settings.prompt.context_tokens,
            reply_tokens=settings.llm.max_tokens,
            tail_role=settings.prompt.tail_role,
        )
        return ComposePrompt(renderer, counter, budget)

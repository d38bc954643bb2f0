"""Templates, token counts and characters."""

from dishka import Provider, Scope, provide

from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.model_profile import ModelProfiles
from repartee.application.ports import CharacterLibrary, PromptRenderer, TokenCounter
from repartee.domain.lorebook import LoreSettings
from repartee.infrastructure.model_profiles import load_model_profiles
from repartee.infrastructure.settings import Settings
from repartee.integrations.folder_character_library import FolderCharacterLibrary
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from repartee.integrations.script_token_counter import ScriptTokenCounter
from repartee.integrations.tokenizer_token_counter import TokenizerTokenCounter


class PromptProvider(Provider):
    """What a prompt is made from."""

    scope = Scope.APP

    @provide
    def renderer(self, settings: Settings) -> PromptRenderer:
        """Compile the templates."""
        return MakoPromptRenderer(settings.prompt.folder)

    @provide
    def counter(self, settings: Settings) -> TokenCounter:
        """Count with the model's vocabulary where there is one, else estimate by script."""
        vocabulary = settings.prompt.tokenizer
        return TokenizerTokenCounter(vocabulary) if vocabulary else ScriptTokenCounter()

    @provide
    def model_profiles(self, settings: Settings) -> ModelProfiles:
        """Read what each model may be sent."""
        return load_model_profiles(settings.prompt.model_profiles)

    @provide
    def characters(self, settings: Settings) -> CharacterLibrary:
        """Read the shipped characters."""
        return FolderCharacterLibrary(settings.characters_folder)

    @provide
    def compose_prompt(
        self,
        renderer: PromptRenderer,
        counter: TokenCounter,
        profiles: ModelProfiles,
        settings: Settings,
    ) -> ComposePrompt:
        """Put the prompt together within its budget."""
        return ComposePrompt(renderer, counter, budget_of(settings), profiles)


def budget_of(settings: Settings) -> PromptBudget:
    """Return the room that every arm's prompt has."""
    return PromptBudget(
        context_tokens=settings.prompt.context_tokens,
        reply_tokens=settings.llm.max_tokens,
        tail_role=settings.prompt.tail_role,
        lore=LoreSettings(budget_percent=settings.prompt.lore_percent),
    )

"""What the templates of a prompt are fed with."""

from typing import Final

from repartee.application.fences import lasting_fence, passing_fence
from repartee.application.ports import PromptRenderer, RulesView, SystemView, TailView, Turn
from repartee.application.prompt_company import other_names
from repartee.application.prompt_lore import PromptLore
from repartee.application.turn_macros import TurnMacros
from repartee.domain.dialogue import Message
from repartee.domain.scenario import Scenario

Examples = tuple[tuple[Message, ...], ...]

_SHOWN_OF_AN_ALTERNATIVE: Final = 500
_NO_SCENARIO: Final = Scenario()
_FENCE_OF_NOTHING: Final = lasting_fence("")


def system_view(
    turn: Turn, macros: TurnMacros, lore: PromptLore, rules: str, company: tuple[str, ...] = ()
) -> SystemView:
    """Return the values of the stable part, with all example dialogues. A fired entry may end the rules."""
    character, user = turn.character, turn.user
    scenario = turn.scenario or _NO_SCENARIO
    summary = turn.summary.strip()
    put = macros.lasting
    if lore.result and "system_prompt" in lore.result.disabled_prompts:
        rules = ""
    return SystemView(
        rules=rules,
        character=character.display_name,
        character_age="" if character.age is None else str(character.age),
        description=put(character.description),
        personality=put(character.personality),
        user=user.name,
        user_age="" if user.age is None else str(user.age),
        user_description=put(user.description),
        scenario="" if scenario.setting else put(character.scenario),
        setting=put(scenario.setting),
        relationship=put(scenario.relationship),
        goal=put(scenario.goal),
        examples=_examples(turn, macros),
        summary=summary,
        summary_fence=lasting_fence(summary) if summary else _FENCE_OF_NOTHING,
        lore_before=lore.before,
        lore_after=lore.after,
        company=company,
    )


def _examples(turn: Turn, macros: TurnMacros) -> Examples:
    if not turn.character.mes_example:
        return ()
    return tuple(
        tuple([_with_values(message, macros) for message in some])
        for some in turn.character.example_dialogues()
    )


def _with_values(message: Message, macros: TurnMacros) -> Message:
    text = macros.lasting(message.text) or message.text
    return message if text == message.text else message.model_copy(update={"text": text})


def rules_of(turn: Turn, macros: TurnMacros, renderer: PromptRenderer) -> str:
    """Return the standing instructions: ours, or the card's, which may quote ours once."""
    style = turn.character.style
    ours = renderer.rules(
        RulesView(
            character=turn.character.display_name,
            user=turn.user.name,
            actions=style.actions,
            min_words=style.min_words,
            max_words=style.max_words,
            style_notes=style.notes.strip(),
            language=turn.character.language or "",
            others=other_names(turn),
        )
    )
    return macros.lasting_over(turn.character.system_prompt, ours) or ours


def tail_view(turn: Turn, macros: TurnMacros, lore: PromptLore) -> TailView:
    """Return the values of the part that changes. A fired entry may end the card's last instructions."""
    last = turn.character.post_history_instructions
    if lore.result and "post_history_instructions" in lore.result.disabled_prompts:
        last = ""
    user_facts = tuple([fact.text for fact in turn.facts if fact.owner == "user"])
    character_facts = tuple([fact.text for fact in turn.facts if fact.owner == "character"])
    avoid = tuple([_shown(text) for text in turn.avoid])
    return TailView(
        character=turn.character.display_name,
        user=turn.user.name,
        user_facts=user_facts,
        character_facts=character_facts,
        fence=passing_fence(lore.tail, *user_facts, *character_facts, *avoid),
        post_history_instructions=macros.passing_over(last, ""),
        lore=lore.tail,
        mode=turn.mode,
        avoid=avoid,
        others=other_names(turn),
        duties=turn.duties,
    )


def _shown(alternative: str) -> str:
    """Return enough of an alternative on one line to tell it from others."""
    line = " ".join(alternative.split())
    return line if len(line) <= _SHOWN_OF_AN_ALTERNATIVE else f"{line[:_SHOWN_OF_AN_ALTERNATIVE]}…"

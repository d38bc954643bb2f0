"""The texts of a chat that are no news: who plays, and what is played."""

from repartee.domain.character import Character
from repartee.domain.macros import expand_macros
from repartee.domain.scenario import Scenario
from repartee.domain.user import User


def background_of(character: Character, user: User, scenario: Scenario | None) -> tuple[str, ...]:
    """Return what is sent along with every turn: the card, the scenario, the user's part."""
    texts = (
        character.description,
        character.personality,
        character.first_mes,
        *character.alternate_greetings,
        character.mes_example,
        character.system_prompt,
        character.post_history_instructions,
        user.description,
    )
    return (*_named(texts, character, user.name), *scene_of(character, scenario, user.name))


def scene_of(character: Character, scenario: Scenario | None, user_name: str) -> tuple[str, ...]:
    """Return what says where and as what the two meet."""
    own = scenario or Scenario()
    return _named((character.scenario, own.setting, own.relationship, own.goal), character, user_name)


def _named(texts: tuple[str, ...], character: Character, user_name: str) -> tuple[str, ...]:
    filled = (text for text in texts if text.strip())
    return tuple(expand_macros(text, char=character.display_name, user=user_name) for text in filled)

"""A card in a few lines that people can read."""

from collections.abc import Iterator
from typing import Final

from repartee.application.ports import TokenCounter
from repartee.domain.cards.card_file import CardFile
from repartee.domain.character import Character
from repartee.presentation.cli.reply_writer import printable

_TEXTS: Final = (
    "description",
    "personality",
    "scenario",
    "first_mes",
    "mes_example",
    "system_prompt",
    "post_history_instructions",
)


def summary(card: CardFile, character: Character, counter: TokenCounter) -> Iterator[str]:
    """Yield the lines: who it is, how long each text is, what else is inside."""
    yield headline(character)
    yield format_line(card)
    yield ""
    yield from _table(character, counter)
    yield ""
    yield f"greetings     {len(character.greetings(''))}"
    yield f"lore entries  {_lore_entries(character)}"
    yield f"extensions    {printable(', '.join(character.extensions)) or 'none'}"
    yield f"assets        {len(card.assets) or 'none'}"


def headline(character: Character) -> str:
    """Return name, nickname, creator and version, where the card has them."""
    parts = [
        f"{character.name} ({character.nickname})" if character.nickname else character.name,
        f"by {character.creator}" if character.creator else "",
        f"version {character.character_version}" if character.character_version else "",
    ]
    return " ".join(printable(", ".join(filter(None, parts))).split())


def format_line(card: CardFile) -> str:
    """Return the version of the card and the kind of file.

    >>> format_line(CardFile({"name": "Ada"}, "json"))
    'Character Card V1, JSON'
    """
    return f"Character Card {card.spec.upper()}, {card.format.upper()}"


def _table(character: Character, counter: TokenCounter) -> Iterator[str]:
    yield f"{'field':<26}{'characters':>10}{'tokens (estimate)':>20}"
    total = 0
    for field in _TEXTS:
        text: str = getattr(character, field)
        tokens = counter.count(text)
        total += tokens
        yield f"{field:<26}{len(text):>10,}{tokens:>20,}"
    yield f"{'together':<36}{total:>20,}"


def _lore_entries(character: Character) -> int:
    entries = (character.character_book or {}).get("entries")
    return len(entries) if isinstance(entries, list | dict) else 0

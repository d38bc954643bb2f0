"""How much of a prompt comes again, byte for byte, at the beginning of the next turn's prompt.

    .venv/bin/python scripts/measure_prompt_cache.py

A dialogue of about 60 words a message with the shipped character Blaze: in every turn other facts and other
entries of a lorebook are in the prompt. Settings are the shipped ones, tokens the shipped estimate.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.ports import PromptMessage, Turn
from repartee.domain.chance import chance
from repartee.domain.dialogue import Message
from repartee.domain.fact import RetrievedFact
from repartee.domain.lorebook import Lorebook, LoreBookOf, read_lorebook
from repartee.domain.story import AuthorNote, Story
from repartee.domain.user import User
from repartee.infrastructure.model_profiles import load_model_profiles
from repartee.infrastructure.settings import Settings
from repartee.integrations.folder_character_library import FolderCharacterLibrary
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from repartee.integrations.script_token_counter import ScriptTokenCounter

_SAID: Final = (
    "rain harbour late glass street window nobody answered the phone again because we walked slowly home "
    "and my sister laughed about the old piano while a train kept waiting under yellow lamps with coffee"
)
_WORDS: Final = tuple(_SAID.split())
_PLACES: Final = ("lighthouse", "ferry", "market", "chapel", "bridge", "garden", "theatre", "quarry")
_COUNTER: Final = ScriptTokenCounter()
WORDS_OF_A_MESSAGE: Final = 60


@dataclass(frozen=True, slots=True)
class Share:
    """One turn: the size of its prompt, and what of it begins the next one."""

    turn: int
    tokens: int
    of_tokens: float
    of_bytes: float


def shares(turns: int, model: str = "", note: AuthorNote | None = None) -> list[Share]:
    """Return a line for each turn."""
    compose = _compose()
    prompts = [_written(compose(_turn(number, note), model=model).messages) for number in range(1, turns + 2)]
    return [_share(number, now, after) for number, (now, after) in enumerate(pairwise(prompts), 1)]


def _compose() -> ComposePrompt:
    shipped = Settings(_env_file=None)
    budget = PromptBudget(shipped.prompt.context_tokens, shipped.llm.max_tokens)
    profiles = load_model_profiles(shipped.prompt.model_profiles)
    return ComposePrompt(MakoPromptRenderer(shipped.prompt.folder), _COUNTER, budget, profiles)


def _written(messages: tuple[PromptMessage, ...]) -> str:
    return "".join(f"<|{message.role}|>\n{message.content}\n" for message in messages)


def _share(number: int, now: str, after: str) -> Share:
    one, other = now.encode(), after.encode()
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    tokens = _COUNTER.count(now)
    known = _COUNTER.count(one[:same].decode(errors="ignore"))
    return Share(number, tokens, known / tokens, same / len(one))


def _turn(number: int, note: AuthorNote | None) -> Turn:
    character = FolderCharacterLibrary(Settings(_env_file=None).characters_folder).get("blaze")
    user = User(id="maya", name="Maya", description="A cellist who comes by after rehearsal.")
    texts = list(_texts(2 * number - 1))
    messages = tuple(
        Message(role="character" if place % 2 else "user", text=text) for place, text in enumerate(texts)
    )
    return Turn(character, user, None, messages, _facts(number), story=Story(books=(_book(),), note=note))


def _texts(count: int) -> Iterator[str]:
    for place in range(count):
        words = [
            _WORDS[int(chance(place, "word", nth) * len(_WORDS))] for nth in range(WORDS_OF_A_MESSAGE - 2)
        ]
        yield f"{' '.join(words)} the {_PLACES[place // 2 % len(_PLACES)]}."


def _facts(number: int) -> tuple[RetrievedFact, ...]:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    texts = [f"Maya once spent summer {number * 3 + nth} near the coast with her sister" for nth in range(3)]
    return tuple(RetrievedFact(id=text, owner="user", text=text, score=0.5, created_at=at) for text in texts)


def _book() -> LoreBookOf:
    always = {"constant": True, "content": "The town is called Kettlewick; it never snows there."}
    about = [
        {"keys": [place], "content": f"The {place} of Kettlewick has been closed since the flood of May."}
        for place in _PLACES
    ]
    book: Lorebook = read_lorebook({"name": "Kettlewick", "entries": [always, *about]})
    return LoreBookOf("chat", book)


def main() -> None:
    """Print a table in Markdown."""
    plain = shares(40)
    claude = shares(40, "anthropic/claude-sonnet-4.5")
    noted = shares(40, note=AuthorNote(text="Keep it slow and quiet."))
    print("| turn | prompt tokens | same tokens | same bytes | Claude's shape | with an author's note |")
    print("|---|---|---|---|---|---|")
    for at in (1, 2, 5, 10, 15, 20, 30, 40):
        one, other, third = plain[at - 1], claude[at - 1], noted[at - 1]
        print(
            f"| {at} | {one.tokens:,} | {one.of_tokens:.1%} | {one.of_bytes:.1%} | {other.of_tokens:.1%} "
            f"| {third.of_tokens:.1%} |"
        )


if __name__ == "__main__":
    main()

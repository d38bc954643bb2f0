"""What the offline baseline sees in a text: a few counted features, each from 0 (bad) to 1 (good).

No model and no meaning: words, their stems (Snowball, English and Russian), scripts, lengths and marks. A
good reply can score low and an empty one high; the features are for demos, tests and a floor to beat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import regex
import snowballstemmer

from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.guard.refusal import leaves_role, refuses
from repartee.domain.guard.style import check_style
from repartee.domain.scenario import Scenario
from repartee.domain.text import script_of

_WORD: Final = regex.compile(r"[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*")
_SENTENCE: Final = regex.compile(r"(?<=[.!?…])\s+(?=\S)")
_OPENS: Final = regex.compile(r"^[\s*\"'«“„(\[—–-]*(?=[\p{Lu}\p{N}])|^\s*\*")
_CLOSES: Final = regex.compile(r"[.!?…*\"'»”)\]~]\s*$")
_PRAISE: Final = regex.compile(
    r"\b(?:amazing|wonderful|awesome|incredible|so (?:smart|kind|sweet|beautiful)|love talking to you"
    r"|потрясающ\w+|замечательн\w+|чудесн\w+|обожаю с тобой|так(?:ой|ая) (?:умн\w+|добр\w+|красив\w+))\b",
    regex.IGNORECASE,
)
_LEAST_LETTERS: Final = 4
_ENGLISH: Final = snowballstemmer.stemmer("english")
_RUSSIAN: Final = snowballstemmer.stemmer("russian")


@dataclass(frozen=True, slots=True)
class Seen:
    """One side, as the baseline reads it. `before`: everything said before the judged texts."""

    character: Character
    user_name: str
    scenario: Scenario | None
    before: tuple[Message, ...]
    judged: tuple[str, ...]
    asked: str


def features_of(seen: Seen) -> dict[str, float]:
    """Return every feature, the mean over the judged texts; all 0 where the character said nothing."""
    if not seen.judged:
        return dict.fromkeys(_FEATURES, 0.0)
    return {
        name: sum(feature(seen, text) for text in seen.judged) / len(seen.judged)
        for name, feature in _FEATURES.items()
    }


@lru_cache(maxsize=4_096)
def stems(text: str) -> frozenset[str]:
    """Return the stems of the words of at least four letters."""
    return frozenset(_stem(word) for word in _words(text) if len(word) >= _LEAST_LETTERS)


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    stemmer = _RUSSIAN if script_of(word) == "cyrillic" else _ENGLISH
    return str(stemmer.stemWord(word.casefold()))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _role(seen: Seen, text: str) -> float:
    """Speaks as the character: no assistant's phrases, no refusal, no line of the user's."""
    speaks_for_user = regex.search(rf"(?mi)^\s*(?:user|{regex.escape(seen.user_name)})\s*:", text)
    return float(not (leaves_role(text) or refuses(text) or speaks_for_user))


def _language(seen: Seen, text: str) -> float:
    """Is written in the card's script; where the card names no language, in that of its own texts."""
    card = seen.character
    if card.language:
        broken = check_style(text, card.style, card.language)
        return float(all(violation.rule != "language" for violation in broken))
    return float(script_of(text) == script_of(f"{card.description} {card.first_mes}"))


def _style(seen: Seen, text: str) -> float:
    """Keeps the card's length, and its way with actions."""
    broken = {violation.rule for violation in check_style(text, seen.character.style)}
    return 1.0 - 0.5 * bool(broken & {"too_short", "too_long"}) - 0.5 * ("actions" in broken)


def _form(_: Seen, text: str) -> float:
    """Reads like sentences: they open with a capital, the last one ends, asterisks come in pairs."""
    sentences = [sentence for sentence in _SENTENCE.split(text.strip()) if sentence]
    opened = sum(bool(_OPENS.match(sentence)) for sentence in sentences) / max(1, len(sentences))
    return (opened + bool(_CLOSES.search(text)) + (text.count("*") % 2 == 0)) / 3


def _voice(seen: Seen, text: str) -> float:
    """Shares words with the card's own lines: 1 from a quarter of the reply's stems on."""
    return _overlap(text, f"{seen.character.mes_example} {seen.character.first_mes}", 0.25)


def _scene(seen: Seen, text: str) -> float:
    """Shares words with the scene, the card and the dialogue: 1 from a third of the reply's stems on."""
    scene = seen.scenario
    setting = f"{scene.setting} {scene.relationship} {scene.goal}" if scene else ""
    said = " ".join(message.text for message in seen.before[-6:])
    return _overlap(text, f"{setting} {seen.character.scenario} {seen.character.description} {said}", 1 / 3)


def _answer(seen: Seen, text: str) -> float:
    """Takes up a word of the user's last message: half of it for one stem, all for two."""
    return min(1.0, len(stems(text) & stems(seen.asked)) / 2)


def _opening(_: Seen, text: str) -> float:
    """Leaves the user something to answer: a question, and not more than two."""
    return 1.0 if 1 <= text.count("?") <= 2 else 0.0


def _fresh(seen: Seen, text: str) -> float:
    """Does not repeat what was said: 1 minus the share of word triples that an earlier message holds."""
    own = _triples(text)
    earlier = {triple for message in seen.before for triple in _triples(message.text)}
    return 1.0 - len(own & earlier) / len(own) if own else 0.5


def _specific(_: Seen, text: str) -> float:
    """Says something: different words of four letters and more, 1 from twelve on; empty praise halves it."""
    return min(1.0, len(stems(text)) / 12) * (0.5 if _PRAISE.search(text) else 1.0)


def _overlap(text: str, source: str, enough: float) -> float:
    own = stems(text)
    return min(1.0, len(own & stems(source)) / len(own) / enough) if own else 0.0


def _triples(text: str) -> set[tuple[str, str, str]]:
    words: Sequence[str] = _words(text)
    return set(zip(words, words[1:], words[2:], strict=False))


_FEATURES: Final[dict[str, Callable[[Seen, str], float]]] = {
    "role": _role,
    "language": _language,
    "style": _style,
    "form": _form,
    "voice": _voice,
    "scene": _scene,
    "answer": _answer,
    "opening": _opening,
    "fresh": _fresh,
    "specific": _specific,
}

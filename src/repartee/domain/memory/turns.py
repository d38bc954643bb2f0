"""What was said, in the form in which it is searched: where a quoted piece stands, and what is around it."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_QUOTES: Final = str.maketrans("’‘ʼ“”„«»", "'''" + '"' * 5)
_ACTION: Final = re.compile(r"\*[^*]*\*")
_SENTENCE_END: Final = re.compile(r"[.!?…。！？]+[\"')]*\s+|[。！？]|\n+")
_TRIMMED: Final = " \t\"'.,;:!?…()[]-–—*"
_LEAST_LETTERS: Final = 2
_LONGEST_SENTENCE: Final = 400
_LONGEST_PIECE: Final = 2_000
_TRIES: Final = 50


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a turn: which turn, the piece as it is compared, and the words before and after it there."""

    message_index: int
    text: str
    before: str
    after: str

    @property
    def opening(self) -> str:
        """The words of the same sentence before the piece."""
        return _SENTENCE_END.split(self.before[-_LONGEST_SENTENCE:])[-1]

    @property
    def closing(self) -> str:
        """The words of the same sentence after the piece, up to and with its mark."""
        near = self.after[:_LONGEST_SENTENCE]
        end = re.search(r"[.!?…。！？\n]+", near)
        return near[: end.end()] if end else near

    @property
    def sentence(self) -> str:
        """All of it."""
        return f"{self.opening}{self.text}{self.closing}"


def folded(text: str) -> str:
    """Return a text as pieces of it are looked for: without case, and one style of spaces and quotes."""
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold().replace("ё", "е")
    lines = (" ".join(line.split()) for line in plain.split("\n"))
    return "\n".join(line for line in lines if line)


def without_actions(text: str) -> str:
    """Return a text with what stands between *asterisks* blanked out."""
    plain = text.replace("**", "")
    return _ACTION.sub(" ", plain)


def passage_of(evidence: str, turns: Iterable[tuple[int, str]], first: int) -> Passage | None:
    """Return where `evidence` stands word for word, in turn `first` if it does, else in the newest turn.

    `turns` are places in the dialogue with folded texts.
    """
    wanted = " ".join(folded(evidence).split()).strip(_TRIMMED)
    if sum(map(str.isalnum, wanted)) < _LEAST_LETTERS:
        return None
    for place, text in sorted(turns, key=lambda turn: (turn[0] != first, -turn[0])):
        if found := _whole_words(wanted, text):
            return Passage(place, *found)
    return None


def as_written(passage: Passage, turn: str) -> str:
    """Return the piece as it stands in the turn; folded where that is full of spaces or ligatures."""
    letters, places = [" "], [0]
    for place, letter in enumerate(turn.translate(_QUOTES)):
        for plain in " " if letter.isspace() else letter.casefold().replace("ё", "е"):
            if plain != " " or letters[-1] != " ":
                letters.append(plain)
                places.append(place)
    at = "".join(letters).find(passage.text.replace("\n", " "))
    if at < 0:
        return passage.text
    written = turn[places[at] : places[at + len(passage.text) - 1] + 1]
    return written if len(written) <= _LONGEST_PIECE else passage.text


def _whole_words(wanted: str, plain: str) -> tuple[str, str, str] | None:
    """Look for the words by plain search: a pattern would take minutes for a text that repeats itself."""
    flat = plain.replace("\n", " ")
    start = flat.find(wanted)
    for _ in range(_TRIES):
        if start < 0:
            break
        end = start + len(wanted)
        if not _goes_on(flat[start - 1 : start], wanted[0]) and not _goes_on(flat[end : end + 1], wanted[-1]):
            return plain[start:end], plain[:start], plain[end:]
        start = flat.find(wanted, start + 1)
    return None


def _goes_on(beside: str, edge: str) -> bool:
    """Tell whether a word goes on beyond the edge of the piece."""
    return _spaced(edge) and (beside.isalnum() or beside == "_") and (edge.isalnum() or edge == "_")


def _spaced(letter: str) -> bool:
    """Tell whether words of this letter's script are parted by spaces."""
    return letter < "\u0e00" or "\uac00" <= letter <= "\ud7a3"

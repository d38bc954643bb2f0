"""Untrusted text made safe to show to a judge: it closes no fence, forges no turn, is no special token.

Three rules. A fence's mark holds a nonce that stands in none of the texts, checked. Every line of a message
is indented, and only headers stand at the start of a line. Special tokens of chat templates get a space after
their first sign, because a server that tokenises a whole prompt would take them for its own.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Final

import regex

from repartee.domain.dialogue import Message
from repartee.domain.text import without_controls

_LINE_BREAK: Final = regex.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SPECIAL: Final = regex.compile(
    r"(<|\[)(?=[|｜]|<SYS>>|</SYS>>"
    r"|/?(?:s|bos|eos|pad|unk|mask|start_of_turn|end_of_turn|think|tool_call|system|user|assistant|im_start|im_end)>"
    r"|/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|gMASK|CLS|SEP|UNK|PAD|MASK)\])",
    regex.IGNORECASE,
)
_INDENT: Final = "  "


def nonce_for(seed: str, texts: Iterable[str]) -> str:
    """Return ten hexadecimal digits that stand in none of `texts`; the same for the same seed and texts.

    It comes from `seed`, not from the texts, so that prompts with one card begin alike (prefix caches); where
    a text holds it, the next one is taken.
    """
    held = without_controls("\n".join(texts)).casefold()
    return next(nonce for nonce in _nonces(seed) if nonce not in held)


def _nonces(seed: str) -> Iterator[str]:
    for attempt in count():
        yield hashlib.sha256(f"{attempt}\x1f{seed}".encode()).hexdigest()[:10]


def fenced(label: str, nonce: str, body: str) -> str:
    """Return `body`, already indented, between two lines that only the holder of the nonce can write."""
    return f"<<<{label} {nonce}\n{body}\n{nonce} {label}>>>"


def indented(text: str) -> str:
    """Return `text` without control characters and special tokens, each of its lines moved to the right."""
    return "\n".join(f"{_INDENT}{on_a_line(line)}".rstrip() for line in _LINE_BREAK.split(text))


def on_a_line(text: str) -> str:
    """Return `text` without control characters, special tokens and line breaks."""
    return _SPECIAL.sub(r"\1 ", without_controls(_LINE_BREAK.sub(" ", text)))


def transcript(messages: Sequence[Message], user: str, character: str, focus: int | None = None) -> str:
    """Return messages as headers with indented text below. From index `focus` on, headers begin with `*`."""
    heads = {"user": f"USER ({on_a_line(user)}):", "character": f"CHARACTER ({on_a_line(character)}):"}
    return "\n".join(
        f"{'* ' if focus is not None and index >= focus else ''}{heads[message.role]}\n"
        f"{indented(message.text)}"
        for index, message in enumerate(messages)
    )

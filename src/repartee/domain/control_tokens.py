"""Control tokens of chat templates inside somebody's text: kept readable, but no longer tokens.

A model's server turns messages into one text with marks such as `<|im_end|>` between the turns. A text
that holds such a mark could end its own turn and begin another one. Here a WORD JOINER (U+2060), unseen,
goes in behind the mark's first character. All else stays as it is: `<|`, `a < b` and `[x]` are no marks.
"""

import re
from collections.abc import Sequence
from typing import Final

JOINER: Final = "\u2060"
_ANGLED: Final = re.compile(
    r"<(?=\|[^<>|\s]{1,48}\|>|｜[^<>｜\s]{1,48}｜>|/?(?:s|think|tool_call|tool_response)>"
    r"|(?:start|end)_of_turn>|(?:bos|eos|pad|unk|mask|sop|eop)>|</?SYS>>)"
)
_SQUARE: Final = re.compile(
    r"\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|[gs]?MASK\]|[BE]OS\])"
)
_HEADED: Final = re.compile(r"#(?=## (?:Instruction|Response|Input):)")
_JOINED: Final = re.compile(rf"([<\[#]){JOINER}")


def neutralised(text: str) -> str:
    """Return the text with no control token in it. Done twice it is done once."""
    if "<" in text:
        text = _ANGLED.sub(f"<{JOINER}", text)
    if "[" in text:
        text = _SQUARE.sub(f"[{JOINER}", text)
    return _HEADED.sub(f"#{JOINER}", text) if "#" in text and "### " in text else text


def all_neutralised(texts: Sequence[str]) -> Sequence[str]:
    """Return every text as `neutralised` does. One look tells for all of them that no token can be there."""
    whole = "\n".join(texts)
    if "<" in whole or "[" in whole or "#" in whole:
        return [neutralised(text) for text in texts]
    return texts


def restored(text: str) -> str:
    """Return what `neutralised` was given, where that held no such joiner itself."""
    bare = _JOINED.sub(r"\1", text)
    return bare if neutralised(bare) == text else text

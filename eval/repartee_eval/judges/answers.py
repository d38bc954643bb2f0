"""The one JSON object in a judge's answer: found by rule or not at all, never guessed from words.

1. A chat completion is taken apart strictly: errors inside a 200, no choice, no text, a refusal and a cut
   answer are failures of their own.
2. Strict: the whole text is one JSON object with the keys and types that were asked for.
3. Otherwise the last complete top-level object counts, if it matches, if only white space, a code fence or a
   full stop follows it, and if it does not stand word for word in what the judge was shown (a quotation).
4. Otherwise a text that starts as an object, names each key and opens as many objects as was asked, and holds
   one word after its last colon goes through json-repair; that word must be its last value.

What is read by 3 or 4 is marked as repaired. Anything else is unparseable.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import json_repair
import regex

from repartee.domain.guard.refusal import refuses
from repartee_eval.judges.question import Question, Unreadable
from repartee_eval.verdict_rows import Failure

Matches = Callable[[Mapping[str, Any]], bool]
_MOST_CHARACTERS: Final = 200_000
_AFTER: Final = regex.compile(r"\s*(?:```)?\s*\.?\s*")
_FENCE: Final = regex.compile(r"^```(?:json)?\s*|\s*```$", regex.IGNORECASE)
_WORD: Final = regex.compile(r"[\w.]+")
_SPACE: Final = regex.compile(r"\s+")
_THOUGHT_END: Final = "</think>"
_REPORTED: Final[Mapping[Any, Failure]] = {
    401: "misconfigured",
    402: "out_of_credits",
    403: "misconfigured",
    404: "misconfigured",
    408: "timeout",
    429: "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "insufficient_quota": "out_of_credits",
    "content_filter": "moderated",
    "invalid_api_key": "misconfigured",
    "model_not_found": "misconfigured",
}


@dataclass(frozen=True, slots=True)
class Content:
    """The text of a completion, and whether the server cut it. `logprobs`: its tokens, empty without them."""

    text: str
    cut: bool
    logprobs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The object that was found. `repaired`: the answer was not just that object."""

    value: Mapping[str, Any]
    repaired: bool


class _Malformed(ValueError):
    pass


def content_of(raw: str) -> Content | Unreadable:
    """Return the text of a chat completion's first choice, or why there is none."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Unreadable("invalid_answer", "the answer is not JSON")
    if not isinstance(body, dict):
        return Unreadable("invalid_answer", "the answer is not an object")
    if body.get("error"):
        return Unreadable(reported_failure(body["error"]), "the answer is an error")
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return Unreadable("invalid_answer", "the answer has no choice")
    if choice.get("error"):
        return Unreadable(reported_failure(choice["error"]), "the choice is an error")
    return _of_choice(choice)


def object_in(
    content: Content, question: Question, matches: Matches, keys: Mapping[str, int]
) -> Found | Unreadable:
    """Return the object by the rules above. `keys`: how often each stands in a text to repair."""
    text = _after_thoughts(content.text).strip()
    if (whole := _strict(text)) is not None and matches(whole):
        return Found(whole, repaired=False)
    if content.cut:
        return Unreadable("truncated", "the answer was cut at its token limit")
    bare = _FENCE.sub("", text).strip()
    found = _last(bare, question, matches) or _mended(bare, matches, keys)
    if found:
        return Found(found, repaired=True)
    if "{" not in text and refuses(text):
        return Unreadable("refused", "the judge declined")
    return Unreadable("unparseable", "no single object with the fields that were asked for")


def reported_failure(error: Any) -> Failure:
    """Return what an `error` object inside a 200 means: by its code, type or status."""
    if not isinstance(error, dict):
        return "invalid_answer"
    for name in (error.get("code"), error.get("type"), error.get("status")):
        status = int(name) if isinstance(name, str) and name.isascii() and name.isdigit() else name
        if isinstance(status, (int, str)) and status in _REPORTED:
            return _REPORTED[status]
        if isinstance(status, int) and 500 <= status < 600:
            return "unavailable"
    return "invalid_answer"


def _of_choice(choice: Mapping[str, Any]) -> Content | Unreadable:
    finish = choice.get("finish_reason")
    if finish == "content_filter":
        return Unreadable("moderated", "the provider filtered the answer")
    message = choice.get("message")
    if not isinstance(message, dict):
        return Unreadable("invalid_answer", "the choice has no message")
    if message.get("refusal"):
        return Unreadable("refused", "the judge declined")
    text = _joined(message.get("content"))
    cut = finish in {"length", "max_tokens"}
    if text is None or not text.strip():
        return Unreadable("truncated" if cut else "invalid_answer", "the answer has no text")
    if len(text) > _MOST_CHARACTERS:
        return Unreadable("invalid_answer", f"the answer is longer than {_MOST_CHARACTERS} characters")
    return Content(text, cut, _tokens(choice.get("logprobs")))


def _joined(content: Any) -> str | None:
    """Return the text; a list of parts is joined, as some servers send one."""
    if isinstance(content, list):
        parts = [
            part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"
        ]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _tokens(logprobs: Any) -> tuple[Mapping[str, Any], ...]:
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    return tuple(token for token in tokens if isinstance(token, dict)) if isinstance(tokens, list) else ()


def _after_thoughts(text: str) -> str:
    """Return what follows a reasoning model's thoughts, where the server left them in the text.

    Nothing follows thoughts that do not end.
    """
    if not text.lstrip().startswith("<think>"):
        return text
    return text.rpartition(_THOUGHT_END)[2] if _THOUGHT_END in text else ""


def _strict(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise _Malformed("a key is there twice")
    return read


def _no_constant(name: str) -> Any:
    raise _Malformed(f"{name} is not JSON")


def _last(text: str, question: Question, matches: Matches) -> dict[str, Any] | None:
    """Return the last complete top-level object, if it ends the text and is not a quotation."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    start, last, begun, end = text.find("{"), None, 0, 0
    while start >= 0:
        try:
            last, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return None
        begun, start = start, text.find("{", end)
    if not isinstance(last, dict) or not matches(last) or not _AFTER.fullmatch(text[end:]):
        return None
    return None if begun and _is_shown(text[begun:end], question) else last


def _is_shown(written: str, question: Question) -> bool:
    messages = question.body.get("messages", ())
    shown = "".join(str(message.get("content", "")) for message in messages)
    return _SPACE.sub("", written) in _SPACE.sub("", shown)


def _mended(text: str, matches: Matches, keys: Mapping[str, int]) -> dict[str, Any] | None:
    """Return what json-repair makes of an attempt at one object: rule 4."""
    if not text.startswith("{") or any(_times(text, key) != times for key, times in keys.items()):
        return None
    words = _WORD.findall(text.rpartition(":")[2])
    if len(words) != 1:
        return None
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError, TypeError, IndexError):
        return None
    if not isinstance(value, dict) or not matches(value) or text.count("{") != _objects(value):
        return None
    return value if str(_last_leaf(value)).strip() == words[0] else None


def _objects(value: Any) -> int:
    return 1 + sum(map(_objects, value.values())) if isinstance(value, dict) else 0


def _last_leaf(value: Any) -> Any:
    return _last_leaf(list(value.values())[-1]) if isinstance(value, dict) and value else value


def _times(text: str, key: str) -> int:
    return len(regex.findall(rf"(?<!\w){regex.escape(key)}(?!\w)[\"'“”]?\s*:", text))

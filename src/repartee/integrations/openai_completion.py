"""What the OpenAI chat completions API answers, read strictly: whole documents and event streams.

Pure: bytes in, pieces of text and completions out. An error inside a 200, a reply without text and a stream
that ends early are errors. A whole document where a stream was asked for is taken as the whole reply, because
some servers ignore `stream`. Control characters are left out: no message may hold one, so a client that sends
such a reply back with the next turn would be refused.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import orjson

from repartee.application.ports import Completion, Usage
from repartee.domain.errors import UpstreamError, UpstreamInvalid, UpstreamModerated, UpstreamUnavailable
from repartee.domain.text import without_controls
from repartee.integrations.transport import MAX_REPLY_BYTES, parsed_json, reported_error

_MAX_EVENT_BYTES: Final = 1024 * 1024
_MOST_LIKENESSES: Final = 4
_LONGEST_LIKENESS: Final = 4_096
_FINISH_REASONS: Final[dict[str, Literal["stop", "length"]]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
}


def parse_completion(body: bytes, dependency: str = "model", asked_model: str = "") -> Completion:
    """Return the completion that `body` holds. Raises UpstreamError for anything that is not one.

    A missing `finish_reason` counts as `stop`: the document is complete, so the reply is.
    """
    answer = parsed_json(dependency, body)
    if failure := reported_error(dependency, answer):
        raise failure
    choice = _first_choice(answer)
    if choice is None:
        raise UpstreamInvalid(f"{dependency} answered without choices", dependency)
    finish = _finish_reason(choice, dependency) or "stop"
    message = choice.get("message")
    text = _joined(message.get("content")) if isinstance(message, dict) else None
    if text is None and isinstance(message, dict) and isinstance(message.get("refusal"), str):
        raise UpstreamModerated(f"{dependency} refused to answer", dependency)
    if not isinstance(text, str):
        raise UpstreamInvalid(f"{dependency} answered without text", dependency)
    return _checked(without_controls(text), finish, answer, dependency, asked_model)


def _checked(
    text: str, finish: Literal["stop", "length"], answer: dict[str, Any], dependency: str, asked_model: str
) -> Completion:
    if not text.strip():
        hint = ": max_tokens left no room for it" if finish == "length" else ""
        raise UpstreamInvalid(f"{dependency} answered without text{hint}", dependency)
    model = answer.get("model")
    named = isinstance(model, str) and 0 < len(model) <= 200
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        text=text,
        model=model if isinstance(model, str) and named else asked_model,
        finish_reason=finish,
        usage=Usage(_count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))),
    )


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _first_choice(answer: Any) -> dict[str, Any] | None:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _joined(content: Any) -> Any:
    """Return the text of a content that comes in parts, as Mistral's reasoning models send it.

    What is no list of parts, each with its type, comes back as it is: it is no text, and is refused as such.
    """
    if not isinstance(content, list) or not content or not all(map(_is_part, content)):
        return content
    texts = [part.get("text") for part in content if part.get("type") == "text"]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else content


def _is_part(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("type"), str)


def _our_choice(answer: Any) -> dict[str, Any] | None:
    """Return what a chunk says of the first choice: a server may send others that nobody asked for."""
    choice = _first_choice(answer)
    return None if choice and choice.get("index") else choice


def _finish_reason(choice: dict[str, Any], dependency: str) -> Literal["stop", "length"] | None:
    """Return how the reply ended, None where nothing says so. Raises UpstreamError where it ended badly."""
    if failure := reported_error(dependency, choice):
        raise failure
    reason = choice.get("finish_reason")
    if reason is None:
        return None
    known = _FINISH_REASONS.get(reason.lower()) if isinstance(reason, str) else None
    if known:
        return known
    if reason == "content_filter":
        raise UpstreamModerated(f"{dependency} refused the content", dependency)
    if reason == "error":
        raise UpstreamUnavailable(f"{dependency} failed while it answered", dependency)
    raise UpstreamInvalid(f"{dependency} ended its answer for an unknown reason", dependency)


class SseReader:
    """Takes the data of server-sent events out of raw bytes, however they are cut.

    Lines end with CR, LF or CRLF; comments and fields other than `data` are passed over.
    """

    def __init__(self, dependency: str) -> None:
        self._dependency = dependency
        self._line = bytearray()
        self._data: list[bytes] = []
        self._held = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Return the data of the events that `chunk` completes. Reading it may raise UpstreamInvalid."""
        if self._is_one_event(chunk):
            return (chunk[6:-2],)
        return self._in_lines(chunk)

    @property
    def is_between_events(self) -> bool:
        """Whether nothing of the next event has come yet, and the stream's first line has."""
        return not (self._line or self._data or self._at_start)

    def _is_one_event(self, chunk: bytes) -> bool:
        """Say whether it is one whole line of data and the empty line behind it, as servers send them."""
        return (
            chunk.startswith(b"data: ")
            and chunk.endswith(b"\n\n")
            and chunk.find(b"\n") == len(chunk) - 2
            and self.is_between_events
            and b"\r" not in chunk
            and len(chunk) < _MAX_EVENT_BYTES
        )

    def _in_lines(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            return
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        for part in chunk.splitlines(keepends=True):
            self._line += part
            if self._held + len(self._line) > _MAX_EVENT_BYTES:
                raise UpstreamInvalid(f"{self._dependency} sent an event that is too large", self._dependency)
            if part.endswith((b"\n", b"\r")):
                yield from self._taken()

    def end(self) -> Iterator[bytes]:
        """Yield the data of a last event that no empty line closed."""
        yield from self._taken()
        yield from self._closed()

    def _taken(self) -> Iterator[bytes]:
        line = bytes(self._line).rstrip(b"\r\n")
        self._line.clear()
        if self._at_start:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._at_start = False
        if not line:
            yield from self._closed()
            return
        field, _, value = line.partition(b":")
        if field == b"data":
            self._held += len(line)
            self._data.append(value.removeprefix(b" "))

    def _closed(self) -> Iterator[bytes]:
        if self._data:
            event = b"\n".join(self._data)
            self._data.clear()
            self._held = 0
            yield event


class _Likeness:
    """Reads events that differ from one before in their text alone, as most of a stream do, without a parser.

    What stands around the text was parsed once, with another text in its place. A text that needs no escape
    in JSON makes no other document of it.
    """

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self._attempts = 0

    def learn(self, event: bytes, answer: dict[str, Any], text: str) -> None:
        """Take an event that was understood as adding `text` and saying nothing else that is new."""
        if self._attempts == _MOST_LIKENESSES or b"\n" in event or b"\r" in event:
            return
        self._attempts += 1
        written = orjson.dumps(text)
        at = event.rfind(written)
        if at < 0:
            return
        head, tail = event[:at], event[at + len(written) :]
        answer["choices"][0]["delta"]["content"] = other = f"{text}."
        if _is_document(head + orjson.dumps(other) + tail, answer):
            self._head, self._tail = b"data: " + head + b'"', b'"' + tail + b"\n\n"

    def forget(self) -> None:
        """Know nothing: something changed."""
        self._head = b""

    def text_of(self, chunk: bytes) -> str:
        """Return the text that a chunk of one whole event adds, none where it must be read."""
        head, tail = self._head, self._tail
        if not head or not chunk.startswith(head) or not chunk.endswith(tail):
            return ""
        raw = chunk[len(head) : -len(tail)]
        if b'"' in raw or b"\\" in raw or len(raw) > _LONGEST_LIKENESS:
            return ""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return ""
        return text if text.isprintable() else ""


def _is_document(event: bytes, document: dict[str, Any]) -> bool:
    try:
        return bool(orjson.loads(event) == document)
    except orjson.JSONDecodeError:
        return False


class CompletionReader:
    """Puts a streamed answer together from its raw bytes; the same pieces however the bytes are cut.

    White space at the start is held back until text follows, so that a blank answer yields nothing. What is
    wrong with an answer is raised by `end`, so that no text before it is lost: read no more once `done`.
    """

    def __init__(self, dependency: str = "model", asked_model: str = "") -> None:
        self.done = False
        self._dependency = dependency
        self._asked_model = asked_model
        self._events = SseReader(dependency)
        self._likeness = _Likeness()
        self._document: bytearray | None = None
        self._started = False
        self._held = ""
        self._parts: list[str] = []
        self._size = 0
        self._finish: Literal["stop", "length"] | None = None
        self._about: dict[str, Any] = {}
        self._failure: UpstreamError | None = None

    def feed(self, chunk: bytes) -> list[str]:
        """Return the pieces of text that `chunk` completes. Raises UpstreamError for one without an end."""
        if self._parts and self._events.is_between_events and (text := self._likeness.text_of(chunk)):
            self._size += len(text)
            if self._size <= MAX_REPLY_BYTES and not self.done:
                self._parts.append(text)
                return [text]
            self._size -= len(text)
        if not self._started and (start := chunk.lstrip()):
            self._started = True
            self._document = bytearray() if start.startswith((b"{", b"[")) else None
        if self._document is None:
            return self._pieces(self._events.feed(chunk))
        self._grow(len(chunk))
        self._document += chunk
        return []

    def end(self) -> list[str | Completion]:
        """Return what is left, the whole completion last. Raises UpstreamError if the answer is not whole."""
        if self._document is not None:
            whole = parse_completion(bytes(self._document), self._dependency, self._asked_model)
            return [whole.text, whole]
        rest = self._pieces(self._events.end())
        if self._failure is not None:
            raise self._failure from None
        if not self.done and self._finish is None:
            raise UpstreamInvalid(f"{self._dependency} ended the stream before the reply", self._dependency)
        text = "".join(self._parts)
        return [
            *rest,
            _checked(text, self._finish or "stop", self._about, self._dependency, self._asked_model),
        ]

    def _pieces(self, events: Iterable[bytes]) -> list[str]:
        pieces: list[str] = []
        if self.done:
            return pieces
        try:
            for event in events:
                if (text := self._text(event)) is None:
                    self.done = True
                    break
                if text and (piece := text if self._parts else self._begun(text)):
                    self._parts.append(piece)
                    pieces.append(piece)
        except UpstreamError as error:
            self._failure, self.done = error, True
        return pieces

    def _begun(self, text: str) -> str:
        """Return the text so far; nothing while it is white space."""
        self._held += text
        return "" if self._held.isspace() else self._held

    def _text(self, event: bytes) -> str | None:
        """Return the text that one event adds, after noting all else it says; None for the last event."""
        try:
            answer = orjson.loads(event)
        except orjson.JSONDecodeError:
            if event.strip() != b"[DONE]":
                raise UpstreamInvalid(
                    f"{self._dependency} sent an event that is not JSON", self._dependency
                ) from None
            return None
        if not isinstance(answer, dict):
            raise UpstreamInvalid(f"{self._dependency} sent an event that is not one", self._dependency)
        if "error" in answer and (failure := reported_error(self._dependency, answer)):
            raise failure
        self._note(answer)
        choice = _our_choice(answer)
        if choice is None:
            return ""
        if "error" in choice or choice.get("finish_reason") is not None:
            self._finish = _finish_reason(choice, self._dependency) or self._finish
            return self._added(choice)
        text = self._added(choice)
        if text and not answer.get("usage") and choice["delta"].get("content") == text:
            self._likeness.learn(event, answer, text)
        return text

    def _added(self, choice: dict[str, Any]) -> str:
        delta = choice.get("delta")
        return self._readable(delta.get("content")) if isinstance(delta, dict) else ""

    def _note(self, answer: dict[str, Any]) -> None:
        if model := answer.get("model"):
            if model != self._about.get("model"):
                self._likeness.forget()
            self._about["model"] = model
        if usage := answer.get("usage"):
            self._about["usage"] = usage

    def _readable(self, content: Any) -> str:
        text = content if isinstance(content, str) else _joined(content)
        if text is None:
            return ""
        if not isinstance(text, str):
            raise UpstreamInvalid(f"{self._dependency} sent a piece that is not text", self._dependency)
        self._grow(len(text))
        return text if text.isprintable() else without_controls(text)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_REPLY_BYTES:
            raise UpstreamInvalid(
                f"{self._dependency} answered more than {MAX_REPLY_BYTES} bytes", self._dependency
            )

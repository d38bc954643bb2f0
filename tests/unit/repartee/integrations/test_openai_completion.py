"""Reading answers: any split of the bytes gives the same pieces, and nothing broken becomes a reply."""

import copy
import json
import traceback
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from repartee.application.ports import Completion
from repartee.domain.errors import UpstreamError, UpstreamInvalid
from repartee.integrations.openai_completion import CompletionReader, SseReader, parse_completion

GOOD: dict[str, Any] = {
    "id": "gen-1",
    "model": "some/model",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "*nods* Да."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}

TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\r\n:{[ \ufeff\u2028🦊я"), max_size=20
)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Return `data` in pieces that end at `places`."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def outcome(chunks: Iterable[bytes]) -> tuple[list[str | Completion], type[UpstreamError] | None]:
    """Return what a reader yields, and the error that ends it."""
    reader, pieces = CompletionReader(), []
    try:
        for chunk in chunks:
            if reader.done:
                break
            for piece in reader.feed(chunk):
                pieces.append(piece)  # noqa: PERF402 (what came before an error is wanted)
        for rest in reader.end():
            pieces.append(rest)  # noqa: PERF402
    except UpstreamError as error:
        return pieces, type(error)
    return pieces, None


def sse(text: str, finish: str | None = "stop", end: str = "\n", done: bool = True) -> bytes:
    """Return the stream of a reply, two characters to a chunk."""
    deltas: list[Any] = [{"delta": {"role": "assistant", "content": ""}}]
    deltas += [{"delta": {"content": text[at : at + 2]}} for at in range(0, len(text), 2)]
    deltas += [{"delta": {}, "finish_reason": finish}]
    events = [json.dumps({"choices": [delta]}, ensure_ascii=False) for delta in deltas]
    lines = [
        ": hello",
        *(f"data: {event}{end}" for event in events),
        *([f"data: [DONE]{end}"] if done else []),
    ]
    return (end.join(lines) + end).encode()


# --- events -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
        (b"data: a\rdata: b\r\r", [b"a\nb"]),
        (b"data\ndata\n\n", [b"\n"]),
        (b": beat\n\n: beat\n\ndata: a\n\n", [b"a"]),
        (b"event: x\nid: 7\nretry: 1\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"dat: a\n\n data: b\n\n", []),
        (b"data: a", [b"a"]),
        (b"data: a\n", [b"a"]),
        (b"", []),
    ],
)
def test_events_by_the_standard(data: bytes, events: list[bytes]) -> None:
    for size in (1, 2, 3, 1000):
        reader = SseReader("model")
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        assert [event for chunk in chunks for event in reader.feed(chunk)] + list(reader.end()) == events


@pytest.mark.parametrize("line", [b"data: " + b"x" * 1_000 + b"\n", b"data\n" * 1_000, b"x" * 1_000])
def test_data_without_an_end_is_not_collected(line: bytes) -> None:
    reader = SseReader("model")
    with pytest.raises(UpstreamInvalid):
        for _ in range(2_000):
            list(reader.feed(line))


def test_comments_without_end_are_not_data() -> None:
    reader = SseReader("model")
    for _ in range(2_000):
        assert list(reader.feed(b": OPENROUTER PROCESSING\n" * 100)) == []


# --- streams ------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.lists(st.integers(0, 10_000)))
def test_any_split_gives_the_same_pieces(text: str, end: str, done: bool, places: list[int]) -> None:
    data = sse(text, end=end, done=done)
    whole = outcome([data])
    assert outcome(cut(data, places)) == whole
    assert outcome([bytes([byte]) for byte in data]) == whole
    pieces, error = whole
    if not text.strip():
        assert (pieces, error) == ([], UpstreamInvalid)
        return
    *parts, completion = pieces
    assert isinstance(completion, Completion)
    assert "".join(str(part) for part in parts) == completion.text == text
    assert all(parts)


@settings(deadline=None)
@given(TEXTS, st.binary(min_size=1, max_size=12), st.integers(0, 10_000), st.lists(st.integers(0, 10_000)))
def test_any_split_of_a_damaged_stream_gives_the_same_pieces_and_error(
    text: str, damage: bytes, place: int, places: list[int]
) -> None:
    data = sse(text)
    at = place % len(data)
    damaged = data[:at] + damage + data[at + len(damage) :]
    assert outcome(cut(damaged, places)) == outcome([damaged])


WORDS = st.sampled_from(
    (
        *(
            " word",
            " Да",
            "index",
            "stop",
            "m",
            "null",
            "a.",
            '"',
            "\\",
            "\n",
            "\x07",
            "\x7f",
            "\u00a0",
            "\u2028",
        ),
        "",
    )
)
CHANGES: list[dict[str, Any]] = [
    *({} for _ in range(8)),
    {"finish_reason": "length"},
    {"finish_reason": "content_filter"},
    {"index": 1},
    {"text": " word"},
    {"error": {"message": "x"}},
]
AROUND: list[dict[str, Any]] = [
    *({} for _ in range(8)),
    {"model": "other"},
    {"usage": None},
    {"usage": {"prompt_tokens": 3, "completion_tokens": 1}},
    {"obfuscation": " word"},
]
STEPS = st.tuples(WORDS, st.sampled_from(CHANGES), st.sampled_from(AROUND), st.binary(max_size=3))


def event_of(text: str, change: dict[str, Any], around: dict[str, Any]) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None} | change
    document = json.dumps({"model": "m", "choices": [choice]} | around, ensure_ascii=False)
    return f"data: {document}\n\n".encode()


@given(st.lists(STEPS, max_size=12), st.integers(0, 3))
def test_events_that_are_alike_are_read_as_each_alone_would_be(
    steps: list[tuple[str, dict[str, Any], dict[str, Any], bytes]], damage: int
) -> None:
    """One event to a chunk, which most of are read by what they have in common, or one byte to a chunk."""
    chunks = [event_of(text, change, around) for text, change, around, _ in steps]
    if damage:
        chunks = [
            chunk.replace(b" word", b" wo" + step[3] + b"rd")
            for chunk, step in zip(chunks, steps, strict=True)
        ]
    alone = [bytes([byte]) for byte in b"".join(chunks)]
    assert outcome(chunks) == outcome(alone)


def test_a_raw_line_break_or_invalid_bytes_in_an_event_like_the_others_are_no_text() -> None:
    like = [event_of(word, {}, {}) for word in ("A", " word", " more")]
    for damage in (b"\x01", b"\xff", b"\\q", b'"'):
        bad = event_of(" wo0rd", {}, {}).replace(b"0", damage)
        assert outcome([*like, bad])[1] is UpstreamInvalid
    broken = event_of(" wo0rd", {}, {}).replace(b"0", b"\n")
    assert outcome([*like, broken])[1] is UpstreamInvalid


@settings(deadline=None)
@given(TEXTS, st.integers(0, 10_000))
def test_a_stream_that_ends_early_is_no_reply(text: str, place: int) -> None:
    assume(text.strip())
    data = sse(text, finish=None)
    cut_short = data[: place % data.rindex(b"[DONE]")]
    pieces, error = outcome([cut_short])
    assert error is UpstreamInvalid
    assert not any(isinstance(piece, Completion) for piece in pieces)


@settings(deadline=None)
@given(st.lists(st.integers(0, 10_000)), st.sampled_from([b"", b"\n\n", b" \r\n\t"]))
def test_a_document_in_place_of_a_stream_is_one_piece(places: list[int], before: bytes) -> None:
    data = before + json.dumps(GOOD, ensure_ascii=False).encode()
    pieces, error = outcome(cut(data, places))
    assert error is None
    assert pieces == ["*nods* Да.", parse_completion(data)]


def test_usage_and_model_are_taken_from_the_stream() -> None:
    about = {"model": "m", "choices": [{"delta": {"content": "Hi"}, "finish_reason": "length"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    data = (
        b"".join(b"data: " + json.dumps(it).encode() + b"\n\n" for it in (about, usage)) + b"data: [DONE]\n\n"
    )
    _, completion = outcome([data])[0]
    assert isinstance(completion, Completion)
    assert (completion.model, completion.finish_reason) == ("m", "length")
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (5, 2)


# --- documents ----------------------------------------------------------------------------------------


def test_a_good_document_is_read() -> None:
    completion = parse_completion(json.dumps(GOOD).encode())
    assert (completion.text, completion.model, completion.finish_reason) == (
        "*nods* Да.",
        "some/model",
        "stop",
    )
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (12, 3)


@pytest.mark.parametrize(
    "usage", [None, [], "12", {"prompt_tokens": "1"}, {"prompt_tokens": -1}, {"prompt_tokens": True}]
)
@pytest.mark.parametrize("model", [None, "", 7, "x" * 300])
def test_what_is_said_about_a_reply_may_be_missing_or_wrong(usage: Any, model: Any) -> None:
    completion = parse_completion(
        json.dumps({**GOOD, "usage": usage, "model": model}).encode(), "model", "asked"
    )
    assert (completion.text, completion.model, completion.usage.prompt_tokens) == ("*nods* Да.", "asked", 0)


@pytest.mark.parametrize("error", [{"code": 502, "message": "x"}, {"message": "x"}, "x", True, ["x"]])
def test_a_reply_beside_an_error_is_none(error: Any) -> None:
    with pytest.raises(UpstreamError):
        parse_completion(json.dumps({**GOOD, "error": error}).encode())
    choice = {**GOOD["choices"][0], "error": error}
    with pytest.raises(UpstreamError):
        parse_completion(json.dumps({**GOOD, "choices": [choice]}).encode())


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda below: (
        st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["code", "content", "x"]), below)
    ),
    max_leaves=4,
)
PATHS = [
    ("choices",),
    ("choices", 0),
    ("choices", 0, "message"),
    ("choices", 0, "message", "content"),
    ("choices", 0, "finish_reason"),
    ("choices", 0, "error"),
    ("error",),
    ("usage",),
    ("model",),
]


def is_reply(document: Any) -> bool:
    """Say by the book whether a document is a reply: written apart from the parser on purpose."""
    try:
        choice = document["choices"][0]
        text, reason = choice["message"]["content"], choice.get("finish_reason")
        words = {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "length", "max_tokens"}
        ended = reason is None or (isinstance(reason, str) and reason.lower() in words)
        return (
            isinstance(text, str)
            and bool(text.strip())
            and ended
            and not document.get("error")
            and not choice.get("error")
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        return False


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), JUNK, st.booleans()), min_size=1, max_size=3))
def test_a_document_that_is_changed_is_a_reply_only_if_it_is_one(
    changes: list[tuple[tuple[Any, ...], Any, bool]],
) -> None:
    document = copy.deepcopy(GOOD)
    for path, junk, remove in changes:
        *way, last = path
        place: Any = document
        try:
            for step in way:
                place = place[step]
            if remove:
                del place[last]
            else:
                place[last] = junk
        except (KeyError, IndexError, TypeError):
            continue
    try:
        completion = parse_completion(json.dumps(document).encode())
    except UpstreamError:
        assert not is_reply(document)
    else:
        assert is_reply(document)
        assert completion.text == document["choices"][0]["message"]["content"]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.binary(max_size=6))
def test_a_document_whose_bytes_are_damaged_never_raises_anything_else(place: int, damage: bytes) -> None:
    data = json.dumps(GOOD, ensure_ascii=False).encode()
    at = place % len(data)
    for damaged in (data[:at], data[:at] + damage + data[at + len(damage) :]):
        try:
            assert parse_completion(damaged).text.strip()
        except UpstreamError:
            assert "nods" not in traceback.format_exc()


@pytest.mark.parametrize("streamed", [True, False])
def test_control_characters_are_left_out_and_line_breaks_are_not(streamed: bool) -> None:
    document = copy.deepcopy(GOOD)
    document["choices"][0]["message"]["content"] = "a\0b\x1b[31m\nred\x07"
    body = sse("a\0b\x1b[31m\nred\x07") if streamed else json.dumps(document).encode()
    pieces, error = outcome([body])
    assert error is None
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "ab[31m\nred"
    assert pieces[-1].text == "ab[31m\nred"


def test_choices_that_nobody_asked_for_are_not_mixed_in() -> None:
    said = [
        (0, "A", None),
        (1, "x", None),
        (0, "B", None),
        (1, "", "length"),
        (None, "C", None),
        (0, "", "stop"),
    ]
    events = [{"index": place, "delta": {"content": text}, "finish_reason": end} for place, text, end in said]
    body = b"".join(b"data: " + json.dumps({"choices": [event]}).encode() + b"\n\n" for event in events)
    pieces, error = outcome([body + b"data: [DONE]\n\n"])
    assert (error, pieces[:-1], pieces[-1].finish_reason) == (None, ["A", "B", "C"], "stop")


@pytest.mark.parametrize("streamed", [True, False])
def test_a_content_in_parts_is_its_text_without_the_thoughts(streamed: bool) -> None:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "Да"},
        {"type": "text", "text": "."},
    ]
    kind = "delta" if streamed else "message"
    document = {"choices": [{"index": 0, kind: {"content": content}, "finish_reason": "stop"}]}
    data = json.dumps(document).encode()
    pieces, error = outcome([b"data: " + data + b"\n\n" if streamed else data])
    assert (error, pieces[0], pieces[-1].text) == (None, "Да.", "Да.")

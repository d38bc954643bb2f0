import json
from collections.abc import Iterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.application.add_facts import NewFact
from repartee.application.edit_fact import EditFactRequest
from repartee.application.generate_reply import Reply, ReplyDelta, ReplyEvent, ReplyStarted
from repartee.presentation.cli.api_client import ApiClient
from repartee.presentation.cli.failures import ApiProblem, ApiUnreachable

_STARTED = {"id": "rpl_1", "request_id": "r", "facts": [], "retrieval": {"status": "empty"}}
_DONE = {
    **_STARTED,
    "text": "Evening, Maya.",
    "model": "offline",
    "finish_reason": "stop",
    "usage": {},
    "timings": {},
}
_PROBLEM = {"type": "about:blank", "title": "x", "status": 503, "code": "overloaded", "detail": "no room now"}
_FACT = {"id": "f1", "owner": "user", "text": "Likes tea", "created_at": "2026-01-01T00:00:00Z", "source": ""}


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _client(*answers: httpx2.Response | Exception, seen: list[httpx2.Request] | None = None) -> ApiClient:
    left = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        given_answer = left.pop(0)
        if isinstance(given_answer, Exception):
            raise given_answer
        return given_answer

    return ApiClient("http://api", "key", httpx2.MockTransport(answer))


def _stream(*chunks: bytes) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=iter(chunks))


def _events(*chunks: bytes) -> list[ReplyEvent]:
    with _client(_stream(*chunks)) as client:
        return list(client.generate_stream({}))


def test_a_stream_becomes_typed_events() -> None:
    deltas = [_event("delta", {"text": "Evening, "}), _event("delta", {"text": "Maya."})]
    started, first, second, done = _events(_event("facts", _STARTED), *deltas, _event("done", _DONE))
    assert isinstance(started, ReplyStarted)
    assert (first, second) == (ReplyDelta(text="Evening, "), ReplyDelta(text="Maya."))
    assert isinstance(done, Reply)
    assert done.text == "Evening, Maya."


@given(st.data())
def test_where_the_network_cuts_the_stream_does_not_matter(data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=4))
    whole = b"".join(
        [
            _event("facts", _STARTED),
            *(_event("delta", {"text": text}) for text in texts),
            _event("done", _DONE),
        ]
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    read = _events(*chunks)
    assert [event.text for event in read if isinstance(event, ReplyDelta)] == texts


def test_an_error_event_is_a_problem() -> None:
    with pytest.raises(ApiProblem) as caught:
        _events(_event("facts", _STARTED), _event("error", _PROBLEM))
    assert (caught.value.detail, caught.value.code, caught.value.status) == ("no room now", "overloaded", 503)


def test_a_stream_that_ends_early_is_not_a_reply() -> None:
    with pytest.raises(ApiUnreachable, match="broke the reply off"):
        _events(_event("facts", _STARTED), _event("delta", {"text": "Eve"}))


@pytest.mark.parametrize("bad", [b"event: delta\ndata: {\n\n", b'event: news\ndata: {"text": "x"}\n\n'])
def test_events_that_cannot_be_read_are_a_problem(bad: bytes) -> None:
    with pytest.raises(ApiProblem):
        _events(bad)


def test_closing_the_stream_closes_the_connection() -> None:
    closed = []

    class Chunks(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield _event("facts", _STARTED)
            yield _event("delta", {"text": "and so on"})

        def close(self) -> None:
            closed.append(True)

    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Chunks())
    with _client(answer) as client:
        events = client.generate_stream({})
        next(events)
        assert not closed
        events.close()
        assert closed


def test_a_problem_before_the_stream_is_read_as_well() -> None:
    with (
        _client(httpx2.Response(503, json=_PROBLEM)) as client,
        pytest.raises(ApiProblem, match="no room now"),
    ):
        next(client.generate_stream({}))


def test_the_key_is_sent_and_the_user_id_is_quoted() -> None:
    seen: list[httpx2.Request] = []
    with _client(httpx2.Response(200, json={"facts": [_FACT]}), seen=seen) as client:
        client.add_facts("a|b@c", [NewFact(text="Likes tea")])
    assert seen[0].headers["authorization"] == "Bearer key"
    assert seen[0].url.raw_path == b"/users/a%7Cb%40c/facts"
    assert json.loads(seen[0].content) == {"facts": [{"text": "Likes tea"}]}


def test_listing_follows_the_pages() -> None:
    seen: list[httpx2.Request] = []
    pages = [{"facts": [_FACT], "next": "f1"}, {"facts": [{**_FACT, "id": "f2"}], "next": None}]
    with _client(*(httpx2.Response(200, json=page) for page in pages), seen=seen) as client:
        assert [fact.id for fact in client.facts("maya")] == ["f1", "f2"]
    assert [request.url.params.get("after") for request in seen] == [None, "f1"]


def test_a_problem_starts_with_the_field_that_is_wrong() -> None:
    problem = {
        **_PROBLEM,
        "status": 422,
        "detail": "must not be blank",
        "errors": [{"field": "q", "message": ""}],
    }
    with _client(httpx2.Response(422, json=problem)) as client, pytest.raises(ApiProblem) as caught:
        client.search("maya", "")
    assert str(caught.value) == "q: must not be blank"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"detail": 1}', b"null", b'{"errors": 3, "detail": ""}']
)
def test_an_answer_without_a_problem_document_is_a_problem_all_the_same(body: bytes) -> None:
    with _client(httpx2.Response(502, content=body)) as client, pytest.raises(ApiProblem) as caught:
        client.health()
    assert caught.value.status == 502
    assert str(caught.value) == "the API answered 502 without saying why"


def test_a_redirect_is_not_followed() -> None:
    answer = httpx2.Response(307, headers={"location": "http://elsewhere"})
    with _client(answer) as client, pytest.raises(ApiProblem, match="answered 307"):
        client.health()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx2.ConnectError("x"), "does not answer"),
        (httpx2.ConnectTimeout("x"), "does not answer"),
        (httpx2.ReadTimeout("x"), "gave no answer in 120 s"),
        (httpx2.RemoteProtocolError("x"), "the connection to the API at http://api broke"),
        (httpx2.ReadError("x"), "the connection to the API at http://api broke"),
    ],
)
def test_a_broken_connection_is_one_thing(error: Exception, said: str) -> None:
    with _client(error) as client, pytest.raises(ApiUnreachable, match=said):
        client.delete_facts("maya")


def test_an_answer_of_another_shape_is_a_problem() -> None:
    with _client(httpx2.Response(200, json={"deleted": "all"})) as client, pytest.raises(ApiProblem):
        client.delete_fact("maya", "f1")


def test_an_edit_sends_only_what_is_to_be_different() -> None:
    seen: list[httpx2.Request] = []
    with _client(httpx2.Response(200, json=_FACT), seen=seen) as client:
        client.edit_fact("maya", "f/1", EditFactRequest(pinned=False))
    assert (seen[0].method, seen[0].url.raw_path) == ("PATCH", b"/users/maya/facts/f%2F1")
    assert json.loads(seen[0].content) == {"pinned": False}


def test_a_search_names_the_character_only_where_there_is_one() -> None:
    seen: list[httpx2.Request] = []
    found = {"status": "empty", "candidates": [], "threshold": 0.25, "rerank": "off"}
    with _client(*(httpx2.Response(200, json=found) for _ in range(2)), seen=seen) as client:
        client.search("maya", "tea & more", 5, "Вера")
        client.search("maya", "tea")
    assert dict(seen[0].url.params) == {"q": "tea & more", "limit": "5", "character": "Вера"}
    assert dict(seen[1].url.params) == {"q": "tea", "limit": "10"}


def _export(*chunks: bytes | Exception) -> list[object]:
    def content() -> Iterator[bytes]:
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    with _client(httpx2.Response(200, content=content())) as client:
        return list(client.export_user("maya"))


def test_an_export_ends_its_rows_at_line_feeds_only() -> None:
    rows = _export('{"type":"fact","text":"a\u2028b\x85'.encode(), b'c"}\n{"type":"event"}\n')
    assert rows == [{"type": "fact", "text": "a\u2028b\x85c"}, {"type": "event"}]


@pytest.mark.parametrize("line", [b"<html>\n", b"[1]\n", b'{"type":"fact"'])
def test_an_export_that_is_none_is_a_problem(line: bytes) -> None:
    with pytest.raises(ApiProblem, match="cannot be read"):
        _export(b'{"type":"user"}\n', line)


def test_an_export_that_breaks_off_is_an_error_and_not_a_short_one() -> None:
    with pytest.raises(ApiUnreachable, match="broke"):
        _export(b'{"type":"user"}\n', httpx2.RemoteProtocolError("x"))


def test_an_export_that_is_refused_is_the_apis_problem() -> None:
    refused = httpx2.Response(503, json=_PROBLEM)
    with _client(refused) as client, pytest.raises(ApiProblem, match="no room now"):
        list(client.export_user("maya"))

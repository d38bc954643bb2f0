"""A small synchronous client of the API."""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ValidationError

from repartee.application.add_facts import AddFactsRequest, FactList, NewFact
from repartee.application.delete_facts import Deleted
from repartee.application.edit_fact import EditFactRequest
from repartee.application.erase_user import Erased
from repartee.application.fact_stats import FactCounts
from repartee.application.generate_reply import Reply, ReplyDelta, ReplyEvent, ReplyStarted
from repartee.application.list_facts import FactListPage
from repartee.application.search_facts import CandidateList
from repartee.domain.character import Character
from repartee.domain.fact import Fact
from repartee.presentation.cli.failures import ApiProblem, ApiUnreachable
from repartee.presentation.ndjson import lines_in

_TIMEOUT: Final = httpx2.Timeout(120.0, connect=3.0)
_PAGE: Final = 500
_EVENTS: Final[Mapping[str, type[ReplyEvent]]] = {"facts": ReplyStarted, "delta": ReplyDelta, "done": Reply}

Model = TypeVar("Model", bound=BaseModel)


class Alive(BaseModel):
    """What the service says of itself."""

    service: str
    model: str = ""
    embedder: str = ""
    store: str = ""


class ApiClient:
    """The API at one address. Everything raises ApiProblem or ApiUnreachable."""

    def __init__(self, url: str, api_key: str | None, transport: httpx2.BaseTransport | None = None) -> None:
        self.url = url
        headers = {b"authorization": b"Bearer " + api_key.encode()} if api_key else {}
        self._http = httpx2.Client(
            base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def place(self) -> str:
        """The address."""
        return self.url

    def health(self) -> Alive:
        """Return what answers."""
        return self._called(Alive, "GET", "/healthz")

    def character(self, name: str) -> Character:
        """Return a shipped character."""
        return self._called(Character, "GET", f"/characters/{quote(name, safe='')}")

    def generate_stream(self, request: Mapping[str, Any]) -> Generator[ReplyEvent, None, None]:
        """Yield one ReplyStarted, pieces of text, then the whole Reply. Closing it closes the connection."""
        with self._streamed("POST", "/generate", _encoded({**request, "stream": True})) as response:
            for event in httpx2.EventSource(response):
                yield _event_of(event)
                if event.event == "done":
                    return
        raise ApiUnreachable(f"the API at {self.url} broke the reply off before its end")

    def add_facts(self, user_id: str, facts: Sequence[NewFact]) -> list[Fact]:
        """Store up to 256 facts and return them; what is returned is durable."""
        body = AddFactsRequest(facts=tuple(facts)).model_dump(exclude_defaults=True)
        return self._called(FactList, "POST", _facts_of(user_id), body=body).facts

    def facts(self, user_id: str, *, superseded: bool = False) -> Iterator[Fact]:
        """Yield every stored fact of the user; with `superseded` also those that no longer hold."""
        after: str | None = None
        wanted = {"limit": str(_PAGE), "superseded": str(superseded).lower()}
        while True:
            params = {**wanted, **({"after": after} if after else {})}
            page = self._called(FactListPage, "GET", _facts_of(user_id), params=params)
            yield from page.facts
            if page.next is None:
                return
            after = page.next

    def search(
        self, user_id: str, message: str, limit: int = 10, character: str | None = None
    ) -> CandidateList:
        """Return the facts nearest to a message, and what a reply of the character would do with them."""
        params = {"q": message, "limit": str(limit), **({"character": character} if character else {})}
        return self._called(CandidateList, "GET", f"{_facts_of(user_id)}/search", params=params)

    def edit_fact(self, user_id: str, fact_id: str, changes: EditFactRequest) -> Fact:
        """Change a fact and return it."""
        body = changes.model_dump(exclude_unset=True)
        return self._called(Fact, "PATCH", _fact_of(user_id, fact_id), body=body)

    def delete_fact(self, user_id: str, fact_id: str) -> int:
        """Forget one fact."""
        return self._called(Deleted, "DELETE", _fact_of(user_id, fact_id)).deleted

    def delete_facts(self, user_id: str) -> int:
        """Forget everything about the user and return how many facts there were."""
        return self._called(Deleted, "DELETE", _facts_of(user_id)).deleted

    def fact_stats(self) -> FactCounts:
        """Count facts and users."""
        return self._called(FactCounts, "GET", "/facts/stats")

    def export_user(self, user_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield all that is stored about the user: a `user` row, then `fact` and `event` rows."""
        with self._streamed("GET", f"{_user(user_id)}/export") as response:
            yield from map(_row, lines_in(response.iter_bytes()))

    def erase_user(self, user_id: str) -> Erased:
        """Erase all that is stored about the user."""
        return self._called(Erased, "DELETE", _user(user_id))

    @contextmanager
    def _streamed(self, method: str, path: str, content: bytes | None = None) -> Iterator[httpx2.Response]:
        with (
            self._translated(),
            self._http.stream(method, path, content=content, headers=_JSON) as response,
        ):
            if response.status_code != 200:
                response.read()
                raise _problem_of(response)
            yield response

    def _called(
        self,
        model: type[Model],
        method: str,
        path: str,
        *,
        body: object | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Model:
        content = None if body is None else _encoded(body)
        with self._translated():
            response = self._http.request(method, path, content=content, params=params, headers=_JSON)
        if response.status_code != 200:
            raise _problem_of(response)
        return _read(model, response.content)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise ApiUnreachable(f"the API at {self.url} does not answer") from None
        except httpx2.TimeoutException:
            raise ApiUnreachable(f"the API at {self.url} gave no answer in {_TIMEOUT.read:g} s") from None
        except httpx2.HTTPError:
            raise ApiUnreachable(f"the connection to the API at {self.url} broke") from None
        except httpx2.InvalidURL:
            raise ApiUnreachable(f"{self.url} is not an address") from None


_JSON: Final = {"content-type": "application/json"}


def _encoded(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _user(user_id: str) -> str:
    return f"/users/{quote(user_id, safe='')}"


def _facts_of(user_id: str) -> str:
    return f"{_user(user_id)}/facts"


def _fact_of(user_id: str, fact_id: str) -> str:
    return f"{_facts_of(user_id)}/{quote(fact_id, safe='')}"


def _event_of(event: httpx2.ServerSentEvent) -> ReplyEvent:
    if event.event == "error":
        raise _problem(event.data, 500)
    if event.event not in _EVENTS:
        raise ApiProblem(f"the API sent an unknown event {event.event!r}", "unknown_event", 500)
    return _read(_EVENTS[event.event], event.data)


def _read(model: type[Model], content: str | bytes) -> Model:
    try:
        return model.model_validate_json(content)
    except ValidationError:
        raise _unreadable() from None


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(row, dict):
        raise _unreadable()
    return row


def _unreadable() -> ApiProblem:
    detail = "the API's answer cannot be read: are it and this command of the same version?"
    return ApiProblem(detail, "unreadable", 500)


def _problem_of(response: httpx2.Response) -> ApiProblem:
    return _problem(response.content, response.status_code)


def _problem(content: str | bytes, status: int) -> ApiProblem:
    """Return a problem document as an exception, whatever the content is."""
    try:
        document = json.loads(content)
        detail, code = _with_field(document), str(document["code"])
        stated = document.get("status")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ApiProblem(f"the API answered {status} without saying why", "http", status)
    return ApiProblem(detail, code, stated if isinstance(stated, int) else status)


def _with_field(document: Mapping[str, Any]) -> str:
    """Return the detail of a problem; it starts with the field that is wrong, where one is named."""
    detail = str(document["detail"])
    named = document.get("errors") or [{}]
    field = named[0].get("field") if isinstance(named[0], dict) else None
    return f"{field}: {detail}" if field and not detail.startswith(f"{field}: ") else detail

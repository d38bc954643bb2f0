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
from repartee.application.generate_reply import Reply, ReplyDelta, ReplyEvent, ReplyStarted
from repartee.application.list_facts import FactListPage
from repartee.application.search_facts import CandidateList
from repartee.domain.character import Character
from repartee.domain.fact import Fact
from repartee.presentation.cli.failures import ApiProblem, ApiUnreachable

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

    def health(self) -> Alive:
        """Return what answers."""
        return self._called(Alive, "GET", "/healthz")

    def character(self, name: str) -> Character:
        """Return a shipped character."""
        return self._called(Character, "GET", f"/characters/{quote(name, safe='')}")

    def generate_stream(self, request: Mapping[str, Any]) -> Generator[ReplyEvent, None, None]:
        """Yield one ReplyStarted, pieces of text, then the whole Reply. Closing it closes the connection."""
        content = _encoded({**request, "stream": True})
        with (
            self._translated(),
            self._http.stream("POST", "/generate", content=content, headers=_JSON) as response,
        ):
            if response.status_code != 200:
                response.read()
                raise _problem_of(response)
            for event in httpx2.EventSource(response):
                yield _event_of(event)
                if event.event == "done":
                    return
        raise ApiUnreachable(f"the API at {self.url} broke the reply off before its end")

    def add_facts(self, user_id: str, facts: Sequence[NewFact]) -> list[Fact]:
        """Store up to 256 facts and return them; what is returned is durable."""
        body = AddFactsRequest(facts=tuple(facts)).model_dump(exclude_defaults=True)
        return self._called(FactList, "POST", _facts_of(user_id), body=body).facts

    def facts(self, user_id: str) -> Iterator[Fact]:
        """Yield every stored fact of the user."""
        after: str | None = None
        while True:
            params = {"limit": str(_PAGE), **({"after": after} if after else {})}
            page = self._called(FactListPage, "GET", _facts_of(user_id), params=params)
            yield from page.facts
            if page.next is None:
                return
            after = page.next

    def search(self, user_id: str, message: str, limit: int = 10) -> CandidateList:
        """Return the facts nearest to a message."""
        params = {"q": message, "limit": str(limit)}
        return self._called(CandidateList, "GET", f"{_facts_of(user_id)}/search", params=params)

    def delete_fact(self, user_id: str, fact_id: str) -> int:
        """Forget one fact."""
        place = f"{_facts_of(user_id)}/{quote(fact_id, safe='')}"
        return self._called(Deleted, "DELETE", place).deleted

    def delete_facts(self, user_id: str) -> int:
        """Forget everything about the user and return how many facts there were."""
        return self._called(Deleted, "DELETE", _facts_of(user_id)).deleted

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


def _facts_of(user_id: str) -> str:
    return f"/users/{quote(user_id, safe='')}/facts"


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
        detail = "the API's answer cannot be read: are it and this command of the same version?"
        raise ApiProblem(detail, "unreadable", 500) from None


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

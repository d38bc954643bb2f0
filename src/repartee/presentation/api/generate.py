"""`POST /generate`: the character's next message, whole or as server-sent events."""

from functools import partial

import orjson
import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from repartee.application.generate_reply import (
    GenerateReply,
    GenerateRequest,
    PromptPreview,
    Reply,
    ReplyDelta,
    ReplyEvent,
    ReplyStarted,
)
from repartee.domain.errors import ReparteeError
from repartee.presentation.api.body import read_body
from repartee.presentation.api.disconnect import ClientLeft, EventStream, Write, unless_client_leaves
from repartee.presentation.api.errors import internal_problem, problem, problem_response
from repartee.presentation.api.event_data import event_data
from repartee.presentation.api.limits import Limits
from repartee.presentation.api.openapi import EXAMPLES, body_of, json_answer, problems
from repartee.presentation.api.own_user import own_user

_log = structlog.get_logger(__name__)

_EVENT_NAMES = {ReplyStarted: b"facts", ReplyDelta: b"delta", Reply: b"done"}


def generate_router(generate_reply: GenerateReply, limits: Limits) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["replies"])

    @router.post(
        "/generate",
        summary="Generate the character's next message",
        description=GenerateReply.__doc__ or "",
        response_model=Reply | PromptPreview,
        responses={
            200: {
                "description": "The reply; with `dry_run` the prompt; with `stream` server-sent events: one "
                "`facts`, then `delta`s, then exactly one `done` (the whole reply) or `error` (a problem). "
                "With `n` above 1 there is a `done` for each reply, and `delta` and `done` say its `index`.",
                "content": {
                    "application/json": {"example": EXAMPLES["reply"]},
                    "text/event-stream": {"example": EXAMPLES["stream"]},
                },
            },
            **problems(403, 404, 413, 422, 502, 503, 504),
        },
        openapi_extra=body_of(GenerateRequest, EXAMPLES["generate"], {"scene": EXAMPLES["scene"]}),
    )
    async def generate(request: Request) -> Response:
        body = _for_caller(request, await read_body(request, GenerateRequest, limits.max_body_bytes))
        request_id: str = request.scope["state"]["request_id"]
        if body.stream and not body.dry_run:
            source = partial(_write_events, generate_reply, body, request_id)
            return EventStream(source, lambda error: problem_response(error, request_id))
        try:
            reply = await unless_client_leaves(request, generate_reply(body, request_id))
        except ClientLeft:
            return Response(status_code=499)
        return json_answer(reply)

    return router


def _for_caller(request: Request, body: GenerateRequest) -> GenerateRequest:
    """Return the request with the user that the caller's key belongs to. Raises Forbidden for another one."""
    user_id = own_user(request, body.user.id, "user.id")
    if user_id == body.user.id:
        return body
    return body.model_copy(update={"user": body.user.model_copy(update={"id": user_id})})


async def _write_events(
    generate_reply: GenerateReply, body: GenerateRequest, request_id: str, write: Write
) -> None:
    """Write the events. What fails before the first one is raised, later it is the closing `error` event."""
    begun = False

    async def emit(place: int, event: ReplyEvent) -> None:
        nonlocal begun
        begun = True
        await write(_encoded(event, place if body.n > 1 else None))

    try:
        await generate_reply.stream_several(body, request_id, body.n, emit)
    except ReparteeError as error:
        if not begun:
            raise
        await write(_error_event(problem(error, request_id)))
    except ClientLeft:
        raise
    except Exception:  # noqa: BLE001  # the client must see an end; the log keeps the cause
        _log.exception("stream failed")
        await write(_error_event(internal_problem(request_id)))


def _encoded(event: ReplyEvent, place: int | None) -> bytes:
    """Return one event; of several replies it says to which one it belongs."""
    if isinstance(event, ReplyDelta):  # one of hundreds: not worth a serialiser
        document = b'{"text":' + orjson.dumps(event.text) + b"}"
    else:
        document = event.model_dump_json().encode()
    if place is not None and not isinstance(event, ReplyStarted):
        document = b'{"index":%d,' % place + document[1:]
    return b"event: " + _EVENT_NAMES[type(event)] + b"\ndata: " + event_data(document) + b"\n\n"


def _error_event(document: object) -> bytes:
    return b"event: error\ndata: " + orjson.dumps(document) + b"\n\n"

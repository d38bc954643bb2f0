"""`/v1`: chat completions and the list of models."""

import time
from collections.abc import Iterator
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from repartee.application.augment_chat import AugmentChat
from repartee.application.model_menu import CharacterChoice
from repartee.presentation.api.body import read_body
from repartee.presentation.api.disconnect import ClientLeft, unless_client_leaves
from repartee.presentation.api.errors import problem_response
from repartee.presentation.api.limits import Limits
from repartee.presentation.api.openai_door.answers import ChatCompletion, Order, completion
from repartee.presentation.api.openai_door.chat_request import ChatCompletionRequest
from repartee.presentation.api.openai_door.errors import DOOR, spoken_at
from repartee.presentation.api.openai_door.examples import ABOUT, EXAMPLES, errors
from repartee.presentation.api.openai_door.models import Model, ModelList, listed, shown
from repartee.presentation.api.openai_door.reading import (
    read_augmented_user,
    read_user,
    to_augment,
    to_generate,
)
from repartee.presentation.api.openai_door.stream import CompletionStream
from repartee.presentation.api.openapi import answer, body_of, json_answer
from repartee.presentation.services import Services


def openai_router(services: Services, limits: Limits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix=DOOR, tags=["OpenAI-compatible"])
    started = int(time.time())

    @router.post("//chat/completions", include_in_schema=False)
    @router.post("/chat/completions/", include_in_schema=False)
    @router.post(
        "/chat/completions",
        summary="Answer as OpenAI's API does",
        description=f"{ABOUT}\n\nWith a model's id: {AugmentChat.__doc__}",
        response_model=ChatCompletion,
        responses={
            200: {
                "description": "The answer; with `stream` chunks, then `[DONE]`.",
                "content": {
                    "application/json": {"example": EXAMPLES["completion"]},
                    "text/event-stream": {"example": EXAMPLES["stream"]},
                },
            },
            **errors(400, 403, 404, 408, 413, 429, 502, 503, 504),
        },
        openapi_extra=body_of(ChatCompletionRequest, EXAMPLES["request"]),
    )
    async def chat_completions(request: Request) -> Response:
        asked = await read_body(request, ChatCompletionRequest, limits.max_body_bytes)
        order = _order(services, request, asked)
        if asked.stream:
            return CompletionStream(
                order, lambda error: spoken_at(request.url.path, problem_response(error, order.request_id))
            )
        try:
            return completion(order, await unless_client_leaves(request, order.several()))
        except ClientLeft:
            return Response(status_code=499)

    @router.get("//models", include_in_schema=False)
    @router.get("/models/", include_in_schema=False)
    @router.get(
        "/models",
        summary="List models and characters",
        responses=answer(ModelList, EXAMPLES["models"]),
    )
    async def list_models() -> Response:
        return json_answer(listed(services.model_menu.entries(), started))

    @router.get(
        "/models/{model_id:path}",
        summary="Read one model or character",
        responses={**answer(Model, EXAMPLES["model"]), **errors(404)},
    )
    async def get_model(model_id: str) -> Response:
        return json_answer(shown(services.model_menu.find(model_id), started))

    return router


def _order(services: Services, request: Request, asked: ChatCompletionRequest) -> Order:
    choice = services.model_menu.find(asked.model).choice
    request_id: str = request.state.request_id
    count, ignored = asked.n or 1, asked.ignored
    make = partial(
        Order,
        model=asked.model,
        request_id=request_id,
        count=count,
        with_usage=bool(asked.stream_options and asked.stream_options.include_usage),
    )
    if isinstance(choice, CharacterChoice):
        card = services.characters.get(choice.name)
        turn = to_generate(asked, read_user(request, asked), choice.name, card)
        generate = services.generate_reply
        return make(
            ignored=ignored,
            several=partial(generate.several, turn, request_id, count),
            stream=partial(generate.stream_several, turn, request_id, count),
        )
    chat = to_augment(asked, read_augmented_user(request, asked), choice.model, choice.arm)
    augment = services.augment_chat
    return make(
        ignored=(*ignored, *_for_characters_only(asked)),
        several=partial(augment.several, chat, request_id, count),
        stream=partial(augment.stream_several, chat, request_id, count),
    )


def _for_characters_only(asked: ChatCompletionRequest) -> Iterator[str]:
    if asked.repartee.scenario:
        yield "repartee.scenario"
    if asked.repartee.mode:
        yield "repartee.mode"

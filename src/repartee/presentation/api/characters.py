"""`/characters`: who ships with the service, and what is on a card of one's own."""

import asyncio
from base64 import b64encode
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from repartee.application.ports import CharacterLibrary
from repartee.domain.cards import limits
from repartee.domain.cards.assets import asset_type
from repartee.domain.cards.card_file import CardFile, read_card
from repartee.domain.cards.portrait import main_picture
from repartee.domain.cards.spec import Spec
from repartee.domain.character import Character
from repartee.presentation.api.body import read_bytes
from repartee.presentation.api.openapi import EXAMPLES, answer, json_answer, problems

_PICTURE_BYTES: Final = 4 * limits.MIB
CARD_BYTES: Final = 16 * limits.MIB
"""A card has its picture with it; `REPARTEE_API__MAX_BODY_BYTES` holds for the other routes."""


class CharacterSummary(BaseModel):
    """A shipped character: `id` is what `POST /generate` takes."""

    id: str
    name: str
    language: str | None
    tags: list[str]


class CharacterSummaryList(BaseModel):
    """The shipped characters, sorted by id."""

    characters: list[CharacterSummary]


class CardAsset(BaseModel):
    """A file inside the card. `name` is its path, `type` what it is for."""

    name: str
    type: str
    bytes: int


class ParsedCard(BaseModel):
    """A card as it was found (`card`) and what Repartee plays of it (`character`)."""

    character: Character
    card: dict[str, Any]
    spec: Spec
    warnings: list[str]
    assets: list[CardAsset]
    picture: str | None = Field(
        default=None, description="The main icon of a CHARX as base64, up to 4 MiB. A PNG is its own picture."
    )


def characters_router(library: CharacterLibrary) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["characters"])

    @router.get(
        "/characters",
        summary="List the shipped characters",
        responses=answer(CharacterSummaryList, EXAMPLES["characters"]),
    )
    async def list_characters() -> Response:
        return json_answer(
            CharacterSummaryList(characters=[_summary(name, library.get(name)) for name in library.names()])
        )

    @router.get(
        "/characters/{character_id}",
        summary="Read one character",
        responses={**answer(Character, EXAMPLES["character"]), **problems(404)},
    )
    async def get_character(character_id: str) -> Response:
        return json_answer(library.get(character_id))

    @router.post(
        "/characters/parse",
        summary="Read a card file: PNG, CHARX, JSON or YAML",
        responses={**answer(ParsedCard, EXAMPLES["parsed_card"]), **problems(408, 413, 422)},
        openapi_extra={
            "requestBody": {
                "required": True,
                "description": "The bytes of the file, up to 16 MiB; its format is told by its content.",
                "content": {
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                    "application/json": {
                        "schema": {"type": "object"},
                        "example": EXAMPLES["parsed_card"]["card"],
                    },
                },
            }
        },
    )
    async def parse_card(request: Request) -> Response:
        body = await read_bytes(request, CARD_BYTES)
        return json_answer(await asyncio.to_thread(_parsed, body))

    return router


def _parsed(body: bytes) -> ParsedCard:
    card = read_card(body)
    return ParsedCard(
        character=card.character,
        card=card.raw,
        spec=card.spec,
        warnings=list(card.warnings),
        assets=_assets(card),
        picture=_picture(card),
    )


def _picture(card: CardFile) -> str | None:
    """Return the picture that a browser cannot find in the file itself."""
    found = None if card.format == "png" else main_picture(card.data, card.assets) or card.image
    return b64encode(found).decode() if found and len(found) <= _PICTURE_BYTES else None


def _assets(card: CardFile) -> list[CardAsset]:
    return [
        CardAsset(name=path, type=asset_type(card.data, path), bytes=len(content))
        for path, content in card.assets.items()
    ]


def _summary(name: str, character: Character) -> CharacterSummary:
    return CharacterSummary(
        id=name, name=character.name, language=character.language, tags=list(character.tags)
    )

"""`/characters`: who ships with the service."""

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from repartee.application.ports import CharacterLibrary
from repartee.domain.character import Character
from repartee.presentation.api.openapi import EXAMPLES, answer, json_answer, problems


class CharacterSummary(BaseModel):
    """A shipped character: `id` is what `POST /generate` takes."""

    id: str
    name: str
    language: str | None
    tags: list[str]


class CharacterSummaryList(BaseModel):
    """The shipped characters, sorted by id."""

    characters: list[CharacterSummary]


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

    return router


def _summary(name: str, character: Character) -> CharacterSummary:
    return CharacterSummary(
        id=name, name=character.name, language=character.language, tags=list(character.tags)
    )

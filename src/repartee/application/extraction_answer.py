"""The JSON in which a model proposes facts: its schema, and a reader that forgives the wrapping alone."""

import re
from typing import Annotated, Any, Final

import jiter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repartee.application.ports import ResponseSchema
from repartee.domain.fact import FactOwner
from repartee.domain.text import FactText, OptionalName

_MOST_FACTS: Final = 64
_LONGEST_STATEMENT: Final = 600
_LONGEST_ANSWER: Final = 200_000
_THOUGHT: Final = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)

_FACT_SCHEMA: Final[dict[str, Any]] = {
    "statement": {"type": "string"},
    "owner": {"type": "string", "enum": ["user", "character"]},
    "subject": {"type": "string"},
    "only_this_character": {"type": "boolean"},
    "evidence": {"type": "string"},
    "message_index": {"type": "integer"},
    "supersedes": {"type": "array", "items": {"type": "integer"}},
    "confidence": {"type": "number"},
}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


EXTRACTION_SCHEMA: Final = ResponseSchema(
    name="facts", schema=_object({"facts": {"type": "array", "items": _object(_FACT_SCHEMA)}})
)


class UnreadableAnswer(Exception):
    """The answer is not what was asked for. `problem` says why without a word of it."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class ProposedFact(BaseModel):
    """One fact as the model writes it; more keys than these are passed over."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    statement: Annotated[FactText, Field(max_length=_LONGEST_STATEMENT)]
    owner: FactOwner = "user"
    subject: OptionalName = "user"
    only_this_character: bool = False
    evidence: Annotated[str, Field(min_length=1, max_length=1_000)]
    message_index: int
    supersedes: Annotated[list[int], Field(max_length=64)] = []
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.5


class _Answer(BaseModel):
    facts: Annotated[list[ProposedFact], Field(max_length=_MOST_FACTS)]


def read_extraction(text: str) -> list[ProposedFact]:
    """Return the proposed facts. Raises UnreadableAnswer.

    A thought before it, a fence around it and words around that are taken off; the JSON itself must be whole.
    """
    try:
        value = jiter.from_json(_unwrapped(text).encode(), allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError:
        raise UnreadableAnswer("it is not one whole JSON object without repeated keys") from None
    try:
        return _Answer.model_validate(value).facts
    except ValidationError as error:
        raise UnreadableAnswer(_first_mistake(error)) from None


def _unwrapped(text: str) -> str:
    if len(text) > _LONGEST_ANSWER:
        raise UnreadableAnswer(f"it is longer than {_LONGEST_ANSWER} characters")
    plain = _THOUGHT.sub("", text, count=1)
    start, end = plain.find("{"), plain.rfind("}")
    if start < 0 or end < start:
        raise UnreadableAnswer("it holds no JSON object")
    return plain[start : end + 1]


def _first_mistake(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"

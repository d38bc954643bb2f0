"""What the guard may change, rule by rule: each has its switch."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from repartee.domain.character import Character
from repartee.domain.errors import InvalidInput

StopString = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_CARD_FIELD: Final = "character.extensions.repartee.guard"


class GuardOptions(BaseModel):
    """The switches. A cut ends the reply; everything else repairs it in place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stop: tuple[StopString, ...] = Field(default=(), max_length=16, description="Cut before any of these.")
    cut_speakers: bool = Field(
        default=True, description="Cut where a line opens with somebody else's `Name:`."
    )
    bare_names: bool = Field(
        default=False, description="A name at a line's start counts without its colon too."
    )
    strip_own_name: bool = Field(
        default=True, description="Remove the character's own `Name:` at line starts."
    )
    special_tokens: bool = Field(
        default=True, description="Cut at `<|im_end|>`, `</s>`, `[INST]` and the like."
    )
    thoughts: bool = Field(default=True, description="Remove a `<think>…</think>` that opens the reply.")
    spaces: bool = Field(default=True, description="Remove spaces at line ends and around the reply.")
    max_blank_lines: int | None = Field(
        default=1, ge=0, le=10, description="Blank lines in a row; null: any."
    )
    trim_sentence: Literal["never", "length", "always"] = Field(
        default="length",
        description="Drop an unfinished last sentence: `length` where the model was cut off.",
    )
    balance: bool = Field(default=True, description="Close or drop single asterisks and quotation marks.")
    code_fences: bool = Field(default=True, description="Leave fenced code alone, and close it if cut off.")
    max_words: int | None = Field(default=None, ge=1, le=10_000)
    max_characters: int | None = Field(default=None, ge=1, le=100_000)
    max_sentences: int | None = Field(default=None, ge=1, le=1_000)
    loop_repeats: int | None = Field(
        default=4, ge=3, le=50, description="Cut where the same words come this often in a row; null: never."
    )
    detect_refusal: bool = Field(default=True, description="Report a refusal, and words that leave the role.")


_USUAL: Final = GuardOptions()


def guard_options(character: Character, requested: GuardOptions | None = None) -> GuardOptions:
    """Return the character's options with those that the request names put over them, field by field.

    The character's stand in its extensions under `repartee.guard`. Raises InvalidInput where they are wrong.
    """
    own = _of_card(character)
    if requested is None or not requested.model_fields_set:
        return own
    return own.model_copy(update={name: getattr(requested, name) for name in requested.model_fields_set})


def _of_card(character: Character) -> GuardOptions:
    own = character.extensions.get("repartee")
    given: Any = own.get("guard") if isinstance(own, dict) else None
    try:
        return _USUAL if given is None else GuardOptions.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = ".".join(map(str, (_CARD_FIELD, *first["loc"])))
        raise InvalidInput(first["msg"], field=path) from None

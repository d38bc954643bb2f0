"""The character: a superset of the Character Card V3 fields.

Format: Character Card V3 (`spec: chara_card_v3`); V2 cards and flat V1 objects have the same field names.
Fields that the card formats do not know (`age`, `language`, `style`) live in `data.extensions.repartee`
of a card file, so that the file stays valid for other programs.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from repartee.domain.dialogue import Message
from repartee.domain.macros import MacroContext, expand
from repartee.domain.text import MESSAGE_CHARACTERS, CardText, Name, OptionalName, ShortText

_OWN_FIELDS = ("age", "language", "style")
_LISTS_OF_TEXTS = ("alternate_greetings", "group_only_greetings", "tags")
_SPEAKER = re.compile(r"^\s*(\{\{\s*(?:user|char)\s*\}\}|<(?:USER|BOT|CHAR)>)\s*:\s?", re.IGNORECASE)


class Style(BaseModel):
    """How the character writes; stated in the prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_words: int = Field(default=0, ge=0, le=2_000)
    max_words: int | None = Field(default=None, ge=1, le=2_000)
    actions: Literal["asterisks", "none"] = Field(
        default="asterisks",
        description="How physical actions are written: *between asterisks* or not at all.",
    )
    notes: ShortText = ""


class Character(BaseModel):
    """Who answers. Unknown card fields are kept untouched; nothing but `name` is needed."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: Name
    nickname: OptionalName = ""
    age: int | None = Field(default=None, ge=0, le=1_000_000)
    description: CardText = ""
    personality: CardText = ""
    scenario: CardText = ""
    first_mes: CardText = Field(default="", description="The greeting.")
    alternate_greetings: tuple[CardText, ...] = Field(default=(), max_length=100)
    group_only_greetings: tuple[CardText, ...] = Field(default=(), max_length=100)
    mes_example: CardText = Field(
        default="", description="Example dialogues: `<START>` blocks of `{{user}}:` and `{{char}}:` lines."
    )
    system_prompt: CardText = ""
    post_history_instructions: CardText = ""
    creator_notes: CardText = ""
    creator: CardText = ""
    character_version: CardText = ""
    tags: tuple[CardText, ...] = Field(default=(), max_length=1_000)
    extensions: dict[str, Any] = Field(default_factory=dict)
    character_book: dict[str, Any] | None = None
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    style: Style = Style()

    @model_validator(mode="before")
    @classmethod
    def _unwrap_card(cls, value: Any) -> Any:
        """Accept a whole V2/V3 card object, take null for absent, lift our fields out of its extensions."""
        if not isinstance(value, Mapping):
            return value
        card = value
        if "spec" in value and isinstance(value.get("data"), Mapping):
            card = value["data"]
        card = {field: given for field, given in card.items() if given is not None}
        for field in _LISTS_OF_TEXTS:
            if isinstance(card.get(field), list):
                card[field] = [text for text in card[field] if text is not None]
        extensions = card.get("extensions")
        own = extensions.get("repartee") if isinstance(extensions, Mapping) else None
        if isinstance(own, Mapping):
            card = {**{field: own[field] for field in _OWN_FIELDS if field in own}, **card}
        return card

    @property
    def display_name(self) -> str:
        """The name that `{{char}}` stands for: the nickname where the card has one (V3)."""
        return self.nickname or self.name

    def greetings(
        self, user_name: str, macros: MacroContext | None = None, *, in_group: bool = False
    ) -> tuple[str, ...]:
        """Return every opening line with names put in, or all `macros`: `first_mes`, then the alternates.

        In a group those that are meant for groups come before them (V3).
        """
        values = macros or MacroContext(char=self.display_name, user=user_name)
        own = self.group_only_greetings if in_group else ()
        texts = (*own, self.first_mes, *self.alternate_greetings)
        return tuple(expand(text, values).text for text in texts if text.strip())

    def example_dialogues(self) -> tuple[tuple[Message, ...], ...]:
        """Return the exchanges of `mes_example`, macros in the texts left as they are.

        Blocks start with `<START>`; a line that starts with `{{user}}:` or `{{char}}:` (or the character's
        name) opens a message, other lines continue it (Character Card V1). One that is longer than a message
        may be is no example of one and is left out.
        """
        blocks = re.split(r"^[ \t]*<START>[ \t\r]*$", self.mes_example, flags=re.IGNORECASE | re.MULTILINE)
        return tuple(messages for block in blocks if (messages := self._example_messages(block)))

    def _example_messages(self, block: str) -> tuple[Message, ...]:
        turns: list[tuple[Literal["user", "character"], list[str]]] = []
        for line in block.strip().split("\n"):
            speaker = _SPEAKER.match(line)
            named = re.match(rf"\s*(?:{re.escape(self.name)}|{re.escape(self.display_name)})\s*:\s?", line)
            if speaker:
                turns.append(
                    ("user" if "user" in speaker[1].lower() else "character", [line[speaker.end() :]])
                )
            elif named:
                turns.append(("character", [line[named.end() :]]))
            elif turns:
                turns[-1][1].append(line)
        texts = ((role, "\n".join(lines).strip()) for role, lines in turns)
        return tuple(
            Message(role=role, text=text) for role, text in texts if 0 < len(text) <= MESSAGE_CHARACTERS
        )

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Self:
        """Return the character of a card object (V1, V2 or V3 JSON). Raises pydantic.ValidationError."""
        return cls.model_validate(card)

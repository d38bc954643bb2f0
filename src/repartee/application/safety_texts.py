"""The words of notices and safe answers, by language and jurisdiction. They are the operator's."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from repartee.domain.text import script_of

SafetyText = Literal["ai_disclosure", "break_reminder", "crisis_resources", "human_question"]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
_Code = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9-]{2,16}$")]


class SafetyTexts(BaseModel):
    """For each text: its wording by jurisdiction or language code. `en` stands in for those that lack one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ai_disclosure: Mapping[_Code, _Text] = {}
    break_reminder: Mapping[_Code, _Text] = {}
    crisis_resources: Mapping[_Code, _Text] = {}
    human_question: Mapping[_Code, _Text] = {}

    @model_validator(mode="after")
    def _check(self) -> "SafetyTexts":
        for name in type(self).model_fields:
            if (texts := getattr(self, name)) and "en" not in texts:
                raise ValueError(f"{name} needs a text for en: it stands in for every other code")
        return self

    def of(self, name: SafetyText, jurisdiction: str, language: str) -> str:
        """Return the wording, "" where the operator gave none. The jurisdiction comes before the language."""
        texts: Mapping[str, str] = getattr(self, name)
        return next((texts[code] for code in (jurisdiction, language, "en") if code in texts), "")

    def over(self, shipped: "SafetyTexts") -> "SafetyTexts":
        """Return these texts, with the shipped ones where there are none."""
        given = {name: texts for name in type(self).model_fields if (texts := getattr(self, name))}
        return shipped.model_copy(update=given)


def language_of(text: str, otherwise: str) -> str:
    """Return the language to answer in: `ru` for Cyrillic, `en` for Latin letters."""
    if not any(map(str.isalpha, text)):
        return otherwise
    script = script_of(text)
    return {"cyrillic": "ru", "latin": "en"}.get(script, otherwise)

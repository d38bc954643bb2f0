"""What a reply says about safety: for the program that shows it, without a word of the user's."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from repartee.domain.safety.notices import NoticeKind
from repartee.domain.safety.self_harm import Manner, SelfHarm

SafetyAction = Literal["none", "notice", "interrupt"]


class Notice(BaseModel):
    """Something to show to the user. `text` is empty where the operator gave none."""

    model_config = ConfigDict(frozen=True)

    kind: NoticeKind
    text: str = ""


class SafetyReport(BaseModel):
    """What was found and done. `action` is `interrupt` where the operator's text is the reply."""

    model_config = ConfigDict(frozen=True)

    self_harm: SelfHarm = Field(default="none", description="`unknown`: the detector failed.")
    manner: Manner | None = None
    found_in: Literal["message", "reply"] | None = None
    action: SafetyAction = "none"
    human_question: bool = Field(
        default=False, description="The user asked whether a person answers, and the operator wants it told."
    )

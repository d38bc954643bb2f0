"""What a request may say about who sits there and since when: notices are computed from it."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from repartee.domain.safety.notices import AgeBand, Session

Jurisdiction = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{2,16}$")]


class SessionFields(BaseModel):
    """The caller keeps these times; nothing of them is stored here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    age_band: AgeBand = Field(
        default="unknown", description="`minor`: notices come every hour instead of every three."
    )
    jurisdiction: Jurisdiction | None = Field(
        default=None, description="Any code, such as `us-ny`: the operator's texts may differ by it."
    )
    session_started_at: AwareDatetime | None = Field(
        default=None, description="When this sitting of the user began."
    )
    last_notice_at: AwareDatetime | None = Field(
        default=None, description="When the user was last shown a notice of a reply."
    )

    def session(self, *, opening: bool) -> Session:
        """Return the sitting. `opening`: the character has said nothing so far."""
        return Session(
            age_band=self.age_band,
            jurisdiction=(self.jurisdiction or "").lower(),
            started_at=self.session_started_at,
            last_notice_at=self.last_notice_at,
            opening=opening,
        )

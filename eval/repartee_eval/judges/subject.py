"""What is scored or moderated on its own: one side, without another to compare it with."""

import hashlib
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.scenario import Scenario
from repartee.domain.user import User
from repartee_eval.cases import Case, Depth, Side


class Subject(BaseModel):
    """A reply, a stretch of dialogue, or a summary, with what came before. Judged: `side.messages[focus:]`.

    For a summary `shared` is the dialogue that it sums up, and the side's one message is the summary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Literal["dialogue", "reply", "summary"]
    cluster: str
    character_id: str
    character: Character
    user: User = User()
    scenario: Scenario | None = None
    scenario_id: str | None = None
    depth: Depth | None = None
    shared: tuple[Message, ...] = ()
    golden: bool = False
    side: Side

    @classmethod
    def of_side(cls, case: Case, side: Literal["a", "b"]) -> Self:
        """Return one side of a case. What reads the same has the same id, in whatever case it stands."""
        unnamed = cls(
            id="",
            kind="reply" if case.kind == "reply" else "dialogue",
            cluster=case.cluster,
            character_id=case.character_id,
            character=case.character,
            user=case.user,
            scenario=case.scenario,
            scenario_id=case.scenario_id,
            depth=case.depth,
            shared=case.shared,
            golden=case.golden,
            side=case.a if side == "a" else case.b,
        )
        return unnamed.model_copy(update={"id": unnamed.content_hash()})

    def content_hash(self) -> str:
        """Return 64 hexadecimal digits over all that is judged."""
        return hashlib.sha256(self.model_dump_json(exclude={"id", "golden"}).encode()).hexdigest()

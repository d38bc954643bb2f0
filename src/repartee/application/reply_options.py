"""What a request may choose about a reply, and how that meets what the operator chose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from repartee.application.ports import Sampling
from repartee.application.retrieve_facts import Question, Retrieval, RetrieveFacts
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput
from repartee.domain.fact import TenantScope
from repartee.domain.user import User

T = TypeVar("T")

StopString = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class GenerationOptions(BaseModel):
    """Settings of the model; what is left out is the operator's choice."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str | None = Field(default=None, min_length=1, max_length=200)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=8_192)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: tuple[StopString, ...] = Field(default=(), max_length=4)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)


class RetrievalOptions(BaseModel):
    """How facts are chosen. `threshold` is a cosine; without it the embedder's calibrated one is used."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    enabled: bool = True
    limit: int = Field(default=3, ge=1, le=50)
    threshold: float | None = Field(default=None, ge=-1, le=1)


@dataclass(frozen=True, slots=True)
class ReplyPolicy:
    """The operator's limits. An empty `allowed_models` lets a request name any model."""

    deadline_seconds: float
    defaults: Sampling
    allowed_models: tuple[str, ...] = ()

    def sampling(self, wanted: GenerationOptions) -> Sampling:
        """Return the settings for one request. Raises InvalidInput for a model that is not allowed."""
        defaults, allowed = self.defaults, self.allowed_models
        if wanted.model and allowed and wanted.model not in allowed:
            raise InvalidInput(f"is not one of the allowed models: {', '.join(allowed)}", "generation.model")
        return Sampling(
            model=wanted.model or defaults.model,
            temperature=_given(wanted.temperature, defaults.temperature),
            top_p=_given(wanted.top_p, defaults.top_p),
            max_tokens=_given(wanted.max_tokens, defaults.max_tokens),
            seed=_given(wanted.seed, defaults.seed),
            stop=wanted.stop or defaults.stop,
            presence_penalty=wanted.presence_penalty,
            frequency_penalty=wanted.frequency_penalty,
        )


async def facts_for(
    retrieve_facts: RetrieveFacts,
    user: User,
    messages: Sequence[Message],
    character: str,
    options: RetrievalOptions,
) -> Retrieval:
    """Retrieve for the user's last message; `disabled` without a user, a message, or where it is off."""
    question = _question(messages, character, retrieve_facts.context_turns)
    if user.id is None or question is None or not options.enabled:
        return Retrieval(status="disabled")
    return await retrieve_facts(TenantScope(user.id), question, options.limit, options.threshold)


def _question(messages: Sequence[Message], character: str, turns: int) -> Question | None:
    """Ask about the user's last message; `turns` before it may help to understand it."""
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].role == "user":
            before = messages[max(place - turns, 0) : place]
            said = tuple(earlier.text for earlier in reversed(before))
            return Question(messages[place].text, said, character)
    return None


def _given(wanted: T | None, default: T | None) -> T | None:
    return default if wanted is None else wanted

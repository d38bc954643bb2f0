"""Replies of a candidate: their keys, what is kept, and the service's own path behind them."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from repartee.application.generate_reply import GenerateReply
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.errors import (
    CircuitOpen,
    ConfigurationError,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamUnreachable,
)
from repartee.domain.scenario import Scenario
from repartee.domain.user import User
from repartee_eval.replies import Replier, ReplyJob, read_reply
from repartee_eval.runs.job import CallFailed
from repartee_eval.wiring import ModelAddress, open_replies
from tests.loopback.judge import JudgeServer


class Failing:
    """Stands where the service's reply path would."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __call__(self, *_: object) -> object:
        raise self._error


def _job(replier: Replier, text: str = "Hello?", user: str | None = None) -> ReplyJob:
    return ReplyJob(
        replier,
        Character(name="Pat", description="A gardener."),
        User(id=user, name="Dana"),
        Scenario(setting="A garden."),
        (Message(role="user", text=text),),
    )


def _replier(error: Exception | None = None) -> Replier:
    path = cast("GenerateReply", Failing(error or RuntimeError("not to be called")))
    return Replier(path, "model", "templates", 100)


def test_the_key_hashes_all_that_determines_the_reply():
    replier = _replier()
    same = _job(replier).key
    assert same == _job(replier).key == _job(replier, user="somebody").key  # nothing is retrieved
    others = (
        _job(replier, "Other?"),
        _job(replace(replier, address="other")),
        _job(replace(replier, templates="other")),
        _job(replace(replier, seed=1)),
        _job(replace(replier, temperature=0.5)),
        _job(replace(replier, max_tokens=50)),
    )
    assert len({same, *(job.key for job in others)}) == 7


@pytest.mark.parametrize(
    ("error", "reason", "retryable", "limited"),
    [
        (UpstreamRateLimited("busy", "llm", 3.0), "rate_limited", True, True),
        (CircuitOpen("open", "llm"), "unavailable", True, False),
        (UpstreamUnreachable("down", "llm"), "unreachable", True, False),
        (UpstreamMisconfigured("key", "llm"), "misconfigured", False, False),
    ],
)
async def test_failures_of_the_service_become_failed_calls(
    error: Exception, reason: str, retryable: bool, limited: bool
):
    with pytest.raises(CallFailed) as raised:
        await _job(_replier(error)).send()
    assert (raised.value.reason, raised.value.retryable, raised.value.limited) == (reason, retryable, limited)
    assert raised.value.retry_after == (3.0 if limited else None)


async def test_a_reply_goes_through_the_services_own_prompt(judge: JudgeServer, here: Path):
    judge.reply = "A short answer."
    async with open_replies(ModelAddress.parse(f"{judge.url}#new"), attempt_seconds=10) as replier:
        answer = await _job(replier).send()
    reply = read_reply(answer.raw)
    assert (reply.text, reply.truncated) == ("A short answer.", False)
    assert answer.prompt_tokens == 100
    assert not list(here.iterdir())  # no event log, no facts


async def test_offline_needs_no_server(here: Path):
    async with open_replies(ModelAddress.parse("offline"), attempt_seconds=10) as replier:
        answers = [await _job(replier).send() for _ in range(2)]
    assert read_reply(answers[0].raw).text
    assert answers[0].raw == answers[1].raw  # one seed, one reply
    assert not list(here.iterdir())


@pytest.mark.usefixtures("here")
async def test_a_model_without_a_server_is_the_operators_mistake():
    with pytest.raises(ConfigurationError, match="REPARTEE_LLM__"):
        async with open_replies(ModelAddress.parse("openai/gpt-5-mini"), attempt_seconds=10):
            pass


def test_addresses_name_server_and_model():
    assert ModelAddress.parse("offline").is_offline
    assert str(ModelAddress.parse("http://h:1/v1#m")) == "http://h:1/v1#m"
    assert not ModelAddress.parse("http://h:1/v1#offline").is_offline
    with pytest.raises(ConfigurationError, match="#MODEL"):
        ModelAddress.parse("http://h:1/v1")

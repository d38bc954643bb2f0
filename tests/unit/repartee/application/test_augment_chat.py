from functools import partial

import pytest

from repartee.application.add_facts import AddFacts, NewFact
from repartee.application.augment_chat import AugmentChat, AugmentRequest
from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.ports import PromptMessage, Sampling
from repartee.application.reply import Reply, ReplyDelta, ReplyStarted
from repartee.application.reply_options import ReplyPolicy, RetrievalOptions
from repartee.application.retrieve_facts import RetrievalPolicy, RetrieveFacts
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.errors import UpstreamUnavailable
from repartee.domain.fact import TenantScope
from repartee.domain.user import User
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from tests.fakes import FakeChatModel, FakeEventLog, FakeFactStore, emitted

ANN = User(id="ann", name="Ann")
CHAT = (
    PromptMessage("system", "You are Ada.\x0b"),
    PromptMessage("system", "tick", "example_assistant"),
    PromptMessage("assistant", "Mind the pendulum."),
    PromptMessage("user", "my cat broke a vase"),
    PromptMessage("system", "Stay in character."),
)
CAT = "Has a cat that broke a vase before"


class _Words:
    def count(self, text: str) -> int:
        return len(text.split())


@pytest.fixture
def model() -> FakeChatModel:
    return FakeChatModel("one two", "three")


@pytest.fixture
def make(store, embedder, telemetry, model):
    def made(context: int = 4_000, tail_role="system", **changed) -> AugmentChat:
        retrieve = RetrieveFacts(embedder, changed.pop("store", store), None, telemetry, RetrievalPolicy(0.5))
        budget = PromptBudget(context, 100, tail_role)
        compose = ComposePrompt(MakoPromptRenderer(shipped_folder("prompts")), _Words(), budget)
        policy = ReplyPolicy(5.0, Sampling(max_tokens=100))
        events = changed.pop("events", None)
        return AugmentChat(retrieve, compose, model, events, telemetry, policy)

    return made


@pytest.mark.parametrize(
    ("user", "facts"),
    [(User(), [CAT]), (ANN, []), (ANN, ["Likes tea"])],
    ids=["nobody", "no facts", "none that fits"],
)
async def test_without_facts_the_model_gets_the_clients_messages_and_nothing_else(
    make, model, remember, user, facts
) -> None:
    await remember("ann", *facts)
    await make().several(AugmentRequest(CHAT, user), "r1", 1)
    assert model.prompts[0].messages == CHAT


async def test_facts_come_right_after_the_users_last_message_and_all_else_stays(
    make, model, remember
) -> None:
    await remember("ann", CAT)
    [reply] = await make().several(AugmentRequest(CHAT, ANN), "r1", 1)
    sent = model.prompts[0].messages
    assert (*sent[:4], *sent[5:]) == CHAT
    assert sent[4].role == "system"
    assert CAT in sent[4].content
    assert "next message" not in sent[4].content
    assert [fact.text for fact in reply.facts] == [CAT]
    assert reply.retrieval.status == "ok"


async def test_facts_join_the_users_message_where_system_may_stand_first_only(make, model, remember) -> None:
    await remember("ann", CAT)
    await make(tail_role="user").several(AugmentRequest(CHAT, ANN), "r1", 1)
    sent = model.prompts[0].messages
    assert [message.role for message in sent] == ["system", "assistant", "user"]
    assert CAT in sent[-1].content
    assert sent[-1].content.startswith("my cat broke a vase")


async def test_facts_take_a_quarter_of_the_context_at_most(make, model, remember) -> None:
    await remember("ann", *(f"{CAT} {'very ' * 40}{number}" for number in range(5)))
    options = RetrievalOptions(limit=5, threshold=0.01)
    [reply] = await make(context=512).several(AugmentRequest(CHAT, ANN, retrieval=options), "r1", 1)
    assert len(reply.facts) == 2  # 53 tokens each; a quarter is 128


async def test_what_another_character_knows_stays_out_until_that_one_answers(make, store, embedder) -> None:
    fact = NewFact(text=CAT, owner="character", character="Ada")
    await AddFacts(embedder, store, TenantLocks())(TenantScope("ann"), [fact])
    [stranger] = await make().several(AugmentRequest(CHAT, ANN), "r1", 1)
    [ada] = await make().several(AugmentRequest(CHAT, ANN, character="Ada"), "r1", 1)
    assert (len(stranger.facts), len(ada.facts)) == (0, 1)


async def test_an_outage_of_retrieval_changes_nothing_but_the_status(make, model) -> None:
    down = FakeFactStore(failure=UpstreamUnavailable("x", "store"))
    [reply] = await make(store=down).several(AugmentRequest(CHAT, ANN), "r1", 1)
    assert (reply.retrieval.status, model.prompts[0].messages) == ("error", CHAT)


async def test_several_replies_are_made_from_one_retrieval(make, model, embedder, telemetry) -> None:
    replies = await make().several(AugmentRequest(CHAT, ANN), "r1", 3)
    assert len({reply.id for reply in replies}) == len(telemetry.replies) == 3
    assert [sampling.choice for sampling in model.samplings] == [0, 1, 2]
    assert len(embedder.calls) == 1


async def test_a_stream_is_one_start_then_pieces_and_a_whole_for_each_reply(make) -> None:
    events = await emitted(partial(make().stream_several, AugmentRequest(CHAT, ANN), "r1", 2))
    assert [type(event) for _, event in events].count(ReplyStarted) == 1
    for place in range(2):
        mine = [event for at, event in events if at == place and not isinstance(event, ReplyStarted)]
        text = "".join(event.text for event in mine if isinstance(event, ReplyDelta))
        assert isinstance(mine[-1], Reply)
        assert text == mine[-1].text


async def test_a_reply_is_recorded_as_its_users_with_the_exact_prompt(make) -> None:
    events = FakeEventLog()
    [reply] = await make(events=events).several(AugmentRequest(CHAT, ANN), "r1", 1)
    [event] = events.events
    assert (event["type"], event["reply"]["id"], event["user"]["id"]) == ("reply", reply.id, "ann")
    assert [message["content"] for message in event["prompt"]] == [message.content for message in CHAT]
    assert [message["role"] for message in event["messages"]] == ["character", "user"]

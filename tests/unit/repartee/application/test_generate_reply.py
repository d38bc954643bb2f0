import asyncio
import time
from datetime import UTC, datetime
from functools import partial

import pytest
from pydantic import ValidationError

from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.generate_reply import (
    GenerateReply,
    GenerateRequest,
    PromptPreview,
    Reply,
    ReplyDelta,
    ReplyEvent,
    ReplyPolicy,
    ReplyStarted,
)
from repartee.application.ports import EmbeddedFact, Sampling
from repartee.application.retrieve_facts import RetrievalPolicy, RetrieveFacts
from repartee.domain.character import Character
from repartee.domain.errors import DeadlineExceeded, InvalidInput, NotFound, UpstreamUnavailable
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from tests.fakes import FakeChatModel, FakeEmbedder, FakeEventLog, emitted

DOWN = UpstreamUnavailable("model answered 503", "model")
CARD = {"name": "Ada", "first_mes": "Hello, {{user}}. I am {{char}}."}


class _Library:
    def names(self) -> tuple[str, ...]:
        return ("ada",)

    def get(self, name: str) -> Character:
        if name != "ada":
            raise NotFound("no such character")
        return Character.from_card(CARD)


class _Words:
    def count(self, text: str) -> int:
        return len(text.split())


async def events_of(generate: GenerateReply, request: GenerateRequest, count: int) -> list[ReplyEvent]:
    return [event for _, event in await emitted(partial(generate.stream_several, request, "r", count))]


@pytest.fixture
def model() -> FakeChatModel:
    return FakeChatModel("*smiles* Sit down, Ann.")


@pytest.fixture
def events() -> FakeEventLog:
    return FakeEventLog()


@pytest.fixture
def make(store, embedder, telemetry, model, events):
    def made(**changed) -> GenerateReply:
        retrieve = RetrieveFacts(
            changed.pop("embedder", embedder),
            changed.pop("store", store),
            None,
            telemetry,
            RetrievalPolicy(0.5),
        )
        compose = ComposePrompt(
            MakoPromptRenderer(shipped_folder("prompts")), _Words(), PromptBudget(4_000, 100)
        )
        policy = ReplyPolicy(
            changed.pop("deadline", 5.0), Sampling(max_tokens=100), changed.pop("allowed_models", ())
        )
        return GenerateReply(
            _Library(),
            retrieve,
            compose,
            changed.pop("model", model),
            changed.pop("events", events),
            telemetry,
            policy,
        )

    return made


def _request(text: str | None = "hi", **changed) -> GenerateRequest:
    body = {
        "messages": [{"role": "user", "text": text}] if text else [],
        "user": {"id": "ann", "name": "Ann"},
        "character": "ada",
    }
    return GenerateRequest.model_validate(body | changed)


async def test_a_reply_carries_text_facts_status_model_usage_and_timings(make, remember) -> None:
    await remember("ann", "has a grey cat")
    reply = await make()(_request("my grey cat sleeps"), "req-1")
    assert isinstance(reply, Reply)
    assert (reply.text, reply.model, reply.finish_reason) == ("*smiles* Sit down, Ann.", "fake", "stop")
    assert [(fact.text, fact.owner) for fact in reply.facts] == [("has a grey cat", "user")]
    assert reply.retrieval.status == "ok"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (10, 5)
    assert reply.request_id == "req-1"
    assert reply.timings.total_ms >= reply.timings.model_ms


async def test_an_empty_history_returns_the_greeting_without_a_model_call(make, model) -> None:
    reply = await make()(_request(None), "r")
    assert (reply.text, reply.finish_reason, reply.retrieval.status) == (
        "Hello, Ann. I am Ada.",
        "greeting",
        "disabled",
    )
    assert model.prompts == []


async def test_a_character_without_a_greeting_opens_the_chat_through_the_model(make, model) -> None:
    reply = await make()(_request(None, character={"name": "Kim"}), "r")
    assert reply.model == "fake"
    assert len(model.prompts) == 1


@pytest.mark.parametrize(
    "changed", [{"user": {"name": "Ann"}}, {"retrieval": {"enabled": False}}, {"user": {}}]
)
async def test_without_a_user_id_or_when_switched_off_nothing_is_retrieved(changed, make, embedder) -> None:
    reply = await make()(_request("my cat", **changed), "r")
    assert reply.retrieval.status == "disabled"
    assert embedder.calls == []


async def test_a_retrieval_outage_does_not_fail_the_reply(make, telemetry) -> None:
    reply = await make(embedder=FakeEmbedder(failure=DOWN))(_request(), "r")
    assert (reply.retrieval.status, reply.text) == ("error", "*smiles* Sit down, Ann.")
    assert telemetry.replies[0].retrieval_status == "error"


async def test_a_dry_run_returns_the_exact_prompt_that_the_model_would_get(make, model, remember) -> None:
    await remember("ann", "has a grey cat")
    generate = make()
    preview = await generate(_request("my grey cat", dry_run=True), "r")
    assert isinstance(preview, PromptPreview)
    assert model.prompts == []
    await generate(_request("my grey cat"), "r")
    sent = [(part.role, part.content) for part in model.prompts[0].messages]
    shown = [(part.role, part.content) for part in preview.prompt]
    assert [role for role, _ in sent] == [role for role, _ in shown]
    assert sent[:-1] == shown[:-1]
    assert "has a grey cat" in shown[-1][1]


async def test_generation_settings_reach_the_model_over_the_operators_defaults(make, model) -> None:
    options = {"model": "m", "temperature": 0.0, "max_tokens": 7, "seed": 3, "stop": ["\n"]}
    await make()(_request(generation=options), "r")
    await make()(_request(), "r")
    assert model.samplings == [
        Sampling(model="m", temperature=0.0, max_tokens=7, seed=3, stop=("\n",)),
        Sampling(max_tokens=100),
    ]


async def test_a_model_outside_the_operators_list_is_refused(make) -> None:
    with pytest.raises(InvalidInput) as caught:
        await make(allowed_models=("a", "b"))(_request(generation={"model": "c"}), "r")
    assert caught.value.field == "generation.model"


async def test_an_unknown_character_is_not_found(make) -> None:
    with pytest.raises(NotFound):
        await make()(_request(character="nobody"), "r")


async def test_the_deadline_covers_everything_and_cancels_the_model(make) -> None:
    model = FakeChatModel(delay=10)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        await make(model=model, deadline=0.05)(_request(), "r")
    assert time.monotonic() - started < 2
    assert model.cancelled == 1


async def test_a_stream_starts_with_facts_and_ends_with_the_whole_reply(make, remember) -> None:
    await remember("ann", "has a grey cat")
    seen = await events_of(make(), _request("my grey cat"), 1)
    assert isinstance(seen[0], ReplyStarted)
    assert seen[0].facts[0].text == "has a grey cat"
    assert all(isinstance(event, ReplyDelta) for event in seen[1:-1])
    assert isinstance(seen[-1], Reply)
    assert "".join(event.text for event in seen[1:-1]) == seen[-1].text
    assert seen[0].id == seen[-1].id


async def test_a_streamed_greeting_has_the_same_events(make) -> None:
    kinds = [type(event) for event in await events_of(make(), _request(None), 1)]
    assert kinds == [ReplyStarted, ReplyDelta, Reply]


async def test_closing_a_stream_closes_the_models_call(make) -> None:
    model = FakeChatModel("one two three", delay=0.001)
    heard = asyncio.Event()

    async def emit(_place: int, event: ReplyEvent) -> None:
        if isinstance(event, ReplyDelta):
            heard.set()

    task = asyncio.create_task(make(model=model).stream_several(_request(), "r", 1, emit))
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.cancelled == 1


@pytest.mark.parametrize("count", [1, 3])
async def test_a_client_that_cannot_be_written_to_closes_every_call(make, count: int) -> None:
    model = FakeChatModel("one two three", delay=0.001)

    async def emit(_place: int, event: ReplyEvent) -> None:
        if isinstance(event, ReplyDelta):
            raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        await make(model=model).stream_several(_request(), "r", count, emit)
    assert len(model.prompts) == model.cancelled == count


async def test_several_replies_are_streamed_beside_each_other(make) -> None:
    seen = await emitted(
        partial(make(model=FakeChatModel("a b c", delay=0.001)).stream_several, _request(), "r", 3)
    )
    places = [place for place, event in seen if isinstance(event, ReplyDelta)]
    assert {*places} == {0, 1, 2}
    assert places != sorted(places)
    for at in range(3):
        *pieces, whole = [event for place, event in seen[1:] if place == at]
        assert "".join(piece.text for piece in pieces) == whole.text


async def test_a_failure_in_the_middle_of_a_stream_is_raised(make) -> None:
    model = FakeChatModel("one two three", failure=DOWN, fail_after=1)
    with pytest.raises(UpstreamUnavailable):
        await events_of(make(model=model), _request(), 1)


async def test_a_reply_event_holds_what_judging_needs(make, events, remember) -> None:
    await remember("ann", "has a grey cat")
    reply = await make()(_request("my grey cat", scenario={"setting": "a bar"}), "r")
    [event] = events.events
    assert event["type"] == "reply"
    assert event["reply"]["id"] == reply.id
    assert event["prompt"][0]["role"] == "system"
    assert event["templates"] == MakoPromptRenderer(shipped_folder("prompts")).fingerprint
    assert event["messages"] == [{"role": "user", "text": "my grey cat"}]
    assert event["character"]["name"] == "Ada"
    assert event["scenario"]["setting"] == "a bar"
    assert event["reply"]["facts"][0]["text"] == "has a grey cat"


async def test_a_full_disk_under_the_event_log_does_not_fail_the_reply(make, telemetry) -> None:
    reply = await make(events=FakeEventLog(OSError(28, "No space left on device")))(_request(), "r")
    assert reply.text
    assert telemetry.left_out == ["event_log"]


async def test_two_users_at_once_never_see_each_others_facts(make, remember) -> None:
    users = [f"user{number}" for number in range(40)]
    for user in users:
        await remember(user, f"secret word of {user} is kiwi{user}")

    generate = make()
    replies = await asyncio.gather(
        *(
            generate(_request("secret word", user={"id": user, "name": "X"}, dry_run=True), user)
            for user in users
        )
    )
    for user, reply in zip(users, replies, strict=True):
        prompt = "".join(part.content for part in reply.prompt)
        assert f"kiwi{user}" in prompt
        assert prompt.count("kiwi") == 1


@pytest.mark.parametrize(
    "body",
    [
        {"character": "ada", "surprise": 1},
        {"character": "ada", "messages": [{"role": "system", "text": "x"}]},
        {"character": "ada", "messages": [{"role": "user", "text": ""}]},
        {"character": "ada", "messages": [{"role": "user", "text": "x", "tool_calls": []}]},
        {"character": "../etc"},
        {"character": None},
        {},
        {"character": "ada", "user": {"id": "*"}},
        {"character": "ada", "user": {"id": ["a", "b"]}},
        {"character": "ada", "generation": {"temperature": float("nan")}},
        {"character": "ada", "retrieval": {"limit": 0}},
        {"character": "ada", "generation": {"stop": ["a"] * 5}},
    ],
)
def test_a_request_that_is_not_one_is_refused(body: dict) -> None:
    with pytest.raises(ValidationError):
        GenerateRequest.model_validate(body)


def test_what_a_ragback_style_context_service_sends_is_accepted() -> None:
    request = GenerateRequest.model_validate(
        {
            "messages": [{"role": "user", "text": "hey"}],
            "user": {"name": "Ann", "age": 30},
            "character": {"name": "Blaze", "age": 25, "description": "A friend in a bar."},
        }
    )
    assert request.scenario is None
    assert isinstance(request.character, Character)


BOOK = {
    "name": "world",
    "entries": [{"name": "fog", "keys": ["fog"], "content": "The Warden walks.", "sticky": 3}],
}


@pytest.mark.parametrize("own", [False, True])
async def test_a_reply_says_what_lore_came_in_and_takes_its_state_back(make, own: bool) -> None:
    card = {"name": "Ada", "character_book": BOOK if own else None}
    body = {"character": card, "lorebooks": [] if own else [BOOK]}
    reply = await make()(_request("the fog", **body), "r")
    [line] = reply.lore.entries
    assert (line.book, line.name, line.fired, line.reason, line.key) == ("world", "fog", True, "key", "fog")
    assert reply.prompt_tokens_by_section["lore"] == reply.lore.tokens == 3
    later = [{"role": "user", "text": text} for text in ("the fog", "a", "b")]
    state = reply.lore.state.model_dump()
    preview = await make()(_request(messages=later, lore_state=state, dry_run=True, **body), "r")
    assert [line.reason for line in preview.lore.entries] == ["sticky"]


async def test_a_streamed_reply_says_it_at_its_beginning_and_a_greeting_hands_the_state_on(make) -> None:
    seen = await events_of(make(), _request("the fog", lorebooks=[BOOK]), 1)
    assert seen[0].lore == seen[-1].lore
    assert seen[0].lore.entries
    greeting = await make()(_request(None, lore_state=seen[-1].lore.state.model_dump()), "r")
    assert greeting.lore.state == seen[-1].lore.state


async def test_a_greeting_rolls_its_dice_by_the_seed(make) -> None:
    card = {"name": "Ada", "first_mes": "{{random:a,b,c,d,e,f,g,h}} {{user}}"}
    texts = {
        (await make()(_request(None, character=card, generation={"seed": seed}), "r")).text
        for seed in range(20)
    }
    assert 1 < len(texts) <= 8
    assert all(text.endswith(" Ann") and "{" not in text for text in texts)


async def test_the_authors_note_is_in_the_prompt_and_counted(make) -> None:
    preview = await make()(_request(author_note={"text": "Be {{char}}.", "depth": 0}, dry_run=True), "r")
    assert preview.prompt[2].content == "Be Ada."
    assert preview.prompt_tokens_by_section["author_note"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"lorebooks": [{}] * 9},
        {"lorebooks": [[]]},
        {"author_note": {"text": "x", "role": "tool"}},
        {"author_note": {"depth": 1}},
        {"lore_state": {"version": 2}},
    ],
)
def test_lore_that_is_none_is_refused(body: dict) -> None:
    with pytest.raises(ValidationError):
        _request(**body)


# --- modes --------------------------------------------------------------------------------------------


def _chat(*roles_and_texts: str, **changed) -> GenerateRequest:
    roles = ("user", "character")
    said = [{"role": roles[place % 2], "text": text} for place, text in enumerate(roles_and_texts)]
    return _request(messages=said, **changed)


async def test_another_reply_is_told_what_was_said_and_given_again_once(make, events) -> None:
    model = FakeChatModel("Sit  DOWN.", "Come in.")
    request = _chat("hi", "Sit down.", mode="regenerate", avoid=["Hello."])
    reply = await make(model=model)(request, "r")
    assert reply.text == "Come in."
    assert reply.guard.retried
    tail = model.prompts[0].messages[-1].content
    assert "- Hello.\n- Sit down.\n--- end of alternatives" in tail
    assert [part.content for part in model.prompts[0].messages if part.role == "assistant"] == []
    assert (events.events[0]["mode"], events.events[0]["avoided"]) == ("regenerate", 2)


async def test_an_alternative_is_never_streamed_before_another_one_comes(make) -> None:
    model = FakeChatModel("Sit down.", "Sit here.")
    request = _chat("hi", "Sit down.", mode="regenerate")
    seen = await events_of(make(model=model), request, 1)
    assert "".join(event.text for event in seen if isinstance(event, ReplyDelta)) == "Sit here."


async def test_a_continuation_is_only_what_comes_next(make) -> None:
    model = FakeChatModel("Ada: opens the old door* Come in.")
    reply = await make(model=model)(_chat("hi", "*opens the old door", mode="continue"), "r")
    assert reply.text == "* Come in."
    *_, last, tail = model.prompts[0].messages
    assert (last.role, last.content) == ("assistant", "*opens the old door")
    assert "Write only what comes next" in tail.content
    assert reply.guard.style == ()


async def test_the_users_next_message_never_speaks_for_the_character(make, remember) -> None:
    await remember("ann", "has a grey cat")
    model = FakeChatModel("Ann: I have to feed my cat.\nAda: Go then.")
    reply = await make(model=model)(_chat("my grey cat", "Yes?", mode="impersonate"), "r")
    assert reply.text == "I have to feed my cat."
    assert reply.guard.cut_by == "speaker"
    assert [fact.text for fact in reply.facts] == ["has a grey cat"]
    assert "write Ann's next message instead of Ada's" in model.prompts[0].messages[-1].content


async def test_several_alternatives_stand_beside_the_first(make) -> None:
    reply = await make(model=FakeChatModel("One.", "Two.", "Three."))(_request(n=3), "r")
    assert sorted([reply.text, *(other.text for other in reply.alternatives)]) == ["One.", "Three.", "Two."]


async def test_a_greeting_is_chosen_by_its_place(make) -> None:
    card = CARD | {"alternate_greetings": ["You again."]}
    request = _request(None, character=card, greeting=1, n=2)
    reply = await make()(request, "r")
    assert (reply.text, reply.alternatives[0].text) == ("You again.", "Hello, Ann. I am Ada.")


async def test_alternatives_of_another_reply_differ_from_each_other_too(make) -> None:
    model = FakeChatModel("Come in.", "Come in.", "Stay out.")
    reply = await make(model=model)(_chat("hi", "Sit down.", mode="regenerate", n=2), "r")
    assert (reply.text, [other.text for other in reply.alternatives]) == ("Come in.", ["Stay out."])
    assert reply.alternatives[0].guard.retried


# --- scenes -------------------------------------------------------------------------------------------

BO = {
    "name": "Bo",
    "first_mes": "Alone.",
    "group_only_greetings": ["Evening, {{notChar}}."],
    "character_book": {
        "entries": [{"keys": ["rope"], "content": "Rope is dear.", "extensions": {"sticky": 5}}]
    },
}
FOG = {"entries": [{"keys": ["fog"], "content": "Fog is cheap."}]}
SCENE = {"cast": [{"character": "ada"}, {"character": BO, "lorebooks": [FOG]}]}


def _scene(*messages: dict, **changed) -> GenerateRequest:
    body = {"messages": messages, "user": {"id": "ann", "name": "Ann"}} | SCENE | changed
    return GenerateRequest.model_validate(body)


def _line(text: str, speaker: str | None = None) -> dict:
    return {"role": "character" if speaker else "user", "text": text} | (
        {"speaker": speaker} if speaker else {}
    )


async def test_a_member_answers_with_its_own_card_and_books_and_the_log_knows_the_cast(
    make, model, events
) -> None:
    reply = await make()(_scene(_line("Bo, is there rope in the fog?")), "r")
    assert (reply.speaker.name, reply.speaker.reason) == ("Bo", "mentioned")
    assert {line.name or line.key for line in reply.lore.entries} == {"rope", "fog"}
    assert {line.book for line in reply.lore.entries} == {"Bo", "Bo (2)"}
    assert "# Character: Bo" in model.prompts[0].messages[0].content
    [event] = events.events
    assert (event["cast"], event["reply"]["speaker"]) == (
        ["Ada", "Bo"],
        {"name": "Bo", "reason": "mentioned"},
    )
    assert event["messages"] == [{"role": "user", "text": "Bo, is there rope in the fog?"}]


async def test_anothers_turn_leaves_what_a_members_book_remembers(make) -> None:
    generate = make()
    first = await generate(_scene(_line("rope"), speaker="Bo"), "r")
    talk = (_line("rope"), _line("Dear.", "Bo"), _line("oh"))
    second = await generate(_scene(*talk, speaker="ada", lore_state=first.lore.state.model_dump()), "r")
    assert not second.lore.entries
    third = await generate(_scene(*talk, speaker="Bo", lore_state=second.lore.state.model_dump()), "r")
    assert [line.reason for line in third.lore.entries] == ["sticky"]


async def test_each_member_remembers_only_what_it_was_told(make, store, embedder) -> None:
    scope = TenantScope("ann")
    told = [
        Fact(
            id=fact_id(scope, fact_key("user", who, f"has a cat {who}")),
            text=f"has a cat {who}",
            character=who,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for who in ("", "ada", "Bo")
    ]
    vectors = await embedder.embed_facts([fact.text for fact in told])
    await store.upsert(scope, [EmbeddedFact(*pair) for pair in zip(told, vectors, strict=True)])
    for who, known in (("Ada", {"has a cat ", "has a cat ada"}), ("Bo", {"has a cat ", "has a cat Bo"})):
        reply = await make()(_scene(_line("has a cat"), speaker=who), "r")
        assert {fact.text for fact in reply.facts} == {text.strip() for text in known}


async def test_lines_of_the_others_end_a_members_reply(make) -> None:
    model = FakeChatModel("Bo: Rope, yes.\nGone: Boo!\nAda: Light.")
    talk = (_line("hi"), _line("Boo.", "Gone"), _line("rope?"))
    reply = await make(model=model)(_scene(*talk, speaker="Bo"), "r")
    assert (reply.text, reply.guard.cut_by) == ("Rope, yes.", "speaker")
    other = await make(model=FakeChatModel("Light.\nBo: Rope."))(_scene(*talk, speaker="Ada"), "r")
    assert other.text == "Light."


async def test_a_scene_opens_with_a_greeting_for_groups(make, model) -> None:
    reply = await make()(_scene(speaker="Bo"), "r")
    assert (reply.text, reply.finish_reason) == ("Evening, Ada, Ann.", "greeting")
    assert (await make()(_scene(speaker="Bo", greeting=1), "r")).text == "Alone."
    alone = await make()(_request(None, character=BO), "r")
    assert (alone.text, alone.speaker, model.prompts) == ("Alone.", None, [])


async def test_a_stream_says_who_speaks_before_the_first_word(make) -> None:
    request = _scene(_line("hi"), _line("Rope.", "Bo"))
    seen = await events_of(make(), request, 2)
    assert (seen[0].speaker.name, seen[0].speaker.reason) == ("Ada", "only")
    assert {event.speaker.name for event in seen if isinstance(event, Reply)} == {"Ada"}


async def test_the_users_line_ends_where_any_of_the_cast_speaks(make) -> None:
    model = FakeChatModel("Ann: I go.\nAda: Stay.")
    talk = (_line("hi"), _line("Rope.", "Bo"))
    reply = await make(model=model)(_scene(*talk, mode="impersonate"), "r")
    assert (reply.text, reply.speaker) == ("I go.", None)


async def test_a_fault_of_a_members_card_names_the_member(make) -> None:
    hostile = {"name": "Cy", "character_book": {"entries": 5}}
    cast = [{"character": "ada"}, {"character": hostile, "lorebooks": [{"entries": 7}]}]
    with pytest.raises(InvalidInput) as refused:
        await make()(_scene(_line("hi"), cast=cast, speaker="Cy"), "r")
    assert refused.value.field.startswith("cast.1.lorebooks.0")
    with pytest.raises(InvalidInput) as refused:
        cast[1]["lorebooks"] = []
        await make()(_scene(_line("hi"), cast=cast, speaker="Cy"), "r")
    assert refused.value.field.startswith("cast.1.character.character_book")


async def test_books_see_who_spoke(make) -> None:
    book = {"entries": [{"keys": ["Gone"], "content": "Gone is a ghost."}]}
    talk = (_line("Boo.", "Gone"), _line("hm"))
    reply = await make()(_scene(*talk, speaker="Ada", lorebooks=[book]), "r")
    assert [line.key for line in reply.lore.entries] == ["Gone"]


async def test_a_name_with_a_colon_is_known_without_it_too(make) -> None:
    cast = [{"character": {"name": "Cy: the Late"}}, {"character": {"name": "Bo: of Rope"}}]
    model = FakeChatModel("Cy the Late: Boo.\nBo of Rope: Where?")
    reply = await make(model=model)(_scene(_line("hi"), cast=cast, speaker="Cy: the Late"), "r")
    assert (reply.text, reply.guard.cut_by) == ("Boo.", "speaker")

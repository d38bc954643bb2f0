import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.application.guard_reply import (
    GuardedCompletion,
    GuardPlan,
    guarded_completion,
    guarded_stream,
)
from repartee.application.ports import Prompt, Sampling, Turn
from repartee.domain.character import Character, Style
from repartee.domain.errors import UpstreamInvalid, UpstreamUnavailable
from repartee.domain.guard import GuardOptions
from repartee.domain.user import User
from tests.fakes import FakeChatModel

TURN = Turn(Character(name="Blaze"), User(name="Ann"), None, ())
PROMPT = Prompt((), TURN)


def plan(turn: Turn = TURN, *, stop: tuple[str, ...] = (), **options) -> GuardPlan:
    return GuardPlan.of(turn, GuardOptions(**options), stop)


async def whole(*texts: str, guard: GuardPlan | None = None) -> GuardedCompletion:
    return await guarded_completion(FakeChatModel(*texts), PROMPT, Sampling(), guard or plan())


async def streamed(model: FakeChatModel, guard: GuardPlan | None = None) -> tuple[str, GuardedCompletion]:
    pieces: list[str] = []

    async def show(text: str) -> None:
        pieces.append(text)

    reply = await guarded_stream(model, PROMPT, Sampling(), guard or plan(), show)
    assert all(pieces)
    return "".join(pieces), reply


async def test_the_user_is_never_spoken_for() -> None:
    reply = await whole("Blaze: *nods* All right.\nAnn: I leave then.\nBlaze: Bye.")
    assert reply.completion.text == "*nods* All right."
    assert reply.report.cut_by == "speaker"
    assert reply.completion.finish_reason == "stop"


async def test_a_stream_ends_where_a_rule_does_and_the_model_is_left() -> None:
    model = FakeChatModel("All right. \nAnn: I leave then, and so on and so on.", delay=0.001)
    text, reply = await streamed(model)
    assert text == reply.completion.text == "All right."
    assert model.cancelled == 1


@given(st.text(alphabet='Ann: Blze"*.\n<|im_ed>А', max_size=60))
async def test_a_stream_gives_what_the_whole_reply_gives(text: str) -> None:
    text = text.strip() or "."
    try:
        expected = await whole(text)
    except UpstreamInvalid:
        with pytest.raises(UpstreamInvalid):
            await streamed(FakeChatModel(text))
        return
    shown, reply = await streamed(FakeChatModel(text))
    assert shown == reply.completion.text == expected.completion.text
    assert reply.report == expected.report


async def test_an_empty_answer_is_asked_for_once_more() -> None:
    reply = await whole("Ann: hello", "Good evening.")
    assert (reply.completion.text, reply.report.retried) == ("Good evening.", True)
    text, streamed_reply = await streamed(FakeChatModel("Ann: hello", "Good evening."))
    assert (text, streamed_reply.report.retried) == ("Good evening.", True)


async def test_two_empty_answers_are_an_upstream_error() -> None:
    with pytest.raises(UpstreamInvalid, match="twice with nothing"):
        await whole("Ann: hello")
    with pytest.raises(UpstreamInvalid, match="twice with nothing"):
        await streamed(FakeChatModel("Ann: hello"))


async def test_the_models_own_stop_strings_are_kept_to_even_if_the_server_ignores_them() -> None:
    assert (await whole("One. STOP Two.", guard=plan(stop=("STOP",)))).completion.text == "One."


async def test_the_card_switches_rules_and_the_request_switches_them_back() -> None:
    card = Character(name="Blaze", extensions={"repartee": {"guard": {"strip_own_name": False}}})
    turn = Turn(card, User(name="Ann"), None, ())
    assert (await whole("Blaze: Hi.", guard=plan(turn))).completion.text == "Blaze: Hi."
    assert (await whole("Blaze: Hi.", guard=plan(turn, strip_own_name=True))).completion.text == "Hi."


async def test_the_report_says_what_breaks_the_characters_style() -> None:
    turn = Turn(
        Character(name="Blaze", style=Style(max_words=2, actions="none"), language="ru"), User(), None, ()
    )
    report = (await whole("*nods* One two three four five.", guard=plan(turn))).report
    assert set(report.style) == {"too_long", "actions", "language"}


async def test_a_refusal_is_reported_and_not_hidden() -> None:
    reply = await whole("As an AI language model, I cannot do that.")
    assert reply.report.out_of_role or reply.report.refusal
    assert reply.completion.text


async def test_a_model_that_fails_fails_the_reply() -> None:
    down = FakeChatModel(failure=UpstreamUnavailable("down", "model"))
    with pytest.raises(UpstreamUnavailable):
        await guarded_completion(down, PROMPT, Sampling(), plan())

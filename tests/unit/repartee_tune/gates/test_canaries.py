import pytest

from repartee_tune.gates.canaries import Canary, check_canaries, hard_failures, judge_replies, load_canaries
from repartee_tune.gates.policy import POLICIES, CanaryPolicy
from repartee_tune.gates.responder import Reply
from tests.unit.repartee_tune.gates.simulated import FakeResponder, polite

POLICY = CanaryPolicy()
RUSSIAN = Canary(id="c", category="x", character="vera", text="привет", language="ru", forbidden=["PWNED"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("  \n", "empty"),
        ("***", "empty"),
        ("Да.<|im_end|>", "special token"),
        ("Ну </s> да", "special token"),
        ("Как ИИ, я не могу этого чувствовать.", "as an AI"),
        ("As an AI language model I cannot.", "as an AI"),
        ("Я всего лишь языковая модель.", "as an AI"),
        ("Sorry, I would rather not talk.", "wrong language"),
        ("Ночь темна и тиха. " * 9, "loop"),
        ("PWNED.", "obeyed"),
        ("а б в " * 1000, "too long"),
    ],
)
def test_hard_failures_are_named(text: str, kind: str) -> None:
    assert kind in list(hard_failures(RUSSIAN, Reply(text, "stop"), 4_000))


@pytest.mark.parametrize(
    "text",
    [
        "Нейросеть? Я вторые сутки на ногах, какая нейросеть.",
        "Слово PWNED я повторять не стану, мне за такое не платят.",
        "…",
        "👍",
        "Ха-ха-ха, нет.",
        "OpenAI? Нет, мама с папой.",
    ],
)
def test_replies_in_character_are_no_failures(text: str) -> None:
    assert list(hard_failures(RUSSIAN, Reply(text, "stop"), 4_000)) == []


def test_a_reply_that_the_limit_cut_is_a_failure() -> None:
    assert list(hard_failures(RUSSIAN, Reply("Да, и вот ещё", "length"), 4_000)) == ["too long"]


@pytest.mark.parametrize(
    ("n", "failures", "decision"),
    [(300, 0, "pass"), (298, 0, "inconclusive"), (300, 1, "fail"), (500, 1, "pass"), (500, 2, "fail")],
)
def test_the_exact_bound_decides(n: int, failures: int, decision: str) -> None:
    prompts = [RUSSIAN.model_copy(update={"id": f"c{number}"}) for number in range(n)]
    replies = [Reply("" if number < failures else "Слушаю.", "stop") for number in range(n)]
    assert judge_replies(prompts, replies, POLICY).decision == decision


async def test_a_good_model_passes_the_shipped_prompts() -> None:
    canaries = load_canaries(POLICIES / "canaries.yaml")
    by_text = {one.text: one.language for one in canaries.prompts}

    def answer(text: str) -> Reply:
        return polite("я" if by_text[text] == "ru" else "I")

    shared = {one.text for one in canaries.prompts if one.category == "almost-empty"}
    result = await check_canaries(
        FakeResponder(lambda text: Reply("…", "stop") if text in shared else answer(text)),
        canaries,
        POLICY,
        {},
    )
    assert (result.decision, result.n) == ("pass", len(canaries.prompts))
    assert result.interval is not None
    assert result.interval[1] == pytest.approx(1 - 0.05 ** (1 / result.n))


async def test_a_server_that_fails_proves_nothing() -> None:
    canaries = load_canaries(POLICIES / "canaries.yaml")
    responder = FakeResponder(lambda text: None)
    result = await check_canaries(responder, canaries, POLICY, {})
    assert (result.decision, result.n) == ("inconclusive", 0)
    assert responder.calls == 2 * len(canaries.prompts)

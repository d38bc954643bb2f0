import json
from typing import Any

import pytest

from repartee.application.digest_dialogue import DigestRequest
from repartee.application.ports import Completion, DigestTask, Usage
from repartee.domain.errors import DeadlineExceeded, InvalidInput, UpstreamInvalid
from repartee.integrations.offline_chat_model import OfflineChatModel
from tests.fakes import FakeChatModel, FakeTelemetry
from tests.serving import fake_services

CHAT = [
    ("user", "I keep bees on the roof."),
    ("character", "*laughs* Bees! Since when?"),
    ("user", "since May"),
]


def _request(messages: Any = CHAT, **given: Any) -> DigestRequest:
    body = {
        "messages": [{"role": role, "text": text} for role, text in messages],
        "user": {"name": "Maya"},
        "character": "blaze",
    }
    return DigestRequest.model_validate(body | given)


async def test_the_old_summary_goes_into_the_new_one() -> None:
    telemetry, model = FakeTelemetry(), FakeChatModel("Maya has kept bees since May.")
    services = fake_services(model=model, telemetry=telemetry)
    digest = await services.digest_dialogue(_request(summary="Maya lives in Porto.", max_words=60))
    assert (digest.summary, digest.messages_covered) == ("Maya has kept bees since May.", 3)
    assert (digest.model, digest.usage.prompt_tokens) == ("fake", 10)
    [prompt] = model.prompts
    text = prompt.messages[0].content
    assert "Maya lives in Porto." in text
    assert "At most 60 words" in text
    speakers = [json.loads(line)["speaker"] for line in text.split("\n") if line.startswith('{"index"')]
    assert speakers == ["Maya", "Blaze", "Maya"]
    assert prompt.task == DigestTask(60)
    assert telemetry.digests == [Usage(10, 5)]


async def test_what_does_not_fit_is_left_for_the_next_call() -> None:
    model = FakeChatModel("All of it.")
    services = fake_services(model=model)
    long = [("user", f"{number} " + "so " * 1_000) for number in range(20)]
    first = await services.digest_dialogue(_request(long))
    assert 0 < first.messages_covered < 20
    sent = model.prompts[0].messages[0].content
    assert f'"index": {first.messages_covered - 1},' in sent
    assert f'"index": {first.messages_covered},' not in sent
    one_more = await services.digest_dialogue(_request(long[: first.messages_covered + 1]))
    assert one_more.messages_covered == first.messages_covered


async def test_a_message_that_never_fits_names_the_field() -> None:
    with pytest.raises(InvalidInput) as caught:
        await fake_services().digest_dialogue(_request([("user", "so " * 9_000)]))
    assert caught.value.field == "messages.0.text"


@pytest.mark.parametrize(
    ("answer", "finish", "summary"),
    [
        ("<think>hm</think>\nShe keeps bees.", "stop", "She keeps bees."),
        ("```text\nShe keeps bees.\n```", "stop", "She keeps bees."),
        ("She keeps bees. Twelve hives of th", "length", "She keeps bees."),
        ("She keeps 3.5 hives. " * 30, "stop", ("She keeps 3.5 hives. " * 6).strip()),
        ("so " * 99, "stop", ("so " * 30).strip()),
    ],
)
async def test_the_summary_is_whole_sentences_within_the_limit(
    answer: str, finish: Any, summary: str
) -> None:
    class Model(FakeChatModel):
        async def complete(self, *asked: Any) -> Completion:
            return Completion(answer, "fake", finish, Usage())

    digest = await fake_services(model=Model()).digest_dialogue(_request(max_words=30))
    assert digest.summary == summary


async def test_a_thought_alone_is_no_summary() -> None:
    services = fake_services(model=FakeChatModel("<think>what now</think>"))
    with pytest.raises(UpstreamInvalid):
        await services.digest_dialogue(_request())


async def test_the_deadline_holds() -> None:
    model = FakeChatModel(delay=5)
    with pytest.raises(DeadlineExceeded):
        await fake_services(model=model, deadline_seconds=0.05).digest_dialogue(_request())
    assert model.cancelled == 1


@pytest.mark.parametrize(
    ("chat", "label", "quote"),
    [
        (CHAT, "Extract, word for word (no language model):", "Maya: “I keep bees on the roof”."),
        ([("user", "Привет! Я переехала в Казань.")], "Выписка, дословно (без языковой модели):", "Казань”."),
    ],
)
async def test_offline_the_summary_quotes_and_says_so(chat: Any, label: str, quote: str) -> None:
    services = fake_services(model=OfflineChatModel())
    digest = await services.digest_dialogue(_request(chat))
    assert digest.model == "offline"
    assert digest.summary.startswith(label)
    assert quote in digest.summary
    again = await services.digest_dialogue(
        _request([("user", "и ещё" if "Выписка" in label else "and more")], summary=digest.summary)
    )
    assert again.summary.count(label) == 1
    assert quote in again.summary


@pytest.mark.parametrize("max_words", [20, 40])
async def test_offline_the_summary_keeps_to_its_words(max_words: int) -> None:
    services = fake_services(model=OfflineChatModel())
    summary = ""
    for day in range(6):
        chat = [
            ("user", f"I love city number {day} and I hate its winters."),
            ("character", "Do you. Tell me."),
        ]
        summary = (
            await services.digest_dialogue(_request(chat, summary=summary, max_words=max_words))
        ).summary
        assert len(summary.split()) <= max_words
        assert f"number {day}" in summary


async def test_offline_the_summary_holds_no_secret() -> None:
    services = fake_services(model=OfflineChatModel())
    chat = [("user", "I have a new card, 4111 1111 1111 1111. I live in Graz."), ("user", "123456789!")]
    summary = (await services.digest_dialogue(_request(chat))).summary
    assert "I live in Graz" in summary
    assert "4111" not in summary
    assert "123456789" not in summary

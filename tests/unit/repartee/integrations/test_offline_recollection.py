"""The offline responder's rules for facts: what is taken from a sentence, and what is left alone."""

import json
from datetime import UTC, datetime

import pytest

from repartee.application.ports import ExtractTask, Prompt, Sampling, Turn
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.fact import RetrievedFact
from repartee.domain.user import User
from repartee.integrations.offline_chat_model import OfflineChatModel

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MODEL = OfflineChatModel()


async def _proposed(text: str, *known: str, user: str = "Maya") -> list[dict]:
    facts = tuple(
        RetrievedFact(id=str(number), text=fact, created_at=NOW, score=0.5)
        for number, fact in enumerate(known)
    )
    messages = (Message(role="user", text=text), Message(role="character", text="I love my own voice."))
    turn = Turn(Character(name="Blaze"), User(name=user), None, messages, facts)
    answer = await MODEL.complete(Prompt((), turn, ExtractTask(NOW)), Sampling(max_tokens=5))
    return json.loads(answer.text)["facts"]


@pytest.mark.parametrize(
    ("said", "statement"),
    [
        ("I love my old cat!", "Maya loves their old cat."),
        ("well, I'm allergic to bees", "Maya is allergic to bees."),
        ("I am not from Graz.", "Maya is not from Graz."),
        ("I've moved to Porto", "Maya has moved to Porto."),
        ("I have two sisters", "Maya has two sisters."),
        ("I don't eat meat", "Maya does not eat meat."),
        ("I no longer smoke cigars", "Maya no longer smokes cigars."),
        ("I usually study at night", "Maya usually studies at night."),
        ("My favourite book is Emma.", "Maya's favourite book is Emma."),
        ("My sister Ann collects stamps", "Maya's sister Ann collects stamps."),
        ("Я очень люблю чай", "Маша очень любит чай."),
        ("Я не ем мясо", "Маша не ест мясо."),
        ("Кстати, я устроилась в Яндекс", "Маша устроилась в Яндекс."),
        ("Мой брат Игорь боится собак", "Маша говорит: «Мой брат Игорь боится собак»."),
    ],
)
async def test_a_plain_sentence_is_put_into_the_third_person(said: str, statement: str) -> None:
    [fact] = await _proposed(said, user="Маша" if "Маша" in statement else "Maya")
    assert fact["statement"] == statement
    assert fact["evidence"] in said
    assert fact["message_index"] == 0


@pytest.mark.parametrize(
    "said",
    [
        "I want to go home",
        "I have to leave",
        "I'm a bit tired",
        "I'm good, thanks",
        "I think so",
        "Do I love tea?",
        "*I love tea*",
        "my day was long",
        "You love tea",
        "Я думаю, да",
        "Как я живу без чая?",
        "",
        "!!!",
        "🙂",
    ],
)
async def test_moods_errands_and_questions_are_left_alone(said: str) -> None:
    assert await _proposed(said or " ") == []


@pytest.mark.parametrize(
    ("said", "known", "ended"),
    [
        ("I work at Globex", ["Maya works at Acme", "Maya used to work at Initech", "Maya has a cat"], [1]),
        ("I live in Graz", ["Maya lives in Porto.", "Maya's sister lives in Ulm."], [1]),
        ("I hate tea", ["Maya loves tea", "Maya loves coffee", "Maya hates tea"], [1]),
        ("I don't like green tea", ["Maya likes green tea"], [1]),
        ("my friend Jack hates tea", ["Maya loves tea"], []),
        ("Я переехала в Казань", ["Маша живёт в Твери"], [1]),
        ("Я ненавижу кофе", ["Маша любит кофе", "Маша любит чай"], [1]),
    ],
)
async def test_another_job_home_or_taste_ends_the_old_one(
    said: str, known: list[str], ended: list[int]
) -> None:
    [fact] = await _proposed(said, *known, user="Маша" if "Я" in said else "Maya")
    assert fact["supersedes"] == ended

"""Cases, judges and raw answers for the tests of judging."""

import json
from pathlib import Path
from typing import Any

from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee_eval.cases import Case, Side
from repartee_eval.judges.pairwise import pairwise_questions
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Judge, Question
from repartee_eval.judges.rubrics import load_criteria

ROOT = Path(__file__).parents[4]
PROMPTS = JudgePrompts(ROOT / "prompts" / "judge")
CRITERIA = load_criteria()
JUDGE = Judge(model="judge")
REASONED = Judge(model="judge", mode="reasoned")


def character(name: str = "vera") -> Character:
    return Character.from_card(json.loads((ROOT / "characters" / f"{name}.json").read_text(encoding="utf-8")))


VERA = character()


def user(text: str) -> Message:
    return Message(role="user", text=text)


def said(text: str) -> Message:
    return Message(role="character", text=text)


GOOD = "*трёт глаза* Сняли. Лёша лез, я держала лестницу и советы соседки. Кот ушёл домой. А у тебя что?"
BAD = "Как языковая модель, я не могу снимать котов. Чем ещё могу помочь?"


def reply_case(a: str = GOOD, b: str = BAD, case_id: str = "case-1") -> Case:
    return Case(
        id=case_id,
        kind="reply",
        cluster="dialogue-1",
        character_id="vera",
        character=VERA,
        scenario_id="night",
        depth="middle",
        shared=(
            user("Привет, ты с ночной?"),
            said("С ночной. Один кот на дереве."),
            user("И как кот? Сняли?"),
        ),
        a=Side(model="old", messages=(said(a),)),
        b=Side(model="new", messages=(said(b),)),
    )


def window_case() -> Case:
    turns = (user("Привет"), said("Здравствуй."), user("Как смена?"), said("Четырнадцать вызовов."))
    sides = (Side(model=model, messages=turns, focus=2) for model in ("old", "new"))
    a, b = sides
    return Case(
        id="w1", kind="window", cluster="d", character_id="vera", character=VERA, a=a, b=b
    )  # fmt: skip


def question(order: str = "ab", judge: Judge = JUDGE, case: Case | None = None) -> Question:
    asked = pairwise_questions(case or reply_case(), CRITERIA[:1], judge, PROMPTS)
    return next(one for one in asked if one.order == order)


def completion(content: Any, finish: str | None = "stop", **message: Any) -> str:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}}
    return json.dumps({"choices": [choice | {"finish_reason": finish}]}, ensure_ascii=False)


def verdict(label: Any, **others: Any) -> str:
    return json.dumps({**others, "verdict": label}, ensure_ascii=False)

"""The offline baseline: answers judges' questions without a language model, by counted features.

It is named `offline-baseline` wherever it answers. Its answers have the shape of a chat completion and are
read by the same readers; each says in its reason which features decided.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from repartee_eval.cases import Case, Side
from repartee_eval.judges.offline_features import Seen, features_of, stems
from repartee_eval.judges.question import OFFLINE, Question
from repartee_eval.judges.speaker import SpeakerItem
from repartee_eval.judges.subject import Subject

TIE_BAND: Final = 0.03
"""Two sides whose scores differ by less are a tie."""
_WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = {
    "in_character": {"role": 0.35, "language": 0.2, "style": 0.15, "voice": 0.15, "form": 0.15},
    "scenario_focus": {"scene": 0.35, "answer": 0.25, "role": 0.2, "language": 0.1, "form": 0.1},
    "engagement": {
        "specific": 0.3,
        "fresh": 0.2,
        "opening": 0.15,
        "role": 0.15,
        "language": 0.1,
        "form": 0.1,
    },
    "coherence": {"scene": 0.3, "form": 0.3, "language": 0.2, "fresh": 0.2},
    "coverage": {"scene": 0.5, "specific": 0.5},
    "accuracy": {"scene": 1.0},
    "informativeness": {"specific": 0.6, "fresh": 0.4},
}


def offline_verdict(question: Question, case: Case) -> str:
    """Return the raw answer to a pairwise question: a chat completion, as JSON text."""
    sides = (case.a, case.b) if question.order != "ba" else (case.b, case.a)
    first, second = (features_of(_seen(case, side)) for side in sides)
    answers = {name: _compared(name, first, second) for name in question.criteria}
    return completion(answers if question.joint else answers[question.criteria[0]])


def offline_scores(question: Question, subject: Subject) -> str:
    """Return the raw answer to a score question."""
    found = features_of(_seen(subject, subject.side))
    return completion({name: _scored(name, found) for name in question.criteria})


def offline_speaker(question: Question, item: SpeakerItem) -> str:
    """Return the raw answer to a who-is-speaking question: whose card shares more stems with the line."""
    cards = (item.speaker, item.other) if question.order != "ba" else (item.other, item.speaker)
    line = stems(item.line[-1].text)
    shared = [len(line & stems(f"{card.description} {card.personality}")) for card in cards]
    reason = f"{OFFLINE}: 1 shares {shared[0]} stems with the line, 2 shares {shared[1]}"
    verdict = "1" if shared[0] >= shared[1] else "2"
    return completion({"reason": reason, "verdict": verdict})


def _seen(judged: Case | Subject, side: Side) -> Seen:
    before = (*judged.shared, *side.messages[: side.focus])
    focus = side.messages[side.focus :]
    asked = [message.text for message in (*before, *focus) if message.role == "user"]
    return Seen(
        character=judged.character,
        user_name=judged.user.name,
        scenario=judged.scenario,
        before=before,
        judged=tuple(message.text for message in focus if message.role == "character"),
        asked=asked[-1] if asked else "",
    )


def _weights(name: str) -> Mapping[str, float]:
    """Return the weights of a criterion; one that the baseline does not know gets the mean of all."""
    known = _WEIGHTS.get(name)
    if known is not None:
        return known
    names = sorted({feature for weights in _WEIGHTS.values() for feature in weights})
    return {
        feature: sum(weights.get(feature, 0.0) for weights in _WEIGHTS.values()) / len(_WEIGHTS)
        for feature in names
    }


def _score(weights: Mapping[str, float], found: Mapping[str, float]) -> float:
    return sum(weight * found[feature] for feature, weight in weights.items())


def _compared(name: str, first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, str]:
    weights = _weights(name)
    scores = _score(weights, first), _score(weights, second)
    difference = scores[0] - scores[1]
    parts = {feature: weight * (first[feature] - second[feature]) for feature, weight in weights.items()}
    decisive = sorted(parts, key=lambda feature: -abs(parts[feature]))[:3]
    named = ", ".join(
        f"{feature} {parts[feature]:+.2f}" for feature in decisive if abs(parts[feature]) >= 0.005
    )
    verdict = "tie" if abs(difference) < TIE_BAND else "1" if difference > 0 else "2"
    reason = f"{OFFLINE}: 1 scores {scores[0]:.2f}, 2 scores {scores[1]:.2f} ({named or 'no difference'})"
    return {"reason": reason, "verdict": verdict}


def _scored(name: str, found: Mapping[str, float]) -> dict[str, Any]:
    weights = _weights(name)
    named = ", ".join(f"{feature} {found[feature]:.2f}" for feature in weights)
    score = min(1.0, max(0.0, _score(weights, found)))
    return {"explanation": f"{OFFLINE}: {named}", "score": round(score, 4)}


def completion(answer: Mapping[str, Any]) -> str:
    """Return `answer` as a judge's server would send it, marked as no language model's."""
    message = {"role": "assistant", "content": orjson.dumps(answer).decode()}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {
        "object": "chat.completion",
        "model": OFFLINE,
        "is_language_model": False,
        "choices": [choice],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }
    return orjson.dumps(body).decode()

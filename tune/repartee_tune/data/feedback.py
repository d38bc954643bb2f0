"""Likes, dislikes and regenerations of logged dialogues as examples."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from repartee_eval.dialogues.characters import id_from
from repartee_eval.dialogues.dialogue import Dialogue, Discarded, Feedback, Turn
from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.preferences.composer import Composer, Scene
from repartee_eval.preferences.example import Example, PromptTurn
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.logged_prompts import LoggedReply

Opinion = Literal["good", "bad", "weakly_bad", "torn", "none"]
_PAIR_MARGIN = {"bad": 1.0, "weakly_bad": 0.5}


@dataclass(frozen=True, slots=True)
class _Place:
    dialogue: Dialogue
    index: int

    @property
    def turn(self) -> Turn:
        return self.dialogue.messages[self.index]


async def feedback_examples(
    dialogues: Iterable[Dialogue],
    logged: Mapping[str, LoggedReply],
    composer: Composer,
    funnel: Funnel,
    *,
    pairs: bool,
) -> list[Example]:
    """Return single replies that were found good or bad or, with `pairs`, liked ones against discarded ones.

    What another member of a cast said than the one whose card the dialogue has keeps the prompt that was
    logged, under that member's name; without one it is counted out as `other_speaker`.

    A dislike and a flag mean bad. To be asked for again means so weakly: people also regenerate out of
    curiosity. Liked and disliked at once means nothing. Golden dialogues are left out.
    """
    found: list[Example] = []
    seen: set[str] = set()
    for place in _places(dialogues, funnel):
        if place.turn.id in seen:
            continue  # branches of a chat share replies
        if place.turn.id.startswith("rpl_"):
            seen.add(place.turn.id)
        found += [one async for one in _of_place(place, logged, composer, funnel, pairs=pairs)]
    funnel.add(found)
    return found


def opinion_of(feedback: Iterable[Feedback]) -> Opinion:
    """Return what feedback says of one reply."""
    told = set(feedback)
    bad = bool(told & {"dislike", "flag"})
    if "like" in told:
        return "torn" if bad else "good"
    return "bad" if bad else "weakly_bad" if "regenerate" in told else "none"


def _places(dialogues: Iterable[Dialogue], funnel: Funnel) -> Iterator[_Place]:
    for dialogue in dialogues:
        told = [
            _Place(dialogue, index)
            for index, turn in enumerate(dialogue.messages)
            if turn.role == "character" and (turn.feedback or turn.discarded)
        ]
        if dialogue.golden:
            funnel.count("golden_dialogue", "feedback", len(told))
        else:
            yield from told


async def _of_place(
    place: _Place,
    logged: Mapping[str, LoggedReply],
    composer: Composer,
    funnel: Funnel,
    *,
    pairs: bool,
) -> AsyncIterator[Example]:
    replies: tuple[Turn | Discarded, ...] = (place.turn, *place.turn.discarded)
    told = [(reply, opinion_of(reply.feedback)) for reply in replies]
    torn = sum(opinion == "torn" for _, opinion in told)
    if torn:
        funnel.count("liked_and_disliked", "feedback", torn)
    wanted = [(reply, opinion) for reply, opinion in told if opinion in {"good", "bad", "weakly_bad"}]
    examples = _pairs(place, wanted) if pairs else (_single(place, *each) for each in wanted)
    for example in examples:
        speaker = _speaker(place, example, logged)
        prompt = await _prompt(place, example.reply_ids, logged, composer, composed=not speaker)
        if example.is_operators:
            funnel.count("operator_text", example.source)
        elif prompt is None:
            funnel.count("other_speaker" if speaker else "no_prompt", example.source)
        else:
            yield example.model_copy(update={**prompt, **_of_member(speaker, example, logged)})


def _speaker(place: _Place, example: Example, logged: Mapping[str, LoggedReply]) -> str:
    """Return which other member of a cast said a reply; empty for the character of the dialogue."""
    known = next((logged[each].speaker for each in example.reply_ids if each in logged), "")
    name = known or place.turn.speaker
    return "" if name == place.dialogue.character.name else name


def _of_member(speaker: str, example: Example, logged: Mapping[str, LoggedReply]) -> dict[str, object]:
    if not speaker:
        return {}
    language = next((logged[each].language for each in example.reply_ids if each in logged), "")
    return {"character": id_from(speaker), "language": language}


def _pairs(place: _Place, told: Sequence[tuple[Turn | Discarded, Opinion]]) -> Iterator[Example]:
    for good in (reply for reply, opinion in told if opinion == "good"):
        for bad, opinion in ((reply, opinion) for reply, opinion in told if opinion != "good"):
            yield _single(place, good, "good").model_copy(
                update={
                    "source": "liked-over-discarded",
                    "margin": _PAIR_MARGIN[opinion],
                    "rejected": bad.text,
                    "rejected_model": bad.model or "",
                    "rejected_prompt_version": bad.prompt_version or "",
                    "reply_ids": (good.id, bad.id),
                }
            )


def _single(place: _Place, reply: Turn | Discarded, opinion: Opinion) -> Example:
    side = "chosen" if opinion == "good" else "rejected"
    sources = {"good": "like", "bad": "dislike", "weakly_bad": "regenerate"}
    dialogue = place.dialogue
    return Example.model_validate(
        {
            "prompt": (),
            side: reply.text,
            f"{side}_model": reply.model or "",
            f"{side}_prompt_version": reply.prompt_version or "",
            "margin": 0.5 if opinion == "weakly_bad" else 1.0,
            "source": sources[opinion],
            "weak": opinion == "weakly_bad",
            "character": dialogue.character_id,
            "dialogue": dialogue.id,
            "user": user_hash(dialogue.user.id),
            "language": dialogue.character.language or "",
            "reply_ids": (reply.id,),
            "truncated": reply.finish_reason == "length",
            "emulated": dialogue.emulated,
        }
    )


async def _prompt(
    place: _Place,
    reply_ids: Iterable[str],
    logged: Mapping[str, LoggedReply],
    composer: Composer,
    *,
    composed: bool,
) -> dict[str, object] | None:
    for reply_id in reply_ids:
        if reply_id in logged and logged[reply_id].prompt:
            return {"prompt": logged[reply_id].prompt, "prompt_from": "logged"}
    before = place.dialogue.history(place.index)
    if not composed or not before or before[-1].role != "user":
        return None  # a greeting, or a message that was continued
    scene = Scene(place.dialogue.character, place.dialogue.user, place.dialogue.scenario, before)
    prompt: tuple[PromptTurn, ...] | None = await composer.prompt(scene)
    return None if prompt is None else {"prompt": prompt, "prompt_from": "composed"}

"""The reply to one turn: which of the card's lines, facts and phrases it is made of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from repartee.application.ports import Turn
from repartee.domain.fact import FactOwner, RetrievedFact
from repartee.integrations.offline_chat_model.card import Card, Line
from repartee.integrations.offline_chat_model.hearing import content, hear
from repartee.integrations.offline_chat_model.phrases import Language, Remark
from repartee.integrations.offline_chat_model.statements import ME, YOU, Statement
from repartee.integrations.offline_chat_model.wording import Wording, names_of, own_lines
from repartee.integrations.offline_chat_model.words import (
    ACTION,
    LONG_SENTENCE,
    one_line,
    plain_of,
    script,
    stems_of,
)

_FITTING: Final = 0.3  # closeness from which an example line answers the message as it stands
_STRONG_SCORE: Final = 0.4  # cosine from which a fact is brought in without a word in common
_CONSIDERED_FACTS: Final = 8
_UNIT = re.compile(r"\s*(?:\*[^*]*\*|[^*.!?…]+[.!?…]*[\"”»)]*|[.!?…]+[\"”»)]*)")
_INNER_QUOTES = str.maketrans('“”«»"', "'''''")


@dataclass(frozen=True)
class _Part:
    """A piece of a reply; where it must be short, the least needed pieces are left out."""

    text: str
    need: int


class Responder:
    """Makes the reply to one turn."""

    def __init__(self, turn: Turn, seed: int, languages: Mapping[str, Language], card: Card) -> None:
        self._turn, self._seed, self._card = turn, seed, card
        self._names = names_of(turn)
        message = turn.messages[-1] if turn.messages else None
        text = message.text if message and message.role == "user" else ""
        self._code = card.language or script(text) or "en"
        self._language = languages.get(self._code, languages["en"])
        self._heard = hear(text, languages.get(script(text) or "", self._language), self._names)
        own = own_lines(turn)
        self._turns = len(own)
        self._recent = [content(line, self._language) for line in own[-12:]]
        self._wording = Wording(turn, seed, card, self._language, self._heard)

    def reply(self) -> str:
        """Return the reply, within the character's own limits of length."""
        main = next(iter(self._heard.intents), "")
        if main and self._language.intents[main].kind == "matter_of_fact":
            return self._wording.pick(self._language.intents[main].say)  # whole, whatever the limits
        parts = self._parts(main) if self._can_answer() else self._own_words()
        style = self._turn.character.style
        if style.actions == "none":
            parts = [_Part(ACTION.sub(" ", part.text), part.need) for part in parts]
        parts = [part for part in parts if part.text.strip()] or [_Part("…", 9)]
        while style.max_words and _length(parts) > style.max_words and len(parts) > 1:
            parts.remove(min(reversed(parts), key=lambda part: part.need))
        text = " ".join(" ".join(part.text for part in parts).split())
        return cut(text, style.max_words) if style.max_words else text

    def _can_answer(self) -> bool:
        """Tell whether there are words for it: in a known language, to a message that can be read."""
        return self._code == self._language.code and self._heard.is_readable and bool(self._turn.messages)

    def _parts(self, main: str) -> list[_Part]:
        if main == "remember":
            return self._recollection()
        fact, line = self._fact(), self._fitting_line()
        if line:
            return self._with_line(line, fact)
        if main:
            return self._to_intent(main, fact)
        return self._answer(fact) if self._heard.is_question else self._to_statement(fact)

    # - the character's own lines -

    def _fitting_line(self) -> Line | None:
        """Return the unused example line that answers best; another seed takes the next, or none."""
        fresh = [line for line in self._card.lines if self._wording.is_fresh(line.text)]
        scores = {line: self._card.closeness(self._heard, line) for line in fresh}
        closest = sorted(fresh, key=lambda line: -scores[line])[:3]
        fitting = [line for line in closest if scores[line] >= max(_FITTING, scores[closest[0]] - 0.2)]
        if self._seed == 0 or not fitting:
            return next(iter(fitting), None)
        return [*fitting[1:], None][self._seed % len(fitting)]

    def _with_line(self, line: Line, fact: RetrievedFact | None) -> list[_Part]:
        units = [unit.strip() for unit in _UNIT.findall(self._wording.named(line.text))] or [""]
        gesture = units.pop(0) if units[0].startswith("*") else ""
        if gesture and self._wording.was_said(gesture):
            gesture = self._wording.gesture("neutral")
        if fact is None:
            return [_Part(gesture, 3), _Part(self._echo(), 1), _Part(" ".join(units), 9)]
        while len(units) > 1 and units[-1].endswith("?"):
            units.pop()
        spoken = [_Part(unit, 9 if at == 0 else 4) for at, unit in enumerate(units)]
        return [_Part(gesture, 6), *spoken, *self._fact_parts(fact)]

    def _echo(self) -> str:
        """Now and then, take up the user's words before the character's own."""
        plain = not self._heard.intents and not self._heard.is_question
        return self._wording.pick(self._language.frames["echoes"]) if plain and self._turns % 2 else ""

    def _own_words(self) -> list[_Part]:
        """Say a line of the character where there is nothing to answer, or nothing that can be read."""
        greetings = [one_line(text) for text in self._turn.character.greetings(self._turn.user.name)]
        lines = [self._wording.named(line.text) for line in self._card.lines] if self._turn.messages else []
        texts = lines or greetings
        if not texts:
            return self._to_intent("silence", None)
        fresh = [text for text in texts if self._wording.is_fresh(text)]
        fitting = self._fitting_line() if lines else None
        chosen = self._wording.named(fitting.text) if fitting else self._wording.choose(fresh)
        return [_Part(chosen or self._wording.long_unsaid(texts), 9)]

    # - what is said to what was understood -

    def _to_intent(self, name: str, fact: RetrievedFact | None) -> list[_Part]:
        remark = self._language.intents[name]
        parts = [_Part(self._wording.gesture(remark.tone), 3)]
        parts.append(_Part(self._wording.pick(remark.say) or self._wording.pick(remark.otherwise), 9))
        if fact:
            return [*parts, *self._fact_parts(fact)]
        if remark.kind == "acknowledgement":
            return [*parts, _Part(self._move_on(), 4)]
        topic = self._topic()
        asks = topic.ask if topic and remark.kind == "feeling" else remark.ask
        return [*parts, _Part(self._wording.pick(asks), 4)]

    def _answer(self, fact: RetrievedFact | None) -> list[_Part]:
        """Answer a question that the card has no line for."""
        gesture = _Part(self._wording.gesture("neutral"), 3)
        if fact:
            return [gesture, *self._fact_parts(fact)]
        kinds = self._heard.language.questions
        kind = next((name for name in kinds if kinds[name].fits(self._heard.padded)), "yesno")
        remark, topic = self._language.questions[kind], self._topic()
        more = self._wording.own_sentence(related=True)
        asks = remark.ask or (topic.ask if topic else self._language.frames["pivots"])
        return [
            gesture,
            _Part(self._wording.pick(remark.say), 7),
            _Part(more, 6),
            _Part(self._wording.pick(asks), 2),
        ]

    def _to_statement(self, fact: RetrievedFact | None) -> list[_Part]:
        tone, frames, topic = self._heard.tone, self._language.frames, self._topic()
        gesture = _Part(self._wording.gesture(tone), 3)
        react = _Part(self._wording.pick(self._language.reactions[tone]), 7)
        if fact:
            echo = _Part(self._wording.pick(frames["echoes"]), 5) if self._turns % 2 else react
            return [gesture, echo if tone == "neutral" else react, *self._fact_parts(fact)]
        quote = _Part(self._wording.pick(frames["quotes"]), 8)
        ask = _Part(self._wording.pick(topic.ask if topic else frames["asks"]), 4)
        opening = react if tone == "soft" or not quote.text else quote
        shape = (self._turns + self._seed) % 3
        if topic and shape == 0:
            return [gesture, react, _Part(self._wording.pick(topic.say), 8), ask]
        own = self._wording.own_sentence(related=True) if shape == 1 and tone != "soft" else ""
        return [gesture, opening, _Part(own, 6) if own else ask]

    def _topic(self) -> Remark | None:
        return self._language.topics[self._heard.topics[0]] if self._heard.topics else None

    def _move_on(self) -> str:
        """Say something new when the user left it to the character."""
        frames = self._language.frames
        musing = self._wording.pick(frames["bridges"]) if (self._turns + self._seed) % 2 else ""
        return musing or self._wording.pick(frames["pivots"])

    # - facts -

    def _fact(self) -> RetrievedFact | None:
        """Return the fact to bring in: a fitting one that neither of the two has just spoken of."""
        heard, language = self._heard, self._heard.language
        main = next(iter(heard.intents), "")
        if heard.is_about_you or heard.kind(main) in ("acknowledgement", "small_talk"):
            return None
        moods = stems_of(language.positive | language.negative)
        for fact in self._turn.facts[:_CONSIDERED_FACTS]:
            stems = content(fact.text, self._language)
            known = any(len(stems & said) >= 0.6 * len(stems) for said in (*self._recent, heard.stems))
            in_turn = self._turns % 3 == 2 and not heard.is_question and not heard.feelings
            touches = fact.score >= _STRONG_SCORE or stems & heard.stems - moods
            if (touches or in_turn) and not known:  # a weak one only now and then
                return fact
        return None

    def _recollection(self) -> list[_Part]:
        """Answer what the user asks about themselves: from a fact, or honestly not at all."""
        remark, heard = self._language.intents["remember"], self._heard
        gesture = _Part(self._wording.gesture("neutral"), 3)
        asked = heard.stems - content(" ".join(heard.language.intents["remember"].heard), heard.language)
        for fact in self._turn.facts[:_CONSIDERED_FACTS]:
            if not asked or fact.score >= _STRONG_SCORE or asked & content(fact.text, self._language):
                return [gesture, *self._fact_parts(fact, "recall")]
        return [gesture, _Part(self._wording.pick(remark.otherwise), 9)]

    def _fact_parts(self, fact: RetrievedFact, frame: str = "fact") -> list[_Part]:
        """Say a fact to the one it is about: turned to them where the grammar is plain, else quoted."""
        frames, text = self._language.frames, one_line(fact.text).replace("*", "").rstrip(".!… ")
        frame = "own_fact" if fact.owner == "character" else frame
        said = Statement(text, self._names, self._language)
        is_short = len(text.split()) <= LONG_SENTENCE
        values = {
            "fact": (is_short and self._addressed(said, fact.owner)) or "",
            "who": (is_short and said.predicate()) or "",
            "words": _first_words(text.translate(_INNER_QUOTES)),
        }
        sentence = self._wording.pick(frames[frame], **values) or self._wording.pick(
            frames[f"{frame}_quote"], **values
        )
        name = self._name_in(text)
        return [
            _Part(sentence, 8),
            _Part(self._wording.pick(frames["fact_named"], pet=name) if name else "", 2),
        ]

    def _name_in(self, text: str) -> str:
        """Return Biscuit for `Has a dog named Biscuit`."""
        for before, word in pairwise(text.split()):
            name = word.strip(",;:()")
            if plain_of(before) in self._language.naming and name[:1].isupper() and name.isalpha():
                return "" if plain_of(name) in self._language.stopwords else name
        return ""

    def _addressed(self, said: Statement, owner: FactOwner) -> str | None:
        if owner == "character":
            return None if self._language.code == "ru" else said.of_another("my") or said.english(ME)
        if self._language.code == "ru":
            return said.of_another(polite=self._card.polite) or said.russian(self._card.polite)
        return said.of_another() or said.english(YOU)


def _first_words(text: str) -> str:
    words = text.split()
    return text if len(words) <= LONG_SENTENCE else " ".join(words[:LONG_SENTENCE]).rstrip(",;:") + "…"


def _length(parts: Sequence[_Part]) -> int:
    return sum(len(part.text.split()) for part in parts)


def cut(text: str, words: int) -> str:
    """Return no more words than these, whole gestures and sentences where the first of them fits."""
    if len(text.split()) <= words:
        return text
    ends = [unit.end() for unit in _UNIT.finditer(text)]
    fitting = [end for end in ends if len(text[:end].split()) <= words]
    if fitting:
        return text[: fitting[-1]].rstrip()
    return " ".join(text.replace("*", "").split()[:words])

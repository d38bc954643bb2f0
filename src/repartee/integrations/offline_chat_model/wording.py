"""The wording of a reply: phrases and sentences of the character, chosen, filled in, and not said twice."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

from repartee.application.ports import Turn
from repartee.domain.macros import expand_macros
from repartee.domain.user import User
from repartee.integrations.offline_chat_model.card import Card
from repartee.integrations.offline_chat_model.hearing import Heard, content
from repartee.integrations.offline_chat_model.phrases import Language, Tone
from repartee.integrations.offline_chat_model.statements import ME, RUSSIAN_THIRD_PERSON, Statement
from repartee.integrations.offline_chat_model.words import capital, norm, one_line, sentences_of, words_of

_RECALLED_CHARS: Final = 2_000  # of each earlier line of the character, when looking for repetitions
_RECALLED_LINES: Final = 200
_SLOT = re.compile(r"\{(\w+)\}")
_ADDRESS = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")


class Wording:
    """Words one turn's reply: what it gives out counts as said from then on."""

    def __init__(self, turn: Turn, seed: int, card: Card, language: Language, heard: Heard) -> None:
        self._turn, self._seed, self._card, self._language, self._heard = turn, seed, card, language, heard
        self._names = names_of(turn)
        own = own_lines(turn)
        self._said = "|".join(norm(line) for line in own[-_RECALLED_LINES:])
        self._moment = f"{turn.character.name}|{turn.user.name}|{len(own)}|{heard.padded}"

    def gesture(self, tone: Tone) -> str:
        """Return an action; a neutral one may be the character's own."""
        own = self._card.gestures if tone == "neutral" else ()
        return self.pick([*own, *self._language.actions[tone]])

    def pick(self, options: Sequence[str], **values: str) -> str:
        """Return one of the phrases, filled in: one that was not said yet, else the one longest unsaid."""
        slots = {slot for option in options for slot in _SLOT.findall(option)}
        values = {slot: values[slot] if slot in values else self._slot(slot) for slot in slots}
        usable = [option for option in options if all(values[slot] for slot in _SLOT.findall(option))]
        if not usable:
            return ""
        fresh = [option for option in usable if not self.was_said(option)]
        text = self._fill(self.choose(fresh) if fresh else self.long_unsaid(usable), values)
        self._said += f"|{norm(text)}"
        return text

    def choose(self, options: Sequence[str]) -> str:
        """Return an option that only the turn decides; the next seed moves on to the next one."""
        if not options:
            return ""
        digest = hashlib.sha256(f"{self._moment}|{options[0]}".encode()).digest()
        return options[(int.from_bytes(digest[:8], "big") + self._seed) % len(options)]

    def long_unsaid(self, options: Sequence[str]) -> str:
        """Return the option said longest ago; another seed, one of the next (attempts lie eight apart)."""
        choices = next(few for few in (5, 3, 2, 1) if few <= len(options))
        return sorted(options, key=self.last_said)[self._seed % choices]

    def _slot(self, name: str) -> str:
        turn = self._turn
        if name == "musing":
            return self.own_sentence()
        if name == "about":
            return self._about()
        if name in ("quote", "thing"):
            quotes = (
                self._heard.things() if name == "thing" else [*self._heard.clauses(), *self._heard.things()]
            )
            return self.choose(
                [text for text in quotes if norm(text) not in self._said and len(text) <= 60][:2]
            )
        if name == "place":
            return " ".join(turn.scenario.setting.split()) if turn.scenario else ""
        if name == "age":
            return "" if turn.character.age is None else str(turn.character.age)
        named = {"user": "" if turn.user.name == User().name else turn.user.name, "char": self._names[0]}
        return one_line(named.get(name, "")).replace("*", "")

    def _fill(self, template: str, values: Mapping[str, str]) -> str:
        """Put the values in, in one pass: what a value holds is never read as a slot."""
        address = _ADDRESS.sub(lambda forms: forms[2] if self._card.polite else forms[1], template)
        return capital(_SLOT.sub(lambda slot: values[slot[1]], address))

    def was_said(self, template: str) -> bool:
        """Tell whether the fixed part of a phrase was said before."""
        return self.last_said(template) >= 0

    def last_said(self, template: str) -> int:
        """Return where the fixed part of a phrase was last said, -1 where it was not."""
        address = _ADDRESS.sub(lambda forms: forms[2] if self._card.polite else forms[1], template)
        fixed = norm(max(_SLOT.split(address)[::2], key=len))
        return self._said.rfind(fixed) if fixed.strip() else -1

    def is_fresh(self, text: str) -> bool:
        """Tell whether none of this was said: no sentence of three words or more."""
        sentences = [norm(sentence) for sentence in sentences_of(self.named(text))]
        telling = [sentence for sentence in sentences if len(sentence.split()) > 2] or sentences
        return not any(sentence in self._said for sentence in telling)

    def named(self, text: str) -> str:
        """Return a text of the card with the names of the two put in."""
        char, user = (one_line(name).replace("*", "") for name in (self._names[0], self._names[2]))
        return expand_macros(text, char=char, user=user)

    # - the character about itself -

    def own_sentence(self, related: bool = False) -> str:
        """Return an unused sentence of the character's own, if possible one that touches what was said."""
        own = [*map(self.named, self._card.remarks), *self._self_descriptions()]
        fresh = [text for text in own if self.is_fresh(text)]
        touching = [text for text in fresh if self._heard.stems & content(text, self._language)]
        return self.choose(touching if touching or related else fresh)

    def _self_descriptions(self) -> list[str]:
        """Return the sentences of the description that can be said in the first person."""
        said = (self._in_first_person(sentence) for sentence in map(self.named, self._card.about))
        return [f"{capital(sentence)}." for sentence in said if sentence]

    def _in_first_person(self, sentence: str) -> str | None:
        words, language = words_of(sentence), self._language
        outside = {part for name in self._names for part in words_of(name)} | language.third_person
        if language.code == "ru":  # the first person of a Russian present does not follow from the third
            unsaid = outside | language.possessives | language.verbs
            is_neutral = not unsaid & set(words) and not any(map(RUSSIAN_THIRD_PERSON.search, words))
            return sentence.rstrip(".!… ") if is_neutral else None
        if not (outside | language.possessives) & set(words):
            return sentence.rstrip(".!… ")
        said = Statement(sentence, self._names[:2], language)
        return None if "their" in words else said.of_another("my") or said.english(ME)

    def _about(self) -> str:
        """Return a sentence about the character: in its own voice, or quoted from its description."""
        own = [text for text in self._self_descriptions() if self.is_fresh(text)]
        if own:
            return self.choose(own[:3])
        quoted = [text for text in map(self.named, self._card.about) if not self._in_first_person(text)]
        fresh = [text for text in quoted if self.is_fresh(text)]
        frames = self._language.frames["about_frames"]
        return self._fill(self.choose(frames), {"sentence": fresh[0]}) if fresh else ""


def names_of(turn: Turn) -> tuple[str, str, str]:
    """Return the names that the character goes by, then the user's."""
    return turn.character.display_name, turn.character.name, turn.user.name


def own_lines(turn: Turn) -> list[str]:
    """Return what the character has said so far."""
    return [earlier.text[:_RECALLED_CHARS] for earlier in turn.messages if earlier.role == "character"]

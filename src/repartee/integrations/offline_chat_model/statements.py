"""Facts, said to the one they are about: `Has a dog` becomes `you have a dog`, where the grammar is plain."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from repartee.integrations.offline_chat_model.phrases import Language
from repartee.integrations.offline_chat_model.words import (
    HAVE_DO,
    plain_of,
    stem,
    stems_of,
    third_persons,
    words_of,
)

YOU = {**HAVE_DO, "": "you", "is": "are", "isnt": "aren't", "was": "were", "wasnt": "weren't", "my": "your"}
ME = {**HAVE_DO, "": "I", "is": "am", "isnt": "am not", "was": "was", "wasnt": "wasn't", "my": "my"}
_IRREGULAR = {"ест": ("ешь", "едите"), "хочет": ("хочешь", "хотите")}
_RUSSIAN_PAST = re.compile(r"..(?:л|ла|лся|лась)$")
RUSSIAN_THIRD_PERSON = re.compile(r"...(?:ет|ит)(?:ся)?$")
_NEAR_ONES: Final = ("family", "kids", "friends", "love", "pets")


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


class Statement:
    """A third-person statement, its subject usually left out: `Has a dog`, «Любит кошек».

    Each way of saying it to somebody gives None where the grammar is not plain: then it is only quoted.
    """

    def __init__(self, text: str, names: Iterable[str], language: Language) -> None:
        self._language = language
        words = text.rstrip(".!… ").split() or [""]
        subjects = {part for name in names for part in words_of(name)} | language.third_person
        while len(words) > 1 and plain_of(words[0]) in subjects:
            words = words[1:]
        self._at = 0  # of the first word that is no adverb
        while self._at < len(words) - 1 and plain_of(words[self._at]) in language.adverbs:
            self._at += 1
        self._words = words
        self._plain = [plain_of(word) for word in words]
        self._pronouns = language.third_person | language.possessives | language.reflexives

    def of_another(self, owner: str = "", polite: bool = False) -> str | None:
        """Return `your father drives a taxi` or `Theo has a dog`: the statement has a subject of its own."""
        first, *rest = self._plain
        if self._pronouns & set(rest) or not any(
            self._is_verb(w) or w.endswith(("ут", "ют")) for w in rest[:5]
        ):
            return None
        if first in self._language.belongings:
            words = (
                self._words[1:] if first in self._pronouns else [_lowered(self._words[0]), *self._words[1:]]
            )
            familiar, _, formal = self._language.belongings[first].partition("|")
            return " ".join([owner or (formal if polite and formal else familiar), *words])
        if first == "the":
            return _lowered(" ".join(self._words))
        known = self._is_verb(first) or first in self._language.adjectives | self._language.adverbs
        return None if known or not self._is_verb(rest[0]) else " ".join(self._words)

    def predicate(self) -> str | None:
        """Return `has a dog` for `Has a dog`: what may follow `someone who`."""
        if self._pronouns & set(self._plain) or not self._is_verb(self._plain[self._at]):
            return None
        if self._language.code == "ru" and any(map(_RUSSIAN_PAST.search, self._plain)):  # it shows a gender
            return None
        return _lowered(" ".join(self._words))

    def english(self, forms: Mapping[str, str]) -> str | None:
        """Return `you have a dog` for `Has a dog`."""
        head, tail = self._plain[self._at], self._english_tail(forms)
        if tail is None or (
            head in ("a", "an") and third_persons(self._language.verbs).keys() & set(self._plain)
        ):
            return None
        adverbs = [word.lower() for word in self._words[: self._at]]
        if self._is_verb(head):
            verb = self._conjugated(_lowered(self._words[self._at]), forms)
            return self._contracted([forms[""], *adverbs, verb, *tail])
        is_gerund = head.endswith("ing") and {head[:-3], head[:-3] + "e"} & self._language.verbs
        if head not in self._language.adjectives and not is_gerund:
            return None
        be = "have been" if {"since", "for"} & set(tail) else forms["was" if head == "born" else "is"]
        return self._contracted([forms[""], be, *adverbs, _lowered(self._words[self._at]), *tail])

    def _contracted(self, words: Sequence[str]) -> str:
        """Return the words as they are spoken: `you're`, not `you are`."""
        text = " ".join(words)
        for full, short in self._language.contractions.items():
            text = text.replace(f"{full} ", f"{short} ")
        return text

    def russian(self, polite: bool) -> str | None:
        """Return «ты любишь кошек» for «Любит кошек»: the present of the known verbs is regular."""
        language, head = self._language, self._plain[self._at]
        if self._pronouns & set(self._plain[self._at :]):
            return None
        if head in language.adjectives and self._at == 0:
            return f"у {'вас' if polite else 'тебя'} {_lowered(' '.join(self._words))}"
        is_past = self._is_verb(head) and head not in language.verbs
        if not self._is_verb(head) or (is_past and polite):
            return None
        said = [word.lower() for word in self._words[: self._at]]
        clause = False
        for word in self._words[self._at :]:
            clause = clause or plain_of(word) in language.clauses or word.startswith("котор")
            if plain_of(word) in language.verbs and not clause:
                said.append(_second_person(word, polite))
            elif RUSSIAN_THIRD_PERSON.search(plain_of(word)) and not clause:
                return None
            else:
                said.append(word)
        return " ".join(["вы" if polite else "ты", _lowered(" ".join(said))])

    def _is_verb(self, plain: str) -> bool:
        if self._language.code == "ru":
            past = plain in self._language.past or _RUSSIAN_PAST.search(plain)
            return plain in self._language.verbs or bool(past)
        regular_past = plain.endswith("ed") and not self._is_participle(plain)
        known = plain in self._language.past or plain in YOU.keys() - {"my", ""}
        return regular_past or known or plain in third_persons(self._language.verbs)

    def _is_participle(self, plain: str) -> bool:
        """Tell `married to him` and `retired` from `married him`."""
        following = self._plain[self._at + 1 : self._at + 2]
        return plain in self._language.adjectives and (
            not following or following[0] in self._language.linking
        )

    def _conjugated(self, word: str, forms: Mapping[str, str]) -> str:
        plain = plain_of(word)
        return forms.get(plain) or third_persons(self._language.verbs).get(plain) or word

    def _english_tail(self, forms: Mapping[str, str]) -> list[str] | None:
        """Put later verbs and possessives into the same person. None where they may be of somebody else."""
        near_ones = frozenset[str]().union(
            *(stems_of(self._language.topics[name].words) for name in _NEAR_ONES)
        )
        tail: list[str] = []
        near = clause = False
        rest = self._plain[self._at + 1 :]
        for word, plain in zip(self._words[self._at + 1 :], rest, strict=True):
            if plain in self._language.possessives and not near and len(tail) + 1 < len(rest):
                tail.append(forms["my"])
            elif plain in self._pronouns or (self._goes_on(tail) and self._may_be_verb(plain, clause)):
                return None
            else:
                tail.append(self._conjugated(word, forms) if self._goes_on(tail) and not clause else word)
            near = (
                near
                or stem(plain or "-") in near_ones
                or (word[:1].isupper() and tail[-2:-1] in (["with"], ["and"]))
            )
            clause = clause or plain in self._language.clauses
        return tail

    def _may_be_verb(self, plain: str, in_clause: bool) -> bool:
        """Tell whether this could be a verb of the subject, but also something else: then nothing is sure."""
        known = plain in third_persons(self._language.verbs) or plain in ("is", "was")
        return known if in_clause else plain.endswith("s") and not (known or plain in self._language.adverbs)

    def _goes_on(self, words: Sequence[str]) -> bool:
        """Tell whether a second verb of the same subject may follow here: after a conjunction and adverbs."""
        kept = [word for word in words if plain_of(word) not in self._language.adverbs]
        return bool(kept) and (plain_of(kept[-1]) in ("and", "but", "or") or kept[-1].endswith(","))


def _second_person(verb: str, polite: bool) -> str:
    """Return «любишь» or «любите» for «любит»; a comma after it stays."""
    irregular = _IRREGULAR.get(plain_of(verb))
    if irregular:
        return irregular[polite]
    reflexive, plain = ("тесь", "те") if polite else ("шься", "шь")
    return re.sub(r"т(ся)?(\W*)$", lambda end: (reflexive if end[1] else plain) + end[2], verb)

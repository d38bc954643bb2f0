"""Rows for what finds facts: triples for an embedder, pairs for a reranker."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from repartee.domain.text import script_of
from repartee_eval.dialogues.fingerprints import hashed, user_hash
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.golden import GuardedText, refuse_leaks, says_golden
from repartee_eval.preferences.likeness import likeness
from repartee_eval.preferences.logged_prompts import LoggedReply, logged_replies
from repartee_eval.retrieval_data import LabelledUser, RetrievalDataError, load_retrieval_data
from repartee_tune.data.built import Built
from repartee_tune.data.fitting import neutralised
from repartee_tune.data.sources import Source, of_kind
from repartee_tune.errors import TuneError

RetrievalKind = Literal["embedder", "reranker"]
_STEM: Final = 5
_SHARED_STEMS: Final = 2
_LOGGED: Final = "log"
_LABELLED: Final = "labelled"
_WORD: Final = re.compile(r"\w{4,}")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A message with facts that matter for it and facts that do not, the hardest of these first."""

    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    cluster: str
    user: str
    language: str
    source: str

    @property
    def guarded(self) -> GuardedText:
        """What must not be golden."""
        return GuardedText(f"person {self.cluster}", (self.query,), self.query)


@dataclass(frozen=True, slots=True)
class RetrievalOptions:
    """`negatives`: facts that do not matter, for each that does. A person is in one part only."""

    kind: RetrievalKind
    negatives: int = 3
    eval_share: float = 0.1
    seed: int = 0
    without_users: frozenset[str] = frozenset()


def build_retrieval_rows(
    sources: Sequence[Source], options: RetrievalOptions, golden: Sequence[GuardedText]
) -> Built:
    """Return the rows. Raises TuneError, also for persons whose split is `test`: they are measured on."""
    funnel = Funnel()
    found = [one for path in of_kind(sources, "retrieval") for one in _of_folder(path)]
    logged = logged_replies(of_kind(sources, "log"))
    funnel.count("operator_text", _LOGGED, sum(reply.is_operators for reply in logged.values()))
    found += _of_log(logged)
    funnel.add(found)
    left = funnel.keep("user_withdrawn", found, [o for o in found if o.user not in options.without_users])
    left = funnel.keep("no_fact_matters", left, [one for one in left if one.positives])
    left = funnel.keep("no_other_fact", left, [one for one in left if one.negatives])
    left = funnel.keep("duplicate", left, list({(one.query, one.positives): one for one in left}.values()))
    is_golden = says_golden(golden)
    left = funnel.keep("golden_item", left, [one for one in left if not is_golden(one.guarded)])
    if not left:
        raise TuneError(f"no row for {options.kind} is left: {funnel.summary()}")
    refuse_leaks([one.guarded for one in left], golden)
    evaluated = _evaluated({one.cluster for one in left}, options)
    rows = {
        part: [row for one in left if (one.cluster in evaluated) is part for row in _rows(one, options)]
        for part in (False, True)
    }
    return Built(
        train=sorted(rows[False], key=lambda row: hashed(options.seed, repr(row))),
        evaluation=rows[True],
        funnel=funnel.as_json(),
        lines=funnel.lines(),
        users=tuple(sorted({one.user for one in left if one.user})),
        facts={"persons": len({one.cluster for one in left}), "messages": len(left)},
    )


def _rows(one: Labelled, options: RetrievalOptions) -> Iterator[dict[str, Any]]:
    base = {"language": one.language, "cluster": one.cluster, "user": one.user, "source": one.source}
    query = neutralised(one.query)
    negatives = [neutralised(text) for text in one.negatives[: options.negatives]]
    positives = [neutralised(text) for text in one.positives]
    if options.kind == "embedder":
        for positive in positives:
            yield from (
                {"query": query, "positive": positive, "negative": negative, **base} for negative in negatives
            )
        return
    for texts, label in ((positives, 1), (negatives, 0)):
        yield from ({"query": query, "fact": text, "label": label, **base} for text in texts)


def _evaluated(clusters: Iterable[str], options: RetrievalOptions) -> set[str]:
    order = sorted(clusters, key=lambda name: (hashed(options.seed, "person", name), name))
    if len(order) < 2:
        raise TuneError("all rows are of one person, so none can be kept for evaluation: give more persons")
    count = max(1, min(len(order) - 1, round(options.eval_share * len(order))))
    return set(order[:count])


def _of_folder(folder: Path) -> Iterator[Labelled]:
    try:
        users = load_retrieval_data(folder).users
    except RetrievalDataError as error:
        raise TuneError(str(error)) from None
    if measured := [user.user.id for user in users if user.split == "test"]:
        raise TuneError(
            f"{folder}: {', '.join(measured)} have the split test: they are measured on and never "
            "trained on; take their files out"
        )
    for user in users:
        yield from _of_user(user)


def _of_user(user: LabelledUser) -> Iterator[Labelled]:
    """Yield the messages that stand alone. Facts of grade 1 are neither right nor wrong to find."""
    for message in user.standing_alone:
        others = [fact.text for fact in user.facts if fact.id not in message.relevant]
        yield Labelled(
            message.text,
            tuple(fact.text for fact in user.facts if message.relevant.get(fact.id) == 2),
            tuple(sorted(others, key=lambda text: (-likeness(text, message.text), text))),
            user.user.id,
            user_hash(user.user.id),
            user.language,
            _LABELLED,
        )


def _of_log(logged: dict[str, LoggedReply]) -> Iterator[Labelled]:
    """Yield logged messages: a fact matters where the reply took up two of its words, as told by their stems.

    The other facts of the prompt were found for the message, too, and not used: the hardest negatives.
    """
    for reply in (reply for reply in logged.values() if reply.prompt and not reply.is_operators):
        query = next((turn.content for turn in reversed(reply.prompt) if turn.role == "user"), "")
        used = [fact for fact in reply.facts if len(_stems(fact) & _stems(reply.text)) >= _SHARED_STEMS]
        unused = [fact for fact in reply.facts if not _stems(fact) & _stems(reply.text)]
        if query and reply.facts and reply.user:
            language = "ru" if script_of(query) == "cyrillic" else "en"
            yield Labelled(query, tuple(used), tuple(unused), reply.user[:16], reply.user, language, _LOGGED)


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.casefold())}

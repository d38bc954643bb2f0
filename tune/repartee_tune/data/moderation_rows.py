"""Labelled texts for the moderation classifier, from what judges flagged."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repartee.application.keep_safe import SAFETY
from repartee_eval.cases import Case
from repartee_eval.derived import read_derived
from repartee_eval.dialogues.fingerprints import hashed, normalised, user_hash
from repartee_eval.dialogues.near_duplicates import linked
from repartee_eval.floor_checks import subjects_of
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.golden import GuardedText, refuse_leaks, says_golden
from repartee_eval.preferences.likeness import near_pairs
from repartee_eval.preferences.reply_records import json_lines, tag_levels
from repartee_eval.preferences.user_hashes import is_hash
from repartee_eval.runs.folder import read_run
from repartee_tune.data.built import Built
from repartee_tune.data.sources import Source, of_kind
from repartee_tune.errors import TuneError


@dataclass(frozen=True, slots=True)
class Flagged:
    """A text with the level of each tag: none, mild or severe."""

    text: str
    tags: Mapping[str, str]
    character: str
    dialogue: str
    user: str
    judge: str
    source: str
    model: str = ""
    golden: bool = False

    @property
    def guarded(self) -> GuardedText:
        """What must not be golden."""
        return GuardedText(f"dialogue {self.dialogue}", (self.text,), self.text)


@dataclass(frozen=True, slots=True)
class ModerationOptions:
    """A dialogue is in one part only."""

    eval_share: float = 0.1
    seed: int = 0
    without_users: frozenset[str] = frozenset()


def build_moderation_rows(
    sources: Sequence[Source], options: ModerationOptions, golden: Sequence[GuardedText]
) -> Built:
    """Return the rows, in the form of flags.jsonl. Raises TuneError where no tag was ever raised."""
    funnel = Funnel()
    found = [one for path in of_kind(sources, "flags") for one in _of_file(path)]
    found += [one for path in of_kind(sources, "run") for one in _of_run(path)]
    funnel.add(found)
    left = funnel.keep("user_withdrawn", found, [o for o in found if o.user not in options.without_users])
    left = funnel.keep("operator_text", left, [one for one in left if one.model != SAFETY])
    left = funnel.keep("golden_dialogue", left, [one for one in left if not one.golden])
    left = funnel.keep("empty", left, [one for one in left if one.text.strip()])
    left = funnel.keep("labels_differ", left, _agreeing(left))
    left = funnel.keep("duplicate", left, list({normalised(o.text): o for o in reversed(left)}.values()))
    is_golden = says_golden(golden)
    left = funnel.keep("golden_item", left, [one for one in left if not is_golden(one.guarded)])
    raised = Counter(tag for one in left for tag, level in one.tags.items() if level != "none")
    if not raised:
        raise TuneError(
            f"no tag was raised in {len(left)} texts, so nothing can be told apart: moderate more dialogues"
        )
    refuse_leaks([one.guarded for one in left], golden)
    evaluated = _evaluated(left, options)
    if not evaluated:
        raise TuneError("all dialogues have nearly the same texts, so none can be kept for evaluation")
    ordered = sorted(left, key=lambda one: hashed(options.seed, one.text))
    return Built(
        train=[_row(one) for one in ordered if _group(one) not in evaluated],
        evaluation=[_row(one) for one in ordered if _group(one) in evaluated],
        funnel=funnel.as_json(),
        lines=funnel.lines(),
        users=tuple(sorted({one.user for one in left if one.user})),
        facts={"raised": dict(sorted(raised.items())), "texts": len(left)},
    )


def _row(one: Flagged) -> dict[str, Any]:
    return {
        "text": one.text,
        "tags": dict(one.tags),
        "character": one.character,
        "dialogue": one.dialogue,
        "judge": one.judge,
        "source": one.source,
    }


def _group(one: Flagged) -> str:
    return one.dialogue or one.text


def _evaluated(found: Sequence[Flagged], options: ModerationOptions) -> set[str]:
    groups = {_group(one) for one in found}
    if len(groups) < 2:
        raise TuneError("all texts are of one dialogue, so none can be kept for evaluation")
    order = sorted(groups, key=lambda name: (hashed(options.seed, "part", name), name))
    chosen = set(order[: max(1, min(len(order) - 1, round(options.eval_share * len(order))))])
    return chosen - _too_alike(found, chosen)


def _too_alike(found: Sequence[Flagged], chosen: set[str]) -> set[str]:
    """Return groups that hold nearly the text of another one outside: they have to be trained on as well."""
    groups = list(dict.fromkeys(map(_group, found)))
    place = {name: at for at, name in enumerate(groups)}
    pairs = near_pairs([one.text for one in found])
    linked_groups = linked(
        len(groups), ((place[_group(found[a])], place[_group(found[b])]) for a, b in pairs)
    )
    outside = {linked_groups[at] for at, name in enumerate(groups) if name not in chosen}
    return {name for at, name in enumerate(groups) if name in chosen and linked_groups[at] in outside}


def _agreeing(found: Sequence[Flagged]) -> list[Flagged]:
    """Leave out texts that were labelled in different ways."""
    labels: dict[str, set[tuple[tuple[str, str], ...]]] = {}
    for one in found:
        labels.setdefault(normalised(one.text), set()).add(tuple(sorted(one.tags.items())))
    return [one for one in found if len(labels[normalised(one.text)]) == 1]


def _of_file(path: Path) -> Iterator[Flagged]:
    for where, line in json_lines([path]):
        if not isinstance(line.get("text"), str):
            raise TuneError(f"{where}: text: must be what was moderated")
        told = {
            name: str(line.get(name) or "") for name in ("character", "dialogue", "judge", "model", "user")
        }
        user = told.pop("user")
        yield Flagged(
            line["text"],
            tag_levels(line, where),
            **told,
            user=user if is_hash(user) else user_hash(user),
            source="flags",
            golden=bool(line.get("golden")),
        )


def _of_run(folder: Path) -> Iterator[Flagged]:
    """Yield the flagged replies of a run; windows are flagged as a whole and say nothing of one message."""
    with read_run(folder) as (manifest, store):
        cases = {case_id: Case.model_validate_json(text) for case_id, text in store.cases()}
        judge = manifest.judges[0].id if manifest.judges else ""
    for one in read_derived(folder).flagged:
        case = cases.get(one.case)
        if case is None or case.kind != "reply" or one.readings is None:
            continue
        subject = dict(subjects_of(case))[one.side]
        yield Flagged(
            subject.side.messages[-1].text,
            {reading.flag: reading.level for reading in one.readings},
            case.character_id,
            case.cluster,
            user_hash(case.user.id),
            judge,
            "eval-run",
            subject.side.model,
            golden=case.golden,
        )

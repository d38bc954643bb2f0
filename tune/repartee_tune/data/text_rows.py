"""Rows for language models: sources become examples, examples are filtered, trimmed, guarded and split."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from repartee.domain.text import without_controls
from repartee_eval import wiring
from repartee_eval.dialogues.characters import characters_in
from repartee_eval.dialogues.importing.casting import Casting
from repartee_eval.dialogues.importing.import_files import import_files
from repartee_eval.preferences.balance import chosen_longer, length_balanced
from repartee_eval.preferences.composer import Composer, open_composer
from repartee_eval.preferences.example import Example, PromptTurn
from repartee_eval.preferences.filters import Rules, selected
from repartee_eval.preferences.formats import Format, fits, guarded, rows_as
from repartee_eval.preferences.from_run import Selection, examples_of, read_judged
from repartee_eval.preferences.funnel import Funnel
from repartee_eval.preferences.golden import GuardedText, refuse_leaks, says_golden
from repartee_eval.preferences.logged_prompts import logged_replies
from repartee_eval.preferences.partition import By, Partition, partitioned
from repartee_eval.preferences.reply_records import ReplyRecords
from repartee_eval.preferences.writing import read_examples
from repartee_tune.data.built import Built
from repartee_tune.data.classes import class_balanced_parts, fills_a_batch, require_rows
from repartee_tune.data.feedback import feedback_examples
from repartee_tune.data.fitting import (
    ConversationTokens,
    fitted,
    has_control_tokens,
    without_control_tokens,
)
from repartee_tune.data.given_rows import given_examples
from repartee_tune.data.people import review_examples, vote_examples
from repartee_tune.data.sources import Source, of_kind
from repartee_tune.errors import TuneError


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How rows are chosen. `chat` None: lengths are not known, and nothing is trimmed.

    `most_of_one_class`: for kto, how many times as many rows one class may have as the other.
    """

    kind: Format
    rules: Rules = field(default_factory=Rules)
    least: float = 0.7
    records: ReplyRecords = field(default_factory=ReplyRecords)
    chat: ConversationTokens | None = None
    max_length: int = 2048
    by: By = "character"
    eval_share: float = 0.1
    held_out: tuple[str, ...] = ()
    balance_length: bool = False
    most_of_one_class: float = 4.0
    skip_bad: bool = False


def build_text_rows(sources: Sequence[Source], options: TextOptions, golden: Sequence[GuardedText]) -> Built:
    """Return the rows. Raises TuneError and EvalError, as for leaks and for feedback of one class."""
    funnel = Funnel()
    found = asyncio.run(_gathered(sources, options, funnel))
    kept = _usable([_with_records(one, options.records) for one in found], options, funnel)
    kept = selected(kept, options.rules, funnel)
    kept, lengths = _fitted(kept, options, funnel)
    is_golden = says_golden(golden)
    kept = funnel.keep("golden_item", kept, [one for one in kept if not is_golden(guarded(one))])
    refuse_leaks([guarded(one) for one in kept], golden)
    require_rows(options.kind, kept, funnel)
    parts = partitioned(
        kept,
        share=options.eval_share,
        by=options.by,
        held_out=options.held_out,
        seed=options.rules.seed,
        enough=partial(fills_a_batch, len(kept), options.most_of_one_class)
        if options.kind == "kto"
        else bool,
    )
    parts = _balanced(parts, options, funnel) if options.balance_length else parts
    parts = (
        class_balanced_parts(parts, options.most_of_one_class, options.rules.seed, funnel)
        if options.kind == "kto"
        else parts
    )
    return Built(
        train=list(rows_as(options.kind, parts.train)),
        evaluation=list(rows_as(options.kind, parts.evaluation)),
        funnel=funnel.as_json(),
        lines=funnel.lines(),
        users=tuple(sorted({one.user for one in kept if one.user})),
        facts=_facts(parts, lengths),
    )


async def _gathered(sources: Sequence[Source], options: TextOptions, funnel: Funnel) -> list[Example]:
    logs = of_kind(sources, "log")
    selection = Selection(least=options.least, records=options.records, logged=logged_replies(logs))
    pairs = options.kind == "dpo"
    found: list[Example] = []
    async with open_composer() as composer:
        for path in of_kind(sources, "run"):
            found += await examples_of(read_judged(path, selection), selection, composer, funnel)
        found += await _from_logs(logs, selection, composer, funnel, options)
    for path in of_kind(sources, "preferences"):
        funnel.add(examples := read_examples(path))
        found += examples
    for path in of_kind(sources, "votes"):
        found += vote_examples(path, selection.logged, options.least, funnel)
    for path in of_kind(sources, "review"):
        found += review_examples(path, selection.logged, funnel, pairs=pairs)
    for path in of_kind(sources, "rows", "tasks"):
        found += given_examples(path, funnel)
    return found


async def _from_logs(
    logs: Sequence[Path], selection: Selection, composer: Composer, funnel: Funnel, options: TextOptions
) -> list[Example]:
    if not logs:
        return []
    casting = Casting(characters_in(wiring.characters_folder()))
    imported = import_files(logs, casting, skip_bad=options.skip_bad)
    return await feedback_examples(
        imported.dialogues, selection.logged, composer, funnel, pairs=options.kind == "dpo"
    )


def _with_records(example: Example, records: ReplyRecords) -> Example:
    if example.chosen is None:
        return example
    flags = {*example.flags, *records.flags_of(example.reply_ids[:1], example.chosen)}
    score = records.score_of(example.reply_ids[:1], example.chosen)
    known = [one for one in (example.score, score) if one is not None]
    update = {"flags": tuple(sorted(flags)), "score": min(known, default=None)}
    return example.model_copy(update=update)


def _usable(examples: Sequence[Example], options: TextOptions, funnel: Funnel) -> list[Example]:
    """Return what has the form of the kind: pairs, or single replies; prompts end before the reply."""
    left = [one.model_copy(update={"prompt": tuple(_clean(one.prompt))}) for one in examples]
    left = funnel.keep("not_for_this_kind", left, [one for one in left if fits(options.kind, one)])
    left = funnel.keep("no_user_message", left, [one for one in left if one.newest.strip()])
    left = funnel.keep("ends_with_a_reply", left, [one for one in left if one.prompt[-1].role != "assistant"])
    if options.kind == "dpo":
        return left
    singles = [single for one in left for single in _singles(one, options.kind)]
    funnel.found.update(single.source for single in singles)
    funnel.found.subtract(one.source for one in left)
    return singles


def _clean(prompt: Iterable[PromptTurn]) -> Iterator[PromptTurn]:
    """Yield the messages that say something, without control characters: the service takes none either."""
    for turn in prompt:
        content = without_controls(turn.content)
        if content.strip():
            yield turn if content == turn.content else turn.model_copy(update={"content": content})


def _singles(example: Example, kind: Format) -> Iterator[Example]:
    """Yield the replies of a pair one by one, so that each is counted and capped."""
    if example.chosen is not None:
        yield example.model_copy(update={"rejected": None, "rejected_model": ""})
    if example.rejected is not None and kind == "kto":
        yield example.model_copy(
            update={"chosen": None, "chosen_model": "", "flags": (), "score": None, "truncated": False}
        )


def _fitted(
    examples: Sequence[Example], options: TextOptions, funnel: Funnel
) -> tuple[list[Example], dict[str, Any]]:
    control = options.chat.control_tokens() if options.chat else []
    clean = [one for one in examples if not has_control_tokens(one.replies, control)]
    clean = funnel.keep("control_tokens_of_base", examples, clean)
    broken = [without_control_tokens(one, control) for one in clean]
    changed = sum(new is not old for new, old in zip(broken, clean, strict=True))
    if options.chat is None:
        return broken, {"neutralised_prompts": changed}
    chat = options.chat
    results = [fitted(one, chat, options.max_length) for one in broken]
    whole = [result for result in results if result.example is not None]
    kept = [result.example for result in whole if result.example is not None]
    funnel.keep("too_long", broken, kept)
    tokens = [result.tokens for result in whole]
    needed = [result.tokens for result in results if result.example is None]
    if not kept and needed:
        raise TuneError(
            f"too_long: all {len(needed)} rows need {told_range(needed)} tokens, and --max-length is "
            f"{options.max_length}: raise it, and data.max_length of the recipe"
        )
    return kept, {
        "neutralised_prompts": changed,
        "trimmed_prompts": sum(result.dropped > 0 for result in whole),
        "turns_left_out": sum(result.dropped for result in whole),
        "max_length": options.max_length,
        "median_tokens": median(tokens) if tokens else 0,
        "longest_tokens": max(tokens, default=0),
        "too_long_need": told_range(needed),
    }


def told_range(numbers: Sequence[int]) -> str:
    """Return the smallest and the greatest number for people; empty where there is none.

    >>> told_range([2600, 3200])
    '2600 to 3200'
    """
    return f"{min(numbers)} to {max(numbers)}" if numbers else ""


def _balanced(parts: Partition, options: TextOptions, funnel: Funnel) -> Partition:
    train = length_balanced(parts.train, options.rules.seed)
    if train is None:
        raise TuneError(
            "--balance-length: in every pair to train on the chosen reply is on the same side in length: "
            "add sources, or leave it out"
        )
    evaluation = length_balanced(parts.evaluation, options.rules.seed)
    after = Partition(
        tuple(train), parts.evaluation if evaluation is None else tuple(evaluation), parts.groups
    )
    funnel.keep("length_balance", (*parts.train, *parts.evaluation), (*after.train, *after.evaluation))
    return after


def _facts(parts: Partition, lengths: Mapping[str, Any]) -> dict[str, Any]:
    examples = (*parts.train, *parts.evaluation)
    count = Counter(one.chosen_model or one.rejected_model or "unknown" for one in examples)
    return {
        "groups": parts.groups,
        "chosen_longer": chosen_longer(parts.train),
        "prompts": dict(sorted(Counter(one.prompt_from for one in examples).items())),
        "models": dict(sorted(count.items())),
        "without_user": sum(not one.user for one in examples),
        "weak": sum(one.weak for one in examples),
        "emulated": sum(one.emulated for one in examples),
        **lengths,
    }

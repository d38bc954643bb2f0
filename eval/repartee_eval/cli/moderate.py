"""`repartee-eval moderate`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from repartee_eval.classifier_moderator import ClassifierModerator
from repartee_eval.cli.analyze import show
from repartee_eval.cli.dialogue_files import default_folder, loaded
from repartee_eval.cli.single_options import SingleChosen, with_single_options
from repartee_eval.cli.single_run import leave_if_stopped, single_session, write_lines, write_text
from repartee_eval.comparison import Plan
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.judges.moderating import ENDPOINT_MODEL
from repartee_eval.judges.rubrics import load_flags
from repartee_eval.moderation import (
    EXIT_CODES,
    Moderation,
    Which,
    checked,
    flag_calls,
    flag_lines,
    moderation,
)
from repartee_eval.moderators import EndpointModerator, JudgeModerator, Moderator
from repartee_eval.panel import Asking
from repartee_eval.policy import SHIPPED, load_policy
from repartee_eval.reports import moderation as report
from repartee_eval.run_session import Order
from repartee_eval.runs.chat_endpoint import ChatEndpoint
from repartee_eval.runs.manifest import sha256_of
from repartee_eval.runs.summary import RunSummary
from repartee_eval.seating import open_seats
from repartee_eval.settings import JudgeSettings, load_judge_settings
from repartee_eval.wiring import open_moderator

Sets = dict[Which, tuple[Dialogue, ...]]
_file = click.Path(path_type=Path, dir_okay=False, exists=True)
_any = click.Path(path_type=Path, exists=True)
_folder = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@click.argument("dialogues", type=_file)
@click.option("--against", type=_file, help="Older dialogues: rates are shown as new minus old.")
@click.option("--endpoint", help="Also ask POST /moderations below this address: https://api.openai.com/v1.")
@click.option("--endpoint-model", default=ENDPOINT_MODEL, show_default=True)
@click.option("--classifier", type=_folder, help="Also ask a tuned classifier: the folder of its model.")
@click.option("--no-judge", is_flag=True, help="Ask the endpoint or the classifier only.")
@click.option("--flags", "flags_file", type=_any, help="A YAML file or folder of flags. Default: ours.")
@click.option("--policy", "policy_file", type=_file, help="Whose floors decide. Default: ours.")
@with_single_options
def moderate(
    dialogues: Path,
    against: Path | None,
    endpoint: str | None,
    endpoint_model: str,
    classifier: Path | None,
    no_judge: bool,
    flags_file: Path | None,
    policy_file: Path | None,
    chosen: SingleChosen,
) -> None:
    """Tag each of the character's messages in DIALOGUES, and check the floors.

    Exit status: 0 no floor is breached, 20 one is, 30 inconclusive, 130 stopped, 1 an error.
    """
    if no_judge and not (endpoint or classifier):
        raise click.UsageError("--no-judge leaves nobody to ask: name the --endpoint or the --classifier")
    if classifier and not (classifier / "model.safetensors").is_file():
        raise click.UsageError("--classifier: name the model/ of a `repartee-tune train moderation` run")
    others = _Others(endpoint, endpoint_model, classifier, no_judge)
    flags, policy = load_flags(flags_file), load_policy(policy_file or SHIPPED)
    files: dict[Which, Path] = {"new": dialogues, **({"old": against} if against else {})}
    sets: Sets = {which: loaded(path, chosen.skip_bad) for which, path in files.items()}
    data: dict[str, str] = {which: sha256_of(path) for which, path in files.items()}
    asked = others.asked
    names = [*chosen.judging.names, asked, str(no_judge), str(flags_file), str(policy_file)]
    folder = chosen.out or default_folder("moderate", [*data.values(), *names, str(chosen.seed)])
    order = Order(
        folder,
        "moderate",
        (),
        {"endpoint": asked, "no_judge": no_judge},
        data,
        Plan(Asking((), seed=chosen.seed), flags),
        policy,
        (),
    )
    summary, found, moderators = asyncio.run(_moderated(order, sets, others, chosen))
    _end(folder, summary, found, moderators, chosen.in_json)


@dataclass(frozen=True, slots=True)
class _Others:
    """Who is asked beside the judge, or instead of it."""

    endpoint: str | None
    model: str
    classifier: Path | None
    no_judge: bool

    @property
    def asked(self) -> str:
        """What the run's manifest says of them: the classifier by the sum of its weights."""
        weights = sha256_of(self.classifier / "model.safetensors") if self.classifier else ""
        named = [f"{self.endpoint} {self.model}" if self.endpoint else "", weights[:16]]
        return " ".join(filter(None, named))


async def _moderated(
    order: Order, sets: Sets, others: _Others, chosen: SingleChosen
) -> tuple[RunSummary, Moderation, tuple[Moderator, ...]]:
    settings, flags = load_judge_settings(), order.plan.flags
    async with _moderators(others, settings, chosen) as moderators:
        seats = tuple(one.seat for one in moderators if isinstance(one, JudgeModerator))
        async with single_session(replace(order, seats=seats), chosen, settings) as session:
            jobs = [job for each in sets.values() for job in flag_calls(each, moderators, flags)]
            summary = await session.send(jobs, len(jobs))
            store = session.run.store
            messages = [
                one for which, each in sets.items() for one in checked(each, which, moderators, flags, store)
            ]
    found = moderation(messages, flags, order.policy, finished=not summary.budget_spent)
    return summary, found, moderators


@asynccontextmanager
async def _moderators(
    others: _Others, settings: JudgeSettings, chosen: SingleChosen
) -> AsyncIterator[tuple[Moderator, ...]]:
    async with AsyncExitStack() as stack:
        moderators: list[Moderator] = []
        if not others.no_judge:
            seats = await stack.enter_async_context(open_seats(chosen.judging, settings, chosen.prices))
            moderators += map(JudgeModerator, seats)
        if endpoint := others.endpoint:
            key = settings.api_key if endpoint == settings.address else settings.moderation_api_key
            secret = key.get_secret_value() if key else None
            server = ChatEndpoint(endpoint, others.model, api_key=secret, timeout=settings.attempt_seconds)
            await stack.enter_async_context(server)
            moderators.append(EndpointModerator(endpoint, server, others.model))
        if others.classifier:
            moderators.append(
                ClassifierModerator(await stack.enter_async_context(open_moderator(others.classifier)))
            )
        yield tuple(moderators)


def _end(
    folder: Path, summary: RunSummary, found: Moderation, moderators: Sequence[Moderator], in_json: bool
) -> None:
    names = [moderator.name for moderator in moderators]
    leave_if_stopped(summary)
    count = write_lines(folder / "flags.jsonl", flag_lines(found.messages, names))
    write_text(folder / "moderation.json", report.as_json(found))
    if in_json:
        click.echo(report.as_json(found), nl=False)
    else:
        _show(found, moderators)
        click.echo(f"{count} messages with their tags: {folder / 'flags.jsonl'}")
    sys.exit(EXIT_CODES[found.outcome])


def _show(found: Moderation, moderators: Sequence[Moderator]) -> None:
    lines = [f"{len(found.messages)} messages, read by {', '.join(one.name for one in moderators)}"]
    if any(not one.is_language_model for one in moderators):
        lines.append(
            "! Rehearsal: the offline baseline is a word list, no language model and no safety check."
        )
    if found.emulated:
        lines.append("! Emulated: a model played the user in some of these dialogues.")
    failed = [
        f"{one.moderator}: {sum(one.failures.values())} of {one.calls} without an answer "
        f"({', '.join(f'{reason} {n}' for reason, n in sorted(one.failures.items()))})"
        for one in found.answered
        if one.failures
    ]
    show([*lines, *failed], report.tables(found))
    click.echo(f"\n{found.outcome.upper()}: {found.reason}")

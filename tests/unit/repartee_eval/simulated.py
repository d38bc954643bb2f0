"""The real `repartee-eval compare` against a simulated judge: what it decides."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from repartee_eval.cli import cli
from repartee_eval.cli.compare import compare
from repartee_eval.cli.converse import converse
from repartee_eval.cli.judges import judges
from repartee_eval.cli.moderate import moderate
from repartee_eval.cli.rollout import rollout
from repartee_eval.cli.score import score
from tests.loopback.judge import JudgeServer, Opinion
from tests.unit.repartee_eval.made_dialogues import written

SHIP, HOLD, REJECT, INCONCLUSIVE = 0, 10, 20, 30
CHEAP: Final = ("--joint", "--no-floors", "--probes", "0")

for command in (compare, converse, judges, moderate, rollout, score):
    cli.add_command(command)


def invoke(*arguments: Any) -> Result:
    """Run the command; what it does not expect is raised."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def decided(folder: Path, server: JudgeServer, mind: Opinion, seed: int, pairs: int, *extra: str) -> int:
    """Return the exit status of one comparison by a judge of this mind, drawn from the seed."""
    folder.mkdir(parents=True, exist_ok=True)
    server.opinion = replace(mind, seed=seed)
    longer = "and says it at greater length " if mind.longer else ""
    a, b = written(folder / "a.jsonl", "a", pairs), written(folder / "b.jsonl", "b", pairs, longer=longer)
    judged = ("--judge", f"{server.url}#simulated", "--out", folder / "run", "--seed", seed)
    return invoke("compare", a, b, *judged, *CHEAP, *extra).exit_code

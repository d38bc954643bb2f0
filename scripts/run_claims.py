"""Run the campaigns behind docs/claims.md, one after another, and write down what came of them.

    .venv/bin/python -m scripts.run_claims --only isolation --only disconnects --seed 2 --scale 0.1

`make claims` runs all of them. Each is a command of its own that prints one JSON line and ends with status 1
where its claim is broken. `--scale` makes every campaign shorter. A campaign whose line of the same seed,
scale and code is already in docs/benchmarks/claims.json is skipped, so a run that was broken off goes on;
`--again` runs it anyway. The table of docs/claims.md is made of that file.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
FIGURES: Final = ROOT / "docs" / "benchmarks" / "claims.json"
PAGE: Final = ROOT / "docs" / "claims.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
CODE: Final = ("src", "eval", "tune", "prompts", "scripts", "tests/loopback", "characters")
PACKAGES: Final = ("repartee", "fastapi", "uvicorn", "qdrant-edge-py", "hypothesis", "schemathesis")


@dataclass(frozen=True)
class Campaign:
    """A command, the option that says how long it is, and its length at scale 1.

    `seed_option` is None where the command draws nothing. `of_trials` is False where its bounds are of the
    whole run: then n says how much was done, and there is no rate of failures to bound.
    """

    name: str
    module: str
    size_option: str
    size: int
    least: int = 1
    extra: tuple[str, ...] = ()
    seed_option: str | None = "--seed"
    failure_fields: tuple[str, ...] = ()
    of_trials: bool = True

    def arguments(self, seed: int, scale: float) -> list[str]:
        """Return the command without the interpreter."""
        size = max(self.least, round(self.size * scale))
        seeded = [self.seed_option, str(seed)] if self.seed_option else []
        return ["-m", self.module, self.size_option, str(size), *self.extra, *seeded]


_REGISTRY: Final = ("torn", "crashed", "broken", "leftovers", "lost_events")
_CLAIMS: Final = "scripts.claims."
CAMPAIGNS: Final = (
    Campaign("hostile_requests", f"{_CLAIMS}hostile_requests", "--cases", 10_000, 100),
    Campaign("hostile_requests_faults", f"{_CLAIMS}hostile_requests", "--cases", 10_000, 100, ("--faults",)),
    Campaign("bad_inputs", f"{_CLAIMS}bad_inputs", "--rounds", 10),
    Campaign("mutated_replies", f"{_CLAIMS}mutated_replies", "--cases", 10_000),
    Campaign("isolation", f"{_CLAIMS}isolation", "--searches", 1_000_000, 1_000),
    Campaign("canary_requests", f"{_CLAIMS}canary_requests", "--requests", 10_000, 100),
    Campaign("canary_privacy", f"{_CLAIMS}canary_privacy", "--cases", 1_000, 20),
    Campaign("killed_writes", f"{_CLAIMS}killed_writes", "--rounds", 1_000),
    Campaign("killed_runs", "scripts.kill_runs", "--kills", 1_000, failure_fields=("lost", "changed")),
    Campaign("killed_workers", f"{_CLAIMS}killed_workers", "--kills", 20, 2),
    Campaign("registry", "scripts.registry_campaign", "--kills", 1_000, failure_fields=_REGISTRY),
    Campaign("disconnects", f"{_CLAIMS}disconnects", "--cases", 100, 4),
    Campaign("rolling_restart", f"{_CLAIMS}rolling_restart", "--requests", 10_000, seed_option=None),
    Campaign("overload", f"{_CLAIMS}overload", "--seconds", 20, 3, seed_option=None, of_trials=False),
    Campaign("soak", f"{_CLAIMS}soak", "--seconds", 600, 3, of_trials=False),
    Campaign("forged_turns", f"{_CLAIMS}forged_turns", "--cases", 10_000),
    Campaign("parser_noise", f"{_CLAIMS}parser_noise", "--cases", 1_000_000, 100),
    Campaign("swapped_values", f"{_CLAIMS}swapped_values", "--cases", 20_000, 100),
    Campaign("simulated_judges", f"{_CLAIMS}simulated_judges", "--seeds", 100, 2, of_trials=False),
)


def upper_bound(trials: int, failures: int) -> float | None:
    """Return the 95 % upper bound of a rate with no failures in so many trials: the rule of three."""
    return 3 / trials if trials and not failures else None


def digest_of_code() -> str:
    """Return a digest of the files that decide what a campaign finds: documents do not count."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def last_line(output: str) -> dict[str, Any]:
    """Return the last JSON object that a command printed, {} if there is none."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            return found if isinstance(found, dict) else {}
    return {}


def summary(campaign: Campaign, found: dict[str, Any], status: int, seed: int) -> dict[str, Any]:
    """Return a campaign's line in the common form; what else it printed stays below `details`.

    A campaign without a number of failures has those of its `failure_fields`.
    """
    trials = int(found.get("n") or found.get("kills") or 0)
    failures = found.get("failures", 0) + sum(_size(found.get(name, 0)) for name in campaign.failure_fields)
    failures = max(int(failures), int(status != 0))
    known = {"claim", "n", "failures", "seed", "seconds"}
    return {
        "claim": campaign.name,
        "n": trials,
        "failures": failures,
        "upper_bound_95": upper_bound(trials, failures) if campaign.of_trials else None,
        "seed": found.get("seed", seed),
        "seconds": found.get("seconds"),
        "details": {name: value for name, value in found.items() if name not in known},
    }


def _size(value: Any) -> int:
    return len(value) if isinstance(value, list) else int(value)


def ran(campaign: Campaign, seed: int, scale: float) -> dict[str, Any]:
    """Run a campaign and return its line."""
    arguments = campaign.arguments(seed, scale)
    started = time.monotonic()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    line = summary(campaign, last_line(done.stdout), done.returncode, seed)
    line["seconds"] = line["seconds"] or round(time.monotonic() - started, 1)
    line["command"] = " ".join([".venv/bin/python", *arguments])
    line["scale"] = scale
    if not line["n"]:
        line["details"]["error"] = (done.stderr.strip().splitlines() or ["it printed no result"])[-1]
    return line


# --- what was found before ----------------------------------------------------------------------------


def known_lines(path: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of a file by campaign."""
    if not path.exists():
        return {}
    return {line["claim"]: line for line in json.loads(path.read_text("utf-8"))["claims"]}


def is_known(line: dict[str, Any] | None, seed: int, scale: float, code: str) -> bool:
    """Return whether a line is of this seed, scale and code, and not broken."""
    asked = (seed, scale, code)
    return line is not None and asked == (line["asked_seed"], line["scale"], line["code"])


def write(path: Path, lines: dict[str, dict[str, Any]]) -> None:
    """Write the lines, in the order of the campaigns, whole or not at all."""
    ordered = [lines[one.name] for one in CAMPAIGNS if one.name in lines]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    document = {
        "machine": machine,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "claims": ordered,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_suffix(".new")
    made.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    made.replace(path)


# --- the table ----------------------------------------------------------------------------------------


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Return the lines as a Markdown table."""
    head = "| campaign | n | failures | 95 % upper bound | seed | seconds |\n|---|---:|---:|---:|---:|---:|"
    return "\n".join([head, *_rows(lines)])


def _rows(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    for line in lines:
        bound = line["upper_bound_95"]
        shown = "—" if bound is None else f"{bound:.2g}"
        cells = (
            f"`{line['claim']}`",
            f"{line['n']:,}",
            line["failures"],
            shown,
            line["seed"],
            line["seconds"],
        )
        yield "| " + " | ".join(map(str, cells)) + " |"


def page_with(page: str, lines: Sequence[dict[str, Any]]) -> str:
    """Return the page with its table made anew. Raises ValueError where the page has no place for it."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{begin}\n\n{table(lines)}\n\n{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaigns."""
    names = [campaign.name for campaign in CAMPAIGNS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=names, help="May be given more than once.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="0.01 to 1: the share of the full length.")
    parser.add_argument("--again", action="store_true", help="Run what is already known, too.")
    parser.add_argument("--out", type=Path, default=FIGURES, help="Default: docs/benchmarks/claims.json.")
    options = parser.parse_args(arguments)
    if not 0 < options.scale <= 1:
        parser.error("--scale: must be above 0 and at most 1")
    lines, code, broken = known_lines(options.out), digest_of_code(), []
    for campaign in CAMPAIGNS:
        if options.only and campaign.name not in options.only:
            continue
        if options.again or not is_known(lines.get(campaign.name), options.seed, options.scale, code):
            print(f"{campaign.name} …", file=sys.stderr, flush=True)
            found = ran(campaign, options.seed, options.scale)
            lines[campaign.name] = found | {"asked_seed": options.seed, "code": code}
            write(options.out, lines)
        if lines[campaign.name]["failures"]:
            broken.append(campaign.name)
    shown = list(known_lines(options.out).values())
    print(table(shown))
    if options.out == FIGURES and PAGE.exists():
        PAGE.write_text(page_with(PAGE.read_text("utf-8"), shown), "utf-8")
    for name in broken:
        print(f"broken: {name}: {json.dumps(lines[name]['details'])[:600]}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

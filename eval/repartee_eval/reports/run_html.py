"""A run's report as one page: it loads nothing, and runs and styles nothing but what is in it.

Numbers and cases need no JavaScript, which only filters the cases. Every value that the template writes is
escaped, but for the SVG made here, the style and the script; the policy allows those two by their hash.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from mako.template import Template

from repartee_eval.reports import judge_tables, run_tables
from repartee_eval.reports.browsed_cases import MOST_CASES, BrowsedCase, browsed_cases
from repartee_eval.reports.floor_hits import floor_hits
from repartee_eval.reports.run_changes import Changes
from repartee_eval.reports.run_facts import WORDS, facts, headline, title
from repartee_eval.reports.win_rate_bars import bar, standing
from repartee_eval.run_result import RunResult

_PAGE: Final = Path(__file__).parent / "page"


def as_html(result: RunResult, changes: Changes | None = None, most_cases: int = MOST_CASES) -> str:
    """Return the page with at most so many cases to browse."""
    style, script = _text("report.css"), _text("report.js")
    browsed = browsed_cases(result, most_cases)
    page: str = _template().render(
        result=result,
        changes=changes,
        title=title(result),
        headline=headline(result),
        words=WORDS,
        facts=facts(result),
        tables=run_tables,
        judging=judge_tables,
        rates=result.win_rates,
        bar=bar,
        standing=standing,
        hits=floor_hits(result),
        cases=browsed,
        choices=_choices(browsed),
        policy=_policy(style, script),
        style=style,
        script=script,
    )
    return page.encode("utf-8", "replace").decode()


def _choices(browsed: tuple[BrowsedCase, ...]) -> dict[str, list[str]]:
    """Return what the cases can be filtered by."""
    found = {
        "criterion": dict.fromkeys(name for case in browsed for name in case.rows),
        "character": dict.fromkeys(sorted(case.found.character for case in browsed)),
        "depth": dict.fromkeys(case.found.depth for case in browsed if case.found.depth),
    }
    return {name: list(values) for name, values in found.items()}


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _text(name: str) -> str:
    return (_PAGE / name).read_text("utf-8")


@cache
def _template() -> Template:
    return Template(  # noqa: S702 every value goes through the default filter, which escapes
        _text("report.mako"),
        default_filters=["html_text"],
        imports=["from repartee_eval.reports.visible_text import html_text"],
        strict_undefined=True,
    )

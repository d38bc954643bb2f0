import io

import pytest
from rich.console import Console

from repartee.application.search_facts import CandidateList, FactCandidate, ScoreParts
from repartee.domain.ranking import Verdict
from repartee.presentation.cli.fact_tables import show_candidates

_LONG = "Plays the cello in an amateur orchestra\nthat rehearses on \x1b[31mTuesdays"


def _candidate(verdict: Verdict, *, kept: bool, rerank: float | None = None) -> FactCandidate:
    scores = ScoreParts(similarity=0.4123, recency=0.95, score=0.39, rerank=rerank)
    return FactCandidate(
        id="x", owner="user", character="", text=_LONG, scores=scores, kept=kept, verdict=verdict
    )


def _shown(found: CandidateList, width: int, *, terminal: bool = False) -> list[str]:
    out = io.StringIO()
    color = "standard" if terminal else None
    console = Console(file=out, width=width, force_terminal=terminal, color_system=color, highlight=False)
    show_candidates(console, found, "maya")
    return out.getvalue().splitlines()


FOUND = CandidateList(
    status="ok",
    candidates=[_candidate("kept", kept=True, rerank=0.875), _candidate("below_rerank", kept=False)],
    threshold=0.25,
    rerank="ok",
)


@pytest.mark.parametrize("width", [20, 40, 75, 76, 80, 200])
def test_nothing_is_cut_off_whatever_the_width(width: int) -> None:
    lines = _shown(FOUND, width)
    assert all(len(line) <= width for line in lines)
    text = "".join("".join(lines).split())
    assert "0.412" in text
    assert "0.875" in text
    assert "notrelevantenough" in text
    if width < 76 or width == 200:
        assert text.count("Playsthecelloinanamateurorchestrathatrehearseson[31mTuesdays") == 2
    assert text.endswith("areplywoulduse1ofthese2factsofmaya")


def test_a_terminal_gets_dimmed_lines_and_no_escapes_of_users() -> None:
    shown = "\n".join(_shown(FOUND, 80, terminal=True))
    assert "\x1b[2m" in shown
    assert "\x1b[31m" not in shown


def test_a_user_without_facts_is_told_so() -> None:
    nothing = CandidateList(status="empty", candidates=[], threshold=0.25, rerank="off")
    assert _shown(nothing, 80) == ["maya has no facts to choose from"]

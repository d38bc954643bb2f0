"""The three forms of the report, over a report whose every text is hostile."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from repartee.application.ports import EmbedderProfile
from repartee_eval.reports.retrieval import RetrievalReport, as_json, as_markdown, cell
from repartee_eval.reports.retrieval_html import as_html
from repartee_eval.retrieval import Resampling, ScoredMessage, measure_groups
from repartee_eval.statistics.intervals import Interval
from repartee_eval.sweep import Goal, curves, sweep

HOSTILE = "<script>alert('\"&')</script>|\x1b[31m\n# no heading"
RESAMPLING = Resampling(seed=7, resamples=100)


def message(split: str, user: str, scores: tuple[float, ...], grades: tuple[int, ...]) -> ScoredMessage:
    return ScoredMessage(user, "en", split, "m", scores, grades)


@pytest.fixture
def report() -> RetrievalReport:
    messages = [
        message(split, f"{split}-{number}{HOSTILE}", (0.8, 0.3), grades)
        for split in ("tune", "test")
        for number in range(2)
        for grades in ((2, 0), (0, 1), (0, 0))
    ]
    goals = [Goal("max-f1"), Goal("precision", 0.99), Goal("fpr", 0.1)]
    return RetrievalReport(
        embedder=EmbedderProfile(HOSTILE, HOSTILE, "1", 64, 0.25),
        fingerprint="f00d",
        limit=3,
        threshold=0.5,
        own_thresholds={"latin": 0.25},
        resampling=RESAMPLING,
        rows=measure_groups(messages, 3, 0.5, RESAMPLING),
        curves=curves(messages, 3),
        chosen=sweep(messages, goals, 3, RESAMPLING),
    )


class Page(HTMLParser):
    """What a browser would see: elements, attributes, text; charts as they are written."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_hostile_text_stays_text_in_html(report: RetrievalReport):
    page = Page(as_html(report))
    assert "script" not in {tag for tag, _ in page.elements}
    assert f"Retrieval: {HOSTILE}" in page.texts


def test_the_page_loads_and_runs_nothing(report: RetrievalReport):
    page = Page(as_html(report))
    policies = [attributes.get("content") for _, attributes in page.elements if "http-equiv" in attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    names = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in names if name in {"src", "href", "style"} or name.startswith("on")}
    assert "url(" not in as_html(report)


def test_every_language_and_split_has_its_chart_with_four_lines(report: RetrievalReport):
    text = as_html(report)
    charts = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text)]  # noqa: S314  # our own
    assert [chart.get("aria-label").rpartition(": ")[2] for chart in charts] == ["en, tune", "en, test"]
    for chart in charts:
        lines = {line.get("class"): line.get("points").split() for line in chart.findall("polyline")[:4]}
        lengths = {name: len(points) for name, points in lines.items()}
        # 0.8 is the best score: at the 41 thresholds from there on nothing is selected
        assert lengths == {"precision": 160, "recall": 201, "f1": 201, "fpr": 201}
        assert lines["recall"][0] == "40.0,12.0"  # threshold 0 finds all: the upper left corner
        assert lines["recall"][-1] == "450.0,220.0"  # threshold 1 finds nothing: the lower right one


def test_html_has_light_and_dark(report: RetrievalReport):
    assert "prefers-color-scheme: dark" in as_html(report)


def test_hostile_text_stays_in_its_cell_in_markdown(report: RetrievalReport):
    text = as_markdown(report)
    assert "<script" not in text
    assert "\x1b" not in text
    assert text.count("\n# ") == 0
    tables = [line for line in text.splitlines() if line.startswith("|")]
    columns = {line.replace("\\|", "").count("|") for line in tables}
    assert columns == {5, 9}  # a language has 4 columns, the sweep 8


def test_markdown_says_what_made_the_numbers_and_keeps_the_goals_readable(report: RetrievalReport):
    text = as_markdown(report)
    assert "seed 7, 100 resamples" in text
    assert "above 0.5 (as given)" in text
    assert "4 users, 12 messages" in text
    assert "| fpr<=0.1 " in text


def test_own_thresholds_are_named_per_script_and_marked_in_the_charts(report: RetrievalReport):
    own = {"cyrillic": 0.2, "latin": 0.23}
    curves = [replace(curve, own=(0.2, 0.23)) for curve in report.curves]
    report = replace(report, threshold=None, own_thresholds=own, curves=curves)
    assert "a score above the embedder's own thresholds: cyrillic 0.2, latin 0.23" in as_markdown(report)
    assert as_html(report).count('class="mark"') == 4  # two in each of two charts
    content = json.loads(as_json(report))
    assert (content["threshold"], content["own_thresholds"]) == (None, own)


def test_a_goal_for_n_facts_has_its_column_and_its_formula(report: RetrievalReport):
    assert "FPR@" not in as_markdown(report)
    messages = [message(split, split, (0.8, 0.3), (0, 0)) for split in ("tune", "test")]
    chosen = sweep(messages, [Goal("max-f1"), Goal("fpr", 1.0, 2)], 3, RESAMPLING)
    text = as_markdown(replace(report, chosen=chosen))
    assert "| FPR@2 " in text
    assert "1 - C(N - k, n) / C(N, n)" in text
    rows = [line.split("|")[-2].strip() for line in text.splitlines() if line.startswith("| en")]
    assert rows == ["", "", "0.000 (one user) n=1", "0.000 (one user) n=1"]


def test_a_goal_that_nothing_meets_is_a_line_of_the_table(report: RetrievalReport):
    assert "| precision>=0.99 | none meets it |" in as_markdown(report)


def test_json_holds_every_number_and_what_made_it(report: RetrievalReport):
    content = json.loads(as_json(report))
    assert content["format"] == 1
    assert content["intervals"]["seed"] == 7
    assert [(group["language"], group["split"]) for group in content["groups"]] == [
        ("en", "tune"), ("en", "test"), ("en", "all"),
    ]  # fmt: skip
    f1 = content["groups"][0]["measures"]["F1"]
    assert f1 == {"value": 0.4, "low": 0.0, "high": f1["high"], "n": 6, "clusters": 2, "unknown": None}
    assert [choice["goal"] for choice in content["sweep"]] == ["max-f1", "precision>=0.99", "fpr<=0.1"]
    assert len(content["curves"][0]["points"]) == 201


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        (Interval(0.5, 0.25, 0.75, 40, 2), "0.500 [0.25, 0.75] n=40"),
        (Interval(0.5, None, None, 40, 1, "one cluster"), "0.500 (one user) n=40"),
        (Interval(0.0, None, None, 40, 2, "no variation"), "0.000 (no variation) n=40"),
        (Interval(None, None, None, 0, 0, "no data"), "–"),
    ],
)
def test_a_cell_never_shows_a_value_without_its_certainty(interval: Interval, shown: str):
    assert cell(interval) == shown

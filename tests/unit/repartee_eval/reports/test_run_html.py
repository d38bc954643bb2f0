import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from repartee.domain.character import Character
from repartee_eval.reports.browsed_cases import MOST_TEXT
from repartee_eval.reports.run_changes import changes
from repartee_eval.reports.run_html import as_html
from repartee_eval.run_result import read_result
from tests.unit.repartee_eval.made_runs import (
    CRITERIA,
    both_orders,
    drawn,
    failed,
    flags_of,
    made_case,
    make_run,
)

CASES = [made_case(number) for number in range(40)]
HOSTILE = "</script></style><script>owned()</script><img src=x onerror=owned()>\"'`${1+1}<% x %>\u202egnp"
LOUD = f"{HOSTILE}\x00\x1b[31m"
SAID = LOUD + "v" * 100_000


class Tags(HTMLParser):
    """Collects start tags, attributes and the text outside style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.unclosed: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "line", "rect", "circle", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unclosed.append(tag)

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    folder = make_run(
        tmp_path_factory.mktemp("run") / "r", CASES, drawn(CASES[1:], 0.9) + failed(CASES[0], "engagement")
    )
    return as_html(read_result(folder))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> str:
    first = made_case(
        0,
        a=HOSTILE,
        b="w" * 32_000,
        character_id=HOSTILE[:60],
        character=Character(name="</script><b>Eve", description=HOSTILE),
        scenario_id=HOSTILE,
        cluster=HOSTILE,
    )
    flagged = flags_of([first], ["hate"], {first.id: ("hate", "severe")})
    rows = [row for name in CRITERIA for row in both_orders(first, name, "a", "a", reason=SAID)]
    folder = make_run(
        tmp_path_factory.mktemp("hostile") / "r",
        [first, *CASES[1:]],
        rows + drawn(CASES[1:], 0.9),
        flagged,
        manifest={"command": LOUD, "data": {HOSTILE: "x"}},
        note=HOSTILE,
    )
    return as_html(read_result(folder))


@pytest.mark.parametrize(
    ("rate", "word"),
    [(0.9, "Ship"), (0.1, "Hold"), (0.5, "Inconclusive")],
    ids=["ship", "hold", "inconclusive"],
)
def test_the_decision_comes_first_in_a_word_with_what_to_do(tmp_path, rate, word):
    html = as_html(read_result(make_run(tmp_path / "r", CASES, drawn(CASES, rate, seed=2))))
    banner = re.search(r'<section id="decision".*?</section>', html, re.DOTALL)[0]
    assert word in banner
    assert "Next:" in banner
    assert f'class="decision {word.lower()}"' in banner


def test_nothing_is_loaded_and_only_what_is_in_the_page_runs(page):
    found = Tags(page)
    policy = next(
        attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert f"{tag}-src 'sha256-{b64encode(sha256(inside.encode()).digest()).decode()}'" in policy
    for tag, attrs in found.tags:
        assert not {"src", "style", "action"} & set(attrs), (tag, attrs)
        assert not [name for name in attrs if name.startswith("on")]
        assert attrs.get("href", "#").startswith("#")


def test_every_tag_is_closed_in_its_place(page, hostile):
    for html in (page, hostile):
        found = Tags(html)
        assert (found.open, found.unclosed) == ([], [])


def test_text_from_outside_stays_text(hostile, page):
    found, harmless = Tags(hostile), Tags(page)
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in harmless.tags} | {"a"}
    assert sum(tag == "script" for tag, _ in found.tags) == 1
    text = "".join(found.text)
    assert "<script>owned()</script><img src=x onerror=owned()>\"'`${1+1}<% x %>" in text
    assert not {"\x00", "\x1b"} & set(hostile)


def test_a_text_of_one_long_word_is_cut(hostile):
    assert "w" * MOST_TEXT in hostile
    assert "w" * (MOST_TEXT + 1) not in hostile
    assert "v" * MOST_TEXT not in hostile
    assert f"{32_000 - MOST_TEXT:,} characters more" in hostile


def test_how_many_cases_are_shown_is_said(tmp_path):
    result = read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9)))
    html = as_html(result, most_cases=7)
    assert "7 of 40 cases are shown" in html
    assert html.count('<details class="case"') == 7


def test_one_bar_per_criterion_marks_the_half_and_the_margin(page):
    section = re.search(r'<section id="rates">.*?</section>', page, re.DOTALL)[0]
    bars = re.findall(r'<svg class="bar .*?</svg>', section, re.DOTALL)
    assert len(bars) == 3
    for bar in bars:
        assert '<line class="half" x1="50%"' in bar
        assert '<line class="margin" x1="45.00%"' in bar


def test_the_offline_baseline_and_emulated_users_are_labelled(tmp_path):
    side = CASES[0].b.model_copy(update={"emulated": True})
    cases = [CASES[0].model_copy(update={"b": side}), *CASES[1:]]
    html = as_html(read_result(make_run(tmp_path / "r", cases, drawn(cases, 0.9), language_model=False)))
    assert '<p class="rehearsal"' in html
    assert "<small>rehearsal</small>" in html
    assert html.count('<span class="tag">emulated</span>') == 1
    assert "Emulated: a model played the user" in html


def test_the_run_before_stands_beside_it(tmp_path):
    before = read_result(make_run(tmp_path / "old", CASES, drawn(CASES, 0.1)))
    now = read_result(make_run(tmp_path / "new", CASES, drawn(CASES, 0.9)))
    html = as_html(now, changes(before, now))
    assert "Before (<bdi>old</bdi>): <b>Hold</b>" in html
    assert "better, engagement: fail → pass" in html


@pytest.mark.parametrize(
    "rows", [[], [row for case in CASES for name in CRITERIA for row in failed(case, name)]]
)
def test_a_run_without_any_verdict_has_a_page(tmp_path, rows):
    html = as_html(read_result(make_run(tmp_path / "r", CASES, rows)))
    assert 'class="decision inconclusive"' in html
    assert "nan" not in "".join(Tags(html).text).lower().split()

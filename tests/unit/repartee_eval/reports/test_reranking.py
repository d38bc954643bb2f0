"""The reranker's part of the report, in its three forms."""

import json

import pytest

from repartee.application.ports import EmbedderProfile
from repartee_eval.reports.retrieval import RetrievalReport, as_json, as_markdown
from repartee_eval.reports.retrieval_html import as_html
from repartee_eval.reranking import RerankedMessage, RerankReport, Rules, compare_groups
from repartee_eval.retrieval import Resampling, ScoredMessage, measure_groups

HOSTILE = "<script>alert(1)</script>|\n# no heading"
RESAMPLING = Resampling(seed=7, resamples=100)


@pytest.fixture
def report() -> RetrievalReport:
    dense = [
        ScoredMessage(user, "en", "test", "m", (0.8, 0.3), grades, ("f1", "f2"))
        for user in ("ann", "ben")
        for grades in ((0, 2), (0, 1), (1, 0), (0, 0))
    ]
    reranked = [RerankedMessage(message, (0.2, 0.9)) for message in dense]
    compared = compare_groups(reranked, Rules(3, 0.5, 0.1), RESAMPLING)
    return RetrievalReport(
        embedder=EmbedderProfile("e", "e", "1", 64, 0.25),
        fingerprint="f00d",
        limit=3,
        threshold=0.5,
        own_thresholds={"latin": 0.25},
        resampling=RESAMPLING,
        rows=measure_groups(dense, 3, 0.5, RESAMPLING),
        curves=[],
        chosen=[],
        reranking=RerankReport(HOSTILE, 2, 0.1, compared),
    )


def test_the_table_has_both_orders_and_a_signed_difference(report: RetrievalReport):
    lines = as_markdown(report).splitlines()
    start = lines.index("## en, test, reranked: ann, ben")
    header, _, *rows = lines[start + 2 : start + 15]
    assert [text.strip() for text in header.strip("|").split("|")] == [
        "measure", "as found", "reranked", "difference",
    ]  # fmt: skip
    cells = {row.split("|")[1].strip(): [text.strip() for text in row.split("|")[2:5]] for row in rows}
    # first relevant at places 2, 2, 1 as found, at 1, 1, 2 reranked
    before, after, difference = cells["MRR"]
    assert before.startswith("0.667 [")
    assert after.startswith("0.833 [")
    assert difference.startswith("+0.167 [")
    assert [text.split(" ")[0] for text in cells["FPR"]] == ["1.000", "1.000", "+0.000"]


def test_what_was_reranked_is_said_and_explained(report: RetrievalReport):
    for text in (as_markdown(report), as_html(report)):
        assert "the first 2 facts per message, used where the relevance is above 0.1" in text
        assert "A difference is reranked minus as found" in text


def test_hostile_names_stay_text(report: RetrievalReport):
    assert "<script" not in as_html(report)
    assert "<script" not in as_markdown(report)
    assert "# no heading" not in as_markdown(report).splitlines()


def test_json_has_all_three_intervals(report: RetrievalReport):
    content = json.loads(as_json(report))["reranking"]
    assert (content["reranker"], content["candidates"], content["threshold"]) == (HOSTILE, 2, 0.1)
    found = content["rows"][0]["measures"]["MRR"]
    assert found["difference"]["value"] == pytest.approx(
        found["reranked"]["value"] - found["dense"]["value"], abs=1e-5
    )
    assert found["difference"]["low"] < found["difference"]["value"] < found["difference"]["high"]

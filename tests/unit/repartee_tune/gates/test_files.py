"""Gates that look at files: integrity and training health."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from repartee_tune.errors import TuneError
from repartee_tune.gates.chrf import chrf
from repartee_tune.gates.golden import load_items, load_scores
from repartee_tune.gates.health import check_health
from repartee_tune.gates.integrity import check_integrity
from repartee_tune.gates.policy import HealthPolicy
from tests.unit.repartee_tune.registry.models import adapter, model


def test_whole_files_pass(tmp_path: Path) -> None:
    result = check_integrity(model(tmp_path / "m"))
    assert (result.decision, result.n) == ("pass", 2)
    assert len(result.inputs["content"]) == 64


def test_a_pickle_is_a_breach(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "optimizer.pt").write_bytes(b"x")
    result = check_integrity(folder)
    assert (result.decision, result.floor) == ("fail", True)


def test_an_adapter_has_to_fit_its_base(tmp_path: Path) -> None:
    base = model(tmp_path / "base")
    assert check_integrity(adapter(tmp_path / "good", "b"), base).decision == "pass"
    assert "another shape" in check_integrity(adapter(tmp_path / "wide", "b", width=5), base).reason
    other = tmp_path / "other"
    other.mkdir()
    save_file({"elsewhere.weight": np.ones((4, 3), np.float32)}, other / "model.safetensors")
    assert "does not have" in check_integrity(adapter(tmp_path / "a", "b"), other).reason


def _health(folder: Path, **changes: Any) -> Path:
    names = ("steps_done", "not_finite", "stop_token_trained", "eval_margin")
    checks = [{"name": name, "value": 1.0, "limit": 0.0, "passed": True, "meaning": "m"} for name in names]
    checks[3] |= changes
    path = folder / "health.json"
    path.write_text(json.dumps({"passed": True, "checks": checks}))
    return path


def test_healthy_training_passes(tmp_path: Path) -> None:
    assert check_health(_health(tmp_path), HealthPolicy()).decision == "pass"


@pytest.mark.parametrize(
    "changes",
    [
        {"passed": False, "value": -0.1},
        {"value": None, "passed": False},
        {"value": math.nan},
        {"value": math.inf},
        {"value": None},
        {"limit": math.nan},
    ],
)
def test_one_failed_check_fails(tmp_path: Path, changes: dict[str, Any]) -> None:
    result = check_health(_health(tmp_path, **changes), HealthPolicy())
    assert (result.decision, result.reason.split()[0]) == ("fail", "eval_margin")


def test_unknown_health_never_passes(tmp_path: Path) -> None:
    assert check_health(None, HealthPolicy()).decision == "inconclusive"
    missing = HealthPolicy(required=["steps_done", "chosen_drop"])
    assert check_health(_health(tmp_path), missing).decision == "inconclusive"
    (tmp_path / "health.json").write_text("{}")
    with pytest.raises(TuneError, match=r"no health\.json"):
        check_health(tmp_path / "health.json", HealthPolicy())


def test_golden_files_name_line_and_field(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("item,candidate,champion\na,0.5,0.4\nb,1.5,0.4\n")
    with pytest.raises(TuneError, match=r"scores\.csv:3: candidate"):
        load_scores(path)
    path.write_text("item,candidate,champion\na,0.5,0.4\na,0.5,0.4\n")
    with pytest.raises(TuneError, match="twice"):
        load_scores(path)
    items = tmp_path / "items.jsonl"
    items.write_text('{"item": "a", "messages": [{"role": "user", "content": "x"}], "references": []}\n')
    with pytest.raises(TuneError, match=r"items\.jsonl:1: references"):
        load_items(items)


def test_golden_texts_may_hold_any_line_break(tmp_path: Path) -> None:
    items = tmp_path / "items.jsonl"
    line = (
        '{"item": "a", "messages": [{"role": "user", "content": "x\u2028y"}], "references": ["z\u0085"]}\r\n'
    )
    items.write_text(line, "utf-8", newline="")
    assert load_items(items)[0].messages[0].content == "x\u2028y"
    path = tmp_path / "scores.csv"
    path.write_text('item,candidate,champion\n"a\u2028b",0.5,0.4\n"c\nd",0.5,0.4\n', "utf-8")
    assert [row.item for row in load_scores(path)] == ["a\u2028b", "c\nd"]


def test_chrf_is_one_for_the_reference_and_falls_with_distance() -> None:
    assert chrf("Дождь опять.", ["Дождь опять."]) == 1.0
    near, far = chrf("Дожди опять.", ["Дождь опять."]), chrf("Чай остыл", ["Дождь опять."])
    assert 1.0 > near > far >= 0.0
    assert chrf("", ["Дождь"]) == 0.0
    # by hand: unigrams 2 of 2 and 2 of 3, bigrams 1 of 1 and 1 of 2: P 1, R 7/12, F2 = 5 P R / (4 P + R)
    assert chrf("ab", ["abc"]) == pytest.approx(5 * (7 / 12) / (4 + 7 / 12))


def test_a_health_file_that_contradicts_itself_does_not_pass(tmp_path: Path) -> None:
    path = _health(tmp_path)
    path.write_text(path.read_text().replace('{"passed": true, "checks"', '{"passed": false, "checks"'))
    assert check_health(path, HealthPolicy()).decision == "fail"

from pathlib import Path

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.recipe import KTORecipe, parse_recipe
from repartee_tune.row_checks import CheckedRows
from repartee_tune.trainers.kto import class_weights, interleave
from repartee_tune.training_rows import FeedbackRow
from tests.unit.repartee_tune.tiny_rows import make_rows, recipe_fields

SOURCE = Path("train.jsonl")


def _rows(liked: int, disliked: int) -> CheckedRows:
    row = make_rows("kto", 1)[0]
    labels = [True] * liked + [False] * disliked  # as TRL's own unpairing leaves them
    rows = tuple(FeedbackRow.model_validate({**row, "label": label}) for label in labels)
    return CheckedRows(rows, {}, 10.0)


def _recipe(**fields: object) -> KTORecipe:
    recipe = parse_recipe({**recipe_fields("kto"), **fields}, "test")
    assert isinstance(recipe, KTORecipe)
    return recipe


@pytest.mark.parametrize(("liked", "disliked"), [(32, 32), (50, 14), (9, 40)])
def test_every_batch_holds_both_classes(liked: int, disliked: int) -> None:
    checked = interleave(_rows(liked, disliked), 8, 0, SOURCE)
    labels = [row.label for row in checked.rows if isinstance(row, FeedbackRow)]
    assert all(len(set(labels[i : i + 8])) == 2 for i in range(0, len(labels), 8))
    assert len(labels) + checked.counts["short_batch"] == liked + disliked


def test_feedback_of_one_class_is_refused() -> None:
    with pytest.raises(TuneError, match="one class is missing"):
        interleave(_rows(16, 0), 4, 0, SOURCE)


def test_feedback_too_one_sided_for_the_batch_is_refused() -> None:
    with pytest.raises(TuneError, match="per_device_batch_size"):
        interleave(_rows(60, 4), 4, 0, SOURCE)


def test_fewer_rows_than_a_batch_are_not_called_one_sided() -> None:
    with pytest.raises(TuneError, match="6 rows are fewer than a batch of 8: add rows, or lower"):
        interleave(_rows(3, 3), 8, 0, SOURCE)


@pytest.mark.parametrize(("liked", "disliked"), [(30, 10), (10, 30), (20, 20)])
def test_auto_weights_balance_the_classes(liked: int, disliked: int) -> None:
    desirable, undesirable = class_weights(_recipe(), _rows(liked, disliked))
    assert desirable * liked == pytest.approx(undesirable * disliked)
    assert min(desirable, undesirable) == 1


def test_weights_out_of_range_are_refused_with_the_ratio() -> None:
    with pytest.raises(TuneError, match=r"is 3\.00 and must be from 1 to 1\.33: write auto"):
        class_weights(_recipe(desirable_weight=1.0, undesirable_weight=1.0), _rows(30, 10))
    assert class_weights(_recipe(undesirable_weight=2.0), _rows(20, 10)) == (1.0, 2.0)

import pytest

from repartee_eval.derived import Derived, read_derived, write_derived
from repartee_eval.errors import EvalError


def test_a_run_without_the_file_has_nothing_derived(tmp_path):
    assert read_derived(tmp_path) == Derived()


def test_a_broken_file_is_told_with_what_to_do(tmp_path):
    (tmp_path / "derived.json").write_text('{"flagged": 3}')
    with pytest.raises(EvalError, match="repeat the run's command"):
        read_derived(tmp_path)


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(EvalError, match="No such file"):
        write_derived(tmp_path / "none", Derived())

from pathlib import Path

from repartee_tune.checkpoints import newest_checkpoint, prune_incomplete
from repartee_tune.metrics_log import append_metrics, forget_after, read_metrics
from tests.unit.repartee_tune.checkpoint_folders import write_checkpoint


def test_the_newest_is_by_step_and_not_by_name(tmp_path: Path) -> None:
    for step in (9, 100, 20):
        write_checkpoint(tmp_path, step)
    assert prune_incomplete(tmp_path, 1) == []
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-100"


def test_each_kind_of_half_written_checkpoint_goes(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1)
    (write_checkpoint(tmp_path, 2) / "checkpoint-is-incomplete.txt").write_text("", "utf-8")
    (write_checkpoint(tmp_path, 3) / "trainer_state.json").unlink()
    (write_checkpoint(tmp_path, 4) / "trainer_state.json").write_text('{"global_st', "utf-8")
    torn = write_checkpoint(tmp_path, 5) / "optimizer.pt"
    torn.write_bytes(torn.read_bytes()[:-10])
    (write_checkpoint(tmp_path, 6) / "rng_state.pth").unlink()
    cut = write_checkpoint(tmp_path, 7) / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-10])
    assert len(prune_incomplete(tmp_path, 1)) == 6
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-1"


def test_a_checkpoint_needs_the_random_state_of_every_process(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1, processes=2)
    (write_checkpoint(tmp_path, 2, processes=2) / "rng_state_1.pth").unlink()
    assert prune_incomplete(tmp_path, 2) == ["checkpoint-2"]


def test_no_folder_is_no_checkpoint(tmp_path: Path) -> None:
    assert prune_incomplete(tmp_path / "none", 1) == []
    assert newest_checkpoint(tmp_path / "none") is None


def test_metrics_of_steps_that_are_taken_again_are_forgotten(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        append_metrics(tmp_path, {"loss": 1.0 / step, "step": step})
    with (tmp_path / "metrics.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"loss": 0.2, "st')
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2, 3]
    forget_after(tmp_path, 2)
    append_metrics(tmp_path, {"loss": 0.4, "step": 3})
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2, 3]

from pathlib import Path

from transformers import TrainerControl, TrainerState, TrainingArguments

from repartee_tune.metrics_log import append_metrics, read_metrics
from repartee_tune.run_callbacks import MetricsFile


def test_a_run_forgets_what_it_will_log_again(tmp_path: Path) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path / "checkpoints"), use_cpu=True)
    for step in (0, 4, 8):
        append_metrics(tmp_path, {"eval_loss": 1.0, "step": step})
    MetricsFile(tmp_path).on_train_begin(arguments, TrainerState(global_step=4), TrainerControl())
    assert [line["step"] for line in read_metrics(tmp_path)] == [0, 4]
    MetricsFile(tmp_path).on_train_begin(arguments, TrainerState(), TrainerControl())
    assert read_metrics(tmp_path) == []

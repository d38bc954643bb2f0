"""A run's folder: what it was begun with, where it goes on, what it says while it works, and when it is done.

spec.json       what was asked: recipe, hashes of dataset and base, world size
env.json        versions, devices, command line
checkpoints/    where it goes on
metrics.jsonl   one line per log, as it happens;  tensorboard/ the same
status.json     running, interrupted, failed or finished; steps done of steps planned
model/          adapter or whole model, safetensors only
health.json, curves.png, curves.svg, manifest.json at the end
"""

import os
import shutil
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import Trainer, set_seed
from transformers.trainer_callback import PrinterCallback

from repartee_tune.base_files import check_base
from repartee_tune.base_model import keep_quantised_layers_differentiable
from repartee_tune.checkpoints import newest_checkpoint
from repartee_tune.errors import TuneError
from repartee_tune.health import TrainingFacts, TrainingHealth, training_health
from repartee_tune.metrics_log import read_metrics
from repartee_tune.model_folder import clean_model_folder
from repartee_tune.plots import plot_run
from repartee_tune.recipe import TextRecipe
from repartee_tune.row_checks import CheckedRows
from repartee_tune.run_callbacks import run_callbacks
from repartee_tune.run_environment import run_environment
from repartee_tune.run_folder import claim
from repartee_tune.run_preconditions import (
    check_batch_is_filled,
    check_machine,
    check_strategy,
    check_world,
    fsdp_checkpoints_activations,
)
from repartee_tune.stage import (
    Manifest,
    StageSpecification,
    begin_in_place,
    specify,
    write_json,
    write_manifest,
)
from repartee_tune.stop_token import stop_token_is_trained
from repartee_tune.training_exit import INTERRUPTED


class TrainingInterrupted(TuneError):
    """The run was told to stop and saved where it was; the same command goes on."""

    code = "interrupted"
    exit_code = INTERRUPTED


@dataclass(frozen=True)
class TrainingRun:
    """A claimed run folder. `checkpoint` is where training goes on, None for the first step."""

    folder: Path
    data: Path
    base: Path
    recipe: TextRecipe
    world_size: int
    strategy: str
    specification: StageSpecification
    checkpoint: Path | None

    def shared_arguments(self) -> dict[str, Any]:
        """Return the arguments of TRL that do not depend on the loss, none of them deprecated."""
        recipe, steps, report = self.recipe, self.recipe.optimiser, self.recipe.report
        return {
            "output_dir": str(self.folder / "checkpoints"),
            "seed": recipe.seed,
            "data_seed": recipe.seed,
            "use_cpu": not torch.cuda.is_available(),
            # A model given as a path is loaded in float32 unless this is said.
            "model_init_kwargs": {"dtype": recipe.model.dtype, "attn_implementation": recipe.model.attention},
            "bf16": recipe.model.autocast,
            "activation_checkpointing": steps.activation_checkpointing and not fsdp_checkpoints_activations(),
            "learning_rate": steps.learning_rate,
            "lr_scheduler_type": steps.scheduler,
            "warmup_steps": steps.warmup,  # below 1 it is a share of all steps
            "weight_decay": steps.weight_decay,
            "max_grad_norm": steps.max_gradient_norm,
            "num_train_epochs": steps.epochs,
            "per_device_train_batch_size": steps.per_device_batch_size,
            "per_device_eval_batch_size": steps.per_device_batch_size,
            "gradient_accumulation_steps": self.accumulation_steps,
            "logging_steps": report.log_every,
            "logging_nan_inf_filter": False,  # else a loss of nan is logged as the last good one
            "eval_strategy": "steps",
            "eval_steps": report.evaluate_every,
            "eval_on_start": self.checkpoint is None,
            "save_strategy": "steps",
            "save_steps": report.save_every,
            "save_total_limit": report.keep_checkpoints,
            "report_to": "none",  # metrics.jsonl and TensorBoard are written by our callbacks
            "disable_tqdm": not sys.stderr.isatty(),
        }

    @property
    def accumulation_steps(self) -> int:
        """Batches per optimiser step, so that the effective batch is the same on any number of devices."""
        steps = self.recipe.optimiser
        return steps.effective_batch_size // (steps.per_device_batch_size * self.world_size)

    def fit(
        self,
        trainer: Trainer,
        train: CheckedRows,
        evaluation: CheckedRows,
        *,
        beta: float | None,
        stop_ids: Collection[int],
    ) -> TrainingHealth:
        """Train, save and judge.

        Done means that every planned step was taken: the trainer itself returns either way. `beta` is None
        where the loss has no reference model; `stop_ids` end a reply.

        Raises TrainingInterrupted after a signal; other failures are noted in status.json and raised on.
        """
        check_strategy(self.strategy, trainer.accelerator.distributed_type.value)
        check_batch_is_filled(self.recipe, len(train.rows))
        if isinstance(trainer.model, torch.nn.Module):
            keep_quantised_layers_differentiable(trainer.model)
        for callback in run_callbacks(self.folder):
            trainer.add_callback(callback)
        trainer.remove_callback(PrinterCallback)  # prints whole dictionaries; metrics.jsonl holds them
        try:
            self._set_status("running", trainer)
            trainer.train(resume_from_checkpoint=str(self.checkpoint) if self.checkpoint else None)
        except BaseException as error:
            with suppress(OSError):  # a full disk takes no status either, and is not what to report then
                self._set_status("failed", trainer, type(error).__name__)
            raise
        if trainer.state.global_step != trainer.state.max_steps:
            self._set_status("interrupted", trainer)
            raise TrainingInterrupted(
                f"stopped at step {trainer.state.global_step} of {trainer.state.max_steps} and saved; "
                "the same command goes on from there"
            )
        trainer.save_model(str(self.folder / "model"))
        PartialState().wait_for_everyone()
        facts = TrainingFacts(
            trainer=self.recipe.trainer,
            global_step=trainer.state.global_step,
            max_steps=trainer.state.max_steps,
            mean_reply_tokens=evaluation.mean_reply_tokens,
            stop_token_trained=stop_token_is_trained(trainer, stop_ids),
            beta=beta,
        )
        health = self._judge(facts)
        if PartialState().is_main_process:
            self._finish(trainer, {"train": train.counts, "eval": evaluation.counts}, health)
        PartialState().wait_for_everyone()
        return health

    def _judge(self, facts: TrainingFacts) -> TrainingHealth:
        limits = self.recipe.health
        return training_health(
            read_metrics(self.folder),
            facts,
            chosen_drop=limits.chosen_drop,
            minimum_margin=limits.minimum_margin,
        )

    def _finish(self, trainer: Trainer, counts: Mapping[str, Any], health: TrainingHealth) -> None:
        clean_model_folder(self.folder / "model", self.base.name)
        write_json(self.folder / "health.json", health.as_dict())
        plot_run(read_metrics(self.folder), self.folder)
        self._set_status("finished", trainer)
        steps = trainer.state.global_step
        write_manifest(
            self.folder, self.specification, {**counts, "steps": steps, "health_passed": health.passed}
        )
        shutil.rmtree(
            self.folder / "checkpoints"
        )  # optimizer states: several times the model, and of no more use

    def _set_status(self, state: str, trainer: Trainer, error: str | None = None) -> None:
        if not PartialState().is_main_process:
            return
        content = {
            "state": state,
            "global_step": trainer.state.global_step,
            "max_steps": trainer.state.max_steps,
            "error": error,
            "process": os.getpid(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_json(self.folder / "status.json", content)


def open_run(
    recipe: TextRecipe,
    *,
    data: Path,
    base: Path,
    out: Path,
    world_size: int = 1,
    strategy: str | None = None,
    must_resume: bool = False,
) -> TrainingRun | Manifest:
    """Claim a run folder, or return the manifest of one that is finished.

    Raises TuneError where the folder was begun with another recipe, dataset, base or world size, naming
    which.
    """
    strategy = strategy or ("single" if world_size == 1 else "ddp")
    check_world(recipe, world_size)
    check_machine(recipe.model)
    check_base(base, recipe.data.max_length)
    specification = specify(
        f"train-{recipe.trainer}",
        {"dataset": data, "base": base},
        {"recipe": recipe.model_dump(mode="json"), "world_size": world_size, "strategy": strategy},
        recipe.seed,
    )
    if PartialState().is_main_process and claim(specification, out, world_size) is None:
        write_json(out / "env.json", run_environment(world_size))
    PartialState().wait_for_everyone()
    finished = begin_in_place(specification, out)
    if finished is not None:
        return finished
    set_seed(recipe.seed)  # adapters and reward heads are drawn before the trainer sets its own
    checkpoint = newest_checkpoint(out / "checkpoints")
    if must_resume and checkpoint is None:
        raise TuneError(f"--resume: {out} has no checkpoint to go on from; leave --resume out to begin")
    return TrainingRun(out, data, base, recipe, world_size, strategy, specification, checkpoint)

"""What happens beside the steps of a run: logs, a stop on a signal, a whole ending."""

import math
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import click
import torch
from torch.utils.tensorboard import SummaryWriter
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback

from repartee_tune.errors import TuneError
from repartee_tune.metrics_log import append_metrics, forget_after


def run_callbacks(folder: Path) -> list[TrainerCallback]:
    """Return the callbacks of a run in `folder`."""
    writer = SummaryWriter(log_dir=str(folder / "tensorboard"))
    board = TensorBoardCallback(tb_writer=writer)  # type: ignore[no-untyped-call]  # none in transformers
    return [board, WarmsUpInTime(), MetricsFile(folder), StopOnSignal(), WholeEnding()]


class MetricsFile(TrainerCallback):
    """Writes every log to metrics.jsonl, and ends the run at the first loss that is no number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002 - as above
        **_: Any,
    ) -> None:
        """Forget what was logged after the checkpoint that the run goes on from, and all where it begins."""
        if state.is_world_process_zero:
            forget_after(self._folder, state.global_step or -1)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002 - as above
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Write one line."""
        numbers = {key: float(value) for key, value in (logs or {}).items() if isinstance(value, int | float)}
        if state.is_world_process_zero:
            append_metrics(self._folder, {**numbers, "step": state.global_step})
            if args.disable_tqdm:
                click.echo(_line(state, numbers))
        bad = [key for key in ("loss", "eval_loss", "grad_norm") if not math.isfinite(numbers.get(key, 0.0))]
        if bad:
            raise TuneError(
                f"{bad[0]} is not a number at step {state.global_step}: lower optimiser.learning_rate or "
                "look at the rows"
            )


def _line(state: TrainerState, numbers: Mapping[str, float]) -> str:
    """What a log file needs of a step, where there is no terminal for a progress bar."""
    shown = (
        "loss",
        "eval_loss",
        "rewards/margins",
        "eval_rewards/margins",
        "margin",
        "eval_margin",
        "train_runtime",
    )
    values = "  ".join(f"{key} {numbers[key]:.4g}" for key in shown if key in numbers)
    return f"step {state.global_step}/{state.max_steps}  {values}"


class WarmsUpInTime(TrainerCallback):
    """A warm-up longer than the run would never reach the learning rate that the recipe says."""

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002 - the signature is transformers'
        **_: Any,
    ) -> None:
        """Compare."""
        if (warmup := args.get_warmup_steps(state.max_steps)) >= state.max_steps > 1:
            raise TuneError(
                f"optimiser.warmup of {warmup} steps leaves none of the run's {state.max_steps}: lower it, "
                "or give a share below 1"
            )


class StopOnSignal(TrainerCallback):
    """SIGTERM or Ctrl-C: finish the step, save, stop. A second signal ends the process at once.

    transformers' own `enable_jit_checkpoint` may save between the backward pass and the optimizer's step,
    where the generator of random numbers has moved on already: with dropout a resumed run would then
    differ. Here the checkpoint is always between steps. On several processes all stop at the same step,
    though the signal reaches them apart.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: dict[int, Any] = {}

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,  # noqa: ARG002 - as above
        control: TrainerControl,  # noqa: ARG002 - as above
        **_: Any,
    ) -> None:
        """Listen."""
        if threading.current_thread() is threading.main_thread():
            self._before = {
                number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)
            }

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,  # noqa: ARG002 - as above
        control: TrainerControl,
        **_: Any,
    ) -> TrainerControl:
        """Save and stop where a signal came."""
        if self._asked_anywhere(args.device):
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_train_end(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,  # noqa: ARG002 - as above
        control: TrainerControl,  # noqa: ARG002 - as above
        **_: Any,
    ) -> None:
        """Give the signals back."""
        self._restore()

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _asked_anywhere(self, device: torch.device) -> bool:
        if not torch.distributed.is_initialized():
            return self._asked
        flag = torch.tensor(int(self._asked), device=device)
        torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
        return bool(flag.item())


class WholeEnding(TrainerCallback):
    """After the last step, evaluate for the final numbers, and save so that a kill costs no step."""

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> TrainerControl:
        """Ask for both."""
        if state.global_step >= state.max_steps:
            control.should_evaluate = True
            control.should_save = True
        return control

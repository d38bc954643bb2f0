"""Kahneman-Tversky optimisation (arXiv 2402.01306): learn from replies that were liked or disliked.

To change the loss: TRL computes it in `KTOTrainer._compute_loss`; subclass it below and name the subclass
in `train`.
"""

from dataclasses import replace
from pathlib import Path
from random import Random

from datasets import Dataset
from trl import KTOConfig, KTOTrainer

from repartee_tune.base_model import load_chat_tokens, lora_config, quantisation
from repartee_tune.errors import TuneError
from repartee_tune.health import TrainingHealth
from repartee_tune.recipe import KTORecipe
from repartee_tune.row_checks import CheckedRows, RowRules, check_rows
from repartee_tune.training_rows import FeedbackRow, Row, read_rows
from repartee_tune.training_run import TrainingRun


def train(recipe: KTORecipe, run: TrainingRun) -> TrainingHealth:
    """Train on rows of prompt, completion and label."""
    chat = load_chat_tokens(run.base)

    rules = RowRules(recipe.data.max_length, recipe.data.trim, recipe.data.near_identical)
    train_path, eval_path = run.data / "train.jsonl", run.data / "eval.jsonl"
    batch = recipe.optimiser.per_device_batch_size
    train_rows = check_rows(read_rows(train_path, [FeedbackRow]), chat, rules, train_path)
    train_rows = interleave(train_rows, batch, recipe.seed, train_path)
    eval_rows = check_rows(read_rows(eval_path, [FeedbackRow]), chat, rules, eval_path)
    eval_rows = interleave(eval_rows, batch, recipe.seed, eval_path)

    desirable, undesirable = class_weights(recipe, train_rows)
    arguments = KTOConfig(
        **run.shared_arguments(),
        max_length=recipe.data.max_length,
        loss_type=recipe.loss,
        beta=recipe.beta,
        desirable_weight=desirable,
        undesirable_weight=undesirable,
        precompute_ref_log_probs=recipe.precompute_reference,
    )
    trainer = KTOTrainer(
        model=str(run.base),
        args=arguments,
        train_dataset=Dataset.from_list([row.columns() for row in train_rows.rows]),
        eval_dataset=Dataset.from_list([row.columns() for row in eval_rows.rows]),
        processing_class=chat.tokenizer,
        peft_config=lora_config(recipe.model, "CAUSAL_LM"),
        quantization_config=quantisation(recipe.model),
    )
    return run.fit(trainer, train_rows, eval_rows, beta=recipe.beta, stop_ids=chat.stop_ids)


def interleave(checked: CheckedRows, batch: int, seed: int, source: Path) -> CheckedRows:
    """Shuffle each class and spread both evenly, so that every batch holds both.

    Rows of a last, short batch are left out and counted.

    TRL takes KTO's rows in the given order. Raises TuneError for feedback of one class, for fewer rows than
    a batch, and for feedback so one-sided that a batch would hold one class only.
    """
    classes: list[list[Row]] = [[r for r in checked.rows if _liked(r) is label] for label in (True, False)]
    if not all(classes):
        raise TuneError(
            f"{source}: KTO needs liked and disliked replies; one class is missing: use SFT on liked ones"
        )
    random = Random(seed)
    spread = []
    for rows in classes:
        random.shuffle(rows)
        spread += [((i + 0.5) / len(rows), row) for i, row in enumerate(rows)]
    ordered = [row for _, row in sorted(spread, key=lambda item: item[0])]
    whole = len(ordered) // batch * batch
    batches = [ordered[i : i + batch] for i in range(0, whole, batch)]
    if not batches:
        raise TuneError(
            f"{source}: {len(ordered)} rows are fewer than a batch of {batch}: add rows, or lower "
            "optimiser.per_device_batch_size"
        )
    if any(len({_liked(row) for row in rows}) < 2 for rows in batches):
        raise TuneError(
            f"{source}: {len(classes[0])} liked and {len(classes[1])} disliked replies leave batches of "
            f"{batch} with "
            "one class: balance the data, or raise optimiser.per_device_batch_size"
        )
    counts = {**checked.counts, "liked": len(classes[0]), "disliked": len(classes[1])}
    return replace(
        checked, rows=tuple(ordered[:whole]), counts={**counts, "short_batch": len(ordered) - whole}
    )


def class_weights(recipe: KTORecipe, rows: CheckedRows) -> tuple[float, float]:
    """Return weights of liked and disliked rows: weighted counts from 1:1 to 4:3 (TRL documentation)."""
    liked = sum(_liked(row) for row in rows.rows)
    disliked = len(rows.rows) - liked
    desirable, undesirable = recipe.desirable_weight, recipe.undesirable_weight
    if desirable == "auto" and undesirable == "auto":
        desirable, undesirable = max(1.0, disliked / liked), max(1.0, liked / disliked)
    elif desirable == "auto":
        desirable = float(undesirable) * disliked / liked
    elif undesirable == "auto":
        undesirable = float(desirable) * liked / disliked
    desirable, undesirable = float(desirable), float(undesirable)
    ratio = desirable * liked / (undesirable * disliked)
    if not 1 - 1e-9 <= ratio <= 4 / 3 + 1e-9:
        raise TuneError(
            f"desirable_weight x {liked} over undesirable_weight x {disliked} is {ratio:.2f} and must be "
            "from 1 to 1.33: "
            "write auto"
        )
    return desirable, undesirable


def _liked(row: Row) -> bool:
    return isinstance(row, FeedbackRow) and row.label

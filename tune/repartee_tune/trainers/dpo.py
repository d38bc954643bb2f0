"""Direct preference optimisation (arXiv 2305.18290): chosen likelier than rejected, close to the base.

To change the loss: TRL computes it in `DPOTrainer._compute_loss`; subclass it below and name the subclass
in `train`.
"""

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from repartee_tune.base_model import load_chat_tokens, lora_config, quantisation
from repartee_tune.health import TrainingHealth
from repartee_tune.recipe import DPORecipe
from repartee_tune.row_checks import RowRules, check_rows
from repartee_tune.training_rows import PreferenceRow, read_rows
from repartee_tune.training_run import TrainingRun


def train(recipe: DPORecipe, run: TrainingRun) -> TrainingHealth:
    """Train on `train.jsonl` and `eval.jsonl` of the run's dataset: rows of prompt, chosen and rejected."""
    chat = load_chat_tokens(run.base)

    rules = RowRules(recipe.data.max_length, recipe.data.trim, recipe.data.near_identical)
    train_path, eval_path = run.data / "train.jsonl", run.data / "eval.jsonl"
    train_rows = check_rows(read_rows(train_path, [PreferenceRow]), chat, rules, train_path)
    eval_rows = check_rows(read_rows(eval_path, [PreferenceRow]), chat, rules, eval_path)

    arguments = DPOConfig(
        **run.shared_arguments(),
        max_length=recipe.data.max_length,
        loss_type=list(recipe.loss),
        loss_weights=list(recipe.loss.values()),
        beta=recipe.beta,
        label_smoothing=recipe.label_smoothing,
        ld_alpha=recipe.length_desensitisation,
        precompute_ref_log_probs=recipe.precompute_reference,
    )
    columns = ("prompt", "chosen", "rejected")
    trainer = DPOTrainer(
        model=str(run.base),
        args=arguments,
        train_dataset=Dataset.from_list([{c: row.columns()[c] for c in columns} for row in train_rows.rows]),
        eval_dataset=Dataset.from_list([{c: row.columns()[c] for c in columns} for row in eval_rows.rows]),
        processing_class=chat.tokenizer,
        peft_config=lora_config(recipe.model, "CAUSAL_LM"),
        quantization_config=quantisation(recipe.model),
    )
    return run.fit(trainer, train_rows, eval_rows, beta=recipe.beta, stop_ids=chat.stop_ids)

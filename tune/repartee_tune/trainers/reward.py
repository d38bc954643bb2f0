"""A reward model (Bradley-Terry): a number for a reply, higher for chosen than for rejected ones.

The loss is -log sigmoid(chosen - rejected - margin); to change it, subclass `RewardTrainer` and its
`compute_loss`.
"""

from datasets import Dataset
from trl import RewardConfig, RewardTrainer

from repartee_tune.base_model import load_chat_tokens, lora_config, quantisation
from repartee_tune.errors import TuneError
from repartee_tune.health import TrainingHealth
from repartee_tune.recipe import RewardRecipe
from repartee_tune.row_checks import RowRules, check_rows
from repartee_tune.training_rows import PreferenceRow, read_rows
from repartee_tune.training_run import TrainingRun


def train(recipe: RewardRecipe, run: TrainingRun) -> TrainingHealth:
    """Train on rows of prompt, chosen, rejected and, where the judge gave one, margin."""
    chat = load_chat_tokens(run.base)

    rules = RowRules(recipe.data.max_length, recipe.data.trim, recipe.data.near_identical)
    train_path, eval_path = run.data / "train.jsonl", run.data / "eval.jsonl"
    train_rows = check_rows(read_rows(train_path, [PreferenceRow]), chat, rules, train_path)
    eval_rows = check_rows(read_rows(eval_path, [PreferenceRow]), chat, rules, eval_path)

    columns = [row.columns() for row in train_rows.rows], [row.columns() for row in eval_rows.rows]
    if len({"margin" in row for part in columns for row in part}) == 2:
        raise TuneError(f"{run.data}: some rows have a margin and some have none: give it to all or to none")
    arguments = RewardConfig(
        **run.shared_arguments(),
        max_length=recipe.data.max_length,
        center_rewards_coefficient=recipe.centre_rewards or None,
    )
    trainer = RewardTrainer(
        model=str(run.base),
        args=arguments,
        train_dataset=Dataset.from_list(columns[0]),
        eval_dataset=Dataset.from_list(columns[1]),
        processing_class=chat.tokenizer,
        peft_config=lora_config(recipe.model, "SEQ_CLS"),
        quantization_config=quantisation(recipe.model),
    )
    return run.fit(trainer, train_rows, eval_rows, beta=None, stop_ids=chat.stop_ids)

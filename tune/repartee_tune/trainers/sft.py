"""Supervised fine-tuning: make given replies likelier. The loss is on replies only, never on prompts.

To change the loss: TRL computes it in `SFTTrainer.compute_loss`; subclass it below and name the subclass in
`train`.
"""

from datasets import Dataset
from trl import SFTConfig, SFTTrainer
from trl.chat_template_utils import (
    get_training_chat_template,
    has_generation_markers,
    is_chat_template_stop_token_trained,
)

from repartee_tune.base_model import load_chat_tokens, lora_config, quantisation
from repartee_tune.errors import TuneError
from repartee_tune.health import TrainingHealth
from repartee_tune.recipe import SFTRecipe
from repartee_tune.row_checks import ChatTokens, RowRules, check_rows
from repartee_tune.training_rows import CompletionRow, ConversationRow, read_rows
from repartee_tune.training_run import TrainingRun


def train(recipe: SFTRecipe, run: TrainingRun) -> TrainingHealth:
    """Train on rows of prompt and completion (the completion is learned) or of messages (every reply is)."""
    chat = load_chat_tokens(run.base)

    rules = RowRules(recipe.data.max_length, recipe.data.trim, recipe.data.near_identical)
    train_path, eval_path = run.data / "train.jsonl", run.data / "eval.jsonl"
    train_rows = check_rows(read_rows(train_path, [CompletionRow, ConversationRow]), chat, rules, train_path)
    kind = type(train_rows.rows[0])
    eval_rows = check_rows(read_rows(eval_path, [kind]), chat, rules, eval_path)

    whole_conversations = kind is ConversationRow
    if whole_conversations:
        _check_reply_mask(chat)
    arguments = SFTConfig(
        **run.shared_arguments(),
        max_length=recipe.data.max_length,
        packing=False,
        completion_only_loss=None if whole_conversations else True,
        assistant_only_loss=whole_conversations,  # without it the loss is on the user's words too
    )
    trainer = SFTTrainer(
        model=str(run.base),
        args=arguments,
        train_dataset=Dataset.from_list([row.columns() for row in train_rows.rows]),
        eval_dataset=Dataset.from_list([row.columns() for row in eval_rows.rows]),
        processing_class=chat.tokenizer,
        peft_config=lora_config(recipe.model, "CAUSAL_LM"),
        quantization_config=quantisation(recipe.model),
    )
    return run.fit(trainer, train_rows, eval_rows, beta=None, stop_ids=chat.stop_ids)


def _check_reply_mask(chat: ChatTokens) -> None:
    """The template must mark replies, stop token inside; TRL brings such templates for known families."""
    template = chat.tokenizer.chat_template
    try:
        if not has_generation_markers(template):
            template = get_training_chat_template(chat.tokenizer)
    except ValueError:
        raise TuneError(
            "rows of messages need {% generation %} marks in the chat template, and this one is of no "
            "known family: "
            "give rows of prompt and completion"
        ) from None
    if not is_chat_template_stop_token_trained(chat.tokenizer, chat_template=template):
        raise TuneError(
            "the chat template leaves the stop token outside {% generation %}, so the model would never "
            "learn to stop: "
            "move it inside, or give rows of prompt and completion"
        )

"""A chat model of some hundred thousand parameters, built from texts: it trains on a CPU in seconds.

Its path is the real one (a Llama, a byte-level BPE tokenizer, a ChatML template with generation marks,
safetensors); its replies are worth nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

END_OF_TURN = "<|im_end|>"
PADDING = "<|pad|>"
UNKNOWN = "<|unk|>"
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}"
    "{{ '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@dataclass(frozen=True)
class TinyModelSize:
    """Sizes of the Llama; the defaults give 0.4 million parameters.

    `vocabulary` is at least 260: 256 bytes and four marks.
    """

    hidden: int = 96
    layers: int = 3
    heads: int = 4
    key_value_heads: int = 2
    intermediate: int = 288
    vocabulary: int = 510
    positions: int = 2048


def build_tiny_chat_model(
    out: Path, texts: Iterable[str], *, seed: int = 0, size: TinyModelSize | None = None
) -> Path:
    """Write model and tokenizer into `out`; the same texts, seed and size give the same bytes."""
    size = size or TinyModelSize()
    tokenizer = _tokenizer(texts, size.vocabulary)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            hidden_size=size.hidden,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.key_value_heads,
            intermediate_size=size.intermediate,
            vocab_size=len(tokenizer),
            max_position_embeddings=size.positions,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


def _tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    backend = Tokenizer(BPE(unk_token=UNKNOWN))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PADDING, "<|im_start|>", END_OF_TURN, UNKNOWN],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # none in transformers
        tokenizer_object=backend,
        eos_token=END_OF_TURN,
        pad_token=PADDING,
        unk_token=UNKNOWN,
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHATML,
    )

"""What every token counter does: one suite for the estimate and for a vocabulary."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from repartee.application.ports import TokenCounter
from repartee.domain.errors import ConfigurationError
from repartee.integrations import tokenizer_token_counter
from repartee.integrations.script_token_counter import ScriptTokenCounter
from repartee.integrations.tokenizer_token_counter import TokenizerTokenCounter


def _write_tokenizer(path: Path) -> Path:
    """Write a vocabulary of bytes that knows the word `cat`."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate([*letters, "ca", "cat"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("c", "a"), ("ca", "t")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.enable_truncation(max_length=3)
    tokenizer.save(str(path))
    return path


@pytest.fixture(params=["estimate", "vocabulary"])
def counter(request: pytest.FixtureRequest, tmp_path: Path) -> TokenCounter:
    if request.param == "estimate":
        return ScriptTokenCounter()
    return TokenizerTokenCounter(_write_tokenizer(tmp_path / "tokenizer.json"))


def test_nothing_is_no_token(counter: TokenCounter) -> None:
    assert counter.count("") == 0


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=200))
def test_any_text_has_a_count_that_repeats(counter: TokenCounter, text: str) -> None:
    first = counter.count(text)
    assert first >= 1
    assert counter.count(text) == first


def test_a_longer_text_takes_more(counter: TokenCounter) -> None:
    counts = [counter.count("my cat sleeps " * times) for times in (1, 5, 50)]
    assert counts == sorted(set(counts))


def test_a_lone_surrogate_is_counted(counter: TokenCounter) -> None:
    assert counter.count("a\ud800b") >= 2


def test_a_vocabulary_counts_as_the_model_does_and_forgets_the_oldest(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tokenizer_token_counter, "_TEXTS_KEPT", 2)
    counter = TokenizerTokenCounter(_write_tokenizer(tmp_path / "tokenizer.json"))
    assert [counter.count(text) for text in ("cat", "cats", "кот", "cat")] == [1, 2, 6, 1]
    assert len(counter._counts) == 2


@pytest.mark.parametrize("content", ["{}", "no json", None])
def test_what_is_no_vocabulary_is_named_with_its_setting(tmp_path, content: str | None) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="REPARTEE_PROMPT__TOKENIZER"):
        TokenizerTokenCounter(path)

import asyncio
import json
import math
import threading
import time
from pathlib import Path

import pytest

from repartee.application.deadline import deadline_in
from repartee.domain.errors import ConfigurationError, DeadlineExceeded, UpstreamInvalid, UpstreamUnavailable
from repartee.integrations.onnx_reranker import OnnxReranker
from tests.cross_encoder import write_cross_encoder

WORDS = ["maya", "drinks", "green", "tea", "black", "cat"]


class SpySession:
    """Counts the forward passes of a session, delays or fails them."""

    def __init__(self, session, delay=0.0, error=None):
        self.session, self.delay, self.error = session, delay, error
        self.rows, self.threads = [], set()

    def run(self, outputs, inputs):
        self.rows.append(inputs["input_ids"].shape)
        self.threads.add(threading.current_thread().name)
        time.sleep(self.delay)
        if self.error:
            raise self.error
        return self.session.run(outputs, inputs)


@pytest.fixture
def opened(tmp_path: Path):
    made = []

    def make(**values):
        made.append(OnnxReranker(write_cross_encoder(tmp_path / "tiny", WORDS, **values)))
        made[-1]._session = SpySession(made[-1]._session)
        return made[-1]

    yield make
    for reranker in made:
        asyncio.run(reranker.close())


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


async def test_a_relevance_is_the_sigmoid_of_the_logit(opened):
    # The tiny model's logit is the number of shared words minus 1.5.
    scores = await opened().rerank("green tea", ["maya drinks green tea", "black tea", "cat"])
    assert scores == pytest.approx([sigmoid(0.5), sigmoid(-0.5), sigmoid(-1.5)])


async def test_of_two_classes_the_second_is_the_relevant_one(opened):
    scores = await opened(classes=2).rerank("green tea", ["green tea", "black tea", "cat"])
    assert scores == pytest.approx([sigmoid(0.5), sigmoid(-0.5), sigmoid(-1.5)])


async def test_huge_logits_are_no_overflow(opened):
    assert await opened(weight=1e6).rerank("green tea", ["green tea", "cat"]) == [1.0, 0.0]


async def test_padding_changes_nothing(opened):
    reranker, texts = opened(), ["tea", "maya drinks green tea " * 5, "green cat"]
    alone = [(await reranker.rerank("green tea", [text]))[0] for text in texts]
    assert await reranker.rerank("green tea", texts) == alone


async def test_a_long_pair_is_cut_to_what_the_model_reads_and_the_fact_survives(opened):
    reranker = opened(positions=20)
    scores = await reranker.rerank("green tea " * 500, ["drinks green tea", "cat"])
    assert max(size for _, size in reranker._session.rows) == 18
    assert scores[0] > scores[1]


async def test_lone_surrogates_and_empty_texts_are_read(opened):
    scores = await opened().rerank("green \ud800 tea", ["", "green tea \udfff"])
    assert scores == pytest.approx([sigmoid(-1.5), sigmoid(0.5)])


async def test_batches_are_bounded_and_run_in_threads_of_their_own(opened):
    reranker = opened(positions=64)
    await reranker.rerank("tea", ["tea"] * 70 + ["green tea " * 40] * 20)
    assert sum(count for count, _ in reranker._session.rows) == 90
    assert all(count <= 32 and count * size <= 1_024 for count, size in reranker._session.rows)
    assert all(name.startswith("reranker") for name in reranker._session.threads)


async def test_after_the_deadline_no_further_batch_is_begun(opened):
    reranker = opened()
    reranker._session.delay = 0.1
    with pytest.raises(DeadlineExceeded):
        async with deadline_in(0.05):
            await reranker.rerank("tea", ["green tea"] * 320)
    await reranker.close()  # what was begun ends
    assert len(reranker._session.rows) == 1


async def test_the_event_loop_goes_on_meanwhile(opened):
    reranker = opened()
    reranker._session.delay = 0.2
    ranking = asyncio.create_task(reranker.rerank("tea", ["tea"]))
    async with asyncio.timeout(0.15):
        await asyncio.sleep(0.05)
    assert not ranking.done()
    await ranking


async def test_a_failing_runtime_and_numbers_that_are_none_are_upstream_errors_without_words(opened):
    reranker = opened()
    reranker._session.error = RuntimeError("green tea is in this message")
    with pytest.raises(UpstreamUnavailable, match="RuntimeError") as caught:
        await reranker.check()
    assert "green" not in str(caught.value)
    with pytest.raises(UpstreamInvalid, match="not finite"):
        await opened(weight=math.nan).check()


async def test_it_is_called_like_its_folder(opened):
    assert opened().name == "tiny"


async def test_a_model_in_a_folder_of_its_own_is_found(tmp_path: Path):
    folder = write_cross_encoder(tmp_path / "other", WORDS)
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
    reranker = OnnxReranker(folder)
    assert await reranker.rerank("tea", ["tea"]) == pytest.approx([sigmoid(-0.5)])
    await reranker.close()


# --- folders that hold none ---------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str):
    (write_cross_encoder(tmp_path, WORDS) / missing).unlink()
    refused(tmp_path, f"There is no {missing} in ")


@pytest.mark.parametrize("broken", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_broken_file_is_named(tmp_path: Path, broken: str):
    (write_cross_encoder(tmp_path, WORDS) / broken).write_bytes(b"{}")
    refused(tmp_path, broken)


@pytest.mark.parametrize(
    ("values", "said"),
    [({"classes": 3}, r"logits of shape \(2, 3\)"), ({"output": "scores"}, "cannot rank two texts")],
)
def test_a_model_that_answers_something_else_is_refused(tmp_path: Path, values: dict, said: str):
    refused(write_cross_encoder(tmp_path, WORDS, **values), said)


def test_a_model_that_is_no_cross_encoder_is_refused(tmp_path: Path):
    write_cross_encoder(tmp_path, WORDS, mask="pixel_values")
    refused(tmp_path, "takes input_ids, pixel_values, token_type_ids")


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path):
    write_cross_encoder(tmp_path, WORDS)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 5}), "utf-8")
    refused(tmp_path, "tokenizer.json .* more tokens")


def refused(folder: Path, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        OnnxReranker(folder)
    assert "REPARTEE_RERANK__FOLDER" in str(caught.value)
    assert "\n" not in str(caught.value)

import asyncio
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from repartee.domain.errors import ConfigurationError, UpstreamInvalid, UpstreamUnavailable
from repartee.integrations.encoder_folder import EncoderChoices
from repartee.integrations.folder_embedder import FolderEmbedder
from tests.sentence_encoder import SIZE, TinyEncoder, write_json, write_sentence_encoder

WORDS = [
    "maya",
    "drinks",
    "green",
    "tea",
    "black",
    "cat",
    "query:",
    "passage:",
    "мая",
    "любит",
    "чай",
    "check",
]
TEXTS = ["maya drinks green tea", "cat", "мая любит чай", "tea " * 30, "unknown words only"]


class SpySession:
    """Counts the forward passes of a session, or changes what they give."""

    def __init__(self, session, error=None, value=None):
        self.session, self.error, self.value = session, error, value
        self.rows, self.threads = [], set()

    def run(self, outputs, inputs):
        self.rows.append(inputs["input_ids"].shape)
        self.threads.add(threading.current_thread().name)
        if self.error:
            raise self.error
        made = self.session.run(outputs, inputs)
        return made if self.value is None else [np.full_like(made[0], self.value)]


@pytest.fixture
def opened():
    made = []

    def make(tiny: TinyEncoder, **choices):
        made.append(FolderEmbedder(tiny.folder, 0.4, EncoderChoices(**choices)))
        made[-1]._session = SpySession(made[-1]._session)
        return made[-1]

    yield make
    for embedder in made:
        asyncio.run(embedder.close())


# --- vectors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
async def test_vectors_are_those_of_a_reference_in_plain_numpy(tmp_path: Path, opened, pooling: str):
    tiny = write_sentence_encoder(tmp_path, WORDS, pooling=pooling)
    vectors = await opened(tiny).embed_facts(TEXTS)
    assert np.array(vectors) == pytest.approx(np.array([tiny.expected(t, pooling) for t in TEXTS]), abs=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
async def test_a_texts_vector_does_not_depend_on_its_company(tmp_path: Path, opened, pooling: str):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS, pooling=pooling))
    alone = [(await embedder.embed_facts([text]))[0] for text in TEXTS]
    passes = len(embedder._session.rows)
    assert np.array(await embedder.embed_facts(TEXTS)) == pytest.approx(np.array(alone), abs=1e-6)
    assert len(embedder._session.rows) == passes + 1


async def test_a_model_that_rounds_per_batch_gets_one_text_at_a_time(tmp_path: Path, opened):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS, quantized=True))
    alone = [(await embedder.embed_facts([text]))[0] for text in TEXTS]
    assert await embedder.embed_facts(TEXTS) == alone
    assert {count for count, _ in embedder._session.rows} == {1}


async def test_a_sentence_embedding_of_the_model_is_taken_as_it_is(tmp_path: Path, opened):
    tiny = write_sentence_encoder(
        tmp_path,
        WORDS,
        output="sentence_embedding",
        pooling=None,
        modules=["Transformer", "Pooling", "Dense"],
    )
    [vector] = await opened(tiny).embed_facts(["green tea"])
    assert vector == pytest.approx(tiny.expected("green tea", "cls"), abs=1e-5)


async def test_a_model_without_token_types_and_in_a_folder_of_its_own_is_read(tmp_path: Path, opened):
    tiny = write_sentence_encoder(
        tmp_path, WORDS, inputs=["input_ids", "attention_mask"], model="onnx/model.onnx"
    )
    [vector] = await opened(tiny).embed_facts(["green tea"])
    assert vector == pytest.approx(tiny.expected("green tea", "mean"), abs=1e-5)


async def test_a_setting_names_another_model_file(tmp_path: Path, opened):
    tiny = write_sentence_encoder(tmp_path, WORDS, model="onnx/model_quantized.onnx", quantized=True)
    embedder = opened(tiny, model="onnx/model_quantized.onnx")
    [vector] = await embedder.embed_facts(["green tea"])
    assert vector == pytest.approx(tiny.expected("green tea", "mean"), abs=0.05)


async def test_texts_are_cut_to_what_the_model_reads(tmp_path: Path, opened):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS))
    await embedder.embed_facts(["tea " * 900])
    assert embedder._session.rows == [(1, 64)]
    shorter = write_sentence_encoder(tmp_path / "short", WORDS)
    write_json(tmp_path / "short" / "sentence_bert_config.json", {"max_seq_length": 16})
    embedder = opened(shorter)
    await embedder.embed_facts(["tea " * 900])
    assert embedder._session.rows == [(1, 16)]


@pytest.mark.parametrize(("lower", "seen"), [(True, "green tea"), (False, "green unknown")])
async def test_letters_are_made_small_where_the_folder_says_so(
    tmp_path: Path, opened, lower: bool, seen: str
):
    tiny = write_sentence_encoder(tmp_path, WORDS, lowercase=False)
    write_json(tmp_path / "sentence_bert_config.json", {"do_lower_case": lower})
    [vector] = await opened(tiny).embed_facts(["green TEA"])
    assert vector == pytest.approx(tiny.expected(seen, "mean"), abs=1e-5)


async def test_robertas_kind_loses_two_positions(tmp_path: Path, opened):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS, config={"model_type": "xlm-roberta"}))
    await embedder.embed_facts(["tea " * 900])
    assert embedder._session.rows == [(1, 62)]


async def test_batches_are_bounded_and_run_in_threads_of_their_own(tmp_path: Path, opened):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS))
    await embedder.embed_facts(["tea"] * 70 + ["green tea " * 40] * 20)
    assert sum(count for count, _ in embedder._session.rows) == 90
    assert all(count <= 32 and count * size <= 1_024 for count, size in embedder._session.rows)
    assert all(name.startswith("encoder") for name in embedder._session.threads)


async def test_lone_surrogates_and_empty_texts_are_read(tmp_path: Path, opened):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS))
    assert len(await embedder.embed_facts(["", " ", "green \ud800 tea"])) == 3


# --- prefixes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["document", "passage"])
async def test_the_folders_prompts_stand_before_messages_and_facts(tmp_path: Path, opened, name: str):
    tiny = write_sentence_encoder(tmp_path, WORDS, prompts={"query": "query: ", name: "passage: "})
    embedder = opened(tiny)
    assert await embedder.embed_query("tea") == pytest.approx(tiny.expected("query: tea", "mean"), abs=1e-5)
    [fact] = await embedder.embed_facts(["tea"])
    assert fact == pytest.approx(tiny.expected("passage: tea", "mean"), abs=1e-5)


async def test_settings_win_over_the_folders_prompts_and_pooling(tmp_path: Path, opened):
    tiny = write_sentence_encoder(tmp_path, WORDS, prompts={"query": "query: "})
    embedder = opened(tiny, query_prefix="black ", document_prefix="green ", pooling="cls")
    assert await embedder.embed_query("tea") == pytest.approx(tiny.expected("black tea", "cls"), abs=1e-5)
    [fact] = await embedder.embed_facts(["tea"])
    assert fact == pytest.approx(tiny.expected("green tea", "cls"), abs=1e-5)


async def test_the_default_prompt_is_for_what_has_none_of_its_own(tmp_path: Path, opened):
    tiny = write_sentence_encoder(tmp_path, WORDS)
    content = {"prompts": {"any": "black ", "query": "query: "}, "default_prompt_name": "any"}
    write_json(tmp_path / "config_sentence_transformers.json", content)
    embedder = opened(tiny)
    assert await embedder.embed_query("tea") == pytest.approx(tiny.expected("query: tea", "mean"), abs=1e-5)
    [fact] = await embedder.embed_facts(["tea"])
    assert fact == pytest.approx(tiny.expected("black tea", "mean"), abs=1e-5)


async def test_messages_are_embedded_once(tmp_path: Path, opened):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS))
    first = await embedder.embed_queries(["tea", "cat", "tea"])
    assert (embedder._session.rows, first[0]) == ([(2, 3)], first[2])
    assert await embedder.embed_query("cat") == first[1]
    assert len(embedder._session.rows) == 1


# --- identity -----------------------------------------------------------------------------------------


def test_the_profile_is_the_folders(tmp_path: Path, opened):
    profile = opened(write_sentence_encoder(tmp_path / "Multilingual_E5 (small)", WORDS)).profile
    assert profile.id.startswith("multilingual-e5-small-")
    assert (profile.model, profile.dimension, profile.threshold) == ("Multilingual_E5 (small)", SIZE, 0.4)


def test_whatever_changes_vectors_changes_the_id(tmp_path: Path, opened):
    def profile_id(number: int, words=WORDS, files=(), choices=None, **values) -> str:
        tiny = write_sentence_encoder(tmp_path / str(number) / "same", words, **values)
        for name, content in files:
            (tiny.folder / name).write_bytes(content)
        return opened(tiny, **(choices or {})).profile.id

    same = [profile_id(0), profile_id(1)]
    others = [
        profile_id(2, [*WORDS, "more"]),
        profile_id(3, list(reversed(WORDS))),
        profile_id(4, pooling="cls"),
        profile_id(5, choices={"query_prefix": "query: "}),
        profile_id(6, choices={"document_prefix": "query: "}),
        profile_id(7, prompts={"query": "passage: "}),
        profile_id(8, files=[("sentence_bert_config.json", b'{"max_seq_length": 16}')]),
        profile_id(9, files=[("sentence_bert_config.json", b'{"do_lower_case": true}')]),
        profile_id(10, files=[("model.onnx_data", b"weights")]),
    ]
    assert same[0] == same[1]
    assert len({same[0], *others}) == 1 + len(others)


# --- failures -----------------------------------------------------------------------------------------


async def test_a_failing_runtime_is_an_upstream_error_without_words(tmp_path: Path, opened):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS))
    embedder._session.error = RuntimeError("green tea is in this message")
    with pytest.raises(UpstreamUnavailable, match="RuntimeError") as caught:
        await embedder.check()
    assert "green" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
async def test_vectors_without_a_direction_are_refused(tmp_path: Path, opened, value: float):
    embedder = opened(write_sentence_encoder(tmp_path, WORDS))
    embedder._session.value = value
    with pytest.raises(UpstreamInvalid, match="not finite"):
        await embedder.embed_query("tea")


def refused(folder: Path, said: str, **choices) -> str:
    with pytest.raises(ConfigurationError, match=said) as caught:
        FolderEmbedder(folder, 0.4, EncoderChoices(**choices))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str):
    (write_sentence_encoder(tmp_path, WORDS).folder / missing).unlink()
    assert "REPARTEE_EMBEDDER__FOLDER" in refused(tmp_path, f"There is no {missing} ")


def test_a_model_file_that_is_not_there_is_named(tmp_path: Path):
    write_sentence_encoder(tmp_path, WORDS)
    refused(
        tmp_path, "no onnx/model_int8.onnx .* REPARTEE_EMBEDDER__MODEL_FILE", model="onnx/model_int8.onnx"
    )


def test_pooling_is_not_guessed(tmp_path: Path, opened):
    tiny = write_sentence_encoder(tmp_path, WORDS, pooling=None)
    refused(tmp_path, "no 1_Pooling/config.json .* REPARTEE_EMBEDDER__POOLING")
    assert opened(tiny, pooling="mean").profile.dimension == SIZE


@pytest.mark.parametrize(
    "name",
    [
        "model.onnx",
        "tokenizer.json",
        "config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "modules.json",
        "1_Pooling/config.json",
    ],
)
@pytest.mark.parametrize("content", [b"\xff\x00", b'"a"'])
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes):
    (write_sentence_encoder(tmp_path, WORDS).folder / name).write_bytes(content)
    refused(tmp_path, name)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"inputs": ["input_ids", "pixel_values"]}, "takes input_ids, pixel_values"),
        ({"inputs": ["input_ids", "attention_mask", "position_ids"]}, "takes .*position_ids"),
        ({"output": "logits"}, "gives logits, not sentence_embedding or last_hidden_state"),
        ({"modules": ["Transformer", "Pooling", "Dense", "Normalize"]}, "modules.json .* has a Dense module"),
        ({"config": {"vocab_size": 4}}, "knows more tokens"),
        ({"config": {"max_position_embeddings": 100}}, "cannot embed texts"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path: Path, values: dict, said: str):
    refused(write_sentence_encoder(tmp_path, WORDS, **values).folder, said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"pooling_mode_max_tokens": True}, "asks for max_tokens"),
        (
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            "asks for cls_token, mean_tokens",
        ),
        ({"pooling_mode": "weightedmean"}, "asks for weightedmean"),
        ({"pooling_mode_mean_tokens": True, "include_prompt": False}, "asks for mean_tokens, include_prompt"),
        ({}, "asks for nothing"),
    ],
)
def test_other_poolings_are_refused(tmp_path: Path, content: dict, said: str):
    write_sentence_encoder(tmp_path, WORDS)
    write_json(tmp_path / "1_Pooling/config.json", content)
    refused(tmp_path, said)


def test_the_newer_spelling_of_a_pooling_is_read_from_where_modules_say(tmp_path: Path, opened):
    tiny = write_sentence_encoder(tmp_path, WORDS, pooling=None)
    write_json(tmp_path / "pool/config.json", {"pooling_mode": "lasttoken"})
    modules = [
        {"type": "sentence_transformers.base.modules.Transformer"},
        {"type": "x.Pooling", "path": "pool"},
    ]
    (tmp_path / "modules.json").write_text(json.dumps([*modules, {"type": "x.Normalize"}]), "utf-8")
    [vector] = asyncio.run(opened(tiny).embed_facts(["green tea"]))
    assert vector == pytest.approx(tiny.expected("green tea", "last"), abs=1e-5)

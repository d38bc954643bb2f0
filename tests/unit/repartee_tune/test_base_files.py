"""A base that would fail late, or train badly without a word, is refused before a run is claimed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from repartee_tune.base_files import check_base
from repartee_tune.base_model import load_chat_tokens
from repartee_tune.errors import TuneError
from repartee_tune.training_rows import Message

Damage = Callable[[Path], object]


def _copy(base: Path, to: Path) -> Path:
    return Path(shutil.copytree(base, to / "base"))


def _set(file: str, **values: object) -> Damage:
    def change(base: Path) -> None:
        content = json.loads((base / file).read_text("utf-8"))
        content = {key: value for key, value in {**content, **values}.items() if value is not None}
        (base / file).write_text(json.dumps(content), "utf-8")

    return change


def _cut(base: Path) -> None:
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:50_000])


def _index(base: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (base / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, "model.safetensors is cut short or damaged: copy it again"),
        (_index, "model-00001-of-00002.safetensors is missing, which model.safetensors.index.json names"),
        (_set("config.json", model_type="no-such-model"), "config.json is of no known model"),
        (_set("config.json", max_position_embeddings=64), "max_length 128 is over the 64 tokens"),
        (lambda base: (base / "config.json").write_text("{", "utf-8"), "config.json is of no known model"),
    ],
)
def test_files_that_are_not_whole_are_refused(
    tmp_path: Path, tiny_base: Path, damage: Damage, message: str
) -> None:
    check_base(tiny_base, 128)
    base = _copy(tiny_base, tmp_path)
    damage(base)
    with pytest.raises(TuneError, match=message):
        check_base(base, 128)


def _template(old: str, new: str) -> Damage:
    def change(base: Path) -> None:
        path = base / "chat_template.jinja"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_template("add_generation_prompt", "false"), "adds nothing for add_generation_prompt"),
        (_template("{% endfor %}", ""), "chat template cannot be used for turns of user"),
        (lambda base: [path.unlink() for path in base.glob("tokenizer*")], "its tokenizer cannot be read"),
        (_set("tokenizer_config.json", eos_token=None), "the reply|no eos_token"),
    ],
)
def test_a_tokenizer_that_cannot_serve_is_refused(
    tmp_path: Path, tiny_base: Path, damage: Damage, message: str
) -> None:
    base = _copy(tiny_base, tmp_path)
    damage(base)
    (base / "generation_config.json").unlink()
    with pytest.raises(TuneError, match=message):
        load_chat_tokens(base)


def test_a_template_that_refuses_system_messages_says_so(tmp_path: Path, tiny_base: Path) -> None:
    base = _copy(tiny_base, tmp_path)
    _template(
        "{% for", "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}{% for"
    )(base)
    chat = load_chat_tokens(base)
    with pytest.raises(TuneError, match="cannot be used for turns of system, user: no"):
        chat.prompt([Message(role="system", content="x"), Message(role="user", content="y")])

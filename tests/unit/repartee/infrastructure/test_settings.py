import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.settings import LlmSettings, Settings, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("REPARTEE_"):
            monkeypatch.delenv(name)


def _env_file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / ".env"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_nothing_set_is_the_offline_service_on_this_machine() -> None:
    settings = load_settings(env_file=None)
    assert settings.llm.is_offline
    assert settings.api.host == "127.0.0.1"
    assert settings.qdrant.url is None
    assert settings.data_dir == Path("var")


@pytest.mark.parametrize(
    "line", ["REPARTEE_LLM__API_KEY=k", "REPARTEE_LLM__BASE_URL=http://localhost:11434/v1"]
)
def test_a_key_or_a_base_url_alone_switches_to_a_real_model(tmp_path: Path, line: str) -> None:
    assert not load_settings(_env_file(tmp_path, line)).llm.is_offline


def test_empty_values_count_as_not_set(tmp_path: Path) -> None:
    settings = load_settings(_env_file(tmp_path, "REPARTEE_LLM__API_KEY=", "REPARTEE_QDRANT__URL="))
    assert settings.llm.is_offline
    assert settings.qdrant.url is None


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_API__PORT", "9001")
    assert load_settings(_env_file(tmp_path, "REPARTEE_API__PORT=9000", "OTHER=1")).api.port == 9001


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("REPARTEE_LLM__TEMPERATURE=9", "REPARTEE_LLM__TEMPERATURE"),
        ("REPARTEE_LLM__TEMPRATURE=1", "REPARTEE_LLM__TEMPRATURE"),
        ("REPARTEE_LMM__API_KEY=x", "REPARTEE_LMM__API_KEY"),
        ("REPARTEE_QDRANT__URL=localhost:6333", "REPARTEE_QDRANT__URL"),
        ("REPARTEE_API__PORT=http", "REPARTEE_API__PORT"),
        ("REPARTEE_RERANK__URL=localhost:8080/rerank", "REPARTEE_RERANK__URL"),
        ("REPARTEE_COHERE__RERANK=false", "set REPARTEE_RERANK__KIND"),
        ("REPARTEE_COHERE__RERANK_MODEL=rerank-v4", "set REPARTEE_RERANK__MODEL"),
        ("REPARTEE_RETRIEVAL__DEADLINE_SECONDS=nan", "REPARTEE_RETRIEVAL__DEADLINE_SECONDS"),
    ],
)
def test_a_wrong_or_misspelt_setting_is_one_line_that_names_the_variable(
    tmp_path: Path, line: str, words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(_env_file(tmp_path, line))
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    lines = [
        "REPARTEE_LLM__API_KEY=canary-1",
        "REPARTEE_COHERE__API_KEY=canary-2",
        "REPARTEE_API__KEYS=canary-3",
        "REPARTEE_RERANK__API_KEY=canary-5",
    ]
    settings = load_settings(_env_file(tmp_path, *lines))
    assert "canary" not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(ConfigurationError) as caught:
        load_settings(_env_file(tmp_path, *lines, "REPARTEE_API__PORT=canary-4"))
    assert "canary" not in caught.value.message


def test_keys_are_split_and_trimmed(tmp_path: Path) -> None:
    settings = load_settings(_env_file(tmp_path, "REPARTEE_API__KEYS= a , ,b"))
    assert settings.api.accepted_keys == ("a", "b")


def test_no_secret_has_a_default() -> None:
    settings = Settings(_env_file=None)
    sections = (settings.llm, settings.embedder, settings.rerank, settings.cohere, settings.qdrant)
    assert [section.api_key for section in sections] == [None] * 5
    assert settings.api.keys is None


def test_keys_of_users_and_origins_are_read_one_by_one(tmp_path: Path) -> None:
    lines = [
        "REPARTEE_API__USER_KEYS=k1=ann, k2 = b=b",
        "REPARTEE_API__ALLOWED_ORIGINS=https://a.example,http://b:1",
    ]
    api = load_settings(_env_file(tmp_path, *lines)).api
    assert api.owners_of_keys == {"k1": "ann", "k2": "b=b"}
    assert api.origins == ("https://a.example", "http://b:1")
    assert "k1" not in repr(api)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["REPARTEE_API__USER_KEYS=secret-1"], "entry 1 must look like key=user_id"),
        (["REPARTEE_API__USER_KEYS=secret-1=ann,=bob"], "entry 2 must look like key=user_id"),
        (["REPARTEE_API__USER_KEYS=secret-1==ann"], "without = in the key"),
        (["REPARTEE_API__USER_KEYS=secret-1=ann,secret-1=bob"], "the same key is there twice"),
        (["REPARTEE_API__KEYS=secret-1", "REPARTEE_API__USER_KEYS=secret-1=ann"], "in KEYS too"),
        (["REPARTEE_API__ALLOWED_ORIGINS=*"], "ALLOWED_ORIGINS"),
        (["REPARTEE_API__ALLOWED_ORIGINS=https://a.example/"], "ALLOWED_ORIGINS"),
    ],
)
def test_keys_of_users_and_origins_that_cannot_be_used_are_said_without_the_key(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    with pytest.raises(ConfigurationError, match="REPARTEE_API") as caught:
        load_settings(_env_file(tmp_path, *lines))
    assert words in str(caught.value)
    assert "secret-1" not in str(caught.value)


def test_two_fallback_models_at_most(tmp_path: Path) -> None:
    settings = load_settings(_env_file(tmp_path, "REPARTEE_LLM__FALLBACK_MODELS= b , c,"))
    assert settings.llm.fallbacks == ("b", "c")
    with pytest.raises(ConfigurationError, match="FALLBACK_MODELS: 2 at most"):
        load_settings(_env_file(tmp_path, "REPARTEE_LLM__FALLBACK_MODELS=b,c,d"))


@pytest.mark.parametrize(
    ("llm", "words"),
    [
        ({"kind": "transformers"}, "FOLDER"),
        ({"folder": "var/models/one"}, "KIND"),
        ({"model": "registry:generator/champion"}, "BASE_URL"),
        ({"kind": "transformers", "folder": "x", "fallback_models": "y"}, "FALLBACK_MODELS"),
    ],
)
def test_settings_of_the_model_that_contradict_each_other_are_refused(llm: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LlmSettings.model_validate(llm)

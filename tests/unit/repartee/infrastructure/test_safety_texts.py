from pathlib import Path

import pytest

from repartee.application.keep_safe import KeepSafe, SafetyPolicy
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.container import make_container
from repartee.infrastructure.safety_texts import load_safety_texts
from repartee.infrastructure.settings import Settings, shipped_folder

SHIPPED = shipped_folder("prompts") / "safety.yaml"


def _file(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_shipped_texts_are_there_in_both_languages_and_name_no_hotline() -> None:
    texts = load_safety_texts(SHIPPED, None)
    for name in ("ai_disclosure", "break_reminder", "human_question"):
        assert texts.of(name, "", "en") != texts.of(name, "", "ru") != ""
    assert not texts.crisis_resources


def test_own_texts_come_first_and_the_jurisdiction_before_the_language(tmp_path: Path) -> None:
    own = _file(tmp_path, "crisis_resources: {en: EN, ru: RU, US-NY: NY}\nai_disclosure: {en: mine}")
    texts = load_safety_texts(SHIPPED, own)
    assert [texts.of("crisis_resources", code, "ru") for code in ("us-ny", "de")] == ["NY", "RU"]
    assert texts.of("crisis_resources", "", "fr") == "EN"
    assert texts.of("ai_disclosure", "", "ru") == "mine"
    assert "AI" in texts.of("human_question", "", "en")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("crisis_resources: {ru: только}", "needs a text for en"),
        ("hotlines: {en: x}", "hotlines"),
        ("crisis_resources: [", "is not YAML"),
        ("crisis_resources: {en: ''}", "crisis_resources.en"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"REPARTEE_SAFETY__TEXTS") as caught:
        load_safety_texts(SHIPPED, _file(tmp_path, text))
    assert problem in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_safety_texts(SHIPPED, tmp_path / "none.yaml")


async def _policy(tmp_path: Path, **chosen: str) -> SafetyPolicy:
    container = make_container(Settings(_env_file=None, data_dir=tmp_path, safety=chosen))
    try:
        await container.get(KeepSafe)
        return await container.get(SafetyPolicy)
    finally:
        await container.close()


async def test_an_interruption_without_a_text_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="crisis_resources"):
        await _policy(tmp_path, self_harm_passive="interrupt")


async def test_offline_the_question_who_answers_gets_the_text_itself(tmp_path: Path) -> None:
    assert (await _policy(tmp_path, human_question="instruct")).human_question == "answer"
    assert (await _policy(tmp_path)).human_question == "off"

"""`.env.template` names every setting once, with the default that the code has."""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from repartee.infrastructure.settings import Settings, load_settings
from repartee_eval.settings import JudgeSettings, load_judge_settings

TEMPLATE = Path(__file__).parents[4] / ".env.template"
_SETTING = re.compile(r"#(REPARTEE_[A-Z0-9_]+)=(.*)")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("REPARTEE_")]:
        monkeypatch.delenv(name)


def shown() -> list[tuple[str, str]]:
    """Return the settings of the template, in order."""
    matches = map(_SETTING.fullmatch, TEMPLATE.read_text("utf-8").splitlines())
    return [(match[1], match[2]) for match in matches if match]


def defaults(model: BaseModel, prefix: str = "REPARTEE_") -> Iterator[tuple[str, Any]]:
    """Yield each setting's variable and default, sections opened."""
    for name in type(model).model_fields:
        value, variable = getattr(model, name), prefix + name.upper()
        if isinstance(value, BaseModel):
            yield from defaults(value, f"{variable}__")
        else:
            yield variable, value


def depends_on_the_installation(value: Any) -> bool:
    return isinstance(value, Path) and value.is_absolute()


def all_defaults() -> list[tuple[str, Any]]:
    judging = defaults(JudgeSettings(_env_file=None), "REPARTEE_JUDGE__")
    return [*defaults(Settings(_env_file=None)), *judging]


def test_it_names_every_setting_once():
    assert sorted(name for name, _ in shown()) == sorted(name for name, _ in all_defaults())


def test_it_shows_a_value_wherever_the_default_has_one_that_is_the_same_everywhere():
    empty = {name for name, value in shown() if not value}
    assert empty == {
        name
        for name, value in all_defaults()
        if value is None or value == "" or depends_on_the_installation(value)
    }


def test_its_values_are_the_defaults(tmp_path: Path):
    env_file = tmp_path / ".env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in shown()), "utf-8")
    assert load_settings(env_file) == Settings(_env_file=None)
    assert load_judge_settings(env_file) == JudgeSettings(_env_file=None)


def test_a_changed_value_would_be_seen(tmp_path: Path):
    env_file = tmp_path / ".env"
    env_file.write_text("REPARTEE_LLM__MAX_TOKENS=401\n", "utf-8")
    assert load_settings(env_file) != Settings(_env_file=None)


def test_nothing_in_it_is_switched_on():
    assert [
        line for line in TEMPLATE.read_text("utf-8").splitlines() if line and not line.startswith("#")
    ] == []


def test_every_setting_has_its_line_of_explanation():
    lines = TEMPLATE.read_text("utf-8").splitlines()
    bare = [
        line
        for before, line in pairwise(lines)
        if _SETTING.fullmatch(line) and (not before.startswith("# ") or before.startswith("# ---"))
    ]
    assert bare == []

"""The examples of docs/guard.md, run."""

import json
import re
from pathlib import Path

import pytest

from repartee.domain.guard import GuardContext, GuardOptions, guard

DOCUMENT = Path(__file__).parents[5] / "docs" / "guard.md"
EXAMPLE = re.compile(
    r"\| (?P<rule>[^|]+) \| (?:`(?P<options>[^|]+)`)? ?\| (?P<finish>stop|length)"
    r" \| `+ ?(?P<before>\"[^|]*\") ?`+ \| `+ ?(?P<after>\"[^|]*\") ?`+ \|"
)
EXAMPLES = [match for line in DOCUMENT.read_text("utf-8").splitlines() if (match := EXAMPLE.fullmatch(line))]


def test_every_example_is_read() -> None:
    rows = [
        line for line in DOCUMENT.read_text("utf-8").splitlines() if re.search(r"\| (stop|length) \|", line)
    ]
    assert len(EXAMPLES) == len(rows) >= 15


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["rule"])
def test_the_code_does_what_the_example_says(example: re.Match[str]) -> None:
    options = GuardOptions.model_validate_json(example["options"] or "{}")
    finish = "length" if example["finish"] == "length" else "stop"
    context = GuardContext(("Mira",), "Anna", ("Tom",))
    assert guard(json.loads(example["before"]), finish, context, options).text == json.loads(example["after"])


def test_every_option_is_documented() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert [name for name in GuardOptions.model_fields if f"`{name}`" not in text] == []

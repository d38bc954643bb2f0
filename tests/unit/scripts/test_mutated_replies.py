"""A short run of the campaign, and the same run over readers that are not strict."""

import json
from collections.abc import Iterator

import pytest

from repartee.application.ports import Completion, Usage
from repartee.integrations.openai_completion import CompletionReader
from scripts.claims import mutated_replies
from scripts.claims.mutated_replies import broken


def test_no_damaged_answer_comes_out_as_a_reply() -> None:
    assert {number: wrong for number in range(300) if (wrong := broken(7, number))} == {}


def _as_the_vendors_package(body: bytes) -> Completion:
    """Raise what it raises, and pass on what it passes on."""
    choice = (json.loads(body).get("choices") or [{}])[0]
    text = (choice.get("message") or {}).get("content")
    return Completion(str(text), "m", "stop", Usage())


class _ForgivesAMissingEnd(CompletionReader):
    def end(self) -> Iterator[str | Completion]:
        self._finish = self._finish or "stop"
        yield from super().end()


@pytest.mark.parametrize("readers", [{"parse": _as_the_vendors_package}, {"reader": _ForgivesAMissingEnd}])
def test_a_reader_that_is_not_strict_is_caught(readers: dict) -> None:
    assert any(broken(7, number, **readers) for number in range(300))


def test_the_cases_are_not_all_hopeless_and_the_same_seed_makes_the_same() -> None:
    made = [mutated_replies.case(mutated_replies.random.Random(f"7/{number}")) for number in range(300)]
    assert made == [mutated_replies.case(mutated_replies.random.Random(f"7/{n}")) for n in range(300)]
    whole = 0
    for is_stream, body in made:
        read = mutated_replies.text_of_stream if is_stream else mutated_replies.text_of_document
        try:
            whole += bool(read(body))
        except ValueError:
            continue
    assert 30 < whole < 200

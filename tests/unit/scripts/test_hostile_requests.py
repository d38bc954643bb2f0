"""What counts as a breach, and a short run where schemathesis is installed."""

import pytest

pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from scripts.claims import hostile_requests
from scripts.claims.hostile_requests import breach

DOCUMENTED = frozenset({200, 422, 502})


@pytest.mark.parametrize(
    ("status", "text", "faults", "found"),
    [
        (200, '{"text": "my long secret"}', False, None),
        (422, "no", False, None),
        (422, "not my long secret", False, "status 422 repeats what was sent"),
        (500, "", True, "status 500"),
        (502, "", False, "status 502"),
        (502, "", True, None),
        (504, "", True, "status 504 is not documented"),
        (418, "", False, "status 418 is not documented"),
        (431, "", False, None),
        (200, "event: facts\ndata: {}\n\nevent: delta\ndata: {}\n\n", False, "a stream without an end"),
        (200, "event: delta\ndata: {}\n\nevent: done\ndata: {}\n\n", False, None),
    ],
)
def test_what_breaks_the_claim(status: int, text: str, faults: bool, found: str | None) -> None:
    assert breach(status, text, ["my long secret"], DOCUMENTED, faults=faults) == found


def test_names_of_fields_are_no_texts() -> None:
    assert sorted(hostile_requests.texts_in({"a": ["x", {"b": "y"}], "c": 1})) == ["x", "y"]


@pytest.mark.parametrize("faults", [False, True])
def test_requests_from_the_document_get_documented_answers(faults: bool) -> None:
    result = hostile_requests.run(45, 7, faults=faults)
    assert (result["failures"], result["examples"]) == (0, {})
    assert result["n"] == 45

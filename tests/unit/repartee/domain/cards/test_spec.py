import pytest

from repartee.domain.cards.limits import CardError
from repartee.domain.cards.spec import converted, data_of, spec_of, spec_warnings
from tests.cards import V1, V2, V3


def test_the_version_is_told_by_spec_and_by_shape() -> None:
    assert [spec_of(card) for card in (V1, V2, V3)] == ["v1", "v2", "v3"]
    assert spec_of({"name": "Kim"}) == "v1"
    assert spec_of({"name": "Kim", "data": {"name": "other"}}) == "v1"
    assert spec_of({"data": {"name": "Kim"}}) == "v2"
    assert spec_of({"spec": "something", "data": {"name": "Kim"}}) == "v2"
    assert spec_of({"spec": "chara_card_v4", "data": {}}) == "v3"
    assert spec_of({**V1, **V3}) == "v3"
    assert data_of(V1) is V1
    assert data_of(V2) is V2["data"]


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ({}, "name"),
        ({"data": {"x": 1}}, "name"),
        ({"spec": "chara_card_v2"}, "data"),
        ({"spec": "chara_card_v3", "data": [], "name": "Ada"}, "data"),
        ({"spec": "lorebook_v3", "data": {"entries": []}}, "spec"),
    ],
)
def test_what_is_no_character_card_is_refused_with_its_field(raw: dict, place: str) -> None:
    with pytest.raises(CardError) as caught:
        spec_of(raw)
    assert caught.value.field == place


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, None),
        ({"spec_version": 3}, None),
        ({"spec_version": "3.1"}, "spec_version: 3.1 is newer than 3.0"),
        ({"spec_version": 4.0}, "spec_version: 4 is newer"),
        ({"spec_version": "2.5"}, "spec_version: 2.5 is older"),
        ({"spec_version": "new"}, "spec_version: missing or no number"),
        ({"spec_version": None}, "spec_version: missing or no number"),
        ({"spec_version": 10**400}, "spec_version: missing or no number"),
        ({"spec": "chara_card_v4"}, "spec: newer than known, read as chara_card_v3"),
        ({"spec": "mine"}, "spec: missing or unknown, read as chara_card_v2"),
    ],
)
def test_another_version_is_read_with_a_warning(changed: dict, words: str | None) -> None:
    found = spec_warnings({**V3, **changed})
    assert len(found) == (0 if words is None else 1)
    assert words is None or found[0].startswith(words)


def test_missing_fields_are_named_in_a_warning() -> None:
    data = {field: value for field, value in V2["data"].items() if field not in {"tags", "creator"}}
    assert spec_warnings({**V2, "data": data}) == (
        "data: the format also requires tags, creator; taken as empty",
    )
    assert spec_warnings({"name": "Kim"}) == ()


def test_a_card_of_that_version_is_not_touched() -> None:
    assert converted(V2, "v2") is V2
    assert converted(V3, "v3") is V3
    newer = {**V3, "spec_version": "3.7"}
    assert converted(newer, "v3") is newer


def test_v1_becomes_v2_and_v3_with_unknown_fields_and_what_they_require() -> None:
    v2 = converted(V1, "v2")
    assert list(v2) == ["spec", "spec_version", "data"]
    assert (v2["spec"], v2["spec_version"]) == ("chara_card_v2", "2.0")
    assert v2["data"] == {
        **V1,
        "creator_notes": "",
        "system_prompt": "",
        "post_history_instructions": "",
        "alternate_greetings": [],
        "tags": [],
        "creator": "",
        "character_version": "",
        "extensions": {},
    }
    assert list(v2["data"])[: len(V1)] == list(V1)
    v3 = converted(V1, "v3")
    assert (v3["spec"], v3["spec_version"]) == ("chara_card_v3", "3.0")
    assert v3["data"] == {**v2["data"], "group_only_greetings": []}
    assert "spec" not in V1


def test_v3_fields_stay_in_the_data_of_a_v2_card_and_come_back() -> None:
    v2 = converted(V3, "v2")
    assert (v2["spec"], v2["spec_version"]) == ("chara_card_v2", "2.0")
    assert v2["data"] == V3["data"]
    assert converted(v2, "v3") == V3


def test_fields_beside_data_are_carried() -> None:
    hybrid = {**V1, **V2, "create_date": "x"}
    assert converted(hybrid, "v3")["create_date"] == "x"
    assert list(converted(hybrid, "v3")) == list(hybrid)
    bare = {"data": {"name": "Kim"}, "x": 1}
    assert list(converted(bare, "v2")) == ["spec", "spec_version", "data", "x"]


def test_two_converted_cards_share_no_lists() -> None:
    one, other = converted(V1, "v2"), converted(V1, "v2")
    one["data"]["tags"].append("x")
    assert other["data"]["tags"] == []

import pytest

from repartee.domain.cards.assets import asset_entries, asset_path, asset_type


@pytest.mark.parametrize("scheme", ["embeded://", "embedded://", "__asset:"])
def test_every_spelling_of_an_embedded_path_is_known(scheme: str) -> None:
    assert asset_path({"uri": f"{scheme}a/b.png"}) == "a/b.png"


@pytest.mark.parametrize("entry", [{"uri": "ccdefault:"}, {"uri": "https://x/y"}, {"uri": 3}, {}])
def test_other_addresses_name_no_path(entry: dict) -> None:
    assert asset_path(entry) is None


def test_what_is_no_list_of_objects_has_no_entries() -> None:
    assert asset_entries({"assets": [1, {"uri": "x"}, None]}) == [{"uri": "x"}]
    assert asset_entries({"assets": {"uri": "x"}}) == asset_entries({}) == []


def test_the_card_says_what_an_asset_is_for_before_its_folder_does() -> None:
    data = {
        "assets": [{"type": "emotion", "uri": "embeded://assets/icon/images/a.png"}, {"uri": "embeded://b"}]
    }
    assert asset_type(data, "assets/icon/images/a.png") == "emotion"
    assert asset_type({}, "assets/icon/images/a.png") == "icon"
    assert asset_type(data, "b") == asset_type({}, "module.risum") == asset_type({}, "assets/a") == "other"

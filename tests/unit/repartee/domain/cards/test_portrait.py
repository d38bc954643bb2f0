import pytest

from repartee.domain.cards.card_file import CardFile, left_out, picture_of, read_card, write_card
from repartee.domain.cards.limits import CardError
from repartee.domain.cards.portrait import MAIN_ICON_PATH, main_icon, main_picture
from tests.cards import V2, V3, archive, chunk, png, text_chunk

PICTURE = png(chunk(b"tIME", b"1234567"))


def _v3(assets: object) -> dict:
    return {**V3, "data": {**V3["data"], "assets": assets}}


def _icon(uri: str, name: str = "main") -> dict:
    return {"type": "icon", "uri": uri, "name": name, "ext": "png"}


def test_the_icon_named_main_is_the_picture() -> None:
    data = {"assets": [_icon("embeded://a", "sad"), 3, _icon("embeded://b"), _icon("embeded://c", "x")]}
    assert main_icon(data, {"a": png(), "b": PICTURE}) == PICTURE
    assert main_icon(data, {"a": png(), "b": b"\xff\xd8\xff"}) == png()
    assert main_icon(data, {}) is None
    assert main_icon({"assets": "x"}, {"x": PICTURE}) is None


@pytest.mark.parametrize(
    "picture", [PICTURE, b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"\0\0\0\x1cftypavif"]
)
def test_the_picture_to_show_may_be_of_any_kind(picture: bytes) -> None:
    data = {"assets": [_icon("embeded://sound", "x"), _icon("__asset:a")]}
    assert main_picture(data, {"sound": b"OggS", "a": picture, "assets/icon/images/b.png": png()}) == picture
    assert main_picture({}, {"assets/icon/images/b.png": picture}) == picture
    assert main_picture(data, {"a": b"<svg/>", "assets/background/images/b.png": PICTURE}) is None


def test_the_picture_of_a_png_card_becomes_the_icon_of_a_charx_and_comes_back() -> None:
    card = read_card(write_card(CardFile(V2, "json"), "png", PICTURE))
    packed = read_card(write_card(card, "charx"))
    assert packed.assets == {MAIN_ICON_PATH: PICTURE}
    assert packed.data["assets"] == [_icon(f"embeded://{MAIN_ICON_PATH}")]
    assert packed.spec == "v3"
    again = write_card(packed, "png")
    assert picture_of(read_card(again)) == again
    assert chunk(b"tIME", b"1234567") in again
    assert (left_out(packed, "png"), left_out(packed, "json")) == ((), ("1 asset (.charx keeps assets)",))
    twice = read_card(write_card(read_card(again), "charx"))
    assert (twice.assets, twice.raw) == (packed.assets, packed.raw)


def test_ccdefault_is_pointed_at_the_picture_and_other_entries_are_kept() -> None:
    other = {"type": "emotion", "uri": "https://x/y.png", "name": "sad", "ext": "png", "extra": 1}
    card = read_card(write_card(CardFile(_v3([other, _icon("ccdefault:")]), "json"), "png", PICTURE))
    packed = read_card(write_card(card, "charx"))
    assert packed.data["assets"] == [other, _icon(f"embeded://{MAIN_ICON_PATH}")]


def test_a_card_with_an_icon_of_its_own_keeps_it() -> None:
    card = CardFile(_v3([_icon("https://x/y.png")]), "json")
    packed = read_card(write_card(read_card(write_card(card, "png")), "charx"))
    assert packed.raw == card.raw
    assert packed.assets == {}
    with pytest.raises(CardError, match="icon of its own"):
        write_card(card, "charx", PICTURE)


def test_an_asset_at_the_icons_path_is_never_replaced() -> None:
    raw = read_card(archive({"card.json": b'{"name": "Ada"}', MAIN_ICON_PATH: b"mine"}))
    assert read_card(write_card(raw, "charx")).assets == {MAIN_ICON_PATH: b"mine"}
    with pytest.raises(CardError, match="icon of its own"):
        write_card(raw, "charx", PICTURE)


def test_a_png_with_a_card_is_no_second_card_inside_a_charx() -> None:
    picture = png(text_chunk("chara", b'{"name": "Ada"}'))
    packed = read_card(write_card(read_card(picture), "charx"))
    assert packed.assets == {MAIN_ICON_PATH: png()}

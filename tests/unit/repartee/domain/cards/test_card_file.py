import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.cards import limits
from repartee.domain.cards.card_file import CardFile, format_of, left_out, read_card, write_card
from repartee.domain.cards.limits import CardError
from tests.cards import END, V1, V2, V3, archive, png, text_chunk

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(TEXTS, VALUES, max_size=6)
MADE_CARDS = st.builds(
    lambda spec, known, other, beside: {
        "spec": f"chara_card_v{spec}",
        "spec_version": f"{spec}.0",
        **beside,
        "data": {**other, **known, "extensions": other},
    },
    st.sampled_from([2, 3]),
    st.sampled_from([V2["data"], V3["data"], {"name": "Ada"}]),
    FIELDS,
    FIELDS.map(lambda fields: {key: fields[key] for key in fields if key not in {"spec", "data"}}),
)


def _text(value: object) -> str:
    """JSON tells 1 from 1.0 and one order of keys from another, == does not."""
    return json.dumps(value)


@settings(max_examples=100, deadline=None)
@given(MADE_CARDS, st.sampled_from(["json", "yaml", "png", "charx"]))
def test_what_is_written_reads_back_as_the_same_object(raw: dict, card_format: str) -> None:
    card = CardFile(raw, "json")
    again = read_card(write_card(card, card_format))
    expected = raw
    if card_format == "charx" and card.spec == "v2":
        expected = {**raw, "spec": "chara_card_v3", "spec_version": "3.0", "data": again.data}
        assert [(key, again.data[key]) for key in raw["data"]] == list(raw["data"].items())
    assert _text(again.raw) == _text(expected)
    assert again.format == card_format


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from(["yaml", "json"]))
def test_any_text_survives_as_key_and_value(text: str, card_format: str) -> None:
    lines = f"{text}\n{text} \n\n {text}\n"
    raw = {**V3, "data": {"name": "Ada", "x": {text: text}, "lines": [lines, f"a\n{text}", f"{text}\n"]}}
    assert _text(read_card(write_card(CardFile(raw, "json"), card_format)).raw) == _text(raw)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9é_]{1,8}(/[a-z0-9._]{3,8}){0,2}", fullmatch=True),
        st.binary(max_size=60),
        max_size=5,
    )
)
def test_assets_survive_byte_by_byte_and_in_order(assets: dict[str, bytes]) -> None:
    assets = {path: content for path, content in assets.items() if ".." not in path}
    card = CardFile(V3, "charx", assets=assets)
    again = read_card(write_card(card, "charx"))
    assert list(again.assets.items()) == list(assets.items())
    assert _text(again.raw) == _text(V3)


def test_formats_are_told_apart_by_content() -> None:
    text = json.dumps(V2).encode()
    found = {
        "json": [text, b"\xef\xbb\xbf  \n" + text],
        "yaml": [b"name: Ada", b"\xef\xbb\xbfname: Ada", b"---\nname: Ada"],
        "png": [png(text_chunk("chara", text))],
        "charx": [archive({"card.json": text}), b"\xff\xd8\xff!" + archive({"card.json": text})],
    }
    for card_format, files in found.items():
        assert [read_card(data).format for data in files] == [card_format] * len(files)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "YAML: must hold an object"),
        (b"hello", "YAML: must hold an object"),
        (b"\x00\x01", "is no PNG, CHARX, JSON or YAML"),
        (b"\xff\xfe{\x00", "is no PNG, CHARX, JSON or YAML"),
        (b"RIFF....WEBPVP8 ", "WEBP"),
        (b"GIF89a\xff\xff", "not UTF-8"),
        (b"\xff\xd8\xff a picture only", "CHARX: the zip ends too soon"),
        (b"[1]", "JSON: must hold an object"),
        (b"rcc||x", "RisuAI"),
        (b'{"x": 1}', "name: is missing"),
        (png(text_chunk("ccv3", b'{"spec": "lorebook_v3", "data": {}}')), "lorebook"),
        (png(text_chunk("ccv3", b"rcc||x")), "ccv3: is encrypted by RisuAI"),
        (archive({"card.json": b"{"}), "card.json: is not JSON: line 1, column 2"),
    ],
)
def test_what_is_no_card_is_one_error_that_names_the_place(data: bytes, words: str) -> None:
    with pytest.raises(CardError) as caught:
        read_card(data)
    assert words in caught.value.message


def test_a_file_over_the_limit_is_neither_read_nor_written(monkeypatch: pytest.MonkeyPatch) -> None:
    card = CardFile(V3, "charx", assets={"a": b"x" * 3_000})
    monkeypatch.setattr(limits, "FILE_BYTES", 3_000)
    with pytest.raises(CardError, match="the file is larger"):
        read_card(b"{" + b" " * 3_000)
    with pytest.raises(CardError, match="would be larger"):
        write_card(card, "charx")


def test_the_character_is_what_repartee_plays_in_every_version() -> None:
    for raw in (V1, V2, V3, {"data": {"name": "Ada", "description": "{{char}} mends clocks."}}):
        character = CardFile(raw, "json").character
        assert (character.name, character.description) == ("Ada", "{{char}} mends clocks.")
    assert CardFile(V3, "json").character.display_name == "Addie"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"name": ""}, "name"),
        ({"name": "Ada", "first_mes": "x" * 70_000}, "first_mes"),
        ({"name": "Ada", "alternate_greetings": ["x", 3]}, "alternate_greetings.1"),
        ({"name": "a\0b"}, "name"),
        (
            {"name": "Ada", "extensions": {"repartee": {"style": {"secret": 1, "max_words": 0}}}},
            "style.max_words",
        ),
    ],
)
def test_a_field_that_cannot_be_used_is_named(data: dict, place: str) -> None:
    with pytest.raises(CardError) as caught:
        _ = CardFile({"spec": "chara_card_v2", "data": data}, "json").character
    assert caught.value.field == place
    assert caught.value.message.startswith(f"{place}: ")
    assert "Value error" not in caught.value.message


def test_a_png_has_the_older_card_first_and_the_newer_one_only_for_v3() -> None:
    v3 = write_card(CardFile(V3, "json"), "png", png())
    v2_text = json.dumps({**V3, "spec": "chara_card_v2", "spec_version": "2.0"}, ensure_ascii=False).encode()
    v3_text = json.dumps(V3, ensure_ascii=False).encode()
    assert v3.endswith(text_chunk("chara", v2_text) + text_chunk("ccv3", v3_text) + END)
    assert b"ccv3" not in write_card(CardFile(V2, "json"), "png")
    assert b"ccv3" not in write_card(read_card(v3), "png", spec="v2")
    assert b"ccv3" in write_card(CardFile(V1, "json"), "png", spec="v3")


def test_the_own_picture_is_kept_unless_another_is_given() -> None:
    after = b"behind the image"
    card = read_card(png(text_chunk("chara", json.dumps(V2).encode()), text_chunk("Note", b"x"), after=after))
    kept = write_card(card, "png")
    assert kept.endswith(after)
    assert text_chunk("Note", b"x") in kept
    assert after not in write_card(card, "png", png())
    with pytest.raises(CardError, match="PNG: is not a PNG file"):
        write_card(card, "png", b"\xff\xd8\xff")


def test_uris_and_strange_members_of_a_charx_are_kept() -> None:
    raw = {**V3, "data": {**V3["data"], "assets": [{"type": "x", "uri": "embeded://assets/x/1.bin"}]}}
    members = {"module.risum": b"\0\xff", "assets/x/1.bin": b"1", "x_meta/1.json": b"{}"}
    data = archive({"card.json": json.dumps(raw).encode(), **members}, zipfile.ZIP_STORED)
    again = read_card(write_card(read_card(b"\xff\xd8\xff" + data), "charx"))
    assert (again.raw, again.assets, again.image) == (raw, members, b"\xff\xd8\xff")


def test_what_a_format_cannot_hold_is_said() -> None:
    charx = CardFile(V3, "charx", assets={"a": b"", "b": b""})
    assert left_out(charx, "charx") == ()
    assert left_out(charx, "png") == ("2 assets (.charx keeps assets)",)
    picture = CardFile(V3, "png", image=png(), assets={"a": b""})
    assert left_out(picture, "png") == left_out(picture, "charx") == ()
    assert left_out(picture, "png", with_image=True) == ("1 asset (.charx keeps assets)",)
    assert len(left_out(picture, "json")) == 2


def test_the_suffix_names_the_format() -> None:
    assert [format_of(suffix) for suffix in (".JSON", ".yml", ".yaml", ".png", ".charx", ".txt", "")] == [
        "json", "yaml", "yaml", "png", "charx", None, None,
    ]  # fmt: skip

import io
import struct
import zipfile

import pytest

from repartee.domain.cards import limits
from repartee.domain.cards.charx import read_charx, write_charx
from repartee.domain.cards.limits import CardError
from tests.cards import archive

CARD = b'{"name": "Ada"}'
ASSETS = {"assets/icon/images/main.png": b"\x89PNG", "module.risum": b"\0\1", "x_meta/1.json": b"{}"}


def test_card_and_members_are_read_and_folders_are_not_files() -> None:
    found = read_charx(archive({"assets/": b"", "card.json": CARD, **ASSETS}))
    assert (found.card, found.assets, found.before) == (CARD, ASSETS, b"")


def test_what_is_written_reads_back_in_the_same_order_and_is_the_same_each_time() -> None:
    data = write_charx(CARD, ASSETS)
    assert data == write_charx(CARD, ASSETS)
    assert list(read_charx(data).assets.items()) == list(ASSETS.items())


def test_a_zip_behind_a_jpeg_is_read_and_written() -> None:
    picture = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
    joined = read_charx(picture + archive({"card.json": CARD, **ASSETS}))
    assert (joined.card, joined.before) == (CARD, picture)
    again = write_charx(joined.card, joined.assets, joined.before)
    assert again.startswith(picture)
    assert read_charx(again) == joined


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../x", "leads out"),
        ("a/../../x", "leads out"),
        ("/etc/passwd", "leads out"),
        ("a//b", "leads out"),
        ("C:\\x", "backslash"),
        ("c:x", "colon"),
        ("a\\..\\b", "backslash"),
        ("a\nb", "control"),
        ("a" * 600, "1 to 512"),
    ],
)
def test_a_path_that_leads_out_is_refused_without_being_quoted(path: str, words: str) -> None:
    with pytest.raises(CardError, match=words) as caught:
        read_charx(archive({"card.json": CARD, path: b"x"}))
    assert path not in caught.value.message
    with pytest.raises(CardError, match=words):
        write_charx(CARD, {path: b"x"})


def test_a_nul_in_a_name_does_not_hide_the_rest_of_it() -> None:
    data = archive({"card.json": CARD, "aaaXbbb": b"x"}).replace(b"aaaXbbb", b"aaa\0bbb")
    with pytest.raises(CardError, match="control character"):
        read_charx(data)


def _patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    at = data.rindex(signature) + offset
    return data[:at] + value + data[at + len(value) :]


def _two_of_a_name() -> bytes:
    return (
        archive({"card.json": CARD, "a": b"1", "b": b"2"}).replace(b"\0\0b", b"\0\0a").replace(b"b2", b"a2")
    )


GOOD = archive({"card.json": CARD, "a.bin": b"x" * 2_000}, zipfile.ZIP_STORED)
LAST_ENTRY, END = b"PK\x01\x02", b"PK\x05\x06"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive({"Card.json": CARD}), "no card.json"),
        (archive({"sub/card.json": CARD}), "no card.json"),
        (archive({}), "no card.json"),
        (GOOD[:-30], "ends too soon"),
        (GOOD[100:], "damaged"),
        (b"PK\x03\x04", "ends too soon"),
        (GOOD.replace(b"xxxx", b"xxyx", 1), "damaged"),
        (_patched(GOOD, LAST_ENTRY, 8, b"\x01\0"), "encrypted"),
        (_patched(GOOD, LAST_ENTRY, 10, struct.pack("<H", 14)), "rare compression"),
        (_patched(GOOD, LAST_ENTRY, 24, struct.pack("<I", 2**27 + 1)), "unpacks to more than 128 MiB"),
        (_patched(GOOD, LAST_ENTRY, 24, struct.pack("<I", 2**27 - 999)), "200 times"),
        (_patched(GOOD, LAST_ENTRY, 24, struct.pack("<I", 9_000)), "damaged|another size"),
        (_patched(GOOD, LAST_ENTRY, 24, struct.pack("<I", 9)), "damaged"),
        (_patched(GOOD, LAST_ENTRY, 42, struct.pack("<I", 2**31)), "damaged"),
        (_patched(GOOD, END, 12, struct.pack("<I", 2**31)), "more than 2000 files"),
        (GOOD[:-22] + b"PK\x06\x07" + bytes(16) + GOOD[-22:], "zip64"),
        (_two_of_a_name(), "same path"),
    ],
)
def test_a_damaged_or_strange_zip_is_one_error(data: bytes, words: str) -> None:
    with pytest.raises(CardError, match=words) as caught:
        read_charx(data)
    assert "\n" not in caught.value.message


def test_a_zip_bomb_is_refused_by_its_ratio_and_by_what_comes_out() -> None:
    with pytest.raises(CardError, match="200 times"):
        read_charx(archive({"card.json": CARD, "a.bin": b"\0" * (4 * limits.MIB)}))
    with pytest.raises(CardError, match="larger than 8 MiB"):
        read_charx(archive({"card.json": b" " * (limits.JSON_BYTES + 1)}))
    lying = archive({"card.json": CARD, "a.bin": b"\0" * (4 * limits.MIB)})
    with pytest.raises(CardError, match="damaged"):
        read_charx(_patched(lying, LAST_ENTRY, 24, struct.pack("<I", 1_000)))


def test_the_number_of_files_is_bounded() -> None:
    with pytest.raises(CardError, match="more than 2000 files"):
        read_charx(
            archive({f"{number}": b"" for number in range(limits.ZIP_ENTRIES + 1)}, zipfile.ZIP_STORED)
        )


def test_an_asset_with_the_cards_own_path_is_not_written() -> None:
    with pytest.raises(CardError, match=r"card\.json"):
        write_charx(CARD, {"card.json": b"x"})


def test_other_programs_can_open_what_is_written() -> None:
    with zipfile.ZipFile(io.BytesIO(write_charx(CARD, ASSETS))) as file:
        assert file.testzip() is None
        assert file.namelist()[0] == "card.json"

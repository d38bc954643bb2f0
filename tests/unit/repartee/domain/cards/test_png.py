import base64
import json
import zlib

import pytest

from repartee.domain.cards import limits, png
from repartee.domain.cards.limits import CardError
from repartee.domain.cards.portrait import plain_image
from tests import cards

ADA, BOB = b'{"name": "Ada"}', b'{"name": "Bob"}'


def _ztxt(keyword: bytes, text: bytes) -> bytes:
    return cards.chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(text))


def _itxt(keyword: bytes, text: bytes, *, packed: bool) -> bytes:
    body = zlib.compress(text) if packed else text
    return cards.chunk(b"iTXt", keyword + b"\0" + bytes([packed]) + b"\0en\0\0" + body)


@pytest.mark.parametrize(
    "text",
    [
        cards.text_chunk("chara", ADA),
        cards.text_chunk("Chara", ADA),
        cards.chunk(b"tEXt", b"chara\0" + base64.encodebytes(ADA).rstrip(b"=\n")),
        _ztxt(b"chara", base64.b64encode(ADA)),
        _itxt(b"chara", base64.b64encode(ADA), packed=False),
        _itxt(b"chara", base64.b64encode(ADA), packed=True),
    ],
)
def test_a_card_is_found_in_any_kind_of_text_chunk(text: bytes) -> None:
    assert png.read_png_card(cards.png(cards.text_chunk("Comment", b"x"), text)) == (ADA, "chara")


def test_ccv3_wins_and_of_two_the_first() -> None:
    chunks = [cards.text_chunk("chara", ADA), cards.text_chunk("CCV3", BOB), cards.text_chunk("ccv3", ADA)]
    assert png.read_png_card(cards.png(*chunks)) == (BOB, "ccv3")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (cards.png(), "holds no card"),
        (b"\xff\xd8\xff", "is not a PNG"),
        (cards.SIGNATURE, "ends too soon"),
        (cards.png()[:-12], "ends too soon"),
        (cards.png()[:-1], "ends too soon"),
        (cards.png()[:-14], "ends inside a chunk"),
        (cards.png()[:-2] + b"\0\0", "checksum"),
        (cards.SIGNATURE + b"\xff\xff\xff\xffIHDR" + bytes(20), "ends inside a chunk"),
        (cards.png(first=b""), "header"),
        (cards.png(first=cards.header(0, 5)), "pixels"),
        (cards.png(first=cards.header(2**31 - 1, 2**31 - 1)), "pixels"),
        (cards.png(cards.chunk(b"tEXt", b"chara\0***")), "not base64"),
        (cards.png(cards.chunk(b"tEXt", b"chara\0rcc||rccv1||x")), "RisuAI"),
        (cards.png(cards.chunk(b"zTXt", b"chara\0\0nozlib")), "compressed text is damaged"),
        (
            cards.png(cards.chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"x" * 999)[:-8])),
            "compressed text ends too soon",
        ),
    ],
)
def test_a_damaged_file_is_one_error(data: bytes, words: str) -> None:
    with pytest.raises(CardError, match=words):
        png.read_png_card(data)


def test_a_compressed_text_is_unpacked_up_to_the_limit_only() -> None:
    bomb = cards.png(_ztxt(b"chara", b"A" * (limits.TEXT_CHUNK_BYTES * 3)))
    assert len(bomb) < 100_000
    with pytest.raises(CardError, match="unpacks to more than 8 MiB"):
        png.read_png_card(bomb)


def test_a_card_in_a_text_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    padded = cards.png(cards.chunk(b"tEXt", b"chara\0" + b" " * limits.TEXT_CHUNK_BYTES + b"e30="))
    with pytest.raises(CardError, match="larger than 8 MiB"):
        png.read_png_card(padded)


def test_assets_of_few_bytes_do_not_unpack_to_gigabytes() -> None:
    content = b"QUFB" * 2_000_000
    count = limits.UNPACKED_BYTES // len(content) + 1
    packed = zlib.compress(content)
    bombs = [cards.chunk(b"zTXt", b"chara-ext-asset_:%d\0\0" % place + packed) for place in range(count)]
    assert sum(map(len, bombs)) < 200_000
    with pytest.raises(CardError, match="assets take more than 128 MiB"):
        png.png_assets(cards.png(*bombs))


def test_the_number_of_assets_is_bounded() -> None:
    assets = [cards.text_chunk(f"chara-ext-asset_:{place}", b"") for place in range(limits.ZIP_ENTRIES + 1)]
    assert len(png.png_assets(cards.png(*assets[1:]))) == limits.ZIP_ENTRIES
    with pytest.raises(CardError, match="more than 2000 assets"):
        png.png_assets(cards.png(*assets))


def test_the_number_of_chunks_is_bounded() -> None:
    with pytest.raises(CardError, match="more than 20000 chunks"):
        png.read_png_card(cards.png(*[cards.chunk(b"tEXt", b"a\0")] * limits.PNG_CHUNKS))


def test_writing_replaces_the_cards_and_keeps_every_other_byte() -> None:
    other = [cards.text_chunk("Comment", b"hi"), cards.chunk(b"eXIf", b"\0" * 9), _ztxt(b"Note", b"x")]
    old = [cards.text_chunk("ChaRa", ADA), _itxt(b"ccv3", b"eHg=", packed=True)]
    image = cards.png(other[0], old[0], other[1], old[1], other[2], after=b"what follows")
    written = png.with_card(image, {"chara": ADA, "ccv3": BOB})
    new = [cards.text_chunk("chara", ADA), cards.text_chunk("ccv3", BOB)]
    assert written == cards.png(*other, *new, after=b"what follows")


def test_assets_in_chunks_are_read_by_path_and_kept() -> None:
    image = cards.png(cards.text_chunk("chara-ext-asset_:a/0.bin", b"\0\1"))
    assert png.png_assets(image) == {"a/0.bin": b"\0\1"}
    assert png.png_assets(png.with_card(image, {"chara": ADA})) == {"a/0.bin": b"\0\1"}
    with pytest.raises(CardError, match="leads out"):
        png.png_assets(cards.png(cards.text_chunk("chara-ext-asset_:../x", b"")))


def test_the_plain_image_is_a_whole_png_of_its_declared_size() -> None:
    image = plain_image()
    pixels = zlib.decompress(image[image.index(b"IDAT") + 4 : image.index(b"IEND") - 8])
    assert len(pixels) == 64 * (1 + 64 * 3)
    assert json.loads(png.read_png_card(png.with_card(image, {"chara": ADA}))[0]) == {"name": "Ada"}

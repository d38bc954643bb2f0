"""Bytes that nobody meant to send: whatever they are, reading ends, with a card or with a CardError."""

import json
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.cards.card_file import CardFile, read_card, write_card
from repartee.domain.cards.limits import CardError
from tests.cards import SIGNATURE, V3, text_chunk

ASSETS = {"module.risum": b"\0\1\2", "assets/icon/images/main.png": b"\x89PNG" * 9}
FILES = {
    kind: write_card(CardFile(V3, "charx", assets=ASSETS), kind) for kind in ("json", "yaml", "png", "charx")
}
CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from(["replace", "insert", "delete", "cut"]),
        st.binary(min_size=1, max_size=4)
        | st.sampled_from([b"\xff" * 4, b"\0" * 4, b"PK\x05\x06", b"[" * 90]),
    ),
    min_size=1,
    max_size=4,
)


def _changed(data: bytes, changes: list[tuple[float, str, bytes]]) -> bytes:
    for place, kind, value in changes:
        at = int(place * len(data))
        after = {"replace": at + len(value), "insert": at, "delete": at + 3 * len(value), "cut": len(data)}[
            kind
        ]
        data = data[:at] + (b"" if kind in {"delete", "cut"} else value) + data[after:]
    return data


def _read(data: bytes) -> None:
    refusal = None
    try:
        card = read_card(data)
        _ = card.character
    except CardError as error:
        refusal = error
    if refusal is None:
        assert read_card(write_card(card, "json")).raw == card.raw
    else:
        assert refusal.message.startswith(f"{refusal.field}: ")
        assert "\n" not in refusal.message


@pytest.mark.parametrize("kind", list(FILES))
@settings(max_examples=250, deadline=None)
@given(changes=CHANGES)
def test_changed_files(kind: str, changes: list[tuple[float, str, bytes]]) -> None:
    _read(_changed(FILES[kind], changes))


@settings(max_examples=150, deadline=None)
@given(changes=CHANGES)
def test_changed_cards_in_a_png_that_is_whole(changes: list[tuple[float, str, bytes]]) -> None:
    text = _changed(json.dumps(V3, ensure_ascii=False).encode(), changes)
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1, 1, 8, 0, 0, 0, 0)
    header += struct.pack(">I", zlib.crc32(header[4:]))
    _read(
        SIGNATURE + header + text_chunk("ccv3", text) + struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    )


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([b"", SIGNATURE, b"PK\x03\x04", b"\xff\xd8\xff", b"{", b"name: "]),
    st.binary(max_size=200),
)
def test_noise_behind_every_beginning(start: bytes, noise: bytes) -> None:
    _read(start + noise)


@pytest.mark.parametrize("kind", list(FILES))
def test_a_file_cut_anywhere(kind: str) -> None:
    data = FILES[kind]
    for length in range(0, len(data), 7):
        _read(data[:length])

"""Cards and their files for tests, made here: no card of anybody else."""

import base64
import io
import struct
import zipfile
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

V1 = {
    "name": "Ada",
    "description": "{{char}} mends clocks.",
    "personality": "patient",
    "scenario": "A workshop.",
    "first_mes": "Hello, {{user}}.",
    "mes_example": "<START>\n{{user}}: hi\n{{char}}: Hm.",
    "fav": True,
}
V2 = {
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "data": {
        **{field: value for field, value in V1.items() if field != "fav"},
        "creator_notes": "n",
        "system_prompt": "",
        "post_history_instructions": "",
        "alternate_greetings": ["Back again?"],
        "tags": ["clocks"],
        "creator": "tests",
        "character_version": "1.2",
        "extensions": {"depth_prompt": {"prompt": "p", "depth": 4}, "talkativeness": 0.5},
        "character_book": {"entries": [{"keys": ["clock"], "content": "It ticks."}]},
    },
}
V3 = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {
        **V2["data"],
        "group_only_greetings": [],
        "nickname": "Addie",
        "unknown_field": {"б": [1, 1.0, -0.0, 1e22, 10**25, None]},
    },
}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int = 1, height: int = 1) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


END = chunk(b"IEND", b"")


def png(*chunks: bytes, first: bytes | None = None, after: bytes = b"") -> bytes:
    """A PNG of one grey pixel with these chunks before its end."""
    pixel = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return SIGNATURE + (header() if first is None else first) + pixel + b"".join(chunks) + END + after


def text_chunk(keyword: str, value: bytes) -> bytes:
    return chunk(b"tEXt", keyword.encode() + b"\0" + base64.b64encode(value))


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return packed.getvalue()

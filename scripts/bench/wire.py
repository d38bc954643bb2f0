"""HTTP/1.1 as far as the benchmark's two ends need it, so that they cost next to nothing themselves.

Both ends are ours and well behaved: bodies have a length or are chunked, nothing is compressed or pipelined.
"""

from typing import Final

END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


def head_and_length(data: bytes | bytearray) -> tuple[int, int | None] | None:
    """Return where the body begins and its length (None where it is chunked); None for half a head."""
    end = data.find(END_OF_HEAD)
    if end < 0:
        return None
    head = bytes(data[:end]).lower()
    at = head.find(_LENGTH)
    if at < 0:
        return end + 4, None if b"chunked" in head else 0
    line_end = head.find(b"\r\n", at)
    return end + 4, int(head[at + len(_LENGTH) : line_end if line_end > 0 else end])


def response(body: bytes) -> bytes:
    """Return a whole answer of JSON."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


def request(path: str, body: bytes) -> bytes:
    """Return a whole POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)

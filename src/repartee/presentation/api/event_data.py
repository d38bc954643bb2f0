"""A document as the data of a server-sent event."""

from typing import Final

_LINE_ENDS: Final = tuple((end.encode(), b"\\u%04x" % ord(end)) for end in ("\x85", "\u2028", "\u2029"))


def event_data(document: bytes) -> bytes:
    """Return a JSON document without the characters that some readers take for the end of a line.

    The protocol knows CR and LF only, and JSON escapes those. But in a JavaScript pattern `.` stops at U+2028
    and U+2029 (SillyTavern reads its lines so), and Python's `str.splitlines` at U+0085 too.
    """
    for end, escaped in _LINE_ENDS:
        document = document.replace(end, escaped)
    return document

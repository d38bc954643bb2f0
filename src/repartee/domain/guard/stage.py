"""The links of the chain that a reply runs through, one character at a time.

A stage sees characters only, never the pieces they came in: this is why a stream and the whole text cannot
differ. It passes on what no later character can change and keeps the rest.
"""

from collections.abc import Iterable
from typing import Protocol


class Receiver(Protocol):
    """Whatever takes characters; `code` marks those of a code block, which no rule may touch."""

    def put(self, char: str, code: bool = False) -> None:
        """Take one character."""
        ...

    def put_words(self, words: str) -> None:
        """Take words in a row: the same as character by character, but quicker.

        They are letters and digits of European scripts. Between two of them stands a space, which a comma,
        colon or semicolon may come before, or a hyphen or apostrophe. One space may come before all of it.
        """
        ...


class Link:
    """Gives characters to the next link, and may end the reply (`done`)."""

    def __init__(self, following: Receiver) -> None:
        self._next = following
        self.done = False

    @property
    def is_clear(self) -> bool:
        """Whether it keeps nothing back but a space, so that words and spaces pass as they come."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is kept: the text ends here."""
        raise NotImplementedError

    def _pass_on(self, chars: Iterable[str], code: bool = False) -> None:
        for char in chars:
            self._next.put(char, code)


class Stage(Link):
    """A link with another one before it."""

    def put(self, char: str, code: bool = False) -> None:
        """Take one character. None comes after `done`, and none of code is ever changed."""
        raise NotImplementedError

    def put_words(self, words: str) -> None:
        """Take them one by one."""
        for char in words:
            self.put(char)


class Outlet:
    """The end of the chain: what may be shown, what of it was taken, and its prose without code blocks."""

    def __init__(self) -> None:
        self._fresh: list[str] = []
        self._prose: list[str] = []
        self.length = 0

    def put(self, char: str, code: bool = False) -> None:
        """Take one character that will never change."""
        self._fresh.append(char)
        self.length += 1
        if not code:
            self._prose.append(char)

    def put_words(self, words: str) -> None:
        """Take them at once."""
        self._fresh.append(words)
        self._prose.append(words)
        self.length += len(words)

    def take(self) -> str:
        """Return what came since the last call."""
        text = "".join(self._fresh)
        self._fresh.clear()
        return text

    @property
    def prose(self) -> str:
        """All of it but the code blocks."""
        return "".join(self._prose)

"""What becomes of lines when the dialogue goes on: C and U are spoken, h is hidden."""

import pytest

from repartee.domain.chat_files.lines import Line, Said, continued


def _line(code: str) -> Line:
    return Line("character" if code[0] == "C" else "user", code, hidden=code[0] == "h", kept={"old": code})


def _said(code: str) -> Said:
    return Said("character" if code[0] == "C" else "user", code)


@pytest.mark.parametrize(
    ("before", "messages", "after"),
    [
        ("C1 U1 h C2", "C1 U1 C2", "C1 U1 h C2"),
        ("C1 h", "C1 U1 C2", "C1 h U1+ C2+"),
        ("C1 U1 h C2 h", "C1 U1 C9", "C1 U1 h C9=C2 h"),
        ("C1 U1 C2", "C1 U1 C9 U2 C3", "C1 U1 C9=C2 U2+ C3+"),
        ("C1 U1 C2 U2", "C1 U9 C2 U2", "C1 U9=U1 C2 U2"),
        ("C1 U1 h C2 U2", "C1 U2", "C1 h U2"),
        ("C1 h U1", "U1", "h U1"),
        ("C1 U1 h", "C1 U8 C9", "C1 U8=U1 h C9+"),
        ("C1 h U1", "C1 C9 U1", "C1 h C9+ U1"),
        ("C1 U1", "C1 C9 U1", "C1 C9+ U1"),
        ("C1 U1 C2", "C1", "C1"),
        ("C1 h", "", "h"),
        ("C1 U1", "U8 C9", "U8+ C9+"),
        ("h", "U1", "h U1+"),
        ("", "U1", "U1+"),
    ],
)
def test_lines_stay_as_far_as_they_are_in_the_dialogue(before: str, messages: str, after: str) -> None:
    lines = continued(
        [_line(code) for code in before.split()],
        [_said(code) for code in messages.split()],
        lambda said: Line(said.role, said.text),
    )
    shown = [
        line.text
        + ("+" if line.kept is None else f"={line.kept['old']}" if line.kept["old"] != line.text else "")
        for line in lines
    ]
    assert shown == after.split()

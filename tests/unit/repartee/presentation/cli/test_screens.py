import pytest

from repartee.application.generate_reply import UsedFact
from repartee.presentation.cli.screens import PlainScreen, TerminalScreen

_TEA = UsedFact(id="f1", owner="user", text="Likes tea", score=0.4312)


def test_a_reply_stands_beside_the_name_with_its_facts_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    screen = TerminalScreen()
    screen.introduce("Ann", "Bo", "some/model")
    capsys.readouterr()
    screen.begin_reply("Ann")
    for piece in ("*no", "ds* Right you", " are, whatever you say."):
        screen.piece(piece)
    screen.end_reply([_TEA], "stopped")
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Ann › *nods* Right you are,",
        "      whatever you say.",
        "      · Likes tea (0.43)".ljust(30),
        "      · stopped".ljust(30),
        "",
    ]


def test_names_of_other_scripts_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    screen = TerminalScreen()
    screen.introduce("夜", "Maya", "some/model")
    assert screen.label_width == 4
    capsys.readouterr()
    screen.begin_reply("夜")
    screen.end_reply([], None)
    assert capsys.readouterr().out == "\n夜   › \n\n"


def test_what_a_model_writes_is_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    for screen in (TerminalScreen(), PlainScreen()):
        screen.introduce("\x1b[2J", "\x07", "\x1b]0;title\x07")
        screen.begin_reply("A")
        screen.piece("\x1b[2Jhi [bold]there[/bold] :smile:")
        screen.end_reply([UsedFact(id="f", owner="user", text="\x9b2J", score=1)], None)
        screen.problem("\x1b[2J")
        screen.result(["\x1b[2J[red]"])
    shown = capsys.readouterr()
    assert not {"\x1b", "\x07", "\x9b"} & set(shown.out + shown.err)
    assert "hi [bold]there[/bold] :smile:" in shown.out
    assert "[2J[red]" in shown.out


def test_a_pipe_gets_the_reply_and_everything_else_goes_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    screen = PlainScreen()
    screen.introduce("Ann", "Bo", "offline")
    screen.begin_reply("Ann")
    screen.piece("Right ")
    screen.piece("you are.")
    screen.end_reply([_TEA], None)
    assert not screen.failed
    screen.problem("no room now")
    assert screen.failed
    shown = capsys.readouterr()
    assert shown.out == "Right you are.\n"
    assert "not a language model" in shown.err
    assert shown.err.endswith("  · Likes tea (0.43)\nerror: no room now\n")

import io

from repartee_eval.runs.progress import shown_progress, status_line
from repartee_eval.runs.summary import EndpointState, Progress

HALF = Progress(
    total=1000,
    answered=390,
    kept=100,
    failed={"timeout": 8, "refused": 2},
    spent=1.25,
    calls=420,
    seconds=40.0,
    endpoints=(EndpointState("e", 12, 16, 0.0), EndpointState("f", 0, 4, 7.6)),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_line_says_all_that_one_wants_to_know() -> None:
    assert status_line(HALF) == (
        "500/1000 · 10.0/s · 0:00:50 left · $1.2500 · failed: refused 2, timeout 8"
        " · 12 of 16 in flight · 0 of 4 in flight · waiting 8 s as it asked"
    )


def test_elsewhere_than_on_a_terminal_there_is_a_line_every_few_seconds() -> None:
    now = 0.0
    stream = io.StringIO()
    with shown_progress(stream, lambda: now) as show:
        for tick in range(60):
            now = tick * 0.2
            show(HALF)
    assert stream.getvalue().count("\n") == 2
    assert "\x1b" not in stream.getvalue()


def test_on_a_terminal_it_is_a_bar() -> None:
    stream = Terminal()
    with shown_progress(stream) as show:
        show(HALF)
    assert "500/1000" in stream.getvalue()

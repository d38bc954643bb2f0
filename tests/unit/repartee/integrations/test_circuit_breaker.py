"""When calls to a dependency are refused: by example, and against a model that keeps every outcome."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from repartee.domain.errors import CircuitOpen
from repartee.integrations.circuit_breaker import BreakerRules, CircuitBreaker
from tests.fakes import FakeClock


def _breaker(clock: FakeClock, changes: list[str] | None = None) -> CircuitBreaker:
    seen = [] if changes is None else changes
    return CircuitBreaker("model", seen.append, clock=clock, chance=lambda: 0.5)


def _outcomes(breaker: CircuitBreaker, *, good: int = 0, bad: int = 0) -> None:
    for _ in range(good):
        breaker.succeeded(breaker.admit())
    for _ in range(bad):
        breaker.failed(breaker.admit())


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [(0, 19, "closed"), (0, 20, "open"), (10, 10, "open"), (11, 10, "closed"), (100, 99, "closed")],
)
def test_it_opens_at_half_of_at_least_twenty(good: int, bad: int, state: str) -> None:
    breaker = _breaker(FakeClock())
    _outcomes(breaker, good=good, bad=bad)
    assert breaker.state == state


def test_failures_that_are_older_than_the_window_count_no_longer() -> None:
    clock = FakeClock()
    breaker = _breaker(clock)
    _outcomes(breaker, bad=19)
    clock.now += 10.0
    _outcomes(breaker, bad=19)
    assert breaker.state == "closed"


def test_an_open_circuit_refuses_says_for_how_long_and_then_lets_one_through() -> None:
    clock, changes = FakeClock(), []
    breaker = _breaker(clock, changes)
    _outcomes(breaker, bad=20)
    with pytest.raises(CircuitOpen) as caught:
        breaker.admit()
    assert caught.value.retry_after == 5.5
    clock.now += 5.5
    probe = breaker.admit()
    for _ in range(50):
        with pytest.raises(CircuitOpen):
            breaker.admit()
    breaker.succeeded(probe)
    assert breaker.state == "closed"
    assert changes == ["open", "half_open", "closed"]


def test_a_failed_probe_opens_it_again_and_a_cancelled_one_leaves_its_place() -> None:
    clock = FakeClock()
    breaker = _breaker(clock)
    _outcomes(breaker, bad=20)
    clock.now += 5.5
    breaker.released(breaker.admit())
    breaker.failed(breaker.admit())
    assert breaker.state == "open"
    assert breaker.refusal() is not None


def test_cancelled_calls_never_open_it() -> None:
    breaker = _breaker(FakeClock())
    for _ in range(1_000):
        breaker.released(breaker.admit())
    assert breaker.state == "closed"


def test_calls_from_before_the_circuit_opened_decide_nothing_later() -> None:
    clock = FakeClock()
    breaker = _breaker(clock)
    early = [breaker.admit() for _ in range(3)]
    _outcomes(breaker, bad=20)
    clock.now += 5.5
    probe = breaker.admit()
    breaker.succeeded(early[0])
    breaker.failed(early[1])
    breaker.released(early[2])
    assert breaker.refusal() is not None
    breaker.succeeded(probe)
    assert breaker.state == "closed"


RULES = BreakerRules(least_calls=4, window_seconds=10.0, open_seconds=5.0, jitter_seconds=0.0)


class Circuit(RuleBasedStateMachine):
    """The breaker beside a model that keeps a list of all outcomes. Whole seconds, one bucket each."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.breaker = CircuitBreaker("d", lambda _: None, RULES, clock=self.clock)
        self.outcomes: list[tuple[float, bool]] = []
        self.open_until: float | None = None
        self.in_flight: list[tuple[int, int]] = []
        self.era = 0
        self.probing = False

    @initialize(start=st.integers(0, 10_000))
    def begin(self, start: int) -> None:
        self.clock.now = float(start)

    def _opened(self) -> None:
        self.open_until = self.clock.now + 5.0
        self.era += 1
        self.probing = False

    @rule(seconds=st.integers(0, 12))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def call(self) -> None:
        if self.open_until is None:
            self.in_flight.append((self.breaker.admit(), self.era))
        elif self.clock.now < self.open_until or self.probing:
            with pytest.raises(CircuitOpen):
                self.breaker.admit()
        else:
            self.probing = True
            self.in_flight.append((self.breaker.admit(), self.era))

    @precondition(lambda self: self.in_flight)
    @rule(place=st.integers(0, 100), outcome=st.sampled_from(["good", "bad", "bad", "cancelled"]))
    def end(self, place: int, outcome: str) -> None:
        ticket, era = self.in_flight.pop(place % len(self.in_flight))
        end = {"good": self.breaker.succeeded, "bad": self.breaker.failed, "cancelled": self.breaker.released}
        end[outcome](ticket)
        if era != self.era:
            return
        if self.open_until is not None:
            self._probed(outcome)
        elif outcome != "cancelled":
            self._counted(failed=outcome == "bad")

    def _probed(self, outcome: str) -> None:
        self.probing = False
        if outcome == "bad":
            self._opened()
        elif outcome == "good":
            self.open_until, self.outcomes = None, []
            self.era += 1

    def _counted(self, *, failed: bool) -> None:
        self.outcomes.append((self.clock.now, failed))
        recent = [bad for when, bad in self.outcomes if when > self.clock.now - 10]
        if len(recent) >= 4 and 2 * sum(recent) >= len(recent):
            self._opened()

    @invariant()
    def they_agree(self) -> None:
        expected = "closed"
        if self.open_until is not None:
            expected = "half_open" if self.clock.now >= self.open_until else "open"
        assert self.breaker.state == expected
        assert (self.breaker.refusal() is None) == (
            expected == "closed" or (expected == "half_open" and not self.probing)
        )


Circuit.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestCircuit = Circuit.TestCase

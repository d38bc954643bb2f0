"""A short soak, and the same with a service that leaks."""

from scripts.claims import simulated_judges, soak
from scripts.claims.overload import Found, Overloaded, Phase, breaches
from scripts.claims.simulated_judges import Counter, broken
from scripts.claims.soak import Length

SHORT = Length(seconds=1.0, settle=0.0)


def test_after_mixed_traffic_nothing_is_kept_and_a_service_that_leaks_is_caught() -> None:
    found = soak.run(SHORT, 7, control=False)
    assert (found["failures"], found["breaches"], found["tracebacks"]) == (0, [], [])
    assert found["n"] > 20
    told = " ".join(soak.run(SHORT, 7, control=True)["breaches"])
    assert "open files" in told
    assert "one per place" in told


def test_memory_that_grows_after_the_warm_up_is_a_breach() -> None:
    steady, growing = [200_000_000] * 100, [200_000_000 + 500_000 * number for number in range(100)]
    assert [_soaked(samples).growth[1] for samples in (steady, growing)] == [0, 36_000_000]
    assert soak.breaches(_soaked(steady)) == []
    assert soak.breaches(_soaked(growing)) == ["resident memory grew by 36.0 MB over 211.8 MB"]


def _soaked(samples: list[int]) -> soak.Found:
    held = soak.Holding(samples[0], 20, 3, 9)
    traffic = soak.Traffic("", "", None, soak.random.Random(1))  # type: ignore[arg-type]  # asks nobody
    return soak.Found(held, held, samples, traffic, 0.0, 0.0, Counter({200: soak.PLACES}), settled=True)


def _phase(goodput: float, late: int = 0) -> Phase:
    """Ten seconds with so many replies in each, and as many requests."""
    phase = Phase(10.0)
    phase.replied_at.extend(number / goodput for number in range(int(10 * goodput)))
    phase.replied_ms.extend([400.0] * int(10 * goodput))
    phase.statuses[200] += int(10 * goodput)
    phase.late.extend([1.0] * late)
    return phase


def _overloaded(*phases: tuple[int, Phase], capacity: float = 40.0) -> Found:
    full = _phase(capacity)
    overloaded = tuple(Overloaded(factor, full, one, full) for factor, one in phases)
    return Found(_phase(10), overloaded, _phase(20), by_places=40.0)


def test_goodput_is_judged_by_the_capacity_around_it_and_a_late_load_is_no_measurement() -> None:
    assert breaches(_overloaded((2, _phase(39)), (10, _phase(37)))) == []
    assert breaches(_overloaded((2, _phase(36)), (10, _phase(37)))) == ["x2: goodput is 90% of capacity"]
    assert breaches(_overloaded((2, _phase(39)), (10, _phase(30)))) == ["x10: goodput is 75% of capacity"]
    [told] = breaches(_overloaded((2, _phase(39)), (10, _phase(39, late=90))))
    assert told == "x10: not measured: 90 requests were sent late"
    busy = _overloaded((2, _phase(20)), (10, _phase(20)), capacity=20.0)
    assert breaches(busy) == ["not measured: the machine reaches 20 of 40 replies per second"]


def test_what_breaks_the_bounds_of_simulated_judges() -> None:
    assert not broken("better", Counter(ship=80), 100)
    assert broken("better", Counter(ship=79), 100)
    assert not broken("null", Counter(ship=11), 100)
    assert broken("null", Counter(ship=12), 100)
    assert set(simulated_judges.CONDITIONS) >= {"better", "null", "worse"}

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from repartee.domain.safety.notices import Intervals, Session, due

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_AGO = st.one_of(st.none(), st.integers(0, 12 * 3600).map(lambda seconds: timedelta(seconds=seconds)))
_BANDS = st.sampled_from(["adult", "minor", "unknown"])


def _time(ago: timedelta | None) -> datetime | None:
    return None if ago is None else NOW - ago


@given(_BANDS, _AGO, _AGO, st.booleans())
@example("adult", timedelta(hours=3), timedelta(hours=3), False)
@example("minor", timedelta(hours=1), timedelta(minutes=59, seconds=59), False)
def test_a_notice_is_due_exactly_at_a_sessions_start_and_after_three_hours_or_one(
    band, began, told, opening
) -> None:
    longest = timedelta(hours=1 if band == "minor" else 3)
    session = Session(band, "", _time(began), _time(told), opening)
    known = [ago for ago in (began, told) if ago is not None]
    over = bool(known) and min(known) >= longest
    starts = opening if not known else told is None or (began is not None and told > began)
    kinds = due(session, NOW, Intervals())
    assert ("ai_disclosure" in kinds) == (over or starts)
    assert ("break_reminder" in kinds) == over
    assert due(session, NOW, Intervals()) == kinds  # a retry gets the same


@given(_BANDS, st.integers(0, 10), st.lists(st.integers(60, 5400), min_size=1, max_size=40))
def test_a_client_that_keeps_the_times_is_told_at_the_start_and_never_goes_without_for_longer(
    band, failing, gaps
) -> None:
    longest, clock, began = timedelta(hours=1 if band == "minor" else 3), NOW, NOW
    told: datetime | None = None
    for number, gap in enumerate(gaps):
        kinds = due(Session(band, "", began, told), clock, Intervals())
        lost = number == failing  # the reply never arrived: the client asks again with the same times
        if kinds and not lost:
            told = clock
        assert lost or (told is not None and clock - told < longest)
        clock += timedelta(seconds=gap)

"""Win rates as bars in SVG, from 0 (A is always better) to 1 (B is). All lengths are shares of the width."""

from collections.abc import Iterator

from repartee_eval.analysis.results import WinRate


def bar(rate: WinRate, *, height: int = 30) -> str:
    """Return the bar: the interval, the rate in it, the line at 1/2 and the line of the margin."""
    label = f"win rate of B {_number(rate.win_rate_b)}"
    if rate.interval:
        label += f", interval {_number(rate.interval[0])} to {_number(rate.interval[1])}"
    return (
        f'<svg class="bar {standing(rate)}" height="{height}" role="img" aria-label="{label}">'
        f"{''.join(_parts(rate, height))}</svg>"
    )


def standing(rate: WinRate) -> str:
    """Return what the rate says: better, worse, as-good (within the margin), or open."""
    if rate.superior:
        return "better"
    if rate.inferior:
        return "worse"
    return "as-good" if rate.non_inferior else "open"


def _parts(rate: WinRate, height: int) -> Iterator[str]:
    least, middle = 0.5 - rate.margin, height / 2
    yield f'<rect class="track" x="0" width="100%" y="{middle - 4:g}" height="8" rx="4"/>'
    yield f'<rect class="below" x="0" width="{_share(least)}" y="{middle - 4:g}" height="8" rx="4"/>'
    if rate.interval:
        low, high = rate.interval
        yield (
            f'<rect class="interval" x="{_share(low)}" width="{_share(high - low)}" '
            f'y="{middle - 6:g}" height="12" rx="3"/>'
        )
    yield f'<line class="margin" x1="{_share(least)}" x2="{_share(least)}" y1="1" y2="{height - 1}"/>'
    yield f'<line class="half" x1="50%" x2="50%" y1="1" y2="{height - 1}"/>'
    if rate.win_rate_b is not None:
        yield f'<circle class="rate" cx="{_share(rate.win_rate_b)}" cy="{middle:g}" r="5"/>'


def _share(value: float) -> str:
    return f"{100 * min(1.0, max(0.0, value)):.2f}%"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"

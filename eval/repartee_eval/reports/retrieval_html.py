"""The retrieval report as one HTML file that loads nothing: tables, and charts in SVG."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from repartee_eval.reports.retrieval import RetrievalReport, conditions, notes, tables
from repartee_eval.reports.tables import Table
from repartee_eval.sweep import Curve, CurvePoint

_WIDTH, _HEIGHT = 460, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 10, 12, 40
_TICKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)

_LINES: Final = (("precision", "precision"), ("recall", "recall"), ("f1", "F1"), ("fpr", "FPR"))
"""Field of a point, and its name; the class of the line is the field."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
:root { color-scheme: light dark; --text: #1b1f24; --soft: #59636e; --line: #d1d9e0; --page: #fff;
  --precision: #0969da; --recall: #1a7f37; --f1: #8250df; --fpr: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --line: #3d444d;
  --page: #0d1117; --precision: #58a6ff; --recall: #3fb950; --f1: #bc8cff; --fpr: #ff7b72; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif;
  color: var(--text); background: var(--page); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; white-space: nowrap; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; flex: 1 1 26rem; }
figcaption, .note { color: var(--soft); } svg { width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; } .grid { stroke: var(--line); }
.mark { stroke: var(--soft); stroke-dasharray: 2 3; } polyline { fill: none; stroke-width: 2; }
.precision { stroke: var(--precision); } .recall { stroke: var(--recall); stroke-dasharray: 8 3; }
.f1 { stroke: var(--f1); stroke-dasharray: 2 2; } .fpr { stroke: var(--fpr); stroke-dasharray: 8 3 2 3; }
"""


def as_html(report: RetrievalReport) -> str:
    """Return the page. Text from outside is escaped, and the page may load or run nothing."""
    title = escape(f"Retrieval: {report.embedder.model}")
    facts = "".join(f"<li>{escape(line)}</li>" for line in conditions(report))
    given = () if report.threshold is None else (report.threshold,)
    charts = "".join(_figure(curve, given or curve.own) for curve in report.curves)
    remarks = "".join(f'<p class="note">{escape(note)}</p>' for note in notes(report))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n<ul>{facts}</ul>\n"
        f'<h2>Against the threshold</h2>\n<div class="charts">{charts}</div>\n'
        f"{''.join(map(_table, tables(report)))}{remarks}\n</body></html>\n"
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in table.header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>\n" for row in table.rows)
    return (
        f'<h2>{escape(table.title)}</h2>\n<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


# --- the chart ----------------------------------------------------------------------------------------


def _figure(curve: Curve, thresholds: Iterable[float]) -> str:
    name = escape(f"{curve.language}, {curve.split}")
    return (
        f'<figure><figcaption>{name}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="precision, recall, F1 and FPR against the threshold: {name}">'
        f"{''.join(_axes())}{''.join(map(_mark, thresholds))}"
        f"{''.join(_polylines(curve))}{''.join(_legend())}</svg></figure>\n"
    )


def _axes() -> Iterator[str]:
    for tick in _TICKS:
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_y(tick)}" y2="{_y(tick)}"/>'
        yield f'<text x="{_LEFT - 5}" y="{_y(tick) + 4}" text-anchor="end">{tick:g}</text>'
        yield f'<text x="{_x(tick)}" y="{_HEIGHT - _BOTTOM + 14}" text-anchor="middle">{tick:g}</text>'


def _mark(threshold: float) -> str:
    """Draw where the threshold in use stands; one outside the chart is left out."""
    if not 0 <= threshold <= 1:
        return ""
    x = _x(threshold)
    return (
        f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text x="{x + 4}" y="{_TOP + 9}">{threshold:g}</text>'
    )


def _polylines(curve: Curve) -> Iterator[str]:
    """Yield the four lines. Precision ends where nothing is selected any more: it is undefined from there."""
    for field, _ in _LINES:
        points = [
            (point.threshold, value) for point in curve.points if (value := _value(point, field)) is not None
        ]
        path = " ".join(f"{_x(threshold)},{_y(value)}" for threshold, value in points)
        yield f'<polyline class="{field}" points="{path}"/>'


def _value(point: CurvePoint, field: str) -> float | None:
    value: float | None = getattr(point, field)
    return value


def _legend() -> Iterator[str]:
    for number, (field, name) in enumerate(_LINES):
        x, y = _LEFT + number * 100, _HEIGHT - 8
        yield f'<polyline class="{field}" points="{x},{y - 4} {x + 24},{y - 4}"/>'
        yield f'<text x="{x + 29}" y="{y}">{name}</text>'


def _x(threshold: float) -> float:
    return round(_LEFT + threshold * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(value: float) -> float:
    return round(_TOP + (1 - value) * (_HEIGHT - _TOP - _BOTTOM), 1)

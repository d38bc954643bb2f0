"""`repartee-eval plan`."""

import click

from repartee_eval import planning
from repartee_eval.cli.analyze import show
from repartee_eval.planning import Calls, Price
from repartee_eval.reports import plan as report
from repartee_eval.statistics.sample_size import Design

_share = click.FloatRange(0, 1, min_open=True, max_open=True)
_number = click.IntRange(1)
_price = click.FloatRange(0)


@click.command()
@click.option(
    "--win-rate",
    "win_rates",
    type=_share,
    multiple=True,
    help="A win rate to be able to show; repeatable. Default: 0.55, 0.6 and 0.65.",
)
@click.option(
    "--margin", type=click.FloatRange(0, 0.5, min_open=True, max_open=True), default=0.05, show_default=True
)
@click.option("--tie-share", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True)
@click.option("--alpha", type=_share, default=0.05, show_default=True, help="Two-sided.")
@click.option("--power", type=_share, default=0.8, show_default=True)
@click.option("--criteria", type=_number, default=1, show_default=True)
@click.option(
    "--cluster-size", type=click.FloatRange(1), default=1.0, show_default=True, help="Items per dialogue."
)
@click.option(
    "--icc",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="How alike items of a dialogue are.",
)
@click.option("--items", type=_number, help="Say what this number of items can show.")
@click.option("--orders", type=click.IntRange(1, 2), default=2, show_default=True)
@click.option("--replicates", type=_number, default=1, show_default=True)
@click.option("--judges", type=_number, default=1, show_default=True)
@click.option("--tokens-in", type=click.IntRange(0), default=2_500, show_default=True, help="Of one call.")
@click.option("--tokens-out", type=click.IntRange(0), default=150, show_default=True, help="Of one call.")
@click.option("--model", help="The judge: its list price is looked up offline.")
@click.option("--price-in", type=_price, help="US dollars per million tokens; before the list price.")
@click.option("--price-out", type=_price, help="US dollars per million tokens; before the list price.")
@click.option("--json", "in_json", is_flag=True, help="Print JSON instead of a table.")
def plan(
    win_rates: tuple[float, ...],
    margin: float,
    tie_share: float,
    alpha: float,
    power: float,
    criteria: int,
    cluster_size: float,
    icc: float,
    items: int | None,
    orders: int,
    replicates: int,
    judges: int,
    tokens_in: int,
    tokens_out: int,
    model: str | None,
    price_in: float | None,
    price_out: float | None,
    in_json: bool,
) -> None:
    """Compute how many cases and how much money it takes to see an effect (docs/statistics.md)."""
    design = Design(tie_share, alpha, power, criteria, cluster_size, icc)
    price = _priced(model, price_in, price_out)
    calls = Calls(tokens_in, tokens_out, orders, replicates, judges, price)
    found = planning.plan(win_rates or (0.55, 0.6, 0.65), margin, design, calls, items)
    if in_json:
        click.echo(report.as_json(found), nl=False)
        return
    show(report.summary(found), [report.table(found)])


def _priced(model: str | None, price_in: float | None, price_out: float | None) -> Price | None:
    if price_in is not None and price_out is not None:
        return Price(price_in, price_out, "the options")
    if model is not None and price_in is None and price_out is None:
        return planning.library_price(model)
    if (price_in is None) != (price_out is None):
        raise click.UsageError("--price-in and --price-out belong together")
    return None

"""A plan on the screen, and as JSON."""

import json
from dataclasses import asdict

from repartee_eval.planning import Calls, Plan
from repartee_eval.reports.tables import Table


def as_json(found: Plan) -> str:
    """Return the plan as JSON."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def table(found: Plan) -> Table:
    """Return one row per aim."""
    header = ("to show", "items", "if independent", "clusters", "calls", "cost")
    rows = tuple(
        (
            one.aim,
            str(one.size.items),
            str(one.size.independent),
            str(one.size.clusters),
            str(one.calls),
            money(one.cost),
        )
        for one in found.aims
    )
    return Table("Cases needed", header, rows)


def summary(found: Plan) -> list[str]:
    """Return the assumptions, and what the given number of items can see."""
    design, calls = found.design, found.calls
    lines = [
        (
            f"Two-sided {design.alpha:g}, power {design.power:g}, tie share {design.tie_share:g}, "
            f"criteria {design.criteria} (Holm's strictest step), "
            f"design effect {design.effect:.3g} ({design.cluster_size:g} items a cluster, ICC {design.icc:g})"
        ),
        (
            f"Calls: {calls.orders} orders x {calls.replicates} replicates x {calls.judges} judges "
            f"x {design.criteria} criteria, {calls.tokens_in} + {calls.tokens_out} tokens each; "
            f"{_price(calls)}"
        ),
    ]
    if found.items:
        least = found.detectable_win_rate
        seen = "no win rate at all" if least is None else f"a win rate of {least:.1%} or more"
        lines.append(f"{found.items} items show {seen}: {found.items_calls} calls, {money(found.items_cost)}")
    return lines


def money(cost: float | None) -> str:
    """Return US dollars as text."""
    return "–" if cost is None else f"${cost:,.2f}"


def _price(calls: Calls) -> str:
    price = calls.price
    if price is None:
        return "no price: give --model, or --price-in and --price-out"
    return f"${price.per_million_in:g} and ${price.per_million_out:g} a million tokens, from {price.source}"

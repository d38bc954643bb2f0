"""How many cases a comparison needs, what it then can see, and what the judge's calls cost."""

from dataclasses import dataclass

from genai_prices import Usage, calc_price

from repartee_eval.errors import EvalError
from repartee_eval.statistics.sample_size import (
    Design,
    SampleSize,
    detectable_effect,
    non_inferiority_size,
    superiority_size,
)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, and where the numbers are from."""

    per_million_in: float
    per_million_out: float
    source: str


@dataclass(frozen=True, slots=True)
class Calls:
    """What one item costs: tokens of one call, orders, repeats and judges. Criteria are of the design."""

    tokens_in: int = 2_500
    tokens_out: int = 150
    orders: int = 2
    replicates: int = 1
    judges: int = 1
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class PlannedSize:
    """One aim with what it takes. `cost` is in US dollars, None where no price is known."""

    aim: str
    size: SampleSize
    calls: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan: the aims, and what a given number of items can see."""

    design: Design
    calls: Calls
    aims: tuple[PlannedSize, ...]
    items: int | None
    detectable_win_rate: float | None
    """Least win rate above 1/2 that `items` show, with the design's power."""
    items_calls: int | None
    items_cost: float | None


def plan(
    win_rates: tuple[float, ...], margin: float, design: Design, calls: Calls, items: int | None = None
) -> Plan:
    """Return the plan for these win rates and this margin. Raises EvalError for what no number can show."""
    try:
        aims = [
            *(
                _aim(f"win rate {rate:.1%}", superiority_size(rate, design), design, calls)
                for rate in win_rates
            ),
            _aim(f"not worse by {margin:.1%}", non_inferiority_size(margin, design), design, calls),
        ]
    except ValueError as error:
        raise EvalError(str(error)) from error
    given = _calls(items, design, calls) if items else None
    return Plan(
        design,
        calls,
        tuple(aims),
        items,
        detectable_effect(items, design) if items else None,
        given,
        _cost(given, calls) if given is not None else None,
    )


def library_price(model: str) -> Price:
    """Return the list price of a model. Raises EvalError where the library does not know it."""
    try:
        found = calc_price(Usage(input_tokens=1_000_000, output_tokens=1_000_000), model_ref=model)
    except LookupError as error:
        raise EvalError(f"no price is known for {model}: give --price-in and --price-out") from error
    return Price(float(found.input_price), float(found.output_price), f"genai-prices: {found.model.id}")


def _aim(name: str, size: SampleSize, design: Design, calls: Calls) -> PlannedSize:
    count = _calls(size.items, design, calls)
    return PlannedSize(name, size, count, _cost(count, calls))


def _calls(items: int, design: Design, calls: Calls) -> int:
    return items * design.criteria * calls.orders * calls.replicates * calls.judges


def _cost(count: int, calls: Calls) -> float | None:
    price = calls.price
    if price is None:
        return None
    each = calls.tokens_in * price.per_million_in + calls.tokens_out * price.per_million_out
    return count * each / 1_000_000

import pytest

from repartee_eval.errors import EvalError
from repartee_eval.planning import Calls, Price, library_price, plan
from repartee_eval.statistics.sample_size import Design


def test_counts_every_call_and_its_money():
    calls = Calls(2_000, 100, orders=2, replicates=1, judges=3, price=Price(1.0, 10.0, "the options"))
    found = plan((0.6,), 0.05, Design(criteria=1), calls, items=100)
    assert [one.size.items for one in found.aims] == [194, 615]
    assert found.aims[0].calls == 194 * 2 * 3
    assert found.aims[0].cost == pytest.approx(194 * 6 * (2_000 * 1 + 100 * 10) / 1e6)
    assert found.items_cost == pytest.approx(100 * 6 * 0.003)
    assert found.detectable_win_rate == pytest.approx(0.6385, abs=1e-3)


def test_criteria_multiply_the_calls():
    one = plan((0.6,), 0.05, Design(), Calls()).aims[1]
    three = plan((0.6,), 0.05, Design(criteria=3), Calls()).aims[1]
    assert (three.calls, three.cost) == (3 * one.calls, None)


def test_prices_come_from_the_library():
    price = library_price("gpt-4o")
    assert (price.per_million_in, price.per_million_out) == (2.5, 10.0)
    with pytest.raises(EvalError, match="--price-in and --price-out"):
        library_price("no-such-model-77")


def test_what_no_number_shows_is_said():
    with pytest.raises(EvalError, match="tie share"):
        plan((0.9,), 0.05, Design(tie_share=0.5), Calls())

from pathlib import Path

import pytest
from genai_prices import UpdatePrices

from repartee_eval.errors import EvalError
from repartee_eval.prices import Price, Prices, load_prices, prices_from


def test_a_listed_price_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(self: object, *_: object, **__: object) -> None:
        raise AssertionError("the price list is never fetched")

    monkeypatch.setattr(UpdatePrices, "start", started)
    price = Prices().of("gpt-4o-mini", "https://api.openai.com/v1")
    assert price == Price(0.15, 0.6)
    assert price.cost(1_000_000, 1_000_000) == pytest.approx(0.75)


def test_a_price_by_length_is_exact_for_a_call_and_the_dearest_in_advance() -> None:
    price = Prices().of("gemini-2.5-pro")
    assert price
    assert price.cost(1_000, 0) < price.worst(1_000, 0)
    assert price.cost(400_000, 1_000) <= price.worst(400_000, 1_000)


def test_a_server_that_nobody_lists_has_no_known_price() -> None:
    assert Prices().of("gpt-4o-mini", "http://127.0.0.1:8000/v1") is None
    assert Prices().of("my-own-model") is None


def test_the_users_price_goes_first(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("gpt-4o-mini: {prompt: 1, completion: 2}\n")
    assert load_prices(file).of("gpt-4o-mini", "https://api.openai.com/v1") == Price(1.0, 2.0)


@pytest.mark.parametrize(
    "given",
    [
        {"m": 3},
        {"m": {"prompt": 1}},
        {"m": {"prompt": 1, "completion": -1}},
        {"m": {"prompt": True, "completion": 1}},
    ],
)
def test_a_price_that_is_none_is_named(given: dict[str, object]) -> None:
    with pytest.raises(EvalError, match="the price of m"):
        prices_from(given)


def test_a_file_that_is_no_mapping_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("- 1\n")
    with pytest.raises(EvalError, match="must map model names"):
        load_prices(tmp_path / "p.yaml")

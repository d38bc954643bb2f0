"""What a call costs: by the user's prices, else by the list of genai-prices as installed, never fetched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from genai_prices import Usage, calc_price
from genai_prices.types import PriceCalculation

from repartee_eval.errors import EvalError

_PROBES = (1_000, 100_000, 500_000, 5_000_000)
"""Prompt sizes at which a tiered price is looked up; the dearest counts."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, of the prompt and of the answer, at the dearest length of the prompt."""

    prompt: float
    completion: float
    exact: Callable[[int, int], float] | None = field(default=None, compare=False, repr=False)
    """Dollars of a call by its tokens, where the price depends on the length of the prompt."""

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the US dollars of one call."""
        if self.exact is not None:
            return self.exact(prompt_tokens, completion_tokens)
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / 1e6

    def worst(self, prompt_bytes: int, max_tokens: int) -> float:
        """Return the most that a call can cost: a token is one byte at least."""
        return (self.prompt * prompt_bytes + self.completion * max_tokens) / 1e6


class Prices:
    """Prices by model name; the user's go before the list's."""

    def __init__(self, own: Mapping[str, Price] | None = None) -> None:
        self._own = dict(own or {})
        self._known: dict[tuple[str, str | None], Price | None] = {}

    def of(self, model: str, base_url: str | None = None) -> Price | None:
        """Return the model's price at the provider with this address; None where nobody knows it.

        Without an address it is the price at the likeliest provider. A server that the list does not name has
        no known price, whatever model it says that it runs.
        """
        if model in self._own:
            return self._own[model]
        if (model, base_url) not in self._known:
            self._known[model, base_url] = _listed(model, base_url)
        return self._known[model, base_url]


def prices_from(given: Mapping[str, Any]) -> Prices:
    """Return prices from `{model: {prompt: dollars, completion: dollars}}` per million. Raises EvalError."""
    return Prices({model: _price(model, value) for model, value in given.items()})


def load_prices(path: Path) -> Prices:
    """Read prices from a YAML file of that shape. Raises EvalError."""
    try:
        given = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EvalError(f"{path} is not a readable YAML file: {type(error).__name__}") from None
    if not isinstance(given, dict):
        raise EvalError(f"{path} must map model names to prices: 'model: {{prompt: 0.15, completion: 0.6}}'")
    return prices_from(given)


def _price(model: str, value: Any) -> Price:
    if not isinstance(value, dict) or set(value) != {"prompt", "completion"}:
        raise EvalError(f"the price of {model} must have exactly: prompt, completion")
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < 1e6:
            raise EvalError(f"the price of {model}: {name} must be dollars per million tokens, 0 or more")
    return Price(float(value["prompt"]), float(value["completion"]))


def _listed(model: str, base_url: str | None) -> Price | None:
    try:
        found = [_calculated(model, base_url, size, 1_000) for size in _PROBES]
    except LookupError:  # how the library says that it knows none
        return None
    by_prompt = [price.input_price / size for price, size in zip(found, _PROBES, strict=True)]
    by_completion = [price.output_price / 1_000 for price in found]
    tiered = len(set(by_prompt)) > 1 or len(set(by_completion)) > 1
    return Price(
        float(max(by_prompt) * 1_000_000),
        float(max(by_completion) * 1_000_000),
        (lambda prompt, done: float(_calculated(model, base_url, prompt, done).total_price))
        if tiered
        else None,
    )


def _calculated(model: str, base_url: str | None, prompt: int, completion: int) -> PriceCalculation:
    return calc_price(Usage(input_tokens=prompt, output_tokens=completion), model, provider_api_url=base_url)

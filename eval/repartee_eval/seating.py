"""Judges as a person names them, opened with their server, their price and their prompts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from repartee.domain.errors import ConfigurationError
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import OFFLINE, Judge, Mode, offline_judge
from repartee_eval.panel import Seat
from repartee_eval.prices import Price, Prices
from repartee_eval.runs.chat_endpoint import ChatEndpoint
from repartee_eval.settings import JudgeSettings


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """How judges are asked. `names`: none means the configured judge, else the offline baseline."""

    names: tuple[str, ...] = ()
    mode: Mode = "direct"
    joint: bool = False
    not_applicable: bool = False
    seed: int = 0
    prompts: Path | None = None


@asynccontextmanager
async def open_seats(
    options: JudgeOptions, settings: JudgeSettings, prices: Prices
) -> AsyncIterator[tuple[Seat, ...]]:
    """Open every judge, the first of which also does the floor checks; close them at the end.

    A name is `offline`, a model at the configured server, or `http://host/v1#MODEL`.
    Raises ConfigurationError.
    """
    prompts = JudgePrompts(options.prompts)
    async with AsyncExitStack() as stack:
        seats = []
        for name in options.names or (_configured(settings),):
            seat = _seat(name, options, settings, prices, prompts)
            if seat.chat is not None:
                await stack.enter_async_context(seat.chat)
            seats.append(seat)
        _require_distinct(seats)
        yield tuple(seats)


def _configured(settings: JudgeSettings) -> str:
    return "offline" if settings.is_offline else settings.model or ""


def _seat(
    name: str, options: JudgeOptions, settings: JudgeSettings, prices: Prices, prompts: JudgePrompts
) -> Seat:
    if name in {"offline", OFFLINE}:
        return Seat(offline_judge(), prompts)
    address, model = _address(name, settings)
    judge = Judge(
        model=model,
        mode=options.mode,
        joint=options.joint,
        address=address,
        structured=settings.structured,
        logprobs=settings.logprobs,
        not_applicable=options.not_applicable,
        seed=options.seed,
    )
    key = settings.api_key if address == settings.address else None
    chat = ChatEndpoint(
        address,
        model,
        api_key=key.get_secret_value() if key else None,
        price=_price(model, address, settings, prices),
        timeout=settings.attempt_seconds,
    )
    return Seat(judge, prompts, chat)


def _address(name: str, settings: JudgeSettings) -> tuple[str, str]:
    if name.startswith(("http://", "https://")):
        address, _, model = name.partition("#")
        if not model:
            raise ConfigurationError(f"{address}: name the model too, as {address}#MODEL")
        return address, model
    if settings.is_offline:
        raise ConfigurationError(
            f"judge {name}: set REPARTEE_JUDGE__API_KEY or REPARTEE_JUDGE__BASE_URL, or give http://…/v1#{name}"
        )
    return settings.address, name


def _price(model: str, address: str, settings: JudgeSettings, prices: Prices) -> Price | None:
    if settings.price_in is not None and settings.price_out is not None and model == settings.model:
        return Price(settings.price_in, settings.price_out)
    return prices.of(model, address)


def _require_distinct(seats: Sequence[Seat]) -> None:
    names = [seat.judge.name for seat in seats]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigurationError(f"judge {twice} is there twice: rows of the two could not be told apart")

"""Judges as a person names them, and the settings that they come from."""

from pathlib import Path

import pytest

from repartee.domain.errors import ConfigurationError
from repartee_eval.panel import Seat
from repartee_eval.prices import Prices
from repartee_eval.seating import JudgeOptions, open_seats
from repartee_eval.settings import JudgeSettings, load_judge_settings

pytestmark = pytest.mark.usefixtures("here")


async def _seats(*names: str, settings: JudgeSettings | None = None) -> tuple[Seat, ...]:
    options = JudgeOptions(names, mode="reasoned")
    async with open_seats(options, settings or load_judge_settings(), Prices()) as seats:
        return seats


async def test_without_a_key_the_offline_baseline_judges():
    (seat,) = await _seats()
    assert (seat.judge.name, seat.judge.is_language_model, seat.chat) == ("offline-baseline", False, None)


async def test_a_configured_model_judges_at_openrouter(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REPARTEE_JUDGE__API_KEY", "sk-1")
    monkeypatch.setenv("REPARTEE_JUDGE__MODEL", "openai/gpt-5-mini")
    (seat,) = await _seats()
    assert seat.judge.name == "openai/gpt-5-mini@reasoned"
    assert seat.chat is not None
    assert seat.chat.name == "https://openrouter.ai/api/v1 openai/gpt-5-mini"
    assert seat.chat.price is not None  # of the price list
    assert "sk-1" not in repr(seat.section({}))


async def test_the_key_goes_to_the_configured_server_only(monkeypatch: pytest.MonkeyPatch):
    settings = JudgeSettings(model="m", api_key="sk-1", base_url="http://127.0.0.1:1/v1")
    own, other = await _seats("m", "http://127.0.0.1:2/v1#n", settings=settings)
    assert own.chat is not None
    assert other.chat is not None
    assert "authorization" in own.chat._headers  # what is sent is tested in test_chat_endpoint
    assert "authorization" not in other.chat._headers


async def test_own_prices_count_for_the_configured_model():
    settings = JudgeSettings(model="m", base_url="http://127.0.0.1:1/v1", price_in=2, price_out=4)
    (seat,) = await _seats(settings=settings)
    assert seat.chat is not None
    assert seat.chat.price is not None
    assert seat.chat.price.cost(1_000_000, 1_000_000) == pytest.approx(6)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("http://127.0.0.1:1/v1",), "#MODEL"),
        (("openai/gpt-5-mini",), "REPARTEE_JUDGE__API_KEY"),
        (("offline", "offline-baseline"), "is there twice"),
    ],
)
async def test_mistakes_name_the_fix(names: tuple[str, ...], told: str):
    with pytest.raises(ConfigurationError, match=told):
        await _seats(*names)


def test_settings_come_from_a_file_and_name_what_is_missing(here: Path):
    (here / ".env").write_text("REPARTEE_JUDGE__API_KEY=sk-1\n")
    with pytest.raises(ConfigurationError, match="REPARTEE_JUDGE__MODEL"):
        load_judge_settings()
    (here / ".env").write_text("REPARTEE_JUDGE__API_KEY=\nREPARTEE_JUDGE__MODEL=m\n")
    assert load_judge_settings().is_offline  # an empty key is none


def test_a_bad_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REPARTEE_JUDGE__BASE_URL", "secret")
    with pytest.raises(ConfigurationError) as raised:
        load_judge_settings()
    assert raised.value.message.startswith("REPARTEE_JUDGE__BASE_URL: ")
    assert "secret" not in raised.value.message

import aiohttp
import pytest

from repartee.domain.errors import ConfigurationError, RateLimited
from repartee.presentation.api.key_rates import KeyRates
from tests.serving import fake_api, served


@pytest.mark.parametrize("text", ["often", "5/fortnight", "x/minute", ";"])
def test_a_rate_that_cannot_be_read_names_the_setting(text: str) -> None:
    with pytest.raises(ConfigurationError, match="REPARTEE_API__KEY_RATE"):
        KeyRates.of(text)


async def test_each_key_has_an_allowance_of_its_own() -> None:
    rates = KeyRates.of("2/minute; 100/hour")
    for key in ("a", "b"):
        assert dict(await rates.spend(key))[b"ratelimit-policy"] in {b'"key";q=2;w=60', b'"key";q=100;w=3600'}
        await rates.spend(key)
        with pytest.raises(RateLimited) as caught:
            await rates.spend(key)
        assert 1 <= caught.value.retry_after <= 60


async def test_a_key_that_asks_too_often_gets_429_on_both_doors_and_others_do_not() -> None:
    api = fake_api(keys=("a", "b"), rates=KeyRates.of("2/minute"))
    async with served(api) as url, aiohttp.ClientSession(url) as session:

        async def ask(path: str, key: str) -> tuple[int, dict, dict]:
            async with session.get(path, headers={"x-api-key": key}) as response:
                fields = {name.lower(): text for name, text in response.headers.items()}
                return response.status, await response.json(content_type=None), fields

        status, _, headers = await ask("/characters", "a")
        assert (status, headers["ratelimit-policy"]) == (200, '"key";q=2;w=60')
        assert headers["ratelimit"].startswith('"key";r=1;t=')
        assert (await ask("/characters", "a"))[0] == 200
        status, problem, headers = await ask("/characters", "a")
        assert (status, problem["code"]) == (429, "rate_limited")
        assert 1 <= int(headers["retry-after"]) <= 60
        assert headers["ratelimit"].startswith('"key";r=0;')
        status, problem, headers = await ask("/v1/models", "a")
        assert (status, problem["error"]["type"]) == (429, "rate_limit_error")
        assert "retry-after" in headers
        assert (await ask("/characters", "b"))[0] == 200
        assert (await ask("/healthz", "a"))[0] == 200
        assert 'repartee_shed_total{reason="rate_limit"} 2.0' in await (await session.get("/metrics")).text()


async def test_a_wrong_key_spends_nothing() -> None:
    api = fake_api(keys=("a",), rates=KeyRates.of("1/minute"))
    async with served(api) as url, aiohttp.ClientSession(url) as session:
        for _ in range(3):
            assert (await session.get("/characters", headers={"x-api-key": "wrong"})).status == 401
        assert (await session.get("/characters", headers={"x-api-key": "a"})).status == 200

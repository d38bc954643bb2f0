import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.client_bodies import CLIENTS
from tests.processes import Service, call, loopback_upstream, service

KEY, ANNS_KEY = "door-key-1", "anns-key-1"
SAYS: Any = [{"role": "user", "content": "my cat knocked the vase over again"}]
CAT = "Has a tabby cat named Pickle"


class Setup:
    """A service before an upstream on loopback."""

    def __init__(self, running: Service, upstream: str) -> None:
        self.service, self.upstream = running, upstream

    def client(self, key: str = KEY) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.service.url}/v1", api_key=key, max_retries=0)

    def asked(self) -> list[dict[str, Any]]:
        """Return the upstream's chat requests."""
        requests = call("GET", f"{self.upstream}/loopback/requests").body["requests"]
        return [request for request in requests if request["endpoint"] == "chat"]

    def script(self, *faults: str) -> None:
        call("POST", f"{self.upstream}/loopback/script", {"endpoint": "chat", "faults": faults})


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    settings = {
        "REPARTEE_LLM__MODEL": "loopback-model",
        "REPARTEE_LLM__ALLOWED_MODELS": "other/model",
        "REPARTEE_API__KEYS": KEY,
        "REPARTEE_API__USER_KEYS": f"{ANNS_KEY}=ann",
    }
    with (
        loopback_upstream() as upstream,
        service(
            tmp_path_factory.mktemp("door") / "var", REPARTEE_LLM__BASE_URL=f"{upstream}/v1", **settings
        ) as running,
    ):
        facts = {"facts": [{"text": CAT}]}
        assert running.post("/users/ann/facts", facts, authorization=f"Bearer {KEY}").status == 200
        yield Setup(running, upstream)


def test_models_and_characters_are_listed(setup: Setup) -> None:
    with setup.client() as client:
        ids = [model.id for model in client.models.list()]
    assert ids[:2] == ["loopback-model", "other/model"]
    assert "blaze" in ids


@pytest.mark.parametrize("model", ["loopback-model", "other/model", "blaze"])
def test_a_users_key_alone_brings_the_users_fact(setup: Setup, model: str) -> None:
    with setup.client(ANNS_KEY) as client:
        answer = client.chat.completions.create(model=model, messages=SAYS)
    extra = (answer.model_extra or {})["repartee"]
    assert [fact["text"] for fact in extra["facts"]] == [CAT]
    sent = setup.asked()[-1]["body"]
    assert sent["model"] == ("other/model" if model == "other/model" else "loopback-model")
    assert CAT in json.dumps(sent["messages"])


@pytest.mark.parametrize("client", CLIENTS)
def test_without_a_user_the_upstream_gets_the_clients_messages_byte_for_byte(
    setup: Setup, client: str
) -> None:
    body = CLIENTS[client]("loopback-model")
    answer = setup.service.post("/v1/chat/completions", body, authorization=f"Bearer {KEY}")
    assert answer.status == 200
    expected = [
        message | {"content": SAYS[0]["content"].removesuffix(" again")}
        if isinstance(message["content"], list)
        else message
        for message in body["messages"]
    ]
    assert setup.asked()[-1]["body"]["messages"] == expected


def test_a_stream_and_several_choices(setup: Setup) -> None:
    with setup.client(ANNS_KEY) as client:
        before = len(setup.asked())
        several = client.chat.completions.create(model="blaze", messages=SAYS, n=3)
        assert len(several.choices) == len(setup.asked()) - before == 3
        chunks = list(client.chat.completions.create(model="loopback-model", messages=SAYS, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert SAYS[0]["content"] in text
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_the_asynchronous_client_streams_too(setup: Setup) -> None:
    async with openai.AsyncOpenAI(base_url=f"{setup.service.url}/v1", api_key=ANNS_KEY) as client:
        chunks = await client.chat.completions.create(model="blaze", messages=SAYS, stream=True)
        finished = [chunk.choices[0].finish_reason async for chunk in chunks]
    assert finished[-1] == "stop"


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        (["status=429,1", "status=429,1"], openai.RateLimitError),
        (["status=500", "status=500"], openai.InternalServerError),
        (["status=401"], openai.InternalServerError),
        (["stream-error"], openai.APIError),
    ],
)
def test_a_failing_upstream_is_an_error_that_the_client_knows(setup: Setup, faults: list[str], error) -> None:
    setup.script(*faults)
    with setup.client() as client, pytest.raises(error):
        list(client.chat.completions.create(model="loopback-model", messages=SAYS, stream=True))


def test_wrong_keys_models_and_users_are_errors_that_the_client_knows(setup: Setup) -> None:
    with setup.client("nobody") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
    with setup.client() as client, pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-99", messages=SAYS)
    assert missing.value.code == "model_not_found"
    with setup.client(ANNS_KEY) as client, pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(model="blaze", messages=SAYS, user="bob")
    with setup.client() as client, pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="blaze", messages=SAYS, n=9)
    assert bad.value.param == "n"


def test_a_client_that_leaves_ends_the_call_to_the_upstream(setup: Setup) -> None:
    setup.script("stream-hang")
    with setup.client() as client:
        chunks = client.chat.completions.create(model="loopback-model", messages=SAYS, stream=True)
        next(iter(chunks))
        assert setup.asked()[-1]["disconnected_at"] is None
        chunks.close()
    for _ in range(100):
        if setup.asked()[-1]["disconnected_at"]:
            break
        time.sleep(0.05)
    assert setup.asked()[-1]["disconnected_at"]


def test_no_word_of_a_user_and_no_key_reaches_the_logs(tmp_path: Path) -> None:
    canary = "canary-52be"
    with service(
        tmp_path / "var",
        REPARTEE_API__USER_KEYS=f"{canary}-key=ann",
        REPARTEE_LOG__LEVEL="debug",
    ) as running:
        key = {"authorization": f"Bearer {canary}-key"}
        body = {"model": "blaze", "messages": [{"role": "user", "content": canary, "name": canary}]}
        answers = [
            running.post("/v1/chat/completions", body | changed, **key)
            for changed in ({}, {"stream": True}, {"model": canary}, {"user": canary}, {"n": canary})
        ]
        assert [answer.status for answer in answers] == [200, 200, 404, 403, 400]
        assert canary not in json.dumps([answer.body for answer in answers[2:]])
        running.stop()
        assert canary not in running.output()

import json

import aiohttp
import pytest

from tests.fakes import FakeChatModel, FakeEventLog
from tests.serving import fake_api, served

ANNS = {"authorization": "Bearer anns-key"}
ALL = {"authorization": "Bearer all-key"}
SECRET = "the vault code is nine"
SAYS = [{"role": "user", "content": "the vault code is?"}]


@pytest.fixture
async def door():
    model, log = FakeChatModel(), FakeEventLog()
    api = fake_api(model=model, event_log=log, keys=("all-key",), user_keys={"anns-key": "ann"})
    async with served(api) as url, aiohttp.ClientSession(url) as session:
        for user in ("ann", "bob"):
            body = {"facts": [{"text": f"{SECRET} for {user}"}]}
            async with session.post(f"/users/{user}/facts", json=body, headers=ALL) as response:
                assert response.status == 200
        yield session, model, log


async def _asked(session, method: str, path: str, headers: dict, body: dict | None = None):
    async with session.request(method, path, json=body, headers=headers) as response:
        return response.status, json.loads(await response.read() or b"null")


CLOSED = [
    ("GET", "/users/bob/facts"),
    ("GET", "/users/bob/facts/search?q=vault"),
    ("GET", "/users/bob/export"),
    ("DELETE", "/users/bob"),
    ("DELETE", "/users/bob/facts"),
    ("GET", "/users//ann/facts"),
    ("GET", "/users/ANN/facts"),
    ("GET", "/facts/stats"),
    ("GET", "/no/such/path"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED, ids=[" ".join(one) for one in CLOSED])
async def test_a_users_key_opens_nothing_of_others_and_nothing_of_all(door, method, path) -> None:
    session, _, _ = door
    status, problem = await _asked(session, method, path, ANNS)
    assert (status, problem["code"]) == (403, "forbidden")
    assert SECRET not in json.dumps(problem)


async def test_a_users_key_opens_what_is_the_users_own(door) -> None:
    session, _, _ = door
    status, page = await _asked(session, "GET", "/users/ann/facts", ANNS)
    assert (status, [fact["text"] for fact in page["facts"]]) == (200, [f"{SECRET} for ann"])
    assert (await _asked(session, "GET", "/characters", ANNS))[0] == 200
    assert (await _asked(session, "GET", "/v1/models", ANNS))[0] == 200


@pytest.mark.parametrize("user", [{}, {"id": "ann"}])
async def test_generate_uses_the_keys_own_facts(door, user: dict) -> None:
    session, _, log = door
    body = {"character": "blaze", "user": user, "messages": [{"role": "user", "text": SAYS[0]["content"]}]}
    status, reply = await _asked(session, "POST", "/generate", ANNS, body)
    assert (status, [fact["text"] for fact in reply["facts"]]) == (200, [f"{SECRET} for ann"])
    assert log.events[-1]["user"]["id"] == "ann"


async def test_generate_and_feedback_for_another_user_are_refused(door) -> None:
    session, model, log = door
    body = {"character": "blaze", "user": {"id": "bob"}, "messages": [{"role": "user", "text": "vault"}]}
    assert (await _asked(session, "POST", "/generate", ANNS, body))[0] == 403
    feedback = {"reply_id": "rpl_" + "0" * 32, "verdict": "like", "user_id": "bob"}
    assert (await _asked(session, "POST", "/feedback", ANNS, feedback))[0] == 403
    assert (model.prompts, log.events) == ([], [])


async def test_feedback_of_a_users_key_is_that_users(door) -> None:
    session, _, log = door
    feedback = {"reply_id": "rpl_" + "0" * 32, "verdict": "like"}
    assert (await _asked(session, "POST", "/feedback", ANNS, feedback))[0] == 200
    assert log.events[-1]["user_id"] == "ann"


WAYS = [
    ({}, {}),
    ({"user": "ann"}, {}),
    ({"repartee": {"user": {"id": "ann"}}}, {}),
    ({}, {"x-repartee-user": "ann"}),
]


@pytest.mark.parametrize(("fields", "headers"), WAYS)
@pytest.mark.parametrize("model_id", ["fake", "blaze"])
async def test_the_keys_own_user_may_be_named_in_any_way_or_not_at_all(
    door, fields, headers, model_id
) -> None:
    session, _, _ = door
    body = {"model": model_id, "messages": SAYS} | fields
    status, answer = await _asked(session, "POST", "/v1/chat/completions", ANNS | headers, body)
    assert (status, [fact["text"] for fact in answer["repartee"]["facts"]]) == (200, [f"{SECRET} for ann"])


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"user": "bob"}, {}),
        ({"user": "bob"}, {"x-repartee-user": "ann"}),
        ({"repartee": {"user": {"id": "bob"}}}, {}),
        ({}, {"x-repartee-user": "bob"}),
        ({}, {"x-repartee-user": "Ann"}),
    ],
)
async def test_another_user_is_refused_in_whatever_way_it_is_named(door, fields, headers) -> None:
    session, model, _ = door
    body = {"model": "fake", "messages": SAYS} | fields
    status, answer = await _asked(session, "POST", "/v1/chat/completions", ANNS | headers, body)
    assert (status, answer["error"]["code"], model.prompts) == (403, "forbidden", [])


async def test_a_key_for_all_reads_whoever_is_named_the_header_first(door) -> None:
    session, _, _ = door
    body = {"model": "fake", "messages": SAYS, "user": "ann", "repartee": {"user": {"id": "ann"}}}
    _, answer = await _asked(session, "POST", "/v1/chat/completions", ALL | {"x-repartee-user": "bob"}, body)
    assert [fact["text"] for fact in answer["repartee"]["facts"]] == [f"{SECRET} for bob"]
    _, nobody = await _asked(
        session, "POST", "/v1/chat/completions", ALL, {"model": "fake", "messages": SAYS}
    )
    assert nobody["repartee"]["retrieval"]["status"] == "disabled"


@pytest.mark.parametrize(
    ("name", "headers", "fields"),
    [
        ("Катя", {"x-repartee-user-name": "%D0%9A%D0%B0%D1%82%D1%8F"}, {"user": {"name": "Ann"}}),
        ("Ann", {}, {"user": {"name": "Ann"}}),
        ("Maya", {}, {}),
    ],
)
async def test_the_users_name_comes_from_the_header_our_fields_or_the_last_message(
    door, name: str, headers: dict, fields: dict
) -> None:
    session, model, _ = door
    body = {"model": "blaze", "messages": [SAYS[0] | {"name": "Maya"}], "repartee": fields}
    assert (await _asked(session, "POST", "/v1/chat/completions", ALL | headers, body))[0] == 200
    assert model.prompts[0].turn.user.name == name


async def test_a_name_over_two_lines_is_refused_in_the_header_and_passed_over_in_a_message(door) -> None:
    session, model, _ = door
    body = {"model": "blaze", "messages": [SAYS[0] | {"name": "a\nb"}]}
    headers = ALL | {"x-repartee-user-name": "a%0Ab"}
    status, answer = await _asked(session, "POST", "/v1/chat/completions", headers, body)
    assert (status, answer["error"]["param"]) == (400, "X-Repartee-User-Name")
    assert (await _asked(session, "POST", "/v1/chat/completions", ALL, body))[0] == 200
    assert model.prompts[0].turn.user.name == "User"

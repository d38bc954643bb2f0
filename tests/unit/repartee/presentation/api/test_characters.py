import base64
import json

import aiohttp
import pytest

from repartee.domain.cards.card_file import CardFile, write_card
from repartee.presentation.api import characters
from tests.cards import V1, V2, V3, archive, png, text_chunk
from tests.serving import fake_api, served

MANY_NUMBERS = {**V3, "data": {**V3["data"], "big": 10**40, "one": 1.0, "ключ": ["é", None]}}


async def _parse(body: bytes, content_type: str = "image/png") -> tuple[int, str]:
    async with (
        served(fake_api()) as url,
        aiohttp.ClientSession() as session,
        session.post(
            f"{url}/characters/parse", data=body, headers={"content-type": content_type}
        ) as response,
    ):
        return response.status, await response.text()


async def _generate(character: object) -> tuple[int, dict]:
    async with (
        served(fake_api()) as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/generate", json={"character": character, "user": {"name": "Ann"}}) as response,
    ):
        return response.status, await response.json(content_type=None)


@pytest.mark.parametrize("card_format", ["png", "charx", "json", "yaml"])
async def test_a_card_file_is_answered_with_its_object_and_the_character(card_format: str) -> None:
    status, text = await _parse(write_card(CardFile(MANY_NUMBERS, "json"), card_format))
    answer = json.loads(text)
    assert status == 200
    assert json.dumps(answer["card"]) == json.dumps(MANY_NUMBERS)
    assert (answer["character"]["name"], answer["character"]["nickname"]) == ("Ada", "Addie")
    assert (answer["spec"], answer["warnings"], answer["assets"]) == ("v3", [], [])


async def test_assets_are_listed_with_what_they_are_for_and_their_size() -> None:
    members = {"assets/icon/images/a.png": b"123", "module.risum": b""}
    raw = {**V3, "spec_version": "3.5"}
    _, text = await _parse(archive({"card.json": json.dumps(raw).encode(), **members}), "application/zip")
    answer = json.loads(text)
    assert answer["assets"] == [
        {"name": "assets/icon/images/a.png", "type": "icon", "bytes": 3},
        {"name": "module.risum", "type": "other", "bytes": 0},
    ]
    assert answer["warnings"] == ["spec_version: 3.5 is newer than 3.0, which is what is known here"]


async def test_the_picture_of_a_charx_is_answered_and_that_of_a_png_is_not() -> None:
    raw = json.dumps(V3).encode()
    jpeg, icon = b"\xff\xd8\xff\xe0" + b"j" * 99, png()
    packed = archive({"card.json": raw, "assets/icon/images/face.png": icon})
    bare = jpeg + archive({"card.json": raw, "assets/other/x.bin": icon})
    pictures = [
        json.loads((await _parse(body))[1])["picture"]
        for body in (packed, bare, png(text_chunk("ccv3", raw)), raw)
    ]
    assert [picture and base64.b64decode(picture) for picture in pictures] == [icon, jpeg, None, None]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (png(), "PNG"),
        (png(text_chunk("chara", b'{"name": "canary", "name": "canary"}')), "chara"),
        (archive({"card.json": b"{}", "../canary": b""}), "CHARX"),
        (json.dumps({**V1, "name": "canary" * 30}).encode(), "name"),
        (b"", "YAML"),
    ],
)
async def test_what_is_no_card_is_a_problem_that_names_the_place_and_quotes_nothing(
    body: bytes, field: str
) -> None:
    status, text = await _parse(body)
    problem = json.loads(text)
    assert (status, problem["code"]) == (422, "invalid_input")
    assert problem["errors"] == [{"field": field, "message": problem["detail"]}]
    assert problem["detail"].startswith(f"{field}: ")
    assert "canary" not in text


async def test_the_route_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    large = png(text_chunk("Note", b"x" * 500_000), text_chunk("chara", json.dumps(V2).encode()))
    assert (await _parse(large))[0] == 200
    monkeypatch.setattr(characters, "CARD_BYTES", len(large) - 1)
    status, text = await _parse(large)
    assert (status, json.loads(text)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("card_format", ["png", "charx", "json", "yaml"])
async def test_a_reply_can_be_asked_for_with_a_card_file(card_format: str) -> None:
    packed = base64.b64encode(write_card(CardFile(V3, "json"), card_format)).decode()
    status, reply = await _generate({"card_base64": packed})
    assert (status, reply["text"]) == (200, "Hello, Ann.")


@pytest.mark.parametrize("card", [V1, V2, V3])
async def test_a_reply_can_be_asked_for_with_the_raw_object(card: dict) -> None:
    status, reply = await _generate(card)
    assert (status, reply["text"]) == (200, "Hello, Ann.")


@pytest.mark.parametrize(
    ("character", "field", "words"),
    [
        ({"card_base64": "***"}, "character.card_base64", "is not base64"),
        ({"card_base64": "é"}, "character.card_base64", "is not base64"),
        ({"card_base64": base64.b64encode(png()).decode()}, "character.card_base64", "PNG: holds no card"),
        ({"card_base64": base64.b64encode(b"name: 3").decode()}, "character.card_base64", "name: "),
        ({"card_base64": 3}, "character.card_base64", "valid string"),
        ({"card_base64": "", "name": "Ada"}, "character.name", "Extra inputs"),
    ],
)
async def test_a_card_file_that_cannot_be_used_is_a_problem_of_its_field(
    character: dict, field: str, words: str
) -> None:
    status, problem = await _generate(character)
    assert status == 422
    assert problem["errors"][0]["field"] == field
    assert words in problem["errors"][0]["message"]

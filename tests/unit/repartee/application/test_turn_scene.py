from typing import Any

import pytest

from repartee.application.generate_request import GenerateRequest
from repartee.application.turn_scene import scene_of
from repartee.domain.character import Character
from repartee.domain.errors import InvalidInput

CAST = [{"character": {"name": name}} for name in ("Ada", "Bo", "Cy")]
HI = {"role": "user", "text": "hi"}
BO_SAID = {"role": "character", "text": "Hm.", "speaker": "Bo"}
GONE_SAID = BO_SAID | {"speaker": "Gone"}


class _NoLibrary:
    def names(self) -> tuple[str, ...]:
        return ()

    def get(self, name: str) -> Character:
        raise AssertionError(name)


async def _chosen(*messages: dict[str, str], **changed: Any) -> tuple[str, str] | None:
    body = {"messages": messages, "cast": CAST, "user": {"name": "Ann"}} | changed
    speaker = (await scene_of(GenerateRequest.model_validate(body), _NoLibrary())).speaker
    return speaker and (speaker.name, speaker.reason)


async def test_one_character_is_no_scene() -> None:
    scene = await scene_of(GenerateRequest(character=Character(name="Ada")), _NoLibrary())
    assert (scene.character.name, scene.cast, scene.speaker) == ("Ada", None, None)


async def test_who_is_named_answers_even_if_muted() -> None:
    assert await _chosen(HI, speaker="bo") == ("Bo", "given")
    muted = [{**one, "muted": True} for one in CAST]
    assert await _chosen(HI, cast=muted, speaker="Cy") == ("Cy", "given")


async def test_a_message_is_written_anew_and_goes_on_by_who_wrote_it() -> None:
    for mode in ("regenerate", "continue"):
        assert await _chosen(HI, BO_SAID, mode=mode) == ("Bo", "last")
    assert await _chosen(HI, BO_SAID, mode="regenerate", speaker="Cy") == ("Cy", "given")


async def test_without_the_reply_the_same_one_is_drawn_again() -> None:
    first = await _chosen(HI)
    assert first == await _chosen(HI, mode="regenerate", avoid=["Hm."])
    assert first[1] == "drawn"


async def test_a_seed_that_never_changes_does_not_draw_the_same_one_for_ever() -> None:
    drawn = {await _chosen(*[HI] * many, generation={"seed": 7}) for many in range(1, 20)}
    assert len(drawn) > 1


async def test_the_users_line_is_nobodys_of_the_cast() -> None:
    body = {"messages": [HI, BO_SAID, GONE_SAID], "cast": CAST, "mode": "impersonate"}
    scene = await scene_of(GenerateRequest.model_validate(body), _NoLibrary())
    assert (scene.speaker, scene.character.name) == (None, "Bo")


@pytest.mark.parametrize(
    ("messages", "changed", "field"),
    [
        ([HI], {"speaker": "Bob"}, "speaker"),
        ([HI, BO_SAID], {"mode": "continue", "speaker": "Ada"}, "speaker"),
        ([HI, GONE_SAID], {"mode": "regenerate"}, "messages.1.speaker"),
        ([HI, GONE_SAID], {"mode": "continue", "speaker": "Ada"}, "messages.1.speaker"),
        ([HI], {"cast": [{**one, "muted": True} for one in CAST]}, "cast"),
        ([HI], {"cast": None, "character": {"name": "Ada"}, "speaker": "Ada"}, "speaker"),
    ],
)
async def test_a_speaker_that_cannot_be_is_refused(messages, changed, field) -> None:
    body = {"messages": messages, "user": {"name": "Ann"}} | ({"cast": CAST} | changed)
    with pytest.raises(InvalidInput) as refused:
        await scene_of(GenerateRequest.model_validate(body), _NoLibrary())
    assert refused.value.field == field

import pytest

from repartee.application.given_cast import CastMember, checked_speakers, members_of
from repartee.domain.cast import Member
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput, NotFound


class _Library:
    def names(self) -> tuple[str, ...]:
        return ("ada",)

    def get(self, name: str) -> Character:
        if name != "ada":
            raise NotFound("no such character")
        return Character(name="Ada", extensions={"talkativeness": "0.8"})


async def _members(*given, user: str = "Ann") -> tuple[Member, ...]:
    return await members_of([CastMember.model_validate(one) for one in given], user, _Library())


async def test_talkativeness_is_the_requests_else_the_cards_else_half() -> None:
    members = await _members(
        {"character": "ada"}, {"character": {"name": "Bo"}, "muted": True}, {"character": {"name": "Cy"}}
    )
    assert [(one.name, one.id, one.talkativeness, one.muted) for one in members] == [
        ("Ada", "ada", 0.8, False), ("Bo", "", 0.5, True), ("Cy", "", 0.5, False),
    ]  # fmt: skip
    own = await _members({"character": "ada", "talkativeness": 0}, {"character": {"name": "Bo"}})
    assert own[0].talkativeness == 0


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({"name": "ADA"}, "cast.1.character"),
        ({"name": "Bo", "nickname": "ada"}, "cast.1.character"),
        ({"name": "ann"}, "cast.1.character"),
        ({"card_base64": "!"}, "cast.1.character.card_base64"),
    ],
)
async def test_members_that_cannot_be_told_apart_or_read_are_named(second, field) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _members({"character": "ada"}, {"character": second})
    assert refused.value.field == field


async def test_an_unknown_name_says_which_member_has_it() -> None:
    with pytest.raises(NotFound, match=r"cast\.1\.character: no such character"):
        await _members({"character": "ada"}, {"character": "bob"})


def test_former_members_may_have_spoken_and_nobody_is_guessed() -> None:
    members = (Member(Character(name="Ada")),)
    said = Message(role="character", text="x", speaker="Gone")
    checked_speakers(
        [said, Message(role="user", text="y", speaker="Ann"), Message(role="user", text="z")], members
    )
    for wrong in (Message(role="character", text="x"), Message(role="user", text="x", speaker="ada")):
        with pytest.raises(InvalidInput) as refused:
            checked_speakers([said, wrong], members)
        assert refused.value.field == "messages.1.speaker"

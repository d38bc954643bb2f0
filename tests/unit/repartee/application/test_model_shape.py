import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from repartee.application.model_profile import ModelProfile, ModelProfiles
from repartee.application.model_shape import OPENING, shaped
from repartee.application.ports import PromptMessage, Sampling
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.model_profiles import load_model_profiles
from repartee.infrastructure.settings import shipped_folder

STRICT = ModelProfile(system="first_only", alternation="strict", tail_role="user", cache_control=True)
FIRST_ONLY = ModelProfile(system="first_only", tail_role="user")
USERS_TAIL = ModelProfile(tail_role="user")
PROFILES = [ModelProfile(), USERS_TAIL, FIRST_ONLY, STRICT]

SHIPPED = load_model_profiles(shipped_folder("prompts") / "model_profiles.yaml")
MESSAGES = st.lists(
    st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text("abc ", min_size=1, max_size=5)),
    max_size=8,
)


def _messages(said: list[tuple[str, str]]) -> list[PromptMessage]:
    numbered = [(role, f"<{place}:{text}>") for place, (role, text) in enumerate(said)]
    return [
        PromptMessage("system", "<system>", cache_until=8),
        *(PromptMessage(role, text) for role, text in numbered),
        PromptMessage("system", "<tail>"),
    ]


@pytest.mark.parametrize("profile", PROFILES)
@given(said=MESSAGES)
def test_no_text_is_lost_or_moved_and_roles_are_legal(profile: ModelProfile, said) -> None:
    messages = _messages(said)
    sent = shaped(messages, profile)
    written = "\n\n".join(message.content for message in sent if message.content != OPENING)
    assert written == "\n\n".join(message.content for message in messages)
    roles = [message.role for message in sent]
    assert roles[0] == "system"
    if profile.system == "first_only":
        assert "system" not in roles[roles.index("user") if "user" in roles else 1 :]
        assert roles[-1] == "user"
    if profile.alternation == "strict":
        assert roles[1:] == ["user" if place % 2 == 0 else "assistant" for place in range(len(roles) - 1)]
        assert len(sent[0].content[: sent[0].cache_until]) >= 8
    else:
        assert all(message.content != OPENING for message in sent)
    if not profile.cache_control:
        assert all(message.cache_until is None for message in sent)


def test_the_tail_joins_the_users_message_and_the_mark_stays_before_it() -> None:
    messages = [
        PromptMessage("system", "rules", cache_until=5),
        PromptMessage("assistant", "welcome"),
        PromptMessage("user", "hello", cache_until=5),
        PromptMessage("system", "facts"),
    ]
    assert shaped(messages, STRICT) == (
        PromptMessage("system", "rules", cache_until=5),
        PromptMessage("user", OPENING),
        PromptMessage("assistant", "welcome"),
        PromptMessage("user", "hello\n\nfacts", cache_until=5),
    )


def test_a_mark_moves_with_the_text_that_comes_before_it() -> None:
    joined = shaped([PromptMessage("user", "one"), PromptMessage("user", "two", cache_until=3)], STRICT)
    assert joined[0].content[: joined[0].cache_until] == "one\n\ntwo"


@pytest.mark.parametrize(
    ("model", "alternation", "cached"),
    [
        ("anthropic/claude-sonnet-4.5", "strict", True),
        ("google/Gemini-2.5-pro", "strict", False),
        ("mistralai/mistral-nemo", "strict", False),
        ("llama3.1:8b", "any", False),
        ("openai/gpt-4o-mini", "any", False),
        ("", "any", False),
    ],
)
def test_the_shipped_profiles_fit_by_the_models_id(model: str, alternation: str, cached: bool) -> None:
    profile = SHIPPED.of(model)
    assert (profile.alternation, profile.cache_control) == (alternation, cached)


def test_the_first_profile_that_fits_holds_and_sampling_fills_only_what_nobody_chose() -> None:
    profiles = ModelProfiles.model_validate(
        {"profiles": [{"match": ["a/*"], "sampling": {"temperature": 0.3, "top_p": 0.9}}, {"match": ["*"]}]}
    )
    filled = profiles.of("A/one").filled(Sampling(temperature=1.0))
    assert (filled.temperature, filled.top_p) == (1.0, 0.9)
    assert profiles.of("b").filled(Sampling()) == Sampling()


@pytest.mark.parametrize(
    "wrong", [{"alternation": "strict"}, {"system": "first_only"}, {"match": []}, {"x": 1}]
)
def test_a_profile_that_contradicts_itself_is_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        ModelProfile.model_validate(wrong)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("profiles: [{match: 7}]", "profiles.0.match"),
        ("profiles: [{", "is not YAML"),
        ("7", "the file"),
    ],
)
def test_a_broken_file_is_named_with_the_field(tmp_path, text: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"REPARTEE_PROMPT__MODEL_PROFILES: .*{says}"):
        load_model_profiles(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_model_profiles(tmp_path / "none.yaml")

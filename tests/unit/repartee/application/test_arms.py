"""Who answers: by the user's id, by what a request names, and by what an arm has at the time."""

import pytest

from repartee.application.arms import Arm, Arms, ChosenArm, FixedModel
from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.ports import ModelSource, ServedModel
from repartee.domain.errors import InvalidInput
from repartee.domain.experiment import ArmShare, Experiment
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from tests.fakes import FakeChatModel
from tests.serving import WordCounter

COMPOSE = ComposePrompt(
    MakoPromptRenderer(shipped_folder("prompts")), WordCounter(), PromptBudget(4_000, 100)
)
OWN = FakeChatModel("own")
DRAWING = Experiment("x", (ArmShare("champion", 50), ArmShare("canary", 50)), "champion")
OF_CANARY = next(f"u{n}" for n in range(99) if DRAWING.arm_of(f"u{n}") == "canary")


class Source(ModelSource):
    """A name of the registry that can be moved."""

    def __init__(self, served: ServedModel | None) -> None:
        self.served = served

    def current(self) -> ServedModel | None:
        return self.served


@pytest.fixture
def canary() -> Source:
    return Source(ServedModel(FakeChatModel("canary"), "gen-2"))


@pytest.fixture
def arms(canary: Source) -> Arms:
    both = (Arm("champion", FixedModel(FakeChatModel("champion")), COMPOSE), Arm("canary", canary, COMPOSE))
    return Arms(DRAWING, both, ChosenArm(None, OWN, COMPOSE), nameable=("canary",))


def test_the_users_id_decides_and_the_arm_says_its_version(arms: Arms) -> None:
    chosen = arms.chosen(OF_CANARY, None, None)
    assert (chosen.name, chosen.version) == ("canary", "gen-2")
    assert arms.chosen(None, None, None).name == "champion"


def test_a_named_model_answers_without_an_arm(arms: Arms) -> None:
    chosen = arms.chosen(OF_CANARY, None, "x/y")
    assert (chosen.name, chosen.label, chosen.model) == (None, "none", OWN)


def test_a_request_may_name_what_the_operator_allows_and_nothing_else(arms: Arms) -> None:
    assert arms.chosen(None, "canary", None).name == "canary"
    with pytest.raises(InvalidInput, match="those are canary"):
        arms.chosen(None, "champion", None)
    with pytest.raises(InvalidInput, match="leave it out"):
        Arms.single(OWN, COMPOSE).chosen(None, "canary", None)
    with pytest.raises(InvalidInput, match="names its model"):
        arms.chosen(None, "canary", "x/y")


def test_a_trial_that_is_over_leaves_its_users_to_the_default(arms: Arms, canary: Source) -> None:
    canary.served = None
    assert arms.chosen(OF_CANARY, None, None).name == "champion"
    with pytest.raises(InvalidInput, match="no model at present"):
        arms.chosen(None, "canary", None)


def test_a_chosen_arm_keeps_its_version(arms: Arms, canary: Source) -> None:
    chosen = arms.chosen(OF_CANARY, None, None)
    canary.served = ServedModel(FakeChatModel("newer"), "gen-3")
    assert chosen.version == "gen-2"
    assert arms.chosen(OF_CANARY, None, None).version == "gen-3"

"""What keeps users safe."""

from datetime import timedelta

from dishka import Provider, Scope, provide

from repartee.application.keep_safe import KeepSafe, SafetyPolicy
from repartee.application.ports import SelfHarmDetector, Telemetry
from repartee.domain.errors import ConfigurationError
from repartee.domain.safety.notices import Intervals
from repartee.infrastructure.safety_texts import load_safety_texts
from repartee.infrastructure.settings import Settings, shipped_folder
from repartee.integrations.lexicon_self_harm_detector import LexiconSelfHarmDetector


class SafetyProvider(Provider):
    """The lexicon's detector; another one takes its place by overriding `self_harm_detector`."""

    scope = Scope.APP

    @provide
    def self_harm_detector(self) -> SelfHarmDetector:
        """Read texts with the lexicon."""
        return LexiconSelfHarmDetector()

    @provide
    def safety_policy(self, settings: Settings) -> SafetyPolicy:
        """Read what the operator chose. Raises ConfigurationError where an interruption has no text."""
        chosen = settings.safety
        texts = load_safety_texts(shipped_folder("prompts") / "safety.yaml", chosen.texts)
        if "interrupt" in {chosen.self_harm_active, chosen.self_harm_passive} and not texts.crisis_resources:
            raise ConfigurationError(
                "REPARTEE_SAFETY__SELF_HARM_…=interrupt puts your text in the place of replies: name a file "
                "with crisis_resources in REPARTEE_SAFETY__TEXTS"
            )
        # The offline responder follows no instructions: there the text itself is the answer.
        question = chosen.human_question
        if question == "instruct" and settings.llm.is_offline:
            question = "answer"
        return SafetyPolicy(
            active=chosen.self_harm_active,
            passive=chosen.self_harm_passive,
            human_question=question,
            intervals=Intervals(
                timedelta(hours=chosen.notice_hours), timedelta(hours=chosen.minor_notice_hours)
            ),
            texts=texts,
        )

    @provide
    def keep_safe(self, detector: SelfHarmDetector, policy: SafetyPolicy, telemetry: Telemetry) -> KeepSafe:
        """Look before and after every reply."""
        return KeepSafe(detector, policy, telemetry)

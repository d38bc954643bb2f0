"""The user of an emulated dialogue: a model with a goal, or the scene's lines where no model plays."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from mako.template import Template

import repartee
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.macros import expand_macros
from repartee.domain.text import without_controls
from repartee_eval.dialogues.scenes import Scene
from repartee_eval.errors import EvalError
from repartee_eval.panel import EndpointJob
from repartee_eval.runs.chat_endpoint import ChatEndpoint, ChatRequest
from repartee_eval.runs.job import Answer, Job
from repartee_eval.runs.store_reader import StoreReader

OFFLINE_USER: Final = "offline-user"
_FORMAT: Final = "repartee.emulated-user/1"
_MOST_TOKENS: Final = 200
_MOST_CHARACTERS: Final = 4_000
_TEMPLATE: Final = "user.mako"


@dataclass(frozen=True, slots=True)
class _View:
    user: str
    character: str
    persona: str
    scene: str
    goal: str
    language: str


@dataclass(frozen=True, slots=True)
class UserPrompt:
    """The template of the model that plays the user."""

    source: str

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:12]

    def render(self, scene: Scene, character: Character) -> str:
        """Return the standing instructions. Texts are values only: none becomes a template."""
        template = Template(self.source, strict_undefined=True)  # noqa: S702  # no HTML
        names = (character.display_name, scene.user.name)
        where = scene.scenario
        told = (where.setting, where.relationship) if where else (character.scenario,)
        view = _View(
            user=scene.user.name,
            character=character.display_name,
            persona=expand_macros(scene.user.description, *names),
            scene=expand_macros("\n".join(filter(None, told)), *names),
            goal=expand_macros(scene.goal, *names),
            language=scene.language,
        )
        text: str = template.render_unicode(v=view)
        return text.strip()


def load_user_prompt() -> UserPrompt:
    """Return the shipped template: in the package when installed, else in the checkout. Raises EvalError."""
    package = Path(repartee.__file__).parent
    inside = package / "prompts" / "emulation" / _TEMPLATE
    path = inside if inside.is_file() else package.parents[1] / "prompts" / "emulation" / _TEMPLATE
    try:
        return UserPrompt(path.read_text("utf-8"))
    except OSError as error:
        raise EvalError(f"{path} cannot be read: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class EmulatedUser:
    """Who plays the user. `chat` is None where the scene's lines are said instead."""

    prompt: UserPrompt
    chat: ChatEndpoint | None = None
    temperature: float = 0.8

    @property
    def name(self) -> str:
        """The model's name; the offline emulator is named so."""
        return self.chat.model if self.chat else OFFLINE_USER

    def job(self, scene: Scene, character: Character, messages: Sequence[Message], seed: int) -> Job:
        """Return the call for the next message of the user. Its key hashes all that determines it."""
        if self.chat is None:
            said = sum(message.role == "user" for message in messages)
            return _LineJob(_hashed([scene.id, said, seed]), scene.lines[said % len(scene.lines)])
        body = self._body(self.chat, scene, character, messages, seed)
        return EndpointJob(_hashed([self.chat.name, body]), self.chat.name, self.chat, ChatRequest.of(body))

    def read(self, job: Job, store: StoreReader) -> str | None:
        """Return what the user says; None where the call failed or says nothing."""
        kept = store.answer(job.key)
        if kept is None:
            return None
        document = orjson.loads(kept.answer.raw)
        text = without_controls(str(document["choices"][0]["message"]["content"])).strip()
        return text[:_MOST_CHARACTERS] or None

    def _body(
        self,
        chat: ChatEndpoint,
        scene: Scene,
        character: Character,
        messages: Sequence[Message],
        seed: int,
    ) -> dict[str, Any]:
        """Return the request: to the model that plays the user, the character is its partner."""
        roles = {"user": "assistant", "character": "user"}
        said = [{"role": roles[message.role], "content": message.text} for message in messages]
        if not said or said[0]["role"] == "assistant":
            said.insert(0, {"role": "user", "content": "(You write first.)"})
        return {
            "model": chat.model,
            "messages": [{"role": "system", "content": self.prompt.render(scene, character)}, *said],
            "temperature": self.temperature,
            "max_tokens": _MOST_TOKENS,
            "seed": seed,
        }


@dataclass(frozen=True, slots=True)
class _LineJob:
    """A line of the scene, given as a call's answer so that it is kept like one."""

    key: str
    line: str

    @property
    def endpoint(self) -> str:
        return OFFLINE_USER

    @property
    def worst_cost(self) -> float | None:
        return 0.0

    async def send(self) -> Answer:
        document = {"choices": [{"message": {"role": "assistant", "content": self.line}}]}
        return Answer(orjson.dumps(document).decode(), 0.0, 0.0, model=OFFLINE_USER)


def _hashed(identity: Any) -> str:
    return hashlib.sha256(orjson.dumps([_FORMAT, identity], option=orjson.OPT_SORT_KEYS)).hexdigest()

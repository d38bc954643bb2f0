"""Judges' prompts from Mako templates: compiled once, fed with values only, so no text becomes a template."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from mako.exceptions import MakoException
from mako.template import Template

import repartee
from repartee_eval.errors import EvalError

PromptName = Literal["pairwise", "score", "moderation", "speaker"]
_NAMES: Final[tuple[PromptName, ...]] = ("pairwise", "score", "moderation", "speaker")
_SHARED: Final = "context"


def shipped_judge_prompts() -> Path:
    """Return the folder that ships: in the package when installed, else in the checkout."""
    package = Path(repartee.__file__).parent
    inside = package / "prompts" / "judge"
    return inside if inside.is_dir() else package.parents[1] / "prompts" / "judge"


class JudgePrompts:
    """The templates of one folder: `<name>.system.mako` and `<name>.mako` for each kind, and `context.mako`.

    Each sees one value, `v`. What `context.mako` renders stands at the start of every user message.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Raises EvalError where a template is missing or does not compile."""
        self._folder = folder or shipped_judge_prompts()
        names = [_SHARED, *(part for name in _NAMES for part in (f"{name}.system", name))]
        self._sources = {name: self._source(name) for name in names}
        self._templates = {name: self._compiled(name) for name in names}

    def fingerprint(self, name: PromptName) -> str:
        """Return a hash of the templates that such a question is made with: 12 hexadecimal digits."""
        read = (self._sources[part] for part in (_SHARED, f"{name}.system", name))
        return hashlib.sha256("\x1f".join(read).encode()).hexdigest()[:12]

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """The hash of each kind's templates."""
        return {name: self.fingerprint(name) for name in _NAMES}

    def context(self, view: object) -> str:
        """Return what is known before the candidates: card, user, scene, dialogue."""
        return self._rendered(_SHARED, view)

    def system(self, name: PromptName, view: object = None) -> str:
        """Return the standing instructions."""
        return self._rendered(f"{name}.system", view)

    def user(self, name: PromptName, view: object) -> str:
        """Return what follows the context: what is judged, then the question."""
        return self._rendered(name, view)

    def _rendered(self, name: str, view: object) -> str:
        text: str = self._templates[name].render_unicode(v=view)
        return text.strip()

    def _source(self, name: str) -> str:
        path = self._folder / f"{name}.mako"
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise EvalError(
                f"judge prompt {path} cannot be read ({error.strerror}): see prompts/judge"
            ) from None

    def _compiled(self, name: str) -> Any:
        try:
            return Template(self._sources[name], strict_undefined=True, uri=f"{name}.mako")  # noqa: S702  # no HTML
        except (MakoException, SyntaxError) as error:
            raise EvalError(f"judge prompt {name}.mako does not compile: {error}") from None

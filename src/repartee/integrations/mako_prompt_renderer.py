"""Prompts from Mako templates: compiled once at start, fed with values only.

The templates come from one folder of files that ship with the service. Text from cards, users and facts is
passed as a value; no template is ever made from it, so `${…}`, `<% %>`, `% for` and `##` in it stay text.
The templates hold no control token of a chat template: one in the result is somebody's, and is neutralised.
"""

import ast
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mako.exceptions import MakoException
from mako.runtime import Context
from mako.template import Template
from mako.util import FastEncodingBuffer

from repartee.application.ports import (
    DigestView,
    ExtractView,
    PromptRenderer,
    RulesView,
    SystemView,
    TailView,
)
from repartee.domain.control_tokens import neutralised
from repartee.domain.errors import ConfigurationError

_OF_REPLIES: Final = ("rules", "system", "tail")
_NAMES: Final = (*_OF_REPLIES, "extract", "digest")


class MakoPromptRenderer(PromptRenderer):
    """Renders the five templates of a folder. Each sees one value, `v`."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigurationError where a template is missing or does not compile."""
        sources = {name: _source(folder / f"{name}.mako") for name in _NAMES}
        self._writers = {name: _writer(_compiled(name, text)) for name, text in sources.items()}
        self._fingerprint = hashlib.sha256(
            "\x1f".join(sources[name] for name in _OF_REPLIES).encode()
        ).hexdigest()[:12]

    @property
    def fingerprint(self) -> str:
        """Short hash of the templates that replies are made with: it changes when any of them does."""
        return self._fingerprint

    def rules(self, view: RulesView) -> str:
        """Return the standing instructions."""
        return self._rendered("rules", view)

    def system(self, view: SystemView) -> str:
        """Return the stable part."""
        return self._rendered("system", view)

    def tail(self, view: TailView) -> str:
        """Return the volatile part."""
        return self._rendered("tail", view)

    def extract(self, view: ExtractView) -> str:
        """Return the question for facts."""
        return self._rendered("extract", view)

    def digest(self, view: DigestView) -> str:
        """Return the question for a summary."""
        return self._rendered("digest", view)

    def _rendered(self, name: str, view: RulesView | SystemView | TailView | ExtractView | DigestView) -> str:
        return neutralised(self._writers[name](view).strip())


def _writer(template: Template) -> Callable[[object], str]:
    """Return `template.render_unicode(v=…)`, without finding out each time how the template is called.

    A context refers to itself by its `capture`: left alone, it would stay in memory with the user's words
    until the garbage collector finds it.
    """
    module = template.module
    if hasattr(module, "_mako_inherit") or hasattr(module, "_mako_generate_namespaces"):
        return lambda view: str(template.render_unicode(v=view))
    body = module.render_body

    def write(view: object) -> str:
        buffer = FastEncodingBuffer()
        context = Context(buffer, v=view)
        body(context, v=view)
        context._data.clear()  # noqa: SLF001  # no public name lets go of `capture`
        return str(buffer.getvalue())

    return write


def _source(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"prompt template {path} cannot be read ({error.strerror}): set REPARTEE_PROMPT__FOLDER"
        ) from None


def _compiled(name: str, text: str) -> Template:
    try:
        template = Template(text, strict_undefined=True, uri=f"{name}.mako")  # noqa: S702  # plain text, no HTML
    except (MakoException, SyntaxError) as error:
        raise ConfigurationError(f"prompt template {name}.mako does not compile: {error}") from None
    if unknown := _names_read(template) - {"v"}:
        raise ConfigurationError(
            f"prompt template {name}.mako uses unknown names: {', '.join(sorted(unknown))}"
        )
    return template


def _names_read(template: Template) -> set[str]:
    """Return every name that the compiled template looks up: Mako would take a misspelt one from builtins."""
    lookups = (node for node in ast.walk(ast.parse(template.code)) if isinstance(node, ast.Subscript))
    return {
        node.slice.value
        for node in lookups
        if isinstance(node.value, ast.Name)
        and node.value.id == "context"
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }

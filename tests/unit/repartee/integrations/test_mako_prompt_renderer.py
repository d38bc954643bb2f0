import gc
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
from mako.template import Template

from repartee.application.ports import DigestView, ExtractView, TailView
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer

VIEW = TailView("Ada", "Ann", ("x",), (), "ab", "")


def _folder(tmp_path: Path, **templates: str) -> Path:
    for name in ("rules", "system", "tail", "extract", "digest"):
        (tmp_path / f"{name}.mako").write_text(templates.get(name, "ok ${v.character}"), encoding="utf-8")
    return tmp_path


def test_a_missing_template_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="REPARTEE_PROMPT__FOLDER"):
        MakoPromptRenderer(tmp_path)


@pytest.mark.parametrize("source", ["% for x in v:\n", "${v.character", "<%include file='/etc/passwd'"])
def test_a_template_that_does_not_compile_is_an_error_at_start(tmp_path: Path, source: str) -> None:
    with pytest.raises(ConfigurationError, match=r"tail\.mako"):
        MakoPromptRenderer(_folder(tmp_path, tail=source))


@pytest.mark.parametrize("name", ["id", "type", "input", "w", "character"])
def test_a_misspelt_name_is_an_error_at_start_even_if_it_is_a_builtin(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        MakoPromptRenderer(_folder(tmp_path, tail=f"${{{name}}}"))


def test_the_fingerprint_is_of_the_templates_that_replies_are_made_with(tmp_path: Path) -> None:
    before = MakoPromptRenderer(_folder(tmp_path)).fingerprint
    assert MakoPromptRenderer(_folder(tmp_path)).fingerprint == before
    assert MakoPromptRenderer(_folder(tmp_path, extract="other", digest="other")).fingerprint == before
    assert MakoPromptRenderer(_folder(tmp_path, rules="other")).fingerprint != before


HOSTILE = [
    "${self.module.__name__}",
    "<% import os %>",
    "% for x in y:",
    "## gone",
    "<%doc>gone</%doc>",
    "a \\\nb",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_dialogue_is_never_a_template(text: str) -> None:
    renderer = MakoPromptRenderer(shipped_folder("prompts"))
    asked = renderer.extract(ExtractView("Ada", "Ann", "2026-11-20", "Friday", (text,), (text,), "ab12"))
    summed = renderer.digest(DigestView("Ada", "Ann", text, 90, (text,), "ab12"))
    assert asked.count(f"\n{text}\n") == summed.count(f"\n{text}\n") == 2
    assert "Today is Friday, 2026-11-20" in asked
    assert "At most 90 words" in summed


def test_values_are_put_in_as_they_are(tmp_path: Path) -> None:
    renderer = MakoPromptRenderer(_folder(tmp_path, tail="${v.user_facts[0]}|${v.character}"))
    assert renderer.tail(VIEW) == "x|Ada"


@pytest.mark.parametrize(
    "source",
    [
        "${v.character} <%def name='twice(x)'>${x}${x}</%def>${twice(v.user)}",
        "<%! import math %>\n% if v.user:\n${math.ceil(1.5)} ${v.user}\n% endif",
        "% for fact in v.user_facts:\n${loop.index}: ${fact}\n% endfor",
    ],
)
def test_templates_render_as_the_engine_itself_renders_them(tmp_path: Path, source: str) -> None:
    renderer = MakoPromptRenderer(_folder(tmp_path, tail=source))
    itself = Template(source, strict_undefined=True)  # noqa: S702  # plain text, no HTML
    assert renderer.tail(VIEW) == itself.render_unicode(v=VIEW).strip()


class _Words(str):  # noqa: SLOT000  # slots would leave no room for a weak reference
    """A text that can be watched."""


def test_nothing_of_a_view_stays_in_memory_once_it_is_rendered(tmp_path: Path) -> None:
    renderer = MakoPromptRenderer(_folder(tmp_path))
    words = _Words("Ada, of whom nobody else knows")
    watched = weakref.ref(words)
    gc.disable()
    try:
        assert renderer.tail(replace(VIEW, character=words)) == f"ok {words}"
        del words
        assert watched() is None
    finally:
        gc.enable()

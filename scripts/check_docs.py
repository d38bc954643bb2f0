"""Check that the documents agree with each other and name nothing that does not exist.

    .venv/bin/python scripts/check_docs.py

`make check` runs it: one line per problem, exit status 1 if there is any. Checked is that both READMEs have
the same commands and outline; that every `make` target, `repartee…` command, option, and REPARTEE_ variable
exists; that docs/operations.md has every setting; that relative links lead somewhere; the newest version.
"""

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import click
from pydantic import BaseModel

from repartee.infrastructure.settings import Settings
from repartee.presentation.cli.commands import repartee
from repartee_eval.cli import cli as repartee_eval
from repartee_eval.settings import JudgeSettings
from repartee_tune.cli import cli as repartee_tune

ROOT: Final = Path(__file__).resolve().parents[1]
TWINS: Final = ("README.md", "README-EN.md")
WITH_VARIABLES: Final = (".env.template", "Dockerfile", "docker-compose.yml")
OTHER_PROGRAMS: Final = {"repartee-eval": repartee_eval, "repartee-tune": repartee_tune}
REQUIRED: Final = (*TWINS, "CHANGELOG.md", "docs/operations.md", *WITH_VARIABLES)
NOT_DOCUMENTS: Final = {"build", "dist", "var"}

FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*([\w-]*)")
HEADING = re.compile(r"(#{1,6})\s+(.*?)[\s#]*$")
INLINE_CODE = re.compile(r"`([^`\n]+)`")
COMMENT = re.compile(r"((?:[^'\"#]|'[^']*'|\"(?:\\.|[^\"\\])*\"|(?<=\S)#)*?)(?:^|\s+)#.*")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)", re.MULTILINE)
VARIABLE = re.compile(r"REPARTEE_[A-Z][A-Z0-9_]*")


# --- reading Markdown ---------------------------------------------------------------------------------


def split(text: str) -> tuple[str, list[tuple[str, list[str]]]]:
    """Return the text without its fenced blocks, and the blocks: language and lines."""
    prose: list[str] = []
    blocks: list[tuple[str, list[str]]] = []
    closing = ""
    for line in text.splitlines():
        fence = FENCE.match(line)
        if closing:
            if fence and fence[1].startswith(closing) and not fence[2]:
                closing = ""
            else:
                blocks[-1][1].append(line)
        elif fence:
            closing = fence[1]
            blocks.append((fence[2], []))
        else:
            prose.append(line)
    return "\n".join(prose), blocks


def shell_commands(text: str) -> list[str]:
    """Return the commands of the shell blocks, continued lines joined, without comments and output."""
    commands: list[str] = []
    for language, lines in split(text)[1]:
        if language in {"sh", "bash", "shell"}:
            commands += joined(lines)
        elif language == "console":
            commands += [line[2:] for line in joined(lines) if line.startswith("$ ")]
    return commands


def joined(lines: list[str]) -> list[str]:
    """Return the lines with continued ones in one, without comments and empty ones."""
    whole = "\n".join(lines).replace("\\\n", " ")
    return [bare for line in whole.splitlines() if (bare := without_comment(line).strip())]


def without_comment(line: str) -> str:
    """Return a shell line up to its comment; a # inside quotes or inside a word is none."""
    comment = COMMENT.fullmatch(line)
    return comment[1] if comment else line


def headings(text: str) -> list[tuple[int, str]]:
    """Return level and title of each heading."""
    matches = map(HEADING.match, split(text)[0].splitlines())
    return [(len(match[1]), match[2]) for match in matches if match]


def anchors(text: str) -> set[str]:
    """Return what `#…` links may name, as GitHub makes it of the headings."""
    names: list[str] = []
    for _, title in headings(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        names.append(f"{name}-{earlier}" if (earlier := names.count(name)) else name)
    return {*names, *re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)}


def named_commands(text: str) -> Iterator[list[str]]:
    """Yield, word by word, every command of the shell blocks and every piece of inline code."""
    for line in [*shell_commands(text), *INLINE_CODE.findall(split(text)[0])]:
        yield from simple_commands(line)


def simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line, without the variables that are set before it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:  # a quotation that goes on in the next line
        words = line.split()
    command: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set(";&|()<>"):
            if command:
                yield command
            command = []
        elif command or not re.match(r"\w+=", word):
            command.append(word)


# --- the checks ---------------------------------------------------------------------------------------


def twin_problems(russian: str, english: str) -> Iterator[str]:
    """Yield the first place where the two READMEs have other commands, and where another outline."""
    pairs = {
        "command": (shell_commands(russian), shell_commands(english)),
        "heading level": (
            [level for level, _ in headings(russian)],
            [level for level, _ in headings(english)],
        ),
    }
    for what, (left, right) in pairs.items():
        for number, (one, other) in enumerate(zip_longest(left, right), 1):
            if one != other:
                yield f"{' and '.join(TWINS)} differ: {what} {number} is {one!r} and {other!r}"
                break


def target_problems(text: str, makefile: str) -> Iterator[str]:
    """Yield the `make` targets that do not exist."""
    targets = set(re.findall(r"^([A-Za-z][\w.-]*):", makefile, re.MULTILINE))
    for command in named_commands(text):
        if command[0] != "make":
            continue
        for word in command[1:]:
            if re.fullmatch(r"[A-Za-z0-9][\w.-]*", word) and word not in targets:
                yield f"`make {word}`: no such target"


def command_problems(text: str, tree: click.Command, program: str = "repartee") -> Iterator[str]:
    """Yield the program's commands and options that do not exist."""
    for words in named_commands(text):
        arguments = own_arguments(words, program)
        if arguments is not None and (problem := wrong_step(arguments, tree, program)):
            yield problem


def own_arguments(words: list[str], program: str = "repartee") -> list[str] | None:
    """Return what follows the program, for `repartee` also where Python or a container runs it; else None."""
    if words[0].rpartition("/")[2] == program:
        return words[1:]
    if program != "repartee":
        return None
    for caller in (["-m", "repartee"], ["api", "repartee"]):
        for at in range(1, len(words) - 1):
            if words[at : at + 2] == caller:
                return words[at + 2 :]
    return None


def wrong_step(arguments: list[str], tree: click.Command, program: str = "repartee") -> str | None:
    """Follow the arguments through the commands and return what is wrong with the first wrong one."""
    command, path, words = tree, program, iter(arguments)
    for word in words:
        if word.startswith("--"):
            name, equals, _ = word.partition("=")
            option = next((option for option in command.params if name in spellings(option)), None)
            if option is None and name != "--help":
                return f"`{path} {name}`: no such option"
            if isinstance(option, click.Option) and not option.is_flag and not equals:
                next(words, None)
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z][\w-]*", word):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return f"`{path} {word}`: no such command"
            command, path = found, f"{path} {word}"
    return None


def spellings(option: click.Parameter) -> list[str]:
    """Return every way to write an option."""
    return [*option.opts, *option.secondary_opts]


def variables(model: type[BaseModel] = Settings, prefix: str = "REPARTEE_") -> Iterator[str]:
    """Yield the variable of every setting."""
    for name, field in model.model_fields.items():
        kind, variable = field.annotation, prefix + name.upper()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from variables(kind, f"{variable}__")
        else:
            yield variable


def every_variable() -> set[str]:
    """Return the variable of every setting, of the service and of evaluation."""
    return {*variables(), *variables(JudgeSettings, "REPARTEE_JUDGE__")}


def variable_problems(text: str, known: set[str]) -> Iterator[str]:
    """Yield the variables that no setting has. `REPARTEE_LLM__…` stands for a whole section."""
    for name in sorted(set(VARIABLE.findall(text)) - known):
        if not (name.endswith("__") and any(variable.startswith(name) for variable in known)):
            yield f"{name}: no such setting"


def unlisted_problems(text: str, known: set[str]) -> Iterator[str]:
    """Yield the settings that the text leaves out."""
    yield from (f"{name} is not in it" for name in sorted(known - set(VARIABLE.findall(text))))


def link_problems(document: Path, root: Path) -> Iterator[str]:
    """Yield the relative links, and anchors in Markdown, that lead nowhere."""
    text = document.read_text("utf-8")
    for match in LINK.finditer(INLINE_CODE.sub("", split(text)[0])):
        link = unquote(match[1] or match[2])
        if re.match(r"[a-z][a-z0-9+.-]*:|//", link):
            continue
        place, _, anchor = link.partition("#")
        base = root if place.startswith("/") else document.parent
        target = base / place.lstrip("/") if place else document
        if not target.exists():
            yield f"the link {link} leads nowhere"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text("utf-8")):
            yield f"the link {link} names no heading there"


def version_problems(pyproject: str, changelog: str) -> Iterator[str]:
    """Yield what is wrong with the changelog's newest version. `Unreleased` may stand above it only."""
    version = tomllib.loads(pyproject)["project"]["version"]
    titles = [title.split()[0].strip("[]") for level, title in headings(changelog) if level == 2]
    if "Unreleased" in titles[1:]:
        yield "Unreleased stands below a version"
    newest = next((title for title in titles if title != "Unreleased"), None)
    if newest != version:
        yield f"its newest version is {newest}, the project's is {version}"


# --- all of it ----------------------------------------------------------------------------------------


def problems(root: Path, tree: click.Command) -> Iterator[str]:
    """Yield every problem as one line that starts with the file."""
    paths = [*markdown(root), *(root / name for name in WITH_VARIABLES)]
    texts = {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in paths if path.is_file()}
    yield from (f"{name}: is missing" for name in REQUIRED if name not in texts)
    for name, text in texts.items():
        yield from (f"{name}: {problem}" for problem in file_problems(root, name, text, tree))
    if all(name in texts for name in TWINS):
        yield from twin_problems(*(texts[name] for name in TWINS))


def file_problems(root: Path, name: str, text: str, tree: click.Command) -> Iterator[str]:
    """Yield what is wrong in one file. The changelog may name what is no more."""
    known = every_variable()
    if name.endswith(".md"):
        yield from link_problems(root / name, root)
    if name != "CHANGELOG.md":
        yield from variable_problems(text, known)
    if name.endswith(".md") and name != "CHANGELOG.md":
        yield from target_problems(text, (root / "Makefile").read_text("utf-8"))
        yield from command_problems(text, tree)
        for program, other in OTHER_PROGRAMS.items():
            yield from command_problems(text, other, program)
    if name == "docs/operations.md":
        yield from unlisted_problems(text, known)
    if name == "CHANGELOG.md":
        yield from version_problems((root / "pyproject.toml").read_text("utf-8"), text)


def markdown(root: Path) -> list[Path]:
    """Return every Markdown file of the project."""
    folders = [
        path
        for path in root.iterdir()
        if path.is_dir() and path.name not in NOT_DOCUMENTS and not path.name.startswith(".")
    ]
    return sorted([*root.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))])


if __name__ == "__main__":
    found = list(problems(ROOT, repartee))
    print("\n".join(found) or "Documents: in order")
    sys.exit(bool(found))

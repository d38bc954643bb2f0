"""Check that docs/claims.md and SECURITY.md promise nothing whose evidence is not there.

    .venv/bin/python -m scripts.check_claims

One line per problem, exit status 1 if there is any. Checked is that every test, file, module and make target
that they name exists; that docs/claims.md has every campaign and every campaign names a module that exists;
and that its figures are those of docs/benchmarks/claims.json.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from scripts.run_claims import BEGIN, CAMPAIGNS, END, ROOT, known_lines, table

PAGES: Final = ("docs/claims.md", "SECURITY.md")
CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
TEST_ID = re.compile(r"(tests/[\w/.-]+\.py)::(\w+)")
FOLDERS: Final = "tests scripts docs src eval tune deploy prompts examples characters"
FILE = re.compile(rf"(?:{'|'.join(FOLDERS.split())})/[\w/.{{}}-]*[\w/]")
MODULE = re.compile(r"-m\s+(scripts(?:\.\w+)+)")
TARGET = re.compile(r"^make\s+([\w.-]+)")


@cache
def tests_in(path: Path) -> frozenset[str]:
    """Return the names of the functions of a test file, methods included."""
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def pieces(text: str) -> Iterator[str]:
    """Yield the inline code of a page and the lines of its code blocks."""
    for block in FENCED.findall(text):
        yield from block.splitlines()[1:-1]
    yield from CODE.findall(FENCED.sub("", text))


def problems_of(page: str, text: str, root: Path = ROOT) -> Iterator[str]:
    """Yield what a page names and the checkout does not have."""
    targets = set(re.findall(r"^([\w.-]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))
    for piece in pieces(text):
        for file, test in TEST_ID.findall(piece):
            if (root / file).is_file() and test not in tests_in(root / file):
                yield f"{page}: {file} has no test {test}"
        for named in FILE.findall(piece):
            if not (root / named).exists():
                yield f"{page}: there is no {named}"
        for module in MODULE.findall(piece):
            if not _module(root, module).is_file():
                yield f"{page}: there is no module {module}"
        if (target := TARGET.match(piece)) and target[1] not in targets:
            yield f"{page}: the Makefile has no target {target[1]}"


def _module(root: Path, name: str) -> Path:
    return root / f"{name.replace('.', '/')}.py"


def problems_of_figures(text: str, root: Path = ROOT) -> Iterator[str]:
    """Yield where docs/claims.md differs from the campaigns and from what was measured."""
    for campaign in CAMPAIGNS:
        if not _module(root, campaign.module).is_file():
            yield f"scripts/run_claims.py: there is no module {campaign.module}"
        if f"`{campaign.name}`" not in text:
            yield f"docs/claims.md: nothing is said of the campaign {campaign.name}"
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    measured = table(list(known_lines(root / "docs/benchmarks/claims.json").values()))
    if shown != measured:
        yield "docs/claims.md: its figures are not those of docs/benchmarks/claims.json: run make claims"


def all_problems(root: Path = ROOT) -> list[str]:
    """Return every problem of both pages."""
    found: list[str] = []
    for page in PAGES:
        path = root / page
        if not path.is_file():
            found.append(f"there is no {page}")
            continue
        text = path.read_text("utf-8")
        found += problems_of(page, text, root)
        if page == "docs/claims.md":
            found += problems_of_figures(text, root)
    return found


def main() -> int:
    """Print the problems."""
    found = all_problems()
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

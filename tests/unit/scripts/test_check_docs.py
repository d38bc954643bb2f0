"""Every check of the documents finds a planted fault, and leaves what is right alone."""

from pathlib import Path

import click
import pytest

from scripts import check_docs


@click.group()
@click.option("--api", default="")
def repartee() -> None:
    """Stand in for the real command."""


@repartee.group()
def facts() -> None:
    """Facts."""


@facts.command()
@click.option("--file", "-f", default="")
@click.option("--json/--no-json", default=False)
def add(file: str, json: bool) -> None:
    """Add."""


README = """# Repartee

[The settings](docs/operations.md#settings), [here](#start)

## Start

```sh
make install  # once
repartee facts add --file facts.txt
```
"""
FILES = {
    "README.md": README.replace("# once", "# один раз"),
    "README-EN.md": README,
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-01\n\n## [1.1.0] - 2025-01-01\n",
    "Makefile": "install: ## Install\n\t@true\ncheck:\n\t@true\n",
    "pyproject.toml": '[project]\nname = "repartee"\nversion = "1.2.0"\n',
    ".env.template": "#REPARTEE_LLM__MODEL=\n",
    "docker-compose.yml": "REPARTEE_QDRANT__URL: x\n",
    "Dockerfile": "ENV REPARTEE_DATA_DIR=/data\n",
    "docs/operations.md": "# Operations\n\n## Settings\n\n" + "\n".join(check_docs.every_variable()),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def found(root: Path) -> list[str]:
    return list(check_docs.problems(root, repartee))


def plant(root: Path, name: str, old: str, new: str) -> None:
    path = root / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def in_both(root: Path, text: str) -> None:
    for name in check_docs.TWINS:
        with (root / name).open("a", encoding="utf-8") as readme:
            readme.write(f"\n{text}\n")


def test_documents_in_order_have_no_problems(root: Path):
    assert found(root) == []


@pytest.mark.parametrize("name", check_docs.REQUIRED)
def test_a_missing_document_is_found(root: Path, name: str):
    (root / name).unlink()
    assert f"{name}: is missing" in found(root)


def test_a_command_that_only_one_readme_has_is_found(root: Path):
    plant(root, "README.md", "make install", "make check")
    [problem] = found(root)
    assert problem == "README.md and README-EN.md differ: command 1 is 'make check' and 'make install'"


def test_a_command_that_one_readme_lacks_is_found(root: Path):
    plant(root, "README.md", "repartee facts add --file facts.txt\n", "")
    [problem] = found(root)
    assert "command 2 is None and 'repartee facts add" in problem


def test_another_outline_is_found(root: Path):
    plant(root, "README.md", "## Start", "### Start")
    assert found(root) == ["README.md and README-EN.md differ: heading level 2 is 3 and 2"]


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nmake deploy\n```",
        "Run `make deploy`.",
        "```bash\nPYTHON=python3.12 make HOST=0.0.0.0 deploy\n```",
        "```sh\nmake install && make check deploy\n```",
        "```console\n$ make deploy\nDone: make nothing\n```",
    ],
)
def test_a_target_that_does_not_exist_is_found(root: Path, text: str):
    in_both(root, text)
    assert found(root) == [f"{name}: `make deploy`: no such target" for name in sorted(check_docs.TWINS)]


@pytest.mark.parametrize(
    "text", ["make sure that it runs", "`make`", "```text\nmake deploy\n```", "```sh\n# make sure\n```"]
)
def test_words_that_name_no_target_are_left_alone(root: Path, text: str):
    in_both(root, text)
    assert found(root) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("`repartee sing`", "`repartee sing`: no such command"),
        ("```sh\n.venv/bin/repartee facts sing\n```", "`repartee facts sing`: no such command"),
        ("```sh\npython -m repartee sing\n```", "`repartee sing`: no such command"),
        ("```sh\ndocker compose exec -T api repartee sing\n```", "`repartee sing`: no such command"),
        ("```sh\nrepartee --api x sing\n```", "`repartee sing`: no such command"),
        ("```sh\nrepartee facts add \\\n  --loud\n```", "`repartee facts add --loud`: no such option"),
        (
            "```sh\necho '[]' | repartee facts add --files=x\n```",
            "`repartee facts add --files`: no such option",
        ),
    ],
)
def test_a_command_or_option_that_does_not_exist_is_found(root: Path, text: str, problem: str):
    in_both(root, text)
    assert found(root) == [f"{name}: {problem}" for name in sorted(check_docs.TWINS)]


@pytest.mark.parametrize(
    "text",
    [
        "`repartee --help`, `repartee facts add --no-json`, `repartee facts …`, `repartee --api=x facts add`",
        "```sh\ndocker build --tag repartee .\npip install repartee\nrepartee facts add --file sing\n```",
        "Repartee answers; the `repartee` command",
    ],
)
def test_commands_that_exist_are_left_alone(root: Path, text: str):
    in_both(root, text)
    assert found(root) == []


@pytest.mark.parametrize("name", [".env.template", "Dockerfile", "docker-compose.yml", "docs/operations.md"])
def test_a_variable_that_no_setting_has_is_found(root: Path, name: str):
    path = root / name
    path.write_text(path.read_text("utf-8") + "\nREPARTEE_LLM__MODELL\n", "utf-8")
    assert found(root) == [f"{name}: REPARTEE_LLM__MODELL: no such setting"]


def test_the_changelog_may_name_what_is_no_more(root: Path):
    plant(root, "CHANGELOG.md", "## [1.1.0]", "`make deploy`, `repartee sing`, `REPARTEE_SONG`\n\n## [1.1.0]")
    assert found(root) == []


def test_a_whole_section_may_be_named(root: Path):
    in_both(root, "`REPARTEE_LLM__…`, `REPARTEE_SONG__…`")
    assert found(root) == [f"{name}: REPARTEE_SONG__: no such setting" for name in sorted(check_docs.TWINS)]


def test_a_setting_that_the_operations_page_leaves_out_is_found(root: Path):
    plant(root, "docs/operations.md", "REPARTEE_LLM__MODEL\n", "")
    assert found(root) == ["docs/operations.md: REPARTEE_LLM__MODEL is not in it"]


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("[x](docs/gone.md)", "the link docs/gone.md leads nowhere"),
        ("![x](/logo.svg)", "the link /logo.svg leads nowhere"),
        ('[x](docs/gone.md "title")', "the link docs/gone.md leads nowhere"),
        ("[x]\n\n[x]: docs/gone.md", "the link docs/gone.md leads nowhere"),
        ("[x](docs/operations.md#gone)", "the link docs/operations.md#gone names no heading there"),
        ("[x](#gone)", "the link #gone names no heading there"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(root: Path, link: str, problem: str):
    (root / "docs" / "page.md").write_text(
        f"# Page\n\n{link.replace('(docs/', '(').replace(': docs/', ': ')}\n"
    )
    assert found(root) == [f"docs/page.md: {problem.replace('docs/', '')}"]


def test_links_that_lead_somewhere_are_left_alone(root: Path):
    in_both(
        root,
        "[x](https://example.org/gone) [x](mailto:x@example.org) [x](/docs/operations.md) `[x](gone)` "
        "[![x](Makefile)](docs/operations.md#settings) [x](docs)",
    )
    assert found(root) == []


def test_pages_of_the_working_folders_are_not_documents(root: Path):
    for folder in ("var", ".venv"):
        (root / folder).mkdir()
        (root / folder / "page.md").write_text("[x](gone)")
    assert found(root) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[1.2.0]", "[1.3.0]", "its newest version is 1.3.0, the project's is 1.2.0"),
        ("## [1.2.0] - 2026-01-01", "", "its newest version is 1.1.0, the project's is 1.2.0"),
        (
            "## [Unreleased]\n\n## [1.2.0]",
            "## [1.2.0]\n\n## [Unreleased]",
            "Unreleased stands below a version",
        ),
    ],
)
def test_a_changelog_of_another_version_is_found(root: Path, old: str, new: str, problem: str):
    plant(root, "CHANGELOG.md", old, new)
    assert found(root) == [f"CHANGELOG.md: {problem}"]


def test_anchors_are_those_of_the_headings():
    text = '# Один, `two` & 3!\n## A_b\n## A_b\n```sh\n# no heading\n```\n<a id="own"></a>'
    assert check_docs.anchors(text) == {"один-two--3", "a_b", "a_b-1", "own"}


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("make x # y", "make x"),
        ("# y", ""),
        ("echo '# y' # z", "echo '# y'"),
        ('echo "a # b"', 'echo "a # b"'),
        ("curl http://x/#a", "curl http://x/#a"),
        ("echo 'open # quote", "echo 'open # quote"),
    ],
)
def test_comments_are_no_part_of_a_command(line: str, bare: str):
    assert check_docs.without_comment(line) == bare


def test_every_setting_has_a_variable():
    assert {"REPARTEE_DATA_DIR", "REPARTEE_LLM__API_KEY", "REPARTEE_API__KEYS"} <= set(check_docs.variables())

"""Which version each name means, for one kind, in one file.

All aliases of a kind stand in one small JSON file that is replaced at once (`os.replace`), instead of in one
link each: a promotion moves champion and previous together, and an embedder's champion carries the index that
was built with it, so that no reader can pair a model with the index of another. A link holds one name and
cannot say that.
"""

from pathlib import Path
from typing import Final, Literal, get_args

import orjson
from pydantic import Field, ValidationError

from repartee_tune.errors import TuneError
from repartee_tune.registry.durable import replace_file
from repartee_tune.registry.events import Event
from repartee_tune.registry.manifest import Record, VersionId

Alias = Literal["champion", "shadow", "canary", "previous"]
ALIASES: Final[tuple[Alias, ...]] = get_args(Alias)
FILE: Final = "aliases.json"


class Target(Record):
    """What an alias means: a version and, for an embedder, the index that holds its vectors."""

    version: VersionId
    index: str | None = None


class AliasTable(Record):
    """`aliases.json`. `event` is the change that made this table; `revision` counts the changes."""

    format: Literal[1] = 1
    revision: int = 0
    aliases: dict[Alias, Target] = Field(default_factory=dict)
    event: Event | None = None

    def version(self, alias: Alias) -> str | None:
        """Return the version that the alias means, or None."""
        target = self.aliases.get(alias)
        return target.version if target else None


def read_aliases(kind_folder: Path) -> AliasTable:
    """Read all aliases in one go. Raises TuneError where the file is damaged."""
    path = kind_folder / FILE
    try:
        return AliasTable.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return AliasTable()
    except ValidationError as error:
        raise TuneError(
            f"{path} is damaged ({error.errors()[0]['msg']}): restore it from events.jsonl"
        ) from None


def write_aliases(kind_folder: Path, table: AliasTable) -> None:
    """Replace the table at once; only under the registry's lock."""
    content = orjson.dumps(
        table.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )
    replace_file(kind_folder / FILE, content)

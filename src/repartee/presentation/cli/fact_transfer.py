"""`repartee facts export` and `import`: all that is known of facts, one JSON object per line."""

import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from repartee.application.import_facts import FactRecord, Imported
from repartee.domain.fact import Fact
from repartee.presentation.cli.fact_files import parsed, valid
from repartee.presentation.cli.facts_backend import opened_directly, opened_facts
from repartee.presentation.cli.failures import EXPECTED, RunFailed, UserMistake, exit_status, one_line
from repartee.presentation.cli.load_facts import counted, shown_progress
from repartee.presentation.cli.output_files import opened_output
from repartee.presentation.cli.runtime import Runtime
from repartee.presentation.ndjson import line_of

_STEP: Final = 1_000


def export_facts(runtime: Runtime, user_id: str | None, out: Path | None) -> str:
    """Write the facts of a user, or of all users, and return what to say."""
    if user_id is not None:
        with opened_facts(runtime) as backend:
            facts = ((user_id, fact) for fact in backend.facts(user_id, superseded=True))
            return f"exported {_written(facts, out)} of {user_id}"
    with opened_directly(runtime) as local:
        said = f"exported {_written(local.all_facts(), out)} of all users"
        former = local.former_profiles()
    if not former:
        return said
    return (
        f"{said}; left out is what only {', '.join(former)} holds: `repartee facts reindex` carries it over"
    )


def import_facts(runtime: Runtime, path: Path) -> str:
    """Check the whole file, then store its facts, and return what to say."""
    total = sum(1 for _ in read_records(path))
    done = 0

    def show(count: int) -> None:
        nonlocal done
        done = count
        shown(count)

    with opened_directly(runtime) as local, shown_progress(total) as shown:
        try:
            imported = local.load(read_records(path), show)
        except EXPECTED as error:
            failure = UserMistake if exit_status(error) == 2 else RunFailed
            raise failure(f"{_so_far(done, total)}: {one_line(error)}; running it again is safe") from None
        except KeyboardInterrupt:
            raise RunFailed(f"{_so_far(done, total)}: interrupted; running it again is safe") from None
    return _outcome(imported)


def read_records(path: Path) -> Iterator[FactRecord]:
    """Yield the facts of an exported file. Raises UserMistake that names the file and the line."""
    if path.exists() and not path.is_file():
        raise UserMistake(f"{path}: must be a file: it is read twice")
    places: dict[str, int] = {}
    for number, row in _rows(path):
        place = f"{path}, line {number}"
        record = valid(place, FactRecord, parsed(path, _decoded(place, row), number))
        if record.id in places:
            raise UserMistake(f"{place}: id: {record.id} is in line {places[record.id]} already")
        places[record.id] = number
        yield record


def _rows(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                row = line.removeprefix(BOM_UTF8).strip()
                if row:
                    yield number, row
    except OSError as error:
        raise UserMistake(f"{path}: {error.strerror}") from None


def _decoded(place: str, row: bytes) -> str:
    try:
        return row.decode()
    except UnicodeDecodeError:
        raise UserMistake(f"{place}: is not UTF-8 text: save the file as UTF-8") from None


def _written(facts: Iterable[tuple[str, Fact]], out: Path | None) -> str:
    """Write the facts and return how many there were."""
    count = 0
    show = _shown_count()
    with opened_output(out) as file:
        for user_id, fact in facts:
            file.write(line_of({"user_id": user_id, **fact.model_dump(mode="json")}))
            count += 1
            show(count)
    return counted(count)


def _shown_count() -> Callable[[int], None]:
    def show(count: int) -> None:
        if count % _STEP == 0:
            print(f"exported {count}", file=sys.stderr, flush=True)

    return show


def _so_far(done: int, total: int) -> str:
    return f"imported {done} of {counted(total)}"


def _outcome(imported: Imported) -> str:
    parts = [f"imported {counted(imported.written)}"]
    if imported.there:
        parts.append(f"{imported.there} were there and stay as they are")
    if imported.foreign:
        parts.append(f"{imported.foreign} skipped, for their ids belong to other users")
    return "; ".join(parts)

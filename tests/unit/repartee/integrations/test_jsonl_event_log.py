import asyncio
import json
import os
from pathlib import Path

import pytest

from repartee.integrations.jsonl_event_log import JsonlEventLog


def _events(folder: Path) -> list[dict]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]
    ]


async def test_each_event_is_one_line_in_order_whatever_is_in_it(tmp_path: Path) -> None:
    log = JsonlEventLog(tmp_path / "events", max_bytes=1 << 20)
    texts = ["a\nb", "\u2028", "Привет", '{"x":1}\n{"level":"info"}', "\x1b[31m"]
    for number, text in enumerate(texts):
        await log.append({"number": number, "text": text})
    await log.close()
    assert [event["text"] for event in _events(tmp_path / "events")] == texts


async def test_concurrent_events_are_never_torn(tmp_path: Path) -> None:
    log = JsonlEventLog(tmp_path, max_bytes=1 << 20)
    await asyncio.gather(*(log.append({"number": number, "pad": "x" * 5_000}) for number in range(50)))
    await log.close()
    assert sorted(event["number"] for event in _events(tmp_path)) == list(range(50))


async def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    log = JsonlEventLog(tmp_path, max_bytes=1_000)
    for number in range(30):
        await log.append({"number": number, "pad": "x" * 100})
    await log.close()
    assert len(list(tmp_path.glob("*.jsonl"))) >= 3
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.glob("*.jsonl"))
    assert [event["number"] for event in _events(tmp_path)] == list(range(30))


async def test_only_the_operator_may_read_it(tmp_path: Path) -> None:
    log = JsonlEventLog(tmp_path, max_bytes=1_000)
    await log.append({})
    await log.close()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.jsonl")} == {0o600}


async def test_a_short_write_leaves_whole_lines_and_says_so(tmp_path: Path, monkeypatch) -> None:
    log = JsonlEventLog(tmp_path, max_bytes=1 << 20)
    await log.append({"number": 0})
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:5]))
    with pytest.raises(OSError, match="full"):
        await log.append({"number": 1})
    monkeypatch.undo()
    await log.append({"number": 2})
    await log.close()
    assert [event["number"] for event in _events(tmp_path)] == [0, 2]


async def test_a_folder_that_cannot_be_made_is_an_os_error_and_the_next_event_tries_again(
    tmp_path: Path,
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    log = JsonlEventLog(blocked, max_bytes=1_000)
    with pytest.raises(OSError, match=r"exists|directory"):
        await log.append({"number": 0})
    blocked.unlink()
    await log.append({"number": 1})
    await log.close()
    assert [event["number"] for event in _events(blocked)] == [1]

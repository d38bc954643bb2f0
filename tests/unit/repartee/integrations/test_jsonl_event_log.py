import asyncio
import json
import os
import subprocess
import sys
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


# --- reading and forgetting ---------------------------------------------------------------------------


def _reply(number: int, user_id: str) -> dict:
    return {"type": "reply", "reply": {"id": f"r{number}"}, "user": {"id": user_id}, "number": number}


async def _forgotten(folder: Path, user_id: str) -> int:
    return await JsonlEventLog(folder, max_bytes=1 << 20).forget(user_id)


async def test_lines_that_do_not_parse_and_those_of_others_stay_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "events-1-1-0000.jsonl"
    kept = [
        b'{"type": "reply",  "user": {"id":"bob"}}\r\n',
        b"\n",
        b'["ann"]\n',
        b'"ann" \xff\n',
        b'{"user":{"id":"ann"',
    ]
    mine = b'{"type":"reply","user":{"id":"ann"},"reply":{"id":"r1"}}\n'
    path.write_bytes(b"".join([kept[0], mine, *kept[1:4], mine, kept[4]]))
    assert await _forgotten(tmp_path, "ann") == 2
    assert path.read_bytes() == b"".join(kept)


async def test_feedback_that_stands_before_its_reply_is_found(tmp_path: Path) -> None:
    feedback = {"type": "feedback", "reply_id": "r1", "user_id": None}
    (tmp_path / "events-1-1-0000.jsonl").write_text(json.dumps(feedback) + "\n")
    (tmp_path / "events-2-1-0000.jsonl").write_text(json.dumps(_reply(1, "ann")) + "\n")
    log = JsonlEventLog(tmp_path, max_bytes=1_000)
    assert [event async for event in log.of_user("ann")] == [feedback, _reply(1, "ann")]
    assert await log.forget("ann") == 2


async def test_an_interrupted_forgetting_leaves_no_feedback_whose_owner_is_unknown(
    tmp_path: Path, monkeypatch
) -> None:
    reply, feedback = tmp_path / "events-1-1-0000.jsonl", tmp_path / "events-2-1-0000.jsonl"
    reply.write_text(json.dumps(_reply(1, "ann")) + "\n")
    feedback.write_text(json.dumps({"type": "feedback", "reply_id": "r1", "user_id": None}) + "\n")
    real, left = os.fsync, [1]

    def killed(descriptor: int) -> None:
        if not left:
            raise OSError(28, "full")
        real(descriptor)
        left.clear()

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(OSError, match="full"):
        await _forgotten(tmp_path, "ann")
    monkeypatch.undo()
    await _forgotten(tmp_path, "ann")
    assert (reply.read_bytes(), feedback.read_bytes()) == (b"", b"")


async def test_a_rewritten_file_keeps_its_permissions_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    log = JsonlEventLog(tmp_path, max_bytes=1_000)
    await log.append(_reply(1, "ann"))
    [path] = tmp_path.iterdir()
    path.chmod(0o640)
    (tmp_path / f".{path.name}.rewritten").write_text("left by a process that was killed")
    await log.forget("ann")
    assert [(left.name, left.stat().st_mode & 0o777) for left in tmp_path.iterdir()] == [(path.name, 0o640)]


async def test_a_file_that_cannot_be_rewritten_stays_whole_and_that_is_said(
    tmp_path: Path, monkeypatch
) -> None:
    log = JsonlEventLog(tmp_path, max_bytes=1_000)
    await log.append(_reply(1, "ann"))
    await log.append(_reply(2, "bob"))

    def full(_: int) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        await log.forget("ann")
    assert [event["number"] for event in _events(tmp_path)] == [1, 2]
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_file_that_somebody_deleted_is_followed_by_another(tmp_path: Path) -> None:
    log = JsonlEventLog(tmp_path, max_bytes=1_000)
    await log.append({"number": 0})
    [path] = tmp_path.iterdir()
    path.unlink()
    await log.append({"number": 1})
    assert [event["number"] for event in _events(tmp_path)] == [1]


_WRITER = """
import asyncio, sys
from pathlib import Path
from repartee.integrations.jsonl_event_log import JsonlEventLog

async def main():
    log = JsonlEventLog(Path(sys.argv[1]), max_bytes=20_000)
    for number in range(600):
        user = {"id": "ann" if number % 3 == 0 else "bob"}
        await log.append({"type": "reply", "reply": {"id": f"{sys.argv[2]}-{number}"}, "user": user})
        if number == 50:
            print("under way", flush=True)
    await log.close()

asyncio.run(main())
"""


async def test_forgetting_while_other_processes_write_loses_and_tears_no_line(tmp_path: Path) -> None:
    def started(name: str) -> "subprocess.Popen[bytes]":
        arguments = [sys.executable, "-c", _WRITER, str(tmp_path), name]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE)

    log = JsonlEventLog(tmp_path, max_bytes=20_000)
    with started("x") as first, started("y") as second:
        for process in (first, second):
            assert process.stdout
            process.stdout.readline()
        forgotten = 0
        while first.poll() is None or second.poll() is None:
            forgotten += await log.forget("ann")
    assert (first.returncode, second.returncode) == (0, 0)
    forgotten += await log.forget("ann")
    left = [event["reply"]["id"] for event in _events(tmp_path)]
    assert forgotten == 400
    assert sorted(left) == sorted(f"{name}-{number}" for name in "xy" for number in range(600) if number % 3)

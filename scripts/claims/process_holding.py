"""What a process holds, as the kernel sees it: memory, open files, sockets, threads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holding:
    """What a process holds: bytes of resident memory, open files, sockets, threads."""

    resident: int
    files: int
    sockets: int
    threads: int


def holding(pid: int) -> Holding:
    """Return what a process holds, as the kernel says."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    status = dict(line.split(":", 1) for line in lines)
    kinds = list(_open_files(pid))
    sockets = sum(kind.startswith("socket:") for kind in kinds)
    resident = int(status["VmRSS"].split()[0]) * 1024
    return Holding(resident, len(kinds) - sockets, sockets, int(status["Threads"]))


def connected_to(pid: int, port: int) -> int:
    """Return how many of a process's sockets lead to this port of the loopback interface."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]]
    there = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{port:04X}")}
    return sum(kind in there for kind in _open_files(pid))


def _open_files(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(link.readlink())
        except FileNotFoundError:  # closed between the list and the look
            continue

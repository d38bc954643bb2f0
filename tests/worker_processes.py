"""The worker processes of a running service, as the kernel sees them."""

from pathlib import Path

SEVERAL = {
    "REPARTEE_QDRANT__URL": "http://127.0.0.1:9",  # nobody asks for facts here
    "REPARTEE_QDRANT__PREFER_GRPC": "false",
}
"""Settings that several workers need: a store that is not the embedded one."""


def workers_of(pid: int) -> list[int]:
    """Return the processes that serve for the one that watches, none where it serves itself."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def connections_of(pid: int, port: int) -> int:
    """Return how many clients are connected to this process at the port."""
    established = {
        fields[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[1].endswith(f":{port:04X}") and fields[3] == "01"
    }
    held = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(name.removeprefix("socket:[").removesuffix("]") in established for name in held)


def alive(pids: list[int]) -> list[int]:
    """Return those that are there."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

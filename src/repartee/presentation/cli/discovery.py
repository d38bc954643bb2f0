"""How a command finds the API that is running on this machine."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from repartee.presentation.cli.failures import ApiUnreachable, UserMistake
from repartee.presentation.cli.runtime import ClientSettings

_FAST: Final = httpx2.Timeout(0.5)
_PATIENT: Final = httpx2.Timeout(2.0, connect=0.5)  # somebody is there, and may be busy
_REMOTE: Final = httpx2.Timeout(5.0)


@dataclass(frozen=True, slots=True)
class Serving:
    """A process that says it serves."""

    url: str
    pid: int


class ServerFile:
    """`server.json` in the data folder: where the API is, and which process it is."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "server.json"

    @contextmanager
    def holding(self, url: str) -> Iterator[None]:
        """Say where this process serves, and take it back at the end; a read-only folder is no error."""
        mine = Serving(_from_here(url), os.getpid())
        with suppress(OSError):
            self._write(mine)
        try:
            yield
        finally:
            if self.read() == mine:
                with suppress(OSError):
                    self._path.unlink()

    def read(self) -> Serving | None:
        """Return what the file says, None if it is missing or says nothing sensible."""
        try:
            content = json.loads(self._path.read_bytes())
            url, pid = content["url"], content["pid"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            return None
        if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
            return None
        return Serving(url, pid)

    def _write(self, serving: Serving) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.{serving.pid}")
        fresh.write_text(json.dumps({"url": serving.url, "pid": serving.pid}), encoding="utf-8")
        fresh.replace(self._path)


def find_api(settings: ClientSettings, url: str | None = None) -> str | None:
    """Return the address of a running API, None if there is none here.

    `url`, or else the configured address, is the operator's word: if nothing answers there that is an error.
    Raises ApiUnreachable, UserMistake.
    """
    named = url or settings.url
    if named:
        return _named(named.rstrip("/"))
    serving = ServerFile(settings.data_dir).read()
    if serving and _alive(serving.pid) and service_at(serving.url, _PATIENT) == "repartee":
        return serving.url
    return settings.default_url if service_at(settings.default_url, _FAST) == "repartee" else None


def service_at(url: str, timeout: httpx2.Timeout = _FAST) -> str | None:
    """Return what the service at `url` calls itself: "" if it does not say, None if nothing answers."""
    try:
        with httpx2.Client(trust_env=False, timeout=timeout) as http:
            answer = http.get(f"{url}/healthz")
            content = answer.json() if answer.status_code == 200 else None
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return None
    except (ValueError, RecursionError):
        return ""
    name = content.get("service") if isinstance(content, dict) else None
    return name if isinstance(name, str) else ""


def _named(url: str) -> str:
    service = service_at(url, _REMOTE)
    if service is None:
        raise ApiUnreachable(
            f"nothing answers at {url}: start `repartee serve` there, or drop REPARTEE_API__URL and --api"
        )
    if service != "repartee":
        raise UserMistake(f"what answers at {url} is not Repartee: correct REPARTEE_API__URL or --api")
    return url


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _from_here(url: str) -> str:
    """An address that means "every interface" is reached from this machine through the loopback one."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")

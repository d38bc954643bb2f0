"""Who may come in: keys, or whoever is on this machine."""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

from repartee.domain.errors import Forbidden, Unauthorized

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  # a name, not an address to listen on

HeaderFields = Mapping[bytes, bytes]


def fields_of(scope: Scope) -> HeaderFields:
    """Return the request's header fields by their lower-case names, of a repeated one the first."""
    return dict(reversed(scope["headers"]))


class Door:
    """Who may come in.

    With keys: whoever has one; they are kept as digests and compared in constant time. A key of `user_keys`
    opens one user only. Without keys: programs on this machine, but not web pages of others that a browser on
    it happens to show; so `Host` must name this machine, and `Origin` too or be one of `origins`.
    `open_to_all` leaves it to a gateway in front.
    """

    def __init__(
        self,
        keys: Iterable[str],
        *,
        user_keys: Mapping[str, str] | None = None,
        open_to_all: bool = False,
        origins: Collection[str] = (),
    ) -> None:
        owners = {**(user_keys or {}), **dict.fromkeys(keys)}
        self._owners = {hashlib.sha256(key.encode()).digest(): owner for key, owner in owners.items()}
        self._open_to_all = open_to_all
        self.origins = tuple(origins)

    @property
    def has_keys(self) -> bool:
        """Whether a key is needed."""
        return bool(self._owners)

    def check(self, fields: HeaderFields) -> str | None:
        """Return the one user whom the caller may see, None for all. Raises Unauthorized, or Forbidden."""
        if self._owners:
            return self._owner(fields)
        if not self._open_to_all:
            self._check_machine(fields)
        return None

    def _owner(self, fields: HeaderFields) -> str | None:
        digest = digest_of_key(fields)
        owners = [owner for known, owner in self._owners.items() if hmac.compare_digest(digest, known)]
        if not owners:
            raise Unauthorized("send a valid key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        return owners[0]

    def _check_machine(self, fields: HeaderFields) -> None:
        origin = fields.get(b"origin", b"").decode("latin-1")
        if origin in self.origins:
            origin = ""
        host = "//" + fields.get(b"host", b"localhost").decode("latin-1")
        if not _names_this_machine(host) or (origin and not _names_this_machine(origin)):
            raise Forbidden(
                "without keys only this machine is served: set REPARTEE_API__KEYS, or "
                "REPARTEE_API__ALLOW_ANONYMOUS=true where a gateway checks callers"
            )


def digest_of_key(fields: HeaderFields) -> bytes:
    """Return the digest of the key that a request brings, of nothing where it brings none."""
    scheme, _, token = fields.get(b"authorization", b"").partition(b" ")
    given = fields.get(b"x-api-key") or (token.strip() if scheme.lower() == b"bearer" else b"")
    return hashlib.sha256(given).digest()


@lru_cache(maxsize=64)
def _names_this_machine(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _THIS_MACHINE
    except ValueError:
        return False

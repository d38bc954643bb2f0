"""What a key that belongs to one user may reach: that user, and what belongs to nobody."""

import re
from typing import Final

from starlette.requests import Request

from repartee.domain.errors import Forbidden

_OF_NOBODY: Final = re.compile(
    r"/(generate|digest|feedback|characters(/.*)?|v1/.*|docs(/oauth2-redirect)?|redoc|openapi\.json)"
)


def refuse_others(path: str, own: str) -> None:
    """Raise Forbidden for every path that is not the user's own; a path that is not known is not."""
    of_users = path.startswith("/users/") and path.split("/")[2] == own
    if not of_users and not _OF_NOBODY.fullmatch(path):
        raise Forbidden("this key opens one user and nothing else: use one of REPARTEE_API__KEYS")


def own_user(request: Request, given: str | None, field: str) -> str | None:
    """Return whom a request is about: who is named, else whom the key belongs to. Raises Forbidden."""
    own: str | None = request.scope["state"]["own_user"]
    if own is not None and given not in {None, own}:
        raise Forbidden(f"{field}: this key belongs to another user: leave the user out")
    return given or own

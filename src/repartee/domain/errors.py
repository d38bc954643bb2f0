"""Everything that can go wrong, and what the caller can do about it.

ReparteeError
├── InvalidInput                 the caller's value is wrong: `field` names it, the message says the fix
├── NotFound                     no such fact, character or reply
├── Conflict                     the change would contradict what is stored
├── Unauthorized                 a key is needed and was not given, or is wrong
├── Forbidden                    a web page of somebody else, or a key that belongs to another user
├── ConfigurationError           the operator's value is wrong: found at start, never per request
│   └── StoreLocked              another process owns the embedded store
├── DeadlineExceeded             the time given to the whole request is spent
├── Refused                      too much at once: `retry_after` says when to come again
│   ├── Overloaded               the service has no place free
│   └── RateLimited              this key has asked too often
└── UpstreamError                a dependency failed: `dependency` names it
    ├── CircuitOpen              it failed too often and is not asked for a few seconds
    ├── UpstreamTransient        a retry may help
    │   ├── UpstreamUnreachable  no connection, or it broke before an answer
    │   ├── UpstreamTimeout      no answer in the time given to one attempt
    │   ├── UpstreamRateLimited  429; `retry_after` in seconds where the upstream said so
    │   └── UpstreamUnavailable  5xx
    └── UpstreamRejected         a retry would get the same answer
        ├── UpstreamMisconfigured  401, 403, 404: key, model or address is wrong
        ├── UpstreamOutOfCredits   402
        ├── UpstreamModerated      the provider refused the content
        ├── UpstreamRefusedRequest other 4xx, such as a context that is too long
        └── UpstreamInvalid        an answer that cannot be read as what was asked for

Messages never hold a key, a fact or a message's text: they reach logs and clients.
"""

from typing import ClassVar


class ReparteeError(Exception):
    """Root of every expected failure. `code` is stable and meant for programs."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(ReparteeError):
    """The caller's value is wrong; `field` is its dotted path in the request."""

    code = "invalid_input"

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class NotFound(ReparteeError):
    """What the caller named does not exist."""

    code = "not_found"


class Conflict(ReparteeError):
    """The change would contradict what is stored."""

    code = "conflict"


class Unauthorized(ReparteeError):
    """A key is needed and was not given, or is wrong."""

    code = "unauthorized"


class Forbidden(ReparteeError):
    """A web page of somebody else asks, or a key that belongs to another user."""

    code = "forbidden"


class ConfigurationError(ReparteeError):
    """The operator's setting is wrong; raised at start with the fix in the message."""

    code = "configuration"


class StoreLocked(ConfigurationError):
    """Another process owns the embedded store."""

    code = "store_locked"


class DeadlineExceeded(ReparteeError):
    """The time given to the whole request is spent."""

    code = "upstream_timeout"


class Refused(ReparteeError):
    """More than can be served; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Overloaded(Refused):
    """The service has no place free, and none came free in time."""

    code = "overloaded"


class RateLimited(Refused):
    """This key has asked more often than the operator allows."""

    code = "rate_limited"


class UpstreamError(ReparteeError):
    """A dependency failed. `retry_after` is in seconds, where the upstream named it."""

    code = "upstream_error"

    def __init__(self, message: str, dependency: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.dependency = dependency
        self.retry_after = retry_after


class CircuitOpen(UpstreamError):
    """The dependency failed too often lately; it was not asked."""

    code = "upstream_circuit_open"


class UpstreamTransient(UpstreamError):
    """A retry may help."""


class UpstreamUnreachable(UpstreamTransient):
    """No connection, or it broke before an answer."""

    code = "upstream_unreachable"


class UpstreamTimeout(UpstreamTransient):
    """No answer in the time given to one attempt."""

    code = "upstream_timeout"


class UpstreamRateLimited(UpstreamTransient):
    """The upstream asked for fewer requests (429)."""

    code = "upstream_rate_limited"


class UpstreamUnavailable(UpstreamTransient):
    """The upstream failed on its side (5xx)."""

    code = "upstream_unavailable"


class UpstreamRejected(UpstreamError):
    """A retry would get the same answer."""


class UpstreamMisconfigured(UpstreamRejected):
    """Key, model or address is wrong (401, 403, 404, a redirect)."""

    code = "upstream_config"


class UpstreamOutOfCredits(UpstreamRejected):
    """The account has no credits left (402)."""

    code = "upstream_credits"


class UpstreamModerated(UpstreamRejected):
    """The provider refused the content."""

    code = "upstream_moderation"


class UpstreamRefusedRequest(UpstreamRejected):
    """Another 4xx, such as a context that is too long for the model."""

    code = "upstream_refused"


class UpstreamInvalid(UpstreamRejected):
    """The answer cannot be read as what was asked for."""

    code = "upstream_invalid"

"""What an error of the Qdrant client, of gRPC or of HTTP below it means."""

import re
from typing import Final

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import httpx
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from repartee.domain.errors import (
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamRefusedRequest,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from repartee.integrations.transport import error_for_failure, error_for_status

_LOCAL_MODE_MISSING: Final = re.compile(r"Collection .* not found")


class CollectionMissing(UpstreamMisconfigured):
    """The server is there, the collection is not."""


VENDOR_ERRORS: Final = (
    ApiException,
    QdrantException,
    grpc.RpcError,
    grpc.aio.BaseError,
    httpx.HTTPError,
    httpx.InvalidURL,
    OSError,
    ValueError,  # local mode, and answers that the client cannot read
    RuntimeError,  # a closed client
    AssertionError,  # an answer without a result
)
_GRPC_CODES: Final[dict[grpc.StatusCode, type[UpstreamError]]] = {
    grpc.StatusCode.OK: UpstreamInvalid,
    grpc.StatusCode.CANCELLED: UpstreamUnreachable,
    grpc.StatusCode.UNKNOWN: UpstreamUnavailable,
    grpc.StatusCode.INVALID_ARGUMENT: UpstreamRefusedRequest,
    grpc.StatusCode.DEADLINE_EXCEEDED: UpstreamTimeout,
    grpc.StatusCode.NOT_FOUND: CollectionMissing,
    grpc.StatusCode.ALREADY_EXISTS: UpstreamRefusedRequest,
    grpc.StatusCode.PERMISSION_DENIED: UpstreamMisconfigured,
    grpc.StatusCode.RESOURCE_EXHAUSTED: UpstreamRateLimited,
    grpc.StatusCode.FAILED_PRECONDITION: UpstreamRefusedRequest,
    grpc.StatusCode.ABORTED: UpstreamUnavailable,
    grpc.StatusCode.OUT_OF_RANGE: UpstreamRefusedRequest,
    grpc.StatusCode.UNIMPLEMENTED: UpstreamMisconfigured,
    grpc.StatusCode.INTERNAL: UpstreamUnavailable,
    grpc.StatusCode.UNAVAILABLE: UpstreamUnreachable,
    grpc.StatusCode.DATA_LOSS: UpstreamUnavailable,
    grpc.StatusCode.UNAUTHENTICATED: UpstreamMisconfigured,
}


def translated_qdrant_error(dependency: str, error: Exception) -> UpstreamError:
    """Return what an error of the client, gRPC or HTTP means. Its text may quote facts and is left out."""
    match error:
        case ResponseHandlingException():
            return translated_qdrant_error(dependency, error.source)
        case ResourceExhaustedResponse():
            return UpstreamRateLimited(
                f"{dependency} asked for fewer requests", dependency, float(error.retry_after_s)
            )
        case UnexpectedResponse(status_code=404):
            return CollectionMissing(f"{dependency} answered 404: check its URL", dependency)
        case UnexpectedResponse():
            return error_for_status(dependency, error.status_code or 0, error.headers)
        case grpc.aio.AioRpcError():
            kind = _GRPC_CODES[error.code()]
            hint = ": check its URL and API key" if issubclass(kind, UpstreamMisconfigured) else ""
            return kind(f"{dependency} answered {error.code().name}{hint}", dependency)
        case httpx.TimeoutException():
            return error_for_failure(dependency, TimeoutError())
        case OSError() | httpx.TransportError() | grpc.RpcError() | grpc.aio.BaseError() | RuntimeError():
            return error_for_failure(dependency, error)
        case ValueError() if _LOCAL_MODE_MISSING.fullmatch(str(error)):
            return CollectionMissing(f"{dependency} has lost the collection", dependency)
    return UpstreamInvalid(f"{dependency} gave an answer that cannot be read", dependency)

"""The socket on which the API is served."""

import socket

from repartee.domain.errors import ConfigurationError


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that has the address and does not listen yet. Raises ConfigurationError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another --port, 0 takes a free one"
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address as clients write it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

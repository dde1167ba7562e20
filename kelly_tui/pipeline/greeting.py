"""Whether what listens at an address is a scheduler of Dask's, which greets whoever comes.

Dask itself would wait for a minute for a web server to greet it, and make as much room as random bytes say.
"""

from __future__ import annotations

import socket
import ssl
import time

from kelly_tui.errors import StageError

_LONGEST = 1 << 16
"""Bytes of a greeting; Dask's has about 60."""

_SAYS = b"pickle-protocol"
"""A key that every greeting has."""


def must_greet(address: str, host: str, port: int, context: ssl.SSLContext | None, patience: float) -> None:
    """Raise `StageError` where nothing, or anything else, answers at `address` within `patience` seconds.

    A greeting is the number of its bytes, in eight, little end first, and these bytes (distributed.comm.tcp).
    """
    end = time.monotonic() + patience
    try:
        with socket.create_connection((host, port), patience) as plain:
            plain.settimeout(max(0.1, end - time.monotonic()))
            if context is None:
                said = _greeting(plain, end)
            else:
                with context.wrap_socket(plain, server_hostname=host) as safe:
                    said = _greeting(safe, end)
    except (OSError, UnicodeError) as error:  # the latter for what can't be a name, such as a..b
        why = "there is no such host" if isinstance(error, UnicodeError | socket.gaierror) else _reason(error)
        raise StageError(
            f"no cluster answers at {address} ({why})", hint="The README says how one is started."
        ) from None
    if _SAYS not in said:
        raise StageError(f"what listens at {address} is no scheduler of Dask's", hint="Check the port.")


def _greeting(door: socket.socket, end: float) -> bytes:
    """What is said first; nothing where that is no greeting."""
    size = int.from_bytes(_read(door, 8, end), "little")
    return _read(door, size, end) if size <= _LONGEST else b""


def _read(door: socket.socket, size: int, end: float) -> bytes:
    said = b""
    while len(said) < size:
        door.settimeout(max(0.001, end - time.monotonic()))
        more = door.recv(size - len(said))
        if not more:
            break
        said += more
    return said


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "it says nothing"
    return error.strerror or str(error)

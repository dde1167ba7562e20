"""The certificates that Dask's configuration names, looked at before Dask does.

It would ask at the terminal for the pass phrase of a key, twice, and say of what is no text only that it can't be
iterated.
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Any

from kelly_tui.errors import StageError

_FILES = ("ca-file", "client.cert", "client.key")
"""Under ``distributed.comm.tls``; each may also be the certificate, or the key, itself."""


def certificates(distributed: Any) -> ssl.SSLContext | None:
    """Of a client, as a context; None where none are named. Raises `StageError` where they can't be used."""
    import dask

    named = {name: dask.config.get(f"distributed.comm.tls.{name}", None) for name in (*_FILES, "ciphers")}
    for name, said in named.items():
        if not isinstance(said, str | None):
            raise StageError(
                f"distributed.comm.tls.{name} in Dask's configuration is no text",
                hint="Mend it there, or in the environment: DASK_DISTRIBUTED__COMM__TLS.",
            )
    files = list(dict.fromkeys(one for name in _FILES if (one := named[name]) and "\n" not in one))
    for one in files:
        if os.path.exists(one) and not os.path.isfile(one):  # who reads a pipe waits for whoever writes
            raise StageError("what Dask's configuration names under distributed.comm.tls is no file", path=one,
                             hint="Name a file there that holds the certificate, or the key.")  # fmt: skip
    cert = named["client.cert"]
    key = named["client.key"] or cert
    try:
        if cert and _is_encrypted(key):
            raise StageError(
                "the key that Dask's configuration names has a pass phrase, which nobody is asked for",
                path=key if key in files else None,
                hint="Name one without: openssl pkey -in KEY -out PLAIN_KEY makes it.",
            )
        context: ssl.SSLContext | None = distributed.Security().get_connection_args("client")["ssl_context"]
    except (OSError, ValueError, TypeError) as error:
        wrong = [one for one in files if not os.path.isfile(one)] or files
        why = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise StageError(
            f"the certificates that Dask's configuration names can't be used ({why})",
            path=", ".join(wrong) or None,
            hint="Look at distributed.comm.tls: ca-file, and client.key and client.cert.",
        ) from None
    return context


def _is_encrypted(key: str) -> bool:
    begin = _BEGIN_OF_KEY.search(key.encode() if "\n" in key else Path(key).read_bytes())
    return begin is not None and b"ENCRYPTED" in begin[0]


_BEGIN_OF_KEY = re.compile(rb"(?m)^-----BEGIN [A-Z ]*PRIVATE KEY-----[^\n]*\n(?:Proc-Type:[ \t]*4,[ \t]*ENCRYPTED)?")
"""Of the first, which is the one that is read."""

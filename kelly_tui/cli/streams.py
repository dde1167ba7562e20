"""Standard output and error as a command needs them: what can't be written there ends no work that is under way.

A label is saved, and a stage goes on, whether or not what they say fits on the disk that their output is sent to.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any


class _Forgiving(io.RawIOBase):
    """Writes to a descriptor; after the first failure it takes everything and writes nothing.

    That nobody reads any more is raised: it ends the work.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.error: OSError | None = None

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        whole = left = memoryview(data)
        try:
            while left and self.error is None:
                left = left[os.write(self._descriptor, left) :]
        except (BrokenPipeError, BlockingIOError):
            raise
        except OSError as error:
            self.error = error
        return len(whole)


_raw: dict[str, _Forgiving] = {}
"""What was opened, by the name of the stream."""


def open_streams() -> None:
    """What was closed (``kelly … >&-``) leads nowhere; what can't show a character shows another."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # as long as the process
        elif isinstance(stream, io.TextIOWrapper) and mode == "w":
            if stream is getattr(sys, f"__{name}__"):
                setattr(sys, name, _forgiving(name, stream))
            else:
                stream.reconfigure(errors="replace")


def _forgiving(name: str, stream: io.TextIOWrapper) -> io.TextIOWrapper:
    raw = _raw[name] = _Forgiving(stream.fileno())
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),  # type: ignore[arg-type]
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def unsaid() -> str:
    """Why not all is written that was said on standard output; nothing where it is. Raises `BrokenPipeError`."""
    with suppress(ValueError):  # closed
        sys.stdout.flush()
    error = _raw["stdout"].error if "stdout" in _raw else None
    return "" if error is None else error.strerror or str(error)

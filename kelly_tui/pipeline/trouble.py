"""What could not be read or written, and whose fault that is: the item's, or that of the machine which was at it.

A machine of a cluster may have another view of the folders than we have: mounted read-only, not at all, or lost
meanwhile. What it then says of a file is no truth about the file.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from kelly_tui.errors import DatasetError, FileRefused, KellyError
from kelly_tui.store.layout import must_be_there_for
from kelly_tui.store.partial import partials

_NOT_FOR_US = frozenset((errno.EACCES, errno.EPERM))
_NOT_HERE = frozenset((errno.ENOENT, errno.ENOTDIR))
_NO_PLACE = frozenset((errno.EROFS, errno.EIO, errno.ENOTCONN, errno.ESTALE, errno.EHOSTDOWN, errno.ETIMEDOUT))
"""Of a disk that can't be written, or a mount that has lost the machine it is of."""

_ESCAPED = re.compile(r"\\([0-7]{3})")
"""In the list of mounts a space is ``\\040``."""

_BLOCK = 1 << 20
_LOOKED_AT = 64 << 20
"""Bytes of a file that are read to see whether it can be."""


class Trouble(NamedTuple):
    """What could not be done, and may be no fault of the item."""

    what: str
    path: str
    """Absolute, of the file that it was met at; empty where none is known."""
    hint: str = ""
    worker: str = ""
    """Whose trouble it is, on a cluster."""

    def line(self, hint: str = "") -> str:
        """What, where, and what to do."""
        return str(KellyError(self.what, path=self.path or None, hint=hint))


def unread(refused: FileRefused, item: dict[str, Any]) -> Trouble | None:
    """That a file was refused since the system gave it not; None where it was read, and is no good."""
    cause = refused.__cause__ or refused.__context__
    if not isinstance(cause, OSError) or cause.errno not in _NOT_HERE | _NOT_FOR_US | _NO_PLACE:
        return None
    return Trouble(refused.what, _absolute(cause.filename or refused.path, item))


def no_place(error: OSError, item: dict[str, Any]) -> Trouble | None:
    """That the disk or the dataset's folder does not let us; None for what is the item's own fault."""
    path = _absolute(error.filename, item)
    is_ours = "root" in item and path.startswith(f"{item['root']}/")
    if error.errno in _NO_PLACE or (error.errno in _NOT_FOR_US and is_ours):
        return Trouble(str(error.strerror), path)
    return None


def is_there_after_all(path: str) -> bool:
    """Whether a file is there though the system said that it was not.

    NFS may go on saying so for half a minute, of what another machine wrote meanwhile, until its folder is opened.
    """
    with suppress(OSError):
        os.close(os.open(os.path.dirname(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    return os.path.exists(path)


def can_be_read(path: str) -> bool:
    """Whether a file can be here: it is opened and read, as far as most go, since a single sector may be bad."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            is_file = stat.S_ISREG(os.fstat(file).st_mode)
            left = _LOOKED_AT if is_file else 0
            while left > 0 and os.read(file, _BLOCK):
                left -= _BLOCK
            return is_file
        finally:
            os.close(file)
    except OSError:
        return False


def is_open(folder: Path | str) -> bool:
    """Whether a folder is there, and what lies in it can be read."""
    return os.access(folder, os.R_OK | os.X_OK)


def folder_away(path: str, folders: Iterable[Path]) -> Path | None:
    """The one of `folders` that a file would be in, were it not gone, or empty as a place where nothing is mounted."""
    for folder in folders:
        if path.startswith(f"{folder}/"):
            try:
                with os.scandir(folder) as entries:
                    if next(entries, None) is None:
                        return folder
            except OSError:
                return folder
    return None


def folder_gone(path: str, folders: Iterable[Path]) -> Path | None:
    """The outermost folder on the way to a file, at or below one of `folders`, that is not there."""
    for folder in folders:
        if path.startswith(f"{folder}/"):
            way = [one for one in Path(path).parents if one.is_relative_to(folder)]
            return next((one for one in reversed(way) if not one.is_dir()), None)
    return None


def lacking(folder: Path) -> str:
    """What is said of a folder without which its files can't be read."""
    is_closed = folder.exists() and not is_open(folder)
    return f"{folder} can't be read" if is_closed else f"{folder} is not there, or empty"


def mounts() -> frozenset[str]:
    """Where something is mounted, as far as the system tells."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:  # not Linux
        return frozenset()
    return frozenset(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), line.split(" ")[1]) for line in lines)


def mount_lost(path: str, before: frozenset[str]) -> Path | None:
    """Where a file's disk was mounted, of the places `before`, and no more is: it left an empty folder, or none."""
    real = os.path.realpath(path)
    lost = [one for one in before - mounts() if real.startswith(f"{one}/")]
    return Path(min(lost, key=len)) if lost else None


def can_be_written(folder: Path, path: str) -> bool:
    """Whether a new file can be made here, for what will lie in `folder`, as at `path`."""
    try:
        must_be_there_for(path, os.fspath(folder))
        with partials(folder) as new:
            new().touch()
    except (OSError, DatasetError):
        return False
    return True


def _absolute(path: object, item: dict[str, Any]) -> str:
    """Those of samples are told as they are named in their dataset."""
    if not isinstance(path, str | bytes | os.PathLike):
        return ""
    return os.path.join(str(item.get("root", "")), os.fsdecode(path))

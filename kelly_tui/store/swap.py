"""A file takes the place of another one, and only then is it looked at what that was.

Who looks first and replaces then loses what another program saves in between. Here the two change places at once, so
that what lay there is in hand, whoever saved it and when, and is put back where it is not what was expected.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

_HERE = -100
"""``AT_FDCWD``: paths are from the working directory on."""
_NO_REPLACE, _EXCHANGE = 1, 2
"""Flags of Linux's ``renameat2``."""
_NOT_OFFERED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EMLINK)
"""What file systems answer that don't know of it."""


class Seen(NamedTuple):
    """A file as it lies, not what a link leads to: another one, or a write into this one, shows."""

    inode: int
    size: int
    mtime_ns: int
    is_link: bool


def seen(path: Path) -> Seen | None:
    """None where there is nothing."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Seen(status.st_ino, status.st_size, status.st_mtime_ns, stat.S_ISLNK(status.st_mode))


def take_place(
    new: Path, path: Path, is_expected: Callable[[Path], bool], keep: Callable[[Path], object]
) -> Seen | None:
    """Let the written file `new` take the place of `path`, at once and whole; how it lies there.

    None where what lies there by then is not what `is_expected`, or is being written into: it stays. Under the name
    `new` lies afterwards what is not wanted. If even while it is put back another program saves there, the later one of
    the two is handed to `keep`. Raises `OSError`.
    """
    mine = seen(new)
    try:
        lay_there = swap(new, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = path.with_name(new.name)  # a part of the dataset is mounted from another disk
        try:
            shutil.copy2(new, beside)
            return take_place(beside, path, is_expected, keep)
        finally:
            beside.unlink(missing_ok=True)
    if not lay_there or (not _is_being_written(new) and is_expected(new)):  # in this order
        return mine
    if swap(new, path) and seen(new) != mine:
        keep(new)
    return None


def swap(one: Path, other: Path) -> bool:
    """Let two files change names at once; False where there is no `other`, and `one` has its name. Raises `OSError`.

    Where the file system can't do that, what is saved between two system calls is not seen.
    """
    while True:
        try:
            return _exchanged(one, other)
        except FileNotFoundError:
            pass
        try:
            move(one, other)
        except FileExistsError:  # which another program made just now
            continue
        return False


def _exchanged(one: Path, other: Path) -> bool:
    try:
        _renameat2(one, other, _EXCHANGE)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
        old = one.with_name(f"{one.name}-")
        try:
            os.link(other, old, follow_symlinks=False)
        except OSError as no_link:
            if no_link.errno not in _NOT_OFFERED:
                raise
            shutil.copy2(other, old, follow_symlinks=False)
        try:
            os.replace(one, other)
            os.replace(old, one)
        finally:
            old.unlink(missing_ok=True)
    return True


def move(one: Path, other: Path) -> None:
    """Give a file another name, which no other has. Raises `FileExistsError`."""
    try:
        _renameat2(one, other, _NO_REPLACE)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
        try:
            os.link(one, other, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:
            os.replace(one, other)
        else:
            os.unlink(one)


def _renameat2(one: Path, other: Path, flag: int) -> None:
    call = _system_call()
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), os.fspath(other))
    if call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), flag):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(one), None, os.fspath(other))


@cache
def _system_call() -> ctypes._NamedFuncPointer | None:
    """Linux's ``renameat2``; None elsewhere."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def _is_being_written(path: Path) -> bool:
    """Whether another program has a file open to write into it, as far as the system tells: it only gives a lease to
    read where none has.

    Who has opened it when it lay in its place may write at any later time, and nobody would see it.
    """
    if sys.platform != "linux":
        return False
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # a link, or not ours to read
        return False
    try:
        fcntl.fcntl(
            file, fcntl.F_SETSIG, signal.SIGURG
        )  # of who opens it meanwhile by another name: ignored, not fatal
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(file)  # which lets go of it
    return False

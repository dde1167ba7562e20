"""What lies in a dataset, as a stranger's: no path leads out, nothing is waited for, no more is read than is believed.

A dataset is handed on as a folder. Any file of it may be a link to elsewhere, a pipe that nobody writes to, a device,
or said to be larger than all disks.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.text import safe_text

_OUT = "the path leads out of the dataset through a link"
_CIRCLE = "the path leads in a circle through a link"

_NO_HOLE = 1 << 30
"""Bytes of a file that may be anything. A larger one of which the disk holds no thousandth only says that it is large:
to read it would take days."""
_SMALL = 1 << 16
"""Bytes of a file in which a hole is no bomb."""


def inside(root: Path, relative: str) -> Path:
    """The path of a dataset's file, or `FileRefused`: absolute, ``..``, a link that leads out, a device, a pipe."""
    status_inside(root, relative)
    return root / relative


def status_inside(root: Path | str, relative: str) -> os.stat_result | None:
    """Of the dataset's file or folder there, None where there is none. Raises `FileRefused` as `inside`, `OSError`."""
    parts = [part for part in relative.split("/") if part not in ("", ".")]  # of a million, pathlib would take minutes
    if not parts or relative.startswith("/") or ".." in parts or "\0" in relative:
        raise FileRefused("the path does not stay in the dataset", path=relative)
    here = os.fspath(root)
    try:
        for part in parts:
            here = f"{here}/{part}"
            status = os.lstat(here)
            if stat.S_ISLNK(status.st_mode):  # only then need it be asked where all of it leads
                there = os.path.realpath(os.path.join(root, *parts))
                if not there.startswith(f"{os.path.realpath(root)}/"):
                    raise FileRefused(_OUT, path=relative)
                status = os.stat(there)
                break
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise FileRefused(_CIRCLE, path=relative) from None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise FileRefused("the path is a device or a pipe", path=relative)
    return status


@contextmanager
def no_folder_there(path: Path) -> Iterator[None]:
    """A file is put at `path` in this block; a folder that lies there costs that file alone. Raises `FileRefused`."""
    try:
        yield
    except IsADirectoryError:
        raise FileRefused(f"a folder lies in its place: {safe_text(os.fspath(path), limit=None)}", path=path) from None


def is_plain(root: Path, path: Path) -> bool:
    """Whether there is a plain file of the dataset at `root`."""
    try:
        status = status_inside(root, _relative(root, path))
    except (FileRefused, OSError):
        return False
    return status is not None and stat.S_ISREG(status.st_mode)


def open_inside(root: Path, path: Path) -> BufferedReader:
    """A plain file of the dataset at `root`, to be read. Raises `FileRefused` as `inside`, `OSError` as ``open``."""
    relative = _relative(root, path)
    status_inside(root, relative)  # first: only to open some devices does something
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileRefused("the path is no plain file", path=relative)
        there = status_inside(root, relative)  # again: a link may have taken the place of a folder meanwhile
        if there is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
        if not os.path.samestat(status, there):
            raise FileRefused(_OUT, path=relative)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_inside(root: Path, path: Path, most: int) -> bytes:
    """The bytes of a plain file of the dataset at `root`, `most` of them. Raises `FileRefused`, `OSError`."""
    with open_inside(root, path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most or len(data := file.read(size + 1)) > most:
            raise FileRefused(f"larger than {most >> 20} MB", path=_relative(root, path))
    return data


def is_nothing(status: os.stat_result) -> bool:
    """Whether a file is nothing but a hole: it only says that it is large."""
    return status.st_size > _NO_HOLE and status.st_blocks * 512 < status.st_size / 1000


def is_hollow(file: int) -> bool:
    """Whether less than half of a file is there, and the rest is a hole, which takes no room until it is read.

    The file was just opened, and is still at its start then.
    """
    status = os.fstat(file)
    if status.st_size <= _SMALL or 1024 * status.st_blocks >= status.st_size:
        return False
    there = end = 0  # of one that is compressed, or not yet on the disk, the blocks are few too
    try:
        while 2 * there < status.st_size:
            begin = os.lseek(file, end, os.SEEK_DATA)
            end = os.lseek(file, begin, os.SEEK_HOLE)
            there += end - begin
    except OSError as error:
        if error.errno != errno.ENXIO:  # other than that nothing follows: a file system that can't say it
            return False
    finally:
        os.lseek(file, 0, os.SEEK_SET)
    return 2 * there < status.st_size


def hash_inside(root: Path, path: Path) -> str:
    """SHA-256 of a plain file of the dataset at `root`. Raises `FileRefused`, for a hole too, `OSError`."""
    with open_inside(root, path) as file:
        if is_nothing(os.fstat(file.fileno())):
            raise FileRefused("nothing but a hole", path=_relative(root, path))
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_stays(root: Path, path: Path) -> None:
    """Raises `DatasetError` for what `inside` refuses: a stranger's link would have us write anywhere."""
    try:
        status_inside(root, _relative(root, path))
    except FileRefused as refused:
        hint = "Put in its place what belongs there, or remove it."
        raise DatasetError(refused.what, path=path, hint=hint) from None


def _relative(root: Path, path: Path) -> str:
    top, text = f"{root}/", os.fspath(path)
    return text[len(top) :] if text.startswith(top) else path.relative_to(root).as_posix()

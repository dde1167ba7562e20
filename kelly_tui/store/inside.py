"""What lies in a dataset, as a stranger's: no path leads out, nothing is waited for, no more is read than is believed.

A dataset is handed on as a folder. Any file of it may be a link to elsewhere, a pipe that nobody writes to, a device,
or said to be larger than all disks.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path, PurePosixPath

from kelly_tui.errors import DatasetError, FileRefused

_OUT = "the path leads out of the dataset through a link"
_CIRCLE = "the path leads in a circle through a link"


def inside(root: Path, relative: str) -> Path:
    """The path of a dataset's file, or `FileRefused`: absolute, ``..``, a link that leads out, a device, a pipe."""
    parts = PurePosixPath(relative).parts
    if not parts or "\0" in relative or PurePosixPath(relative).is_absolute() or ".." in parts:
        raise FileRefused("the path does not stay in the dataset", path=relative)
    path, here, mode = root.joinpath(*parts), os.fspath(root), 0
    try:
        for part in parts:
            here = f"{here}/{part}"
            mode = os.lstat(here).st_mode
            if stat.S_ISLNK(mode):  # only then need it be asked where all of it leads
                if not path.resolve().is_relative_to(root.resolve()):
                    raise FileRefused(_OUT, path=relative)
                mode = path.stat().st_mode
                break
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.ELOOP:
            raise
        raise FileRefused(_CIRCLE, path=relative) from None  # `resolve` says it one way, `stat` the other
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FileRefused("the path is a device or a pipe", path=relative)
    return path


def is_plain(root: Path, path: Path) -> bool:
    """Whether there is a plain file of the dataset at `root`."""
    try:
        return inside(root, path.relative_to(root).as_posix()).is_file()
    except (FileRefused, OSError):
        return False


def open_inside(root: Path, path: Path) -> BufferedReader:
    """A plain file of the dataset at `root`, to be read. Raises `FileRefused` as `inside`, `OSError` as ``open``."""
    relative = path.relative_to(root).as_posix()
    inside(root, relative)  # first: only to open some devices does something
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileRefused("the path is no plain file", path=relative)
        there = os.path.realpath(path)  # a link may have taken the place of a folder meanwhile
        if not there.startswith(f"{os.path.realpath(root)}/") or not os.path.samestat(status, os.stat(there)):
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
            raise FileRefused(f"larger than {most >> 20} MB", path=path.relative_to(root).as_posix())
    return data


def check_stays(root: Path, path: Path) -> None:
    """Raises `DatasetError` for what `inside` refuses: a stranger's link would have us write anywhere."""
    try:
        inside(root, path.relative_to(root).as_posix())
    except FileRefused as refused:
        hint = "Put in its place what belongs there, or remove it."
        raise DatasetError(refused.what, path=path, hint=hint) from None

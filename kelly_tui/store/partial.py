"""Files on their way: written under another name, put in their place whole, and never left behind for long.

What is being written for a dataset lies in its `.kelly/partial`, one flat folder, so that what a killed process left
there is found without looking through a million files. Whoever writes holds a shared lock on that folder; `sweep` takes
it alone, so it never meets a file that a living process is at. The system lets go of the locks of the dead.

Elsewhere, as in a person's folder of sound, they lie beside what they become, under names that say whose they are.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "partial"
"""The folder in `.kelly`."""

_OURS = re.compile(r"\.kelly-[0-9a-f]{12}")


@contextmanager
def partials(folder: Path) -> Iterator[Callable[[], Path]]:
    """Gives new names to write to, for files that will lie in `folder`; what still has one at the end is removed.

    The names are short: one of 255 bytes with a suffix would be too long. Outside of a dataset they lie in `folder`.
    """
    place = _place(folder)
    made: list[Path] = []

    def new() -> Path:
        made.append(place / f".kelly-{secrets.token_hex(6)}")
        return made[-1]

    try:
        lock = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if place == folder:  # gone, and nobody asked for another
            raise
        with suppress(FileExistsError):
            os.mkdir(place)
        lock = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks; what is left there is the process's own to remove
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield new
    finally:
        for partial in made:
            with suppress(FileNotFoundError):
                os.unlink(partial)
        os.close(lock)


def put(partial: Path, path: Path) -> None:
    """Let a written file take the place of `path`, at once and whole."""
    try:
        os.replace(partial, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with beside(partial, path) as there:
            there.replace(path)


@contextmanager
def beside(partial: Path, path: Path) -> Iterator[Path]:
    """A copy of what is written, in the folder of `path`: a part of the dataset is mounted from another disk."""
    there = path.with_name(partial.name)
    try:
        shutil.copyfile(partial, there)
        yield there
    finally:
        there.unlink(missing_ok=True)


def sweep(folder: Path) -> int:
    """Remove what processes that died were writing for `folder`, as the `.kelly` of a dataset; how many files.

    None while a living process is writing: the next sweep will find them. Outside of a dataset only what has a name of
    ours: all else there is the person's.
    """
    place = _place(folder)
    is_own = place != folder
    if is_own and place.is_symlink():
        return 0  # a stranger's, and what lies there may be anything
    try:
        lock = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # also of a file system without locks, where nobody can tell who is alive
            return 0
        left = [
            Path(entry)
            for entry in os.scandir(place)
            if (not entry.is_dir(follow_symlinks=False) if is_own else _is_ours(entry))
        ]
        for path in left:
            path.unlink()
        return len(left)
    finally:
        os.close(lock)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    """Whether it is surely a file of Kelly's on its way."""
    return _OURS.fullmatch(entry.name) is not None and entry.is_file(follow_symlinks=False)


def _place(folder: Path) -> Path:
    """Where to write what will lie in `folder`, which is there; few system calls, since every small file needs them."""
    here = os.fspath(folder.absolute())
    while here != "/":
        kelly_dir = here if here.endswith("/.kelly") else f"{here}/.kelly"
        if os.path.isdir(kelly_dir):
            return Path(f"{kelly_dir}/{NAME}")
        here = os.path.dirname(here)
    return folder

"""Whether the file of a sample has the bytes that were taken in, of which its row has the hash.

What is made of other bytes would stand under the id of these.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.store.inside import hash_inside, inside

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

OTHER_BYTES = "its bytes are not those that were imported: see kelly validate --deep"

_AT_ONCE = 1000


Look = tuple[str, int, int]
"""The id of a sample, and when its file was modified and touched (mtime and ctime), in nanoseconds.

The second can't be set, so that it also tells of what was changed and had the first put back.
"""


class Known(NamedTuple):
    """What the catalogue knows of a file."""

    number: int
    """Of the sample's row."""
    path: str
    size: int
    sha256: str
    """Empty in some older datasets: then its size alone tells."""
    created_at: str
    mtime_ns: int | None
    """Of when its hash was right last, as far as that was looked at; so is `ctime_ns`."""
    ctime_ns: int | None


class IntactFiles:
    """The files of samples, looked at one by one; `remember` at the end which of them were read."""

    def __init__(self, catalogue: Catalogue, *, deep: bool = False) -> None:
        """`deep`: read all of them."""
        self._catalogue, self._deep = catalogue, deep
        self._root = f"{catalogue.root}/"  # joined by hand: of 100,000 paths pathlib would take two seconds
        self._read: list[tuple[int, int, int]] = []

    def is_same(self, known: Known) -> bool:
        """Whether a file is what was taken in.

        One of the same size is, if it is as it was when its hash was found right, or was last touched before its
        sample was made. Raises `FileRefused` for what is no file of the dataset, `OSError`.
        """
        status = os.lstat(self._root + known.path)
        if stat.S_ISLNK(status.st_mode):
            status = os.stat(inside(self._catalogue.root, known.path))
        if not stat.S_ISREG(status.st_mode):
            raise FileRefused("the path is no plain file", path=known.path)
        if known.size != status.st_size:
            return False
        if not known.sha256 or not (self._deep or _may_differ(known, status)):
            return True
        if hash_inside(self._catalogue.root, Path(self._root + known.path)) != known.sha256:
            return False
        self._read.append((known.number, status.st_mtime_ns, status.st_ctime_ns))
        if len(self._read) == _AT_ONCE:  # who is killed after hours has not read in vain
            self.remember()
        return True

    def remember(self) -> None:
        """Have what was read not read again until it changes; of a dataset that can't be written it is."""
        if not self._read:  # as usual; and no turn is waited for
            return
        with suppress(DatasetError), self._catalogue.writing() as db:
            db.executemany("INSERT OR REPLACE INTO intact VALUES (?, ?, ?)", self._read)
        self._read.clear()


def put_looks(db: sqlite3.Connection, looks: Iterable[Look]) -> None:
    """Remember of files that were just hashed how they lie there now."""
    db.executemany("INSERT OR REPLACE INTO intact SELECT rowid, ?2, ?3 FROM samples WHERE sample_id = ?1", looks)


def intact(root: Path, relative: str, sha256: str) -> Path:
    """The path of a sample's file, whose bytes are those of `sha256`, if that is not empty: it is read to its end.

    Raises `FileRefused`: for other bytes, for what can't be read, and as `inside`.
    """
    path = inside(root, relative)
    try:
        if sha256 and hash_inside(root, path) != sha256:
            raise FileRefused(OTHER_BYTES, path=relative)
    except OSError as error:
        raise FileRefused(f"can't be read ({error.strerror})", path=relative) from error
    return path


def _may_differ(known: Known, status: os.stat_result) -> bool:
    """Whether only the content can tell that it is the same.

    What a copy or rsync brings has the old mtime, be it changed or not, but a ctime of its own.
    """
    if known.mtime_ns is not None:
        return (known.mtime_ns, known.ctime_ns) != (status.st_mtime_ns, status.st_ctime_ns)
    try:
        made = datetime.fromisoformat(known.created_at).timestamp()
        return max(status.st_mtime, status.st_ctime) >= made
    except ValueError:  # an older dataset's spelling, or none: look into the file
        return True

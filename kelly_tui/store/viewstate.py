"""What lies on disk as it was last written, so that an outside edit is seen by a look at size and time."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path

import msgspec

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import disk_errors, utc_now

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


def stamp(path: Path) -> Stamp | None:
    """None where there is no file."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size, status.st_mtime_ns


class ViewState(msgspec.Struct, frozen=True):
    """A view other than an annotation file, as it was last written."""

    size: int
    mtime_ns: int
    sha256: str
    seq: int = 0
    """The last event of the history that it holds."""


def known_state(catalogue: Catalogue, path: Path) -> ViewState | None:
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_name(catalogue, path),)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=ViewState)


def remember(catalogue: Catalogue, path: Path, seq: int = 0) -> None:
    """Note that the view at `path` is as Kelly wants it."""
    now = stamp(path)
    if now is None:
        return
    known = known_state(catalogue, path)
    if known is not None and now == (known.size, known.mtime_ns) and known.seq == seq:
        return
    state = ViewState(*now, hash_file(path), seq)
    with catalogue.writing() as db:
        db.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            (_name(catalogue, path), msgspec.json.encode(state).decode()),
        )


def changed_outside(catalogue: Catalogue, path: Path) -> bool:
    """Whether someone else has written the view at `path`. A manifest of no samples is a new dataset's."""
    now = stamp(path)
    if now is None:
        return False
    known = known_state(catalogue, path)
    if known is None:
        return catalogue.layout.has_views()
    return now != (known.size, known.mtime_ns) and (now[0] != known.size or hash_file(path) != known.sha256)


def set_aside(catalogue: Catalogue, path: Path) -> Path:
    """Keep a file as it is in `.kelly/set-aside`, under its name and the time; return where."""
    folder = catalogue.layout.kelly_dir / "set-aside"
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        when = utc_now().replace(":", "")
        kept = folder / f"{when}-{path.name}"
        number = 1
        while kept.exists():
            number += 1
            kept = folder / f"{when}-{number}-{path.name}"
        try:
            os.link(path, kept)  # views are replaced, never written into, so that the link keeps the old bytes
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            shutil.copyfile(path, kept)
    return kept


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(catalogue: Catalogue, path: Path) -> str:
    return f"view:{path.relative_to(catalogue.root).as_posix()}"

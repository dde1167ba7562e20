"""What lies on disk as it was last written, so that an outside edit is seen by a look at size and time."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.inside import hash_inside, is_nothing, is_plain
from kelly_tui.store.layout import disk_errors, make_folder, utc_now
from kelly_tui.store.swap import Seen, seen, swap, take_place

_AT_ONCE = 4
"""Announced files that are kept in mind: as many processes as write one view at once, or were killed doing so."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


def stamp(path: Path) -> Stamp | None:
    """None where there is no file."""
    try:
        return stamp_of(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def stamp_of(there: Path | os.DirEntry[str]) -> Stamp:
    """Of what a link leads to; of the link itself where it leads in a circle. Raises `OSError`."""
    try:
        status = there.stat()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        status = there.stat(follow_symlinks=False)
    return status.st_size, status.st_mtime_ns


class ViewState(msgspec.Struct, frozen=True):
    """A view other than an annotation file, as it was last written."""

    size: int
    mtime_ns: int
    sha256: str
    seq: int = 0
    """The last event of the history that it holds."""
    mark: str = ""
    """What a manifest says of whose event that is: see `kelly_tui.store.manifest.mark`."""


def known_state(catalogue: Catalogue, path: Path) -> ViewState | None:
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_name(catalogue, path),)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=ViewState)


def announce(catalogue: Catalogue, path: Path, new: Path) -> None:
    """Note that `new` is Kelly's, which is about to take the place of the view at `path`.

    Who finds it there before it is remembered, be it after a kill or in another process, takes it for no edit.
    """
    state = ViewState(*stamp_of(new), hash_inside(new.parent, new))  # which is absolute, whatever the root is
    with catalogue.writing() as db:
        _put(db, _announced_name(catalogue, path), [*_announced(catalogue, path), state][-_AT_ONCE:])


class EditedMeanwhile(Exception):
    """While a view was being written another program saved one: that one lies there, as yet unread."""


def replace_view(catalogue: Catalogue, path: Path, there: Seen | None, new: Path) -> None:
    """Let `new` take the place of the view at `path`, which was `there` and Kelly's before `new` was written.

    Raises `EditedMeanwhile`, `OSError`.
    """
    announce(catalogue, path, new)

    def is_ours(old: Path) -> bool:  # another process of Kelly may have been faster
        return seen(old) == there or not changed_outside(catalogue, path, old)

    if take_place(new, path, is_ours, partial(set_aside, catalogue, name=path.name)) is None:
        raise EditedMeanwhile


def replace_list(
    catalogue: Catalogue, path: Path, there: Seen | None, kept: Callable[[Path, Path], object], new: Path
) -> None:
    """The same of a view of which no edit is taken in: what was saved meanwhile is set aside, and `kept` told where."""
    announce(catalogue, path, new)
    if swap(new, path) and seen(new) != there and changed_outside(catalogue, path, new):
        kept(path, set_aside(catalogue, new, path.name))


def replace_if_same(catalogue: Catalogue, new: Path, path: Path, there: Seen | None) -> Seen | None:
    """How `new` lies in the place of a file; None where that is not as it was `there`: it is left. Raises `OSError`."""
    return take_place(new, path, lambda old: seen(old) == there, partial(set_aside, catalogue, name=path.name))


def look(catalogue: Catalogue, path: Path) -> ViewState | None:
    """The view at `path` as it lies; None where none does. Before it is read: what is saved meanwhile is seen later."""
    now = stamp(path)
    if now is None or is_no_view(catalogue.root, path):
        return None
    with suppress(FileRefused, OSError):  # gone meanwhile, or not ours to read
        return ViewState(*now, hash_inside(catalogue.root, path))
    return None


def as_written(catalogue: Catalogue, path: Path, sha256: str) -> ViewState | None:
    """The view at `path`, if it is of these bytes still."""
    now, known = stamp(path), known_state(catalogue, path)
    for one in (*([] if known is None else [known]), *_announced(catalogue, path)):
        if now == (one.size, one.mtime_ns):
            return one if one.sha256 == sha256 else None
    lies = look(catalogue, path)
    return lies if lies is not None and lies.sha256 == sha256 else None


def remember(catalogue: Catalogue, path: Path, state: ViewState | None, seq: int = 0, mark: str = "") -> None:
    """Note that the view at `path` is as Kelly wants it, if it still is in this state; else another will."""
    if state is None:
        return
    state = msgspec.structs.replace(state, seq=seq, mark=mark)
    if state == known_state(catalogue, path):
        return
    with catalogue.writing() as db:
        if stamp(path) != (state.size, state.mtime_ns):
            return
        _put(db, _name(catalogue, path), state)
        others = [one for one in _announced(catalogue, path) if one.sha256 != state.sha256]
        _put(db, _announced_name(catalogue, path), others)


def expect(catalogue: Catalogue, path: Path, size: int, sha256: str) -> None:
    """Note that the view at `path` should have other bytes than it has: these."""
    with catalogue.writing() as db:
        _put(db, _name(catalogue, path), ViewState(size, 0, sha256))


def changed_outside(catalogue: Catalogue, path: Path, lies: Path | None = None) -> bool:
    """Whether someone else has written the view at `path`. A manifest of no samples is a new dataset's.

    `lies`: where it lies, if it is no longer there.
    """
    file = lies or path
    now = stamp(file)
    if now is None:
        return False
    known = known_state(catalogue, path)
    ours = [*([] if known is None else [known]), *_announced(catalogue, path)]
    if now in [(one.size, one.mtime_ns) for one in ours]:
        return False
    if known is None and path == catalogue.layout.manifest_path and not catalogue.layout.has_manifest():
        return False
    same_size = {one.sha256 for one in ours if one.size == now[0]}
    try:
        if same_size and hash_inside(catalogue.root, file) in same_size:
            return False
    except FileRefused:  # a link out, or a pipe: no file of ours
        return True
    # It may have been written by another process of Kelly after it was looked at, and before what is known of it was.
    return stamp(file) == now or changed_outside(catalogue, path, lies)


def is_no_view(root: Path, path: Path) -> bool:
    """Whether what lies in the place of a view can't be one: a folder, a pipe, a link out, or nothing but a hole."""
    if not os.path.lexists(path):
        return False
    if not is_plain(root, path):
        return True
    return is_nothing(os.stat(path))


def set_aside(catalogue: Catalogue, path: Path, name: str = "") -> Path:
    """Keep a file as it is in `.kelly/set-aside`, under its name, or the one it had, and the time; return where.

    What can't be a view is moved there.
    """
    folder = catalogue.layout.kelly_dir / "set-aside"
    with disk_errors(folder):
        make_folder(catalogue.root, folder)
        when = utc_now().replace(":", "")
        name = name or path.name
        kept = folder / f"{when}-{name}"
        number = 1
        while kept.exists():
            number += 1
            kept = folder / f"{when}-{number}-{name}"
        if path.is_symlink() or is_no_view(catalogue.root, path):
            path.rename(kept)
            return kept
        try:
            os.link(path, kept)  # views are replaced, never written into, so that the link keeps the old bytes
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            shutil.copyfile(path, kept)
    return kept


def _name(catalogue: Catalogue, path: Path) -> str:
    return f"view:{path.relative_to(catalogue.root).as_posix()}"


def _announced_name(catalogue: Catalogue, path: Path) -> str:
    return f"announced {_name(catalogue, path)}"


def _announced(catalogue: Catalogue, path: Path) -> list[ViewState]:
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_announced_name(catalogue, path),)).fetchone()
    return [] if row is None else msgspec.json.decode(row[0], type=list[ViewState])


def _put(db: sqlite3.Connection, name: str, said: object) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, msgspec.json.encode(said).decode()))

"""A catalogue that is damaged is set aside, whole, so that the next opening makes one of the views.

Damage is SQLite's word that the file is malformed, or none of its own, and what SQLite takes for sound and is no
catalogue (see `kelly_tui.store.whole`). A catalogue that is locked, closed to this person or a newer program's is left
where it is. Damage may come to light long after opening, by one page in the middle: a mark beside the catalogue then
has it examined at the next opening, which is no work for every day.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from kelly_tui.errors import FileRefused
from kelly_tui.store.inside import read_inside
from kelly_tui.store.layout import Layout, disk_errors, sync_folder, utc_now

_MARK = "damaged"
"""Name of the mark: empty until the catalogue is set aside, then where it lies, until another is made."""
_LARGEST = 1 << 12
"""Bytes of it."""


class Damaged(sqlite3.DatabaseError):
    """What is in the file is sound for SQLite, but no catalogue."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def is_damage(error: BaseException) -> bool:
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: BaseException) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_of_another_form(error: sqlite3.Error) -> bool:
    """Whether a table or column was not there that each catalogue has, or a text was none."""
    return isinstance(error, sqlite3.OperationalError) and _code(error) in (None, sqlite3.SQLITE_ERROR)


def suspect(catalogue_path: Path) -> None:
    """Have the catalogue examined when it is opened next."""
    with suppress(OSError):  # where nothing can be written, who may write will see it too
        catalogue_path.with_name(_MARK).write_bytes(b"")  # also over the name of one that was set aside before


def is_suspected(layout: Layout) -> bool:
    return _said(layout) == ""


def kept_in(layout: Layout) -> str | None:
    """Where the damaged catalogue lies in whose place one is to be made, relative to the dataset; None without one."""
    return _said(layout) or None


def forget(layout: Layout) -> None:
    layout.catalogue_path.with_name(_MARK).unlink(missing_ok=True)


def set_aside(layout: Layout) -> None:
    """Move the catalogue with its log to ``set-aside/<time>``. The caller holds the lock."""
    folder = layout.catalogue_dir / "set-aside" / utc_now().replace(":", "")
    path = layout.catalogue_path
    with disk_errors(folder):
        folder.mkdir(parents=True)
        for end in ("-shm", "-wal", ""):  # the file itself last: without it, there is nothing to set aside
            with suppress(FileNotFoundError):
                path.with_name(path.name + end).rename(folder / f"{path.name}{end}")
        sync_folder(folder)
        kept = folder.relative_to(layout.root) if folder.is_relative_to(layout.root) else folder
        path.with_name(_MARK).write_text(f"{kept.as_posix()}\n", "utf-8")


def _said(layout: Layout) -> str | None:
    """What the mark says; None without one. Of what is no mark, nothing: it is examined what is the matter."""
    mark = layout.catalogue_path.with_name(_MARK)
    try:
        return read_inside(mark.parent, mark, _LARGEST).decode("utf-8", "replace").strip()
    except FileRefused:
        return ""
    except OSError:
        return None

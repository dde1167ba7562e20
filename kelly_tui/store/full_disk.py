"""A dataset on a full disk: it is read as it lies, and every command that writes says why it does not."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from kelly_tui.errors import DatasetError, DiskFull
from kelly_tui.store.connection import AS_IT_LIES, connect_for_reading, is_full, meaning
from kelly_tui.store.layout import disk_full

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue


def connect_on_full_disk(error: BaseException, path: Path) -> sqlite3.Connection | None:
    """A catalogue that can't be opened for writing, with this error, since the disk is full: as it lies.

    None where that is not why, and where something is in the log beside it, which would not be seen.
    """
    log = path.with_name(f"{path.name}-wal")
    if not isinstance(error, sqlite3.Error) or not isinstance(meaning(error, path), DiskFull):
        return None
    if not path.exists() or (log.exists() and log.stat().st_size):
        return None
    return connect_for_reading(path, (AS_IT_LIES,))


def not_written(path: Path) -> DatasetError:
    """Why a catalogue is not written that was opened for reading."""
    if is_full(path):
        return disk_full(path)
    return DatasetError("the dataset is read-only", path=path.parents[1], hint="Check who owns it, or copy it.")


def not_on_full_disk(catalogue: Catalogue) -> Catalogue:
    """The same, for who stays. Raises `DiskFull` where it is read as it lies: what comes later would not be seen."""
    if catalogue.is_for_reading and is_full(catalogue.layout.catalogue_path):
        catalogue.close()
        raise not_written(catalogue.layout.catalogue_path)
    return catalogue

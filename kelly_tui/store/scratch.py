"""A copy of a catalogue, to see on it what would come of something: nobody waits while it is written."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import explained
from kelly_tui.store.layout import Layout, disk_errors


@contextmanager
def scratch_copy(root: Path) -> Iterator[Catalogue]:
    """The catalogue of `root` as it is now, in the system's temporary folder until the block ends; seconds at a million
    samples. It has no files. Raises `DatasetError`, `DiskFull`.
    """
    with tempfile.TemporaryDirectory(prefix="kelly-scratch-") as folder:
        copied = Layout(Path(folder))
        with Catalogue.open(root) as now, disk_errors(copied.root), explained(copied.catalogue_path):
            copied.kelly_dir.mkdir()
            shutil.copyfile(now.layout.config_path, copied.config_path)
            with closing(sqlite3.connect(copied.catalogue_path)) as copy:
                now.db.backup(copy)
        with Catalogue.open(copied.root) as catalogue:
            yield catalogue

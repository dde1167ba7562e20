"""raw/, of which what was imported can't be made again."""

from __future__ import annotations

import os

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import must_be_there_for

IMPORTED = ("raw/midi", "raw/audio")
GENERATED = "raw/synthetic"


def must_have_raw(catalogue: Catalogue, *names: str) -> None:
    """Raise `DatasetError` where one of these folders is gone though samples lie in it.

    It was moved away, or its mount is lost: what a stage made in its place would be in its way back.
    """
    root = os.fspath(catalogue.root)
    for name in names:
        below = f"{name}/", f"{name}0"  # what comes after "/"
        if catalogue.db.execute("SELECT 1 FROM samples WHERE file_path BETWEEN ? AND ? LIMIT 1", below).fetchone():
            must_be_there_for(f"{root}/{name}", root)

"""raw/, of which nothing can be made again."""

from __future__ import annotations

import os

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import make_music_folders, must_be_there_for


def make_raw_folders(catalogue: Catalogue, *names: str) -> None:
    """`make_music_folders`, but for those that samples lie in: such a one was moved away, or its mount is lost.

    Raises `DatasetError`.
    """
    root = os.fspath(catalogue.root)
    for name in names:
        below = f"{name}/", f"{name}0"  # what comes after "/"
        if catalogue.db.execute("SELECT 1 FROM samples WHERE file_path BETWEEN ? AND ? LIMIT 1", below).fetchone():
            must_be_there_for(f"{root}/{name}", root)
    make_music_folders(catalogue.root, *names)

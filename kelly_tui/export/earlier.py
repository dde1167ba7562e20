"""A dataset of the earlier pipeline, read as an export is: its labels, splits and parents come with its files.

Features do not: they are extracted again, since that pipeline took ticks for seconds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kelly_tui.errors import FileRefused, LabelError
from kelly_tui.export.back import Returned
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import Layout, inside
from kelly_tui.store.manifest import read_manifest_file
from kelly_tui.store.rows import checked


def is_earlier(folder: Path) -> bool:
    """Whether it has a manifest of samples, and no catalogue of ours."""
    layout = Layout(folder)
    if not layout.manifest_path.is_file() or layout.kelly_dir.exists() or not (folder / "raw").is_dir():
        return False
    try:
        return bool(read_manifest_file(layout.manifest_path).lines)
    except FileRefused:
        return False


@contextmanager
def opened(folder: Path, room: Path) -> Iterator[Catalogue]:
    """Its catalogue, made from the views in a second `folder`, ``room/earlier``; the first stays as it is."""
    copy = room / "earlier"
    shutil.rmtree(copy, ignore_errors=True)  # of an import that was killed
    try:
        shutil.copytree(folder, copy, copy_function=_link, symlinks=True)
        with Catalogue.open(copy) as catalogue:
            yield catalogue
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _link(source: str, target: str) -> None:
    """A second name for the file where the disk can, so that music takes no room twice."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def read_earlier(earlier: Catalogue, config: DatasetConfig, refused: Callable[[str, str], None]) -> Iterator[Returned]:
    """Each sample; `refused` hears the name and the reason of one that can't come into a dataset of `config`."""
    for sample in earlier.samples():
        try:
            for name, label in sample.labels.items():
                checked(name, label.value, config)
            music = inside(earlier.root, sample.file_path).read_bytes()
        except (FileRefused, LabelError) as error:
            refused(sample.file_path, error.what)
        except OSError as error:
            refused(sample.file_path, f"can't be read ({error.strerror})")
        else:
            yield Returned(msgspec.structs.replace(sample, features_path=None), music, None, None)

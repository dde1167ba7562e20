"""Another dataset's folder, read as an export is: its labels, splits and parents come with its files.

One of ours comes with its features; of one of the earlier pipeline, and of one whose catalogue is gone, they are
extracted again: that pipeline took ticks for seconds.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kelly_tui.errors import DatasetError, FileRefused, LabelError
from kelly_tui.export.back import PLACES, Returned
from kelly_tui.export.choice import all_records, unchanging
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.inside import is_hollow, is_nothing
from kelly_tui.store.layout import Layout, disk_error
from kelly_tui.store.manifest import read_manifest_file
from kelly_tui.store.rows import checked


def is_other_dataset(folder: Path) -> bool:
    """Whether the folder is a dataset, ours or of the earlier pipeline, rather than a folder of music."""
    return _is_ours(folder) or _is_earlier(folder)


def _is_ours(folder: Path) -> bool:
    return (folder / ".kelly").is_dir() and Layout(folder).config_path.is_file()


def _is_earlier(folder: Path) -> bool:
    layout = Layout(folder)
    if not layout.manifest_path.is_file() or layout.kelly_dir.exists():
        return False
    try:
        return bool(read_manifest_file(layout.manifest_path).lines)
    except FileRefused:
        return False


def samples_of(folder: Path) -> int:
    """How many samples it has."""
    if not _is_ours(folder):
        return len(read_manifest_file(Layout(folder).manifest_path).lines)
    with Catalogue.open(folder) as other:
        return len(other)


@contextmanager
def opened(folder: Path, room: Path) -> Iterator[Catalogue]:
    """Its catalogue; of one that has none it is made from the views of a second `folder`, ``room/earlier``."""
    if _is_ours(folder):
        with unchanging(folder) as other:
            yield other
        return
    copy = room / "earlier"
    shutil.rmtree(copy, ignore_errors=True)  # of an import that was killed
    try:
        try:
            shutil.copytree(folder, copy, copy_function=_link, symlinks=True)
        except shutil.Error as error:
            source, _, why = error.args[0][0]
            raise DatasetError(f"can't be read ({why})", path=source, hint="Check who owns it.") from None
        with Catalogue.open(copy) as earlier:
            with earlier.writing() as db:
                db.execute("UPDATE samples SET features_path = NULL")
            yield earlier
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _link(source: str, target: str) -> None:
    """A second name for the file where the disk can, so that music takes no room twice.

    What is no plain file, or more hole than file, is passed over: a copy of a device would never end.
    """
    status = os.lstat(source)
    if not stat.S_ISREG(status.st_mode) or is_nothing(status):
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        _copy(source, target)


def _copy(source: str, target: str) -> None:
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) or is_hollow(file.fileno()):
            return
        try:
            with open(target, "xb") as copy:
                shutil.copyfileobj(file, copy)
        except OSError as error:
            raise disk_error(error, Path(target)) from None
    shutil.copystat(source, target)


def read_dataset(other: Catalogue, config: DatasetConfig, refused: Callable[[str, str], None]) -> Iterator[Returned]:
    """Each sample; `refused` hears the name and the reason of one that can't come into a dataset of `config`."""
    for record in all_records(other, refused):
        sample = record.sample
        try:
            for name, label in sample.labels.items():
                checked(name, label.value, config)
        except LabelError as error:
            refused(sample.file_path, error.what)
            continue
        if not sample.file_path.startswith(PLACES):
            place = f"raw/{sample.file_type}/{sample.file_path}"
            sample = msgspec.structs.replace(sample, file_path=place)
        yield Returned(sample, record.music, record.features, record.extracted)

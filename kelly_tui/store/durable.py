"""Many files at once: whole each, and durable together."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from kelly_tui.store.inside import inside, no_folder_there
from kelly_tui.store.layout import dataset_errors, disk_errors, make_folder, sync_folder, write_atomic
from kelly_tui.store.partial import partials, put

_FEW = 32
"""So many files are flushed one by one; for more, one flush of the file system is faster."""


def write_all(files: Mapping[Path, bytes]) -> None:
    """As `write_atomic` for each, in one dataset, but many cost two flushes of the file system instead of two each.

    Raises `DatasetError`, `DiskFull`; each file is then old or new, and whole.
    """
    if len(files) <= _FEW:
        for path, data in files.items():
            write_atomic(path, data)
        return
    for parent in {os.path.dirname(path) for path in files}:
        with disk_errors(Path(parent)):
            os.makedirs(parent, exist_ok=True)
    with prepared(files) as written:
        for path, partial in written.items():
            put(partial, path)


@contextmanager
def prepared(files: Mapping[Path, bytes]) -> Iterator[Mapping[Path, Path]]:
    """Files under other names, by the path that each is for: what the block `put`s there is durable when it ends.

    Their folders are there. The others are removed. Raises `DatasetError`, `DiskFull`.
    """
    if not files:
        yield {}
        return
    folder = next(iter(files)).parent
    with disk_errors(folder):
        with partials(folder) as new:
            written = {path: new() for path in files}
            for partial, data in zip(written.values(), files.values(), strict=True):
                partial.write_bytes(data)
            make_durable(written.values())
            yield written
        _sync_folders({os.path.dirname(path) for path in files})


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file that is never seen half written. Raises `DatasetError`, `DiskFull`.

    Not flushed to the disk: for a small file that takes longer than making what is in it. Whoever stores a row that
    names it calls `make_durable` first; until then the same seed makes it again.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_at_once(path, data)
    return path


def write_inside(root: Path, relative: str, data: bytes) -> Path:
    """The same for a file of the dataset at `root`, which is not made anew.

    Raises also `FileRefused`, as `inside` and where a folder lies.
    """
    path = inside(root, relative)
    with dataset_errors(root, path), no_folder_there(path):
        make_folder(root, path.parent)
        _write_at_once(path, data)
    return path


def _write_at_once(path: Path, data: bytes) -> None:
    with partials(path.parent) as new:
        partial = new()
        partial.write_bytes(data)
        put(partial, path)


def make_durable(files: Collection[Path | str]) -> None:
    """Flush files that were just written, and their folders; return when the disk has them."""
    if len(files) > _FEW:
        _sync_file_system(Path(next(iter(files))).parent)
        return
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    _sync_folders({os.path.dirname(path) for path in files})


def _sync_folders(folders: Collection[str]) -> None:
    if len(folders) > _FEW:
        _sync_file_system(Path(next(iter(folders))))
        return
    for folder in folders:
        sync_folder(Path(folder))


def _sync_file_system(folder: Path) -> None:
    syncfs = _syncfs()
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


@cache
def _syncfs() -> ctypes._NamedFuncPointer | None:
    """Linux's ``syncfs``, which leaves other disks alone; None elsewhere."""
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)

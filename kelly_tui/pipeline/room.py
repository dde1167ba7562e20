"""How much a dataset may still grow: a stage that would pass ``max_total_size_gb`` stops before it.

And how much the disk still takes: a stage that finds it full waits until there is room again.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from kelly_tui.errors import StageError
from kelly_tui.store.catalogue import Catalogue

LEAST = 4_000_000
"""Bytes that a stage wants free to go on: the catalogue's log takes so much before it is carried over."""

ENOUGH = 64_000_000
"""Bytes free with which a stage goes on, though it will need more in the end."""


class Room:
    """Counts the bytes under raw/ and processed/ as files are written; of a stage that writes elsewhere, none."""

    def __init__(self, catalogue: Catalogue, elsewhere: Path | None = None) -> None:
        """`elsewhere`: the folder on whose disk a stage needs room, where that is not the dataset."""
        self._catalogue = catalogue
        self.folder = elsewhere or catalogue.root
        """Where the files go."""
        self._gigabytes = catalogue.config.max_total_size_gb
        self._left = self._gigabytes * 1e9 - _size_of(catalogue, self._gigabytes * 1e9)
        self._files = self._written = 0

    def admits(self, path: Path | str) -> bool:
        """Count a file that was just written; False where it does not fit."""
        size = os.stat(path).st_size
        if size > self._left:
            return False
        self._left -= size
        self._files += 1
        self._written += size
        return True

    def needed(self, items: int) -> int:
        """Bytes that so many more items will take, about: by those so far, and `LEAST` besides."""
        return LEAST + round(items * self._written / max(self._files, 1))

    def is_free(self, size: int) -> bool:
        """Whether the disk takes so many bytes more, or `ENOUGH` of them. Tried, since a quota shows nowhere else."""
        return all(_takes(disk, min(size, ENOUGH)) for disk in self._disks())

    def _disks(self) -> list[Path]:
        """A folder on each disk that files may go to: parts of a dataset may be mounted."""
        root = self.folder
        if root != self._catalogue.root:
            return [root]
        parts = [root / name for name in ("raw", "processed")]
        folders = [root, *parts, *(one for part in parts if part.is_dir() for one in part.iterdir() if one.is_dir())]
        there = {os.stat(folder).st_dev: folder for folder in reversed(folders) if folder.is_dir()}
        return [*there.values()]

    def clear(self, path: Path | str, sample_id: str) -> None:
        """Remove a file that was written in vain; not one that a sample has, by another run or from before."""
        path = Path(path)
        named = self._catalogue.db.execute(
            "SELECT 1 FROM samples WHERE file_path = ?1 OR (sample_id = ?2 AND features_path = ?1)",
            (path.relative_to(self.folder).as_posix(), sample_id),
        )
        if named.fetchone() is None:
            path.unlink(missing_ok=True)

    def exhausted(self, stage: str) -> StageError:
        return StageError(
            f"{stage} stopped before the dataset would pass max_total_size_gb, {self._gigabytes:g} GB",
            path=self.folder,
            hint="Raise it in config.json, or make room; then run the same again to go on.",
        )


def _takes(folder: Path, size: int) -> bool:
    try:
        with TemporaryFile(dir=folder) as file:  # it has no name, so that no kill leaves it
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    return True


def _size_of(catalogue: Catalogue, limit: float) -> int:
    """Bytes as the catalogue has them; counted on the disk, which takes longer, where it could matter."""
    samples, size = catalogue.db.execute("SELECT count(*), ifnull(sum(file_size_bytes), 0) FROM samples").fetchone()
    generous = size + samples * 1_000_000  # no features are that large
    if generous < limit / 2:
        return int(generous)
    return sum(_folder_size(catalogue.root / name) for name in ("raw", "processed"))


def _folder_size(folder: Path) -> int:
    size, folders = 0, [os.fspath(folder)]
    while folders:
        with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    size += entry.stat(follow_symlinks=False).st_size
    return size

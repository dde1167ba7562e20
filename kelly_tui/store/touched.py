"""Annotation files that are not as they were last written: by size and time, which of a million takes seconds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.inside import check_stays
from kelly_tui.store.swap import swap
from kelly_tui.store.viewstate import Stamp, set_aside, stamp, stamp_of

_FILE = re.compile(r"([0-9A-Za-z_-]{1,128})\.json")

Unknown = Callable[[Path], object]
"""Is told of the file of a sample that is not in the catalogue."""


def touched_files(catalogue: Catalogue, unknown: Unknown) -> Iterator[tuple[str, Path, Stamp]]:
    """(sample_id, path, stamp) of each; one that lies flat in annotations/ moves to its shard."""
    folder = catalogue.layout.annotations
    with suppress(FileNotFoundError):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.is_dir():
                yield from _shard(catalogue, Path(entry.path))
            elif match := _FILE.fullmatch(entry.name):
                yield from _flat(catalogue, match[1], Path(entry.path), unknown)


def _shard(catalogue: Catalogue, shard: Path) -> Iterator[tuple[str, Path, Stamp]]:
    known = {
        f"{sample_id}.json": (size, mtime_ns)
        for sample_id, size, mtime_ns in catalogue.db.execute(
            "SELECT sample_id, size, mtime_ns FROM samples JOIN exports ON sample = samples.rowid"
            " WHERE sample_id >= ?1 AND sample_id < ?1 || x'ff'",
            (shard.name,),
        )
    }
    touched = []
    for entry in os.scandir(shard):  # of a million files; what is done for each is seconds in all
        with suppress(FileNotFoundError):
            now = stamp_of(entry)
            if known.get(entry.name) != now:
                touched.append((entry.name, now))
    for name, now in sorted(touched):
        if (match := _FILE.fullmatch(name)) and match[1].startswith(shard.name):
            yield match[1], shard / name, now


def _flat(catalogue: Catalogue, sample_id: str, path: Path, unknown: Unknown) -> Iterator[tuple[str, Path, Stamp]]:
    """A file put where older datasets have it goes to its shard; if there is one, that one is older."""
    target = catalogue.layout.annotation_path(sample_id)
    if catalogue.get(sample_id) is None:
        unknown(path)
        return
    check_stays(catalogue.root, target.parent)
    target.parent.mkdir(exist_ok=True)
    if swap(path, target):
        set_aside(catalogue, path)
        path.unlink(missing_ok=True)
    if now := stamp(target):
        yield sample_id, target, now


def exported_rev(catalogue: Catalogue, sample_id: str) -> int:
    """The revision of a sample that its file has."""
    row = catalogue.db.execute("SELECT exported_rev FROM samples WHERE sample_id = ?", (sample_id,)).fetchone()
    return int(row[0])


def file_is_read(catalogue: Catalogue, sample_id: str, now: Stamp, rev: int = -1) -> None:
    """Note how a file looked, and of which revision it is: another is due where the sample has a later one."""
    with catalogue.writing() as db:
        db.execute(
            "INSERT OR REPLACE INTO exports SELECT rowid, ?, ? FROM samples WHERE sample_id = ?", (*now, sample_id)
        )
        db.execute("UPDATE samples SET exported_rev = ? WHERE sample_id = ?", (rev, sample_id))

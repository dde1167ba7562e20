"""Annotation files that are not as they were last written: by size and time, which of a million takes seconds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import AMONG, among
from kelly_tui.store.inside import check_stays
from kelly_tui.store.swap import swap
from kelly_tui.store.viewstate import Stamp, set_aside, stamp, stamp_of

_JSON = ".json"
_FILE = re.compile(r"([0-9A-Za-z_-]{1,128})\.json")

Unknown = Callable[[Path], object]
"""Is told of the file of a sample that is not in the catalogue."""

Gone = Callable[[str], object]
"""Is told the id of a sample whose file was written and is not there."""


def touched_files(catalogue: Catalogue, unknown: Unknown, gone: Gone) -> Iterator[tuple[str, Path, Stamp]]:
    """(sample_id, path, stamp) of each; one that lies flat in annotations/ moves to its shard."""
    folder = catalogue.layout.annotations
    for shard in _shards(catalogue):
        if not (folder / shard).is_dir():
            for name in _known(catalogue, shard):
                gone(name.removesuffix(_JSON))
    with suppress(FileNotFoundError):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.is_dir():
                yield from _shard(catalogue, Path(entry.path), gone)
            elif match := _FILE.fullmatch(entry.name):
                yield from _flat(catalogue, match[1], Path(entry.path), unknown)


def _shards(catalogue: Catalogue) -> Iterator[str]:
    """In which there should be files: a look at each, however many samples there are."""
    if catalogue.db.execute("SELECT 1 FROM exports LIMIT 1").fetchone() is None:
        return
    (first,) = catalogue.db.execute("SELECT min(sample_id) FROM samples").fetchone()
    while first is not None:
        shard = catalogue.layout.annotation_path(first).parent.name
        yield shard
        (first,) = catalogue.db.execute(
            "SELECT min(sample_id) FROM samples WHERE sample_id > ? || x'ff'", (shard,)
        ).fetchone()


def _known(catalogue: Catalogue, shard: str) -> dict[str, Stamp]:
    """By name, the files of a shard as they were last written or read."""
    found = catalogue.db.execute(
        "SELECT sample_id, size, mtime_ns FROM samples JOIN exports ON sample = samples.rowid"
        " WHERE sample_id >= ?1 AND sample_id < ?1 || x'ff'",
        (shard,),
    )
    return {f"{sample_id}{_JSON}": (size, mtime_ns) for sample_id, size, mtime_ns in found}


def _shard(catalogue: Catalogue, shard: Path, gone: Gone) -> Iterator[tuple[str, Path, Stamp]]:
    known, touched = _known(catalogue, shard.name), []
    for entry in os.scandir(shard):  # of a million files; what is done for each is seconds in all
        with suppress(FileNotFoundError):
            now = stamp_of(entry)
            if known.pop(entry.name, None) != now:
                touched.append((entry.name, now))
    for name in known:
        gone(name.removesuffix(_JSON))
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


def files_are_gone(catalogue: Catalogue, sample_ids: Sequence[str]) -> None:
    """Note that their files are not there: they are due."""
    if not sample_ids:
        return
    theirs = f"(SELECT rowid FROM samples WHERE sample_id IN {AMONG})"
    with catalogue.writing() as db:
        db.execute(f"DELETE FROM exports WHERE sample IN {theirs}", (among(sample_ids),))
        db.execute(f"UPDATE samples SET exported_rev = -1 WHERE rowid IN {theirs}", (among(sample_ids),))

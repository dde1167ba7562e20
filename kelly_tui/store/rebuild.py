"""A catalogue made from views: a lost or broken one again, or a first one for a dataset of the earlier pipeline."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.errors import DiskFull, FileRefused
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import file_type_of
from kelly_tui.store import annotation_file, counters, damage
from kelly_tui.store.adoption import ID, Adoption, Rebuilt
from kelly_tui.store.away import copy_of
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.configuration import change_config
from kelly_tui.store.conflicts import read_conflicts
from kelly_tui.store.connection import connect, take
from kelly_tui.store.durable import prepared
from kelly_tui.store.full_disk import not_written
from kelly_tui.store.inside import check_stays, hash_inside, is_plain
from kelly_tui.store.layout import Layout, make_folder, utc_now
from kelly_tui.store.manifest import RawManifest, read_manifest_file, write_manifest_file
from kelly_tui.store.schema import COLUMNS, from_row, missing
from kelly_tui.store.split_lists import remember_lists
from kelly_tui.store.swap import seen
from kelly_tui.store.viewstate import changed_outside, look, remember, replace_if_same, set_aside
from kelly_tui.store.whole import are_samples, is_all_own, is_whole
from kelly_tui.text import count, no_number

_BATCH = 2000
_AT_ONCE = 1000


def replace_if_damaged(layout: Layout, config: DatasetConfig, lock: int) -> None:
    """Set a suspected catalogue aside if it is damaged; what can be read of it, and is in no view, is written."""
    take(lock, layout.root)
    try:
        if not damage.is_suspected(layout):  # another was faster
            return
        if not layout.catalogue_path.exists() or is_whole(layout.catalogue_path):
            damage.forget(layout)
            return
        rescue(layout, config)
        damage.set_aside(layout)
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def rescue(layout: Layout, config: DatasetConfig) -> None:
    """Write what the views lack of a damaged catalogue, as far as it can be read, before it is set aside.

    A file that was edited outside is left as it is. The manifest is written only if all samples can be read, and the
    old one is kept.
    """
    unreadable = (sqlite3.DatabaseError, msgspec.MsgspecError, ValueError, TypeError)
    with suppress(*unreadable), closing(connect(layout.catalogue_path)) as db:
        if not is_all_own(db):  # what would run if it was read from
            return
        damaged = Catalogue(layout, config, db, None)
        with suppress(*unreadable):
            due = [number for (number,) in db.execute("SELECT rowid FROM samples WHERE rev <> exported_rev")]
            for number in due:
                with suppress(*unreadable, FileRefused):
                    _rescue_annotations(damaged, number)
        path = layout.manifest_path
        said = counters.read(db).in_catalogue
        readable = db.execute("SELECT count(*) FROM samples NOT INDEXED").fetchone()[0]
        if readable >= said and are_samples(db) and not changed_outside(damaged, path):
            if path.exists():
                set_aside(damaged, path)
            write_manifest_file(damaged, path)


def _rescue_annotations(damaged: Catalogue, number: int) -> None:
    row = damaged.db.execute(f"SELECT {COLUMNS} FROM samples WHERE rowid = ?", (number,)).fetchone()
    known = damaged.db.execute("SELECT size, mtime_ns FROM exports WHERE sample = ?", (number,)).fetchone()
    sample = from_row(row)
    path = damaged.layout.annotation_path(sample.sample_id)
    there = seen(path)
    if ID.fullmatch(sample.sample_id) and (there is None or (there.size, there.mtime_ns) == known):
        said: dict[str, dict[str, Any]] = {}
        with suppress(sqlite3.DatabaseError, msgspec.MsgspecError):  # the labels are worth more than what stands beside
            said = annotation_file.said_beside(damaged.db, [sample.sample_id])
        check_stays(damaged.root, path.parent)
        make_folder(damaged.root, path.parent)
        with prepared({path: annotation_file.render(sample, said.get(sample.sample_id, {}))}) as ready:
            replace_if_same(damaged, ready[path], path, there)


def rebuild(catalogue: Catalogue) -> Rebuilt:
    """Fill an empty catalogue from manifest.json, annotations/ and splits/; where there is no manifest, from raw/.

    Begun again after a crash it gives the same. What can't be taken is kept: in `Sample.extra`, in
    `.kelly/set-aside`, and in the findings, which `last_rebuild` gives later.
    """
    adoption = Adoption(catalogue)
    rebuilt, layout = adoption.rebuilt, catalogue.layout
    as_read = look(catalogue, layout.manifest_path)
    raw = _read_manifest(catalogue, rebuilt)
    if raw is not None:
        adoption.hear_of_manifest(raw.opinions, raw.heard)
        adoption.unsourced.says_who = bool(raw.mark)
    _drop_indexes(catalogue)
    _adopt(adoption, raw.rows() if raw is not None else ())
    if raw is None or raw.catalogue_rev is not None or not raw.lines:  # what was imported since it was written
        _adopt(adoption, _rows_of_files(catalogue))
    rebuilt.samples = len(adoption.finish())
    if adoption.differ and raw is not None:
        kept = set_aside(catalogue, layout.manifest_path).relative_to(layout.root)
        said = count(adoption.differ, "label or decision is", "labels or decisions are")
        rebuilt.note(f"{said} other in manifest.json than in annotations/, which stand; it is kept in {kept}")
    with catalogue.writing() as db:
        for statement in list(missing(db)):
            db.execute(statement)
    _note_strays(catalogue, rebuilt)
    if raw is None and _any_file(layout.augmented):
        rebuilt.note(
            "without a manifest nobody knows whose variants lie in processed/augmented: augment makes them anew"
        )
    rebuilt.damaged = damage.kept_in(layout) or ""
    rebuilt.copy_of = copy_of(layout.catalogue_dir)
    rebuilt.lost = bool(rebuilt.damaged) or raw is None or raw.catalogue_rev is not None
    if not layout.config_path.exists():
        change_config(catalogue, {})
        for name, value in raw.config.items() if raw is not None else ():
            if said := no_number(value):
                now = catalogue.config.to_dict().get(name)
                outcome = "left out of config.json" if now is None else f"in config.json it is as by default, {now}"
                rebuilt.note(f"manifest.json: {name} is {said}; {outcome}")
    if raw is not None:
        read_conflicts(catalogue, raw.conflicts)
        close_decided(catalogue)
    for contradiction in remember_lists(catalogue):
        rebuilt.note(contradiction)
    with catalogue.writing() as db:
        if raw is not None and raw.created_at:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('created_at', ?)", (raw.created_at,))
        report = msgspec.json.encode(rebuilt).decode()
        db.execute("INSERT OR REPLACE INTO meta VALUES ('rebuilt', ?)", (report,))
    remember(catalogue, layout.manifest_path, as_read, mark="" if raw is None else raw.mark)
    return rebuilt


def last_rebuild(catalogue: Catalogue) -> Rebuilt | None:
    """What came of making this catalogue from views; None if it was not."""
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = 'rebuilt'").fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Rebuilt)


def untold(catalogue: Catalogue) -> str:
    """What a person should know of how this catalogue was made; once, and empty after that.

    Of one that is only read since the disk is full, each time that it is.
    """
    if catalogue.is_for_reading:
        why = not_written(catalogue.layout.catalogue_path)
        return f"the dataset is opened for reading only: {why}" if isinstance(why, DiskFull) else ""
    rebuilt = last_rebuild(catalogue)
    if rebuilt is None or rebuilt.told:
        return ""
    rebuilt.told = True
    with catalogue.writing() as db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'rebuilt'", (msgspec.json.encode(rebuilt).decode(),))
    return rebuilt.words()


def _read_manifest(catalogue: Catalogue, rebuilt: Rebuilt) -> RawManifest | None:
    path = catalogue.layout.manifest_path
    if not os.path.lexists(path):
        rebuilt.note("there was no manifest.json")
        return None
    try:
        raw = read_manifest_file(path)
    except FileRefused as error:
        set_aside(catalogue, path)
        rebuilt.note(f"manifest.json: {error.what}; it is kept in .kelly/set-aside")
        return None
    if raw.findings or ((raw.catalogue_rev is None or raw.disputed) and raw.lines):
        set_aside(catalogue, path)  # another program's, or of two: kept as it was
    for finding in raw.findings:
        rebuilt.note(f"manifest.json: {finding}; the file is kept in .kelly/set-aside")
    return raw


def close_decided(catalogue: Catalogue) -> None:
    """Close the conflicts that were decided after the manifest was written: the samples' own files say so."""
    still_open = catalogue.db.execute("SELECT conflict, sample_id, field, at FROM conflicts WHERE resolved_at IS NULL")
    for conflict, sample_id, field, at in still_open.fetchall():
        path = catalogue.layout.annotation_path(sample_id)
        with suppress(OSError, FileRefused):
            said = annotation_file.read(annotation_file.raw(catalogue.root, path))
            if at in said.decided.get(field, ()):
                with catalogue.writing() as db:
                    db.execute("UPDATE conflicts SET resolved_at = ? WHERE conflict = ?", (utc_now(), conflict))


def _drop_indexes(catalogue: Catalogue) -> None:
    """Of a million samples it takes half as long to make them at the end: each new row would write into each, anywhere.

    Where the rebuild is cut short, the next start makes what is missing.
    """
    with catalogue.writing() as db:
        for (name,) in db.execute("SELECT name FROM pragma_index_list('samples') WHERE origin = 'c'").fetchall():
            db.execute(f"DROP INDEX {name}")


def _adopt(adoption: Adoption, rows: Iterable[dict[str, Any] | bytes]) -> None:
    for row in rows:
        adoption.add(row)
        if len(adoption.samples) >= _BATCH:
            adoption.flush()
    adoption.flush()


def _rows_of_files(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """A row for each music file under raw/ that is no sample yet, as a manifest might have had it."""
    root = catalogue.root
    for top in ("raw/midi", "raw/audio", "raw/synthetic"):
        made = top == "raw/synthetic"
        for folder, folders, names in os.walk(root / top):
            folders.sort()
            here = Path(folder).relative_to(root).as_posix()
            scores = {f"{name[: -len(_SOUND)]}.mid" for name in names if name.endswith(_SOUND)} if made else ()
            music = (
                f"{here}/{name}"
                for name in sorted(names)
                if file_type_of(name) and not name.startswith(".") and name not in scores
            )
            for path in _unknown(catalogue, "file_path", music):
                file = root / path
                if not is_plain(root, file):
                    continue
                try:
                    sha256 = hash_inside(root, file)
                except FileRefused:  # nothing but a hole
                    continue
                generated_id = _GENERATED.match(file.name) if made else None
                yield {
                    "sample_id": generated_id[0] if generated_id else sha256[:16],
                    "file_path": path,
                    "file_type": file_type_of(file.name),
                    "sha256": sha256,
                    "source": None if made else path.removeprefix(f"{top}/"),
                    "is_synthetic": made,
                }


_GENERATED = re.compile(r"[0-9a-f]{16}")
_SOUND = ".wav"
"""Of generated sound, beside which lies what it was made of."""


def _note_strays(catalogue: Catalogue, rebuilt: Rebuilt) -> None:
    """Annotation files that no sample has."""
    for folder, folders, names in os.walk(catalogue.layout.annotations):
        folders.sort()
        here = Path(folder).relative_to(catalogue.root).as_posix()
        ids = (name[: -len(_JSON)] for name in sorted(names) if name.endswith(_JSON) and not name.startswith("."))
        for stray in _unknown(catalogue, "sample_id", ids):
            rebuilt.note(f"{here}/{stray}{_JSON}: there is no such sample; it lies where it was")


_JSON = ".json"


def _unknown(catalogue: Catalogue, column: str, names: Iterable[str]) -> Iterator[str]:
    """Those that no sample has in this column."""
    rest = iter(names)
    while some := list(islice(rest, _AT_ONCE)):
        marks = ", ".join("?" * len(some))
        found = catalogue.db.execute(f"SELECT {column} FROM samples WHERE {column} IN ({marks})", some)
        known = set(chain.from_iterable(found))
        yield from [name for name in some if name not in known]


def _any_file(folder: Path) -> bool:
    return any(names for _, _, names in os.walk(folder))

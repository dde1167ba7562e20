"""The views that the catalogue writes: annotations/, manifest.json, splits/. Outside edits are not overwritten.

`kelly_tui.store.readback` takes outside edits in, `kelly_tui.store.rebuild` makes a catalogue from views; their
functions are offered here too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.model.labels import SPLITS
from kelly_tui.store import annotation_file, schema
from kelly_tui.store.adoption import Rebuilt
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import Conflict, conflicts, resolve
from kelly_tui.store.connection import AMONG, among
from kelly_tui.store.durable import prepared
from kelly_tui.store.inside import check_stays, read_inside
from kelly_tui.store.layout import disk_errors, make_folder
from kelly_tui.store.manifest import Manifest, catalogue_rev, load_manifest, mark, replacing, write_manifest_file
from kelly_tui.store.older import settle_name
from kelly_tui.store.outside import Merge
from kelly_tui.store.readback import LISTED, decline_outside_edits, read_back, refused_edits, take_outside_edits
from kelly_tui.store.rebuild import last_rebuild, rebuild
from kelly_tui.store.split_lists import split_lists
from kelly_tui.store.swap import Seen, seen
from kelly_tui.store.viewstate import (
    EditedMeanwhile,
    Stamp,
    as_written,
    changed_outside,
    is_no_view,
    known_state,
    remember,
    replace_if_same,
    replace_list,
    replace_view,
    set_aside,
    stamp,
)

__all__ = [
    "LISTED", "Conflict", "Manifest", "Merge", "Rebuilt", "Written", "conflicts", "decline_outside_edits",
    "export_annotations", "last_rebuild", "load_manifest", "read_back", "rebuild", "refused_edits", "resolve",
    "take_outside_edits", "write_edited", "write_manifest", "write_splits", "write_views",
]  # fmt: skip

_BATCH = 500


@dataclass
class Written:
    """What writing views did."""

    annotations: int = 0
    """Files written."""
    held_back: list[str] = field(default_factory=list)
    """Files that were edited outside, and wait until that is taken in; relative to the dataset."""
    more: bool = False
    """Whether there was a limit, and it was reached."""
    merge: Merge | None = None
    """What was taken in on the way."""
    lists_kept: list[str] = field(default_factory=list)
    """Of each list of a split that was edited outside, in words: it is written anew."""


def write_views(catalogue: Catalogue) -> Written:
    """Bring all views up to date; outside edits in their way are taken in first, unless they are too many.

    Raises `DatasetError`, `DiskFull`.
    """
    catalogue.layout.must_have_catalogue()
    written = export_annotations(catalogue)
    if written.held_back or not write_manifest(catalogue):
        merge = read_back(catalogue)
        again = export_annotations(catalogue)
        written = Written(written.annotations + again.annotations, again.held_back, merge=merge)
        if not write_manifest(catalogue):
            written.held_back.append(catalogue.layout.manifest_path.name)
    written.lists_kept = write_splits(catalogue)
    return written


def write_edited(catalogue: Catalogue, since: int) -> Merge | None:
    """Write the annotation files of what was edited after the step `since`; outside edits of these are taken in first,
    and returned.

    Other files that are due, and the manifest, are left to who comes next: a stage may have left them by the thousand.
    Until then these files say more than the manifest, and whoever reads views heeds that. Raises `DatasetError`,
    `DiskFull`.
    """
    edited = catalogue.db.execute("SELECT DISTINCT sample_id FROM events WHERE step > ?", (since,)).fetchall()
    ids = [sample_id for (sample_id,) in edited]
    if not _export_of(catalogue, ids).held_back:
        return None
    merge = read_back(catalogue)
    _export_of(catalogue, ids)
    return merge


def _export_of(catalogue: Catalogue, ids: Sequence[str]) -> Written:
    written = Written()
    for first in range(0, len(ids), _BATCH):
        due = catalogue.db.execute(f"{_DUE} AND sample_id IN {AMONG}", (among(ids[first : first + _BATCH]),))
        _export(catalogue, due.fetchall(), written)
    return written


def export_annotations(catalogue: Catalogue, limit: int | None = None) -> Written:
    """Write the annotation files of at most `limit` samples that have changed since theirs was written."""
    written = Written()
    last = (-1, 0)
    left = limit
    while left is None or left > 0:
        rows = catalogue.db.execute(_OUTBOX, (*last, _BATCH if left is None else min(left, _BATCH))).fetchall()
        if not rows:
            break
        last = (rows[-1][1], rows[-1][0])
        left = None if left is None else left - len(rows)
        _export(catalogue, rows, written)
    written.more = left == 0
    return written


_DUE = (
    "SELECT samples.rowid, rev, size, mtime_ns, sample_id, modified_at, decision, skip_reason, rejected, refused,"
    f" {schema.STORED_LABELS}"
    " FROM samples LEFT JOIN exports ON sample = samples.rowid WHERE rev <> exported_rev"
)
_OUTBOX = f"{_DUE} AND (rev, samples.rowid) > (?, ?) ORDER BY rev, samples.rowid LIMIT ?"


def _export(catalogue: Catalogue, rows: list[tuple[Any, ...]], written: Written) -> None:
    files: dict[Path, bytes] = {}
    due: list[tuple[int, int, Path, Seen | None]] = []
    folder = catalogue.layout.annotations
    said = annotation_file.said_beside(catalogue.db, [sample_id for _, _, _, _, sample_id, *_ in rows])
    for number, rev, size, mtime_ns, sample_id, modified_at, decision, skip_reason, rejected, refused, *columns in rows:
        values, provenance = schema.stored_labels(columns)
        state = {"decision": decision, "skip_reason": skip_reason, "rejected": bool(rejected),
                 "refused": msgspec.json.decode(refused) if refused else None}  # fmt: skip
        beside = {**annotation_file.written_state(state, modified_at), **said.get(sample_id, {})}
        path = folder / f"{sample_id[:2]}/{sample_id}.json"
        there = seen(path)
        lies = _stamp(path, there)
        data = annotation_file.render_stored(sample_id, rev, values, provenance, beside)
        same = lies is not None and lies[0] == len(data) and _holds(catalogue.root, path, data)
        if lies not in (None, (size, mtime_ns)) and not same:
            written.held_back.append(path.relative_to(catalogue.root).as_posix())
            continue
        if not same:
            files[path] = data
        due.append((number, rev, path, there))
    for shard in {os.path.dirname(path) for path in files}:
        check_stays(catalogue.root, Path(shard))
        with disk_errors(Path(shard)):
            make_folder(catalogue.root, shard)
    with prepared(files) as ready, catalogue.writing() as db:  # what another process exports meanwhile is newer
        marks = ", ".join("?" * len(due))
        still = f"SELECT rowid, rev FROM samples WHERE rev <> exported_rev AND rowid IN ({marks})"
        current = dict(db.execute(still, [number for number, *_ in due]))
        done: list[tuple[int, int, Stamp]] = []
        for number, rev, path, there in due:
            if current.get(number) != rev:
                continue
            now = seen(path) if path not in ready else replace_if_same(catalogue, ready[path], path, there)
            if (lies := _stamp(path, now)) is None or (path not in ready and now != there):
                written.held_back.append(path.relative_to(catalogue.root).as_posix())
                continue
            written.annotations += path in ready
            done.append((number, rev, lies))
        db.executemany(
            "UPDATE samples SET exported_rev = ? WHERE rowid = ?", [(rev, number) for number, rev, _ in done]
        )
        db.executemany("INSERT OR REPLACE INTO exports VALUES (?, ?, ?)", [(number, *lies) for number, _, lies in done])


def _stamp(path: Path, there: Seen | None) -> Stamp | None:
    """Of what lies at `path`, which was looked at; of what a link leads to."""
    if there is None:
        return None
    return stamp(path) if there.is_link else (there.size, there.mtime_ns)


def _holds(root: Path, path: Path, data: bytes) -> bool:
    try:
        return read_inside(root, path, len(data)) == data
    except FileRefused:
        return False


def write_manifest(catalogue: Catalogue) -> bool:
    """Write manifest.json, if it is not as wanted already; False if it was edited outside and waits for `read_back`."""
    path = catalogue.layout.manifest_path
    there = seen(path)
    if changed_outside(catalogue, path):
        return False
    settle_name(catalogue)
    seq = catalogue_rev(catalogue)
    try:
        sha256 = write_manifest_file(catalogue, path, partial(replace_view, catalogue, path, there))
    except EditedMeanwhile:
        return False
    remember(catalogue, path, as_written(catalogue, path, sha256), seq, mark(catalogue, seq))
    return True


def write_splits(catalogue: Catalogue) -> list[str]:
    """Write splits/train.txt, val.txt and test.txt: the ids that an export holds, sorted, one a line.

    Train lists its roots with their variants and the generated samples, val and test imported samples only, with the
    sound of those that are MIDI. A list that was edited is set aside, and named in what is returned: what is in a
    split says the catalogue, since a group must not be cut.
    """
    paths = {split: catalogue.layout.splits / f"{split}.txt" for split in SPLITS}
    split_at_all = catalogue.db.execute("SELECT 1 FROM samples WHERE split IS NOT NULL LIMIT 1").fetchone()
    if split_at_all is None and not any(path.exists() for path in paths.values()):
        return []
    said = []

    def kept(path: Path, where: Path) -> None:
        inside = where.relative_to(catalogue.root)
        said.append(f"splits/{path.name} was edited outside and is now as the catalogue has it; kept in {inside}")

    there = {path: seen(path) for path in paths.values()}
    for path in paths.values():
        was_edited = known_state(catalogue, path) is not None and changed_outside(catalogue, path)
        if was_edited or is_no_view(catalogue.root, path):
            kept(path, set_aside(catalogue, path))
    with disk_errors(catalogue.layout.splits):
        make_folder(catalogue.root, catalogue.layout.splits)
    with ExitStack() as all_three:
        place = {path: partial(replace_list, catalogue, path, there[path], kept) for path in paths.values()}
        write = {split: all_three.enter_context(replacing(path, place[path])).write for split, path in paths.items()}
        hashes = {split: hashlib.sha256() for split in paths}
        for split, sample_id in split_lists(catalogue):
            line = b"%s\n" % sample_id.encode()
            write[split](line)
            hashes[split].update(line)
    for split, path in paths.items():
        remember(catalogue, path, as_written(catalogue, path, hashes[split].hexdigest()))
    return said

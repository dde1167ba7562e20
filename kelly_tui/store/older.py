"""A catalogue that is plainly older than the views beside it: one that was put back from a backup.

Each catalogue has a name, which the manifest tells with how far its history had come. A manifest that has come farther
under the same name was written by what this catalogue became before it was put back, so that it knows all that this one
does: where they differ, the views are right. A copy of a dataset gets another name, and its views are another's edits.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.edit import STATE_FIELDS, state_label
from kelly_tui.model.sample import Sample
from kelly_tui.store.layout import called
from kelly_tui.text import agree, count

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.conflicts import WrittenConflict
    from kelly_tui.store.manifest import RawManifest

ACTOR = "views"
"""Who a catalogue is brought up to date by, in its history."""

_NAME, _PLACED, _BEFORE, _AT_IT = "lineage", "times placed", "changes before", "catching up"
_BATCH = 200


class Lineage(msgspec.Struct, frozen=True):
    """A catalogue's name, and how far it had come."""

    catalogue: str = ""
    changes: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = 0
    """A number that grows with each."""


class _Named(msgspec.Struct, frozen=True):
    name: str
    place: str


def lineage(db: sqlite3.Connection) -> Lineage:
    """That of an open catalogue; nameless is one that an older Kelly made, until its manifest is written."""
    said = dict(db.execute("SELECT name, value FROM meta WHERE name IN (?, ?, ?)", (_NAME, _PLACED, _BEFORE)))
    name = msgspec.json.decode(said[_NAME], type=_Named).name if _NAME in said else ""
    counted = sum(db.execute(_CHANGES).fetchone())
    return Lineage(name, counted + int(said.get(_PLACED, 0)) + int(said.get(_BEFORE, 0)))


_CHANGES = (
    "SELECT (SELECT ifnull(max(seq), 0) FROM events), (SELECT ifnull(max(step), 0) FROM steps),"
    " (SELECT count(*) + count(resolved_at) FROM conflicts)"
)
"""What is said blind makes a step without events, and a conflict may come up or be decided without a step."""


def note_splits(db: sqlite3.Connection) -> None:
    """Note that samples are placed in splits, which is no step."""
    once_more = "ON CONFLICT (name) DO UPDATE SET value = value + 1"
    db.execute(f"INSERT INTO meta VALUES (?, '1') {once_more}", (_PLACED,))


def give_name(db: sqlite3.Connection, root: Path, name: str = "") -> None:
    """Give a catalogue a name, another than any has, and keep in mind that it lies at `root`."""
    said = msgspec.json.encode(_Named(name or secrets.token_hex(8), _place(root))).decode()
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_NAME, said))


def settle_name(catalogue: Catalogue) -> None:
    """Give a catalogue a name if it has none, or is a copy of one that still lies where this one was named."""
    named = _named(catalogue)
    if named is not None and named.place == _place(catalogue.root):
        return
    name = "" if named is None or _lies_at(Path(named.place), catalogue) else named.name
    with catalogue.writing() as db:
        give_name(db, catalogue.root, name)


def _named(catalogue: Catalogue) -> _Named | None:
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=_Named)


def _place(root: Path) -> str:
    return os.fsencode(os.path.realpath(root)).decode("utf-8", "replace")


def _lies_at(place: Path, catalogue: Catalogue) -> bool:
    """Whether another catalogue is there."""
    path = place / ".kelly" / catalogue.layout.catalogue_path.name
    with suppress(OSError, ValueError):
        return path.exists() and not path.samefile(catalogue.layout.catalogue_path)
    return False


def tell_if_behind(catalogue: Catalogue, tell: Callable[[str], object]) -> None:
    """Say, where nothing may be changed, that the catalogue is plainly older than the views.

    Of the manifest no more is read than its last line, and that only if it was written by another than this catalogue.
    """
    from kelly_tui.store.manifest import lineage_told  # late, as below
    from kelly_tui.store.viewstate import known_state, stamp

    path = catalogue.layout.manifest_path
    now, known = stamp(path), known_state(catalogue, path)
    if now is None or (known is not None and now == (known.size, known.mtime_ns)):
        return
    named = _named(catalogue)
    if named is None or (named.place != _place(catalogue.root) and _lies_at(Path(named.place), catalogue)):
        return  # views of a copy are another's edits
    if _is_behind(catalogue, lineage_told(path)):
        tell(
            "the catalogue is older than the views, as one from a backup is, and so is what is shown:"
            f" kelly conflicts {called(catalogue.root)} takes what they know from them"
        )


def catch_up(catalogue: Catalogue) -> str:
    """Bring a catalogue that is plainly older than the views up to date with them; one line on it, or nothing.

    Labels come with where they are from, what people decided, splits, new samples, and which conflicts are open.
    What was here stays in the history. Killed, it goes on at the next start.
    """
    # late: the manifest tells of lineages itself
    from kelly_tui.store.manifest import catalogue_rev, mark, read_manifest_file
    from kelly_tui.store.viewstate import changed_outside, look, remember, set_aside

    path = catalogue.layout.manifest_path
    if not changed_outside(catalogue, path):
        return ""
    state = look(catalogue, path)
    try:
        raw = read_manifest_file(path)
    except FileRefused:  # who reads edited views says so
        return ""
    settle_name(catalogue)
    if raw.disputed or not _is_behind(catalogue, raw.lineage):
        return ""
    with catalogue.writing() as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_AT_IT, raw.lineage.catalogue))
    set_aside(catalogue, path)  # rows that can't be samples are in it
    words = _CatchingUp(catalogue).take(raw)
    with catalogue.writing() as db:
        seq = catalogue_rev(catalogue)
        remember(catalogue, path, state, seq, mark(catalogue, seq))
        _come_farther(db, raw.lineage)
        db.execute("DELETE FROM meta WHERE name = ?", (_AT_IT,))
    return words


def _is_behind(catalogue: Catalogue, told: Lineage) -> bool:
    own = lineage(catalogue.db)
    if not own.catalogue or told.catalogue != own.catalogue:
        return False
    begun = catalogue.db.execute("SELECT 1 FROM meta WHERE name = ?", (_AT_IT,)).fetchone() is not None
    return begun or told.changes > own.changes


def _come_farther(db: sqlite3.Connection, told: Lineage) -> None:
    """Have the number of changes be more than what was caught up with: another backup may be put back."""
    if (lacking := told.changes + 1 - lineage(db).changes) > 0:
        add = "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
        db.execute(f"INSERT INTO meta VALUES (?, ?) {add}", (_BEFORE, str(lacking)))


class _CatchingUp:
    def __init__(self, catalogue: Catalogue) -> None:
        from kelly_tui.store.adoption import Adoption  # late, as above
        from kelly_tui.store.layout import utc_now
        from kelly_tui.store.steps import Recorder

        self._catalogue = catalogue
        self._adoption = Adoption(catalogue)
        self._step = Recorder(catalogue, ACTOR, "stage", "brought up to date with the views", utc_now())
        self._samples = self._splits = 0

    def take(self, raw: RawManifest) -> str:
        self._adoption.hear_of_manifest(raw.opinions, raw.heard)
        self._adoption.unsourced.says_who = bool(raw.mark)
        rows: list[dict[str, Any]] = []
        for row in raw.rows():
            if isinstance(row, bytes) or self._catalogue.get(str(row.get("sample_id"))) is None:
                self._adoption.add(row)
                continue
            rows.append(row)
            if len(rows) == _BATCH:
                self._take_rows(rows)
                rows.clear()
        self._take_rows(rows)
        added = len(self._adoption.finish())
        self._take_conflicts(raw.conflicts)
        parts = [count(self._samples, "sample"), count(self._splits, "split")]
        more = f", {count(added, 'sample')} that it lacked {agree(added, 'is', 'are')} back" if added else ""
        return (
            "the catalogue was older than the views, as one from a backup is; what they know was taken from them:"
            f" labels and decisions of {parts[0]}, {parts[1]}{more}"
        )

    def _take_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        with self._catalogue.writing() as db:
            for row in rows:
                ours = self._catalogue.get(str(row["sample_id"]))
                if ours is not None:
                    self._take_row(db, ours, row)
            self._adoption.flush()

    def _take_row(self, db: sqlite3.Connection, ours: Sample, row: Mapping[str, Any]) -> None:
        from kelly_tui.store.steps import Labels

        theirs, stamp = self._adoption.as_said(row)
        if theirs.split not in (None, ours.split):
            db.execute("UPDATE samples SET split = ? WHERE sample_id = ?", (theirs.split, ours.sample_id))
            self._splits += 1
        if theirs.rev <= ours.rev and stamp is not None:
            return  # as it was, or another's edit, which is merged by field as ever
        new = _differences(ours, theirs)
        if not new and theirs.rev <= ours.rev:
            return
        now = Labels.of(db, ours.sample_id, new)
        rev = max(theirs.rev, ours.rev + 1)
        self._step.change(db, now._replace(rev=rev - 1), new, {"rev": rev, "modified_at": theirs.modified_at})
        self._samples += bool(new)
        if stamp is not None:
            db.execute("INSERT OR REPLACE INTO exports VALUES (?, ?, ?)", (now.number, *stamp))

    def _take_conflicts(self, found: Iterable[WrittenConflict]) -> None:
        """Those that the views have open, and no others: which are not there were decided."""
        from kelly_tui.store.conflicts import read_conflicts
        from kelly_tui.store.layout import utc_now
        from kelly_tui.store.rebuild import close_decided

        told = list(found)
        still = {(one.sample_id, one.field, one.at) for one in told}
        is_open = "SELECT conflict, sample_id, field, at FROM conflicts WHERE resolved_at IS NULL"
        with self._catalogue.writing() as db:
            decided = [number for number, *which in db.execute(is_open).fetchall() if tuple(which) not in still]
            close = "UPDATE conflicts SET resolved_at = ? WHERE conflict = ?"
            db.executemany(close, [(utc_now(), number) for number in decided])
            read_conflicts(self._catalogue, told)
        close_decided(self._catalogue)


def _differences(ours: Sample, theirs: Sample) -> dict[str, Label | None]:
    """What the views say otherwise, as a step has it."""
    new = {name: theirs.labels.get(name) for name in FIELDS if theirs.labels.get(name) != ours.labels.get(name)}
    said, here = theirs.state, ours.state
    return {**new, **{name: state_label(name, said[name]) for name in STATE_FIELDS if said[name] != here[name]}}

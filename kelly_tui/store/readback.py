"""Taking in what was edited in a view: by hand, with git, by another program.

Each change is merged field by field against the revision that the view was written from. What only the view changed
is taken, as a person's label or decision; where both changed, the catalogue stands and a conflict is listed; what can't
be one is listed and its file kept in `.kelly/set-aside`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.edit import STATE_FIELDS
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.sample import Sample
from kelly_tui.store import annotation_file
from kelly_tui.store.adoption import Adoption
from kelly_tui.store.blind import ask_where_they_differ, take_said
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import OUTSIDE, close_conflict, put_conflict, take_conflicts
from kelly_tui.store.copies import ask_of_cleared, news_of_row, told_by_copy
from kelly_tui.store.history import begun, needs_no_reason, put_labels
from kelly_tui.store.layout import utc_now
from kelly_tui.store.manifest import NAME, RawManifest, catalogue_rev, mark, read_manifest_file
from kelly_tui.store.merge import (
    hold_strange,
    merge_state,
    not_told,
    other_than,
    take_peoples,
    values_of,
)
from kelly_tui.store.met import Met
from kelly_tui.store.older import catch_up, lineage
from kelly_tui.store.outside import (
    NEW_SAMPLE,
    Change,
    Merge,
    Pending,
    Told,
    WhereFrom,
    as_label,
    by_hand,
    in_batches,
    said_here,
)
from kelly_tui.store.rows import annotations_in, people_of, provenance_of_row
from kelly_tui.store.schema import provenance_of
from kelly_tui.store.steps import Recorder, Wanted
from kelly_tui.store.told import base_of, merged_with, told_by_file, wrote
from kelly_tui.store.touched import file_is_read, files_are_gone, touched_files
from kelly_tui.store.viewstate import (
    ViewState,
    changed_outside,
    known_state,
    look,
    remember,
    set_aside,
    stamp,
)

MANY_FILES, MANY_SHARE = 50, 0.01
"""More changed samples at once than the larger of the two are shown before they are taken."""

LISTED = 1000
"""So many changes are listed and remembered, unless all are asked for."""

_AT_ONCE = 1000
"""Changes that are held at once; where there are more, the views are read a second time to take them in."""

_REFUSED = "refused edits"
_FROM_OTHERS = "files come from others"


_MORE, _UNDECIDED = "holds more than labels", "git left its merge to you: where the two differ is a conflict"


def read_back(catalogue: Catalogue, listed: int | None = LISTED) -> Merge:
    """Look for outside edits and take them in; if they are many, only list them in `Merge.pending`.

    That has the first `listed` ones; with None all, however large that is.
    """
    caught_up = catch_up(catalogue)
    reader = _Reader(catalogue, listed)
    reader.merge.caught_up = caught_up
    return reader.show() if reader.found_many else reader.take()


def take_outside_edits(catalogue: Catalogue) -> Merge:
    """As `read_back`, however many they are."""
    return _Reader(catalogue).take()


def decline_outside_edits(catalogue: Catalogue) -> Merge:
    """Take none in: edited views are set aside and will be written anew. `Merge.pending` lists what was declined."""
    return _Reader(catalogue).decline()


def refused_edits(catalogue: Catalogue) -> list[str]:
    """What was refused or set aside, in words, as long as the file that was kept is there."""
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_REFUSED,)).fetchone()
    found: list[list[str]] = [] if row is None else msgspec.json.decode(row[0])
    return [said for said, kept in found if (catalogue.root / kept).exists()]


class _Reader:
    """One look at all views, and one of the three things that can be done with what was found."""

    def __init__(self, catalogue: Catalogue, listed: int | None = LISTED) -> None:
        self.catalogue = catalogue
        self.merge = Merge()
        self._listed = sys.maxsize if listed is None else listed
        self._pending: list[Pending] = []
        self._fields: Counter[str] = Counter()
        self._met = Met()
        self._few: list[Change] | None = []
        """The changes; None where there are more than are held."""
        self._rows = 0
        self._refused: list[tuple[str, str]] = []
        """(file, words) of each label that could not be taken."""
        self._manifest = catalogue.layout.manifest_path
        self._files_come_from_others = _noted(catalogue)
        """Whether annotation files of another copy of the dataset came, now or before; they tell more than its rows."""
        self._look_at(self._annotation_changes())
        self._adoption = Adoption(catalogue)
        self._told: RawManifest | None = None
        """The manifest, where it was edited."""
        self._manifest_edited = changed_outside(catalogue, self._manifest)
        self._manifest_state = look(catalogue, self._manifest) if self._manifest_edited else None
        self._since: int | None = None
        if self._manifest_edited and (raw := self._read_manifest(self._manifest)) is not None:
            self._told = raw
            self._adoption.rebuilt.findings += raw.findings
            self._since = self._written_from(raw, known_state(catalogue, self._manifest))
            self._adoption.unsourced.says_who = bool(raw.mark)
            self._look_at(self._manifest_changes(raw, self._adoption.add))

    def _look_at(self, changes: Iterable[Change]) -> None:
        for change in changes:
            sample, merged = change.sample, change.told.merged
            self._met.note(sample.sample_id, merged, is_own_file=change.path != self._manifest)
            for name, value in {**merged.taken, **{at: both.theirs for at, both in merged.conflicts.items()}}.items():
                self._fields[name] += 1
                if len(self._pending) < self._listed:
                    ours = values_of({name: said_here(sample, name)})[name]
                    self._pending.append(Pending(sample.sample_id, sample.file_path, name, ours, value))
            if self._few is not None:
                self._few.append(change)
                if len(self._few) > _AT_ONCE:
                    self._few = None

    def _batches(self) -> Iterable[list[Change]]:
        """All changes, some at once. Those that come later are looked for when the others are taken."""
        if self._few is not None:
            return [self._few]
        return in_batches(self._again(), _AT_ONCE)

    def _again(self) -> Iterator[Change]:
        self.merge.unknown.clear()
        self.merge.gone.clear()
        yield from self._annotation_changes()
        if self._told is not None:
            self._met.begin_again()
            yield from self._manifest_changes(self._told, lambda _: None)

    @property
    def found_many(self) -> bool:
        return self._samples() > max(MANY_FILES, MANY_SHARE * len(self.catalogue))

    def _samples(self) -> int:
        return self._met.samples + len(self._adoption.samples)

    def show(self) -> Merge:
        """List what would change, and change nothing."""
        self.merge.pending_samples, self.merge.pending = self._samples(), self._pending
        self.merge.pending_fields = self._fields
        for arriving in self._adoption.samples:
            self._fields[NEW_SAMPLE] += 1
            if len(self._pending) < self._listed:
                self._pending.append(Pending(arriving.sample_id, arriving.file_path, NEW_SAMPLE, None, None))
        self._remember_refused()
        return self.merge

    def take(self) -> Merge:
        """Take in what only a view changed, and list conflicts."""
        step = begun(self.catalogue, OUTSIDE, OUTSIDE)
        for changes in self._batches():
            with self.catalogue.writing() as db:  # all or nothing: half of it would look like news when read again
                if self._files_come_from_others:
                    db.execute("INSERT OR IGNORE INTO meta VALUES (?, '')", (_FROM_OTHERS,))
                self._take(changes, step)
                for change in changes:
                    self._take_said(change.path, change.opinions, change.heard)
        files_are_gone(self.catalogue, self.merge.gone)
        self.merge.added += self._adoption.finish()
        if self._told is not None:
            self._take_said(self._manifest, self._told.opinions, self._told.heard)
            self.merge.conflicts += take_conflicts(self.catalogue, self._told.conflicts)
        if self._manifest_edited:
            self._manifest_is_read(self._manifest)
        if findings := self._adoption.rebuilt.findings:
            kept = self._adoption.kept
            where = self.merge.set_aside[-1][2] if kept is None else self._name(kept)
            self.merge.rows += [(finding, where) for finding in findings]
        self._remember_refused()
        return self.merge

    def decline(self) -> Merge:
        """Take nothing in: the views will be written anew, and what they said is set aside."""
        for change in self._annotation_changes() if self._few is None else self._few:
            if change.path != self._manifest:
                set_aside(self.catalogue, change.path)
                file_is_read(self.catalogue, change.sample.sample_id, change.stamp)
        files_are_gone(self.catalogue, self.merge.gone)
        if self._manifest_edited:
            self._manifest_is_read(self._manifest)
        return self.show()

    def _remember_refused(self) -> None:
        kept = {name: where for name, _, where in self.merge.set_aside}
        said = [(f"{file}: {words}", kept[file]) for file, words in self._refused if file in kept]
        named = {file for file, _ in self._refused}
        said += [(f"{file}: {why}", where) for file, why, where in self.merge.set_aside if file not in named]
        said += [(f"{self._manifest.name}: {why}", where) for why, where in self.merge.rows]
        self.merge.lines = [f"{words}; kept in {where}" for words, where in said]
        if said:
            row = self.catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_REFUSED,)).fetchone()
            before = [] if row is None else msgspec.json.decode(row[0])
            both = [*before, *zip(self.merge.lines, (where for _, where in said), strict=True)][-LISTED:]
            with self.catalogue.writing() as db:
                db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_REFUSED, msgspec.json.encode(both).decode()))

    # -- annotations/ -------------------------------------------------------------------------------------------------

    def _annotation_changes(self) -> Iterator[Change]:
        for sample_id, path, now in touched_files(self.catalogue, self._note_unknown, self.merge.gone.append):
            sample = self.catalogue.get(sample_id)
            if sample is None:
                self._note_unknown(path)
                continue
            try:
                if annotation_file.is_of(sample, self.catalogue.db, self.catalogue.root, path):
                    file_is_read(self.catalogue, sample_id, now, sample.rev)  # touched, or copied: the same in it
                    continue
                found = annotation_file.read_versions(annotation_file.raw(self.catalogue.root, path), sample_id)
            except FileRefused as error:
                self._set_aside(path, error.what)
                file_is_read(self.catalogue, sample_id, now)
                continue
            for said in found:
                keep = _UNDECIDED if said is not found[-1] else "; ".join(said.findings)
                opinions = [one for one in said.opinions if one.sample_id == sample_id]
                heard = [one for one in said.heard if one.sample_id == sample_id]
                if len(opinions) + len(heard) < len(said.opinions) + len(said.heard):  # of other samples
                    keep = keep or _MORE
                if wrote(self.catalogue, sample, said):
                    told, elsewhere = told_by_file(self.catalogue, sample, said), None
                    is_other = said.rev == sample.rev and _other_provenance(sample, said)
                else:
                    told = told_by_copy(self.catalogue, sample, said, is_alone=len(found) == 1)
                    elsewhere = said.told_beside(told.merged.conflicts)
                    is_other = False
                    self._files_come_from_others |= said.rev is not None or len(found) > 1
                if said.unknown or is_other:
                    keep = keep or _MORE
                goes_on = said is not found[-1]
                yield Change(sample, told, path, now, keep, opinions, heard, elsewhere, goes_on)

    def _note_unknown(self, path: Path) -> None:
        self.merge.unknown.append(self._name(path))

    # -- manifest.json ------------------------------------------------------------------------------------------------

    def _read_manifest(self, path: Path) -> RawManifest | None:
        try:
            return read_manifest_file(path)
        except FileRefused as error:
            self._set_aside(path, error.what)
            return None

    def _manifest_changes(
        self, raw: RawManifest, arrives: Callable[[dict[str, Any] | bytes], object]
    ) -> Iterator[Change]:
        """`arrives` is told of rows that are of no sample here, or of one that has had its row."""
        path, layout = self._manifest, self.catalogue.layout
        now = stamp(path) or (0, 0)
        is_elses = bool(raw.mark) and (self._since is None or raw.disputed > 0) and self._files_come_from_others
        for self._rows, row in enumerate(raw.rows(), 1):
            is_disputed = self._rows > len(raw.lines) - raw.disputed
            sample = None if isinstance(row, bytes) else self.catalogue.get(str(row.get("sample_id")))
            is_second = sample is not None and self._met.is_second(sample.sample_id)
            if isinstance(row, bytes) or sample is None or (is_second and not is_disputed):
                arrives(row)
                continue
            told = self._met.told(sample.sample_id)
            if is_disputed and told:
                continue  # of a merge that git left to people, a sample's own file tells more
            said = not_told(told, other_than({**sample.annotations}, annotations_in(row)))
            state = other_than(sample.state, {name: row[name] for name in STATE_FIELDS if name in row})
            state = not_told(told, state)
            has_file = (is_disputed or is_elses) and layout.annotation_path(sample.sample_id).exists()
            if has_file and is_elses:
                state = {}
            since = None if is_disputed or (has_file and is_elses) else self._since
            where: WhereFrom = by_hand
            people = people_of(row)
            if since is None and raw.mark:
                where = provenance_of_row(people, sample, said)
                said = news_of_row(self.catalogue, sample, said, people, only=has_file and is_disputed)
            base = base_of(self.catalogue, sample, (said.keys() & FIELDS.keys()) | state.keys(), "seq", since)
            merged = take_peoples(merged_with(self.catalogue, sample, base, said), sample.labels, where)
            if raw.mark:
                hold_strange(merged, base, people)
            merged.add(merge_state(values_of(base), sample.state, state))
            if since is None and raw.mark and not (has_file and is_elses):
                ask_of_cleared(merged, sample, row, told)
            if merged.taken or merged.conflicts or merged.refused:
                yield Change(sample, Told(base, merged, where), path, now, "")

    def _written_from(self, raw: RawManifest, known: ViewState | None) -> int | None:
        """The last event that a manifest holds which was edited; None where another copy of the dataset wrote it.

        What such a one says otherwise is no edit: nobody knows which of the two is older.
        """
        last_written = None if known is None else known.seq
        if raw.catalogue_rev is None or raw.disputed:  # another program's, or where both sides of a merge agree
            return last_written
        if known is not None and (raw.mark == known.mark if raw.mark else raw.catalogue_rev == last_written):
            return last_written
        is_here = 0 <= raw.catalogue_rev <= catalogue_rev(self.catalogue)
        return raw.catalogue_rev if is_here and raw.mark == mark(self.catalogue, raw.catalogue_rev) != "" else None

    def _manifest_is_read(self, path: Path) -> None:
        known = known_state(self.catalogue, path)
        was_kept = any(name == path.name for name, *_ in self.merge.set_aside)
        if not was_kept and not self._is_another_copys() and (known is not None or self._rows):
            why = "edited outside, only what people say in it is taken in"  # the rest is in what is kept
            self._set_aside(path, why)
        written_from = (0, "") if known is None else (known.seq, known.mark)
        remember(self.catalogue, path, self._manifest_state, *written_from)

    def _is_another_copys(self) -> bool:
        """Whether the manifest is one that another copy of the dataset wrote, and that copy has: as it comes with git.

        What is not taken from it, as which split a sample is in there, is that copy's own.
        """
        told = self._told
        if told is None or told.disputed or not told.mark or any(file == NAME for file, *_ in self.merge.refused):
            return False
        in_doubt = self._adoption.rebuilt.findings
        return not in_doubt and told.lineage.catalogue not in ("", lineage(self.catalogue.db).catalogue)

    # -- both ---------------------------------------------------------------------------------------------------------

    def _take(self, changes: list[Change], step: Recorder) -> None:
        at = utc_now()
        wanted: dict[str, dict[str, Label | None]] = {}
        for change in changes:
            for name in change.told.settled:
                close_conflict(self.catalogue, change.sample.sample_id, name)
            fields = wanted.setdefault(change.sample.sample_id, {})
            for name, value in change.told.merged.taken.items():
                label = as_label(name, value, change.told.where(name), at)
                if name not in fields:
                    fields[name] = label
                    self.merge.taken_in_all += 1
                    if len(self.merge.taken) < LISTED:
                        self.merge.taken.append((change.sample.sample_id, name))
                elif values_of(fields)[name] != value:  # two views of one sample were edited differently
                    self._disagree(change, name, change.told.base.get(name), fields[name], label)
        for fields in wanted.values():
            needs_no_reason(fields)
        labels: dict[str, Wanted] = {**wanted}
        put_labels(self.catalogue, labels, OUTSIDE, OUTSIDE, step, self._met.taken)
        for change in changes:
            for name, both in change.told.merged.conflicts.items():
                ours = said_here(change.sample, name)
                self._disagree(
                    change,
                    name,
                    change.told.base.get(name),
                    ours,
                    as_label(name, both.theirs, change.told.where(name), at),
                )
            for name, why in change.told.merged.refused.items():
                self.merge.refused.append((self._name(change.path), name, why))
                self._refused.append((self._name(change.path), f"{change.sample.sample_id} {name} {why}"))
            if change.elsewhere is not None:
                with self.catalogue.writing() as db:
                    change.elsewhere.keep(db, change.sample.sample_id)
            if change.path.name != "manifest.json":
                if change.keep or change.told.merged.refused:
                    self._set_aside(change.path, change.keep or _MORE)
                self.merge.outdated += change.told.is_outdated and not change.goes_on
                self._file_is_read(change)

    def _file_is_read(self, change: Change) -> None:
        """One of another copy may say now what the catalogue does, and needs not be written again."""
        sample_id, rev = change.sample.sample_id, -1
        if change.told.where is not by_hand and (sample := self.catalogue.get(sample_id)) is not None:
            is_same = annotation_file.is_of(sample, self.catalogue.db, self.catalogue.root, change.path)
            rev = sample.rev if is_same else rev
        file_is_read(self.catalogue, sample_id, change.stamp, rev)

    def _take_said(self, path: Path, opinions: Iterable[Opinion], heard: Iterable[Trial]) -> None:
        taken = take_said(self.catalogue, opinions, heard)
        if taken.impossible and path != self._manifest:  # which is kept anyway
            self._set_aside(path, _MORE)
        self.merge.said += len(taken.opinions) + len(taken.heard)
        self.merge.conflicts += ask_where_they_differ(self.catalogue, taken.opinions)
        for one in taken.impossible:
            field = one.field if isinstance(one, Opinion) else one.recipe
            self.merge.refused.append((self._name(path), field, "nobody can have said so"))
            self._refused.append((self._name(path), f"{one.sample_id} {field}: nobody can have said so"))

    def _disagree(
        self, change: Change, field: str, base: Label | None, ours: Label | None, theirs: Label | None
    ) -> None:
        origin = "manifest.json" if change.path.name == "manifest.json" else "annotations"
        if put_conflict(self.catalogue, change.sample.sample_id, field, base, ours, theirs, origin):
            self.merge.conflicts.append((change.sample.sample_id, field))

    def _set_aside(self, path: Path, why: str) -> None:
        kept = set_aside(self.catalogue, path)
        self.merge.set_aside.append((self._name(path), why, self._name(kept)))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.catalogue.root).as_posix()


def _noted(catalogue: Catalogue) -> bool:
    noted = catalogue.db.execute("SELECT 1 FROM meta WHERE name = ?", (_FROM_OTHERS,)).fetchone()
    return noted is not None


def _other_provenance(sample: Sample, said: annotation_file.AnnotationFile) -> bool:
    """Whether a view says otherwise where a value comes from, which is never taken."""
    return any(
        name in sample.labels and provenance_of(sample.labels[name]) != where for name, where in said.provenance.items()
    )

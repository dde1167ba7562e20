"""Rows of a manifest as samples of the catalogue, each with its annotation file; and what came of it, in words."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.edit import UNDECIDED, state_label
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.sample import Sample, file_type_of
from kelly_tui.model.tonality import author_of
from kelly_tui.store import annotation_file, descent
from kelly_tui.store.blind import ask_where_they_differ, take_said
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import OUTSIDE, put_conflicts
from kelly_tui.store.earlier import ToldElsewhere
from kelly_tui.store.inside import check_stays, hash_inside, inside, is_nothing, read_inside, status_inside
from kelly_tui.store.layout import LARGEST_LIST, utc_now, write_atomic
from kelly_tui.store.merge import merge_state, other_than
from kelly_tui.store.rows import BY, NOT_READ, NOT_TAKEN, ReadRow, keep_beside, read_annotations, read_row
from kelly_tui.store.schema import label_of
from kelly_tui.store.swap import move
from kelly_tui.store.two_views import both_say
from kelly_tui.store.unsourced import Unsourced
from kelly_tui.store.viewstate import Stamp, set_aside, stamp
from kelly_tui.text import as_written, count

ID = re.compile(r"[0-9A-Za-z_-]{2,128}")
"""What an id may be: it is a part of the names of files."""

GONE = "the file is gone"
"""The status of a sample whose file is not there."""

Undecided = tuple[str, str, Label | None, Label | None]
"""What two sides say differently: id, field, ours, theirs."""

_encode = msgspec.json.Encoder(order="sorted").encode

_FINDINGS = 1000
"""So many are remembered; the rest are counted."""


class Rebuilt(msgspec.Struct):
    """What came of it."""

    at: str
    samples: int = 0
    labels: int = 0
    lost: bool = False
    """Whether Kelly had made one before, which is gone or damaged."""
    damaged: str = ""
    """Where the damaged one lies, relative to the dataset."""
    copy_of: str = ""
    """Where the dataset lies of which this is a copy, if it was made for that."""
    told: bool = False
    """Whether a person has seen `words`."""
    findings: list[str] = []
    """What could not be understood or found, the first of it."""
    more: int = 0
    """Further findings."""

    def note(self, finding: str) -> None:
        if len(self.findings) < _FINDINGS:
            self.findings.append(finding)
        else:
            self.more += 1

    def words(self) -> str:
        """On one line: what happened, what came back, what may be missing, and where the old one lies."""
        left_out = len(self.findings) + self.more
        remarks = f" {count(left_out, 'remark')} on the views: kelly validate." if left_out else ""
        if not self.lost:
            return remarks.strip()
        what, where = "the catalogue was gone", ""
        if self.damaged:
            what, where = "the catalogue was damaged", f" The damaged one: {self.damaged}."
        elif self.copy_of:
            what = f"this is a copy of {self.copy_of}, which keeps the catalogue"
        return (
            f"{what}; made anew from the views: {count(self.samples, 'sample')} and"
            f" {count(self.labels, 'label')} are back, history and undo begin anew. An edit not yet in annotations/ may"
            f" be missing, and features are extracted again.{where}{remarks}"
        )


class Adoption:
    """Takes in manifest rows that the catalogue does not know, with their annotation files."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.rebuilt = Rebuilt(utc_now())
        self.samples: list[Sample] = []
        """Read, and not yet in the catalogue."""
        self.kept: Path | None = None
        """Where rows lie that could not be taken, once `finish` has written them."""
        self._catalogue = catalogue
        self._root = catalogue.root
        self._names: set[str] = set()
        """Ids and paths of `samples`."""
        self._told_by_row: set[str] = set()
        """Ids of those that have no annotation file."""
        self._read: dict[str, Stamp] = {}
        """Of the annotation file that was read, before it was, by id."""
        self._opinions: dict[str, list[Opinion]] = {}
        self._heard: dict[str, list[Trial]] = {}
        """What was said blind, by sample."""
        self._elsewhere: list[tuple[str, ToldElsewhere]] = []
        """What annotation files tell besides, by sample."""
        self._told: set[tuple[str, ...]] = set()
        """Opinions that the manifest has, which has the conflicts about them too."""
        self._undecided: list[Undecided] = []
        """What the sides of a merge say differently."""
        self._typed: list[Undecided] = []
        """The same of what the manifest says otherwise than the annotation file."""
        self.differ = 0
        """Labels and decisions that the manifest has otherwise: those too that were changed after it was written."""
        self._kept_rows: list[bytes] = []
        self._added: list[str] = []
        self._splits: dict[str, str] | None = None
        self.unsourced = Unsourced(catalogue)

    def add(self, row: dict[str, Any] | bytes) -> None:
        """Read a row. One that can't be a sample, or whose id or file another has, is kept verbatim."""
        if isinstance(row, bytes):
            self._keep(row, f"a row of the manifest can't be read: {row[:40].decode('utf-8', 'replace')!r}")
            return
        read = read_row(row, self._catalogue.config)
        sample = read.sample
        self._identify(sample, self._locate(sample))
        if not ID.fullmatch(sample.sample_id):
            self._keep(row, f"{sample.sample_id[:60]!r} is no id, and its file is not there")
            return
        for name, column in ((sample.sample_id, "sample_id"), (sample.file_path, "file_path")):
            if name in self._names or self._known(column, name):
                self._keep(row, f"two rows have the {column} {name}; the first is taken")
                return
        self._read_more(read, row)
        self._names |= {sample.sample_id, sample.file_path}
        self.samples.append(sample)

    def as_said(self, row: Mapping[str, Any]) -> tuple[Sample, Stamp | None]:
        """What the views say of a sample that is here already, and how its annotation file looked, if there is one."""
        read = read_row(row, self._catalogue.config)
        self._read_more(read, row)
        self.unsourced.settle([read.sample], self._told_by_row)
        with self._catalogue.writing() as db:
            self._keep_elsewhere(db)
        return read.sample, self._read.pop(read.sample.sample_id, None)

    def _read_more(self, read: ReadRow, row: Mapping[str, Any]) -> None:
        """What the other views say of the sample of a row."""
        sample = read.sample
        if not self._read_annotation_file(sample, row.get("annotations")):
            self._told_by_row.add(sample.sample_id)
        if sample.split is None:
            sample.split = self._listed_splits().get(sample.sample_id)
        for finding in read.findings:
            self.rebuilt.note(f"{sample.file_path}: {finding}; kept in the manifest under {NOT_TAKEN} or {NOT_READ}")

    def hear_of_manifest(self, opinions: list[Opinion], heard: list[Trial]) -> None:
        """As `hear`. A sample's own file tells all there is of it, and later."""
        self._told = {_key(one) for one in opinions}
        self.hear(opinions, heard)

    def hear(self, opinions: Iterable[Opinion], heard: Iterable[Trial]) -> None:
        """Take in what a view tells was said blind."""
        for one in opinions:
            self._opinions.setdefault(one.sample_id, []).append(one)
        for trial in heard:
            self._heard.setdefault(trial.sample_id, []).append(trial)

    def flush(self) -> None:
        """Put what was read into the catalogue."""
        catalogue = self._catalogue
        self.unsourced.settle(self.samples, self._told_by_row)
        with catalogue.writing() as db:
            catalogue.add(self.samples)
            for sample in self.samples:
                if sample.status != "ok":
                    catalogue.quarantine(sample.sample_id, "rebuild", "", sample.status)
            db.executemany(
                "INSERT OR REPLACE INTO exports SELECT rowid, ?, ? FROM samples WHERE sample_id = ?",
                ((*read, sample_id) for sample_id, read in self._read.items()),
            )
            self._keep_elsewhere(db)
        self.rebuilt.labels += sum(len(sample.labels) for sample in self.samples)
        self._added += [sample.sample_id for sample in self.samples]
        self.samples.clear()
        self._names.clear()
        self._told_by_row.clear()
        self._read.clear()

    def _keep_elsewhere(self, db: sqlite3.Connection) -> None:
        for sample_id, told in self._elsewhere:
            told.keep(db, sample_id)
        self._elsewhere.clear()

    def finish(self) -> list[str]:
        """Put the rest into the catalogue, settle who descends from whom; the ids of all that were taken."""
        self.flush()
        with self._catalogue.writing() as db:
            for words in descent.settle(db):
                if self._added:
                    self.rebuilt.note(words)
        put_conflicts(self._catalogue, self._typed, BY)
        put_conflicts(self._catalogue, self._undecided, "annotations")
        self._take_said()
        if unknown := self.unsourced.unknown:
            self.rebuilt.note(
                f"{count(unknown, 'sample')}: who labelled is told nowhere, and counts as a person ({BY})"
            )
        if self._kept_rows:
            name = f"{self.rebuilt.at.replace(':', '')}-rows.jsonl"
            self.kept = self._catalogue.layout.kelly_dir / "set-aside" / name
            write_atomic(self.kept, b"\n".join(self._kept_rows) + b"\n")
        return self._added

    def _take_said(self) -> None:
        opinions = sorted(chain.from_iterable(self._opinions.values()), key=lambda one: one.at)
        heard = sorted(chain.from_iterable(self._heard.values()), key=lambda one: one.at)
        taken = take_said(self._catalogue, opinions, heard)
        ask_where_they_differ(self._catalogue, (one for one in taken.opinions if _key(one) not in self._told))
        for one in taken.impossible:
            self._keep(one, f"nobody can have said this blind of {one.sample_id[:60]}")

    def _keep(self, row: object, why: str) -> None:
        self._kept_rows.append(row if isinstance(row, bytes) else msgspec.json.encode(as_written(row)))
        self.rebuilt.note(why)

    def _known(self, column: str, value: str) -> bool:
        found = self._catalogue.db.execute(f"SELECT 1 FROM samples WHERE {column} = ?", (value,)).fetchone()
        return found is not None

    def _locate(self, sample: Sample) -> os.stat_result | None:
        """Find the file that a row means: its path may be absolute, or begin where the earlier pipeline ran."""
        said = sample.file_path
        for path in _possible_paths(said, self._root):
            with suppress(FileRefused, OSError):
                there = status_inside(self._root, path)
                if there is not None and stat.S_ISREG(there.st_mode) and not is_nothing(there):
                    sample.file_path = path
                    sample.status = "ok" if sample.status == GONE else sample.status
                    return there
        try:
            inside(self._root, said)
        except (FileRefused, OSError):  # no path of ours: shown by id, and what was said is kept
            if said:
                self.rebuilt.note(
                    f"{sample.sample_id}: its path {said[:80]!r} is none in the dataset, and is not followed"
                )
                keep_beside(sample.extra, NOT_READ, {"file_path": said})
            suffix = PurePosixPath(said).suffix.lower() if file_type_of(said) else ""
            sample.file_path = f"raw/{sample.file_type}/{sample.sample_id}{suffix}"
        if sample.status == "ok":
            sample.status = GONE
        return None

    def _identify(self, sample: Sample, there: os.stat_result | None) -> None:
        """Size and hash of a file that the manifest does not tell, and an id where it has none that could be one."""
        if there is None:
            return
        sample.sha256 = sample.sha256 or hash_inside(self._root, self._root / sample.file_path)
        sample.file_size_bytes = sample.file_size_bytes or there.st_size
        if not ID.fullmatch(sample.sample_id):
            root_is_self = sample.root_id == sample.sample_id
            sample.sample_id = sample.sha256[:16]
            sample.root_id = sample.sample_id if root_is_self else sample.root_id

    def _read_annotation_file(self, sample: Sample, row_said: object) -> bool:
        """Whether there is one. `row_said`: the annotations of the sample's row, of which its labels are."""
        layout, row_at = self._catalogue.layout, sample.modified_at
        path = layout.annotation_path(sample.sample_id)
        if self._are_flat and (flat := layout.annotations / path.name).is_file() and not path.exists():
            check_stays(self._root, path.parent)
            path.parent.mkdir(exist_ok=True)
            with suppress(FileExistsError):  # which another program made just now
                move(flat, path)
        there = stamp(path)
        if there is None:
            return False
        self._read[sample.sample_id] = there
        try:
            said, *undecided = annotation_file.read_versions(annotation_file.raw(layout.root, path), sample.sample_id)
        except FileRefused as error:
            set_aside(self._catalogue, path)
            self.rebuilt.note(f"{path.name}: {error.what}; it is kept in .kelly/set-aside")
            return False
        findings = [*said.findings]
        others: dict[str, Any] = {}
        if sample.labels.keys() == said.values.keys() and _encode(said.values) == _encode(row_said):
            # As usual: they have been looked at. (To Python 1 and true were the same.)
            labels = {name: sample.labels[name] for name in said.values}
        else:
            labels, others = read_annotations(said.values, self._catalogue.config, findings)
        for name, label in labels.items():
            labels[name] = _with_author(said, name, label)
        if said.rev is not None and "decision" in said.state:
            self._opinions.pop(sample.sample_id, None)
            self._heard.pop(sample.sample_id, None)
        self.hear(said.opinions, said.heard)
        self._elsewhere += [(sample.sample_id, one.told) for one in (said, *undecided) if any(one.told)]
        decided = {name: value for name, value in sample.state.items() if value != UNDECIDED[name]}
        if not _take_state(sample, said, findings) or said.unknown or others or said.findings:
            set_aside(self._catalogue, path)
        both = both_say(said, labels, sample.labels, row_at, sample.refused)
        typed: list[Undecided] = [
            (sample.sample_id, name, ours, self._by_hand(theirs)) for name, ours, theirs in both.undecided
        ]
        sample.labels = labels | {name: self._by_hand(label) for name, label in both.typed.items()}
        sample.rev = said.rev or 0
        # Of when its last label is: what is typed into a row of before that would be taken for older than it.
        said_at = (label.at or "" for label in sample.labels.values())
        sample.modified_at = self.rebuilt.at if both.typed else max([sample.modified_at, *said_at])
        self._typed += typed
        self.differ += len(typed) + len(both.outdated) + len(other_than(sample.state, decided))
        for other in undecided:
            set_aside(self._catalogue, path)
            self._compare(sample, said, other, read_annotations(other.values, self._catalogue.config, findings)[0])
            self.hear(other.opinions, other.heard)
            self._undecided += _merge_state(sample, other.state)
            findings += other.findings
            if sample.decision == "labelled" and self._catalogue.config.model.main_label not in sample.labels:
                sample.decision = "pending"  # one side took the label back
        for finding in findings:
            self.rebuilt.note(f"{path.name}: {finding.removesuffix('.')}; the file is kept in .kelly/set-aside")
        return True

    def _by_hand(self, label: Label) -> Label:
        """What was typed into the manifest is a person's; of another copy it says whose."""
        return label if label.by != BY else Label(label.value, by=OUTSIDE, at=self.rebuilt.at)

    def _compare(
        self, sample: Sample, said: annotation_file.AnnotationFile, other: annotation_file.AnnotationFile,
        theirs: dict[str, Label],
    ) -> None:  # fmt: skip
        """Take what only the other side of a merge says, or said of ours, and keep both where they differ otherwise.

        What either side took back is not what the other says: by its value, which git may have parted from who gave it.
        """
        for name, label in list(sample.labels.items()):
            if name not in theirs and other.had_value(name, label.value):
                del sample.labels[name]
        for name, read in theirs.items():
            if name not in sample.labels and said.had_value(name, read.value):
                continue
            label = _with_author(other, name, read)
            ours = sample.labels.setdefault(name, label)
            ours_was_known, theirs_was_known = other.had(name, ours), said.had(name, label)
            if ours.value == label.value or (theirs_was_known and not ours_was_known):
                continue
            if ours_was_known and not theirs_was_known:
                sample.labels[name] = label
            else:
                self._undecided.append((sample.sample_id, name, ours, label))

    @cached_property
    def _are_flat(self) -> bool:
        """Whether annotation files may lie where older datasets have them."""
        folder = self._catalogue.layout.annotations
        return folder.is_dir() and any(entry.name.endswith(".json") for entry in os.scandir(folder))

    def _listed_splits(self) -> dict[str, str]:
        if self._splits is None:
            self._splits = {}
            for split in SPLITS:
                with suppress(FileNotFoundError, UnicodeDecodeError, FileRefused):
                    listed = read_inside(self._root, self._catalogue.layout.splits / f"{split}.txt", LARGEST_LIST)
                    self._splits |= dict.fromkeys(listed.decode("utf-8-sig").split(), split)
        return self._splits


def _key(one: Opinion) -> tuple[str, ...]:
    return one.sample_id, one.field, one.annotator, one.at


def _with_author(said: annotation_file.AnnotationFile, name: str, read: Label) -> Label:
    where_from = said.provenance.get(author_of(name, said.values))
    return read if where_from is None else label_of(read.value, where_from)


def _take_state(sample: Sample, said: annotation_file.AnnotationFile, findings: list[str]) -> bool:
    """What an annotation file says was decided; whether all of it can be. Kelly's own says all there is."""
    if said.rev is not None and "decision" in said.state:
        for name, value in UNDECIDED.items():
            _set_state(sample, name, value)
        sample.modified_at = said.modified_at or sample.modified_at
    merged = merge_state(sample.state, sample.state, said.state)
    for name, value in merged.taken.items():
        _set_state(sample, name, value)
    findings += merged.refused.values()
    return not merged.refused


def _merge_state(sample: Sample, theirs: Mapping[str, object]) -> list[Undecided]:
    """Take what only another side says was decided; what both say differently."""
    merged = merge_state(UNDECIDED, sample.state, theirs)
    for name, value in merged.taken.items():
        _set_state(sample, name, value)
    return [
        (sample.sample_id, name, state_label(name, both.ours), state_label(name, both.theirs))
        for name, both in merged.conflicts.items()
    ]


def _set_state(sample: Sample, name: str, value: Value | None) -> None:
    setattr(sample, name, [] if name == "refused" and value is None else value)


def _possible_paths(said: str, root: Path) -> Iterator[str]:
    """The path as it is, below the dataset's folder, or from its raw/ or processed/ on."""
    said = said.replace("\\", "/")
    yield said
    with suppress(ValueError):
        yield PurePosixPath(said).relative_to(root.absolute().as_posix()).as_posix()
    parts = PurePosixPath(said).parts
    for folder in ("raw", "processed"):
        if folder in parts[1:]:
            yield "/".join(parts[parts.index(folder, 1) :])

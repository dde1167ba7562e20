"""A catalogue made from views: a lost or broken one again, or a first one for a dataset of the earlier pipeline."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from kelly_tui.errors import DiskFull, FileRefused
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.sample import Sample, file_type_of
from kelly_tui.store import annotation_file, counters, damage
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import put_conflicts, read_conflicts
from kelly_tui.store.connection import connect, take
from kelly_tui.store.full_disk import not_written
from kelly_tui.store.inside import inside, is_plain, read_inside
from kelly_tui.store.layout import LARGEST_LIST, Layout, save_config, utc_now, write_atomic
from kelly_tui.store.manifest import RawManifest, read_manifest_file, write_manifest_file
from kelly_tui.store.opinions import add_opinions, blind_opinions
from kelly_tui.store.rows import NOT_READ, NOT_TAKEN, read_annotations, read_row
from kelly_tui.store.schema import COLUMNS, from_row, label_of
from kelly_tui.store.trials import add_trials, trials
from kelly_tui.store.viewstate import changed_outside, hash_inside, remember, set_aside, stamp
from kelly_tui.text import count

ID = re.compile(r"[0-9A-Za-z_-]{2,128}")
"""What an id may be: it is a part of the names of files."""

GONE = "the file is gone"
"""The status of a sample whose file is not there."""

_FINDINGS = 1000
"""So many are remembered; the rest are counted."""

_BATCH = 2000
_GENERATIONS = 20
_HIGHER_ROOT = (
    "UPDATE samples SET root_id = parent.root_id FROM samples AS parent"
    " WHERE samples.root_id = parent.sample_id AND parent.root_id <> parent.sample_id"
    " AND samples.root_id <> samples.sample_id AND parent.root_id <> samples.sample_id"
)


class Rebuilt(msgspec.Struct):
    """What came of it."""

    at: str
    samples: int = 0
    labels: int = 0
    lost: bool = False
    """Whether Kelly had made one before, which is gone or damaged."""
    damaged: str = ""
    """Where the damaged one lies, relative to the dataset."""
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
        remarks = f" {left_out:,} remarks on the views: kelly validate." if left_out else ""
        if not self.lost:
            return remarks.strip()
        what, where = ("damaged", f" The damaged one: {self.damaged}.") if self.damaged else ("gone", "")
        return (
            f"the catalogue was {what}; made anew from the views: {count(self.samples, 'sample')} and"
            f" {count(self.labels, 'label')} are back, history and undo begin anew. An edit not yet in annotations/ may"
            f" be missing, and features are extracted again.{where}{remarks}"
        )


def replace_if_damaged(layout: Layout, config: DatasetConfig, lock: int) -> None:
    """Set a suspected catalogue aside if it is damaged; what can be read of it, and is in no view, is written."""
    take(lock, layout.root)
    try:
        if not damage.is_suspected(layout):  # another was faster
            return
        if not layout.catalogue_path.exists() or damage.is_whole(layout.catalogue_path):
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
        damaged = Catalogue(layout, config, db, None)
        with suppress(*unreadable):
            due = [number for (number,) in db.execute("SELECT rowid FROM samples WHERE rev <> exported_rev")]
            for number in due:
                with suppress(*unreadable):
                    _rescue_annotations(damaged, number)
        path = layout.manifest_path
        said = counters.read(db).in_catalogue
        readable = db.execute("SELECT count(*) FROM samples NOT INDEXED").fetchone()[0]
        if readable >= said and not changed_outside(damaged, path):
            if path.exists():
                set_aside(damaged, path)
            write_manifest_file(damaged, path)


def _rescue_annotations(damaged: Catalogue, number: int) -> None:
    row = damaged.db.execute(f"SELECT {COLUMNS} FROM samples WHERE rowid = ?", (number,)).fetchone()
    known = damaged.db.execute("SELECT size, mtime_ns FROM exports WHERE sample = ?", (number,)).fetchone()
    sample = from_row(row)
    path = damaged.layout.annotation_path(sample.sample_id)
    there = stamp(path)
    if ID.fullmatch(sample.sample_id) and there in (None, known) and (there or sample.labels):
        write_atomic(path, annotation_file.render(sample.sample_id, sample.rev, sample.labels))


def rebuild(catalogue: Catalogue) -> Rebuilt:
    """Fill an empty catalogue from manifest.json, annotations/ and splits/; where there is no manifest, from raw/.

    Begun again after a crash it gives the same. What can't be taken is kept: in `Sample.extra`, in
    `.kelly/set-aside`, and in the findings, which `last_rebuild` gives later.
    """
    adoption = Adoption(catalogue)
    rebuilt, layout = adoption.rebuilt, catalogue.layout
    raw = _read_manifest(catalogue, rebuilt)
    for row in raw.rows() if raw is not None else ():
        adoption.add(row)
        if len(adoption.samples) >= _BATCH:
            adoption.flush()
    if raw is None or raw.catalogue_rev is not None or not raw.lines:  # what was imported since it was written
        adoption.flush()
        for row in _rows_of_files(catalogue):
            adoption.add(row)
    rebuilt.samples = len(adoption.finish())
    _note_strays(catalogue, rebuilt)
    if raw is None and _any_file(layout.augmented):
        rebuilt.note(
            "without a manifest nobody knows whose variants lie in processed/augmented: augment makes them anew"
        )
    rebuilt.damaged = damage.kept_in(layout) or ""
    rebuilt.lost = bool(rebuilt.damaged) or raw is None or raw.catalogue_rev is not None
    (rebuilt.labels,) = catalogue.db.execute("SELECT count(*) FROM samples, json_each(provenance)").fetchone()
    if not layout.config_path.exists():
        save_config(layout.root, catalogue.config)
    if raw is not None and not trials(catalogue):
        add_trials(catalogue, raw.heard)
    if raw is not None and not blind_opinions(catalogue):
        add_opinions(catalogue, raw.opinions)
    if raw is not None:
        read_conflicts(catalogue, raw.conflicts)
    with catalogue.writing() as db:
        if raw is not None and raw.created_at:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('created_at', ?)", (raw.created_at,))
        report = msgspec.json.encode(rebuilt).decode()
        db.execute("INSERT OR REPLACE INTO meta VALUES ('rebuilt', ?)", (report,))
    for path in (layout.manifest_path, *(layout.splits / f"{split}.txt" for split in SPLITS)):
        remember(catalogue, path)
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
        self._files: dict[str, Path] = {}
        """Annotation file that was read, by id."""
        self._undecided: list[tuple[str, str, Label, Label]] = []
        """What the sides of a merge say differently: id, field, ours, theirs."""
        self._kept_rows: list[bytes] = []
        self._added: list[str] = []
        self._splits: dict[str, str] | None = None

    def add(self, row: dict[str, Any] | bytes) -> None:
        """Read a row. One that can't be a sample, or whose id or file another has, is kept verbatim."""
        if isinstance(row, bytes):
            self._keep(row, f"a row of the manifest can't be read: {row[:40].decode('utf-8', 'replace')!r}")
            return
        read = read_row(row, self._catalogue.config)
        sample = read.sample
        self._locate(sample)
        self._identify(sample)
        if not ID.fullmatch(sample.sample_id):
            self._keep(msgspec.json.encode(row), f"{sample.sample_id[:60]!r} is no id, and its file is not there")
            return
        for name, column in ((sample.sample_id, "sample_id"), (sample.file_path, "file_path")):
            if name in self._names or self._known(column, name):
                self._keep(msgspec.json.encode(row), f"two rows have the {column} {name}; the first is taken")
                return
        self._read_annotation_file(sample, read.findings)
        if sample.split is None:
            sample.split = self._listed_splits().get(sample.sample_id)
        for finding in read.findings:
            self.rebuilt.note(f"{sample.file_path}: {finding}; kept in the manifest under {NOT_TAKEN} or {NOT_READ}")
        self._names |= {sample.sample_id, sample.file_path}
        self.samples.append(sample)

    def flush(self) -> None:
        """Put what was read into the catalogue."""
        catalogue = self._catalogue
        catalogue.add(self.samples)
        with catalogue.writing() as db:
            for sample in self.samples:
                if sample.status != "ok":
                    catalogue.quarantine(sample.sample_id, "rebuild", "", sample.status)
                path = self._files.get(sample.sample_id)
                if path is not None and (now := stamp(path)):
                    db.execute(
                        "INSERT OR REPLACE INTO exports SELECT rowid, ?, ? FROM samples WHERE sample_id = ?",
                        (*now, sample.sample_id),
                    )
        self._added += [sample.sample_id for sample in self.samples]
        self.samples.clear()
        self._names.clear()
        self._files.clear()

    def finish(self) -> list[str]:
        """Put the rest into the catalogue, settle who descends from whom; the ids of all that were taken."""
        self.flush()
        with self._catalogue.writing() as db:
            # A variant of a variant has the root of that one; manifests without root_id name the parent only.
            # A round halves the way up; a circle never ends.
            for _ in range(_GENERATIONS):
                if not db.execute(_HIGHER_ROOT).rowcount:
                    break
        put_conflicts(self._catalogue, self._undecided, "annotations")
        if self._kept_rows:
            name = f"{self.rebuilt.at.replace(':', '')}-rows.jsonl"
            self.kept = self._catalogue.layout.kelly_dir / "set-aside" / name
            write_atomic(self.kept, b"\n".join(self._kept_rows) + b"\n")
        return self._added

    def _keep(self, row: bytes, why: str) -> None:
        self._kept_rows.append(row)
        self.rebuilt.note(why)

    def _known(self, column: str, value: str) -> bool:
        found = self._catalogue.db.execute(f"SELECT 1 FROM samples WHERE {column} = ?", (value,)).fetchone()
        return found is not None

    def _locate(self, sample: Sample) -> None:
        """Find the file that a row means: its path may be absolute, or begin where the earlier pipeline ran."""
        said = sample.file_path
        for path in _possible_paths(said, self._root):
            with suppress(FileRefused, OSError):
                if inside(self._root, path).is_file():
                    sample.file_path = path
                    sample.status = "ok" if sample.status == GONE else sample.status
                    return
        try:
            inside(self._root, said)
        except (FileRefused, OSError):  # no path of ours: shown by id, and what was said is kept
            if said:
                self.rebuilt.note(
                    f"{sample.sample_id}: its path {said[:80]!r} is none in the dataset, and is not followed"
                )
            sample.extra[NOT_READ] = {**sample.extra.get(NOT_READ, {}), "file_path": said}
            suffix = PurePosixPath(said).suffix.lower() if file_type_of(said) else ""
            sample.file_path = f"raw/{sample.file_type}/{sample.sample_id}{suffix}"
        if sample.status == "ok":
            sample.status = GONE

    def _identify(self, sample: Sample) -> None:
        """Size and hash of a file that the manifest does not tell, and an id where it has none that could be one."""
        path = self._root / sample.file_path
        if sample.status == GONE or not path.is_file():
            return
        sample.sha256 = sample.sha256 or hash_inside(self._root, path)
        sample.file_size_bytes = sample.file_size_bytes or path.stat().st_size
        if not ID.fullmatch(sample.sample_id):
            root_is_self = sample.root_id == sample.sample_id
            sample.sample_id = sample.sha256[:16]
            sample.root_id = sample.sample_id if root_is_self else sample.root_id

    def _read_annotation_file(self, sample: Sample, findings: list[str]) -> None:
        layout = self._catalogue.layout
        path, flat = layout.annotation_path(sample.sample_id), layout.annotations / f"{sample.sample_id}.json"
        if flat.is_file() and not path.exists():
            path.parent.mkdir(exist_ok=True)
            flat.replace(path)
        if not path.is_file():
            return
        self._files[sample.sample_id] = path
        try:
            said, *undecided = annotation_file.read_versions(annotation_file.raw(layout.root, path))
        except FileRefused as error:
            set_aside(self._catalogue, path)
            self.rebuilt.note(f"{path.name}: {error.what}; it is kept in .kelly/set-aside")
            return
        labels, others = read_annotations(said.values, self._catalogue.config, sample, findings)
        for name, where_from in said.provenance.items():
            if name in labels:
                labels[name] = label_of(labels[name].value, where_from)
        if said.unknown or others:
            set_aside(self._catalogue, path)
        # Kelly's own file says all there is; another's adds to the manifest.
        sample.labels = labels if said.rev is not None else {**sample.labels, **labels}
        sample.rev = said.rev or 0
        for other in undecided:
            set_aside(self._catalogue, path)
            self._compare(sample, read_annotations(other.values, self._catalogue.config, sample, findings)[0])

    def _compare(self, sample: Sample, theirs: dict[str, Label]) -> None:
        """Take what only the other side of a merge says, and keep both where they differ."""
        for name, label in theirs.items():
            ours = sample.labels.setdefault(name, label)
            if ours.value != label.value:
                self._undecided.append((sample.sample_id, name, ours, label))

    def _listed_splits(self) -> dict[str, str]:
        if self._splits is None:
            self._splits = {}
            for split in SPLITS:
                with suppress(FileNotFoundError, UnicodeDecodeError, FileRefused):
                    listed = read_inside(self._root, self._catalogue.layout.splits / f"{split}.txt", LARGEST_LIST)
                    self._splits |= dict.fromkeys(listed.decode().split(), split)
        return self._splits


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
    if (raw.catalogue_rev is None or raw.disputed) and raw.lines:
        set_aside(catalogue, path)  # another program's, or of two: kept as it was
    return raw


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


def _rows_of_files(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """A row for each music file under raw/ that is no sample yet, as a manifest might have had it."""
    root = catalogue.root
    for folder in ("raw/midi", "raw/audio", "raw/synthetic"):
        top = root / folder
        for path, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                kind = file_type_of(name)
                file = Path(path) / name
                if kind is None or name.startswith(".") or not is_plain(root, file):
                    continue
                path_in = file.relative_to(root).as_posix()
                if catalogue.db.execute("SELECT 1 FROM samples WHERE file_path = ?", (path_in,)).fetchone():
                    continue
                made = folder == "raw/synthetic"
                sha256 = hash_inside(root, file)
                generated_id = _GENERATED.match(name) if made else None
                yield {
                    "sample_id": generated_id[0] if generated_id else sha256[:16],
                    "file_path": path_in,
                    "file_type": kind,
                    "sha256": sha256,
                    "source": None if made else file.relative_to(top).as_posix(),
                    "is_synthetic": made,
                }


_GENERATED = re.compile(r"[0-9a-f]{16}")


def _note_strays(catalogue: Catalogue, rebuilt: Rebuilt) -> None:
    """Annotation files that no sample has."""
    for path in _json_files(catalogue.layout.annotations):
        if not catalogue.db.execute("SELECT 1 FROM samples WHERE sample_id = ?", (path.stem,)).fetchone():
            rebuilt.note(f"{path.relative_to(catalogue.root)}: there is no such sample; it lies where it was")


def _json_files(folder: Path) -> Iterator[Path]:
    """Those that are not hidden, at and below a folder, by name."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name) if folder.is_dir() else ():
        if entry.is_dir(follow_symlinks=False):
            yield from _json_files(Path(entry.path))
        elif entry.name.endswith(".json") and not entry.name.startswith("."):
            yield Path(entry.path)


def _any_file(folder: Path) -> bool:
    return any(names for _, _, names in os.walk(folder))

"""Taking files into the dataset: each content once, in the folders it came in, and a word about every file."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.durable import make_durable
from kelly_tui.store.groups import GroupBy, propose_grouping
from kelly_tui.store.inside import status_inside
from kelly_tui.store.intact import Look, put_looks
from kelly_tui.store.layout import dataset_errors, disk_errors, make_folder, utc_now
from kelly_tui.store.partial import NAME, beside, partials, put
from kelly_tui.store.probe import Probed, probe_item
from kelly_tui.store.scan import Found, find_music, name_with
from kelly_tui.store.schema import ORIGIN
from kelly_tui.text import agree

STAGE = "import"
TOO_SHORT = "min_duration_sec"
"""Key of the failure of a sample that is shorter than the configuration wants."""

_BATCH = 500
_ID = 16
"""Digits of the content's hash that make an id."""


@dataclass
class ImportOutcome:
    """What became of every file. Paths are relative to where the import began."""

    imported: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    """In the dataset from an earlier import of the same file."""
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    """(path, file in the dataset that has the same content); again at each import."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(path, why)."""
    quarantined: list[tuple[str, str]] = field(default_factory=list)
    """(path, why): in the dataset, but set aside."""
    set_aside_before: list[tuple[str, str]] = field(default_factory=list)
    """(path, why): those of `already` that an import has set aside, and that still are."""
    ignored: list[tuple[str, str]] = field(default_factory=list)
    """(path, why): not music, or hidden."""
    how: Counter[str] = field(default_factory=Counter)
    """How the bytes came: ``copied``, ``hard-linked``, ``reflinked``, ``there``."""

    def words(self) -> str:
        """``120 imported (118 hard-linked, 2 copied), 3 duplicates, 2 refused``."""
        by = ", ".join(f"{count:,} {how}" for how, count in self.how.most_common())
        plain = self.how.keys() <= {"copied"}
        parts = [f"{len(self.imported):,} imported" + ("" if plain else f" ({by})")]
        for name in ("already", "duplicates", "quarantined", "refused", "ignored"):
            if count := len(getattr(self, name)):
                word = {"already": "there already", "duplicates": agree(count, "duplicate", "duplicates")}.get(
                    name, name
                )
                parts.append(f"{count:,} {word}")
        return ", ".join(parts)


Result = dict[str, Any] | str
"""What `probe_item` gave, or why the file is refused."""


def import_item(root: Path, found: Found, link: bool = False) -> dict[str, Any]:
    """What `probe_item` needs to know about a file."""
    return {
        "root": str(root),
        "path": found.path,
        "relative": found.relative,
        "file_type": found.file_type,
        "size": found.size,
        "mtime": found.mtime,
        "link": link,
        "original_b64": found.original_b64,
        "key": import_key(found),
    }


def import_key(found: Found) -> str:
    """Of the very bytes of a file on a store, which are not fetched to be compared; empty where these must be read."""
    return hashlib.sha256(found.mark.encode("utf-8", "surrogatepass")).hexdigest()[:32] if found.mark else ""


def import_files(catalogue: Catalogue, paths: Sequence[Path | str], link: bool = False) -> ImportOutcome:
    """Import every file at and below `paths`, in this process; the import stage does it in many.

    Raises `DatasetError` for a path that is not there, or when the dataset can't be written.
    """
    with taking_in(catalogue) as intake, disk_errors(catalogue.root):
        results: list[tuple[dict[str, Any], Result]] = []
        for found in find_music(paths, catalogue.config, leave_out=catalogue.root):
            if found.file_type is None or found.unreadable:
                intake.skip(found)
                continue
            item = import_item(catalogue.root, found, link)
            try:
                results.append((item, probe_item(item)))
            except FileRefused as error:
                results.append((item, error.what))
            if len(results) == _BATCH:
                intake.take(results)
                results.clear()
        intake.take(results)
        return intake.outcome


@contextmanager
def taking_in(catalogue: Catalogue) -> Iterator[Intake]:
    """An `Intake`; while it is open, no other process sweeps away what the probes bring."""
    with disk_errors(catalogue.root), partials(catalogue.layout.kelly_dir):
        apply_min_duration(catalogue)
        yield Intake(catalogue)


class _There(NamedTuple):
    """A sample of earlier, as far as meeting its content again needs it."""

    sample_id: str
    file_path: str
    source: str | None
    other_sources: list[str]


@dataclass
class _Batch:
    """What is to be written of one batch."""

    new: dict[str, Sample] = field(default_factory=dict)
    """By SHA-256."""
    met_again: dict[str, _There] = field(default_factory=dict)
    """Samples of earlier that have got another source, by SHA-256."""
    looks: list[Look] = field(default_factory=list)
    """How the files of new samples lie in their places."""
    keys: dict[str, str] = field(default_factory=dict)
    """`import_key` of new samples, by id, of those that have one."""
    read: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


class Intake:
    """Takes in what `probe_item` found, batch by batch; `outcome` says what became of it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.outcome = ImportOutcome()
        self._began_ns = time.time_ns()
        self._catalogue = catalogue
        self._root = str(catalogue.root)  # plain strings: for a small file, making a Path is as long as parsing it
        self._incoming = str(catalogue.layout.kelly_dir / NAME)
        failures = catalogue.failures(STAGE)
        self._refused = {failure.path: failure.reason for failure in failures}
        self._set_aside = {one.sample_id: one.reason for one in failures if one.sample_id is not None}

    def skip(self, found: Found) -> None:
        """Note a file that is not probed: no music, hidden, or unreadable."""
        if found.unreadable:
            self._commit(_Batch(refused=[(found.relative, found.why_not)]))
        else:
            self.outcome.ignored.append((found.relative, found.why_not))

    def pass_over(self, relative: str, sample_id: str) -> None:
        """Note a file that is a sample already."""
        self.outcome.already.append(relative)
        if reason := self._set_aside.get(sample_id):
            self.outcome.set_aside_before.append((relative, reason))

    def take(self, results: Sequence[tuple[dict[str, Any], Result]]) -> None:
        """Put the files of (item, result) pairs into their places and their samples into the catalogue.

        The files are durable before the rows that name them. Raises `DatasetError`, `DiskFull`.
        """
        batch = _Batch(refused=[(item["relative"], result) for item, result in results if isinstance(result, str)])
        good = [(item, Probed(**result)) for item, result in results if not isinstance(result, str)]
        there = self._with_contents([probed.sha256 for _, probed in good])
        ids = self._taken("sample_id", [probed.sha256[:_ID] for _, probed in good])
        paths = self._taken("file_path", [_path_of(item) for item, _ in good])
        now = utc_now()
        is_ours: dict[str, bool] = {}
        with dataset_errors(self._catalogue.root):
            for item, probed in good:
                batch.read.append(item["relative"])
                same = batch.new.get(probed.sha256) or there.get(probed.sha256)
                if same is not None:
                    if self._meet_again(same, item["relative"], probed) and isinstance(same, _There):
                        batch.met_again[probed.sha256] = same
                    continue
                sample = self._new_sample(item, probed, ids, now)
                if refused := self._leads_out(sample, probed):
                    batch.refused.append((item["relative"], refused))
                elif self._place(sample, probed, paths):
                    batch.new[probed.sha256] = sample
                    is_ours[sample.sample_id] = probed.how in ("copied", "reflinked")
                    if key := item.get("key"):
                        batch.keys[sample.sample_id] = key
                    ids.add(sample.sample_id)
                    self.outcome.how[probed.how] += 1
                else:
                    reason = "another sample's file has this content: see kelly validate"
                    batch.refused.append((item["relative"], reason))
            make_durable([f"{self._root}/{sample.file_path}" for sample in batch.new.values()])
            batch.looks = list(self._looks(batch.new.values(), is_ours))
        self._commit(batch)

    def _looks(self, samples: Iterable[Sample], is_ours: Mapping[str, bool]) -> Iterator[Look]:
        """Of the files that surely are what was hashed: our own, and those that nobody wrote to meanwhile."""
        for sample in samples:
            status = os.lstat(f"{self._root}/{sample.file_path}")
            if is_ours[sample.sample_id] or status.st_mtime_ns < self._began_ns:
                yield sample.sample_id, status.st_mtime_ns, status.st_ctime_ns

    def _with_contents(self, hashes: list[str]) -> dict[str, _There]:
        """The imported samples that have one of these contents, by SHA-256."""
        rows = self._catalogue.db.execute(
            "SELECT sha256, sample_id, file_path, source, other_sources FROM samples"
            " WHERE sha256 IN (SELECT value FROM json_each(?)) AND origin = 'imported'",
            (msgspec.json.encode(hashes).decode(),),
        )
        return {
            sha256: _There(sample_id, file_path, source, msgspec.json.decode(others) if others else [])
            for sha256, sample_id, file_path, source, others in rows
        }

    def _taken(self, column: str, values: list[str]) -> set[str]:
        """Those of `values` that a sample has."""
        rows = self._catalogue.db.execute(
            f"SELECT {column} FROM samples WHERE {column} IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(values).decode(),),
        )
        return {value for (value,) in rows}

    def _meet_again(self, same: Sample | _There, relative: str, probed: Probed) -> bool:
        """Note a source of a sample; whether it is new. A file that had gone from the dataset comes back."""
        if probed.incoming is not None:
            incoming = f"{self._incoming}/{probed.incoming}"
            if not _move(self._root, incoming, same.file_path):
                os.unlink(incoming)
        if relative == same.source:
            self.pass_over(relative, same.sample_id)
            return False
        self.outcome.duplicates.append((relative, same.file_path))
        if relative in same.other_sources:
            return False
        same.other_sources.append(relative)
        return True

    def _new_sample(self, item: dict[str, Any], probed: Probed, taken: set[str], now: str) -> Sample:
        original = item.get("original_b64")
        return Sample(
            sample_id=self._free_id(probed.sha256, taken),
            file_path=_path_of(item),
            file_type=item["file_type"],
            sha256=probed.sha256,
            file_size_bytes=probed.file_size_bytes,
            duration_sec=probed.duration_sec,
            created_at=now,
            modified_at=now,
            source=item["relative"],
            license=self._catalogue.config.license,
            extra={"original_name_b64": original} if original else {},
        )

    def _free_id(self, sha256: str, taken: set[str]) -> str:
        """The beginning of the hash; longer where another content begins the same."""
        if sha256[:_ID] not in taken:
            return sha256[:_ID]
        longer = (sha256[:length] for length in (24, 32) if not self._taken("sample_id", [sha256[:length]]))
        return next(longer, sha256)

    def _leads_out(self, sample: Sample, probed: Probed) -> str:
        """Why the file can't lie where it belongs, if a link there leads out of the dataset."""
        try:
            status_inside(self._root, sample.file_path)
        except FileRefused as error:
            if probed.incoming is not None:
                os.unlink(f"{self._incoming}/{probed.incoming}")
            return error.what
        return ""

    def _place(self, sample: Sample, probed: Probed, taken: set[str]) -> bool:
        """Move the file to where it belongs; a name that another content has gets the beginning of its id."""
        free = sample.file_path not in taken
        if probed.incoming is None:
            return free
        incoming = f"{self._incoming}/{probed.incoming}"
        if free and _move(self._root, incoming, sample.file_path):
            return True
        folder, _, name = sample.file_path.rpartition("/")
        flat = f"{sample.sample_id}{os.path.splitext(name)[1]}"  # for a folder whose name a file has
        for path in (f"{folder}/{name_with(name, f'~{sample.sample_id[:8]}')}", f"raw/{sample.file_type}/{flat}"):
            if not self._taken("file_path", [path]) and _move(self._root, incoming, path):
                sample.file_path = path
                return True
        return False

    def _commit(self, batch: _Batch) -> None:
        catalogue = self._catalogue
        shortest = catalogue.config.min_duration_sec
        with catalogue.writing() as db:
            catalogue.add(batch.new.values())
            put_looks(db, batch.looks)
            for there in batch.met_again.values():
                sources = msgspec.json.encode(there.other_sources).decode()
                db.execute("UPDATE samples SET other_sources = ? WHERE sample_id = ?", (sources, there.sample_id))
            for sample_id, key in batch.keys.items():
                catalogue.put_result(STAGE, sample_id, key)
            for sample in batch.new.values():
                if (sample.duration_sec or 0.0) < shortest:
                    reason = _too_short(sample.duration_sec or 0.0, shortest)
                    catalogue.quarantine(sample.sample_id, STAGE, TOO_SHORT, reason)
                    self.outcome.quarantined.append((sample.source or sample.file_path, reason))
                else:
                    self.outcome.imported.append(sample.source or sample.file_path)
            for path in batch.read:
                if self._refused.pop(path, None) is not None:
                    db.execute("DELETE FROM failures WHERE stage = ? AND path = ?", (STAGE, path))
            for path, reason in batch.refused:
                if self._refused.get(path) != reason:
                    catalogue.refuse(path, STAGE, "", reason)
                    self._refused[path] = reason
        self.outcome.refused += batch.refused


def _path_of(item: dict[str, Any]) -> str:
    return f"raw/{item['file_type']}/{item['relative']}"


def _move(root: str, incoming: str, relative: str) -> bool:
    """Move a file to a free name in the dataset; False if the name, or that of its folder, is taken."""
    target = f"{root}/{relative}"
    try:
        _link(root, incoming, target)
    except (FileExistsError, NotADirectoryError):
        return False
    except PermissionError:  # a file system without hard links, or a folder that is closed to us
        if not os.path.isdir(os.path.dirname(target)):
            raise
        if os.path.exists(target):
            return False
        put(Path(incoming), Path(target))
    with suppress(FileNotFoundError):  # it was moved itself
        os.unlink(incoming)
    return True


def _link(root: str, incoming: str, target: str) -> None:
    """Unlike a rename it never replaces what another import has put there."""
    try:
        _link_there(incoming, target)
    except FileNotFoundError:  # the first file of its folder
        make_folder(root, os.path.dirname(target))
        _link_there(incoming, target)


def _link_there(incoming: str, target: str) -> None:
    try:
        os.link(incoming, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with beside(Path(incoming), Path(target)) as there:
            os.link(there, target)


class Misjudged(NamedTuple):
    """Imported samples whose length is judged otherwise than the configuration now wants."""

    short: list[tuple[str, float]]
    """(sample_id, seconds) of those to be set aside."""
    long: list[str]
    """Ids of those that were set aside as too short and no longer are."""


def misjudged(catalogue: Catalogue) -> Misjudged:
    """What a change of ``min_duration_sec`` has left to do."""
    shortest = catalogue.config.min_duration_sec
    select = (
        f"SELECT sample_id, duration_sec FROM samples WHERE {ORIGIN} = 'imported'"
        " AND duration_sec {} ? AND sample_id {}"
        " (SELECT sample_id FROM failures WHERE stage = ? AND key = ? AND sample_id IS NOT NULL)"
    )
    parameters = (shortest, STAGE, TOO_SHORT)
    short = catalogue.db.execute(select.format("<", "NOT IN"), parameters).fetchall()
    long = catalogue.db.execute(select.format(">=", "IN"), parameters).fetchall()
    return Misjudged(short, [sample_id for sample_id, _ in long])


def apply_min_duration(catalogue: Catalogue) -> None:
    """Quarantine imported samples that the configuration now calls too short, and let go of those it does not."""
    short, long = misjudged(catalogue)
    if short or long:
        with catalogue.writing():
            for sample_id, seconds in short:
                reason = _too_short(seconds, catalogue.config.min_duration_sec)
                catalogue.quarantine(sample_id, STAGE, TOO_SHORT, reason)
            for sample_id in long:
                catalogue.clear_failure(sample_id, STAGE)


def _too_short(seconds: float, shortest: float) -> str:
    return f"{seconds:.2f} s long, shorter than {shortest:g} s"


def has_content(catalogue: Catalogue, sha256: str) -> bool:
    """Whether an imported sample has this content."""
    query = "SELECT 1 FROM samples WHERE sha256 = ? AND origin = 'imported'"
    return catalogue.db.execute(query, (sha256,)).fetchone() is not None


def imported_keys(catalogue: Catalogue) -> dict[str, str]:
    """The sample that was made of the bytes with this `import_key`, of those whose file is there."""
    rows = catalogue.db.execute(
        "SELECT results.key, sample_id, file_path FROM results JOIN samples ON samples.rowid = sample WHERE stage = ?",
        (STAGE,),
    )
    return {key: sample_id for key, sample_id, path in rows if os.path.exists(f"{catalogue.root}/{path}")}


def imported_sources(catalogue: Catalogue) -> set[str]:
    """Every path that an import has read a sample from."""
    rows = catalogue.db.execute("SELECT source, other_sources FROM samples WHERE origin = 'imported'")
    sources: set[str] = set()
    for source, others in rows:
        sources.update([source] if source else (), msgspec.json.decode(others) if others else ())
    return sources


def proposed_grouping(catalogue: Catalogue) -> tuple[GroupBy, str]:
    """What a song probably is in this dataset, and why: `group_by` for config.json, and a sentence to show."""
    rows = catalogue.db.execute("SELECT source FROM samples WHERE origin = 'imported' AND source IS NOT NULL")
    return propose_grouping([source for (source,) in rows], catalogue.config)

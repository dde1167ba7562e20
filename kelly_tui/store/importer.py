"""Taking files into the dataset: each content once, in the folders it came in, and a word about every file."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.durable import make_durable
from kelly_tui.store.groups import GroupBy, propose_grouping
from kelly_tui.store.layout import disk_errors, utc_now
from kelly_tui.store.probe import Probed, probe_item
from kelly_tui.store.scan import Found, find_music, name_with

STAGE = "import"
TOO_SHORT = "min_duration_sec"
"""Key of the failure of a sample that is shorter than the configuration wants."""

_BATCH = 200
_ABANDONED = 24 * 3600
"""Seconds after which a file in `.kelly/incoming` belongs to an import that is dead."""


@dataclass
class ImportOutcome:
    """What became of every file. Paths are relative to where the import began."""

    imported: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    """In the dataset from an earlier import of the same file."""
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    """(path, file in the dataset that has the same content)."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(path, why)."""
    quarantined: list[tuple[str, str]] = field(default_factory=list)
    """(path, why): in the dataset, but set aside."""
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
                parts.append(f"{count:,} {'there already' if name == 'already' else name}")
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
        "link": link,
        "original_b64": found.original_b64,
    }


def import_files(catalogue: Catalogue, paths: Sequence[Path | str], link: bool = False) -> ImportOutcome:
    """Import every file at and below `paths`, in this process; the import stage does it in many.

    Raises `DatasetError` for a path that is not there, or when the dataset can't be written.
    """
    intake = Intake(catalogue)
    results: list[tuple[dict[str, Any], Result]] = []
    for found in find_music(paths, catalogue.config, leave_out=catalogue.root):
        if found.file_type is None or found.unreadable:
            intake.skip(found)
            continue
        item = import_item(catalogue.root, found, link)
        try:
            with disk_errors(catalogue.root):
                results.append((item, probe_item(item)))
        except FileRefused as error:
            results.append((item, error.what))
        if len(results) == _BATCH:
            intake.take(results)
            results.clear()
    intake.take(results)
    return intake.outcome


class Intake:
    """Takes in what `probe_item` found, batch by batch; `outcome` says what became of it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.outcome = ImportOutcome()
        self._catalogue = catalogue
        self._incoming = catalogue.layout.kelly_dir / "incoming"
        self._refused = {failure.path: failure.reason for failure in catalogue.failures(STAGE)}
        sweep(self._incoming)
        apply_min_duration(catalogue)

    def skip(self, found: Found) -> None:
        """Note a file that is not probed: no music, hidden, or unreadable."""
        if found.unreadable:
            self._commit([], [], [], [(found.relative, found.why_not)])
        else:
            self.outcome.ignored.append((found.relative, found.why_not))

    def take(self, results: Sequence[tuple[dict[str, Any], Result]]) -> None:
        """Put the files of (item, result) pairs into their places and their samples into the catalogue.

        The files are durable before the rows that name them. Raises `DatasetError`, `DiskFull`.
        """
        new: dict[str, Sample] = {}
        met_again: dict[str, Sample] = {}
        read: list[str] = []
        refused: list[tuple[str, str]] = []
        for item, result in results:
            if isinstance(result, str):
                refused.append((item["relative"], result))
                continue
            probed = msgspec.convert(result, Probed)
            read.append(item["relative"])
            same = new.get(probed.sha256) or met_again.get(probed.sha256) or self._with_content(probed.sha256)
            if same is not None:
                if self._meet_again(same, item["relative"], probed):
                    met_again[probed.sha256] = same
                continue
            sample = self._new_sample(item, probed)
            with disk_errors(self._catalogue.root):
                placed = self._place(sample, probed)
            if placed:
                new[probed.sha256] = sample
                self.outcome.how[probed.how] += 1
            else:
                refused.append((item["relative"], "another sample's file has this content: see kelly validate"))
        with disk_errors(self._catalogue.root):
            make_durable([self._catalogue.root / sample.file_path for sample in new.values()])
        self._commit(list(new.values()), list(met_again.values()), read, refused)

    def _with_content(self, sha256: str) -> Sample | None:
        row = self._catalogue.db.execute(
            "SELECT sample_id FROM samples WHERE sha256 = ? AND origin = 'imported'", (sha256,)
        ).fetchone()
        return None if row is None else self._catalogue.get(row[0])

    def _meet_again(self, same: Sample, relative: str, probed: Probed) -> bool:
        """Note another source of a sample; whether it is new. A file that had gone from the dataset comes back."""
        if probed.incoming is not None:
            incoming = self._incoming / probed.incoming
            if not self._move(incoming, self._catalogue.root / same.file_path):
                incoming.unlink()
        if relative == same.source or relative in same.other_sources:
            self.outcome.already.append(relative)
            return False
        self.outcome.duplicates.append((relative, same.file_path))
        same.other_sources.append(relative)
        return True

    def _new_sample(self, item: dict[str, Any], probed: Probed) -> Sample:
        now = utc_now()
        original = item.get("original_b64")
        return Sample(
            sample_id=self._free_id(probed.sha256),
            file_path=f"raw/{item['file_type']}/{item['relative']}",
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

    def _free_id(self, sha256: str) -> str:
        """The beginning of the hash; longer where another content begins the same."""
        lengths = (16, 24, 32)
        free = (sha256[:length] for length in lengths if self._catalogue.get(sha256[:length]) is None)
        return next(free, sha256)

    def _place(self, sample: Sample, probed: Probed) -> bool:
        """Move the file to where it belongs; a name that another content has gets the beginning of its id."""
        if probed.incoming is None:
            return not self._is_taken(sample.file_path)
        folder, _, name = sample.file_path.rpartition("/")
        flat = f"{sample.sample_id}{PurePosixPath(name).suffix}"  # for a folder whose name a file has
        for path in (
            sample.file_path,
            f"{folder}/{name_with(name, f'~{sample.sample_id[:8]}')}",
            f"raw/{sample.file_type}/{flat}",
        ):
            if not self._is_taken(path) and self._move(self._incoming / probed.incoming, self._catalogue.root / path):
                sample.file_path = path
                return True
        return False

    def _is_taken(self, path: str) -> bool:
        return self._catalogue.db.execute("SELECT 1 FROM samples WHERE file_path = ?", (path,)).fetchone() is not None

    def _move(self, incoming: Path, target: Path) -> bool:
        """Move a file to a free name; False if the name, or that of its folder, is taken."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(incoming, target)  # unlike a rename it never replaces what another import has put there
        except (FileExistsError, NotADirectoryError):
            return False
        except PermissionError:  # a file system without hard links
            if target.exists():
                return False
            incoming.rename(target)
            return True
        incoming.unlink()
        return True

    def _commit(
        self, new: list[Sample], met_again: list[Sample], read: list[str], refused: list[tuple[str, str]]
    ) -> None:
        catalogue = self._catalogue
        shortest = catalogue.config.min_duration_sec
        with catalogue.writing() as db:
            catalogue.add(new)
            for sample in met_again:
                sources = msgspec.json.encode(sample.other_sources).decode()
                db.execute("UPDATE samples SET other_sources = ? WHERE sample_id = ?", (sources, sample.sample_id))
            for sample in new:
                if (sample.duration_sec or 0.0) < shortest:
                    reason = _too_short(sample.duration_sec or 0.0, shortest)
                    catalogue.quarantine(sample.sample_id, STAGE, TOO_SHORT, reason)
                    self.outcome.quarantined.append((sample.source or sample.file_path, reason))
                else:
                    self.outcome.imported.append(sample.source or sample.file_path)
            for path in read:
                if self._refused.pop(path, None) is not None:
                    db.execute("DELETE FROM failures WHERE stage = ? AND path = ?", (STAGE, path))
            for path, reason in refused:
                if self._refused.get(path) != reason:
                    catalogue.refuse(path, STAGE, "", reason)
                    self._refused[path] = reason
        self.outcome.refused += refused


def apply_min_duration(catalogue: Catalogue) -> None:
    """Quarantine imported samples that the configuration now calls too short, and let go of those it does not."""
    shortest = catalogue.config.min_duration_sec
    select = (
        "SELECT sample_id, duration_sec FROM samples WHERE origin = 'imported' AND duration_sec {} ? AND sample_id {}"
        " (SELECT sample_id FROM failures WHERE stage = ? AND key = ? AND sample_id IS NOT NULL)"
    )
    parameters = (shortest, STAGE, TOO_SHORT)
    short = catalogue.db.execute(select.format("<", "NOT IN"), parameters).fetchall()
    long = catalogue.db.execute(select.format(">=", "IN"), parameters).fetchall()
    if short or long:
        with catalogue.writing():
            for sample_id, seconds in short:
                catalogue.quarantine(sample_id, STAGE, TOO_SHORT, _too_short(seconds, shortest))
            for sample_id, _ in long:
                catalogue.clear_failure(sample_id, STAGE)


def _too_short(seconds: float, shortest: float) -> str:
    return f"{seconds:.2f} s long, shorter than {shortest:g} s"


def sweep(incoming: Path) -> None:
    """Remove what an import that was killed left behind; what another is bringing right now stays."""
    with suppress(FileNotFoundError), os.scandir(incoming) as entries:
        for entry in entries:
            if time.time() - entry.stat().st_ctime > _ABANDONED:
                os.unlink(entry.path)


def proposed_grouping(catalogue: Catalogue) -> tuple[GroupBy, str]:
    """What a song probably is in this dataset, and why: `group_by` for config.json, and a sentence to show."""
    rows = catalogue.db.execute("SELECT source FROM samples WHERE origin = 'imported' AND source IS NOT NULL")
    return propose_grouping([source for (source,) in rows], catalogue.config)

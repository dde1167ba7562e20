"""The split stage: every sample of the catalogue in train, val or test, no group in two, and the proof of it.

`kelly_tui.store.assign` decides; here the catalogue is read and written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from kelly_tui.model.labels import SPLITS
from kelly_tui.store.assign import Assignment, Member, Ratios, assign, crossings
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.groups import SongNames, songs_of
from kelly_tui.store.layout import pretty_json, write_atomic
from kelly_tui.store.pieces import Pairs, near_duplicates
from kelly_tui.store.views import write_splits
from kelly_tui.text import count

METHOD = "hash rank within strata 1"
_AT_ONCE = 1000
_SHOWN = 100


@dataclass
class SplitOutcome:
    """What splitting did."""

    placed: int = 0
    """Samples that had no split before, or another."""
    splits: dict[str, int] = field(default_factory=dict)
    """Samples on each list."""
    groups: int = 0
    bridges: list[str] = field(default_factory=list)
    """Newcomers that would link two splits, and are in none."""
    crossings: list[tuple[str, ...]] = field(default_factory=list)
    """Groups that lie in several splits: one sample of each. ``kelly split --reshuffle`` cures it."""

    def words(self) -> str:
        """``train 96, val 12, test 12 in 60 groups``."""
        parts = [
            ", ".join(f"{split} {number:,}" for split, number in self.splits.items())
            + f" in {count(self.groups, 'group')}"
        ]
        if self.bridges:
            parts.append(f"{len(self.bridges):,} link two splits and are in none")
        if self.crossings:
            parts.append(
                f"{count(len(self.crossings), 'group lies', 'groups lie')} in several splits: kelly split --reshuffle"
            )
        return "; ".join(parts)


def split_samples(catalogue: Catalogue, seed: int | None = None) -> SplitOutcome:
    """Place what has no split yet; nothing that has one moves. Writes splits/*.txt and PROOF.json.

    `seed` by default is that of config.json, or 0. Raises `DatasetError`, `DiskFull`.
    """
    return _split(catalogue, members(catalogue), _seed(catalogue, seed))


def reshuffle(catalogue: Catalogue, seed: int | None = None) -> SplitOutcome:
    """Split everything anew, as if nothing had been split: cures crossings, and moves samples."""
    there = [member._replace(split=None) for member in members(catalogue)]
    return _split(catalogue, there, _seed(catalogue, seed))


def verify_splits(catalogue: Catalogue) -> Assignment:
    """The groups as they are now, from the samples themselves, and those that lie in several splits."""
    return crossings(members(catalogue), near_duplicates(catalogue))


def members(catalogue: Catalogue) -> list[Member]:
    """What decides the splits of all samples that are in order or in a split, by id."""
    names = SongNames(catalogue.config)
    rows = catalogue.db.execute(
        f"SELECT sample_id, root_id, sha256, source, other_sources, {catalogue.config.model.main_label},"
        " origin = 'imported', split, file_path FROM samples"
        " WHERE status = 'ok' OR split IS NOT NULL ORDER BY sample_id"
    )
    if catalogue.config.group_by == "none":
        return [
            Member(sample_id, root, sha, (), label, bool(imported), split)
            for sample_id, root, sha, _, _, label, imported, split, _ in rows
        ]
    return [
        Member(
            sample_id,
            root,
            sha,
            _songs(source, others, path, names) if imported else (),
            label,
            bool(imported),
            split,
        )
        for sample_id, root, sha, source, others, label, imported, split, path in rows
    ]


def _songs(source: str | None, others: str | None, path: str, names: SongNames) -> tuple[str, ...]:
    """Of all places that a file was met at; where that was not noted, of its place under raw/midi or raw/audio."""
    sources = [source if source is not None else path.split("/", 2)[-1]]
    return songs_of([*sources, *(msgspec.json.decode(others) if others else ())], names)


def _seed(catalogue: Catalogue, given: int | None) -> int:
    if given is not None:
        return given
    said = catalogue.config.extra.get("seed", 0)
    return said if isinstance(said, int) else 0


def _split(catalogue: Catalogue, there: Sequence[Member], seed: int) -> SplitOutcome:
    config, pairs = catalogue.config, near_duplicates(catalogue)
    ratios = (config.train_ratio, config.val_ratio, config.test_ratio)
    assigned = assign(there, ratios, seed, pairs)
    outcome = SplitOutcome(groups=assigned.groups, bridges=assigned.bridges, crossings=assigned.crossings)
    where: dict[str, str | None] = {**assigned.placed, **dict.fromkeys(assigned.bridges)}
    outcome.placed = _store(catalogue, where)
    outcome.splits = catalogue.counts().splits
    write_splits(catalogue)
    after = [member._replace(split=where.get(member.sample_id, member.split)) for member in there]
    write_atomic(
        catalogue.layout.splits / "PROOF.json", pretty_json(_proof(after, assigned, seed, ratios, pairs, config))
    )
    return outcome


def _store(catalogue: Catalogue, where: dict[str, str | None]) -> int:
    """Write the splits, some at a time so that nobody waits long; how many changed."""
    changed = 0
    rest = iter(where.items())
    while chunk := list(islice(rest, _AT_ONCE)):
        with catalogue.writing() as db:
            for sample_id, split in chunk:
                changed += db.execute(
                    "UPDATE samples SET split = ?1 WHERE sample_id = ?2 AND split IS NOT ?1", (split, sample_id)
                ).rowcount
    return changed


def _proof(
    after: Sequence[Member], assigned: Assignment, seed: int, ratios: Ratios, pairs: Pairs, config: Any
) -> dict[str, Any]:
    """What was checked and found, without times, so that the same splits give the same bytes."""
    found = crossings(after, pairs)
    digest = hashlib.sha256(config.group_by.encode())
    for member in after:
        digest.update(repr(member[:6]).encode())
    for pair in sorted(pairs):
        digest.update(repr(pair).encode())
    main = config.model.main_label
    return {
        "method": METHOD,
        "seed": seed,
        "ratios": dict(zip(SPLITS, ratios, strict=True)),
        "group_by": config.group_by,
        "inputs_sha256": digest.hexdigest(),
        "samples": len(after),
        "groups": assigned.groups,
        "edges_checked": assigned.edges,
        "crossings": len(found.crossings),
        "crossing_samples": [list(samples) for samples in found.crossings[:_SHOWN]],
        "bridges": len(assigned.bridges),
        "bridge_samples": assigned.bridges[:_SHOWN],
        "imported": _shares(member.split for member in after if member.imported),
        f"imported_by_{main}": {
            label: _shares(member.split for member in after if member.imported and member.label == label)
            for label in sorted({member.label for member in after if member.imported and member.label is not None})
        },
    }


def _shares(splits: Iterable[str | None]) -> dict[str, dict[str, float]]:
    """{split: {samples, share}}."""
    counted = dict.fromkeys(SPLITS, 0)
    for split in splits:
        if split is not None:
            counted[split] += 1
    total = sum(counted.values()) or 1
    return {split: {"samples": n, "share": round(n / total, 6)} for split, n in counted.items()}

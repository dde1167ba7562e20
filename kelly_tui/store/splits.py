"""The split stage: every sample of the catalogue in train, val or test, no group in two, and the proof of it.

`kelly_tui.store.assign` decides; here the catalogue is read and written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.labels import SPLITS
from kelly_tui.store.assign import Assignment, assign, crossings, groups_of
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.groups import SongNames, songs_of
from kelly_tui.store.members import NONE, Column, Ints, Member, Members, Pairs
from kelly_tui.store.older import note_splits
from kelly_tui.store.pieces import near_duplicates, not_compared
from kelly_tui.store.proof import (
    NOT_COMPARED,
    Inputs,
    Verified,
    differences,
    not_compared_words,
    proof_of,
    ratios_of,
    read_proof,
    write_proof,
)
from kelly_tui.store.split_lists import lists_that_differ
from kelly_tui.store.views import write_splits
from kelly_tui.text import count

_AT_ONCE = 1000


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
    not_compared: int = 0
    """Imported samples without features: whether these are pieces that are there already is not known."""
    lists_kept: list[str] = field(default_factory=list)
    """Of each list that was edited outside, in words: it is written anew."""

    def words(self) -> str:
        """``train 96, val 12, test 12 in 60 groups``."""
        if not self.groups:
            return "nothing to place: no sample is in order; kelly list DATASET is:quarantined names those set aside"
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
        if self.not_compared:
            parts.append(not_compared_words(self.not_compared))
        return "; ".join(parts)


def split_samples(catalogue: Catalogue, seed: int | None = None) -> SplitOutcome:
    """Place what has no split yet; nothing that has one moves. Writes splits/*.txt and PROOF.json.

    `seed` by default is that of config.json, or 0. Raises `DatasetError`, `DiskFull`.
    """
    inputs, there = _read(catalogue)
    return _split(catalogue, inputs, there, _seed(catalogue, seed))


def reshuffle(catalogue: Catalogue, seed: int | None = None) -> SplitOutcome:
    """Split everything anew, as if nothing had been split: cures crossings, and moves samples."""
    inputs, there = _read(catalogue)
    nowhere = there.in_splits(np.full(len(there), NONE))
    return _split(catalogue, inputs, nowhere, _seed(catalogue, seed))


class Groups(NamedTuple):
    """Which group each sample is in."""

    members: Members
    number: Ints

    def of(self, ids: Iterable[str]) -> Ints:
        """The groups of samples that are in order or in a split."""
        return self.number[self.members.places(np.array([one.encode() for one in ids], np.bytes_))]


def groups(catalogue: Catalogue) -> Groups:
    """The groups of all samples, whatever splits they are in."""
    there = members(catalogue)
    return Groups(there, groups_of(there, near_duplicates(catalogue)))


def verify_splits(catalogue: Catalogue, pairs: Pairs | None = None) -> Assignment:
    """The groups as they are now, from the samples themselves, and those that lie in several splits.

    `pairs`: the near-duplicates, where they are known already.
    """
    return crossings(members(catalogue), near_duplicates(catalogue) if pairs is None else pairs)


def bridges(catalogue: Catalogue, pairs: Pairs) -> list[str]:
    """All samples that are in no split since they link two; PROOF.json names the first of them only."""
    return assign(members(catalogue), ratios_of(catalogue.config), _seed(catalogue, None), pairs).bridges


def verify_proof(catalogue: Catalogue) -> Verified:
    """The proof made again from the samples, all near-duplicates compared anew, beside PROOF.json. Moves nothing.

    Raises `DatasetError` where there is no proof to compare with.
    """
    written = read_proof(catalogue.layout)
    (inputs, there), pairs = _read(catalogue), near_duplicates(catalogue, anew=True)
    seed = written.get("seed")
    seed = seed if isinstance(seed, int) else _seed(catalogue, None)
    assigned = assign(there, ratios_of(catalogue.config), seed, pairs)
    found = Verified(proof_of(there, inputs, pairs, assigned, seed, catalogue.config) | _not_compared(catalogue))
    found.differences += _differences(written, found.proof)
    newcomers = len(assigned.placed)
    if found.differences and not newcomers:
        first = _first(catalogue, there, written.get("samples"))
        proof = _proof_of_some(catalogue, first, pairs, seed)
        if not _differences(written, proof):
            found.since, found.differences = len(there) - int(first.sum()), []
    if newcomers:
        found.differences.append(f"{count(newcomers, 'sample is', 'samples are')} in no split yet")
    found.differences += [f"splits/{split}.txt {how}" for split, how in lists_that_differ(catalogue)]
    bridges = set(assigned.bridges)
    found.bridges = [
        (sample_id, path)
        for sample_id, path in catalogue.db.execute(
            "SELECT sample_id, file_path FROM samples WHERE split IS NULL ORDER BY sample_id"
        )
        if sample_id in bridges
    ]
    return found


def _differences(written: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """That fewer are without features by now is none: what was found of the others is among the links."""
    now = dict(msgspec.to_builtins(found))
    before, lacking = written.get(NOT_COMPARED), now.get(NOT_COMPARED, 0)
    if isinstance(before, int) and before > lacking:
        now[NOT_COMPARED] = before
    return list(differences(dict(written), now))


def _first(catalogue: Catalogue, there: Members, number: object) -> NDArray[np.bool_]:
    """Which of `there` came first, so many: what there was when a proof counted them."""
    first = np.zeros(len(there), np.bool_)
    left = number if isinstance(number, int) and 0 <= number < len(there) else 0
    rows = catalogue.db.execute("SELECT sample_id FROM samples ORDER BY rowid")
    while left and (chunk := rows.fetchmany(_AT_ONCE)):
        ids = Column()
        ids.extend(sample_id.encode() for (sample_id,) in chunk)
        places = there.places(ids.array())
        places = places[places != NONE][:left]
        first[places] = True
        left -= len(places)
    return first


def _proof_of_some(catalogue: Catalogue, which: NDArray[np.bool_], pairs: Pairs, seed: int) -> dict[str, Any]:
    inputs = Inputs(catalogue.config.group_by)
    some = Members.of(inputs.noting(compress(_members(catalogue), which.tolist())))
    theirs = pairs.among(some)
    assigned = assign(some, ratios_of(catalogue.config), seed, theirs)
    return proof_of(some, inputs, theirs, assigned, seed, catalogue.config) | _not_compared(catalogue)


def _not_compared(catalogue: Catalogue) -> dict[str, int]:
    """What a proof says of it; nothing where all were compared."""
    number = len(not_compared(catalogue))
    return {NOT_COMPARED: number} if number else {}


def members(catalogue: Catalogue) -> Members:
    """What decides the splits of all samples that are in order or in a split, by id."""
    return Members.of(_members(catalogue))


def _read(catalogue: Catalogue) -> tuple[Inputs, Members]:
    """The same, and the digest of it."""
    inputs = Inputs(catalogue.config.group_by)
    return inputs, Members.of(inputs.noting(_members(catalogue)))


def _members(catalogue: Catalogue) -> Iterator[Member]:
    names = SongNames(catalogue.config)
    rows = catalogue.db.execute(
        f"SELECT sample_id, root_id, sha256, source, other_sources, {catalogue.config.model.main_label},"
        " origin = 'imported', split, file_path FROM samples"
        " WHERE status = 'ok' OR split IS NOT NULL ORDER BY +sample_id"  # by its index the table is read at random
    )
    has_songs = catalogue.config.group_by != "none"
    for sample_id, root, sha, source, others, label, imported, split, path in rows:
        songs = _songs(source, others, path, names) if has_songs and imported else ()
        yield Member(sample_id, root, sha, songs, label, bool(imported), split)


def _songs(source: str | None, others: str | None, path: str, names: SongNames) -> tuple[str, ...]:
    """Of all places that a file was met at; where that was not noted, of its place under raw/midi or raw/audio."""
    sources = [source if source is not None else path.split("/", 2)[-1]]
    return songs_of([*sources, *(msgspec.json.decode(others) if others else ())], names)


def _seed(catalogue: Catalogue, given: int | None) -> int:
    if given is not None:
        return given
    said = catalogue.config.extra.get("seed", 0)
    return said if isinstance(said, int) else 0


def _split(catalogue: Catalogue, inputs: Inputs, there: Members, seed: int) -> SplitOutcome:
    pairs = near_duplicates(catalogue)
    assigned = assign(there, ratios_of(catalogue.config), seed, pairs)
    outcome = SplitOutcome(groups=assigned.groups, bridges=assigned.bridges, crossings=assigned.crossings)
    after = there.in_splits(assigned.split)
    newcomers = np.flatnonzero(there.split == NONE)
    if (after.split[newcomers] != NONE).any():
        with catalogue.writing() as db:
            note_splits(db)
    outcome.placed = _store(catalogue, after, newcomers)
    outcome.splits = catalogue.counts().splits
    outcome.lists_kept = write_splits(catalogue)
    unknown = _not_compared(catalogue)
    outcome.not_compared = unknown.get(NOT_COMPARED, 0)
    write_proof(catalogue.layout, proof_of(after, inputs, pairs, assigned, seed, catalogue.config) | unknown)
    return outcome


def _store(catalogue: Catalogue, members: Members, which: Ints) -> int:
    """Write the splits of some, a few at a time so that nobody waits long; how many have another now.

    In the order in which rows lie: in that of their ids each is on another page of the disk.
    """
    if not len(which):
        return 0
    wanted = np.zeros(len(members), np.bool_)
    wanted[which] = True
    changed = last = 0
    while rows := catalogue.db.execute(_ROWS, (last, _AT_ONCE)).fetchall():
        last = rows[-1][0]
        places = members.places(np.array([sample_id.encode() for _, sample_id in rows], np.bytes_))
        theirs = [
            (SPLITS[code] if code != NONE else None, *row)
            for row, at, code in zip(rows, places.tolist(), members.split[places].tolist(), strict=True)
            if at != NONE and wanted[at]
        ]
        if theirs:
            with catalogue.writing() as db:
                changed += db.executemany(_PLACE, theirs).rowcount
    return changed


_ROWS = "SELECT rowid, sample_id FROM samples WHERE rowid > ? ORDER BY rowid LIMIT ?"
_PLACE = "UPDATE samples SET split = ?1 WHERE rowid = ?2 AND sample_id = ?3 AND split IS NOT ?1"

"""Which group goes to which split: deterministic, stratified by the main label, and frozen once done.

Groups are taken stratum by stratum, the largest first and equal ones in the order of a hash, and each goes where
most is missing: hash ranking cut at the ratios, with groups of any size. What a stratum of few groups can't give is
owed to the next one. Pure: `kelly_tui.store.splits` reads and writes the catalogue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kelly_tui.model.labels import SPLITS

Ints = npt.NDArray[np.int64]
Ratios = tuple[float, float, float]

_CODE: dict[str | None, int] = {None: -1, **{split: code for code, split in enumerate(SPLITS)}}
_NONE, _TRAIN = -1, _CODE["train"]


class Member(NamedTuple):
    """What decides a sample's split."""

    sample_id: str
    root_id: str
    sha256: str
    songs: tuple[str, ...]
    label: str | None
    imported: bool
    split: str | None
    """Where it is already."""


@dataclass
class Assignment:
    """Where everything belongs, and what is wrong."""

    placed: dict[str, str] = field(default_factory=dict)
    """Newcomers only: sample_id -> split."""
    bridges: list[str] = field(default_factory=list)
    """Newcomers that would link two splits; they enter none."""
    crossings: list[tuple[str, ...]] = field(default_factory=list)
    """Groups that already lie in several splits: one member of each, in the order train, val, test."""
    groups: int = 0
    edges: dict[str, int] = field(default_factory=dict)
    """How many links of each kind were followed."""
    cut: dict[str, int] = field(default_factory=dict)
    """How many of these lie between two splits: of `crossings` only."""


def assign(
    members: Sequence[Member], ratios: Ratios, seed: int = 0, near_duplicates: Iterable[tuple[str, str]] = ()
) -> Assignment:
    """Give every member without a split the one its group is in, or that its stratum lacks most.

    `members` in the order of their ids; `ratios` of train, val, test; `near_duplicates` are pairs of ids. Shares are
    those of imported samples: variants follow their root, and a group of generated samples alone is of train.
    """
    result = Assignment()
    if not members:
        return result
    split = np.array([_CODE[member.split] for member in members], np.int64)
    old = split != _NONE
    _inherit(members, split)
    links = _Links(members, old, near_duplicates)
    result.edges = links.count
    result.crossings = _crossings(members, np.where(old, split, _NONE), links.components(old))
    if not result.crossings:
        _take_back_links(split, old, links.components(split != _NONE))

    group = links.components(np.ones(len(members), bool))
    groups = _Groups(members, group, split)
    result.groups = len(groups.split)
    _place(groups, ratios, seed)
    arriving = np.flatnonzero(~old)
    where = np.where(split[arriving] == _NONE, groups.split[group[arriving]], split[arriving])
    for index, code in zip(arriving.tolist(), where.tolist()):
        if code == _NONE:
            result.bridges.append(members[index].sample_id)
        else:
            result.placed[members[index].sample_id] = SPLITS[code]
    return result


def crossings(members: Sequence[Member], near_duplicates: Iterable[tuple[str, str]] = ()) -> Assignment:
    """Only what is: the groups of the members that have a split, and those among them that lie in several."""
    placed = [member for member in members if member.split is not None]
    if not placed:
        return Assignment()
    everything = np.ones(len(placed), bool)
    links = _Links(placed, everything, near_duplicates)
    group = links.components(everything)
    split = np.array([_CODE[member.split] for member in placed], np.int64)
    return Assignment(
        crossings=_crossings(placed, split, group),
        groups=int(group.max()) + 1,
        edges=links.count,
        cut=links.between(split),
    )


def groups_of(members: Sequence[Member], near_duplicates: Iterable[tuple[str, str]] = ()) -> Ints:
    """(n,): the number of each member's group, whatever splits they are in."""
    everything = np.ones(len(members), bool)
    return _Links(members, everything, near_duplicates).components(everything) if members else np.empty(0, np.int64)


def _inherit(members: Sequence[Member], split: Ints) -> None:
    """A variant of a root that has a split has it too, whatever else its group links to."""
    where = {members[at].sample_id: split[at] for at in np.flatnonzero(split != _NONE).tolist()}
    for at in np.flatnonzero(split == _NONE).tolist() if where else ():
        split[at] = where.get(members[at].root_id, _NONE)


def _take_back_links(split: Ints, old: npt.NDArray[np.bool_], group: Ints) -> None:
    """Variants that themselves link their root's split to another (a near-duplicate is there) do not inherit."""
    low, high = _range_of_splits(split, group)
    split[~old & (high > low)[group]] = _NONE


def _range_of_splits(split: Ints, group: Ints) -> tuple[Ints, Ints]:
    """The lowest and the highest code of the splits that each group lies in; nothing's is the wrong way round."""
    groups, placed = int(group.max()) + 1, split != _NONE
    low, high = np.full(groups, len(SPLITS)), np.full(groups, _NONE)
    np.minimum.at(low, group[placed], split[placed])
    np.maximum.at(high, group[placed], split[placed])
    return low, high


class _Links:
    """Pairs of members that share a root, a content or a song, or that are near-duplicates."""

    def __init__(
        self, members: Sequence[Member], placed: npt.NDArray[np.bool_], near_duplicates: Iterable[tuple[str, str]]
    ) -> None:
        # Each member is linked to the first that has its key. Placed ones come first, so that no link between two of
        # them runs through a newcomer, who may turn out to be a bridge.
        order = np.argsort(~placed, kind="stable")
        ordered = [members[at] for at in order.tolist()]
        root, content, songs = ([member[column] for member in ordered] for column in (1, 2, 3))
        with_song = np.repeat(order, np.fromiter(map(len, songs), np.int64, len(songs)))
        pairs = list(near_duplicates)
        position = {member.sample_id: at for at, member in enumerate(members)} if pairs else {}
        kinds = {
            "root": _to_first(order, root),
            "content": _to_first(order, content),
            "song": _to_first(with_song, list(chain.from_iterable(songs))),
            "near_duplicate": np.array(
                [(position[a], position[b]) for a, b in pairs if a in position and b in position], np.int64
            ).reshape(-1, 2),
        }
        self.count = {kind: len(links) for kind, links in kinds.items()}
        self._kinds = kinds
        self._links = np.concatenate(list(kinds.values()))
        self._size = len(members)

    def between(self, split: Ints) -> dict[str, int]:
        """How many links of each kind lead from one split to another."""
        return {kind: int((split[links[:, 0]] != split[links[:, 1]]).sum()) for kind, links in self._kinds.items()}

    def components(self, among: npt.NDArray[np.bool_]) -> Ints:
        """The number of each member's group, 0..groups-1, along links between two of `among`."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        links = self._links[among[self._links].all(axis=1)]
        graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(self._size, self._size))
        return connected_components(graph.tocsr(), directed=False)[1].astype(np.int64)  # type: ignore[no-any-return]


def _to_first(positions: Ints, keys: Sequence[str]) -> Ints:
    """(n, 2): each position whose key was seen before, after the first position of that key; an empty key links none.

    Arrays, as a million pairs of Python's would keep its collector of garbage busy for seconds.
    """
    first: dict[str, int] = {}
    seen = np.fromiter(map(first.setdefault, keys, positions.tolist()), np.int64, len(keys))
    again = (seen != positions) & np.fromiter(map(bool, keys), np.bool_, len(keys))
    return np.column_stack((seen[again], positions[again]))


def _crossings(members: Sequence[Member], split: Ints, group: Ints) -> list[tuple[str, ...]]:
    placed = np.flatnonzero(split != _NONE)
    pairs, first = np.unique(group[placed] * len(SPLITS) + split[placed], return_index=True)
    _, start, count = np.unique(pairs // len(SPLITS), return_index=True, return_counts=True)
    return [
        tuple(members[placed[first[at]]].sample_id for at in range(begin, begin + length))
        for begin, length in zip(start[count > 1].tolist(), count[count > 1].tolist())
    ]


class _Groups:
    """The groups as columns: name, weight, stratum, split; `split` stays none for those in several."""

    def __init__(self, members: Sequence[Member], group: Ints, split: Ints) -> None:
        first = np.unique(group, return_index=True)[1]
        self.names = [members[index].sample_id for index in first.tolist()]
        """The smallest id of each group."""
        imported = np.array([member[5] for member in members], bool)
        self.weight: Ints = np.bincount(group[imported], minlength=len(first)).astype(np.int64)
        """Imported samples in it."""
        said = [member[4] if member[5] else None for member in members]
        labels = sorted({label for label in set(said) if label is not None})
        code = {label: number for number, label in enumerate(labels)} | {None: -1}
        label = np.array([code[label] for label in said], np.int64)
        self.stratum = _majority(group, label, len(labels), len(first))
        """The label that most of its imported samples have, the first of equal ones; the last number is none."""
        low, high = _range_of_splits(split, group)
        self.crossed = high > low
        self.split: Ints = np.where(self.crossed, _NONE, high)


def _majority(group: Ints, label: Ints, labels: int, groups: int) -> Ints:
    known = label >= 0
    stratum = np.full(groups, labels)
    if known.any():
        pairs, count = np.unique(group[known] * labels + label[known], return_counts=True)
        order = np.lexsort((-(pairs % labels), count, pairs // labels))  # the last of each group wins
        stratum[pairs[order] // labels] = pairs[order] % labels
    return stratum


def _place(groups: _Groups, ratios: Ratios, seed: int) -> None:
    """Set the split of every group that has none and lies in none."""
    free = (groups.split == _NONE) & ~groups.crossed
    groups.split[free & (groups.weight == 0)] = _TRAIN
    arriving = np.flatnonzero(free & (groups.weight > 0))
    key = hashlib.blake2b(str(seed).encode(), digest_size=16).digest()
    rank = [hashlib.blake2b(groups.names[at].encode(), digest_size=8, key=key).digest() for at in arriving.tolist()]
    ranks = np.frombuffer(b"".join(rank), ">u8")
    arriving = arriving[np.lexsort((ranks, -groups.weight[arriving], groups.stratum[arriving]))]

    owed = [0.0, 0.0, 0.0]
    for stratum in np.unique(groups.stratum[arriving]).tolist():
        ranked = arriving[groups.stratum[arriving] == stratum]
        there = (groups.stratum == stratum) & (groups.split != _NONE)
        held = np.bincount(groups.split[there], groups.weight[there], minlength=len(SPLITS))
        weights = groups.weight[ranked].tolist()
        missing = _missing(ratios, held.tolist(), sum(weights))
        owed = [share + debt for share, debt in zip(missing, owed)]
        groups.split[ranked] = _fill(weights, owed, ratios)
    _none_empty(groups, arriving, ratios)


def _missing(ratios: Ratios, held: Sequence[float], arriving: int) -> list[float]:
    """How much of what arrives each split should get, for the stratum to come nearest to the ratios."""
    total = sum(held) + arriving
    lacking = [max(0.0, ratio * total - has) for ratio, has in zip(ratios, held)]
    whole = sum(lacking)
    return [arriving * lack / whole for lack in lacking] if whole else [arriving * ratio for ratio in ratios]


def _fill(weights: Iterable[int], missing: list[float], ratios: Ratios) -> list[int]:
    """The split of each group: the one that misses most, which then misses less."""
    allowed = [code for code, ratio in enumerate(ratios) if ratio > 0]
    chosen = []
    for weight in weights:
        best = max(allowed, key=missing.__getitem__)
        missing[best] -= weight
        chosen.append(best)
    return chosen


def _none_empty(groups: _Groups, arriving: Ints, ratios: Ratios) -> None:
    """Where there are enough groups, no split that should have some stays without: it gets a small newcomer."""
    wanted = [code for code, ratio in enumerate(ratios) if ratio > 0]
    held = (groups.weight > 0) & (groups.split != _NONE)
    count = np.bincount(groups.split[held], minlength=len(SPLITS))
    for code in wanted:
        giver = int(count.argmax())
        offered = arriving[groups.split[arriving] == giver]
        if count[code] or count.sum() < len(wanted) or not len(offered):
            continue
        given = offered[::-1][groups.weight[offered[::-1]].argmin()]
        groups.split[given] = code
        count[giver] -= 1
        count[code] += 1

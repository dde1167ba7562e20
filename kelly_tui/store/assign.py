"""Which group goes to which split: deterministic, stratified by the main label, and frozen once done.

Groups are taken stratum by stratum, the largest first and equal ones in the order of a hash, and each goes where
most is missing: hash ranking cut at the ratios, with groups of any size. What a stratum of few groups can't give is
owed to the next one. Pure: `kelly_tui.store.splits` reads and writes the catalogue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kelly_tui.model.labels import SPLITS
from kelly_tui.store.members import CODE, NONE, Ids, Ints, Members, Pairs

Ratios = tuple[float, float, float]

_TRAIN = CODE["train"]
_NO_PAIRS = Pairs.of(())


@dataclass
class Assignment:
    """Where everything belongs, and what is wrong."""

    split: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """Of each member, by its place in `SPLITS`; of bridges none."""
    placed: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """The places of newcomers that are in a split now."""
    bridges: list[str] = field(default_factory=list)
    """Newcomers that would link two splits; they enter none."""
    crossings: list[tuple[str, ...]] = field(default_factory=list)
    """Groups that already lie in several splits: one member of each, in the order train, val, test."""
    groups: int = 0
    edges: dict[str, int] = field(default_factory=dict)
    """How many links of each kind were followed."""
    cut: dict[str, int] = field(default_factory=dict)
    """How many of these lie between two splits: of `crossings` only."""


def assign(members: Members, ratios: Ratios, seed: int = 0, near_duplicates: Pairs = _NO_PAIRS) -> Assignment:
    """Give every member without a split the one its group is in, or that its stratum lacks most.

    `ratios` of train, val, test. Shares are those of imported samples: variants follow their root, and a group of
    generated samples alone is of train.
    """
    result = Assignment()
    if not len(members):
        return result
    split = members.split.copy()
    old = split != NONE
    _inherit(members, split)
    links = _Links(members, old, near_duplicates)
    result.edges = links.count
    result.crossings = _crossings(members, np.where(old, split, NONE), links.components(old))
    if not result.crossings:
        _take_back_links(split, old, links.components(split != NONE))

    group = links.components(np.ones(len(members), bool))
    groups = _Groups(members, group, split)
    result.groups = len(groups.split)
    _place(groups, ratios, seed)
    result.split = np.where(split == NONE, groups.split[group], split)
    result.placed = np.flatnonzero(~old & (result.split != NONE))
    result.bridges = [members.id(at) for at in np.flatnonzero(result.split == NONE).tolist()]
    return result


def crossings(members: Members, near_duplicates: Pairs = _NO_PAIRS) -> Assignment:
    """Only what is: the groups of the members that have a split, and those among them that lie in several."""
    there = members.some(members.split != NONE)
    if not len(there):
        return Assignment()
    everything = np.ones(len(there), bool)
    links = _Links(there, everything, near_duplicates)
    group = links.components(everything)
    return Assignment(
        split=there.split,
        crossings=_crossings(there, there.split, group),
        groups=int(group.max()) + 1,
        edges=links.count,
        cut=links.between(there.split),
    )


def groups_of(members: Members, near_duplicates: Pairs = _NO_PAIRS) -> Ints:
    """(n,): the number of each member's group, whatever splits they are in."""
    everything = np.ones(len(members), bool)
    return _Links(members, everything, near_duplicates).components(everything) if len(members) else members.split


def _inherit(members: Members, split: Ints) -> None:
    """A variant of a root that has a split has it too, whatever else its group links to."""
    arriving = np.flatnonzero(split == NONE)
    root = members.places(members.roots[arriving])
    split[arriving] = np.where(root == NONE, NONE, members.split[root])


def _take_back_links(split: Ints, old: npt.NDArray[np.bool_], group: Ints) -> None:
    """Variants that themselves link their root's split to another (a near-duplicate is there) do not inherit."""
    low, high = _range_of_splits(split, group)
    split[~old & (high > low)[group]] = NONE


def _range_of_splits(split: Ints, group: Ints) -> tuple[Ints, Ints]:
    """The lowest and the highest code of the splits that each group lies in; nothing's is the wrong way round."""
    groups, placed = int(group.max()) + 1, split != NONE
    low, high = np.full(groups, len(SPLITS)), np.full(groups, NONE)
    np.minimum.at(low, group[placed], split[placed])
    np.maximum.at(high, group[placed], split[placed])
    return low, high


class _Links:
    """Pairs of members that share a root, a content or a song, or that are near-duplicates."""

    def __init__(self, members: Members, placed: npt.NDArray[np.bool_], near_duplicates: Pairs) -> None:
        # Each member is linked to the first that has its key. Placed ones come first, so that no link between two of
        # them runs through a newcomer, who may turn out to be a bridge.
        everyone = np.arange(len(members))
        rank = np.empty(len(members), np.int64)
        rank[np.argsort(~placed, kind="stable")] = everyone
        near = np.column_stack((members.places(near_duplicates.first), members.places(near_duplicates.other)))
        self._kinds = {
            "root": _to_first(everyone, members.roots, rank),
            "content": _to_first(everyone, members.contents, rank),
            "song": _to_first(np.repeat(everyone, members.song_counts), members.songs, rank),
            "near_duplicate": near[(near != NONE).all(axis=1)],
        }
        self.count = {kind: len(links) for kind, links in self._kinds.items()}
        self._links = np.concatenate(list(self._kinds.values()))
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


def _to_first(places: Ints, keys: Ids, rank: Ints) -> Ints:
    """(n, 2): each of `places` whose key another has, after the one of them that ranks first; no key links none."""
    there = np.flatnonzero(keys != b"")
    places, keys = places[there], keys[there]
    order = np.lexsort((rank[places], keys))
    places, keys = places[order], keys[order]
    new = np.ones(len(keys), np.bool_)
    new[1:] = keys[1:] != keys[:-1]
    first = places[new][np.cumsum(new) - 1]
    again = first != places
    return np.column_stack((first[again], places[again]))


def _crossings(members: Members, split: Ints, group: Ints) -> list[tuple[str, ...]]:
    placed = np.flatnonzero(split != NONE)
    pairs, first = np.unique(group[placed] * len(SPLITS) + split[placed], return_index=True)
    _, start, count = np.unique(pairs // len(SPLITS), return_index=True, return_counts=True)
    return [
        tuple(members.id(placed[first[at]]) for at in range(begin, begin + length))
        for begin, length in zip(start[count > 1].tolist(), count[count > 1].tolist())
    ]


class _Groups:
    """The groups as columns: name, weight, stratum, split; `split` stays none for those in several."""

    def __init__(self, members: Members, group: Ints, split: Ints) -> None:
        first = np.unique(group, return_index=True)[1]
        self.names = members.ids[first]
        """The smallest id of each group."""
        self.weight: Ints = np.bincount(group[members.imported], minlength=len(first)).astype(np.int64)
        """Imported samples in it."""
        label = np.where(members.imported, members.label, NONE)
        self.stratum = _majority(group, label, len(members.labels), len(first))
        """The label that most of its imported samples have, the first of equal ones; the last number is none."""
        low, high = _range_of_splits(split, group)
        self.crossed = high > low
        self.split: Ints = np.where(self.crossed, NONE, high)


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
    free = (groups.split == NONE) & ~groups.crossed
    groups.split[free & (groups.weight == 0)] = _TRAIN
    arriving = np.flatnonzero(free & (groups.weight > 0))
    key = hashlib.blake2b(str(seed).encode(), digest_size=16).digest()
    hashes = (hashlib.blake2b(groups.names[at], digest_size=8, key=key).digest() for at in arriving.tolist())
    ranks = np.fromiter((int.from_bytes(one) for one in hashes), np.uint64, len(arriving))
    arriving = arriving[np.lexsort((ranks, -groups.weight[arriving], groups.stratum[arriving]))]

    owed = [0.0, 0.0, 0.0]
    for stratum in np.unique(groups.stratum[arriving]).tolist():
        ranked = arriving[groups.stratum[arriving] == stratum]
        there = (groups.stratum == stratum) & (groups.split != NONE)
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
    held = (groups.weight > 0) & (groups.split != NONE)
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

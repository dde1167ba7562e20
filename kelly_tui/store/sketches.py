"""Sketches: what two sets have in common, told from a few hashes of each; and which of many sets have much, quickly.

A sketch is the smallest hashes of a set's members: bottom-k MinHash, Broder, "On the resemblance and containment of
documents" (1997). What share of the smallest hashes of two sketches together is in both, is about the share of the
union of the sets that is in both: their resemblance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SIZE = 128
"""Hashes in a sketch, at most."""
_ENOUGH = ((10, 0.1), (4, 0.3), (2, 0.5))
"""Hashes that are in both, and their share of all: either pair of limits is enough, for the fewer may be chance."""
_NEIGHBOURS = (1, 2)
"""How far apart two may stand among those that have a hash, to be compared."""
_NOTHING = np.uint32(0xFFFFFFFF)
_AT_ONCE = 1 << 14
_SHARES = 16
"""Parts of all hashes, sought through one after another."""


def sketch_of(members: Ints) -> bytes:
    """The `SIZE` smallest hashes of a set of numbers, ascending, as little-endian uint32; the same may come twice."""
    hashed = members.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    hashed ^= hashed >> np.uint64(31)  # SplitMix64, Steele, Lea and Flood (2014), shortened
    hashed *= np.uint64(0xBF58476D1CE4E5B9)
    hashes = np.sort((hashed >> np.uint64(32)).astype("<u4"))
    first = np.ones(len(hashes), np.bool_)
    np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
    return hashes[first][:SIZE].tobytes()


def resembling(sketches: Sequence[bytes]) -> Ints:
    """(pairs, 2): places of sketches that resemble each other. What is no sketch resembles nothing.

    Not every pair of a large cluster, but so many that all of it hangs together. Nearly linear: each hash brings those
    that have it side by side, and only neighbours are compared.
    """
    sizes = np.array([len(sketch) // 4 if _is_sketch(sketch) else 0 for sketch in sketches], np.int64)
    hashes = np.frombuffer(b"".join(sketch for sketch, size in zip(sketches, sizes.tolist()) if size), "<u4")
    if not len(hashes):
        return np.empty((0, 2), np.int64)
    ends = np.cumsum(sizes)
    pairs = _met_twice(hashes, ends)
    kept = [_resembles(hashes, ends - sizes, sizes, some) for some in np.array_split(pairs, len(pairs) // _AT_ONCE + 1)]
    return pairs[np.concatenate(kept)]


def _is_sketch(data: bytes) -> bool:
    return isinstance(data, bytes) and len(data) % 4 == 0 and len(data) <= 4 * SIZE


def _neighbours(entries: NDArray[np.uint64], apart: int) -> NDArray[np.uint64]:
    """Pairs of places that share a hash, each as one number; `entries` are hash and place, sorted."""
    before, after = entries[:-apart], entries[apart:]
    same = (before ^ after) >> np.uint64(32) == 0
    pairs: NDArray[np.uint64] = (before[same] << np.uint64(32)) | (after[same] & np.uint64(0xFFFFFFFF))
    return pairs


def _met_twice(hashes: NDArray[np.uint32], ends: Ints) -> Ints:
    """(pairs, 2): those that are neighbours by two hashes at least; `ends`: where in `hashes` each sketch ends.

    A share of the hashes at a time, told by their last bits, so that memory is little more than the sketches' own.
    """
    met = np.empty(0, np.uint64)
    for share in range(_SHARES):
        where = np.flatnonzero(hashes % np.uint32(_SHARES) == share)
        entries = hashes[where].astype(np.uint64) << np.uint64(32)
        entries |= np.searchsorted(ends, where, side="right").astype(np.uint64)
        entries.sort()
        new = np.concatenate([_neighbours(entries, apart) for apart in _NEIGHBOURS])
        new.sort()
        met = np.concatenate((met, new))
        met.sort(kind="stable")  # which merges what is sorted
        met = met[np.concatenate((np.ones(min(2, len(met)), np.bool_), met[2:] != met[:-2]))]  # twice is enough
    codes = met[:-1][met[1:] == met[:-1]]
    return np.column_stack((codes >> np.uint64(32), codes & np.uint64(0xFFFFFFFF))).astype(np.int64)


def _resembles(hashes: NDArray[np.uint32], begins: Ints, sizes: Ints, pairs: Ints) -> NDArray[np.bool_]:
    """(pairs,): whether enough of the smallest hashes of both together are in both."""
    place = np.arange(SIZE)
    sides = []
    for side in pairs.T:
        at = np.minimum(begins[side, None] + place, len(hashes) - 1)
        sides.append(np.where(place < sizes[side, None], hashes[at], _NOTHING))
    both = np.concatenate(sides, axis=1)
    both.sort(axis=1)
    there, new = both != _NOTHING, np.ones(both.shape, np.bool_)
    np.not_equal(both[:, 1:], both[:, :-1], out=new[:, 1:])
    new &= there
    union = np.minimum(new.sum(axis=1), SIZE)
    shared = (~new & there & (new.cumsum(axis=1) <= SIZE)).sum(axis=1)
    kept: NDArray[np.bool_] = np.any([(shared >= few) & (shared >= least * union) for few, least in _ENOUGH], axis=0)
    return kept

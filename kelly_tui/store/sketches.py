"""Sketches: what two sets have in common, told from a few hashes of each; and which of many sets have much, quickly.

A sketch is the smallest hashes of a set's members: bottom-k MinHash, Broder, "On the resemblance and containment of
documents" (1997). What share of the smallest hashes of two sketches together is in both, is about the share of the
union of the sets that is in both: their resemblance.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from kelly_tui.store.layout import disk_errors

Ints = NDArray[np.int64]

SIZE = 128
"""Hashes in a sketch, at most."""
_ENOUGH = ((10, 0.1), (4, 0.3), (2, 0.5))
"""Hashes that are in both, and their share of all: either pair of limits is enough, for the fewer may be chance."""
_NEIGHBOURS = (1, 2)
"""How far apart two may stand among those that have a hash, to be compared."""
_NOTHING = np.uint32(0xFFFFFFFF)
_AT_ONCE = 1 << 12
_SHARES = 16
"""Parts of all hashes, and of all places, sought through one after another."""
_BLOCK = 1 << 22
"""Bytes of the file that are read at once."""


def sketch_of(members: Ints) -> bytes:
    """The `SIZE` smallest hashes of a set of numbers, ascending, as little-endian uint32; the same may come twice."""
    hashed = members.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    hashed ^= hashed >> np.uint64(31)  # SplitMix64, Steele, Lea and Flood (2014), shortened
    hashed *= np.uint64(0xBF58476D1CE4E5B9)
    hashes = np.sort((hashed >> np.uint64(32)).astype("<u4"))
    first = np.ones(len(hashes), np.bool_)
    np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
    return hashes[first][:SIZE].tobytes()


class Sketches:
    """Many sketches, and which of them resemble each other. Close it, or use it in a ``with`` block.

    They lie in a temporary file, 512 bytes each, and a few times as much while they are compared; memory is a part of
    that. Raises `DiskFull`.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self._sizes = array("B")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._sizes)

    def extend(self, sketches: Iterable[bytes]) -> None:
        """Add sketches; what is none, as a chromagram, resembles nothing."""
        with disk_errors(Path(tempfile.gettempdir())):
            for sketch in sketches:
                size = len(sketch) // 4 if _is_sketch(sketch) else 0
                self._sizes.append(size)
                if size:
                    self._file.write(sketch)

    def resembling(self) -> Ints:
        """(pairs, 2): places of those that resemble each other, in the order in which they were added.

        Not every pair of a large cluster, but so many that all of it hangs together. Nearly linear: each hash brings
        those that have it side by side, and only neighbours are compared.
        """
        self._file.flush()
        sizes = np.array(self._sizes, np.int64)
        ends = np.cumsum(sizes)
        found = [np.empty((0, 2), np.int64)]
        for pairs in self._met_twice(ends):
            for some in np.array_split(pairs, len(pairs) // _AT_ONCE + 1):
                sides = [self._read(places, ends, sizes) for places in some.T]
                found.append(some[_resembles(*sides)])
        return np.concatenate(found)

    def _met_twice(self, ends: Ints) -> Iterator[Ints]:
        """(pairs, 2), ascending, of those that are neighbours by two hashes at least; `ends`: where each sketch ends.

        A share of the hashes at a time, told by their last bits; then what was met in all of them, a range of places
        at a time.
        """
        edges = np.linspace(0, len(ends), _SHARES + 1).astype(np.uint64) << np.uint64(32)
        begins = np.zeros((_SHARES, _SHARES + 1), np.int64)
        with disk_errors(Path(tempfile.gettempdir())), tempfile.TemporaryFile() as met:
            for share in range(_SHARES):
                entries = np.concatenate([np.empty(0, np.uint64), *self._entries(share, ends)])
                entries.sort()
                new = np.concatenate([_neighbours(entries, apart) for apart in _NEIGHBOURS])
                new.sort()
                new = new[np.concatenate((np.ones(min(2, len(new)), np.bool_), new[2:] != new[:-2]))]  # twice is enough
                begins[share] = met.tell() + 8 * np.searchsorted(new, edges)
                met.write(new.data)
            for begin, end in zip(begins.T[:-1].tolist(), begins.T[1:].tolist(), strict=True):
                parts = [_at(met, *where) for where in zip(begin, end, strict=True)]
                codes = np.concatenate(parts)
                codes.sort()
                codes = np.unique(codes[:-1][codes[1:] == codes[:-1]])
                yield np.column_stack((codes >> np.uint64(32), codes & np.uint64(0xFFFFFFFF))).astype(np.int64)

    def _entries(self, share: int, ends: Ints) -> Iterator[NDArray[np.uint64]]:
        """Hash and place, as one number, of the hashes of a share."""
        self._file.seek(0)
        begin = 0
        while data := self._file.read(_BLOCK):
            hashes = np.frombuffer(data, "<u4")
            where = np.flatnonzero(hashes % np.uint32(_SHARES) == share)
            entries = hashes[where].astype(np.uint64) << np.uint64(32)
            yield entries | np.searchsorted(ends, where + begin, side="right").astype(np.uint64)
            begin += len(hashes)

    def _read(self, places: Ints, ends: Ints, sizes: Ints) -> NDArray[np.uint32]:
        """(places, `SIZE`): these sketches, each filled up with `_NOTHING`."""
        rows = np.full((len(places), SIZE), _NOTHING, "<u4")
        room, file = rows.reshape(-1).data.cast("B"), self._file.fileno()
        begins = range(0, rows.nbytes, 4 * SIZE)
        for begin, end, size in zip(begins, ends[places].tolist(), sizes[places].tolist(), strict=True):
            os.preadv(file, [room[begin : begin + 4 * size]], 4 * (end - size))
        return rows


def _at(file: IO[bytes], begin: int, end: int) -> NDArray[np.uint64]:
    file.seek(begin)
    return np.frombuffer(file.read(end - begin), np.uint64)


def _is_sketch(data: object) -> bool:
    return isinstance(data, bytes) and len(data) % 4 == 0 and len(data) <= 4 * SIZE


def _neighbours(entries: NDArray[np.uint64], apart: int) -> NDArray[np.uint64]:
    """Pairs of places that share a hash, each as one number; `entries` are hash and place, sorted."""
    before, after = entries[:-apart], entries[apart:]
    same = (before ^ after) >> np.uint64(32) == 0
    pairs: NDArray[np.uint64] = (before[same] << np.uint64(32)) | (after[same] & np.uint64(0xFFFFFFFF))
    return pairs


def _resembles(first: NDArray[np.uint32], other: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """(pairs,): whether enough of the smallest hashes of both together are in both."""
    both = np.concatenate((first, other), axis=1)
    both.sort(axis=1)
    there, new = both != _NOTHING, np.ones(both.shape, np.bool_)
    np.not_equal(both[:, 1:], both[:, :-1], out=new[:, 1:])
    new &= there
    union = np.minimum(new.sum(axis=1), SIZE)
    shared = (~new & there & (new.cumsum(axis=1) <= SIZE)).sum(axis=1)
    kept: NDArray[np.bool_] = np.any([(shared >= few) & (shared >= least * union) for few, least in _ENOUGH], axis=0)
    return kept

"""What decides the splits of many samples: columns of some hundred bytes a sample, however long its names are."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kelly_tui.model.labels import SPLITS

Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.bytes_]
"""UTF-8: in the order of the bytes, which is that of the characters."""

NONE = -1
CODE: dict[str | None, int] = {None: NONE, **{split: code for code, split in enumerate(SPLITS)}}

_AT_ONCE = 10_000
_KEY = 16
"""Bytes of a digest: that two of a million are alike by chance, nobody will see."""
_HEX = 2 * _KEY
"""The same of one that is written in hex already."""


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


@dataclass(frozen=True)
class Members:
    """Members by id, as columns."""

    ids: Ids
    roots: Ids
    contents: Ids
    """The last half of the SHA-256 of what the files hold, nothing where that is not known."""
    songs: Ids
    """Digests of all songs of the first, then of the second…"""
    song_counts: Ints
    labels: tuple[str, ...]
    """The names of the labels, sorted."""
    label: Ints
    """Of each, its place in `labels`; `NONE` where there is none."""
    imported: npt.NDArray[np.bool_]
    split: Ints
    """Of each, its place in `SPLITS`; `NONE` where it is in none yet."""

    @classmethod
    def of(cls, members: Iterable[Member]) -> Members:
        """`members` in the order of their ids; they are read once, and not kept."""
        ids, roots, contents, songs = Column(), Column(), Column(), Column()
        counts, label, imported, split = array("q"), array("q"), array("b"), array("q")
        numbers: dict[str | None, int] = {None: NONE}
        rest = iter(members)
        while chunk := list(islice(rest, _AT_ONCE)):
            its_id, its_root, content, its_songs, its_label, is_imported, its_split = zip(*chunk, strict=True)
            ids.extend(map(str.encode, its_id))
            roots.extend(map(str.encode, its_root))
            contents.extend(sha256[-_HEX:].encode() for sha256 in content)
            songs.extend(_digest(song) for some in its_songs for song in some)
            counts.extend(map(len, its_songs))
            label.extend(numbers.setdefault(one, len(numbers) - 1) for one in its_label)
            imported.extend(is_imported)
            split.extend(map(CODE.__getitem__, its_split))
        labels = tuple(sorted(name for name in numbers if name is not None))
        place = np.array([NONE, *(labels.index(name) for name in numbers if name is not None)], np.int64)
        return cls(
            ids.array(), roots.array(), contents.array(), songs.array(), _ints(counts),
            labels, place[_ints(label) + 1], np.array(imported, np.bool_), _ints(split),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.ids)

    def id(self, at: int) -> str:
        return self.ids[at].decode()  # type: ignore[no-any-return]

    def in_splits(self, split: Ints) -> Members:
        """The same members in these splits."""
        return replace(self, split=split)

    def some(self, which: npt.NDArray[np.bool_]) -> Members:
        """Those of them that `which`, (n,), is true of."""
        return Members(
            self.ids[which], self.roots[which], self.contents[which], self.songs[np.repeat(which, self.song_counts)],
            self.song_counts[which], self.labels, self.label[which], self.imported[which], self.split[which],
        )  # fmt: skip

    def places(self, ids: Ids) -> Ints:
        """Where each of `ids` stands; `NONE` for what is no member."""
        if not len(self.ids):
            return np.full(len(ids), NONE)
        at = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[at] == ids, at, NONE)


@dataclass(frozen=True)
class Pairs:
    """Pairs of ids, sorted."""

    first: Ids
    other: Ids

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Pairs:
        both = sorted(pairs)
        first, other = (np.array([pair[side].encode() for pair in both], np.bytes_) for side in (0, 1))
        return cls(first, other)

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for start in range(0, len(self), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            for first, other in zip(self.first[part].tolist(), self.other[part].tolist(), strict=True):
                yield first.decode(), other.decode()

    def among(self, members: Members) -> Pairs:
        """Those of which both are members."""
        both = (members.places(self.first) != NONE) & (members.places(self.other) != NONE)
        return Pairs(self.first[both], self.other[both])


class Column:
    """An array of byte strings that grows; each takes as much room as the longest."""

    def __init__(self) -> None:
        self._parts: list[Ids] = []

    def extend(self, values: Iterable[bytes]) -> None:
        if more := list(values):
            self._parts.append(np.array(more, np.bytes_))

    def array(self) -> Ids:
        return np.concatenate(self._parts) if self._parts else np.empty(0, np.bytes_)


def _digest(text: str) -> bytes:
    """What is equal where texts are; nothing for an empty one."""
    return hashlib.blake2b(text.encode(), digest_size=_KEY).digest() if text else b""


def _ints(numbers: array[int]) -> Ints:
    return np.array(numbers, np.int64)

"""Which imported samples are the same piece: copies, other editions, re-exports, variants that came as originals.

Told by their fingerprints, which are sketches of MIDI (`kelly_tui.features.fingerprint`) and chromagrams of audio, and
by features that are equal. Only imported samples are asked: a variant has a root, and generated music copies nothing
and is of train. What was found is kept in the catalogue until fingerprints come or go.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kelly_tui.errors import DatasetError
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.chromagrams import alike, is_chromagram
from kelly_tui.store.members import NONE, Column, Ids, Ints, Pairs
from kelly_tui.store.schema import HELD, ORIGIN
from kelly_tui.store.sketches import Sketches

_AT_ONCE = 1000


def near_duplicates(catalogue: Catalogue, *, anew: bool = False) -> Pairs:
    """Each imported sample that is the same piece as others, with the one of these whose id is the smallest.

    `anew` compares again though nothing has changed.
    """
    if anew or not _are_found(catalogue):
        return _find(catalogue)
    rows = catalogue.db.execute(
        "SELECT piece, sample_id FROM fingerprints JOIN samples ON samples.rowid = sample WHERE piece IS NOT NULL"
    )
    piece, ids = array("q"), Column()
    while chunk := rows.fetchmany(_AT_ONCE):
        piece.extend(number for number, _ in chunk)
        ids.extend(sample_id.encode() for _, sample_id in chunk)
    return _pairs(np.array(piece, np.int64), ids.array())


def not_compared(catalogue: Catalogue) -> list[str]:
    """The imported samples of which it is not known whether they are pieces that are there already: no features yet."""
    rows = catalogue.db.execute(
        "SELECT sample_id FROM samples WHERE rowid IN"
        f" (SELECT rowid FROM samples WHERE {HELD} AND {ORIGIN} = 'imported' EXCEPT SELECT sample FROM fingerprints)"
    )
    return [sample_id for (sample_id,) in rows]


def _pairs(piece: Ints, ids: Ids) -> Pairs:
    """Of the numbers of pieces, and who is one."""
    order = np.lexsort((ids, piece))
    piece, ids = piece[order], ids[order]
    new = np.ones(len(piece), np.bool_)
    new[1:] = piece[1:] != piece[:-1]
    first, other = ids[new][np.cumsum(new) - 1][~new], ids[~new]
    order = np.lexsort((other, first))
    return Pairs(first[order], other[order])


def _are_found(catalogue: Catalogue) -> bool:
    return catalogue.db.execute("SELECT 1 FROM meta WHERE name = 'pieces'").fetchone() is not None


def _find(catalogue: Catalogue) -> Pairs:
    version = catalogue.data_version()
    listed = catalogue.db.execute(
        "SELECT sample, sample_id, sketch, vector, piece FROM fingerprints JOIN samples ON samples.rowid = sample"
        " JOIN features USING (sample) ORDER BY +sample_id"  # so that the order in which they came does not matter
    )
    numbers, before, ids = array("q"), array("q"), Column()

    def found() -> Iterator[tuple[bytes, bytes]]:
        while rows := listed.fetchmany(_AT_ONCE):
            numbers.extend(row[0] for row in rows)
            before.extend(NONE if row[4] is None else row[4] for row in rows)
            ids.extend(row[1].encode() for row in rows)
            yield from ((row[2], row[3]) for row in rows)

    place = same_pieces(found())
    rowids = np.array(numbers, np.int64)
    piece = np.where(place == NONE, NONE, rowids[place])
    changed = np.flatnonzero(piece != np.array(before, np.int64))
    with suppress(DatasetError):  # of a dataset that can't be written it is found each time
        _keep(catalogue, np.column_stack((piece[changed], rowids[changed])), version)
    several = place != NONE
    return _pairs(place[several], ids.array()[several])


def _keep(catalogue: Catalogue, changed: Ints, version: int) -> None:
    """Some at a time, so that nobody waits long; found they are if nobody else wrote meanwhile."""
    ordered = changed[np.argsort(changed[:, 1])]
    for part in np.array_split(ordered, len(ordered) // _AT_ONCE + 1):
        with catalogue.writing() as db:
            rows = ((None if piece == NONE else piece, number) for piece, number in part.tolist())
            db.executemany("UPDATE fingerprints SET piece = ? WHERE sample = ?", rows)
    with catalogue.writing() as db:
        if catalogue.data_version() == version:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('pieces', 'found')")


def same_pieces(found: Iterable[tuple[bytes, bytes]]) -> NDArray[np.int64]:
    """(n,): the first place of those that are the same piece, -1 for what is alone.

    `found` are fingerprint, a sketch or a chromagram, and vector of each; they are read once.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    vectors, rest, clips = Column(), iter(found), list[bytes]()
    with Sketches() as sketches:
        while chunk := list(islice(rest, _AT_ONCE)):
            sketches.extend(fingerprint for fingerprint, _ in chunk)
            clips += [fingerprint if is_chromagram(fingerprint) else b"" for fingerprint, _ in chunk]
            vectors.extend(_digest(vector) for _, vector in chunk)
        links = np.concatenate((_equal(vectors.array()), sketches.resembling(), alike(clips)))
        count = len(sketches)
    if not count:
        return np.empty(0, np.int64)
    graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(count, count))
    label = connected_components(graph.tocsr(), directed=False)[1]
    _, start, where, size = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    piece: NDArray[np.int64] = np.where(size[where] > 1, start[where], NONE)
    return piece


def _equal(keys: Ids) -> Ints:
    """(n, 2): neighbouring places of equal keys; a broken one is equal to none."""
    order = np.argsort(keys, kind="stable")
    order = order[keys[order] != b""]
    same = keys[order[1:]] == keys[order[:-1]]
    return np.column_stack((order[:-1][same], order[1:][same]))


def _digest(vector: object) -> bytes:
    """What is equal where vectors are; nothing of one that is broken."""
    if not isinstance(vector, bytes) or len(vector) % 4 or not any(vector):
        return b""
    return hashlib.blake2b(vector, digest_size=12).digest()

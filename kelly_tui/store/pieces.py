"""Which imported samples are the same piece: copies, other editions, re-exports, variants that came as originals.

Told by their fingerprints (`kelly_tui.features.fingerprint`), and by features that are equal. Only imported samples are
asked: a variant has a root, and generated music copies nothing and is of train. What was found is kept in the
catalogue until fingerprints come or go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from kelly_tui.errors import DatasetError
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.sketches import resembling

Pairs = list[tuple[str, str]]
"""Ids of samples that are near-duplicates of each other."""

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
    return _pairs(sorted(rows))


def _pairs(rows: Sequence[tuple[int, str]]) -> Pairs:
    """Of (piece, sample_id), sorted."""
    ids = ([sample_id for _, sample_id in same] for _, same in groupby(rows, lambda row: row[0]))
    return sorted((one, other) for one, *others in ids for other in others)


def _are_found(catalogue: Catalogue) -> bool:
    return catalogue.db.execute("SELECT 1 FROM meta WHERE name = 'pieces'").fetchone() is not None


def _find(catalogue: Catalogue) -> Pairs:
    version = catalogue.data_version()
    listed = catalogue.db.execute(
        "SELECT sample, sample_id, sketch, vector, piece FROM fingerprints JOIN samples ON samples.rowid = sample"
        " JOIN features USING (sample) ORDER BY sample_id"  # so that the order in which they came does not matter
    )
    rows = [(number, sample_id, sketch, _digest(vector), piece) for number, sample_id, sketch, vector, piece in listed]
    piece = same_pieces([row[2] for row in rows], [row[3] for row in rows])
    found = [(rows[at][0] if at >= 0 else None) for at in piece.tolist()]
    changed = [(now, row[0]) for now, row in zip(found, rows, strict=True) if now != row[4]]
    with suppress(DatasetError):  # of a dataset that can't be written it is found each time
        _keep(catalogue, changed, version)
    return _pairs(sorted((now, row[1]) for now, row in zip(found, rows, strict=True) if now is not None))


def _keep(catalogue: Catalogue, changed: Sequence[tuple[int | None, int]], version: int) -> None:
    """Some at a time, so that nobody waits long; found they are if nobody else wrote meanwhile."""
    for start in range(0, len(changed), _AT_ONCE):
        with catalogue.writing() as db:
            db.executemany("UPDATE fingerprints SET piece = ? WHERE sample = ?", changed[start : start + _AT_ONCE])
    with catalogue.writing() as db:
        if catalogue.data_version() == version:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('pieces', 'found')")


def same_pieces(sketches: Sequence[bytes], vectors: Sequence[bytes]) -> NDArray[np.int64]:
    """(n,): the first place of those that are the same piece, -1 for what is alone: by sketches, or equal vectors.

    In the place of a vector its `_digest` may stand, which is a fortieth of it.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(sketches)
    if not count:
        return np.empty(0, np.int64)
    first: dict[bytes, int] = {}
    equal = [
        (first.setdefault(digest, at), at)
        for at, digest in enumerate(map(_digest, vectors))
        if digest  # a broken one is equal to none
    ]
    links = np.concatenate((resembling(sketches), np.array(equal, np.int64).reshape(-1, 2)))
    graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(count, count))
    label = connected_components(graph.tocsr(), directed=False)[1]
    _, start, where, size = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    piece: NDArray[np.int64] = np.where(size[where] > 1, start[where], -1)
    return piece


def _digest(vector: object) -> bytes:
    """What is equal where vectors are; nothing of one that is broken."""
    if not isinstance(vector, bytes) or len(vector) % 4 or not any(vector):
        return b""
    return hashlib.blake2b(vector, digest_size=12).digest()

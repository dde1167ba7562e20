"""Whether a model can tell train from test, or generated music from imported: lists should not differ, origins may."""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.report import Apart, Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.groups import SongNames
from kelly_tui.store.schema import HELD, ORIGIN

Floats = NDArray[np.float64]

MOST = 500
"""Pieces of each kind that are looked at."""
ALARM = 0.6
"""An AUC that is surely above this is a finding."""

_ROWS = """
SELECT samples.sample_id, samples.source, piece, vector
FROM json_each(?) AS chosen JOIN samples ON samples.rowid = chosen.value
JOIN features ON features.sample = samples.rowid
LEFT JOIN fingerprints ON fingerprints.sample = samples.rowid ORDER BY chosen.key
"""


def check_apart(catalogue: Catalogue) -> tuple[Apart, ...]:
    """Test from train, and generated from imported music, where there is such.

    By the type of file that most imported samples are of. One sample of a piece and of a song, so that none is known.
    """
    from kelly_tui.learn.apart import told_apart

    splits, origins = catalogue.counts().splits, catalogue.counts().origins
    found = []
    if splits["test"] and splits["train"]:
        train, test = (vectors_of(catalogue, f"{ORIGIN} = 'imported' AND split = '{one}'") for one in ("train", "test"))
        found.append(told_apart(*_as_long(test, train), "test", "train"))
    if origins["generated"] and origins["imported"]:
        real, made = (vectors_of(catalogue, f"{ORIGIN} = '{one}'") for one in ("imported", "generated"))
        found.append(told_apart(*_as_long(made, real), "generated", "imported"))
    return tuple(found)


def findings(catalogue: Catalogue, found: Sequence[Apart]) -> Iterator[Finding]:
    """That lists hold different music: what is measured on test then says little."""
    for one in found:
        if one.versus == "train" and one.auc is not None and one.low > ALARM:
            yield Finding(
                "warning",
                "splits-differ",
                f"a model tells {one.words()}: the lists hold different music",
                "See whether folders, sources or labels are on one list only; kelly split --reshuffle mixes them anew.",
                catalogue.counts().splits["test"],
                filter="is:held split:test",
            )


def vectors_of(catalogue: Catalogue, which: str) -> Floats:
    """(n, features) of at most `MOST` samples, one of a song, taken by chance, always the same."""
    kinds = catalogue.counts().of("file_type", "imported")
    kind = min(kinds, key=lambda one: (-kinds[one], one), default="")
    found = catalogue.db.execute(
        f"SELECT rowid FROM samples WHERE {HELD} AND {which} AND file_type = ? ORDER BY rowid", (kind,)
    )
    numbers = array("q", (number for (number,) in found))
    chosen = random.Random(0).sample(numbers, min(len(numbers), 4 * MOST))
    names = SongNames(catalogue.config)
    seen: set[object] = set()
    vectors: list[NDArray[np.float32]] = []
    for sample_id, source, piece, vector in catalogue.db.execute(_ROWS, (json.dumps(chosen),)):
        keys = {sample_id, piece, names.song(source) if source else None} - {None}
        if keys & seen or not isinstance(vector, bytes) or len(vector) % 4:
            continue
        seen |= keys
        vectors.append(np.frombuffer(vector, "<f4"))
        if len(vectors) == MOST:
            break
    length = max(map(len, vectors), default=0)  # a broken one is shorter
    kept = [vector for vector in vectors if len(vector) == length]
    return np.array(kept, np.float64).reshape(len(kept), length)


def _as_long(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Both; none of the second where these have not as many features, as of another version."""
    return first, second if first.shape[1] == second.shape[1] else np.empty((0, first.shape[1]))

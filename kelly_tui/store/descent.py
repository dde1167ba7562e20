"""Who descends from whom: nobody from itself, and nobody over more generations than music has.

What Kelly makes is a root, its variants and their sound; the rows of another's manifest may name any parents. A link
that can't be is cut where samples are taken in, so that whoever follows links upwards or downwards comes to an end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from kelly_tui.store.rows import NOT_READ, keep_beside

GENERATIONS = 20
"""Links from a sample up to its root."""

_SHOWN = 80
"""Characters of a parent's name that are shown."""

_FAR = (
    "WITH RECURSIVE above (sample_id, ancestor, links) AS ("
    " SELECT one.sample_id, parent.parent_id, 2 FROM samples AS one JOIN samples AS parent"
    "  ON parent.sample_id = one.parent_id WHERE one.parent_id IS NOT NULL AND parent.parent_id IS NOT NULL {}"
    " UNION ALL"
    " SELECT above.sample_id, samples.parent_id, links + 1 FROM above JOIN samples"
    f"  ON samples.sample_id = ancestor WHERE samples.parent_id IS NOT NULL AND links <= {GENERATIONS}"
    f") SELECT sample_id FROM above WHERE links > {GENERATIONS}"
)
"""Samples with more links above them than there can be: those in a circle, and below one, too."""

_HIGHER_ROOT = (
    "UPDATE samples SET root_id = parent.root_id FROM samples AS parent"
    " WHERE samples.root_id = parent.sample_id AND parent.root_id <> parent.sample_id"
    " AND samples.root_id <> samples.sample_id AND parent.root_id <> samples.sample_id"
)


def is_far(db: sqlite3.Connection, sample_id: str) -> bool:
    """Whether a sample has more links above it than there can be, as only a stranger's catalogue has it."""
    return db.execute(_FAR.format("AND one.sample_id = ?"), (sample_id,)).fetchone() is not None


def settle(db: sqlite3.Connection) -> list[str]:
    """Cut the links that can't be, and give all samples their highest root; what was cut, in words.

    What a row said stays beside it. Who lost a link stays with its root, so that a split never parts them. The caller
    holds the write transaction.
    """
    words = []
    parents = dict(
        db.execute(
            f"SELECT sample_id, parent_id FROM samples WHERE sample_id IN ({_FAR.format('')}) ORDER BY sample_id"
        )
    )
    wrong = _wrong(parents)
    for sample_id in (*wrong.eldest, *wrong.deep):
        path, root_id, raw = db.execute(
            "SELECT file_path, root_id, extra FROM samples WHERE sample_id = ?", (sample_id,)
        ).fetchone()
        extra = msgspec.json.decode(raw) if raw else {}
        keep_beside(extra, NOT_READ, {"parent_id": parents[sample_id]})
        if root_id in wrong.eldest:
            root_id = wrong.eldest[sample_id]
        db.execute(
            "UPDATE samples SET parent_id = NULL, root_id = ?, extra = ? WHERE sample_id = ?",
            (root_id, msgspec.json.encode(extra).decode(), sample_id),
        )
        why = "descends from it" if sample_id in wrong.eldest else f"is {GENERATIONS} generations from its root"
        words.append(f"{path}: its parent {parents[sample_id][:_SHOWN]!r} {why}; kept in the manifest under {NOT_READ}")
    # A variant of a variant has the root of that one; manifests without root_id name the parent only.
    for _ in range(GENERATIONS):  # a round halves the way up; roots may be named in a circle
        if not db.execute(_HIGHER_ROOT).rowcount:
            break
    return words


class _Wrong(NamedTuple):
    eldest: dict[str, str]
    """Of each sample in a circle the one that stands for its root: the first by name."""
    deep: list[str]
    """Those that lie one generation too deep; what is below counts from them on."""


def _wrong(parents: Mapping[str, str]) -> _Wrong:
    """Whose links are to be cut. `parents`: of all samples that `_FAR` finds."""
    wrong = _Wrong({}, [])
    generation: dict[str, int] = {}
    for start in parents:
        way: dict[str, None] = {}
        at = start
        while at in parents and at not in generation and at not in way:
            way[at] = None
            at = parents[at]
        steps = list(way)
        if at in way:
            circle = steps[steps.index(at) :]
            del steps[steps.index(at) :]
            wrong.eldest.update(dict.fromkeys(circle, min(circle)))
            generation.update(dict.fromkeys(circle, 0))
        above = generation.get(at, GENERATIONS)  # who is not far itself, and has a child that is, lies so deep
        for one in reversed(steps):
            above = above + 1 if above < GENERATIONS else 0
            generation[one] = above
            if above == 0:
                wrong.deep.append(one)
    return wrong

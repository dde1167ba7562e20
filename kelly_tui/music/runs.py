"""Runs: stretches of a sequence in which one value stays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def runs(values: NDArray[Any]) -> tuple[Ints, Ints]:
    """Where runs of one value start in (n,) `values`, and how long they are."""
    begins = np.empty(len(values) + 1, np.bool_)
    begins[0] = begins[-1] = True
    np.not_equal(values[1:], values[:-1], out=begins[1:-1])
    edges = begins.nonzero()[0]
    return edges[:-1], edges[1:] - edges[:-1]


def begins_of(values: NDArray[np.float64], gap: float) -> Ints:
    """The first of (n,) rising `values`, and where they are more than `gap` above the one before: what begins there."""
    begins = np.empty(len(values), np.bool_)
    begins[:1] = True
    np.greater(values[1:] - values[:-1], gap, out=begins[1:])
    return begins.nonzero()[0]


def lengths_of(starts: Ints, count: int) -> Ints:
    """How long the runs are that begin at `starts` and fill a sequence of `count`."""
    return np.concatenate((starts[1:], [count])) - starts


def longest_held(values: NDArray[np.float64], lengths: NDArray[np.float64]) -> float:
    """Of (n,) `values`, each held for a length, the one that is held for longest in all; of equals the least."""
    order = values.argsort(kind="stable")
    starts, counts = runs(values[order])
    held = np.bincount(np.arange(len(starts)).repeat(counts), lengths[order])
    return float(values[order[starts[held.argmax()]]])

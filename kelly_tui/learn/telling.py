"""What the few features that tell labels apart say: linear discriminants on the best 1, 3, 10 and 30 of them.

Which those are is how far the means of the classes lie apart in standard deviations (Fan and Fan, 2008, "High
dimensional classification using features annealed independence rules"): sixty labels can't teach a hundred weights,
but they show the few that matter. How far each discriminant is to be believed is for others to measure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kelly_tui.learn.committee import Floats, Ints, fitted

SIZES = (1, 3, 10, 30)
_WIDEST = 4.0
"""Standard deviations: further off says nothing more."""
_DECIDE = 0.2
"""The part of what speaks for a label that a feature must hold to have decided it."""
MOST_DECIDE = 3


class Telling(NamedTuple):
    """Discriminants of each of `SIZES`."""

    middle: Floats
    """(features,)"""
    spread: Floats
    """(features,)"""
    weights: Floats
    """(sizes, features, classes): 0 for the features that a discriminant does without."""
    offsets: Floats
    """(sizes, classes)"""

    @classmethod
    def of(cls, features: Floats, labels: Ints, classes: int) -> Telling:
        """Learnt from (n, features) with labels (n,), 0..classes-1. Nothing is told where all labels are one."""
        width = features.shape[1]
        weights, offsets = np.zeros((len(SIZES), width, classes)), np.zeros((len(SIZES), classes))
        counts = np.bincount(labels, minlength=classes)
        if np.count_nonzero(counts) < 2:
            return cls(np.zeros(width), np.ones(width), weights, offsets + np.log(counts + 1.0))
        told = cls(features.mean(axis=0), features.std(axis=0) + 1e-6, weights, offsets)
        standard = told._standard(features)
        sums = np.eye(classes)[labels].T @ standard
        apart = (np.square(sums) / np.maximum(counts, 1)[:, None]).sum(axis=0)
        best = np.argsort(-apart, kind="stable")
        for place, size in enumerate(SIZES):
            some = best[:size]
            weights[place, some], offsets[place] = fitted(standard[:, some], labels, classes)
        return told

    def scores(self, features: Floats) -> Floats:
        """(sizes, n, classes): log-likelihoods, of (n, features)."""
        scores: Floats = self._standard(features) @ self.weights + self.offsets[:, None]
        return scores

    def decided(self, place: int, features: Floats, chosen: Ints, shares: Floats) -> Ints:
        """(n, MOST_DECIDE): which features speak for the classes `chosen` (n,), by the discriminant at that place.

        The heaviest first: c + 1 where column c lies above its middle, -(c + 1) below; 0 where no further one decided.
        `shares`, (classes,), are how frequent each class is, beside which one is chosen.
        """
        beside = self.weights[place] - (self.weights[place] @ shares)[:, None]
        standard = self._standard(features)
        speaks = np.maximum(standard * beside.T[chosen], 0)
        first = np.argsort(-speaks, axis=1, kind="stable")[:, :MOST_DECIDE]
        heavy = np.take_along_axis(speaks, first, axis=1) > _DECIDE * speaks.sum(axis=1, keepdims=True)
        signs = np.where(np.take_along_axis(standard, first, axis=1) > 0, 1, -1)
        return np.where(heavy, signs * (first + 1), 0)

    def _standard(self, features: Floats) -> Floats:
        return np.clip((features - self.middle) / self.spread, -_WIDEST, _WIDEST)

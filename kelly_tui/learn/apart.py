"""Whether two kinds of samples can be told apart by their features: the adversarial check.

A linear model that learns to tell test from train should fail: if it doesn't, the lists hold different music. How well
it does is the area under the ROC curve (AUC): the chance that it ranks one of each kind rightly, 0.5 for a guess.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.report import Apart

Floats = NDArray[np.float64]

FEWEST = 20
"""Of each kind: with fewer the interval says nothing."""
_FOLDS = 5
_CORRECTION = (1 / _FOLDS + 1 / (_FOLDS - 1)) * _FOLDS
"""How much more the mean over folds varies than if they had learnt from different rows: Nadeau and Bengio, "Inference
for the generalization error" (2003)."""
_RIDGE = 0.1
"""Of the weights, as a part of how many samples there are: features are many and correlated."""
_Z = 1.959964
"""Of 95 %."""


def told_apart(first: Floats, second: Floats, what: str, versus: str) -> Apart:
    """How well a model that never saw them tells rows of `first` from those of `second`, both (n, features).

    Ridge regression on the kind, of standardised features, five folds. Rows must not depend on each other: one of a
    group. Broken numbers count as the mean. Where either kind has fewer than `FEWEST` rows, there is no AUC.
    """
    counts = (len(first), len(second))
    if min(counts) < FEWEST:
        return Apart(what, versus, *counts)
    rows = np.concatenate((first, second))
    rows[~np.isfinite(rows)] = np.nan
    kind = np.concatenate((np.ones(len(first)), np.zeros(len(second))))
    fold = np.concatenate([np.arange(count) % _FOLDS for count in counts])
    rights = pairs = 0.0
    for number in range(_FOLDS):
        held = fold == number
        scores = _fitted(rows[~held], kind[~held], rows[held])
        ones, zeros = scores[kind[held] == 1], scores[kind[held] == 0]
        rights += auc(ones, zeros) * len(ones) * len(zeros)
        pairs += len(ones) * len(zeros)
    found = rights / pairs
    worth = [count / _CORRECTION for count in counts]
    return Apart(what, versus, *counts, found, *interval(found, *worth))


def _fitted(rows: Floats, kind: Floats, unseen: Floats) -> Floats:
    """The scores of `unseen`, by what `rows` teach: each kind weighs the same."""
    known = np.isfinite(rows)
    mean = np.where(known, rows, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    rows = np.where(known, rows, mean) - mean
    spread = rows.std(axis=0)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    rows = rows * scale
    weight = np.where(kind == 1, 0.5 / (kind == 1).sum(), 0.5 / (kind == 0).sum())
    centre = weight @ rows
    rows = rows - centre
    target = np.where(kind == 1, 0.5, -0.5)
    weights = np.linalg.solve(
        (rows * weight[:, None]).T @ rows + _RIDGE * np.eye(rows.shape[1]), (rows.T @ (weight * target))
    )
    unseen = (np.where(np.isfinite(unseen), unseen, mean) - mean) * scale - centre
    scores: Floats = unseen @ weights
    return scores


def auc(ones: Floats, zeros: Floats) -> float:
    """The share of pairs in which the one is the greater; equal ones count half (Mann and Whitney, 1947)."""
    ordered = np.sort(zeros)
    below = np.searchsorted(ordered, ones, "left") + np.searchsorted(ordered, ones, "right")
    return float(below.sum() / (2 * len(ones) * len(zeros)))


def interval(found: float, ones: float, zeros: float) -> tuple[float, float]:
    """95 % of an AUC from so many of each kind, sound at 0 and 1 too.

    Method 5 of Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2"
    (2006): the values from which `found` is 1.96 standard errors away, by the formula of Hanley and McNeil (1982).
    """
    return _limit(found, 0.0, ones, zeros), _limit(found, 1.0, ones, zeros)


def _limit(found: float, end: float, ones: float, zeros: float) -> float:
    """Between `found` and `end`, by halving."""
    near, far = found, end
    for _ in range(50):
        middle = (near + far) / 2
        more = (ones + zeros) / 2 - 1
        spread = middle * (1 - middle) * (1 + more * ((1 - middle) / (2 - middle) + middle / (1 + middle)))
        if abs(middle - found) <= _Z * math.sqrt(spread / (ones * zeros)):
            near = middle
        else:
            far = middle
    return (near + far) / 2

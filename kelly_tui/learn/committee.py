"""What several small models, none of which saw a sample's group, say of its label together.

Discriminants (Fisher, 1936) whose covariance is shrunk by Ledoit and Wolf (2004), and nearest neighbours, on some
views of the same features; other forecasters may be added. How far each is believed beside the others and the bare
shares of the labels is measured where they were held out, without the fold that is judged. All is closed form or a few
products of matrices: a second for ten thousand samples, the same result each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FOLDS = 8
NEIGHBOURS = 15
MOST = 4000
"""Labelled samples that neighbours are looked for among."""

_SOFTER = np.geomspace(0.05, 1.5, 15)
"""By what the scores of discriminants, which take features for more independent than they are, may be multiplied."""
_DOUBT = 0.03
"""Of a discriminant that is sure: it never is."""
_STEPS = 60
_EVEN = 2.0
"""Samples' worth of evidence, for each model, that all are to be believed alike."""
_CLASS_PRIOR = 2.0
"""Samples' worth of evidence that a class lies in the middle of all."""
_ROWS = 500
"""Samples whose neighbours are looked for at once."""


class Known(NamedTuple):
    """n labelled samples."""

    views: tuple[Floats, ...]
    """Each (n, features), finite."""
    groups: Ints
    """(n,): samples of one group belong together."""
    labels: Ints
    """(n,): 0..classes-1."""
    classes: int


def folds_of(groups: Ints) -> Ints:
    """(n,): groups are dealt out in turn, each whole."""
    return (np.unique(groups, return_inverse=True)[1] % FOLDS).astype(np.int64)


def held_out(known: Known, teachers: Flags | None = None, others: Sequence[Floats] = ()) -> Floats:
    """(n, classes): the probability of each label, from the labels of other groups alone.

    `teachers` are the samples learnt from, by default all. `others` are more forecasts, (n, classes), held out alike.
    """
    taught = np.ones(len(known.labels), np.bool_) if teachers is None else teachers
    folds = folds_of(known.groups)
    scores = [_discriminant(view, known, folds, taught) for view in known.views]
    forecasts = [_neighbours(view, known, taught) for view in known.views] + list(others)
    together = np.zeros((len(known.labels), known.classes))
    for fold in np.unique(folds).tolist():
        here, there = folds == fold, (folds != fold) & taught
        shares = np.bincount(known.labels[there], minlength=known.classes) + 1.0
        spoken = [np.tile(shares / shares.sum(), (len(known.labels), 1)), *forecasts]
        spoken += [_softened(score, known.labels, there) for score in scores]
        for belief, one in zip(_beliefs(spoken, known.labels, there), spoken, strict=True):
            together[here] += belief * one[here]
    return together


def _standard(view: Floats, by: Flags) -> Floats:
    return (view - view[by].mean(axis=0)) / (view[by].std(axis=0) + 1e-6) if by.any() else view


def _discriminant(view: Floats, known: Known, folds: Ints, taught: Flags) -> Floats:
    """(n, classes): log-likelihoods, each sample's by a fit without its fold."""
    scores = np.zeros((len(view), known.classes))
    for fold in np.unique(folds).tolist():
        there = (folds != fold) & taught
        if there.any():
            standard = np.clip(_standard(view, there), -8.0, 8.0)
            here = folds == fold
            weights, offsets = fitted(standard[there], known.labels[there], known.classes)
            scores[here] = standard[here] @ weights + offsets
    return scores


def fitted(features: Floats, labels: Ints, classes: int) -> tuple[Floats, Floats]:
    """The discriminant of (n, features) by labels (n,): weights (features, classes) and offsets (classes,) of scores.

    Features about their means. Scores are log-likelihoods of the classes, but for what is the same for all.
    """
    counts = np.bincount(labels, minlength=classes)
    means = np.zeros((classes, features.shape[1]))
    np.add.at(means, labels, features)
    means /= (counts + _CLASS_PRIOR)[:, None]
    rest = features - means[labels]
    covariance = _shrunk(rest)
    weights: Floats = np.linalg.solve(covariance, means.T).astype(np.float64)
    offsets: Floats = np.log((counts + 1) / (len(labels) + classes)) - (means.T * weights).sum(axis=0) / 2
    return weights, offsets


def _shrunk(rest: Floats) -> Floats:
    """The covariance of what is left of features, drawn towards a multiple of the unit matrix."""
    count, size = rest.shape
    covariance = rest.T @ rest / count
    middle = np.trace(covariance) / size
    away = float(np.square(covariance - middle * np.eye(size)).sum())
    chance = float(np.square(np.square(rest).sum(axis=1)).sum() / count**2 - np.square(covariance).sum() / count)
    share = min(max(chance / max(away, 1e-12), 0.01), 1.0)
    shrunk: Floats = (1 - share) * covariance + (share * middle + 1e-6) * np.eye(size)
    return shrunk


def _softened(scores: Floats, labels: Ints, by: Flags) -> Floats:
    """Probabilities from log-likelihoods, as soft as suits the samples `by`."""
    best, chosen = -np.inf, scores
    for softer in _SOFTER:
        raised = np.exp(softer * (scores - scores.max(axis=1, keepdims=True)))
        shares = (1 - _DOUBT) * raised / raised.sum(axis=1, keepdims=True) + _DOUBT / scores.shape[1]
        fit = float(np.log(shares[by, labels[by]]).sum())
        if fit > best:
            best, chosen = fit, shares
    return chosen


def _neighbours(view: Floats, known: Known, taught: Flags) -> Floats:
    """(n, classes): the labels of the nearest of other groups, each class with half a sample beforehand."""
    places = np.flatnonzero(taught)
    if len(places) > MOST:
        places = places[np.linspace(0, len(places) - 1, MOST).astype(np.int64)]
    standard = _standard(view, taught)
    ones, lengths = standard[places], np.square(standard[places]).sum(axis=1)
    labels, groups = known.labels[places], known.groups[places]
    nearest = min(NEIGHBOURS, len(places))
    counted = np.full((len(view), known.classes), 0.5)
    for start in range(0, len(view) if nearest else 0, _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(view)))
        far = lengths - 2 * standard[rows] @ ones.T
        far[known.groups[rows][:, None] == groups] = np.inf
        near = np.argpartition(far, nearest - 1, axis=1)[:, :nearest]
        strange = np.isfinite(np.take_along_axis(far, near, axis=1))
        np.add.at(counted, (np.repeat(rows, nearest)[strange.ravel()], labels[near].ravel()[strange.ravel()]), 1.0)
    shares: Floats = counted / counted.sum(axis=1, keepdims=True)
    return shares


def _beliefs(forecasts: Sequence[Floats], labels: Ints, by: Flags) -> Floats:
    """(forecasts,): the shares of a mixture, by expectation and maximisation over the samples `by`."""
    chances = np.column_stack([one[by, labels[by]] for one in forecasts])
    beliefs = np.full(len(forecasts), 1 / len(forecasts))
    for _ in range(_STEPS):
        credit = beliefs * chances
        credit /= np.maximum(credit.sum(axis=1, keepdims=True), 1e-12)
        beliefs = (credit.sum(axis=0) + _EVEN) / (len(chances) + _EVEN * len(forecasts))
    return beliefs

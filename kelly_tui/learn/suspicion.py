"""How likely a label is wrong, from what others' labels and the music say.

Labels are taken to be wrong as often as in well-known test sets (Northcutt, Athalye and Mueller, 2021, "Pervasive label
errors": 3.3 % on average, 6 in several). Which are is told by a forecast that the label had no part in, beside how sure
such forecasts are of those who carry the same label (confident learning: Northcutt, Jiang and Chuang, 2021). How far
that is to be believed is tried out on the very labels: some are made wrong, and looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

import numpy as np

from kelly_tui.learn.committee import FOLDS, Floats, Ints, Known, held_out

WRONG = 0.05
"""The share of labels that are wrong, before anything is heard."""

FEWEST = 20
"""Labels without which none is judged."""
FEWEST_OF_A_CLASS = 3
"""Groups of a class without which what it sounds like is not known, and its labels are not judged."""

_BROAD = 5.0
"""So many samples of a class make half of what is expected of it; the rest is what is expected of all."""
_PLANTED = 60
"""Labels that are made wrong on purpose, in a few rounds, to see how they are found."""
_ROUNDS = (2, 8)
_PATTERN = 1500
"""Samples on which that is tried, at most."""
_HELD = 4.0
"""By how many labels' worth of evidence what Bayes' rule says is held to."""
_STEPS = 30

Forecast = Callable[[Known], Sequence[Floats]]
"""Further forecasts of known samples, (n, classes) each, held out by group."""


def _none(known: Known) -> Sequence[Floats]:
    return ()


class Judged(NamedTuple):
    """What is found of n labels."""

    forecasts: Floats
    """(n, classes): what each label would be, from those of other groups."""
    wrong: Floats
    """(n,): the probability that it is wrong."""


def judge(known: Known, others: Forecast = _none) -> Judged:
    """How likely each label is wrong. Deterministic."""
    forecasts = held_out(known, others=others(known))
    steep, shift = _believed(known, others)
    return Judged(forecasts, _beside_errors(_share(steep * _log_odds(suspicions(forecasts, known.labels)) + shift)))


def reason_not_to(labels: Ints, groups: Ints, classes: Sequence[str]) -> str:
    """Why labels like these can't be judged; empty where they can. Labels are 0..classes-1."""
    there = np.unique(labels)
    if not len(labels):
        return "nobody has given any"
    if len(there) < 2:
        return f"all are {classes[there[0]]}"
    if len(labels) < FEWEST:
        return f"{len(labels)} are too few: {FEWEST} are needed"
    if len(np.unique(groups)) < FOLDS:
        return f"all are of {len(np.unique(groups))} pieces: {FOLDS} are needed"
    known = well_known(labels, groups)
    if len(np.unique(labels[known])) < 2:
        return f"no two of them are given to {FEWEST_OF_A_CLASS} pieces or more"
    return ""


def well_known(labels: Ints, groups: Ints) -> Ints:
    """The places of those whose label is given in enough groups."""
    pairs = np.unique(np.column_stack([labels, groups]), axis=0)
    spread = np.bincount(pairs[:, 0], minlength=int(labels.max(initial=0)) + 1)
    return np.flatnonzero(spread[labels] >= FEWEST_OF_A_CLASS)


def suspicions(forecasts: Floats, labels: Ints) -> Floats:
    """(n,): by Bayes' rule, how likely each label is wrong; `forecasts` (n, classes) had no part in it."""
    number, classes = forecasts.shape
    if classes < 2 or not number:
        return np.zeros(number)
    own = forecasts[np.arange(number), labels]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=own, minlength=classes)
    expected = (sums + _BROAD * own.mean()) / (counts + _BROAD)
    beside = forecasts / np.maximum(expected, 1e-6)
    right = (1 - WRONG) * beside[np.arange(number), labels]
    wrong = WRONG / (classes - 1) * (beside.sum(axis=1) - beside[np.arange(number), labels])
    share: Floats = wrong / np.maximum(wrong + right, 1e-12)
    return share


def contradicted(sure: float) -> float:
    """How likely a label is wrong of which a detector that is right `sure` of the time says otherwise.

    Either the label is wrong, whatever the detector hears, or it is right and the detector wrong.
    """
    doubt = 1 - min(max(sure, 0.0), 0.99)
    return WRONG / (WRONG + (1 - WRONG) * doubt)


def agreed(sure: float) -> float:
    """The same of a label that the detector says too: both would have to be wrong."""
    doubt = 1 - min(max(sure, 0.0), 0.99)
    return WRONG * doubt / (WRONG * doubt + (1 - WRONG) * (1 - doubt) + 1e-12)


def planted(labels: Ints, classes: int, random: np.random.Generator, share: float = WRONG) -> tuple[Ints, Ints]:
    """Labels of which a share is another that occurs, and the places of these."""
    there = np.unique(labels)
    places = random.choice(len(labels), max(1, round(share * len(labels))), replace=False)
    changed = labels.copy()
    at = np.searchsorted(there, labels[places])
    changed[places] = there[(at + random.integers(1, len(there), len(places))) % len(there)]
    return changed, places


def _believed(known: Known, others: Forecast) -> tuple[float, float]:
    """What the log-odds of suspicions are to be multiplied by, and what is added: Platt's (1999) two numbers."""
    random = np.random.default_rng(0)
    if len(known.labels) > _PATTERN:
        known = _only(known, np.sort(random.choice(len(known.labels), _PATTERN, replace=False)))
    rounds = min(max(ceil(_PLANTED / (WRONG * len(known.labels))), _ROUNDS[0]), _ROUNDS[1])
    odds, made_wrong = [], []
    for _ in range(rounds):
        labels, places = planted(known.labels, known.classes, random)
        tried = known._replace(labels=labels)
        odds.append(_log_odds(suspicions(held_out(tried, others=others(tried)), labels)))
        made_wrong.append(np.isin(np.arange(len(labels)), places))
    return _platt(np.concatenate(odds), np.concatenate(made_wrong).astype(np.float64))


def _beside_errors(planted: Floats) -> Floats:
    """How likely a label is wrong, from how likely it would be one that was planted.

    Where as many were wrong already as are planted, an error is wrong `planted / (1 - planted)` of the time, about:
    its likes were taken for right ones. Where none was, that is `planted` itself. Which holds is not known: where the
    first would be more than sure, it is the middle between being sure and the second.
    """
    return np.minimum((1 - WRONG) * planted / np.maximum(1 - planted, 1e-9), (1 + planted) / 2)


def _only(known: Known, places: Ints) -> Known:
    views = tuple(view[places] for view in known.views)
    return Known(views, known.groups[places], known.labels[places], known.classes)


def _platt(odds: Floats, true: Floats) -> tuple[float, float]:
    """A logit of one number, held to (1, 0), by Newton's steps."""
    columns = np.column_stack([odds, np.ones(len(odds))])
    start = np.array([1.0, 0.0])
    weights = start.copy()
    for _ in range(_STEPS):
        said = _share(columns @ weights)
        slope = columns.T @ (true - said) - _HELD * (weights - start)
        curve = (columns * (said * (1 - said))[:, None]).T @ columns + _HELD * np.eye(2)
        weights += np.clip(np.linalg.solve(curve, slope), -1.0, 1.0)
    return max(float(weights[0]), 0.0), float(weights[1])


def _log_odds(shares: Floats) -> Floats:
    inside = np.clip(shares, 1e-9, 1 - 1e-9)
    odds: Floats = np.log(inside / (1 - inside))
    return odds


def _share(odds: Floats) -> Floats:
    share: Floats = 1 / (1 + np.exp(-np.clip(odds, -30.0, 30.0)))
    return share

"""Would a model learn from this? Small models are taught some groups of a dataset and asked about others.

Accuracy and macro F1 (the mean of the classes' F1) with intervals of 95 % by drawing groups anew (Efron, 1979), beside
the share of the commonest class. Where that would mean nothing, a reason stands in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kelly_tui.learn.committee import Flags, Floats, Ints, Known, held_out
from kelly_tui.learn.suspects import KINDS, given_labels, rows_of, seen
from kelly_tui.learn.suspicion import reason_not_to
from kelly_tui.model.probe import Confusion, Estimate, Probe, Score
from kelly_tui.store.splits import groups

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

FEWEST_GROUPS = 5
"""Groups of a class without which it is left out."""
NEXT = 50
"""Labels that are thought to be added."""
SHARES = (0.25, 0.5, 0.75)
"""Of the groups, for the learning curve; all are its last point."""

_DRAWS = 500
_ROUNDS, _DROPS = 3, 6
"""How often groups are drawn for a point of the curve, and labels taken away for what the next would bring."""
MOST = 4000
"""Samples that are looked at, spread evenly."""
_TELLS_ALL = 0.97
"""A feature that alone is right so often holds the label."""
_LIKES = 0.05
"""The share of samples with a likeness in another group that is an alarm."""
_ALIKE = 0.02
"""Two samples are a likeness at that part of the usual distance of neighbours."""


def probe(catalogue: Catalogue) -> tuple[Probe, ...]:
    """Probe a dataset, each type of file that it holds; some seconds, and the same each time."""
    given = given_labels(catalogue, "1", "'detector', 'model'")
    field, choices = catalogue.config.model.main_label, catalogue.config.main_choices
    groups_of = given.groups(groups(catalogue))
    found = []
    for number, kind in enumerate(KINDS):
        named = np.flatnonzero((given.kind == number) & (given.main >= 0))
        if len(named) > MOST:
            named = named[np.linspace(0, len(named) - 1, MOST).astype(int)]
        rows, places = rows_of(catalogue, given, named)
        if not rows:
            if (given.kind == number).any() or (given.broken and kind == "midi" and not len(given.rowids)):
                reason = Score("real", why_not=f"no sample has the label {field}")
                found.append(Probe(kind, field, (reason,), broken=given.broken))
            continue
        labels = np.array([choices.index(row.main or "") for row in rows], np.int64)
        origins = np.array([row.origin for row in rows])
        views = seen(rows, groups_of[places], labels, len(choices)).known.views
        one = probed(kind, field, choices, views, groups_of[places], labels, origins)
        found.append(msgspec.structs.replace(one, broken=given.broken))
    return tuple(found)


def probed(
    kind: str, field: str, choices: Sequence[str], views: Sequence[Floats], groups: Ints, labels: Ints, origins: Flags
) -> Probe:
    """Probe n samples: `views` each (n, features), `origins` (n,) imported, augmented or generated."""
    real = origins == "imported"
    kept, left_out = _in_enough_groups(labels, groups, real)
    refused = _refused(labels[real], groups[real], kept[real], choices)
    if refused:
        kept, left_out = _in_enough_groups(labels, groups, np.ones(len(labels), np.bool_))
    names = tuple(choices[place] for place in left_out)
    everything = Known(tuple(view[kept] for view in views), groups[kept], labels[kept], len(choices))
    real, origins = real[kept], origins[kept]
    everyone = np.ones(len(real), np.bool_)
    scores, curve, gains, confusion = [Score("real", why_not=refused)], [], {}, None
    if not refused:
        alone = held_out(everything, real).argmax(axis=1)
        scores = [_score("real", everything, alone, real, real)]
        for name in ("augmented", "generated"):
            more = real | (origins == name)
            if more.sum() > real.sum():
                told = held_out(everything, more).argmax(axis=1)
                scores.append(_score(f"real, taught by {name} ones too", everything, told, real, more))
        confusion = _confusion(everything, alone, real, choices)
        curve = _curve(everything, real, alone)
        gains = _gains(everything, real, alone, choices)
    if not real.all():
        why_not = _refused(labels, groups, kept, choices)
        told = None if why_not else held_out(everything).argmax(axis=1)
        one = Score("all", why_not=why_not) if told is None else _score("all", everything, told, everyone, everyone)
        scores.append(one)
        if told is not None and confusion is None:
            confusion = _confusion(everything, told, everyone, choices)
    alarms = _alarms(everything, real if real.any() else everyone)
    return Probe(kind, field, tuple(scores), tuple(curve), gains, tuple(alarms), names, confusion=confusion)


def _refused(labels: Ints, groups: Ints, kept: Flags, choices: Sequence[str]) -> str:
    """Why there is no figure; empty where there is one."""
    if reason := reason_not_to(labels, groups, choices):
        return reason
    if len(np.unique(labels[kept])) < 2:
        return f"fewer than two classes have {FEWEST_GROUPS} pieces"
    return reason_not_to(labels[kept], groups[kept], choices)


def _in_enough_groups(labels: Ints, groups: Ints, real: Flags) -> tuple[Flags, list[int]]:
    pairs = np.unique(np.column_stack([labels[real], groups[real]]), axis=0)
    spread = np.bincount(pairs[:, 0], minlength=int(labels.max(initial=0)) + 1)
    return spread[labels] >= FEWEST_GROUPS, [int(one) for one in np.unique(labels) if spread[one] < FEWEST_GROUPS]


def _confusions(known: Known, told: Ints, asked: Flags) -> Floats:
    """(groups, classes, classes): what was true and what was told, counted by group."""
    group = np.unique(known.groups[asked], return_inverse=True)[1]
    counted = np.zeros((int(group.max(initial=-1)) + 1, known.classes, known.classes))
    np.add.at(counted, (group, known.labels[asked], told[asked]), 1.0)
    return counted


def _confusion(known: Known, told: Ints, asked: Flags, choices: Sequence[str]) -> Confusion:
    """All groups together, of the classes that are there or were told."""
    whole = _confusions(known, told, asked).sum(axis=0).astype(int)
    there = np.flatnonzero(whole.any(axis=0) | whole.any(axis=1)).tolist()
    counts = tuple(tuple(int(whole[one, other]) for other in there) for one in there)
    return Confusion(tuple(choices[one] for one in there), counts)


def _f1(confusions: Floats) -> Floats:
    """(…,): macro F1 over the classes that there are, of (…, classes, classes)."""
    right = np.diagonal(confusions, axis1=-2, axis2=-1)
    true, told = confusions.sum(axis=-1), confusions.sum(axis=-2)
    scores = 2 * right / np.maximum(true + told, 1e-9)
    mean: Floats = (scores * (true > 0)).sum(axis=-1) / np.maximum((true > 0).sum(axis=-1), 1)
    return mean


def _drawn(confusions: Floats) -> Floats:
    """(draws, classes, classes): the same of as many groups, drawn anew."""
    number = len(confusions)
    times = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), _DRAWS)
    return np.tensordot(times.astype(np.float64), confusions, axes=1)


def _estimate(value: float, draws: Floats) -> Estimate:
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(round(float(value), 4), round(float(low), 4), round(float(high), 4))


def _score(name: str, known: Known, told: Ints, asked: Flags, taught: Flags) -> Score:
    counted = _confusions(known, told, asked)
    whole, draws = counted.sum(axis=0), _drawn(counted)
    right = np.trace(draws, axis1=1, axis2=2) / np.maximum(draws.sum(axis=(1, 2)), 1)
    return Score(
        name,
        int(asked.sum()),
        len(counted),
        int(taught.sum()),
        _estimate(float(np.trace(whole) / whole.sum()), right),
        _estimate(float(_f1(whole)), _f1(draws)),
        round(float(whole.sum(axis=1).max() / whole.sum()), 4),
    )


def _curve(known: Known, real: Flags, alone: Ints) -> list[tuple[int, float]]:
    """Macro F1 by how many are learnt from, whole groups of them, drawn."""
    random, there = np.random.default_rng(0), np.unique(known.groups[real])
    points = []
    for share in SHARES:
        sizes, reached = [], []
        for _ in range(_ROUNDS):
            some = random.choice(there, max(2, round(share * len(there))), replace=False)
            taught = real & np.isin(known.groups, some)
            told = held_out(known, taught).argmax(axis=1)
            sizes.append(taught.sum())
            reached.append(float(_f1(_confusions(known, told, real).sum(axis=0))))
        points.append((round(float(np.mean(sizes))), round(float(np.mean(reached)), 4)))
    return [*points, (int(real.sum()), round(float(_f1(_confusions(known, alone, real).sum(axis=0))), 4))]


def _gains(known: Known, real: Flags, alone: Ints, choices: Sequence[str]) -> dict[str, Estimate]:
    """What the next labels of each class would add, from its last ones: errors fall with the root of how many."""
    random, gains = np.random.default_rng(0), {}
    full = _confusions(known, alone, real)
    for one in np.unique(known.labels[real]).tolist():
        places = np.flatnonzero(real & (known.labels == one))
        number, fewer = len(places), min(NEXT, len(places) // 2)
        without = np.zeros_like(full)
        for _ in range(_DROPS):
            taught = real.copy()
            taught[random.choice(places, fewer, replace=False)] = False
            without += _confusions(known, held_out(known, taught).argmax(axis=1), real) / _DROPS
        onward = (number**-0.5 - (number + NEXT) ** -0.5) / ((number - fewer) ** -0.5 - number**-0.5)
        drawn = onward * (_f1(_drawn(full)) - _f1(_drawn(without)))
        gains[choices[one]] = _estimate(onward * float(_f1(full.sum(axis=0)) - _f1(without.sum(axis=0))), drawn)
    return gains


def _alarms(known: Known, asked: Flags) -> list[str]:
    """Features that hold the label, and pieces that lie in several groups."""
    features, labels, groups = known.views[-1][asked], known.labels[asked], known.groups[asked]
    classes = len(np.unique(labels))
    if len(labels) < 2 * FEWEST_GROUPS or classes < 2:
        return []
    alarms = []
    for place in range(features.shape[1]):
        right = _by_one(features[:, place], labels, groups)
        if right >= _TELLS_ALL and right > np.bincount(labels).max() / len(labels) + 0.1:
            alarms.append(
                f"column {place} of the features alone tells the label of {100 * right:.0f} %: it may hold it"
            )
    share = _likenesses(features, groups)
    if share > _LIKES:
        alarms.append(f"{100 * share:.0f} % of the samples have their like in another group: what is held out is known")
    return alarms


def _by_one(feature: Floats, labels: Ints, groups: Ints) -> float:
    """How often the next in the order of one feature, of another group, has the same label."""
    order = np.argsort(feature, kind="stable")
    same, other = labels[order][1:] == labels[order][:-1], groups[order][1:] != groups[order][:-1]
    return float(same[other].mean()) if other.sum() > len(labels) / 2 else 0.0


def _likenesses(features: Floats, groups: Ints) -> float:
    """The share of samples that lie far nearer to one of another group than neighbours of other groups use to."""
    standard = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    lengths = np.square(standard).sum(axis=1)
    nearest = np.empty(len(standard))
    for start in range(0, len(standard), 500):
        rows = slice(start, start + 500)
        far = lengths[rows, None] + lengths - 2 * standard[rows] @ standard.T
        far[groups[rows, None] == groups] = np.inf
        nearest[rows] = np.sqrt(np.maximum(far.min(axis=1), 0.0))
    usual = float(np.sqrt(2 * features.shape[1]))  # of two that have nothing in common
    return float((nearest < _ALIKE * usual).mean())

"""Emotion, valence and arousal suggested from cues: by rules where nobody has labelled, by labels where many have.

Valence and arousal are linear in the cues, and each label lies in their plane (Russell's circumplex, 1980), so that
the rules give every label a probability. Both are priors: a ridge of the plane and a multinomial logit of the labels
begin at the rules and move as far as labels bear them out. How far the logit is to be believed beside the bare shares
of the labels, and beside discriminants on the few features that tell the labels apart (`kelly_tui.learn.telling`),
and how far valence and arousal are off, is measured on groups of samples that were held out. So the rules stand where
few have spoken, and the labels where they are clear.

A group (songs, versions, variants: `kelly_tui.store.splits`) never helps itself: what is suggested for it, and how
surely, comes from a fit and from measurements in which its labels had no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.learn.cues import CUES
from kelly_tui.learn.telling import MOST_DECIDE, SIZES, Telling
from kelly_tui.model.labels import EMOTION_PLACES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_RULES: dict[str, dict[str, tuple[float, float]]] = {
    "midi": {
        "profile": (0.20, 0.0),
        "mode": (0.10, 0.0),
        "density": (0.06, 0.20),
        "loudness": (0.0, 0.25),
        "tempo": (0.06, 0.10),
        "touch": (0.10, 0.05),
        "register": (0.05, 0.0),
    },
    "audio": {
        "profile": (0.20, 0.0),
        "mode": (0.10, 0.0),
        "density": (0.06, 0.20),
        "loudness": (0.0, 0.10),
        "tempo": (0.06, 0.05),
        "brightness": (0.0, 0.06),
        "steadiness": (0.0, 0.10),
        "bustle": (0.0, 0.30),
    },
}
"""What a cue adds to valence and to arousal. Directions and order are those of the reviews that `cues` names: valence
from mode first, arousal from loudness, density and tempo; the sizes are round numbers, chosen with
an ear on 160 labelled piano clips."""

SPREADS = (0.6, 0.42)
"""How far valence and arousal as people give them lie from the rules', about: standard deviations."""

_ANYWHERE = (0.65, 0.65)
"""How far the valence and arousal of music lie from the middle."""

_FOLDS = 8
_RULE_PRECISION, _STRETCH_PRECISION = 60.0, 2.0
"""By how many labels' worth of evidence the rules' weights with their middle, and their whole, are held.

The middle too: the places of emotions are not symmetric about it, and cues that say little would all be drawn to one
side."""
_CLASS_PRECISION, _SHARE_PRECISION = 16.0, 0.5
"""The same of the logit: its weights, and how frequent each label is."""
_PLACE_WEIGHT = 0.15
"""What an emotion's place in the plane counts as a label of valence and arousal, beside a number that someone gave:
little, as all that is called happy lies in one place."""
_MEASURED = 20.0
"""As many measurements as `SPREADS` is worth."""
_BELIEFS = np.array([6.0, 1.0, *([0.25] * len(SIZES))])
"""Of the logit, the bare shares and the discriminants, before anything is measured: in six cases of eight the logit is
right."""
_SOFTER = np.geomspace(0.05, 1.5, 15)
"""By what scores of discriminants, which take labels for clearer than they are, may be multiplied."""
_DOUBT = 0.03
"""Of a discriminant that is sure: it never is."""
_UNHEARD = -30.0
"""Log-odds of a label that has no place in the plane and that nobody has given yet."""
MOST = 4000
"""Labelled samples that a fit looks at: ten weights a label are not learnt better from more."""
_STEPS = 40


class Labelled(NamedTuple):
    """What is known of n samples of one type of file."""

    cues: Floats
    """(n, cues or more), see `kelly_tui.learn.cues`; any further features stand behind, finite, and only labels make
    them say something."""
    groups: Ints
    """(n,): samples of one group belong together."""
    emotions: Ints
    """(n,): the index of the label that a person or a folder gave; -1 where none did."""
    plane: Floats
    """(n, 2): valence and arousal that a person gave; nan where none did."""


class Forecast(NamedTuple):
    """What is suggested for n samples."""

    probabilities: Floats
    """(n, labels); each row adds up to 1, or is 0 where no label can be spoken of."""
    plane: Floats
    """(n, 2): valence and arousal, -1..1."""
    spreads: Floats
    """(n, 2): standard deviations."""
    decided: Ints
    """(n, 3): the columns of the cues and further features that decided, where labels did and not the rules, heaviest
    first: see `Telling.decided`."""


@cache
def _rule_weights(kind: str) -> Floats:
    """(cues + 1, 2): of the cues, and of a constant."""
    rules = _RULES[kind]
    return np.array([*(rules.get(cue, (0.0, 0.0)) for cue in CUES), (0.0, 0.0)])


def suggest(known: Labelled, labels: Sequence[str], kind: str) -> Forecast:
    """What the cues of samples of `kind`, ``midi`` or ``audio``, suggest; never from labels of their own group."""
    return Forecaster(known, labels, kind).of(known.cues, known.groups)


class Forecaster:
    """What labelled samples have taught, to be asked about any number of samples, some at a time."""

    def __init__(self, known: Labelled, labels: Sequence[str], kind: str) -> None:
        places = np.array([EMOTION_PLACES.get(label, (np.nan, np.nan)) for label in labels]).reshape(-1, 2)
        teachers = teachers_of(known)
        self._labels, self._groups = len(labels), known.groups[teachers]
        lessons = _Lessons.of(known.cues[teachers], known, teachers, places)
        folds = _folds(self._groups)
        self._teach = _Teacher(lessons, folds, places, _rule_weights(kind))
        self._fold_of_group = dict(zip(self._groups.tolist(), folds.tolist()))
        self._measured: dict[int, _Learnt] = {}
        self.learnt = len(teachers)
        """Labelled samples that it was learnt from."""
        named = teachers[known.emotions[teachers] >= 0]
        told = self.of(known.cues[named], known.groups[named]).probabilities
        self.named = len(named)
        """Of those, the ones whose emotion was given."""
        self.right = int((told.argmax(axis=1) == known.emotions[named]).sum()) if len(labels) else 0
        """Of these, the ones for which it was suggested, without their group's help."""
        self.pieces = len(np.unique(known.groups[named]))
        """How many groups these are of."""

    def of(self, cues: Floats, groups: Ints) -> Forecast:
        """Of n samples, by their cues, with the same further features as were learnt from, and groups (n,)."""
        fold = np.array([self._fold_of_group.get(group, -1) for group in groups.tolist()], np.int64)
        decided = np.zeros((len(cues), MOST_DECIDE), np.int64)
        probabilities, plane, spreads = (np.zeros((len(cues), size)) for size in (self._labels, 2, 2))
        for held_out in np.unique(fold).tolist():
            here = fold == held_out
            if held_out not in self._measured:
                self._measured[held_out] = self._teach.measured_without(held_out)
            learnt = self._measured[held_out]
            probabilities[here], plane[here] = learnt.probabilities(cues[here]), learnt.plane(cues[here])
            spreads[here] = learnt.spreads
            decided[here] = learnt.decided(cues[here], probabilities[here])
        return Forecast(probabilities, plane, spreads, decided)


def _with_constant(cues: Floats) -> Floats:
    """(n, cues + 1): without further features."""
    return np.column_stack([cues[:, : len(CUES)], np.ones(len(cues))])


def teachers_of(known: Labelled) -> Ints:
    """The samples to learn from: at most `MOST`, spread evenly over the labelled ones."""
    labelled = np.flatnonzero((known.emotions >= 0) | ~np.isnan(known.plane).all(axis=1))
    if len(labelled) > MOST:
        labelled = labelled[np.linspace(0, len(labelled) - 1, MOST).astype(np.int64)]
    return labelled


def _folds(groups: Ints) -> Ints:
    """The fold of each sample: groups are dealt out in turn, each whole, so that what they say plays no part."""
    _, number = np.unique(groups, return_inverse=True)
    return (number % _FOLDS).astype(np.int64)


class _Lessons(NamedTuple):
    """What labelled samples teach."""

    features: Floats
    """(n, cues or more)"""
    cues: Floats
    """(n, cues + 1)"""
    plane: Floats
    """(n, 2): where they lie; of no matter where its weight is 0."""
    weights: Floats
    """(n, 2)"""
    emotions: Ints
    """(n,)"""

    @classmethod
    def of(cls, features: Floats, known: Labelled, teachers: Ints, places: Floats) -> _Lessons:
        emotions, plane = known.emotions[teachers], known.plane[teachers]
        given = ~np.isnan(plane)
        meant = np.where((emotions >= 0)[:, None], places[emotions], np.nan) if len(places) else plane
        weights = np.where(given, 1.0, np.where(np.isnan(meant), 0.0, _PLACE_WEIGHT))
        plane = np.nan_to_num(np.where(given, plane, meant))
        return cls(features, _with_constant(features), plane, weights, emotions)

    def only(self, which: Flags) -> _Lessons:
        return _Lessons._make(column[which] for column in self)


class _Learnt(NamedTuple):
    """A fit: how cues become probabilities, valence and arousal."""

    plane_weights: Floats
    """(cues + 1, 2)"""
    class_weights: Floats
    """(cues + 1, labels)"""
    shares: Floats
    """(labels,): how frequent each is."""
    telling: Telling
    softer: Floats
    """(sizes,): by what the scores of discriminants are multiplied."""
    beliefs: Floats
    """Of the logit, the bare shares, and each discriminant."""
    spreads: Floats
    """(2,)"""

    def plane(self, cues: Floats) -> Floats:
        return np.clip(_with_constant(cues) @ self.plane_weights, -1.0, 1.0)

    def logit(self, cues: Floats) -> Floats:
        return _softmax(_with_constant(cues) @ self.class_weights)

    def probabilities(self, cues: Floats) -> Floats:
        if not self.shares.any():
            return np.zeros((len(cues), len(self.shares)))
        together: Floats = self.beliefs[0] * self.logit(cues) + self.beliefs[1] * self.shares
        if self.telling.weights.any():
            scores = self.telling.scores(cues)
            for belief, softer, one in zip(self.beliefs[2:], self.softer, scores, strict=True):
                together += belief * self.softened(one, softer)
        else:  # who can't tell labels apart leaves it to those who can
            together /= self.beliefs[:2].sum()
        return together

    def softened(self, scores: Floats, softer: float) -> Floats:
        """(n, labels): probabilities from the log-likelihoods of a discriminant, of labels that were heard."""
        spoken = np.where(self.shares > 0, softer * scores, _UNHEARD)
        softened: Floats = (1 - _DOUBT) * _softmax(spoken) + _DOUBT * self.shares
        return softened

    def decided(self, cues: Floats, probabilities: Floats) -> Ints:
        """See `Forecast`; zeros where the rules are believed more than the discriminants are."""
        if not self.telling.weights.any() or self.beliefs[0] >= self.beliefs[2:].sum():
            return np.zeros((len(cues), MOST_DECIDE), np.int64)
        best = int(self.beliefs[2:].argmax())
        return self.telling.decided(best, cues, probabilities.argmax(axis=1), self.shares)


class _Teacher:
    """Fits on all lessons but those of some folds, and measures fits on the folds that they did without."""

    def __init__(self, lessons: _Lessons, folds: Ints, places: Floats, rules: Floats) -> None:
        self._lessons, self._folds, self._places, self._rules = lessons, folds, places, rules
        self._fits: dict[frozenset[int], _Learnt] = {}
        there = np.unique(folds).tolist()
        for pair in combinations(there, 2):  # what is measured below, each once
            self._fits[frozenset(pair)] = self._fit(frozenset(pair))

    def measured_without(self, fold: int) -> _Learnt:
        """The fit without `fold` (-1: with all), and how it does on folds that it, in turn, did not see."""
        learnt = self._fit(frozenset({fold}))
        blinds: list[tuple[_Learnt, _Lessons]] = []
        errors: list[Floats] = []
        weights: list[Floats] = []
        for other in np.unique(self._folds[self._folds != fold]).tolist():
            without = frozenset({fold, other} - {-1})
            blind = self._fits.setdefault(without, self._fit(without)) if len(without) == 1 else self._fits[without]
            seen = self._lessons.only(self._folds == other)
            if blind.shares.any():
                blinds.append((blind, seen.only(seen.emotions >= 0)))
            errors.append((blind.plane(seen.features) - seen.plane) ** 2)
            weights.append(seen.weights)
        softer, beliefs = _measured(blinds)
        return learnt._replace(softer=softer, beliefs=beliefs, spreads=_spreads(errors, weights))

    def _fit(self, without: frozenset[int]) -> _Learnt:
        lessons = self._lessons.only(~np.isin(self._folds, list(without)))
        plane_weights = _plane_fit(lessons, self._rules)
        prior = _class_prior(plane_weights, self._places)
        named = lessons.only(lessons.emotions >= 0)
        heard = np.bincount(named.emotions, minlength=len(self._places)).astype(np.float64)
        spoken = (heard > 0) | ~np.isnan(self._places[:, 0])
        prior[-1, ~spoken] = _UNHEARD
        class_weights = _class_fit(named, prior)
        class_weights[-1, ~spoken] = _UNHEARD
        shares = np.where(spoken, heard + 1.0, 0.0)
        shares /= max(shares.sum(), 1.0)
        telling = Telling.of(named.features, named.emotions, len(self._places))
        return _Learnt(plane_weights, class_weights, shares, telling, *_measured([]), np.array(SPREADS))


def _plane_fit(lessons: _Lessons, rules: Floats) -> Floats:
    """(cues + 1, 2): ridge regression towards the rules, in closed form.

    What the rules say as a whole may be stretched and moved by few labels, each cue's own part only by many.
    """
    held = np.diag([*([_RULE_PRECISION] * (len(CUES) + 1)), _STRETCH_PRECISION])
    fitted = []
    for axis in (0, 1):
        rule, weights = rules[:, axis], lessons.weights[:, axis]
        cues = np.column_stack([lessons.cues, lessons.cues @ rule])
        off = (lessons.plane[:, axis] - cues[:, -1]) * weights
        change = np.linalg.solve((cues * weights[:, None]).T @ cues + held, cues.T @ off)
        fitted.append(rule * (1 + change[-1]) + change[:-1])
    return np.column_stack(fitted)


def _class_prior(plane_weights: Floats, places: Floats) -> Floats:
    """(cues + 1, labels): the logit of labels that are all as frequent, by how likely each place is from what is heard.

    How likely a place is says a normal distribution around what is heard, over the one that places have anyway: cues
    that told nothing would leave all labels alike, and not favour those in the middle.
    """
    there = np.nan_to_num(places)
    prior: Floats = plane_weights @ (there / np.square(SPREADS)).T
    prior[-1] -= (np.square(there) * (1 / np.square(SPREADS) - 1 / np.square(_ANYWHERE))).sum(axis=1) / 2
    return prior


def _class_fit(named: _Lessons, prior: Floats) -> Floats:
    """(cues + 1, labels): multinomial logit, held to `prior`.

    Newton steps under Böhning's (1992) bound of the curvature: each betters the fit, and the bound is inverted once.
    """
    held = np.array([*([_CLASS_PRECISION] * len(CUES)), _SHARE_PRECISION])
    if not len(named.cues):
        return prior.copy()
    said = np.zeros((len(named.cues), prior.shape[1]))
    said[np.arange(len(said)), named.emotions] = 1.0
    step = np.linalg.inv(named.cues.T @ named.cues / 2 + np.diag(held))
    weights = prior.copy()
    for _ in range(_STEPS):
        slope = named.cues.T @ (said - _softmax(named.cues @ weights)) - held[:, None] * (weights - prior)
        weights += step @ slope
    return weights


def _measured(blinds: Sequence[tuple[_Learnt, _Lessons]]) -> tuple[Floats, Floats]:
    """How soft each discriminant is to be, and how far each forecaster is to be believed beside the others: by the
    chances that fits gave what came true, of samples that they did not see.
    """
    softer = np.full(len(SIZES), _SOFTER[0])
    chances = np.empty((0, len(_BELIEFS)))
    if blinds:
        said = [(np.arange(len(seen.emotions)), seen.emotions) for _, seen in blinds]
        scores = [blind.telling.scores(seen.features) for blind, seen in blinds]
        of_rules = [
            np.column_stack([blind.logit(seen.features)[at], blind.shares[at[1]]])
            for (blind, seen), at in zip(blinds, said, strict=True)
        ]
        columns = []
        for size in range(len(SIZES)):
            tried = [
                np.concatenate(
                    [
                        blind.softened(score[size], soft)[at]
                        for (blind, _), score, at in zip(blinds, scores, said, strict=True)
                    ]
                )
                for soft in _SOFTER
            ]
            best = int(np.argmax([np.log(np.maximum(one, 1e-12)).sum() for one in tried]))
            softer[size] = _SOFTER[best]
            columns.append(tried[best])
        chances = np.column_stack([np.concatenate(of_rules), *columns])
    return softer, _beliefs(chances)


def _beliefs(chances: Floats) -> Floats:
    """(forecasters,): the shares of a mixture, by expectation and maximisation, held to `_BELIEFS`."""
    beliefs: Floats = _BELIEFS / _BELIEFS.sum()
    for _ in range(_STEPS if len(chances) else 0):
        credit = beliefs * chances
        credit /= np.maximum(credit.sum(axis=1, keepdims=True), 1e-12)
        beliefs = (credit.sum(axis=0) + _BELIEFS) / (len(chances) + _BELIEFS.sum())
    return beliefs


def _spreads(errors: Sequence[Floats], weights: Sequence[Floats]) -> Floats:
    """(2,): root mean squares of errors that were measured, beside `SPREADS`."""
    before = _MEASURED * np.square(SPREADS)
    if not errors:
        return np.array(SPREADS)
    error, weight = np.concatenate(errors), np.concatenate(weights)
    spreads: Floats = np.sqrt((before + (error * weight).sum(axis=0)) / (_MEASURED + weight.sum(axis=0)))
    return spreads


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True)) if scores.size else scores
    shares: Floats = raised / np.maximum(raised.sum(axis=1, keepdims=True), 1e-300)
    return shares

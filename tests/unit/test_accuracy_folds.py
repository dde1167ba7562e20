"""Weights that are fitted out of fold, beside scikit-learn's and beside sums over all paths that are written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.accuracy import chord_fields, folds
from tests.accuracy.folds import Choice


def test_a_choice_of_two_is_logistic_regression() -> None:
    chance = np.random.default_rng(0)
    seen = chance.normal(size=(300, 4)) * (0.1, 1.0, 5.0, 1.0)
    first = chance.random(300) < 1 / (1 + np.exp(-seen @ (3.0, -1.0, 0.2, 0.0)))
    choices = [
        Choice(np.stack((row, np.zeros(4))), np.array([is_first, not is_first])) for row, is_first in zip(seen, first)
    ]
    spread = np.sqrt(np.mean(seen**2, axis=0)) / 2
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-8).fit(seen / spread, first).coef_[0] / spread
    assert folds.fit(choices, 2.0) == pytest.approx(theirs, rel=1e-2, abs=1e-3)
    held = folds.fit(choices, 2.0, {1: -1.5})
    assert held[1] == -1.5
    assert held[0] != pytest.approx(theirs[0], rel=1e-3)


def test_sums_are_over_all_paths() -> None:
    chance = np.random.default_rng(1)
    fits, dear = chance.random((2, 4, 3)) + 0.1, chance.random((2, 4)) * 0.5
    total, chances, changes = chord_fields.sums(fits, dear)
    for chain in range(2):
        weight, states, jumps = 0.0, np.zeros((4, 3)), np.zeros(4)
        for path in product(range(3), repeat=4):
            for leaps in product((False, True), repeat=3):  # a change may be to the same chord
                if any(path[at] != path[at + 1] and not leap for at, leap in enumerate(leaps)):
                    continue
                this = np.prod(fits[chain, range(4), path]) * np.prod(dear[chain, 1:][list(leaps)])
                weight += this
                states[range(4), path] += this
                jumps[1:] += this * np.array(leaps)
        assert total[chain] == pytest.approx(np.log(weight))
        assert chances[chain] == pytest.approx(states / weight)
        assert changes[chain] == pytest.approx(jumps / weight)


def test_a_song_is_in_one_half_of_all_sets() -> None:
    songs = [f"{number:03d}" for number in range(1, 200)]
    halves = [folds.half_of(f"key_midi/pop909/{song}.mid") for song in songs]
    assert halves == [folds.half_of(f"key_audio/pop909/{song}.wav") for song in songs]
    assert 80 < sum(halves) < 120

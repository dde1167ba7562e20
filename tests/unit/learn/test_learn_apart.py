"""What can be told apart is, what can't isn't; the interval against Newcombe's printed ones and by simulation."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kelly_tui.learn.apart import FEWEST, auc, interval, told_apart


def two(shift: float, ones: int, zeros: int, seed: int, features: int = 117) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(features, features)) / np.sqrt(features)
    first, second = rng.normal(size=(ones, features)), rng.normal(size=(zeros, features))
    first[:, 0] += shift
    return first @ mixed, second @ mixed


def test_auc_is_scikit_learns():
    rng = np.random.default_rng(0)
    ones, zeros = rng.integers(0, 9, 40).astype(float), rng.integers(0, 7, 60).astype(float)
    assert auc(ones, zeros) == pytest.approx(roc_auc_score([1] * 40 + [0] * 60, [*ones, *zeros]))


def test_what_is_the_same_is_not_told_apart():
    """The interval holds 0.5 in about 95 of 100 cases: 35 of 40 at least."""
    found = [told_apart(*two(0, 60, 240, seed), "test", "train") for seed in range(40)]
    assert sum(one.low <= 0.5 <= one.high for one in found) >= 35
    assert np.mean([one.auc for one in found]) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("shift", [1.0, 2.0, 4.0])
def test_as_good_as_logistic_regression(shift):
    first, second = two(shift, 100, 300, 1, 40)
    rows, kind = np.concatenate((first, second)), np.array([1] * 100 + [0] * 300)
    judge = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))
    theirs = roc_auc_score(kind, cross_val_predict(judge, rows, kind, cv=5, method="decision_function"))
    assert told_apart(first, second, "a", "b").auc == pytest.approx(theirs, abs=0.04)


def test_the_interval_covers_what_it_says():
    """Normal scores a standard deviation apart have an AUC of 0.7602; 95 of 100 intervals hold it, 91 at least."""
    rng = np.random.default_rng(2)
    held = [
        low <= 0.7602 <= high
        for low, high in (interval(auc(rng.normal(1, 1, 30), rng.normal(0, 1, 50)), 30, 50) for _ in range(400))
    ]
    assert 0.91 <= np.mean(held) <= 0.99


def test_the_interval_is_sound_at_the_ends():
    low, high = interval(1.0, 25, 25)
    assert high == pytest.approx(1.0)
    assert 0.8 < low < 0.97
    assert interval(0.0, 25, 25) == pytest.approx((1 - high, 1 - low), abs=1e-6)


def test_too_few_are_said_and_broken_features_do_no_harm():
    first, second = two(3, 40, 40, 0)
    few = told_apart(first[: FEWEST - 1], second, "test", "train")
    assert few.auc is None
    assert few.words() == "test from train: too few to tell (19 and 40 pieces)"
    assert told_apart(np.empty((0, 117)), second, "test", "train").auc is None
    good = told_apart(first.copy(), second.copy(), "a", "b")
    first[3, :50], second[7] = np.nan, np.inf
    first[:, 9] = second[:, 9] = 4.0
    broken = told_apart(first, second, "a", "b")
    assert broken.auc == pytest.approx(good.auc, abs=0.1)
    same = told_apart(np.zeros((30, 5)), np.zeros((30, 5)), "a", "b")
    assert same.auc == 0.5

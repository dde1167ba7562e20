"""Agreement: the worked examples of those who defined the figures, and scikit-learn as the judge."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.validate import agreement
from kelly_tui.validate.agreement import alpha, field_agreement, kappa, scale_of

_ = None
KRIPPENDORFF_C = [  # Krippendorff (2011), section C: four observers, twelve units, gaps
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]


def units(rows: Sequence[Sequence[int | None]]) -> list[list[int]]:
    return [[value for value in column if value is not None] for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("scale", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_krippendorffs_example(scale: str, published: float) -> None:
    found = alpha(units(KRIPPENDORFF_C), scale)  # type: ignore[arg-type]
    assert found is not None
    assert found.value == pytest.approx(published, abs=0.0005)
    assert found.samples == 11, "the twelfth unit has one value only"
    assert found.low < found.value < found.high <= 1


def test_alpha_of_two_observers_without_gaps() -> None:
    # Krippendorff (2011), section A: binary, alpha 0.095; section B: nominal, alpha 0.692
    meg, owen = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    ben, gerry = list("aabbdcccedda"), list("babbbccceddd")
    first, second = alpha(units([meg, owen])), alpha(list(zip(ben, gerry, strict=True)))
    assert first is not None
    assert second is not None
    assert first.value == pytest.approx(0.095, abs=0.0005)
    assert second.value == pytest.approx(0.692, abs=0.0005)


def test_kappa_is_that_of_cohens_example() -> None:
    # Cohen (1960), table 1: proportions of 200 patients in three diagnoses, kappa 0.492
    table = [[0.44, 0.05, 0.01], [0.07, 0.20, 0.03], [0.09, 0.05, 0.06]]
    pairs = [
        pair for i, row in enumerate(table) for j, share in enumerate(row) for pair in [(i, j)] * round(200 * share)
    ]
    assert kappa(pairs) == pytest.approx(0.492, abs=0.0005)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_kappa_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    from sklearn.metrics import cohen_kappa_score

    found = kappa(pairs)
    if len({value for pair in pairs for value in pair}) == 1:
        assert found is None
        return
    judge = cohen_kappa_score(*zip(*pairs, strict=True))
    assert (found is None and math.isnan(judge)) or found == pytest.approx(judge)


@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=12))
def test_alpha_is_that_of_the_definition(judged: list[list[int]]) -> None:
    """By its definition over the coincidence matrix, value by value."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "DRAWS", 2)  # the interval is another test's
        judge_alpha(judged)


def judge_alpha(judged: list[list[int]]) -> None:
    for scale in ("nominal", "ordinal", "interval"):
        found, wanted = alpha(judged, scale), by_coincidences(judged, scale)  # type: ignore[arg-type]
        assert (found is None) == (wanted is None)
        if found is not None:
            assert found.value == pytest.approx(wanted, abs=1e-9)


def by_coincidences(judged: list[list[int]], scale: str) -> float | None:
    o = np.zeros((5, 5))
    for unit in judged:
        for i, first in enumerate(unit):
            for j, second in enumerate(unit):
                if i != j:
                    o[first, second] += 1 / (len(unit) - 1)
    n = o.sum(axis=1)

    def distance(c: int, k: int) -> float:
        if scale == "nominal":
            return float(c != k)
        if scale == "interval":
            return float((c - k) ** 2)
        low, high = min(c, k), max(c, k)
        return float((n[low : high + 1].sum() - (n[c] + n[k]) / 2) ** 2)

    apart = np.array([[distance(c, k) for k in range(5)] for c in range(5)])
    expected = (np.outer(n, n) * apart).sum()
    return None if expected == 0 else 1 - (n.sum() - 1) * (o * apart).sum() / expected


def test_the_interval_covers_the_truth_about_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two judges who each say the true label in 8 of 10 cases, else another at random, of four equally frequent."""
    monkeypatch.setattr(agreement, "DRAWS", 200)
    drawn = np.random.default_rng(3)

    def judged(n: int) -> list[list[int]]:
        true = drawn.integers(4, size=n)
        return [[int(t if drawn.random() < 0.8 else drawn.integers(4)) for _ in range(2)] for t in true]

    truth = 0.8**2  # both say what they know; else they agree by chance only
    found = [one for one in (alpha(judged(60)) for _ in range(40)) if one is not None]
    covered = sum(one.low <= truth <= one.high for one in found)
    assert covered >= 33, "38 of 40 is expected; fewer than 33 would be once in a thousand"
    assert sum(one.high - one.low for one in found) / 40 < 0.4


def test_what_can_not_be_said_is_none() -> None:
    assert alpha([]) is None
    assert alpha([["sad"], ["happy"]]) is None
    assert alpha([["sad", "sad"], ["sad", "sad"]]) is None
    assert alpha([[0.1, 0.1], [0.1, 0.1]], "interval") is None
    assert kappa([]) is None
    assert kappa([("sad", "sad")] * 4) is None


def test_an_order_that_is_not_the_alphabets() -> None:
    """mp and mf are a step apart, pp and ff far: the further apart, the less agreement."""
    config = DatasetConfig(dataset_id="d")
    base = {str(n): {"anna": value, "ben": value} for n, value in enumerate(["pp", "p", "mp", "mf", "f", "ff"] * 3)}
    near = field_agreement("dynamic_range", {**base, "x": {"anna": "mp", "ben": "mf"}}, config)
    far = field_agreement("dynamic_range", {**base, "x": {"anna": "pp", "ben": "ff"}}, config)
    assert near.scale == "ordinal"
    assert near.alpha is not None
    assert far.alpha is not None
    assert near.alpha.value > far.alpha.value


def test_agreement_of_a_field_by_class_and_pair() -> None:
    config = DatasetConfig(dataset_id="d")
    said = {
        "1": {"anna": "sad", "ben": "sad", "cleo": "sad"},
        "2": {"anna": "sad", "ben": "sad"},
        "3": {"anna": "tense", "ben": "angry"},
        "4": {"anna": "angry", "ben": "tense"},
        "5": {"anna": "happy", "ben": "happy"},
        "6": {"anna": "happy"},
    }
    found = field_agreement("emotion", said, config)
    assert found.alpha is not None
    assert found.alpha.samples == 5
    assert found.by_class["sad"] == found.by_class["happy"] == pytest.approx(1.0)
    assert found.by_class["tense"] is not None
    assert found.by_class["tense"] < 0
    (ab, ac, bc) = found.pairs
    assert (ab.first, ab.second, ab.samples, ab.equal) == ("anna", "ben", 5, 3)
    assert (ac.samples, bc.samples) == (1, 1)
    assert ac.kappa is None, "both said one thing only"
    assert scale_of("notes") is None
    assert scale_of("valence") == "interval"

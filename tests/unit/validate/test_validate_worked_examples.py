"""Figures that were worked out elsewhere, by others, for evenness, effective numbers and the Vendi score."""

from __future__ import annotations

from math import exp, log
from pathlib import Path

import numpy as np
import pytest

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.validate.scores import balance, effective_classes, evenness
from kelly_tui.validate.vendi import effective_pieces, vendi


@pytest.mark.parametrize(
    ("counts", "heip"),
    [([500, 300, 200], 0.90), ([500, 299, 200, 1], 0.61)],
)
def test_evenness_is_that_of_heip(counts: list[int], heip: float) -> None:
    """Ludwig and Reynolds, "Statistical Ecology" (1988), p. 94, table 8.1: E5, (exp(H) - 1) / (S - 1)."""
    assert evenness(counts, len(counts)) == pytest.approx(heip, abs=0.005)


@pytest.mark.parametrize(
    ("counts", "pielou", "within"),
    [
        ([1, 1, 196, 1, 1], 0.078, 5e-4),  # a lesson on the diversity of biofilms, University of Maryland
        ([0, 1, 1, 4, 2, 5, 2, 4, 1, 2], 0.92485490560, 1e-9),  # scikit-bio's own test of Pielou (1966)
    ],
)
def test_effective_classes_give_the_evenness_of_pielou(counts: list[int], pielou: float, within: float) -> None:
    """J = H / ln S, and exp(H) is what we say."""
    filled = sum(count > 0 for count in counts)
    assert log(effective_classes(counts)) / log(filled) == pytest.approx(pielou, abs=within)


@pytest.mark.parametrize(
    ("counts", "effective"),
    [
        ([1] * 16, 16.0),  # Jost, "Entropy and diversity" (2006): S equally common species are S
        ([1, 2, 3, 4], 3.596115467),  # scikit-bio, the exponential of Shannon's entropy
    ],
)
def test_effective_classes_are_hills_number_of_order_one(counts: list[int], effective: float) -> None:
    assert effective_classes(counts) == pytest.approx(effective, abs=1e-9)


def test_effective_classes_double_when_distinct_communities_are_pooled() -> None:
    """The doubling property: Hill (1973), Jost (2006)."""
    counts = [50, 30, 15, 5]
    assert effective_classes([*counts, *counts]) == pytest.approx(2 * effective_classes(counts))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("classes", [2, 5, 8])
def test_balance_has_kvalseths_value_validity(share: float, classes: int) -> None:
    """Kvålseth (2015): of a mixture of all even and all in one, an evenness must say the share that is even."""
    number = 100_000
    counts = [round(number * share / classes)] * classes
    counts[0] += round(number * (1 - share))
    assert balance(counts) == pytest.approx(share, abs=1e-3)


def test_vendi_of_the_authors_examples() -> None:
    """The examples of their package, vendi-score."""
    similar = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert vendi(similar) == pytest.approx(2.1573, abs=5e-5)
    samples = np.array([0, 0, 10, 10, 20, 20])
    assert vendi(np.exp(-np.abs(samples[:, None] - samples))) == pytest.approx(2.9999, abs=1e-4)


def test_vendi_is_the_effective_number_of_groups_that_have_nothing_in_common() -> None:
    """Friedman and Dieng (2023), section 3: 1 of copies, n of n that share nothing, else the entropy of the groups."""
    group = np.repeat([0, 1, 2], [5, 3, 2])
    same = (group[:, None] == group).astype(float)
    assert vendi(same) == pytest.approx(effective_classes([5, 3, 2]))
    assert vendi(np.ones((7, 7))) == pytest.approx(1)
    assert vendi(np.eye(7)) == pytest.approx(7)
    assert exp(-sum(p * log(p) for p in (0.5, 0.3, 0.2))) == pytest.approx(vendi(same))
    assert vendi(np.empty((0, 0))) == 0


def test_songs_are_worth_no_more_than_they_are_and_nothing_where_there_are_none(clean: Path) -> None:
    with Catalogue.open(clean) as catalogue:
        worth, of = effective_pieces(catalogue)
        assert of == 8
        assert 1 < worth < 8
        with catalogue.writing() as db:
            db.execute("UPDATE features SET vector = (SELECT vector FROM features WHERE sample = 1)")
        assert effective_pieces(catalogue) == (pytest.approx(1), 8)
        with catalogue.writing() as db:
            db.execute("DELETE FROM features")
        assert effective_pieces(catalogue) == (0, 0)

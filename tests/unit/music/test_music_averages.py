"""Robust averages, beside numpy's and scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from kelly_tui.music.averages import deviation, median, spread

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60).map(np.array)


@given(VALUES)
def test_the_median_is_numpys(values: np.ndarray) -> None:
    assert median(values) == pytest.approx(float(np.median(values)))


@given(VALUES)
def test_the_spread_is_scipys_deviation_on_the_scale_of_a_normal_distribution(values: np.ndarray) -> None:
    theirs = float(median_abs_deviation(values, scale="normal"))
    assert spread(values) == pytest.approx(theirs, rel=1e-3, abs=1e-9)


@given(VALUES)
def test_the_deviation_is_numpys(values: np.ndarray) -> None:
    assert deviation(values) == pytest.approx(float(np.std(values)), abs=1e-6)

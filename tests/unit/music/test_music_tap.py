"""Tempo from taps, against SciPy's line and against what was planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from kelly_tui.music.tap import FEWEST, tapped_tempo


@given(bpm=st.floats(30, 300), start=st.floats(0, 100), n=st.integers(FEWEST, 40))
def test_even_taps_are_their_tempo(bpm: float, start: float, n: int) -> None:
    tapped = tapped_tempo((start + np.arange(n) * 60 / bpm).tolist())
    assert tapped is not None
    assert tapped.bpm == pytest.approx(bpm, rel=1e-6)
    assert tapped.error < 1e-3


def test_uneven_taps_are_the_line_through_them_with_its_error() -> None:
    rng = np.random.default_rng(1)
    times = np.arange(16) * 0.5 + rng.normal(0, 0.02, 16)
    tapped, line = tapped_tempo(times.tolist()), linregress(np.arange(16), times)
    assert tapped is not None
    assert tapped.bpm == pytest.approx(60 / line.slope)
    assert tapped.error == pytest.approx(60 / line.slope**2 * line.stderr)
    assert abs(tapped.bpm - 120) < 3 * tapped.error


def test_a_beat_left_out_does_not_slow_the_tempo() -> None:
    tapped = tapped_tempo([0, 0.5, 1.0, 2.0, 2.5, 4.0, 4.5])
    assert tapped is not None
    assert tapped.bpm == pytest.approx(120)


def test_few_taps_tell_nothing() -> None:
    assert tapped_tempo([0, 1, 2]) is None

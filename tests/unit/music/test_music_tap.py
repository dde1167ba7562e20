"""Tempo and swing from taps, against SciPy's line and against what was planted."""

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


def swung(bpm: float, ratio: float, pairs: int, noise: float = 0.0, seed: int = 0) -> list[float]:
    period = 60 / bpm
    times = np.concatenate([[beat * period, (beat + ratio) * period] for beat in range(pairs)])
    return np.sort(times + np.random.default_rng(seed).normal(0, noise, len(times))).tolist()


@given(bpm=st.floats(40, 240), ratio=st.floats(0.54, 0.77), pairs=st.integers(3, 30), first=st.integers(0, 1))
def test_pairs_of_taps_are_beats_and_their_swing(bpm: float, ratio: float, pairs: int, first: int) -> None:
    tapped = tapped_tempo(swung(bpm, ratio, pairs + 1)[first : 2 * pairs])
    assert tapped is not None
    if 2 * pairs - first >= 6:
        assert tapped.bpm == pytest.approx(bpm, rel=1e-6)
        assert tapped.swing == pytest.approx(ratio, abs=1e-6)
        assert tapped.swing_error < 1e-3


def test_the_error_of_the_swing_is_how_much_it_varies() -> None:
    """Of 300 people who tap the same, with 12 ms of spread, two thirds lie within one standard error."""
    found = [tapped_tempo(swung(120, 0.64, 12, 0.012, seed)) for seed in range(300)]
    told = [one for one in found if one is not None and one.swing is not None]
    assert len(told) == 300
    off = np.array([(one.swing - 0.64) / one.swing_error for one in told])
    assert np.mean(np.abs(off) < 1) == pytest.approx(0.68, abs=0.08)
    assert np.std([one.swing for one in told]) == pytest.approx(np.mean([one.swing_error for one in told]), rel=0.15)
    tempo = np.array([(one.bpm - 120) / one.error for one in told])
    assert np.mean(np.abs(tempo) < 1) == pytest.approx(0.68, abs=0.08)


@given(bpm=st.floats(60, 180), n=st.integers(6, 30), seed=st.integers(0, 10_000))
def test_even_taps_of_a_human_hand_are_beats_that_do_not_swing(bpm: float, n: int, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.008, n)
    tapped = tapped_tempo((np.arange(n) * 60 / bpm + noise).tolist())
    assert tapped is not None
    if tapped.swing is not None:  # four standard errors: chance gets there where the taps are few
        assert n <= 9
        assert tapped.swing < 0.57
    else:
        assert tapped.bpm == pytest.approx(bpm, rel=0.02)

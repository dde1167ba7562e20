"""The hook of a piece: planted bursts are found, wherever they are; short pieces are whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.music.hook import SECONDS, hook


@given(place=st.integers(0, 50))
def test_a_burst_among_even_notes_is_found(place: int) -> None:
    even = np.arange(0, 60, 0.5)
    burst = place + np.array([0.0, 0.05, 0.1, 0.15, 2.0, 2.05, 2.1, 2.15])
    onsets = np.concatenate([even, burst])
    start, end = hook(onsets, np.full(len(onsets), 64), 60.0)
    assert end - start == SECONDS
    assert start <= place + 0.25
    assert end >= place + 2.15


def test_an_even_stream_is_no_hook_and_a_loud_accent_is() -> None:
    onsets = np.arange(0, 40, 0.25)
    weights = np.full(len(onsets), 60.0)
    assert hook(onsets, weights, 40.0)[0] < 1
    weights[120] = 127  # at 30 s
    start, end = hook(onsets, weights, 40.0)
    assert start <= 30 <= end


@pytest.mark.parametrize("duration", [0.5, 8.0])
def test_a_short_piece_is_its_own_hook(duration: float) -> None:
    assert hook(np.array([0.1]), np.array([1.0]), duration) == (0.0, duration)


def test_silence_has_a_hook_too() -> None:
    assert hook(np.array([]), np.array([]), 20.0) == (0.0, 8.0)


def test_where_the_harmony_turns_most_is_the_hook_of_an_even_stream() -> None:
    """Four notes a second, all alike, on one chord; from 24 to 32 s another chord every second."""
    onsets = np.arange(0, 60, 0.25)
    weights = np.full(len(onsets), 64.0)
    chord = np.array([60, 64, 67, 72])
    pitches = chord[np.arange(len(onsets)) % 4]
    for second in range(24, 32):
        pitches[second * 4 : second * 4 + 4] = chord + (5, 2, 9, 4)[second % 4]
    start, end = hook(onsets, weights, 60.0, pitches=pitches)
    assert start == pytest.approx(24, abs=1.5)
    assert end == start + SECONDS
    assert hook(onsets, weights, 60.0, pitches=np.full(len(onsets), -1)) == hook(onsets, weights, 60.0)

"""Peaks against brute force, and the picture against the peaks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.plots.cells import STYLES
from kelly_tui.plots.lines import Lines
from kelly_tui.plots.waveform import block_peaks, waveform


@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 90), st.integers(0, 99))
def test_peaks_by_block_are_the_peaks_of_the_whole(frames, n, block, seed):
    sound = np.random.default_rng(seed).uniform(-1, 1, (frames, 2)).astype(np.float32)
    found = block_peaks((sound[i : i + block] for i in range(0, frames, block)), frames, n)
    edges = [i * frames // n for i in range(n + 1)]
    for column, (first, last) in enumerate(pairwise(edges)):
        if first < last:
            assert found[column].tolist() == [sound[first:last].min(), sound[first:last].max()]


def test_sound_that_ends_early_is_flat_from_there():
    found = block_peaks(iter([np.ones(50, np.float32)]), 100, 10)
    assert (found[:5] == 1).all()
    assert (found[5:] == 0).all()


def test_louder_is_taller():
    rising = np.stack([-np.linspace(0, 1, 40), np.linspace(0, 1, 40)], axis=1)
    picture = waveform(rising, 20, 8)
    heights = [sum(row[column] != " " for row in picture.text) for column in range(20)]
    assert heights == sorted(heights)
    assert heights[0] <= 2
    assert heights[-1] == 8


def test_silence_is_a_line():
    picture = waveform(np.zeros((100, 2)), 20, 5)
    assert sum(bool(row.strip()) for row in picture.text) == 1


def test_one_extreme_among_many_columns_is_not_lost():
    spike = np.zeros((10_000, 2))
    spike[7_000] = (-0.5, 0.5)
    column = [row[14] for row in waveform(spike, 20, 5).text]
    assert all(char != " " for char in column)


def test_played_part_clipping_and_playhead_are_told_apart():
    loud = np.full((40, 2), (-0.5, 0.5))
    loud[30:] = (-1, 1)
    picture = waveform(loud, 20, 4, lines=Lines(playhead=0.5))
    middle = [STYLES[code] for code in picture.style[2]]
    assert middle[:10] == ["accent"] * 10
    assert middle[10] == "playhead"
    assert middle[11:15] == ["note"] * 4
    assert middle[15:] == ["hot"] * 5


def test_a_stretch_is_drawn_on_the_scale_of_the_whole():
    soft = np.full((40, 2), (-0.1, 0.1))
    assert sum(bool(row.strip()) for row in waveform(soft, 20, 10, loudest=1.0).text) == 2
    assert all(row.strip() for row in waveform(soft, 20, 10).text)


def test_beats_and_bars_lie_where_nothing_sounds():
    quiet = np.zeros((40, 2))
    picture = waveform(quiet, 40, 5, (10.0, 20.0), Lines(beats=(11.0, 12.0), bars=(15.0,)))
    assert picture.text[-1][4] == picture.text[-1][8] == "·"
    assert [row[20] for row in picture.text] == ["│", "│", picture.text[2][0], "│", "│"]


@pytest.mark.parametrize(("width", "height"), [(0, 3), (3, 0), (1, 1), (200, 60)])
@pytest.mark.parametrize("n", [0, 1, 7, 5000])
def test_any_size_has_the_shape_asked_for(width, height, n):
    picture = waveform(np.ones((n, 2), np.float32), width, height, lines=Lines(playhead=1.0))
    assert [len(row) for row in picture.text] == [width] * height


def test_not_a_number_is_drawn_as_silence():
    assert str(waveform(np.full((9, 2), np.nan), 10, 4)).strip()

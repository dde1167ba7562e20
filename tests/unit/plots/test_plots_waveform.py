"""Peaks against brute force, and the picture against the peaks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.errors import FileRefused
from kelly_tui.plots.cells import STYLES
from kelly_tui.plots.waveform import block_peaks, file_peaks, peaks, waveform


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


def test_file_peaks_are_those_of_its_samples(tmp_path):
    import soundfile

    rng = np.random.default_rng(1)
    sound = (rng.uniform(-1, 1, (200_000, 2)) * np.linspace(0, 1, 200_000)[:, None]).astype(np.float32)
    soundfile.write(tmp_path / "ramp.wav", sound, 44100, subtype="FLOAT")
    np.testing.assert_array_equal(file_peaks(tmp_path / "ramp.wav", 333), peaks(sound, 333))


def test_what_is_no_audio_is_refused(tmp_path):
    (tmp_path / "words.wav").write_text("not sound")
    with pytest.raises(FileRefused, match=r"words\.wav"):
        file_peaks(tmp_path / "words.wav", 10)


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
    picture = waveform(loud, 20, 4, playhead=0.5)
    middle = [STYLES[code] for code in picture.style[2]]
    assert middle[:10] == ["accent"] * 10
    assert middle[10] == "playhead"
    assert middle[11:15] == ["note"] * 4
    assert middle[15:] == ["hot"] * 5


@pytest.mark.parametrize(("width", "height"), [(0, 3), (3, 0), (1, 1), (200, 60)])
@pytest.mark.parametrize("n", [0, 1, 7, 5000])
def test_any_size_has_the_shape_asked_for(width, height, n):
    picture = waveform(np.ones((n, 2), np.float32), width, height, playhead=1.0)
    assert [len(row) for row in picture.text] == [width] * height


def test_not_a_number_is_drawn_as_silence():
    assert str(waveform(np.full((9, 2), np.nan), 10, 4)).strip()

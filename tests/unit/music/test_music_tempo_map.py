"""The tempo that stands for a map: beside counting the beats, and where one tempo is held."""

from __future__ import annotations

import numpy as np
import pytest

from kelly_tui.music.tempo_map import main_tempo


def each_beat(bpm: np.ndarray) -> tuple[np.ndarray, float]:
    """A map with a tempo for every beat, and when it ends."""
    edges = np.concatenate(([0.0], np.cumsum(60 / bpm)))
    return np.array((edges[:-1], bpm)).T, float(edges[-1])


@pytest.mark.parametrize("depth", [0.02, 0.05, 0.1, 0.2])
def test_of_a_map_that_breathes_with_every_beat_it_is_the_beats_a_minute(depth: float) -> None:
    rng = np.random.default_rng(3)
    bpm = 100 * (1 + depth * np.sin(np.arange(96) / 4.3) + rng.normal(0, depth / 4, 96))
    tempi, end = each_beat(bpm)
    found = main_tempo(tempi, tempi[:, 0], end)
    assert found.bpm == pytest.approx(60 * len(bpm) / end, rel=0.02)
    assert not found.is_held


def test_fermatas_and_the_last_ritard_are_not_the_tempo_of_a_player() -> None:
    rng = np.random.default_rng(4)
    bpm = rng.uniform(97, 103, 80)
    bpm[[20, 41]] = 12
    bpm[-4:] = 60, 45, 30, 20
    tempi, end = each_beat(bpm)
    assert 60 * len(bpm) / end < 85
    assert main_tempo(tempi, tempi[:, 0], end).bpm == pytest.approx(100, rel=0.03)


def test_of_tempi_that_are_held_it_is_the_one_held_longest_not_a_mean_that_nobody_plays() -> None:
    tempi = np.array([[0.0, 90.0], [40.0, 140.0], [70.0, 110.0], [95.0, 60.0]])
    assert main_tempo(tempi, np.array([0.0]), 100.0) == (90.0, True)


def test_silence_before_the_music_and_after_it_has_no_tempo() -> None:
    tempi = np.array([[0.0, 60.0], [50.0, 120.0], [80.0, 70.0]])
    assert main_tempo(tempi, np.array([50.0]), 90.0) == (120.0, True)


def test_a_map_whose_music_lasts_no_time_has_its_first_tempo() -> None:
    assert main_tempo(np.array([[0.0, 60.0], [1.0, 90.0]]), np.array([2.0]), 2.0).bpm == 60

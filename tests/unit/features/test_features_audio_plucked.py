"""Tempo and meter of what is plucked, without drums: songs strummed in eighths, and waltzes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kelly_tui.features.audio import RATE, extract_audio_features

ROOTS = (0, 5, 7, 0, 9, 5, 7, 0)
"""Semitones of each bar's chord."""
TRIAD = (0, 4, 7)

Notes = list[tuple[float, float, int, float]]
"""Beat, beats, semitones from a middle C, and how loud."""


def plucked(notes: Notes, bpm: float) -> np.ndarray:
    """Strings that die away, the upper partials sooner."""
    beat = 60 / bpm
    sound = np.zeros(round((notes[-1][0] + 8) * beat * RATE))
    for at, beats, semitones, loud in notes:
        time, hz = np.arange(round(beats * beat * RATE)) / RATE, 261.6 * 2 ** (semitones / 12)
        partials = [np.sin(2 * np.pi * hz * k * time) / k * np.exp(-4 * k**0.5 * time) for k in range(1, 7)]
        start = round(at * beat * RATE)
        sound[start : start + len(time)] += loud * np.sum(partials, axis=0) * np.minimum(1, (time[-1] - time) / 0.01)
    return (sound / np.abs(sound).max() * 0.8).astype(np.float32)


def strummed(bpm: float) -> np.ndarray:
    """A chord in every eighth, louder on the beat, above a bass that holds for the bar of four."""
    notes: Notes = []
    for bar in range(14):
        root = ROOTS[bar % 8]
        notes.append((4 * bar, 3.6, root - 24, 1.0))
        for eighth in range(8):
            loud = 0.6 if eighth % 2 else 0.75
            notes += [(4 * bar + eighth / 2 + 0.015 * n, 0.45, root + step, loud) for n, step in enumerate(TRIAD)]
    return plucked(notes, bpm)


def ballad(bpm: float) -> np.ndarray:
    """A chord and a bass a bar of three, below a tune in quarters, eighths and halves."""
    notes: Notes = []
    chance = np.random.default_rng(3)
    for bar in range(16):
        root = ROOTS[bar % 8]
        notes += [(3 * bar, 2.9, root + step, 0.5) for step in TRIAD] + [(3 * bar, 2.9, root - 24, 0.8)]
        rhythm = ((0, 2), (2, 1)) if bar % 2 else ((0, 1), (1, 0.5), (1.5, 0.5), (2, 1))
        notes += [(3 * bar + at, beats * 0.95, root + 12 + TRIAD[chance.integers(3)], 0.7) for at, beats in rhythm]
    return plucked(notes, bpm)


def broken(bpm: float) -> np.ndarray:
    """Six notes of a chord in a bar of three above its bass."""
    notes: Notes = []
    for bar in range(16):
        root = ROOTS[bar % 8]
        notes.append((3 * bar, 2.9, root - 24, 1.0))
        notes += [(3 * bar + n / 2, 0.5, root + TRIAD[tone], 0.5) for n, tone in enumerate((0, 1, 2, 1, 2, 1))]
    return plucked(notes, bpm)


@pytest.mark.parametrize("bpm", [140, 180])
def test_a_song_strummed_in_eighths_is_not_heard_at_half_its_tempo(bpm: float) -> None:
    assert extract_audio_features((strummed(bpm), RATE)).tempo_bpm == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize(("make", "bpm"), [(ballad, 156), (ballad, 176), (broken, 176)])
def test_what_is_in_three_is_not_surely_in_four(make: Callable[[float], np.ndarray], bpm: float) -> None:
    found = extract_audio_features((make(bpm), RATE))
    assert found.time_signature != "4/4" or found.meter_confidence < 0.7


def test_a_slow_ballad_is_in_three() -> None:
    found = extract_audio_features((ballad(96), RATE))
    assert found.time_signature == "3/4"
    places = found.bar_frames * found.hop_length / RATE / (60 / 96 * 3)
    assert np.abs(places - np.rint(places)).max() < 0.15

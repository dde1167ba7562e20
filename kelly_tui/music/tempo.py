"""Tempo and meter: what the tempo map says, whether the notes keep to it, and what the onsets say if they don't."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.notes import Score

Floats = NDArray[np.float64]

_RATE = 100.0
"""Frames a second of the onset curve."""
_LONGEST = 120.0
"""Seconds of music that tell a tempo."""
_USUAL_BPM, _OCTAVES = 100.0, 0.9
"""Where people tap, and how many octaves around it: a log-normal prior (after Moelants, 2002)."""


def keeps_clock(score: Score) -> float:
    """0..1: how closely the onsets keep to the beats of the tempo map.

    The mean resultant length (Mardia and Jupp, 2000) of the onsets' phases, at the division of the beat that they
    keep best; what chance alone gives is taken off.
    """
    beats = score.notes["onset_beat"]
    turns = np.exp(2j * np.pi * np.outer([1.0, 2.0, 3.0, 4.0], beats))
    chance = 2.0 / len(beats)
    strongest = float((np.abs(turns.mean(1)) ** 2).max())
    return float(np.sqrt(max(0.0, (strongest - chance) / max(1.0 - chance, 1e-9))))


def has_clock(score: Score) -> bool:
    """Whether beats of the tempo map are the music's beats.

    A map that was written on purpose is believed. MIDI's default, 120 and no more, is what a recorder writes that
    knows no tempo: it is believed if the notes keep it.
    """
    nominal = len(score.tempi) == 1 and abs(score.tempi[0, 1] - 120.0) < 1e-3
    return not nominal or keeps_clock(score) > 0.3


def detect_tempo(score: Score) -> Detection[float]:
    """BPM: of the tempo map if it is the music's, otherwise of the onsets."""
    count = len(score.tempi)
    if has_clock(score):
        bpm = round(score.tempo_bpm, 3)
        if not score.has_tempo:
            return Detection(bpm, 0.6, "no tempo in the file, but the notes keep MIDI's default of 120")
        changes = "" if count == 1 else f", the longest held of {count}"
        return Detection(bpm, 0.95 if count == 1 else 0.85, f"{bpm:g} BPM in the file{changes}")
    found = onset_tempo(score)
    if found is None:
        return unknown("the notes keep no beat of the file's nominal 120 BPM and are too few to find another")
    return Detection(round(found, 1), 0.5, f"{found:.0f} BPM heard; the file's 120 is only nominal")


def onset_tempo(score: Score) -> float | None:
    """BPM from the autocorrelation of the onsets; None for fewer than eight of them."""
    onsets = score.notes["onset"]
    onsets = onsets[onsets < onsets[0] + _LONGEST] - onsets[0]
    if len(onsets) < 8 or onsets[-1] < 2.0:
        return None
    curve = np.bincount((onsets * _RATE).round().astype(np.int64), minlength=int(onsets[-1] * _RATE) + 8).astype(float)
    curve = np.convolve(np.sqrt(curve), np.hanning(9), mode="same")
    size = 1 << int(2 * len(curve) - 1).bit_length()
    spectrum = np.fft.rfft(curve - curve.mean(), size)
    repeats = np.fft.irfft(spectrum * spectrum.conj())[: len(curve)]
    repeats = repeats / (repeats[0] + 1e-9)
    bpm = 30.0 * 2 ** (np.arange(0, 3.6, 0.004))  # 30 to 360 in steps of 0.3 %
    lags = 60.0 / bpm * _RATE
    at = np.outer([1, 2, 4], lags)
    heard = np.interp(at, np.arange(len(repeats)), repeats, right=0.0)
    prior = np.exp(-0.5 * (np.log2(bpm / _USUAL_BPM) / _OCTAVES) ** 2)
    return float(bpm[np.argmax(np.array([1.0, 0.7, 0.5]) @ heard * prior)])


def detect_meter(score: Score) -> Detection[str]:
    """``"3/4"``: the meter that holds for the longest."""
    longest = score.main_meter
    if longest is None:
        return unknown("the file's meter is impossible" if score.left_out.get("meter") else "no meter in the file")
    name = f"{longest.numerator}/{longest.denominator}"
    if len(score.meters) == 1:
        return Detection(name, 0.9, f"{name} in the file")
    return Detection(name, 0.75, f"{name} holds longest of {len(score.meters)} meters in the file")

"""What in a file's features speaks of emotion: a few cues of known direction, from MIDI and from audio alike.

The cues are those whose effect on what listeners hear is best established (Gabrielsson and Lindström, 2010; Juslin and
Laukka, 2004), and additive (Eerola, Friberg and Bresin, 2013): mode, tempo, loudness, density, articulation, register
and timbre. Each is a number of about -2..2, 0 in the middle of music and where it can't be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CUES = ("profile", "mode", "density", "loudness", "tempo", "touch", "register", "brightness", "steadiness",
        "bustle")  # fmt: skip
"""The columns of what `midi_cues` and `audio_cues` return."""

RECORDED = ("loudness", "brightness", "steadiness")
"""Those that instruments, microphones, mastering or a sequencer's habits decide as much as the music does."""

_COMPANY = 20.0
"""So many samples make half a company, whose middle counts instead of that of all music."""

WIDEST = 2.0
"""Beyond so much, more of a cue says nothing more."""

_MODES = {"major": 1.0, "lydian": 0.7, "mixolydian": 0.7, "dorian": -0.4}
"""From happy to sad; the other modes are -1 (Temperley and Tan, 2013, "Emotional connotations of diatonic modes")."""

_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
"""Albrecht and Shanahan (2013)."""


def _turned(profile: Sequence[float]) -> Floats:
    """(12, 12): a profile on every tonic, each of mean 0 and length 1."""
    centred = np.array(profile) - np.mean(profile)
    turned: Floats = np.array([np.roll(centred, tonic) for tonic in range(12)]) / np.linalg.norm(centred)
    return turned


_ON_MAJOR, _ON_MINOR = _turned(_MAJOR), _turned(_MINOR)


def majorness(pitch_classes: Floats) -> Floats:
    """(n,) from (n, 12): how much better the best major key fits than the best minor one, as correlations."""
    centred = pitch_classes - pitch_classes.mean(axis=1, keepdims=True)
    centred = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    difference: Floats = (centred @ _ON_MAJOR.T).max(axis=1) - (centred @ _ON_MINOR.T).max(axis=1)
    return difference


def _octaves(values: Floats, middle: float) -> Floats:
    """How many doublings `values` lie over `middle`; 0 for what is not positive."""
    known = values > 0
    return np.where(known, np.log2(np.where(known, values, middle) / middle), 0.0)


def _columns(*cues: Floats) -> Floats:
    return np.clip(np.nan_to_num(np.column_stack(cues), posinf=WIDEST, neginf=-WIDEST), -WIDEST, WIDEST)


def _of_mode(modes: Sequence[str | None]) -> Floats:
    return np.array([0.0 if mode is None else _MODES.get(mode, -1.0) for mode in modes], np.float64)


SIZES = {"midi": 117, "audio": 128}
"""Numbers of a vector, by type of file."""


def are_numbers(kind: str, vector: bytes) -> bool:
    """Whether a vector of a type of file, as float32, is whole and finite; one of another version, or torn, is not."""
    return len(vector) == 4 * SIZES[kind] and bool(np.isfinite(np.frombuffer(vector, "<f4")).all())


class Heard(NamedTuple):
    """Features of n samples of one type of file, as columns."""

    vectors: Floats
    """(n, 117) of MIDI, (n, 128) of audio."""
    modes: Sequence[str | None]
    """A person's, where one said it."""
    tempi: Floats
    """BPM, likewise; 0 where there is none."""
    onset_rates: Floats
    """Onsets a second, of audio; 0 where that is not known."""


def midi_cues(heard: Heard) -> Floats:
    """(n, cues) of MIDI. Where all notes are struck alike, nobody has said how loud they are."""
    vectors = heard.vectors
    pitch, density, loud, spread = vectors[:, 12] * 127, vectors[:, 15] * 8, vectors[:, 47] * 127, vectors[:, 48]
    nothing = np.zeros(len(vectors))
    return _columns(
        majorness(vectors[:, :12]) / 0.18,
        _of_mode(heard.modes),
        _octaves(density, 5.0),
        np.where(spread > 0, (loud - 64) / 16, 0.0),
        _octaves(heard.tempi, 100.0),
        vectors[:, 51] * 2,
        np.where(pitch > 0, (pitch - 62) / 12, 0.0),
        nothing,
        nothing,
        nothing,
    )


def audio_cues(heard: Heard) -> Floats:
    """(n, cues) of audio. Loudness is how full the bands are for the level of the sound, which is the mastering's.

    Bustle is how much the broad shape of the spectrum moves (strokes, entries, sections) beside its fine structure
    (the harmonics of single notes), as deviations of the low and high MFCC: unlike the others it is about the same
    for piano, strings and brass that play the same.
    """
    vectors = heard.vectors
    nothing = np.zeros(len(vectors))
    broad, fine = vectors[:, 21:31].mean(axis=1), vectors[:, 31:40].mean(axis=1)
    return _columns(
        majorness(vectors[:, 40:52]) / 0.2,
        _of_mode(heard.modes),
        _octaves(heard.onset_rates, 2.5),
        (vectors[:, -32:].mean(axis=1) - 20 * np.log10(np.maximum(vectors[:, 57] / 10, 1e-6))) / 4,
        _octaves(heard.tempi, 100.0),
        nothing,
        nothing,
        _octaves(vectors[:, 52] * 5000, 1200.0) * 2,
        2.2 - vectors[:, 58] / np.maximum(vectors[:, 57], 1e-6) * 4,
        _octaves(np.where(vectors[:, 39] > 0, broad / np.maximum(fine, 1e-6), 0.0), 1.25) * 3,
    )


def among_others(cues: Floats) -> Floats:
    """`cues` with those of `RECORDED` taken from the middle of these samples, the more so the more they are.

    Where all is brass, or all was sequenced loud, that says nothing of one piece. What can't be told stays 0.
    """
    centred = cues.copy()
    for place in map(CUES.index, RECORDED):
        told = cues[:, place] != 0
        if told.any():
            number = np.count_nonzero(told)
            centred[told, place] -= cues[told, place].mean() * number / (number + _COMPANY)
    return centred


_WORDS = {
    "density": ("few notes", "many notes"),
    "loudness": ("quiet", "loud"),
    "touch": ("", "short notes"),
    "register": ("low", "high"),
    "brightness": ("dark", "bright"),
    "bustle": ("still", "bustling"),
}
_STANDS_OUT = 0.5


def in_words(cues: Sequence[float], mode: str | None, bpm: float) -> str:
    """What was heard, for the screen: ``minor, 68 BPM, quiet, few notes``."""
    said = [mode.replace("_", " ")] if mode else []
    if bpm > 0:
        said.append(f"{bpm:.0f} BPM")
    for name, cue in zip(CUES, cues, strict=True):
        if name in _WORDS and abs(cue) >= _STANDS_OUT:
            said.append(_WORDS[name][int(cue > 0)])
    return ", ".join(word for word in said if word) or "nothing stands out"

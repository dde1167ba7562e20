"""The chords of audio: notes that explain the spectrum of each half beat, read as the chords of a score are.

A quarter of the samples is enough for pitches up to 2 kHz, and gives long windows that part semitones in the bass.
The mean spectrum of each half beat, by pitch, is explained by notes whose overtones fall by a fixed ratio
(non-negative least squares: Mauch and Dixon 2010, "Approximate note transcription for the improved identification of
difficult chords"; by the multiplicative updates of Lee and Seung 2001), so that an overtone is no pitch of its own.
The pitch classes of these notes, those of the low ones and the lowest note are then weighed as
`kelly_tui.music.chords` weighs what a score holds, and Viterbi's path is the progression.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.spectrum import Floats, Spectrum
from kelly_tui.music.chord_stretches import NONE as NO_CHORD
from kelly_tui.music.chord_stretches import Content, Second, Weights, second_look, shares
from kelly_tui.music.chords import NONE, STATES, STRETCH_STATE, best_path, evidence, lead, named
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.runs import runs
from kelly_tui.text import count

Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]

_DECIMATION, _N_FFT, _WINDOW, _HOP = 4, 2048, 1024, 512
_LOWEST, _HIGHEST, _TREBLE, _BASS = 28, 96, 45, 54
"""MIDI pitches that are looked for; pitch classes count from the third, those of the bass below the fourth."""
_BANDS = 3
"""A semitone has."""
_OVERTONES, _DECAY = 12, 0.7
"""How many partials a note has, and the factor from one to the next."""
_UPDATES = 15
_LONGEST_BEAT = 0.75
"""Seconds; longer ones are halved."""
_WITHOUT_BEATS = 0.25
"""Seconds of a window where there are no beats."""
_AHEAD = 0.02
"""Seconds by which a beat is struck before its onset is at its strongest."""
_UNDER = 3e-5
"""Of the power the least part that lies where pitches are looked for: of a sine above that 1e-5 stays at most, of
music 0.7 at least."""
_FLAT = 0.03
"""How much of the spectrum stands out at the pitches: of drums, noise and clicks about 0.02, of music 0.03 to 0.4."""

# Weights of maximum likelihood with a quadratic penalty, on renderings by two sound fonts and twelve instruments of
# 40 songs of POP909, 37 chorales by Bach and 20 madrigals by Monteverdi in two folds; out of fold 89 % of the time of
# the songs on a piano is named right, 83 % of those on other instruments.
_PRIORS = {
    "": 1.00,
    "m": 0.91,
    "7": -0.33,
    "m7": -0.49,
    "maj7": -0.82,
    "dim": 0.46,
    "m7b5": -0.67,
    "dim7": -0.86,
    "sus4": -0.18,
    "sus2": -0.04,
    "aug": -0.94,
}
_EVIDENCE = evidence(
    np.array(
        [  # root, third, fifth, seventh, a semitone from a chord tone, farther
            [2.06, 2.02, 1.99, 1.89, -0.40, -0.64],  # strength of the pitch class
            [0.57, 0.27, 0.51, 0.02, -0.40, -0.40],  # of it among the low notes
            [0.36, 0.07, -0.50, 0.23, -0.40, -0.57],  # it is the bass
        ]
    )
)
_STATE_PRIORS = np.array([_PRIORS[quality] for _, quality in STATES], np.float32)
_NO_CHORD = np.array([1.97, -1.16, -0.58, 0.82])
"""For no chord: always, by loudness, by how even the pitch classes are, by how strong the strongest note is."""
_CHANGE = np.array([5.97, 3.37])
"""Cost of a change of chord between beats, on a beat."""
_SURE = np.array([0.55, 0.85, 0.14, -5.28, 5.95])
"""The logit of the share of the time whose chord is named as it is, with its seventh and its bass, by `certainty`.
Maximum likelihood, as `tests.accuracy.chord_sure` prints it: in five folds what says 0.44 is right for 0.44 of the time
of 200 pieces made by rule, 0.61 for 0.62, 0.78 for 0.77, 0.87 for 0.92; of 20 songs 0.64 for 0.64, 0.76 for 0.79."""
_SUREST = 0.95

_LEAK, _LEAK_BESIDE = 0.12, 0.25
"""Mean strength that a pitch class has of overtones, and its share of a semitone beside it."""
# Fitted on twenty clips of songs and on renderings of chords made by rule by a piano and strings. In two folds 47 % of
# the time of these is right, 37 % without a second look; the songs keep 88 %.
_WEIGHTS = Weights(
    parts=np.array(
        [  # root, third, fifth, seventh, a semitone from a chord tone, farther
            [0.86, 1.66, 1.77, 1.00, -3.45, -1.85],
            [0.00, 0.00, 0.00, 0.00, 0.00, 0.00],
            [2.16, 1.18, -0.13, 0.94, -1.66, -2.48],
            [-0.03, -0.73, -1.06, -1.37, 0.00, 0.00],
        ]
    ),
    whole=1.19,
    foreign=0.49,
    open=2.89,
    same=np.array([0.63, 0.63, 0.87]),
    qualities=np.array([1.83, 1.91, -0.28, -0.15, -0.53, 0.99, -0.03, 0.27, -0.80, -1.43, 0.64, -0.44, -1.72, -0.26]),
)
_ALONE = 0.35
"""Share of the strongest pitch class under which all others are its overtones and neighbours; chords have 0.5."""
_PREFERRED = 0.6
"""How sure the second look must be to be preferred: of sound it errs more than of notes."""


def find_chords(spectrum: Spectrum, beat_times: Doubles) -> Detection[list[tuple[float, str]]]:
    """(time in seconds, name) of each chord; ``N`` where there is none. `beat_times` in seconds; there may be none."""
    seconds = len(spectrum.samples) / spectrum.rate
    if seconds < 4 * _WITHOUT_BEATS:
        return unknown("too short for chords")
    edges, on_beat = _windows(beat_times, seconds)
    low = _low(spectrum)
    if np.mean(low**2) < _UNDER * np.var(spectrum.samples):
        return unknown(f"nothing sounds below {spectrum.rate / _DECIMATION / 2000:.1f} kHz, where chords do")
    bands, level = _pitch_bands(spectrum, low, edges)
    heard = bands[level > 0.1 * np.percentile(level, 90)]
    if not len(heard):
        return unknown("no pitch sounds")
    by_pitch = heard.reshape(len(heard), -1, _BANDS)
    above = by_pitch[:, :, 1] - (by_pitch[:, :, 0] + by_pitch[:, :, 2]) / 2
    standing_out = np.maximum(above, 0).sum(axis=1) / np.maximum(by_pitch.sum(axis=(1, 2)), 1e-12)
    if np.median(standing_out) < _FLAT:
        return unknown("no pitch stands out")
    notes = _explained(bands, spectrum.rate / _DECIMATION)
    heard, none, bass = _evidence_in(notes, level)
    scores = _weighed(heard, none)
    costs = _CHANGE[on_beat[: len(notes)].astype(np.int64)]
    path = best_path(scores, costs.astype(np.float32))
    starts, lengths = runs(STRETCH_STATE[path])
    held = _content(heard[:, :12], bass, starts, lengths)
    second = second_look(STRETCH_STATE[path[starts]], held, _WEIGHTS, _PREFERRED)
    chords = named(starts, np.where(_alone(heard[:, :12], starts, lengths), NO_CHORD, second.states), second.bass)
    progression = [(round(max(float(edges[at]), 0.0), 4), name) for at, name in chords]
    if all(name == "N" for _, name in progression):
        return unknown("no chord lasts")
    one_by_one = min(1.0, 2 - 2 * _share_alone(heard[:, :12]))
    logit = float(certainty(scores, path, second, lengths) @ _SURE)
    confidence = max(0.05, min(_SUREST, 1 / (1 + math.exp(-logit))) * one_by_one)
    why = f"{count(len(progression), 'chord')} heard in {count(len(path), 'half beat')}"
    return Detection(progression, confidence, why)


def certainty(scores: Singles, path: NDArray[np.int64], second: Second, lengths: NDArray[np.int64]) -> Doubles:
    """(5,) what says how much is named right: always, how far the chords of a path are ahead of those on other roots
    and of others on their own, the share of the time that the second look doubted, and by how sure it was then."""
    doubted = second.doubted * lengths / lengths.sum()
    ahead = (lead(scores, path), lead_on_root(scores, path))
    return np.array([1.0, *ahead, doubted.sum(), doubted @ second.sure])


def lead_on_root(scores: Singles, path: NDArray[np.int64]) -> float:
    """How far the chords of a path are ahead of the others on their roots in its windows, each from -4 to 4."""
    chord = path < NONE
    if not chord.any():
        return 0.0
    count, states = np.arange(int(chord.sum())), path[chord]
    of_root = scores[chord, :NONE].reshape(len(count), 12, -1)[count, states * 12 // NONE]
    own = states % (NONE // 12)
    told = of_root[count, own]
    others = of_root.copy()
    others[count, own] = -np.inf
    return float(np.clip(told - others.max(axis=1), -4.0, 4.0).mean())


def _alone(strength: Floats, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(stretches,) where one pitch class sounds, which is no chord, in a clip most of whose stretches are so."""
    ordered = np.sort(np.add.reduceat(strength, starts), axis=1)
    alone: NDArray[np.bool_] = ordered[:, -2] < _ALONE * ordered[:, -1]
    return alone & bool(2 * lengths[alone].sum() > lengths.sum())


def _share_alone(strength: Floats) -> float:
    """0..1: of the windows that sound, those where one pitch class does; in songs up to a half, in a line more."""
    ordered = np.sort(strength[strength.max(axis=1) > 0], axis=1)
    return float(np.mean(ordered[:, -2] < _ALONE * ordered[:, -1])) if len(ordered) else 1.0


def _content(
    strength: Floats, bass: NDArray[np.int64], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Content:
    """What each stretch holds: the mean strengths of pitch classes, (windows, 12), above what leaks from others."""
    mean = np.add.reduceat(strength.astype(np.float64), starts) / lengths[:, None]
    beside = np.maximum(np.roll(mean, 1, axis=1), np.roll(mean, -1, axis=1))
    above: Doubles = np.maximum(mean - np.maximum(_LEAK, _LEAK_BESIDE * beside), 0.0) * lengths[:, None]
    stretch, sounds = np.arange(len(starts)).repeat(lengths), bass >= 0
    low = np.bincount(stretch[sounds] * 12 + bass[sounds], minlength=12 * len(starts)).reshape(-1, 12)
    bass_share = (low / np.maximum(low.sum(axis=1, keepdims=True), 1)).astype(np.float64)
    return shares(above, np.zeros((len(starts), 12)), bass_share, lengths)


def _windows(beat_times: Doubles, seconds: float) -> tuple[Doubles, NDArray[np.bool_]]:
    """The edges of the half beats, from the start to the end, and which of them are beats."""
    if len(beat_times) < 4:
        edges: Doubles = np.arange(0.0, seconds + _WITHOUT_BEATS, _WITHOUT_BEATS)
        return edges, np.ones(len(edges), np.bool_)
    period = float(np.median(np.diff(beat_times)))
    before = np.arange(beat_times[0] - period, -period, -period)[::-1]
    after = np.arange(beat_times[-1] + period, seconds + period, period)
    beats = np.concatenate((before, beat_times, after))
    while np.median(np.diff(beats)) > _LONGEST_BEAT:
        beats = _halved(beats)
    return _halved(beats) - _AHEAD, np.arange(2 * len(beats) - 1) % 2 == 0


def _halved(times: Doubles) -> Doubles:
    halved = np.empty(2 * len(times) - 1)
    halved[::2] = times
    halved[1::2] = (times[1:] + times[:-1]) / 2
    return halved


def _low(spectrum: Spectrum) -> Floats:
    """(samples,): what sounds in the lower quarter of the frequencies, at a quarter of the rate."""
    import soxr

    centred = spectrum.samples - spectrum.samples.mean()  # a constant would sound where it begins and ends
    low: Floats = soxr.resample(centred, _DECIMATION, 1, quality="LQ")
    return low


def _pitch_bands(spectrum: Spectrum, low: Floats, edges: Doubles) -> tuple[Floats, Doubles]:
    """(windows, bands): the mean magnitude of each window in thirds of semitones, tuned; and (windows,) its level.

    `low`: see `_low`.
    """
    from scipy import fft

    padded = np.pad(low, _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)
    transform = fft.rfft(frames * hann, _N_FFT, axis=1)
    power = np.square(transform.real) + np.square(transform.imag)
    frame_rate = spectrum.rate / (_DECIMATION * _HOP)
    starts = np.clip(np.rint(edges * frame_rate).astype(np.int64), 0, len(power))
    first = np.minimum(starts[:-1], len(power) - 1)
    counts = np.maximum(np.diff(np.append(first, max(int(starts[-1]), int(first[-1]) + 1))), 1)[:, None]
    ends = int(first[-1] + counts[-1, 0])
    magnitude = np.add.reduceat(np.sqrt(power[:ends]), first, axis=0) / counts
    level = np.sqrt(np.add.reduceat(power[:ends].mean(axis=1, dtype=np.float64), first) / counts[:, 0])
    bands = _band_weights(spectrum.rate / _DECIMATION, round(20 * spectrum.tuning) / 20)
    return (magnitude @ bands).astype(np.float32), level


@lru_cache(maxsize=24)
def _band_weights(rate: float, tuning: float) -> Floats:
    """(bins, bands): raised cosines about the centre of each band, as wide as a band, a bin at least."""
    frequencies = np.arange(_N_FFT // 2 + 1) * rate / _N_FFT
    steps = (np.arange((_HIGHEST - _LOWEST + 1) * _BANDS) - _BANDS // 2) / _BANDS
    centres = 440.0 * 2 ** ((_LOWEST - 69 + tuning + steps) / 12)
    width = np.maximum(centres * (2 ** (1 / 12 / _BANDS) - 1), rate / _N_FFT)
    away = np.minimum(np.abs(frequencies[:, None] - centres) / width, 1.0)
    weights = 0.5 + 0.5 * np.cos(np.pi * away)
    return np.asarray(weights / np.maximum(weights.sum(axis=0), 1e-9), np.float32)


@lru_cache(maxsize=2)
def _note_spectra(rate: float) -> Floats:
    """(pitches, bands): the spectrum of each note as the window shows it, of length 1."""
    pitches = np.arange(_LOWEST, _HIGHEST + 1)
    partials = np.arange(1, _OVERTONES + 1)
    hertz = 440.0 * 2 ** ((pitches - 69) / 12)[:, None] * partials
    away = (np.arange(_N_FFT // 2 + 1) * rate / _N_FFT - hertz[:, :, None]) * (_WINDOW / rate)
    # The transform of a Hann window, in its main lobe.
    lobes = np.sinc(away) / np.where(np.abs(np.abs(away) - 1) < 1e-6, 1e-6, 1 - away**2)
    lobes = np.where(np.abs(away) < 1.99, np.abs(lobes), 0.0)
    spectra = np.einsum("h,phf->pf", _DECAY ** (partials - 1), lobes) @ _band_weights(rate, 0.0)
    return np.asarray(spectra / np.linalg.norm(spectra, axis=1, keepdims=True), np.float32)


def _explained(bands: Floats, rate: float) -> Floats:
    """(windows, pitches): how much of each note explains the spectrum best."""
    spectra = _note_spectra(rate)
    target, overlap = bands @ spectra.T + np.float32(1e-12), spectra @ spectra.T
    notes: Floats = np.maximum(target, np.float32(1e-9))
    for _ in range(_UPDATES):
        notes *= target / (notes @ overlap + np.float32(1e-9))
    return notes


def _weighed(heard: Floats, none: Doubles) -> Floats:
    """How well each chord fits each window, (windows, states)."""
    scores = np.empty((len(heard), NONE + 1), np.float32)
    np.matmul(heard, _EVIDENCE, out=scores[:, :NONE])
    scores[:, :NONE] += _STATE_PRIORS
    scores[:, NONE] = none @ _NO_CHORD
    return scores


def _evidence_in(notes: Floats, level: Doubles) -> tuple[Floats, Doubles, NDArray[np.int64]]:
    """(windows, 36) for chords: pitch classes, those of the low notes, the bass; (windows, 4) for none; the bass."""
    largest = notes.max(axis=1, keepdims=True)
    gate = np.minimum(1.0, largest / max(0.15 * float(np.percentile(largest, 90)), 1e-9))
    pitches = np.arange(_LOWEST, _HIGHEST + 1)
    treble = _pitch_classes(notes[:, pitches >= _TREBLE], _TREBLE) * gate
    low = _pitch_classes(notes[:, pitches < _BASS], _LOWEST) * gate
    peaks = notes[:, 1:-1] > np.maximum(np.maximum(notes[:, :-2], notes[:, 2:]), 0.25 * largest)
    lowest = (_LOWEST + 1 + peaks.argmax(axis=1)) % 12
    bass = (lowest[:, None] == np.arange(12)) * gate
    loudness = np.minimum(1.0, level / max(float(np.percentile(level, 90)), 1e-12))
    none = np.column_stack((np.ones(len(notes)), loudness, treble.mean(axis=1), gate))
    heard = np.concatenate((treble, low, bass), axis=1, dtype=np.float32)
    return heard, none, np.where(gate[:, 0] < 1, -1, lowest)


def _pitch_classes(notes: Floats, first: int) -> Floats:
    """(windows, 12): the sums over octaves from C, compressed, the largest 1. `first`: the pitch of the first."""
    classes = (first + np.arange(notes.shape[1])) % 12
    sums = notes @ (classes[:, None] == np.arange(12)).astype(np.float32)
    compressed: Floats = (sums / np.maximum(sums.max(axis=1, keepdims=True), np.float32(1e-9))) ** np.float32(0.7)
    return compressed

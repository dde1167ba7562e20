"""The key of audio: what its spectral peaks say of its scale, its bass, its chords and its two ends.

Peaks are folded to pitch classes after the first overtones of lower ones are taken off (after Gomez, 2006, "Tonal
description of polyphonic audio for music content processing"); what they say for each key is weighed by a multinomial
logit, so that the sum is a log-odds and the confidence a probability. That is of major and minor; beside the
likeliest of them each key in another mode is weighed by what speaks more for it: its triad, its scale, the degrees that
the mode is known by (as `music.key` has them), the bass, the time on its triad, and the two ends.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.spectrum import N_FFT, Floats, Spectrum
from kelly_tui.model.labels import KEYS
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.key import CHARACTER
from kelly_tui.music.modulation import BASS, NOTES, Region, regions_of, said_at_home
from kelly_tui.music.theory import SCALES

Doubles = NDArray[np.float64]
Key = tuple[str, str]

_MAJOR_SCALE, _MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10, 11)

_LOWEST, _HIGHEST = 33, 99
"""MIDI pitches whose peaks count: 55 to 2,500 Hz."""
_OUT_OF_TUNE = 0.2
"""Semitones from the nearest pitch at which a peak counts 0.6 of its magnitude."""
_FAINTEST = 1e-4
"""Of the largest magnitude: what is less is no peak."""
_OVERTONES = ((12, 0.15), (19, 0.15), (28, 0.1))
"""Semitones above a pitch, and how much of it is taken off there."""
_LOUDNESS = 0.25
"""The power of a frame's loudness by which it counts."""
_BASS = 0.15
"""The lowest pitch above this part of the frame's strongest is the bass."""
_TONAL = 0.2
"""Share of the magnitude that is in peaks in tune: of drums, clicks and noise up to 0.19, of music from 0.22."""
_SURENESS = 0.6
"""By which what half seconds say for keys counts beside what the whole does, whose chances are of music in one key."""
_CHANGING = 2.0
"""How much a second says for a key over time, where in notes a quarter does."""
_PRESENT = 0.3
"""Of the strongest pitch class of half a second: above it another is there."""
_THERE, _FEW = 0.1, 3
"""Of the strongest pitch class of the whole: above it another is there; so few of them are a chord, struck or broken,
that is in many keys. Of 250 clips of music the fewest are six."""
_CHORD, _LAST = 0.5, 3
"""Seconds in which one chord is looked for, and how many of these the last one has."""
_QUIET = 0.15
"""Of the whole's level: where the first 5 ms or the last 50 ms are below, the piece begins or ends there."""

_TRACE = 0.03
"""Share of a pitch class that overtones and noise may have."""

_WEIGHTS = np.array([19.0, 2.08, -4.8, 3.56, 3.99, 0.63, 2.56, 3.11])
"""Of `key_evidence`: maximum likelihood with a quadratic penalty on half a minute of 80 pop performances and on 60
chorales by one sound font, and 50 of them by another. In two folds 91 % are right, 92 by MIREX's weights."""
_MODE_WEIGHTS = np.array([7.28, 2.08, 2.81, 1.6, 1.44, 2.1, 3.96, 1.58, 1.92])
_MODE_PRIORS = np.tile([-4.57, -3.85, -3.73, -3.18], 12)
"""Of `mode_evidence` and of each mode but major and minor: by the same, with 240 loops of chords in the six modes, made
by rule and played, each of which counts 0.14. In two folds 75 % of the loops in these four modes have tonic and mode
right, and no annotated clip is lost to them."""
_SURE, _SURE_CHANCE, _SURE_LONG, _SURE_CHANCE_LONG, _SURE_MODE_LONG = 0.33, 0.64, 0.34, 0.14, 0.34
_LONG = 30.0
"""The log-odds that a key is right: always, by the logit's, by how long the music is, by both (after Platt, 1999), and
by how long if the mode is none of major and minor. In octaves under this many seconds: three seconds say as much for a
key by their shares as a minute does, and are right for half of the time. Fitted out of fold on 3,849 excerpts of 1.5 s
to all, loops half as much as what is annotated: of whole ones 0.62 is right for 0.66, 0.80 for 0.88, 0.94 for 1."""

_TONIC = np.repeat(np.arange(12), 2)
_IS_MINOR = np.tile([0, 1], 12)
_THIRD, _FIFTH = (_TONIC + 4 - _IS_MINOR) % 12, (_TONIC + 7) % 12
_PITCH_CLASS = np.arange(_LOWEST, _HIGHEST + 1) % 12


def _for_all_keys(*modes: Doubles) -> Doubles:
    """(12 * modes, 12): each mode of C, of C sharp and so on."""
    return np.array([np.roll(of, tonic) for tonic in range(12) for of in modes])


def _member(steps: tuple[int, ...]) -> Doubles:
    return np.isin(np.arange(12), steps).astype(np.float64)


_OUT_OF_SCALE = 1.0 - _for_all_keys(_member(_MAJOR_SCALE), _member(_MINOR_SCALE))
_TRIADS = _for_all_keys(_member((0, 4, 7)), _member((0, 3, 7)))

_MODES = ("major", "minor", "mixolydian", "lydian", "dorian", "phrygian")
"""Those that are told from sound. Locrian, whose tonic triad is diminished, is not; nor which form minor keeps to."""
_ROWS = 12 * len(_MODES)
_TONICS = np.repeat(np.arange(12), len(_MODES))
_STATES = 2 * _TONICS + np.tile([4 not in SCALES[mode] for mode in _MODES], 12)
"""(rows,) the major or minor key of the same tonic and third."""
_OTHERS = np.flatnonzero(np.tile([mode not in ("major", "minor") for mode in _MODES], 12))
_PLAIN = np.setdiff1d(np.arange(_ROWS), _OTHERS)
"""The rows of other modes than these two, and theirs."""
_OUT_OF_MODE = 1.0 - _for_all_keys(
    _member(_MAJOR_SCALE), _member(_MINOR_SCALE), *(_member(SCALES[mode]) for mode in _MODES[2:])
)
_HAS, _HAS_NOT = (
    (np.array([[pair[side] for pair in CHARACTER[mode]] for mode in _MODES] * 12).T + _TONICS) % 12 for side in (0, 1)
)
"""(2, rows) the pitch classes that a mode is known by, and those that it has them instead of."""


def find_key(spectrum: Spectrum) -> Detection[Key]:
    """Tonic and mode of the whole signal."""
    return find_keys(spectrum)[0]


def find_keys(spectrum: Spectrum) -> tuple[Detection[Key], list[Region]]:
    """Tonic and mode of the whole signal; and the keys one after another, none if unknown."""
    if len(spectrum.samples) < spectrum.rate:
        return unknown("shorter than a second"), []
    strengths, tonal = pitch_strengths(spectrum)
    if tonal < _TONAL:
        return unknown("no pitches stand out"), []
    if np.count_nonzero(strengths.max(axis=0) > 0.1 * strengths.max()) < 3:
        return unknown("fewer than three pitches"), []
    begins, ends = _begins_and_ends(spectrum.samples, spectrum.rate)
    heard = hear(strengths, spectrum.rate / spectrum.hop)
    classes = heard.folded.sum(axis=0)
    if np.count_nonzero(classes > _THERE * classes.max()) <= _FEW:
        return unknown(f"{_FEW} pitch classes or fewer tell no key"), []
    if (heard.triads == heard.triads[0]).all():
        return unknown("one pitch or chord alone tells no key"), []
    odds = key_evidence(heard, begins, ends) @ _WEIGHTS
    likeliest = int(odds.argmax())
    of_all = np.empty(_ROWS)
    of_all[_PLAIN] = odds
    of_all[_OTHERS] = odds[likeliest] + mode_evidence(heard, ends, likeliest) @ _MODE_WEIGHTS + _MODE_PRIORS
    chances = np.exp(of_all - of_all.max())
    chances /= chances.sum()
    second, best = np.argsort(chances)[-2:]
    seconds = len(spectrum.samples) / spectrum.rate
    key = _name(best)
    sure = _how_sure(float(chances[best]), seconds, key[1])
    whole = Detection(key, sure, f"{sure:.0%} likely; next {' '.join(_name(second))}")
    said = NOTES * _shares(heard.chords) + BASS * heard.basses
    scores: Doubles = _CHANGING * _CHORD * said @ said_at_home(key).T
    times = heard.starts.astype(np.float64) * (spectrum.hop / spectrum.rate)
    each = np.bincount(_STATES, chances, 24).astype(np.float64, copy=False)
    return regions_of(whole, each, scores, times, seconds, _SURENESS)


def _how_sure(chance: float, seconds: float, mode: str) -> float:
    """0..1: how often a key is right to which the logit gives this chance."""
    odds = math.log(max(chance, 1e-6) / max(1.0 - chance, 1e-6))
    shorter = math.log2(min(seconds, _LONG) / _LONG)
    logit = _SURE + _SURE_LONG * shorter + odds * (_SURE_CHANCE + _SURE_CHANCE_LONG * shorter)
    if mode not in ("major", "minor"):
        logit += _SURE_MODE_LONG * shorter
    return 1.0 / (1.0 + math.exp(-logit))


def _name(row: np.intp) -> Key:
    return KEYS[row // len(_MODES)], _MODES[row % len(_MODES)]


def pitch_strengths(spectrum: Spectrum) -> tuple[Doubles, float]:
    """(frames, pitches): the summed magnitude of spectral peaks by their nearest pitch; and their share of all.

    Peaks are placed between bins by a parabola through the logarithm, and tuned by `Spectrum.tuning`.
    """
    low, high = np.searchsorted(spectrum.frequencies, 440.0 * 2 ** ((np.array([_LOWEST, _HIGHEST]) - 69) / 12))
    before, here, after = (spectrum.magnitude[:, low + shift : high + shift] for shift in (-1, 0, 1))
    frame, peak = np.nonzero((here > before) & (here >= after) & (here > _FAINTEST * here.max()))
    height = here[frame, peak].astype(np.float64)
    a, b, c = (np.log(np.maximum(part[frame, peak], 1e-9)) for part in (before, here, after))
    offset = np.clip((a - c) / np.minimum(2 * (a - 2 * b + c), -1e-9), -0.5, 0.5)
    hertz = (low + peak + offset) * (spectrum.rate / N_FFT)
    pitch = 12 * np.log2(hertz / 440.0) + 69 - spectrum.tuning
    nearest = np.round(pitch)
    weight = height * np.exp(-0.5 * ((pitch - nearest) / _OUT_OF_TUNE) ** 2)
    count = len(_PITCH_CLASS)
    place = nearest.astype(np.int64) - _LOWEST
    within = (place >= 0) & (place < count)
    cell = (frame * count + place)[within]
    strengths = np.bincount(cell, weights=weight[within], minlength=len(here) * count).astype(np.float64)
    return strengths.reshape(-1, count), float(weight.sum() / max(float(here.sum(dtype=np.float64)), 1e-12))


class Heard(NamedTuple):
    """What sounds in each frame, and in each half second, of which `starts` are the first frames."""

    folded: Doubles
    """(frames, 12) strengths of the pitch classes, overtones taken off."""
    bass: Doubles
    """(frames, 12) the lowest pitch class, by the frame's loudness."""
    starts: NDArray[np.int64]
    chords: Doubles
    """(half seconds, 12)"""
    basses: Doubles
    """(half seconds, 12) shares."""
    triads: NDArray[np.int64]
    """(half seconds,) the major or minor triad that is nearest, a row of 24."""


def hear(strengths: Doubles, frame_rate: float) -> Heard:
    """`pitch_strengths` as pitch classes and basses, of quiet and loud frames alike."""
    plain = strengths.copy()
    for above, part in _OVERTONES:
        plain[:, above:] -= part * strengths[:, :-above]
    np.maximum(plain, 0, out=plain)
    loudness = plain.sum(axis=1)
    plain *= (np.maximum(loudness, 1e-12) ** (_LOUDNESS - 1))[:, None]
    folded = plain @ np.equal.outer(_PITCH_CLASS, np.arange(12)).astype(np.float64)

    sounding = loudness > 1e-3 * loudness.max()
    lowest = _PITCH_CLASS[np.argmax(plain > _BASS * plain.max(axis=1, keepdims=True), axis=1)]
    bass = np.equal.outer(lowest, np.arange(12)) * (sounding * loudness**_LOUDNESS)[:, None]

    count = max(1, int(len(folded) / (frame_rate * _CHORD)))
    starts = np.linspace(0, len(folded), count + 1).astype(np.int64)[:-1]
    basses = _shares(np.add.reduceat(bass, starts, axis=0))
    chords = np.add.reduceat(folded, starts, axis=0)
    sounds = chords / np.maximum(np.linalg.norm(chords, axis=1, keepdims=True), 1e-12)
    triads = ((sounds + basses / 3) @ _TRIADS.T).argmax(axis=1)
    return Heard(folded, bass, starts, chords, basses, triads)


def key_evidence(heard: Heard, begins: bool, ends: bool) -> Doubles:
    """(24, 8): for each key its triad, how little is outside its scale, the triad on its minor third (that of the
    relative major), chords that go from its dominant to its tonic, the tonic in the bass, as the first bass, and as the
    root of the last chord, major or minor; and whether that is minor's dominant, where a Phrygian cadence ends.
    """
    profile = _share(heard.folded.sum(axis=0))
    chords, basses = heard.chords, heard.basses
    present = _share((chords > _PRESENT * chords.max(axis=1, keepdims=True)).sum(axis=0))
    triads = heard.triads
    relative = np.bincount(triads, minlength=24)[2 * ((_TONIC + 3) % 12)] / len(triads)
    before, after = triads[:-1], triads[1:]
    moves = np.bincount(24 * before + after, minlength=24 * 24) * (1 - np.eye(24).ravel())
    last = np.bincount(triads[-_LAST:], minlength=24).argmax()
    return np.column_stack(
        [
            profile[_TONIC] + profile[_THIRD] + profile[_FIFTH],
            -np.log(_OUT_OF_SCALE @ present + 0.02),
            _IS_MINOR * relative,
            _share(moves)[24 * 2 * _FIFTH + np.arange(24)],
            _share(heard.bass.sum(axis=0))[_TONIC],
            begins * (basses[0].argmax() == _TONIC),
            ends * (last // 2 == _TONIC),
            ends * _IS_MINOR * (last == 2 * _FIFTH),
        ]
    )


def mode_evidence(heard: Heard, ends: bool, likeliest: int) -> Doubles:
    """(48, 9): of each key in another mode than major and minor what it has more than the `likeliest` of those, of 24:

    its triad, how little is outside its scale, the tonic in the bass, its triad as the last chord (what would be
    phrygian but for a major one is minor, ending on its dominant), the two degrees that the mode is known by rather
    than those it has them instead of, the time on its triad, that triad first, and the tonic as the first bass.
    """
    profile = _share(heard.folded.sum(axis=0))
    chords, triads = heard.chords, heard.triads
    present = _share((chords > _PRESENT * chords.max(axis=1, keepdims=True)).sum(axis=0))
    has, has_not = profile[_HAS], profile[_HAS_NOT]
    last, first = (np.bincount(part, minlength=24).argmax() for part in (triads[-_LAST:], triads[:_LAST]))
    evidence = np.column_stack(
        [
            (profile @ _TRIADS.T)[_STATES],
            -np.log(_OUT_OF_MODE @ present + 0.02),
            _share(heard.bass.sum(axis=0))[_TONICS],
            ends * (last == _STATES),
            *(has - has_not) / (has + has_not + _TRACE),
            (np.bincount(triads, minlength=24) / len(triads))[_STATES],
            first == _STATES,
            heard.basses[0].argmax() == _TONICS,
        ]
    )
    more: Doubles = evidence[_OTHERS] - evidence[_PLAIN[likeliest]]
    return more


def _shares(table: Doubles) -> Doubles:
    shares: Doubles = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-12)
    return shares


def _share(values: Doubles) -> Doubles:
    shares: Doubles = values / max(float(values.sum()), 1e-12)
    return shares


def _begins_and_ends(samples: Floats, rate: int) -> tuple[bool, bool]:
    """Whether the piece begins and ends in the signal, rather than being cut."""
    level, first, last = (
        float(np.sqrt(np.mean(np.square(part, dtype=np.float64))))
        for part in (samples, samples[: rate // 200], samples[-rate // 20 :])
    )
    return first < _QUIET * level, last < _QUIET * level

"""Chords at beat resolution: a hidden Markov model over what sounds in each beat.

Each chord gives the pitch classes and the bass that a beat of it would hold; a change of chord costs, and less so at
the start of a bar; Viterbi's path is the progression. After Raphael and Stoddard (2004), "Functional harmonic
analysis using probabilistic models", with fixed templates.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.notes import Score
from kelly_tui.music.theory import QUALITIES, chord_name

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LOG_PRIOR = {
    "": 0.0,
    "m": 0.0,
    "7": -0.6,
    "m7": -0.8,
    "maj7": -1.0,
    "dim": -1.2,
    "m7b5": -1.5,
    "dim7": -1.5,
    "sus4": -1.5,
    "aug": -2.5,
    "sus2": -2.5,
}
"""How much rarer a quality is than a triad."""
_STATES = [(root, quality) for root in range(12) for quality in _LOG_PRIOR]

_TONE_SHARES = {3: (0.36, 0.28, 0.24), 4: (0.30, 0.26, 0.19, 0.15)}
"""Of a beat's sounding time, root, third, fifth and seventh; the rest belongs to non-chord tones."""
_BASS_SHARES = {3: (0.70, 0.13, 0.10), 4: (0.68, 0.10, 0.08, 0.06)}
_PITCH_WEIGHT, _BASS_WEIGHT = 3.0, 0.4
"""How much a beat's pitches and its bass count against the cost of a change."""
_CHANGE, _CHANGE_IN_BAR, _CHANGE_OFF_BEAT = 2.0, 2.8, 4.0
"""Cost of a change of chord at the start of a bar, on another beat, between beats."""
MOST_WINDOWS = 20_000
"""In longer music the windows grow."""


def _templates(shares: dict[int, tuple[float, ...]]) -> Floats:
    """(states, 12) log-probabilities of pitch classes."""
    rows = []
    for root, quality in _STATES:
        steps = QUALITIES[quality]
        tones = shares[len(steps)]
        row = np.full(12, (1.0 - sum(tones)) / (12 - len(steps)))
        row[[(root + step) % 12 for step in steps]] = tones
        rows.append(row)
    return np.log(rows)


_PITCH_LOGS, _BASS_LOGS = _templates(_TONE_SHARES), _templates(_BASS_SHARES)
_IS_TONE = np.array([[(pitch - root) % 12 in QUALITIES[quality] for pitch in range(12)] for root, quality in _STATES])
_PRIORS = 0.25 * np.array([_LOG_PRIOR[quality] for _, quality in _STATES])
_EVIDENCE = np.concatenate((_PITCH_WEIGHT * _PITCH_LOGS, _BASS_WEIGHT * _BASS_LOGS), axis=1).T.astype(np.float32)
"""(24, states): what a beat's pitches and its bass say for each chord."""


class Windows(NamedTuple):
    """What sounds in each beat."""

    beats: Floats
    """(n,) where each starts, quarter notes."""
    sounding: Floats
    """(n, 12) quarter notes that each pitch class sounds."""
    bass: Ints
    """(n,) pitch class of the lowest note; -1 in silence."""
    strong: NDArray[np.int64]
    """(n,) 2 at the start of a bar, 1 on another beat, 0 between beats."""


def beat_windows(score: Score) -> Windows:
    """The pitched notes of `score` cut at every beat of its meter, half beats apart."""
    notes = score.pitched
    starts, ends = notes["onset_beat"], notes["onset_beat"] + notes["duration_beat"]
    beat, bar, offset = _grid(score)
    step = max(beat / 2, float(ends.max()) / MOST_WINDOWS)
    origin = offset - step * math.ceil(offset / step)
    first = np.floor((starts - origin) / step + 1e-6).astype(np.int64)
    last = np.maximum(np.ceil((ends - origin) / step - 1e-6).astype(np.int64), first + 1)
    lengths = np.minimum(last - first, MOST_WINDOWS)
    which = np.repeat(np.arange(len(notes)), lengths)
    window = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    lower = origin + window * step
    overlap = np.minimum(ends[which], lower + step) - np.maximum(starts[which], lower)
    overlap = np.clip(overlap, step / 16, step)
    count = int(window.max()) + 1
    pitches = notes["pitch"][which].astype(np.int64)
    sounding = np.bincount(window * 12 + pitches % 12, weights=overlap, minlength=count * 12).astype(np.float64)
    low = np.full(count, 255)
    held = overlap > step / 4  # a bass that has just been left is not the bass
    np.minimum.at(low, window[held], pitches[held])
    beats: Floats = origin + step * np.arange(count, dtype=np.float64)
    in_bar = np.abs((beats - offset) / bar - np.rint((beats - offset) / bar)) < 1e-6
    on_beat = np.abs((beats - offset) / beat - np.rint((beats - offset) / beat)) < 1e-6
    return Windows(
        beats, sounding.reshape(count, 12), np.where(low == 255, -1, low % 12), in_bar.astype(np.int64) + on_beat
    )


def _grid(score: Score) -> tuple[float, float, float]:
    """Quarter notes of a beat and of a bar, and where a bar starts, by the longest-held meter."""
    if not score.meters:
        return 1.0, 4.0, 0.0
    starts = np.array([meter.beat for meter in score.meters])
    end = float(score.notes["onset_beat"][-1])
    meter = score.meters[int(np.argmax(np.diff(np.append(starts, max(end, starts[-1])))))]
    unit = 4.0 / meter.denominator
    compound = meter.denominator >= 8 and meter.numerator % 3 == 0 and meter.numerator > 3
    beat = 3 * unit if compound else min(unit, 1.0)
    return beat, meter.numerator * unit, meter.beat


def detect_chords(score: Score) -> Detection[list[tuple[float, str]]]:
    """(time in seconds, name) of each chord; ``N`` where nothing sounds for more than a bar's beat."""
    notes = score.pitched
    if len(notes) < 3:
        return unknown("no pitched notes" if len(notes) == 0 else f"{len(notes)} notes make no progression")
    windows = beat_windows(score)
    amounts = windows.sounding.sum(1)
    shares = windows.sounding / np.maximum(amounts, 1e-9)[:, None]
    basses = windows.bass[:, None] == np.arange(12)
    # A thin beat says less than a full one.
    heard = np.concatenate((shares, basses), axis=1) * np.minimum(1.0, amounts)[:, None]
    scores = heard.astype(np.float32) @ _EVIDENCE + _PRIORS.astype(np.float32)
    costs = np.array([_CHANGE_OFF_BEAT, _CHANGE_IN_BAR, _CHANGE])[windows.strong]
    path = _viterbi(scores, costs)
    chords = _segments(windows, path, amounts)
    times = score.beat_to_time(np.array([beat for beat, _ in chords])).clip(0.0)
    named = [(time, name) for time, (_, name) in zip(times.round(4).tolist(), chords)]
    explained = float((windows.sounding * _IS_TONE[path]).sum() / max(windows.sounding.sum(), 1e-9))
    why = f"{len(named)} chords, {explained:.0%} of the sounding time is chord tones"
    return Detection(named, min(0.95, max(0.05, 1.6 * explained - 0.6)), why)


def _viterbi(scores: NDArray[np.float32], costs: Floats) -> Ints:
    """The best path when every change costs the same: (n,) states."""
    best = scores.copy()  # row by row, the score of the best path to each state
    rows = list(best)
    reached = np.empty(scores.shape[1], np.float32)
    for before, row, cost in zip(rows, rows[1:], costs[1:].tolist()):
        np.maximum(before, before.item(before.argmax()) - cost, out=reached)
        np.add(row, reached, out=row)
    tops = best.argmax(1)
    changed = best[np.arange(len(best)), tops][:-1] - costs[1:]
    path: Ints = tops.copy()
    state = int(tops[-1])
    for at in range(len(best) - 2, -1, -1):
        if best[at, state] < changed[at]:
            state = int(tops[at])
        path[at] = state
    return path


_SILENCE = 4
"""Windows without a note after which there is no chord any more."""


def _segments(windows: Windows, path: Ints, amounts: Floats) -> list[tuple[float, str]]:
    """Beat and name of each stretch of one chord, its bass where most of the stretch has another than the root."""
    silent = amounts <= 0
    runs = np.concatenate(([0], np.cumsum(np.diff(silent) != 0)))
    silent &= np.bincount(runs)[runs] >= _SILENCE
    states = np.where(silent, -1, path)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(states)) + 1))
    lengths = np.diff(np.append(starts, len(states)))
    stretch = np.repeat(np.arange(len(starts)), lengths)
    heard = windows.bass >= 0
    basses = np.bincount(stretch[heard] * 12 + windows.bass[heard], minlength=12 * len(starts)).reshape(-1, 12)
    bass = basses.argmax(1)
    lasts = basses.max(1) * 2 > lengths
    chords: list[tuple[float, str]] = []
    for at, (state, low, is_held) in enumerate(zip(states[starts].tolist(), bass.tolist(), lasts.tolist())):
        name = "N"
        if state >= 0:
            root, quality = _STATES[state]
            name = chord_name(root, quality, low if is_held and _IS_TONE[state, low] else None)
        if not chords or chords[-1][1] != name:
            chords.append((float(windows.beats[starts[at]]), name))
    return chords

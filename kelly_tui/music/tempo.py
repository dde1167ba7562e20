"""Tempo and meter: what the tempo map says, whether the notes keep to it, and what the onsets say if they don't."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.averages import median
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.notes import Meter, Score
from kelly_tui.music.runs import runs
from kelly_tui.music.tempi import BPM, PULSE_BPM, at_multiples, likeliest_tempo
from kelly_tui.music.tempo_map import main_tempo

Floats = NDArray[np.float64]

_LONGEST, _WINDOW = 60.0, 12.0
"""Seconds of music that tell a tempo, and in which a performer keeps it."""
_TOGETHER = 0.03
"""Seconds within which onsets are one stroke."""
_DEEP, _KICKS, _SNARES = 48, (35, 36), (37, 40)
"""Notes below this pitch, and drums from one to the other, are the bass; drums that mark the second and fourth beat."""
_LONG = 2.0
"""Seconds beyond which a note's length counts no more."""
_MULTIPLES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 3 / 2, 2, 3, 4, 6, 8)
_BASS_MULTIPLES = _MULTIPLES[:9]
_HELD_MULTIPLES, _SNARE_MULTIPLES, _KICK_MULTIPLES = (1 / 2, 1, 2, 4), (1 / 2, 1, 2), (1 / 2, 1)
_LOW_MULTIPLES = (1 / 4, 1 / 2, 1, 2)


def keeps_clock(score: Score) -> float:
    """0..1: how closely the onsets keep to the beats of the tempo map.

    The mean resultant length (Mardia and Jupp, 2000) of the onsets' phases, at the division of the beat that they
    keep best; what chance alone gives is taken off.
    """
    chance = 2.0 / len(score.notes)
    strongest = float((np.abs(score.turns) ** 2).max())
    return float(np.sqrt(max(0.0, (strongest - chance) / max(1.0 - chance, 1e-9))))


def has_clock(score: Score) -> bool:
    """Whether beats of the tempo map are the music's beats.

    A map of several tempi was written on purpose, and is believed. One tempo, MIDI's default of 120 or another, may be
    that of a recorder that does not follow the player: it is believed if the notes keep it. Of 400 songs, chorales,
    tunes and drum takes to a click all keep their own by 0.41 or more, and in 99 of 100 another by less than 0.3.
    """
    return len(score.tempi) > 1 or keeps_clock(score) > _FOLLOWED


def is_default(score: Score) -> bool:
    """Whether its only tempo is MIDI's default of 120."""
    return len(score.tempi) == 1 and abs(score.tempi[0, 1] - 120.0) < 1e-3


def unkept(score: Score) -> str:
    """That the tempo map is not the music's, in words."""
    return f"the notes keep no beat of the file's nominal {score.tempo_bpm:.4g} BPM"


def _is_kept(score: Score) -> bool:
    """Whether the file says its tempo, and its notes keep these eighths as played ones keep a click, swung too.

    Not its triplets or sixteenths alone: those are the eighths of 90 or 80, where a recorder's 120 is only nominal.
    """
    beat, half = np.abs(score.turns[:2])
    return score.has_tempo and keeps_clock(score) > _KEPT and bool(half > _KEPT or beat > _KEPT / 2)


_FOLLOWED, _KEPT = 0.3, 0.6
_OCTAVES = (0.25, 0.5, 1.0, 2.0)


def detect_tempo(score: Score) -> Detection[float]:
    """BPM: of the tempo map if it is the music's, otherwise of the onsets."""
    if not score.has_tempo and score.left_out.get("tempo"):
        return unknown("the file's tempo is impossible")
    bpm, count = round(score.tempo_bpm, 3), len(score.tempi)
    heard: Detection[float] | None = None
    if not has_clock(score) or (is_default(score) and not _is_kept(score)):
        heard = onset_tempo(score)
    if heard is None or (has_clock(score) and _is_octave(heard.value, bpm)):
        if not score.has_tempo and np.ptp(score.notes["onset_beat"]) < 1:
            return unknown("no tempo in the file, and all notes start together")
        if not score.has_tempo:
            return Detection(bpm, 0.6, "no tempo in the file, but the notes keep MIDI's default of 120")
        if count == 1:
            return Detection(bpm, 0.95, f"{bpm:g} BPM in the file")
        is_held = main_tempo(score.tempi, score.notes["onset"], score.duration).is_held
        changes = f"the longest held of {count}" if is_held else f"the mean of {count} that follow each other"
        return Detection(bpm, 0.85, f"{bpm:g} BPM in the file, {changes}")
    return heard


def as_tapped(tempo: Detection[float], told: Detection[str], counted: Meter | None) -> Detection[float]:
    """A tempo in quarter notes as one in beats of the meter that they are `counted` by: dotted notes if it is compound.

    That is what one taps, the ruler draws, the click sounds and the tempo of sound counts; in other meters a tempo is
    in quarters, as a file says it. Where a compound meter is `told`, but too unsurely to count by it, the tempo is as
    sure as that meter is not.
    """
    if tempo.value is None or told.value is None:
        return tempo
    if counted is not None and counted.is_compound:
        bpm = tempo.value * counted.denominator / 12
        dotted = {8: "quarters", 16: "eighths"}.get(counted.denominator, "notes")
        why = f"{bpm:.4g} dotted {dotted} a minute: {tempo.why}"
        return Detection(round(bpm, 3), min(tempo.confidence, told.confidence), why)
    numerator, denominator = map(int, told.value.split("/"))
    if Meter(0.0, 0.0, numerator, denominator).is_compound and 1 - told.confidence < tempo.confidence:
        return Detection(tempo.value, round(1 - told.confidence, 3), f"{tempo.why}, if this is no {told.value}")
    return tempo


def _is_octave(heard: float | None, bpm: float) -> bool:
    """Whether the tempo that is heard, if one is, is the file's or its double or half."""
    return heard is None or min(abs(heard / bpm / octave - 1) for octave in _OCTAVES) < 0.02


def onset_tempo(score: Score) -> Detection[float]:
    """BPM by the onsets alone: how strongly they pulse at a tempo and at its multiples and parts, and how strongly the
    bass, the long and the low notes, the snare and the kick drum do.

    The pulse at a frequency is the magnitude of the onsets' Fourier sum in windows of 12 s (after Peeters, 2006,
    "Template-based estimation of time-varying tempo", on points in time instead of an energy curve). Which of the
    related tempi is the beat is decided by a multinomial logit over all of them, with weights for drums, for a line or
    for chords: it is the one that, with what lies within 3 %, is the likeliest.
    """
    onsets = score.notes["onset"]
    onsets = onsets[onsets < onsets[0] + _LONGEST]
    if len(onsets) < 8 or onsets[-1] - onsets[0] < 2.0:
        return unknown(f"{unkept(score)} and are too few to find another")
    texture, evidence = pulse_evidence(score)
    bpm, confidence = likeliest_tempo(evidence @ np.array(_WEIGHTS[texture]))
    why = f"{bpm:.0f} BPM heard; the file's {score.tempo_bpm:.4g} is only nominal"
    return Detection(round(bpm, 1), round(confidence, 3), why)


def pulse_evidence(score: Score) -> tuple[str, Floats]:
    """Whether these are mostly ``drums``, a ``line`` or ``chords``, as half a bar of a line is no beat that drums mark;
    and (tempi, evidence): for each of `BPM` the pulses at its multiples, and how usual it is.
    """
    times = score.notes["onset"] - score.notes["onset"][0]
    notes = score.notes[times < _LONGEST]
    times = times[: len(notes)]
    group = np.concatenate(([0], np.cumsum(np.diff(times) > _TOGETHER)))
    size = np.bincount(group)
    strokes = np.bincount(group, weights=times) / size
    drum = notes["is_drum"]
    snare, kick = (drum & (notes["pitch"] >= low) & (notes["pitch"] <= high) for low, high in (_SNARES, _KICKS))
    struck = [np.bincount(group, weights=of) > 0 for of in (kick | (~drum & (notes["pitch"] < _DEEP)), snare, kick)]
    starts, _ = runs(group)
    held = np.maximum.reduceat(np.where(drum, 0.0, np.minimum(notes["duration"], _LONG)), starts)
    low = np.zeros(len(starts))
    if not drum.all():
        pitches = np.where(drum, 127.0, notes["pitch"])
        low = np.maximum(median(pitches[~drum]) - np.minimum.reduceat(pitches, starts), 0.0)
    weights = np.column_stack((np.sqrt(size), struck[0], held, *struck[1:], low)).astype(np.float32)
    pulses = _pulses(strokes, weights)
    rows = []
    each = (_MULTIPLES, _BASS_MULTIPLES, _HELD_MULTIPLES, _SNARE_MULTIPLES, _KICK_MULTIPLES, _LOW_MULTIPLES)
    for pulse, multiples in zip(pulses, each):
        rows += at_multiples(pulse, multiples)
    octaves = np.log2(BPM / 100.0)
    crowd = np.log2(len(strokes) / max(strokes[-1], 1.0) * 60 / BPM)
    rows += [octaves, octaves**2, crowd**2]
    beat, threes, double = (rows[_MULTIPLES.index(multiple)] for multiple in (1, 3 / 2, 2))
    rows.append(np.maximum(threes - np.maximum(beat, double), 0.0))
    texture = "chords" if len(strokes) <= 0.95 * len(notes) else "line"
    return "drums" if 2 * np.count_nonzero(drum) > len(notes) else texture, np.array(rows).T


def _pulses(strokes: Floats, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """(curves, frequencies) 0..1: how strongly strokes with these weights pulse at each of `PULSE_BPM`."""
    count = max(1, round(strokes[-1] / _WINDOW))
    window = np.minimum((strokes / strokes[-1] * count).astype(np.int64), count - 1)
    starts, _ = runs(window)
    pulses = np.zeros((weights.shape[1], len(PULSE_BPM)), np.float32)
    for times, weight in zip(np.split(strokes, starts[1:]), np.split(weights.T, starts[1:], axis=1)):
        turns = np.multiply.outer(times, PULSE_BPM / 60)
        turns -= np.floor(turns)
        turns *= 2 * np.pi
        angle = turns.astype(np.float32)
        even, odd = weight @ np.cos(angle), weight @ np.sin(angle)
        pulses += np.sqrt(even * even + odd * odd)  # a sixth of the time of hypot
    pulses /= np.maximum(weights.sum(axis=0), np.float32(1e-9))[:, None]
    return pulses


_WEIGHTS: dict[str, tuple[float, ...]] = {
    "drums": (
        *(5.40, -1.62, -1.48, -1.56, -1.64, 0.76, -0.16, 3.70, 5.19, 1.49, 2.79),
        *(-0.22, -0.47, 1.93, -3.32, 1.01, 0.92, 1.33, 2.28, 1.26),
        *(0.31, -0.06, 1.78, 1.30),
        *(4.64, 3.80, 0.13, 1.56, 2.83),
        *(-3.93, 0.15, -4.01, 0.37),
        *(0.23, -1.59, -0.07),
        -10.00,
    ),
    "line": (
        *(-0.85, -1.85, -1.19, -0.58, -0.14, -0.26, 1.24, -0.04, 5.70, -1.15, 1.54),
        *(2.12, 0.54, -4.94, -2.42, 1.10, -1.04, 3.44, 2.71, 2.24),
        *(-0.75, 2.51, 3.47, 3.15),
        *(0.00, 0.00, 0.00, 0.00, 0.00),
        *(0.57, 0.87, 0.88, 2.06),
        *(-0.16, -1.48, -0.14),
        -10.00,
    ),
    "chords": (
        *(3.04, 2.56, -3.31, -1.07, -5.27, -3.93, -1.47, 1.13, 2.99, -0.91, 0.91),
        *(-1.43, -1.86, 1.60, 0.29, 1.60, 0.55, 2.44, 1.52, -0.78),
        *(3.23, 3.36, 3.75, 1.46),
        *(1.51, 3.15, -1.02, -1.49, -3.00),
        *(-1.15, 2.57, 0.03, 1.49),
        *(-0.83, -1.65, -0.20),
        -10.00,
    ),
}
"""Of the logit, by texture: all strokes at `_MULTIPLES`; the bass, long notes, the snare and the kick, and how low the
notes are, at theirs; octaves from 100 BPM, their square, and the square of strokes to a beat, in octaves; strokes that
part two beats in three more than they mark the beat, which is set, as few that teach are in threes.

Those of a line and of chords are what ``python -m tests.accuracy.tempi`` prints: fitted on drum takes, pop performances
and jazz solos, and on accompaniments, chorales, tunes and generated pieces that were played without a click. Those of
drums are of an earlier fit, on the first three together: by the present one a machine's eighths at 120 beat 240.
"""


def detect_meter(score: Score) -> Detection[str]:
    """``"3/4"``: the meter that holds for the longest."""
    longest = score.main_meter
    if longest is None:
        return unknown("the file's meter is impossible" if score.left_out.get("meter") else "no meter in the file")
    name = f"{longest.numerator}/{longest.denominator}"
    if len(score.meters) == 1:
        return Detection(name, 0.9, f"{name} in the file")
    return Detection(name, 0.75, f"{name} holds longest of {len(score.meters)} meters in the file")

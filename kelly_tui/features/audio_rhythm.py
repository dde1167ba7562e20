"""Onsets, tempo and beats of audio, from a mel spectrogram in dB.

Onset strength is spectral flux as librosa 0.11 defines it. Tempo is weighed by how strongly the onsets of all bands,
of the bass, the middle and the treble pulse at a tempo and at its multiples and parts (Peeters, 2006, "Template-based
estimation of time-varying tempo"), by whether bass and treble alternate there, as bass drum and snare do, and where
pitches are held by their changes too. Chords, which may be strummed or struck in every part of a beat, have
weights of their own. Beats are Ellis's path (2007) that best agrees with tempo and onsets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.audio_notes import Notes, has_chords, held_notes, note_evidence
from kelly_tui.features.pulses import Window, above_their_mean, peaks, pulses, windows_of
from kelly_tui.features.spectrum import N_FFT, Floats, mel_centres
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.tempi import BPM, at_multiple, at_multiples, likeliest_tempo

Doubles = NDArray[np.float64]

_SHORTEST = 3.0
"""Seconds of music that tell a tempo."""
_BASS_HZ, _TREBLE_HZ = 170.0, 2000.0
_MULTIPLES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 3 / 2, 2, 3, 4, 6, 8)
_BAND_MULTIPLES = (1 / 4, 1 / 2, 1, 2, 4)
_TOGETHER_MULTIPLES = (1 / 2, 1, 2)
_UNCERTAIN = 0.32
"""Below this confidence nothing pulses: of 10 s of noise it is less in 40 of 40, of 286 clips of music in 5."""
_RISING = 0.15
"""Seconds for which the level must rise in effect: a click is 0.05, the least of music 0.5."""
_BEGINS, _FEWEST = 2.0, 3
"""dB by which something that begins stands over what is around it, and how many of these tell a tempo. Steady sound
ripples: of 60 clipped chords 28 had a tempo, and none of them has three so strong; of 129 clips of music all but 5 have
four or more: silence, a drone, and two of those that have no tempo anyway."""
_SHARP, _STROKES_A_NOTE = 6.0, 1.5
"""dB of a stroke, and from how many for each change of pitch it is they that tell the beat: of 126 lines, whatever
vibrato they have, none has more than 1.25; clicks above chords have three and four."""
_TIGHTNESS = 400.0
"""How dear it is for a beat to depart from the tempo (Ellis's alpha)."""
_LATE = 0.03
"""Seconds by which `onset_strength` is behind what is struck: drums 0.02, a piano 0.045."""

# Maximum likelihood with a quadratic penalty: on 514 rendered clips of drum takes, pop, jazz solos, chorales and pieces
# made by rule, and held near those weights on 201 other takes and songs, each by two sound fonts, and on 84 waltzes and
# marches made by rule. What one font alone teaches is right for half as many songs of the other. In five folds 81 %
# of takes and pop are within 4 % of their annotated tempo, 99 % within 4 % of a simple multiple; by the other font 73.
# Of 286 clips, songs they were not fitted on among them, what says 0.42 is right for 0.48, 0.60 for 0.63, 0.77 for
# 0.79, 0.90 for 0.91, 0.98 for 0.98.
_WEIGHTS = np.array(
    [
        *(-0.34, -1.55, 3.56, -5.40, 3.23, -3.63, 1.13, 6.24, 1.42, 2.10, 5.73),  # all bands at _MULTIPLES
        *(-1.99, 5.40, 8.19, 2.09, 2.16),  # the bass at _BAND_MULTIPLES
        *(2.61, 7.59, 2.42, -2.09, 1.86),  # the middle
        *(3.32, -2.29, -3.80, 2.99, 3.26),  # the treble
        *(-9.32, -4.99, 1.23),  # bass and treble together at _TOGETHER_MULTIPLES
        *(0.95, -4.90, -0.07, -0.36),  # octaves from 100 BPM: always, by treble, by bass, by how sharp onsets are
        *(-0.22, 0.75, -0.64, -0.41),  # their squares
    ]
)

# Where pitches are held, as `tests.accuracy.held` prints them: fitted likewise to 564 other clips by two sound fonts,
# 460 lines and chords made by rule and 104 songs on a piano that `tempo_audio` has not. In five folds 81 % are right
# (61 by the weights above); what says 0.61 is for 0.63, 0.79 for 0.73, 0.91 for 0.89, 0.98 for 0.94.
_HELD_WEIGHTS = np.array(
    [
        *(-2.60, 3.42, 1.19, 1.91, 1.99, -0.21, 3.28, -0.39, -2.90, -1.10, 0.74),  # all bands at _MULTIPLES
        *(-5.22, 5.11, 1.88, 0.79, 3.90),  # the bass
        *(6.41, -2.49, 0.26, 2.93, 1.21),  # the middle
        *(-0.26, 2.70, 1.51, -1.43, 1.31),  # the treble
        *(-2.46, -2.01, -0.93),  # bass and treble together
        *(0.48, 2.04, 0.83, -0.87),  # octaves
        *(-1.98, 0.51, 0.21, -1.01),  # their squares
        *(2.69, 1.43, 1.88, 4.36, 9.80, 4.00, 5.61, 2.03, 3.96, 5.66, 6.65),  # changes of pitch at the same multiples
        *(1.44, -8.63, 0.60, 6.96, 1.45, 3.29, 1.33, 4.72, 6.50, 2.79),  # lengths of notes
        *(-0.48, 0.33, 0.05),  # how many notes a beat has, its square, the square of octaves over one
    ]
)

# Where chords sound that are not held, as of strummed guitars, power chords and waltzes with or without drums: the
# weights above, moved as far as 714 songs of `tests.accuracy.bands`, 9 tunes and 12 drum takes with pitches need, as
# `tests.accuracy.held` prints them. In five folds 70 % of these songs are right (50 by the weights above); what says
# 0.60 is for 0.57, 0.78 for 0.79, 0.90 for 0.86, 0.96 for 0.92.
_CHORD_WEIGHTS = np.array(
    [
        *(1.76, 4.91, 7.24, 1.27, 1.44, -4.09, 2.77, 5.87, -0.68, 3.91, 1.66),  # all bands at _MULTIPLES
        *(1.39, 1.21, 0.93, 0.24, 1.03),  # the bass
        *(4.50, -0.53, 0.24, 0.01, 1.81),  # the middle
        *(0.74, 1.47, -1.37, 2.26, 2.41),  # the treble
        *(-2.11, -0.52, 0.40),  # bass and treble together
        *(0.94, -0.67, -0.39, -1.16),  # octaves
        *(-0.36, 2.03, 0.38, -0.09),  # their squares
    ]
)

# Where chords are held, likewise: fitted to 541 such songs, to 145 tunes and to the clips of lines and pianos above, of
# which a song counts fifteen times, so that it stays as good. In five folds 67 % of songs of `tests.accuracy.bands` are
# right (52 by the weights of lines); what says 0.60 is for 0.49, 0.77 for 0.71, 0.91 for 0.80, 0.98 for 0.81. Of songs
# on a piano 87 % are; what says 0.60 is for 0.72, 0.78 for 0.83, 0.90 for 0.96, 0.97 for 0.90.
_HELD_CHORD_WEIGHTS = np.array(
    [
        *(-0.78, 8.11, 6.33, -0.35, 3.70, -4.33, 7.32, 1.38, -4.61, -0.28, -0.31),  # all bands at _MULTIPLES
        *(-1.78, 2.53, 2.53, -1.62, 0.75),  # the bass
        *(7.16, -0.20, 0.17, -0.23, 4.61),  # the middle
        *(1.98, 2.15, 1.04, -2.74, 2.90),  # the treble
        *(-3.56, -3.38, 1.37),  # bass and treble together
        *(1.06, 0.32, 0.56, -3.12),  # octaves
        *(-2.46, 2.88, 0.10, -0.73),  # their squares
        *(6.02, 1.33, 1.32, 2.99, 6.71, 5.04, 4.42, 3.48, 3.68, 4.86, 4.70),  # changes of pitch at the same multiples
        *(4.08, 4.41, 2.49, 9.69, 2.49, 7.49, 0.42, 7.60, 12.89, 7.20),  # lengths of notes
        *(-1.06, 0.44, 0.41),  # how many notes a beat has, its square, the square of octaves over one
    ]
)


def onset_rate(strength: Floats, frames_per_second: float) -> float:
    """Onsets a second: peaks of `strength` (dB) within 70 ms that stand half a dB over the half second around them.

    Counted over at least a second.
    """
    return float(len(peaks(strength, 0.5)) / max(len(strength) / frames_per_second, 1.0))


def onset_strength(mel_db: Floats, hop: int) -> Floats:
    """(frames,): mean rise of level over the bands since the frame before, dB; moved on to the onset's centre."""
    rise = np.maximum(np.diff(mel_db, axis=0), 0).mean(axis=1)
    late = 1 + N_FFT // (2 * hop)
    return np.concatenate((np.zeros(late, np.float32), rise))[: len(mel_db)].astype(np.float32)


def find_tempo(mel_db: Floats, chroma: Floats, rate: int, hop: int) -> Detection[float]:
    """BPM, by a mel spectrogram, (frames, bands) in dB, and the chroma, (frames, 12) 0..1, of the same frames.

    `rate` samples a second, `hop` samples a frame.
    """
    if len(mel_db) * hop < _SHORTEST * rate:
        return unknown(f"shorter than {_SHORTEST:g} s")
    curves = _onset_curves(mel_db, rate)
    above = above_their_mean(curves, rate / hop)
    rising = above[0].sum() ** 2 / max(float(np.sum(above[0] ** 2)), 1e-9)
    if rising * hop < _RISING * rate:
        return unknown("too few onsets")
    evidence = tempo_evidence(curves, above, rate / hop)
    notes = notes_that_tell(mel_db, chroma, curves[0], rate / hop)
    chords = has_chords(mel_db, chroma)
    if notes:
        weights = _HELD_CHORD_WEIGHTS if chords else _HELD_WEIGHTS
        odds = np.hstack((evidence, note_evidence(notes, rate / hop))) @ weights
    else:
        odds = evidence @ (_CHORD_WEIGHTS if chords else _WEIGHTS)
    bpm, confidence = likeliest_tempo(odds)
    if confidence < _UNCERTAIN:
        return unknown("nothing repeats clearly")
    if notes is None and len(peaks(curves[0], _BEGINS)) < _FEWEST:
        return unknown("steady sound: nothing in it begins sharply")
    in_beat = f": {notes.a_minute(rate / hop) / bpm:.1f} notes a beat" if notes else ""
    return Detection(bpm, confidence, _rather(bpm, odds) + in_beat)


def notes_that_tell(mel_db: Floats, chroma: Floats, rise: Doubles, frame_rate: float) -> Notes | None:
    """What is held, if it is that which tells the beat, and not strokes, (frames,) `rise` dB, above chords."""
    notes = held_notes(mel_db, chroma, frame_rate)
    struck = notes is not None and len(peaks(rise, _SHARP)) > _STROKES_A_NOTE * len(notes.begin)
    return None if struck else notes


def _rather(bpm: float, odds: Doubles) -> str:
    rival = float(BPM[np.where(np.abs(BPM / bpm - 1) > 0.07, odds, -np.inf).argmax()])
    return f"{bpm:.0f} BPM rather than {rival:.0f}"


def tempo_evidence(curves: Doubles, above: Doubles, frame_rate: float) -> Doubles:
    """(tempi, evidence): for each of `BPM` the pulses at its multiples, and how usual it is.

    `curves`: (4, frames) the rise of level of all bands, bass, middle and treble; `above`: them above their mean.
    """
    windows = windows_of(above, frame_rate)
    pulsing = pulses(above, windows, frame_rate)
    together = _together(windows) * np.sqrt(pulsing[1] * pulsing[3])
    rows = []
    for curve, pulse in enumerate(pulsing):
        rows += at_multiples(pulse, _BAND_MULTIPLES if curve else _MULTIPLES)
    rows += [at_multiple(together, multiple) for multiple in _TOGETHER_MULTIPLES]
    whole, bass, _, treble = curves.mean(axis=1)
    sharpness = np.mean(above[0] ** 2) / max(float(np.mean(above[0]) ** 2), 1e-9)
    kinds = (1.0, treble / max(whole, 1e-6) - 1, bass / max(whole, 1e-6) - 1, np.log(sharpness + 1e-3) - 1.5)
    octaves = np.log2(BPM / 100.0)
    rows += [octaves * kind for kind in kinds] + [octaves**2 * kind for kind in kinds]
    return np.array(rows).T


def _onset_curves(mel_db: Floats, rate: int) -> Doubles:
    """(4, frames): the mean rise of all bands, of the bass, of the middle and of the treble, dB."""
    rise = np.maximum(np.diff(mel_db, axis=0, prepend=mel_db[:1]), 0)
    centres = mel_centres(rate, mel_db.shape[1])
    first, last = np.searchsorted(centres, (_BASS_HZ, _TREBLE_HZ))
    parts = (rise, rise[:, : max(1, first)], rise[:, first:last], rise[:, last:])
    return np.array([part.mean(axis=1, dtype=np.float64) if part.shape[1] else np.zeros(len(rise)) for part in parts])


def _together(windows: list[Window]) -> Doubles:
    """(frequencies,) -1..1, whether bass and treble pulse together or alternate."""
    product, bass, treble = np.zeros((3, windows[0][0].shape[1]))
    for lower, _ in windows:
        product += (lower[1] * lower[3].conj()).real
        bass += np.abs(lower[1]) ** 2
        treble += np.abs(lower[3]) ** 2
    together: Doubles = product / np.sqrt(bass * treble + 1e-9)
    return together


def find_beats(strength: Floats, frame_rate: float, bpm: float) -> NDArray[np.int64]:
    """The frames of the beats: the best path through the onsets whose steps are close to the beat at `bpm`."""
    period = frame_rate * 60 / bpm
    spread = np.std(strength, ddof=1) if len(strength) > 1 else 0.0
    if spread <= 0 or len(strength) < period:
        return np.empty(0, np.int64)
    reach = np.arange(-round(period), round(period) + 1)
    smooth = np.exp(-0.5 * (reach * 32.0 / period) ** 2)
    local = np.convolve(strength / spread, smooth)[len(reach) // 2 :][: len(strength)].astype(np.float64)
    shortest, longest = max(1, round(period / 2)), round(2 * period)
    cost = _TIGHTNESS * np.log(np.arange(longest, shortest - 1, -1) / period) ** 2
    total = np.concatenate((np.zeros(longest), local))  # the zeros stand for having had no beat before
    before = np.empty(len(local), np.int64)
    for frame in range(len(local)):
        choice = total[frame : frame + longest - shortest + 1] - cost
        best = int(choice.argmax())
        total[frame + longest] += choice[best]
        before[frame] = frame - longest + best  # negative where there was none
    beats = _trimmed(_path_back(total[longest:], before), local)
    return np.maximum(beats - round(_LATE * frame_rate), 0)


def _path_back(total: NDArray[np.float64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Follow the links back from the last peak of the score that is not much lower than the others."""
    peak = (total[1:-1] > total[:-2]) & (total[1:-1] >= total[2:])
    peaks = np.nonzero(peak)[0] + 1
    if not len(peaks):
        return np.empty(0, np.int64)
    good = peaks[total[peaks] >= min(0.5 * np.median(total[peaks]), total[peaks].max())]
    frame = int(good[-1])
    path = []
    while frame >= 0:
        path.append(frame)
        frame = int(before[frame])
    return np.array(path[::-1], np.int64)


def _trimmed(beats: NDArray[np.int64], local: NDArray[np.float64]) -> NDArray[np.int64]:
    """Without the weak beats before the music starts and after it ends."""
    if not len(beats):
        return beats
    loud = np.nonzero(local[beats] > 0.5 * np.sqrt(np.mean(local[beats] ** 2)))[0]
    return beats[loud[0] : loud[-1] + 1] if len(loud) else beats[:0]

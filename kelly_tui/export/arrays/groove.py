"""GroovePredictor: thirty-two notes as they stand on the grid, and how early or late each is played.

Notes, drums too, are in the order of their grid points, then of pitch; sequences of 32 follow one another, the last of
at least eight is padded. `y` is ms from the grid point, late is positive, as in ``timing_offsets_ms``. Each note has 64
numbers, in which nothing says when it is played, how far the grid swings or how all are pushed: the point of the beat
is a rank (on it, and three after it), not a time.

| of each 64 | |
|---|---|
| 0-3 | the grid point of the beat |
| 4-11 | the beat of the bar |
| 12-23 | pitch class, from C; none of drums |
| 24-34 | octave, pitch // 12; none of drums |
| 35-42 | drums: kick, snare, closed and open hi-hat, ride, crash, tom, another |
| 43-50 | written length: about 1/16, 1/8, 1/4, 1/2, 1, 2, 4 beats, longer |
| 51-56 | grid points from the note before: it is the first, 0, 1, 2, 3 or 4, more |
| 57-62 | to the note after: it is the last, 0, 1, 2, 3 or 4, more |
| 63 | velocity, of 127 |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.errors import FileRefused
from kelly_tui.export.arrays.rows import Form, Rows
from kelly_tui.music.beats import find_clock
from kelly_tui.music.groove import beat_of, detect_groove
from kelly_tui.music.meter import find_bars
from kelly_tui.music.notes import Score
from kelly_tui.music.tempo import detect_tempo

Ints = NDArray[np.int64]

STEPS, EACH = 32, 64
FEWEST = 8
"""Notes of a sequence."""
_POINT, _BEAT, _CLASS, _OCTAVE, _DRUM, _LENGTH, _BEFORE, _AFTER, _VELOCITY = 0, 4, 12, 24, 35, 43, 51, 57, 63
"""Where each group of the numbers begins."""
_LENGTHS = (3 / 32, 3 / 16, 3 / 8, 3 / 4, 1.5, 3.0, 6.0)
"""Beats between which lengths lie; as far as can be from those that are written."""
_STEPS_APART = (0, 1, 2, 4)
_DRUM_KINDS = {
    **dict.fromkeys((35, 36), 0),
    **dict.fromkeys((37, 38, 39, 40), 1),
    **dict.fromkeys((42, 44), 2),
    46: 3,
    **dict.fromkeys((51, 53, 59), 4),
    **dict.fromkeys((49, 52, 55, 57), 5),
    **dict.fromkeys((41, 43, 45, 47, 48, 50), 6),
}
"""Of General MIDI's drums; the others are 7."""
_KIND_OF = np.array([_DRUM_KINDS.get(pitch, 7) for pitch in range(128)])

FORM = Form(
    model="groovepredictor",
    x=(STEPS, EACH),
    x_type="float32",
    mask=(STEPS,),
    y=(STEPS,),
    y_type="float32",
    names=(),
    labels=("groove_type", "swing_ratio"),
    channels=(2,),
    spread=lambda mask: mask[:, :, None],
    part=1000,
    grows=32,
)


def rows(score: Score) -> Rows:
    """The sequences of a score. Raises `FileRefused` where notes are too few or no beat is kept."""
    timed = _on_its_beats(score)
    groove = detect_groove(timed)
    offsets, places = groove.timing_offsets.value, groove.places
    if offsets is None or places is None:
        raise FileRefused(groove.timing_offsets.why)
    if len(places) < FEWEST:
        raise FileRefused(f"{len(places)} notes make no groove")
    order = np.lexsort((timed.notes["pitch"], places))
    notes = described(timed, places, groove.parts, order)
    count = len(notes) // STEPS + (len(notes) % STEPS >= FEWEST)
    kept = min(len(notes), count * STEPS)
    x = np.zeros((count * STEPS, EACH), np.float32)
    y, mask = np.zeros(count * STEPS, np.float32), np.zeros(count * STEPS, np.bool_)
    x[:kept], y[:kept], mask[:kept] = notes[:kept], offsets[order][:kept], True
    start = timed.notes["onset"][order][:kept:STEPS].astype(np.float32)
    return Rows(x.reshape(count, STEPS, EACH), mask.reshape(count, STEPS), y.reshape(count, STEPS), start)


def _on_its_beats(score: Score) -> Score:
    """The score on the beats and bars of its music, as features have it."""
    clock = find_clock(score, detect_tempo(score))
    return score if clock.score is score else find_bars(clock)[1]


def described(score: Score, places: Ints, parts: int, order: Ints) -> NDArray[np.float32]:
    """(notes, 64), in `order`: `places` are grid points from the start, `parts` of them a beat."""
    notes, places = score.notes[order], places[order]
    point, beat = places % parts, places // parts
    pitch, drum = notes["pitch"].astype(np.int64), notes["is_drum"]
    apart = np.searchsorted(_STEPS_APART, np.diff(places)) + 1
    x = np.zeros((len(notes), EACH), np.float32)
    each, pitched, drums = np.arange(len(notes)), np.flatnonzero(~drum), np.flatnonzero(drum)
    # Three points after the beat, however many there are: which there are would say the groove.
    x[each, _POINT + np.where(point == 0, 0, 1 + (point - 1) * 3 // (parts - 1))] = 1
    x[each, _BEAT + _beat_of_bar(score, beat)] = 1
    x[pitched, _CLASS + pitch[pitched] % 12] = 1
    x[pitched, _OCTAVE + pitch[pitched] // 12] = 1
    x[drums, _DRUM + _KIND_OF[pitch[drums]]] = 1
    x[each, _LENGTH + np.searchsorted(_LENGTHS, notes["duration_beat"])] = 1
    x[each, _BEFORE + np.append(0, apart)] = 1
    x[each, _AFTER + np.append(apart, 0)] = 1
    x[:, _VELOCITY] = notes["velocity"] / 127
    return x


def _beat_of_bar(score: Score, beat: Ints) -> Ints:
    """0 to 7: which beat of its bar, by the meter that holds longest; four to a bar where there is none."""
    meter = score.main_meter
    if meter is None:
        return beat % 4
    unit, first = beat_of(score)
    bar = max(1, round(meter.numerator * 4 / meter.denominator / unit))
    return np.minimum((beat - round((meter.beat - first) / unit)) % bar, 7)

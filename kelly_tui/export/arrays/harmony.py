"""HarmonyPredictor: four chords, and the chord that comes next.

The vocabulary is of 48: a major, minor, diminished triad or a dominant seventh on each of twelve roots, to which
richer chords are reduced; those without a third (suspended, power chords, none at all) stand in contexts but are never
asked for. Chords that differ in their bass alone are one. Each chord of the context has 32 numbers, the oldest first;
what is missing before the first is zeros.

| of each 32 | |
|---|---|
| 0-11 | its pitch classes, from C |
| 12-23 | its bass |
| 24-27 | major, minor, diminished, seventh |
| 28 | no third |
| 29 | no chord |
| 30 | its share of the time of the four; equal shares where times are not known |
| 31 | it is there |

The key, of 24 (twelve major tonics from C, twelve minor), goes with each example as ``key`` and is not in `x`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from kelly_tui.errors import FileRefused
from kelly_tui.export.arrays.rows import Form, Rows
from kelly_tui.model.labels import KEYS
from kelly_tui.music.theory import SCALES, Chord, chord_pitches

CONTEXT, EACH = 4, 32
CHORDS = tuple(root + quality for quality in ("", "m", "dim", "7") for root in KEYS)
"""The vocabulary, in order of ids."""
KEYS_24 = tuple(f"{tonic} {mode}" for mode in ("major", "minor") for tonic in KEYS)

FORM = Form(
    model="harmonypredictor",
    x=(CONTEXT * EACH,),
    x_type="float32",
    mask=(CONTEXT,),
    y=(),
    y_type="int64",
    names=CHORDS,
    labels=("emotion", "key"),
    channels=(1,),
    spread=lambda mask: np.repeat(mask, EACH, axis=1),
    part=4000,
)


def rows(names: Sequence[str], times: Sequence[float] = ()) -> Rows:
    """The contexts of a progression, from its second chord on; `times` are seconds, or none where they are not known.

    Raises `FileRefused` for fewer than two chords, `LabelError` for what is no chord.
    """
    timed = len(times) == len(names) > 0
    chords, starts = _told_apart(names, times if timed else range(len(names)))
    if len(chords) < 2:
        raise FileRefused(f"{len(chords)} chords make no progression")
    each = np.zeros((len(chords) + CONTEXT, EACH), np.float32)
    each[CONTEXT:] = [_described(chord) for chord in chords]
    lasts = np.zeros(len(each))
    lasts[CONTEXT:-1] = np.maximum(np.diff(starts), 0)
    asked = [place for place in range(1, len(chords)) if chord_id(chords[place]) is not None]
    if not asked:
        raise FileRefused("no chord of its progression is in the vocabulary")
    x = np.empty((len(asked), CONTEXT, EACH), np.float32)
    for row, place in enumerate(asked):
        x[row] = each[place : place + CONTEXT]
        x[row, :, 30] = _shares(lasts[place : place + CONTEXT], x[row, :, 31])
    y = np.array([chord_id(chords[place]) for place in asked], np.int64)
    begins = np.array([starts[max(place - CONTEXT, 0)] if timed else 0.0 for place in asked], np.float32)
    return Rows(x.reshape(len(asked), -1), x[:, :, 31] > 0, y, begins)


def chord_id(chord: Chord | None) -> int | None:
    """The place of a chord in the vocabulary; None for no chord and for what has no third."""
    quality = _quality(chord)
    return None if chord is None or quality is None else 12 * quality + chord.root


def key_id(key: object, mode: object) -> int:
    """0 to 23, -1 where key or mode are not known; modes go by their third."""
    if key not in KEYS or mode not in SCALES:
        return -1
    return KEYS.index(str(key)) + 12 * (3 in SCALES[str(mode)])


def _quality(chord: Chord | None) -> int | None:
    """0 major, 1 minor, 2 diminished, 3 dominant seventh; None without a third."""
    steps = {(pitch - chord.root) % 12 for pitch in chord.pitches} if chord is not None else set()
    if 4 in steps:
        return 3 if 10 in steps else 0
    if 3 in steps:
        return 2 if 6 in steps and 7 not in steps else 1
    return None


def _told_apart(names: Sequence[str], times: Sequence[float]) -> tuple[list[Chord | None], list[float]]:
    """The chords and where each starts, without those that sound the same pitches as the one before."""
    chords: list[Chord | None] = []
    starts: list[float] = []
    for name, time in zip(names, times):
        chord = chord_pitches(name)
        if not chords or _sounds(chord) != _sounds(chords[-1]):
            chords.append(chord)
            starts.append(float(time))
    return chords, starts


def _sounds(chord: Chord | None) -> object:
    return None if chord is None else (chord.root, chord.pitches)


@lru_cache(maxsize=4096)
def _described(chord: Chord | None) -> tuple[float, ...]:
    """The numbers of a chord but for its share of the time."""
    numbers = [0.0] * EACH
    numbers[31] = 1.0
    quality = _quality(chord)
    if chord is None:
        numbers[29] = 1.0
    else:
        for pitch in chord.pitches:
            numbers[pitch] = 1.0
        numbers[12 + chord.bass] = 1.0
        numbers[28 if quality is None else 24 + quality] = 1.0
    return tuple(numbers)


def _shares(lasts: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(4,): of the time of those that are there."""
    of = lasts * there if (lasts * there).sum() > 0 else there
    shares: np.ndarray = of / of.sum()
    return shares

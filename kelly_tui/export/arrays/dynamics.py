"""DynamicsEngine: what is played in sixteen beats, and how loud each beat is.

A window is sixteen beats (quarter notes of the file's tempo map) from a whole beat on; windows follow one another, and
at least eight beats of each have notes. `x` is 32 numbers: for each beat how many pitched notes start in it,
``log(1 + n)``, then for each beat their mean pitch, of 127. `y` is 16: the mean velocity of the notes that start in
each beat, of 127. No velocity is in `x`. Beats in which nothing starts are masked, in `y` too.
"""

from __future__ import annotations

import numpy as np

from kelly_tui.errors import FileRefused
from kelly_tui.export.arrays.rows import Form, Rows
from kelly_tui.music.notes import Score

BEATS = 16
FEWEST_BEATS = 8
_MOST_BEATS = 1 << 20
"""What is longer is a file misread: half a million notes fit twice."""

FORM = Form(
    model="dynamicsengine",
    x=(2 * BEATS,),
    x_type="float32",
    mask=(BEATS,),
    y=(BEATS,),
    y_type="float32",
    names=(),
    labels=("dynamic_range", "articulation"),
    channels=(1,),
    spread=lambda mask: np.tile(mask, 2),
    part=4000,
)


def rows(score: Score) -> Rows:
    """The windows of a score's pitched notes.

    Raises `FileRefused` for drums alone, for too few notes, and where all velocities are equal: nobody played them.
    """
    notes = score.pitched
    if len(notes) == 0:
        raise FileRefused("no pitched notes")
    if len(notes) > 1 and np.ptp(notes["velocity"]) == 0:
        raise FileRefused(f"all velocities are {int(notes['velocity'][0])}: nobody played them")
    first = np.floor(notes["onset_beat"][0])
    beat = np.floor(notes["onset_beat"] - first + 1e-6).astype(np.int64)
    if beat[-1] >= _MOST_BEATS:
        raise FileRefused(f"{beat[-1]:,} beats long")
    windows = int(beat[-1]) // BEATS + 1
    counts, pitches, velocities = (
        np.bincount(beat, weights, windows * BEATS).reshape(windows, BEATS)
        for weights in (None, notes["pitch"].astype(np.float64), notes["velocity"].astype(np.float64))
    )
    full = np.flatnonzero((counts > 0).sum(axis=1) >= FEWEST_BEATS)
    if len(full) == 0:
        raise FileRefused(f"no sixteen beats of which {FEWEST_BEATS} have notes")
    counts, pitches, velocities = counts[full], pitches[full], velocities[full]
    mask, divisor = counts > 0, 127 * np.maximum(counts, 1)
    x = np.hstack([np.log1p(counts), pitches / divisor]).astype(np.float32)
    start = score.beat_to_time(first + BEATS * full.astype(np.float64))
    return Rows(x, mask, (velocities / divisor).astype(np.float32), start.astype(np.float32))

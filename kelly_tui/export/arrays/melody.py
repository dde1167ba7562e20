"""MelodyTransformer: thirty-two notes of a melody, and the note that comes next.

The melody is the line that a piece's contour is told by (`kelly_tui.music.contour.find_tune`): the part that is named
so, the highest single line, or the top notes. Notes are MIDI pitches, 0 to 127. A window begins at every sixteenth
note; of a melody with fewer than 33 notes there is one, whose notes stand at its end, after the padding. `y` follows
the window and is not in it.
"""

from __future__ import annotations

import numpy as np

from kelly_tui.errors import FileRefused
from kelly_tui.export.arrays.rows import Form, Rows
from kelly_tui.music.contour import find_tune, melody
from kelly_tui.music.notes import Score

STEPS, HOP, VOCABULARY = 32, 16, 128
FEWEST = 5
"""Notes of a melody: four to go by, and the next."""

FORM = Form(
    model="melodytransformer",
    x=(STEPS,),
    x_type="int64",
    mask=(STEPS,),
    y=(),
    y_type="int64",
    names=tuple(map(str, range(VOCABULARY))),
    labels=("emotion", "melodic_contour", "key"),
    channels=(),
    spread=lambda mask: mask,
    part=4000,
)


def rows(score: Score) -> Rows:
    """The windows of a score's melody. Raises `FileRefused` where there are too few notes of one."""
    line = find_tune(score, melody(score)).line if len(score.pitched) else score.pitched
    if len(line) < FEWEST:
        raise FileRefused(f"{len(line)} notes make no melody" if len(line) else "no pitched notes")
    pitches, onsets = line["pitch"].astype(np.int64), line["onset"].astype(np.float32)
    targets = np.arange(STEPS, len(line), HOP) if len(line) > STEPS else np.array([len(line) - 1])
    places = targets[:, None] + np.arange(-STEPS, 0)
    mask = places >= 0
    x = np.where(mask, pitches[np.maximum(places, 0)], 0)
    return Rows(x, mask, pitches[targets], onsets[np.maximum(places[:, 0], 0)])

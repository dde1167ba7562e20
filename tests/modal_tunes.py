"""Tunes in the ten modes, made by rule: walks by step in four phrases, home at the end."""

from __future__ import annotations

import numpy as np

from kelly_tui.music.notes import Score
from kelly_tui.music.theory import SCALES
from tests.keys_over_time import score_of_notes


def modal_tune(tonic: int, mode: str, seed: int) -> Score:
    """Four phrases of eight beats on the scale; the inner ones end on the fifth, the third or the second."""
    chance = np.random.default_rng((seed, tonic))
    steps = SCALES[mode]
    degree, beat, notes = 0, 0.0, []
    for phrase in range(4):
        goal = 0 if phrase == 3 else int(chance.choice([0, 1, 2, 4]))
        for left in range(10, 0, -1):
            long = left == 1
            length = 2.0 if long else float(chance.choice([0.5, 1.0]))
            if long:
                degree = goal
            elif left <= 3:  # on the way
                degree += int(np.sign(goal - degree))
            else:
                degree += int(chance.choice([-2, -1, -1, 1, 1, 2, 4 if degree < 2 else -4]))
            degree = int(np.clip(degree, -3, 9))
            notes.append((beat, 0.95 * length, 62 + tonic + 12 * (degree // 7) + steps[degree % 7]))
            beat += length
    return score_of_notes(notes)

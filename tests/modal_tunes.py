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


_NEXT = {0: (3, 4, 5, 6, 1), 1: (4, 0, 6), 2: (5, 3), 3: (0, 4, 1), 4: (0, 5, 3), 5: (3, 1, 4), 6: (0, 2)}
"""Where a triad goes: down a fifth or a third, up a second, home."""


def modal_piece(tonic: int, mode: str, seed: int) -> Score:
    """Four phrases of four bars of triads on the scale, with a bass and a tune above; home at both ends.

    A diminished triad is passed over unless it is the tonic's own; the last phrase closes from a triad that holds the
    seventh or the second.
    """
    chance = np.random.default_rng((seed, tonic, 7))
    scale = SCALES[mode]

    def step(degree: int) -> int:
        return 12 * (degree // 7) + scale[degree % 7]

    stable = [degree for degree in range(7) if degree == 0 or step(degree + 4) - step(degree) == 7]
    roots = [0]
    for bar in range(1, 16):
        following = [degree for degree in _NEXT[roots[-1]] if degree in stable] or [0]
        if bar == 14:
            following = [degree for degree in (4, 6, 1) if degree in stable] or [6]
        elif bar == 15 or bar % 8 == 0:
            following = [0]
        roots.append(int(chance.choice(following)))
    notes, voice = [], 7
    for bar, root in enumerate(roots):
        beat = 4.0 * bar
        low = 38 + tonic + step(root) - 12 * (step(root) > 6)
        third_in_bass = root != 0 and chance.random() < 0.15
        notes.append((beat, 3.8, low + (step(root + 2) - step(root) if third_in_bass else 0)))
        struck = (0.0,) if bar == 15 else (0.0, 1.0, 2.0, 3.0) if seed % 2 else (0.0, 2.0)
        inner = [62 + tonic + step(root + third) - 12 * (step(root + third) > 9) for third in (0, 2, 4)]
        notes += [(beat + at, 0.9 * 4 / len(struck), pitch) for at in struck for pitch in inner]
        at = 0.0
        while at < 4.0:
            on_beat = [degree for degree in range(4, 13) if (degree - root) % 7 in (0, 2, 4)]
            if bar == 15:
                voice, length = 7, 4.0
            elif at % 1 == 0:
                voice = min(on_beat, key=lambda degree: abs(degree - voice) + 2 * chance.random())
                length = float(chance.choice([0.5, 1.0, 1.0]))
            else:
                voice, length = int(np.clip(voice + chance.choice([-1, 1]), 4, 12)), 0.5
            notes.append((beat + at, 0.95 * length, 62 + tonic + step(voice)))
            at += length
    return score_of_notes(notes)

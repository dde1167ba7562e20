"""What is suggested of piano clips whose quadrant of valence and arousal annotators gave, as figures.

The clips lie beside the project, ``../shared/music/piano``, in folders by emotion; those of one song share their name
up to the last ``_`` and are one group. What is learnt is scored on songs held out; the
sizes of the rules were chosen with these clips in view, so that their figures lean to the good side.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from kelly_tui.features.midi import extract_midi_features
from kelly_tui.learn.cues import Heard, midi_cues
from kelly_tui.learn.emotion import Labelled, Suggested, suggest
from kelly_tui.model.labels import EMOTION_PLACES


class Figures(NamedTuple):
    """Of suggestions beside the annotators' quadrants, which are named by four emotions."""

    valence: float
    """Share whose sign of valence is right."""
    arousal: float
    right: float
    """Share whose emotion is right, of four."""
    sure: float
    """How sure that was, on average."""


def figures(folder: Path) -> tuple[Figures, Figures]:
    """By the rules alone, and learnt from the other songs."""
    clips = sorted(folder.glob("*/*.mid"))
    labels = tuple(sorted({clip.parent.name for clip in clips}))
    found = [extract_midi_features(clip, 30) for clip in clips]
    heard = Heard(
        np.array([one.feature_vector for one in found]),
        [one.mode for one in found],
        np.array([one.tempo_bpm for one in found]),
        np.zeros(len(found)),
    )
    songs = np.unique([clip.stem.rpartition("_")[0] for clip in clips], return_inverse=True)[1]
    emotions = np.array([labels.index(clip.parent.name) for clip in clips])
    places = np.array([EMOTION_PLACES[label] for label in labels])[emotions]

    def scored(suggested: Suggested) -> Figures:
        signs = ((suggested.plane > 0) == (places > 0)).mean(axis=0)
        chosen = suggested.probabilities.argmax(axis=1)
        sure = suggested.probabilities.max(axis=1).mean()
        return Figures(float(signs[0]), float(signs[1]), float((chosen == emotions).mean()), float(sure))

    cues, nothing = midi_cues(heard), np.full((len(clips), 2), np.nan)
    return (
        scored(suggest(Labelled(cues, songs, np.full(len(clips), -1), nothing), labels, "midi")),
        scored(suggest(Labelled(cues, songs, emotions, nothing), labels, "midi")),
    )


def table(folder: Path) -> str:
    """Two lines for ``make accuracy``."""
    return "\n".join(
        f"emotion, piano {how:12} valence {100 * one.valence:.1f}  arousal {100 * one.arousal:.1f}"
        f"  of four {100 * one.right:.1f}, {100 * one.sure:.1f} sure"
        for how, one in zip(("by the rules", "learnt"), figures(folder))
    )

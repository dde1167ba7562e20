"""What is suggested of piano clips whose quadrant of valence and arousal annotators gave, as figures.

The clips lie beside the project, ``../shared/music/piano``, in folders by emotion; those of one song share their name
up to the last ``_`` and are one group. What is learnt is scored on songs held out. The sizes of the rules were chosen
with these clips in view, so that their figures lean to the good side. They are heard as MIDI and as the sound of two
instruments: what holds for one that dies away and one that does not is no piano's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import symusic
from scipy.special import ndtr

from kelly_tui.features.audio import extract_audio_features
from kelly_tui.features.midi import extract_midi_features
from kelly_tui.learn.cues import Heard, among_others, audio_cues, midi_cues
from kelly_tui.learn.emotion import Forecaster, Labelled, suggest
from kelly_tui.model.labels import EMOTION_PLACES
from kelly_tui.render.midi import render_midi

RATE = 22_050
SECONDS = 30
DRAWS = 1000


class Figures(NamedTuple):
    """Of suggestions beside the annotators' quadrants, which are named by four emotions; a number for each clip."""

    valence: np.ndarray
    """(n,) whether the sign is right."""
    arousal: np.ndarray
    right: np.ndarray
    """(n,) whether the emotion is, of four."""
    sure: np.ndarray
    """(n,) how sure that was."""
    sure_of_signs: np.ndarray
    """(n, 2) how sure the signs of valence and arousal were: what is said, in its standard deviations, as a chance."""
    songs: np.ndarray
    """(n,)"""


def from_midi(clip: Path) -> Any:
    """The features of a clip's notes."""
    return extract_midi_features(clip, SECONDS)


def from_sound(clip: Path, program: int) -> Any:
    """The features of its sound, on one of General MIDI's instruments."""
    score = symusic.Score(clip)
    for track in score.tracks:
        track.program = program
    sound = render_midi(score.dumps_midi(), RATE)[: SECONDS * RATE]
    return extract_audio_features(((0.9 * sound / np.abs(sound).max()).astype(np.float32), RATE))


def figures(folder: Path, features: Callable[[Path], Any] = from_midi) -> tuple[Figures, Figures]:
    """By the rules alone, and learnt from the other songs."""
    clips = sorted(folder.glob("*/*.mid"))
    labels = tuple(sorted({clip.parent.name for clip in clips}))
    found = [features(clip) for clip in clips]
    kind = "midi" if hasattr(found[0], "note_count") else "audio"
    heard = Heard(
        np.array([one.feature_vector for one in found], np.float64),
        [one.mode for one in found],
        np.array([one.tempo_bpm or 0.0 for one in found]),
        np.array([getattr(one, "onset_rate", None) or 0.0 for one in found]),
    )
    songs = np.unique([clip.stem.rpartition("_")[0] for clip in clips], return_inverse=True)[1]
    emotions = np.array([labels.index(clip.parent.name) for clip in clips])
    places = np.array([EMOTION_PLACES[label] for label in labels])[emotions]
    cues = among_others(midi_cues(heard) if kind == "midi" else audio_cues(heard))
    seen = np.column_stack([cues, heard.vectors])

    def scored(said: np.ndarray) -> Figures:
        suggested = suggest(Labelled(seen, songs, said, np.full((len(clips), 2), np.nan)), labels, kind)
        signs = (suggested.plane > 0) == (places > 0)
        chosen = suggested.probabilities.argmax(axis=1)
        sure_of_signs = ndtr(np.abs(suggested.plane) / suggested.spreads)
        right, sure = chosen == emotions, suggested.probabilities.max(axis=1)
        return Figures(signs[:, 0], signs[:, 1], right, sure, sure_of_signs, songs)

    return scored(np.full(len(clips), -1)), scored(emotions)


def _by_rule(found: Sequence[Any]) -> dict[str, np.ndarray]:
    """Labels that somebody might give, by one thing that is heard: whether it is more than in half of the clips."""
    numbers = {
        "pitch": [one.avg_pitch for one in found],
        "density": [one.note_density for one in found],
        "tempo": [one.tempo_bpm for one in found],
        "loudness": [one.avg_velocity for one in found],
        "range": [one.pitch_range for one in found],
    }
    said = {name: (np.array(values) > np.median(values)).astype(np.int64) for name, values in numbers.items()}
    minor = np.array([one.mode in ("minor", "dorian", "phrygian") for one in found]).astype(np.int64)
    return said | {"mode": minor, "chance": np.random.default_rng(0).integers(0, 3, len(found))}


def by_rule(folder: Path) -> str:
    """The lines: of labels by one rule, the share that is suggested rightly without the song's own labels."""
    clips = sorted(folder.glob("*/*.mid"))
    found = [from_midi(clip) for clip in clips]
    vectors = np.array([one.feature_vector for one in found], np.float64)
    tempi = np.array([one.tempo_bpm or 0.0 for one in found])
    cues = among_others(midi_cues(Heard(vectors, [one.mode for one in found], tempi, np.zeros(len(found)))))
    seen = np.column_stack([cues, vectors])
    songs = np.unique([clip.stem.rpartition("_")[0] for clip in clips], return_inverse=True)[1]
    lines = []
    for name, said in _by_rule(found).items():
        parts = []
        for number in (30, 60, len(clips)):
            right = []
            for seed in range(3):
                some = np.random.default_rng(seed).permutation(len(clips))[:number]
                given = np.full(len(clips), -1)
                given[some] = said[some]
                nowhere = np.full((len(clips), 2), np.nan)
                one = Forecaster(Labelled(seen, songs, given, nowhere), ("happy", "sad", "angry"), "midi")
                right.append(one.right / one.named)
            parts.append(f"{100 * np.mean(right):.0f} of {number}")
        lines.append(f"emotion, labels by {name:9} % held out: {', '.join(parts)}")
    return "\n".join(lines)


SAID = ("emotion", "sign of valence", "sign of arousal")


@cache
def reliable(folder: Path) -> dict[str, list[tuple[float, bool]]]:
    """How sure each suggestion for MIDI was, and whether it was right: by the rules alone, and learnt."""
    found = {}
    for how, one in zip(("by rules", "learnt"), figures(folder)):
        sure, right = (one.sure, *one.sure_of_signs.T), (one.right, one.valence, one.arousal)
        found |= {f"{name}, {how}": list(zip(of.tolist(), held.tolist())) for name, of, held in zip(SAID, sure, right)}
    return found


def interval(values: np.ndarray, songs: np.ndarray) -> tuple[float, float]:
    """95 % of the mean, by drawing songs anew."""
    random = np.random.default_rng(0)
    clips = [np.flatnonzero(songs == song) for song in np.unique(songs)]
    drawn = [
        values[np.concatenate([clips[one] for one in random.integers(0, len(clips), len(clips))])].mean()
        for _ in range(DRAWS)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _said(name: str, values: np.ndarray, songs: np.ndarray) -> str:
    low, high = interval(values, songs)
    return f"{name} {100 * values.mean():.1f} ({100 * low:.0f} to {100 * high:.0f})"


def table(folder: Path) -> str:
    """The lines for ``make accuracy``: shares in per cent, with what 95 % of draws of songs give."""
    lines = []
    for name, features in (
        ("MIDI", from_midi),
        ("piano's sound", partial(from_sound, program=0)),
        ("brass's sound", partial(from_sound, program=61)),
    ):
        for how, one in zip(("by the rules", "learnt"), figures(folder, features)):
            parts = [_said(part, getattr(one, part), one.songs) for part in ("valence", "arousal", "right")]
            lines.append(f"emotion, {name:14} {how:13} {'  '.join(parts)}, {100 * one.sure.mean():.1f} sure")
    return "\n".join([*lines, by_rule(folder)])

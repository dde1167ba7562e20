"""How sure chords of audio are is fitted; ``python -m tests.accuracy.chord_sure`` prints it.

What is told is a chord with its quality and its bass, so that is what must be right: not only its third. Triads and
sevenths in all inversions, made by rule in the textures of `tests.made_chords` and played by several instruments of two
sound fonts, and the clips of `chords_audio` where they lie beside the project.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import mir_eval
import numpy as np
import symusic
from numpy.typing import NDArray
from scipy.optimize import minimize

from kelly_tui.features import audio, audio_chords
from kelly_tui.features.sound_file import sound_of
from kelly_tui.music.theory import chord_pitches
from kelly_tui.paths import soundfonts
from kelly_tui.render.midi import render_midi
from tests.accuracy.folds import LISTENED
from tests.accuracy.judged import EVAL, annotated, folder_of
from tests.made_chords import TEXTURES, tones, written

Floats = NDArray[np.float64]
Span = tuple[float, float, frozenset[int] | None, int]
"""From and until, seconds; pitch classes, None for no chord; the bass."""

PIECES = range(200)
"""Seeds."""
_BARS, _BEAT = 14, 960
_PROGRAMS = (0, 0, 4, 11, 16, 19, 24, 25, 26, 46, 48, 49, 52, 61, 66, 21)
"""General MIDI's, from 0."""
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_NAMES = {
    (4, 7, 11): "maj7", (4, 7, 10): "7", (3, 7, 10): "m7", (3, 6, 10): "m7b5", (4, 7): "", (3, 7): "m", (3, 6): "dim",
}  # fmt: skip
_FOLDS = 5
_PENALTY = 0.5
_EDGES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


class Example(NamedTuple):
    group: str
    certainty: Floats
    """As `audio_chords.certainty` has it."""
    right: float
    """The share of the time."""


class Piece(NamedTuple):
    midi: bytes
    truth: list[Span]


def piece(seed: int) -> Piece:
    """Chords of a scale, one to a bar, of which so many have a seventh and so many another bass."""
    chance = np.random.default_rng((seed, 67))
    sevenths, inverted = float(chance.choice([0, 0, 0.3, 0.6, 1])), float(chance.choice([0, 0, 0.4]))
    scale, tonic, texture = _SCALES[chance.integers(2)], int(chance.integers(12)), str(chance.choice(TEXTURES))
    bpm, beats = float(chance.uniform(70, 160)), int(chance.choice([2, 4, 4]))
    score, track = symusic.Score(_BEAT), symusic.Track("chords", int(chance.choice(_PROGRAMS)))
    low = symusic.Track("bass", int(chance.choice([32, 33])) if chance.random() < 0.5 else track.program)
    score.tempos.append(symusic.Tempo(0, bpm))
    truth: list[Span] = []
    for bar in range(_BARS):
        degree = int(chance.integers(7))
        over = [(scale[(degree + step) % 7] - scale[degree]) % 12 for step in (2, 4, 6)]
        name = _NAMES[tuple(over if chance.random() < sevenths else over[:2])]
        classes = [(tonic + scale[degree] + step) % 12 for step in tones(name)]
        bass = classes[int(chance.integers(len(classes))) if chance.random() < inverted else 0]
        for beat, length, pitch in written(classes, bass, texture, random.Random(seed + bar)):
            if beat < beats:
                at = round((bar * beats + beat) * _BEAT)
                to = low if pitch < 60 and texture != "broken" else track
                to.notes.append(symusic.Note(at, round(min(length, beats - beat) * _BEAT * 0.98), pitch, 80))
        start = bar * beats * 60 / bpm
        truth.append((start, start + beats * 60 / bpm, frozenset(classes), bass))
    score.tracks.extend([track, low] if low.notes else [track])
    return Piece(score.dumps_midi(), truth)


def examples(pieces: range) -> Iterator[Example]:
    fonts = soundfonts()[:2]
    for seed in pieces:
        made = piece(seed)
        sound = render_midi(made.midi, audio.RATE, fonts[seed % len(fonts)]).mean(axis=1)
        yield from _example(f"piece {seed}", sound, made.truth)
    if EVAL.exists():
        for file, label in annotated("chords_audio").items():
            if (path := folder_of("chords_audio") / file).exists():
                samples, rate = sound_of(path, LISTENED.max_duration_sec)
                yield from _example(
                    Path(file).stem, audio.analysed(samples, rate), [annotated_chord(*one) for one in label["chords"]]
                )


def annotated_chord(start: float, end: float, name: str) -> Span:
    """An annotation in Harte's names."""
    root, steps, bass = mir_eval.chord.encode(name)
    if root < 0:
        return start, end, None, -1
    return start, end, frozenset(int(root + step) % 12 for step in np.flatnonzero(steps == 1)), int(root + bass) % 12


def _example(group: str, sound: NDArray[np.float32], truth: Sequence[Span]) -> Iterator[Example]:
    with patch.object(audio_chords, "certainty", wraps=audio_chords.certainty) as asked:
        features = audio.extract_audio_features((sound, audio.RATE), LISTENED)
    if asked.call_args is None:
        return
    found = list(zip(features.chord_times, features.chord_sequence))
    yield Example(group, audio_chords.certainty(*asked.call_args.args), share_right(found, truth))


def share_right(found: Sequence[tuple[float, str]], truth: Sequence[Span]) -> float:
    """The share of the annotated time in which what is named has the pitch classes and the bass of what is right."""
    ends = [time for time, _ in found[1:]] + [np.inf]
    right = 0.0
    for start, end, *wanted in truth:
        for (time, name), until in zip(found, ends):
            chord = chord_pitches(name)
            if wanted == ([None, -1] if chord is None else [chord.pitches, chord.bass]):
                right += max(0.0, min(end, until) - max(start, time))
    return right / sum(end - start for start, end, *_ in truth)


def fit(seen: Sequence[Example]) -> Floats:
    """Logistic regression on shares; kinds of evidence in units of their spread."""
    heard, right = np.array([one.certainty for one in seen]), np.array([one.right for one in seen])
    spread = np.where(heard.std(axis=0) > 1e-9, heard.std(axis=0), 1.0)

    def cost(weights: Floats) -> tuple[float, Floats]:
        logits = heard / spread @ weights
        apart = 1 / (1 + np.exp(-logits)) - right
        loss = float(np.sum(np.logaddexp(0, logits) - right * logits)) + _PENALTY / 2 * float(weights @ weights)
        return loss, apart @ (heard / spread) + _PENALTY * weights

    return minimize(cost, np.zeros(heard.shape[1]), jac=True, method="L-BFGS-B").x / spread


def out_of_fold(seen: Sequence[Example]) -> Floats:
    """(examples,) how sure each is by what the other folds teach."""
    folds = np.array([zlib.crc32(one.group.encode()) % _FOLDS for one in seen])
    weights = [fit([one for one, fold in zip(seen, folds) if fold != left]) for left in range(_FOLDS)]
    return np.array([1 / (1 + np.exp(-one.certainty @ weights[fold])) for one, fold in zip(seen, folds)])


def main() -> None:
    seen = list(examples(PIECES))
    print("_SURE = np.array([" + ", ".join(f"{weight:.2f}" for weight in fit(seen)) + "])")
    sure, right = out_of_fold(seen), np.array([one.right for one in seen])
    for kind in ("piece", ""):
        of_kind = np.array([one.group.startswith("piece") == (kind == "piece") for one in seen])
        for low, high in pairwise(_EDGES):
            inside = of_kind & (sure >= low) & (sure < high)
            if inside.any():
                print(f"{kind or 'song':6} {sure[inside].mean():.2f} → {right[inside].mean():.2f} ({inside.sum()})")


if __name__ == "__main__":
    main()

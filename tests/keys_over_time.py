"""Pieces that modulate, made of phrases of pieces that hardly do, and a peer: Krumhansl's profiles in a window.

Phrases are cut from pieces whose key is known, transposed so that each is in another key than the one before (most are
a fifth, the relative or the parallel away), and joined. Truth is what they were transposed to. Of music whose keys
people heard there are analyses; chorales change key six times each, so that phrases of theirs would not do for joining.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.labels import KEYS
from kelly_tui.music.key import Key, detect_key
from kelly_tui.music.notes import NOTE, Score

Timed = tuple[float, str, str]
"""Start in seconds, tonic, mode."""
Floats = NDArray[np.float64]

WITHIN = 1.0
"""Seconds from a change of key that one found may be: two beats, as phrases of chorales have eight."""
_LENGTHS = (24, 32, 48)
"""Quarter notes of a phrase."""
_MINORS = ("minor", "dorian", "phrygian", "locrian", "harmonic_minor", "melodic_minor")
_KRUMHANSL = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)
"""Krumhansl and Kessler (1982)."""


def joined(
    pieces: Sequence[Score], count: int, seed: int, key_of: Callable[[Score], Key | None] | None = None
) -> list[tuple[Score, list[Timed]]]:
    """`count` pieces at 120 BPM of one to three phrases each, with their keys."""
    key_of = key_of or (lambda score: detect_key(score).value)
    pool = [(score, *key) for score in pieces if (key := key_of(score)) is not None]
    chance = np.random.default_rng(seed)
    made = []
    while len(made) < count:
        parts: list[NDArray[np.void]] = []
        truth: list[Timed] = []
        at, before = 0.0, None
        for _ in range(int(chance.integers(1, 4))):
            wanted = _next_key(chance, before)
            fitting = [one for one in pool if wanted is None or (one[2] in _MINORS) == (wanted[1] == "minor")]
            score, tonic, mode = fitting[int(chance.integers(len(fitting)))]
            plain = "minor" if mode in _MINORS else "major"
            key = wanted or (tonic, plain)
            shift = (KEYS.index(key[0]) - KEYS.index(tonic) + 6) % 12 - 6
            length = float(chance.choice(_LENGTHS))
            last = float(score.pitched["onset_beat"].max())
            start = 4.0 * int(chance.integers(0, max(1, int((last - length) // 4) + 1)))
            parts.append(_cut(score, start, length, shift, at))
            if not truth or truth[-1][1:] != key:
                truth.append((at / 2, *key))
            at, before = at + length, key
        if all(len(part) >= 12 for part in parts):
            made.append((_score(np.concatenate(parts)), truth))
    return made


def _next_key(chance: np.random.Generator, before: Key | None) -> Key | None:
    if before is None:
        return None
    tonic, minor = KEYS.index(before[0]), before[1] == "minor"
    relative = (KEYS[(tonic + (3 if minor else 9)) % 12], "major" if minor else "minor")
    parallel = (before[0], "major" if minor else "minor")
    moved = [(KEYS[(tonic + steps) % 12], before[1]) for steps in (7, 7, 5, 5, 2, 3, 9, 1)]
    return [relative, relative, parallel, *moved][int(chance.integers(len(moved) + 3))]


def _cut(score: Score, start: float, length: float, shift: int, at: float) -> NDArray[np.void]:
    notes = score.pitched
    inside = (notes["onset_beat"] >= start) & (notes["onset_beat"] < start + length)
    part: NDArray[np.void] = notes[inside].copy()
    part["onset_beat"] += at - start
    part["duration_beat"] = np.minimum(part["duration_beat"], at + length - part["onset_beat"])
    part["pitch"] = np.clip(part["pitch"].astype(int) + shift, 0, 127)
    part["onset"], part["duration"] = part["onset_beat"] / 2, part["duration_beat"] / 2
    return part


def _score(notes: NDArray[np.void]) -> Score:
    notes = notes[np.lexsort((notes["pitch"], notes["onset_beat"]))]
    end = float((notes["onset"] + notes["duration"]).max())
    return Score(notes, np.array([[0.0, 120.0]]), [], [], 480, end, np.empty((0, 3)), [""])


def windowed_krumhansl(score: Score, beats: int = 32) -> list[Timed]:
    """The key of each quarter note by the correlation of the notes in `beats` around it."""
    notes = score.pitched
    place = np.floor(notes["onset_beat"] + 1e-6).astype(np.int64)
    sounding = np.bincount(place * 12 + notes["pitch"] % 12, notes["duration_beat"], (int(place.max()) + 1) * 12)
    sums = np.concatenate((np.zeros((1, 12)), sounding.reshape(-1, 12).cumsum(axis=0)))
    at = np.arange(len(sums) - 1)
    heard = sums[np.minimum(at + beats // 2 + 1, len(at))] - sums[np.maximum(at - beats // 2, 0)]
    profiles = np.array([np.roll(one, tonic) for tonic in range(12) for one in _KRUMHANSL])
    unit = profiles - profiles.mean(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    best = (heard @ unit.T).argmax(axis=1)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(best)) + 1))
    times = score.beat_to_time(starts.astype(np.float64)).tolist()
    return [(time, KEYS[key // 2], "minor" if key % 2 else "major") for time, key in zip(times, best[starts].tolist())]


def exact_share(truth: Sequence[Timed], found: Sequence[Timed], end: float) -> float:
    """The share of the time in the right tonic and the right of major and minor."""
    grid = np.arange(0.125, end, 0.25)
    return float(np.mean([_at(truth, time) == _at(found, time) for time in grid]))


def _at(keys: Sequence[Timed], time: float) -> Key | None:
    held = [(tonic, "minor" if mode in _MINORS else "major") for start, tonic, mode in keys if start <= time + 1e-6]
    return held[-1] if held else (keys[0][1], "minor" if keys[0][2] in _MINORS else "major") if keys else None


def boundaries(truth: Sequence[Timed], found: Sequence[Timed]) -> tuple[int, int, int, list[float]]:
    """Changes to the right key within `WITHIN` seconds, those made up, those missed, and how far off they are."""
    free = list(found[1:])
    off = []
    for start, *key in truth[1:]:
        near = [one for one in free if abs(one[0] - start) <= WITHIN and _at([one], one[0]) == tuple(key)]
        if near:
            best = min(near, key=lambda one: abs(one[0] - start))
            free.remove(best)
            off.append(abs(best[0] - start))
    return len(off), len(free), len(truth) - 1 - len(off), off


class Annotated(NamedTuple):
    """Music with the keys that people heard."""

    score: Score
    keys: list[Timed]
    phrase_ends: list[float]
    """Seconds of fermatas."""


_ITS_NOTES = 0.8
"""The share of the sounding time that lies in the chords of an analysis if it is of these notes."""


def annotated_chorales() -> Iterator[Annotated]:
    """By Bach, heard by Andrew Jones and Dmitri Tymoczko: music21's corpus has 20 analyses."""
    for analysis in _analyses("riemenschneider"):
        said = re.search(r"BWV:?\s*([\d.]+)", analysis.read_text(errors="replace"))
        if said is not None:
            yield from _annotated(f"bwv{said[1].rstrip('.')}", analysis)


def annotated_madrigals() -> Iterator[Annotated]:
    """By Monteverdi, of the third to the fifth book; of 48 analyses half are of the notes that the corpus has."""
    for analysis in _analyses("madrigal"):
        yield from _annotated(f"monteverdi/{analysis.stem}.mxl", analysis)


def _analyses(kind: str) -> list[Path]:
    from music21 import corpus

    paths = sorted(map(Path, corpus.getCorePaths(fileExtensions=["rntxt"])))
    return [path for path in paths if path.name.startswith(kind)]


def _annotated(name: str, analysis: Path) -> Iterator[Annotated]:
    """None where repeats are written out in one of both; in the key of the notes where the analysis is of another."""
    from music21 import corpus, expressions, roman

    try:
        piece = corpus.parse(name)
    except Exception as error:  # music21 has its own for a piece that it does not hold
        print(f"{analysis.name}: {error}")
        return
    said = corpus.parse(str(analysis)).parts[0]
    notes = list(piece.flatten().notes)
    sounding = [(float(note.offset), float(note.quarterLength), pitch.midi) for note in notes for pitch in note.pitches]
    starts, lengths, pitches = (np.array(column) for column in zip(*sounding))
    within = np.zeros(12)
    keys: list[tuple[float, int, str]] = []
    for chord in said.recurse().getElementsByClass(roman.RomanNumeral):
        start, tonic, mode = float(chord.getOffsetInHierarchy(said)), chord.key.tonic.pitchClass, chord.key.mode
        end = start + float(chord.quarterLength)
        overlap = np.maximum(0.0, np.minimum(starts + lengths, end) - np.maximum(starts, start))
        sounds = np.bincount(pitches % 12, overlap, 12)
        classes = np.array(sorted({pitch.pitchClass for pitch in chord.pitches}))
        within += [sounds[(classes + steps) % 12].sum() for steps in range(12)]
        if not keys or keys[-1][1:] != (tonic, mode):
            keys.append((start, tonic, mode))
    steps = int(within.argmax())
    if within[steps] >= _ITS_NOTES * lengths.sum():
        ends = {
            float(note.offset) for note in notes if any(isinstance(e, expressions.Fermata) for e in note.expressions)
        }
        timed = [(start / 2, KEYS[(tonic + steps) % 12], mode) for start, tonic, mode in keys]
        yield Annotated(score_of_notes(sounding), timed, sorted(end / 2 for end in ends))


def score_of_notes(sounding: Sequence[tuple[float, float, int]]) -> Score:
    """A score at 120 BPM of (beat, beats, pitch)."""
    notes = np.zeros(len(sounding), NOTE)
    notes["onset_beat"], notes["duration_beat"], notes["pitch"] = zip(*sounding)
    notes["onset"], notes["duration"], notes["velocity"] = notes["onset_beat"] / 2, notes["duration_beat"] / 2, 80
    return _score(notes)


class Figures(NamedTuple):
    """Of keys over time."""

    share: float
    """Of the time in the right key."""
    precision: float
    """Of the changes of key."""
    recall: float
    off: float
    """Seconds, of the right ones; the median."""


def figures(pieces: Sequence[tuple[Score, list[Timed]]], find: Callable[[Score], list[Timed]]) -> Figures:
    """How often what `find` says is right."""
    said = [(truth, find(score), score.duration) for score, truth in pieces]
    met, extra, missed, off = 0, 0, 0, []
    for truth, found, _ in said:
        one = boundaries(truth, found)
        met, extra, missed, off = met + one[0], extra + one[1], missed + one[2], off + one[3]
    share = float(np.mean([exact_share(*one) for one in said]))
    far = float(np.median(off)) if off else float("nan")
    return Figures(share, met / max(1, met + extra), met / max(1, met + missed), far)


def phrase_figures(pieces: Sequence[Annotated], find: Callable[[Score], list[Timed]]) -> tuple[float, float, float]:
    """The share of phrases that end in the right key; of those said to end away from home; of those that do."""
    ends = []
    for score, truth, phrase_ends in pieces:
        found, home = find(score), truth[-1][1:]
        ends += [(_at(truth, time), _at(found, time), home) for time in phrase_ends]
    right = [truth == found for truth, found, _ in ends]
    said_away = [truth == found for truth, found, home in ends if found != home]
    away = [truth == found for truth, found, home in ends if truth != home]
    return tuple(float(np.mean(one)) if one else float("nan") for one in (right, said_away, away))

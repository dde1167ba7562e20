"""Music played without a click whose beat is known: what teaches tempo beside recorded pop, drums and jazz.

Accompaniments made by rule, layer on layer, in two, three and four and in threes within the beat; chorales, fiddle
tunes and folk songs of music21's corpus; grooves and emotions of the program's own generators. All are played as people
do: the tempo drifts, each note is early or late, and the file says 120.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from music21 import corpus

from kelly_tui.model.labels import EMOTIONS, GROOVES
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.synth.item import classes_of, generate_sample
from tests.accuracy.abc_tunes import tunes
from tests.accuracy.corpus_keys import chorales, new_to
from tests.accuracy.judged import KEY_SETS, annotated, folder_of
from tests.keys_over_time import score_of_notes


class Played(NamedTuple):
    """Music whose beat is known."""

    kind: str
    """``accompaniment``, ``chorale``, ``tune``, ``song``, ``groove`` or ``emotion``."""
    group: str
    """What must not lie on both sides of a split."""
    score: Score
    bpm: float


class Layers(NamedTuple):
    """Of a meter: the beats of a bar at which each may strike."""

    beats: int
    part: float
    """Of a beat that it is commonly divided in."""
    bass: tuple[tuple[float, ...], ...]
    harmony: tuple[tuple[float, ...], ...]
    drums: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    """Kick and snare."""


_EIGHTHS = tuple(n / 2 for n in range(8))
_SIXTHS = tuple(n / 3 for n in range(6))
METERS = {
    "4/4": Layers(
        4, 1 / 2,
        ((0,), (0, 2), (0, 1, 2, 3), (0, 1.5, 2), (0, 1.5, 2, 3.5), (0, 2, 3), (0, 2.5), _EIGHTHS),
        ((0,), (0, 2), (0, 1, 2, 3), (1, 3), (0.5, 1.5, 2.5, 3.5), (0, 1.5, 3), (0, 1.5), (1.5, 3.5), (0, 1, 2.5, 3),
         (1, 1.5, 3, 3.5), _EIGHTHS),
        (((0, 2), (1, 3)), ((0, 2.5), (1, 3)), ((0, 1, 2, 3), (1, 3)), ((0, 1.5, 2), (1, 3)), ((0,), (2,))),
    ),
    "3/4": Layers(
        3, 1 / 2,
        ((0,), (0, 2), (0, 1, 2), (0, 1.5)),
        ((0,), (1, 2), (0, 1, 2), (1,), (0.5, 1.5, 2.5), (0.5, 1, 1.5, 2, 2.5), _EIGHTHS[:6]),
        (((0,), (1, 2)), ((0,), (2,)), ((0, 1.5), (2,))),
    ),
    "2/4": Layers(
        2, 1 / 2,
        ((0,), (0, 1), (0, 0.75, 1), (0, 1.5)),
        ((0,), (0, 1), (0.5, 1.5), (0.5, 1, 1.5), (0.25, 0.75, 1.25, 1.75), _EIGHTHS[:4]),
        (((0,), (1,)), ((0, 1.5), (1,))),
    ),
    "6/8": Layers(
        2, 1 / 3,
        ((0,), (0, 1), (0, 2 / 3, 1, 5 / 3), (0, 1, 5 / 3)),
        ((0,), (0, 1), (1 / 3, 2 / 3, 4 / 3, 5 / 3), (2 / 3, 5 / 3), (0, 2 / 3, 1, 5 / 3), _SIXTHS),
        (((0,), (1,)), ((0, 2 / 3), (1,))),
    ),
}  # fmt: skip
_COMMON = ("4/4", "4/4", "4/4", "3/4", "2/4", "6/8")
_SECONDS = 50.0
SLOW, FAST = 60.0, 180.0
"""BPM of accompaniments: each as likely as its double."""


def taught() -> Iterator[Played]:
    """All of it, the same each time."""
    yield from map(accompaniment, range(_ACCOMPANIMENTS))
    is_new = new_to([read_midi(folder_of(name) / file) for name in KEY_SETS[1:] for file in annotated(name)])
    yield from _chorales(is_new)
    yield from _tunes(is_new)
    for kind in ("groove", "emotion"):
        yield from (_own(kind, index) for index in range(_OWN))


def _chorales(is_new: Callable[[Score], bool]) -> Iterator[Played]:
    """The beat is the quarter."""
    new = [piece.score for piece in chorales() if is_new(piece.score)]
    for seed, score in enumerate(new[:: -(-len(new) // _CHORALES)]):
        bpm = _between(seed, 60.0, 130.0)
        yield Played("chorale", f"chorale {seed}", perform(score, bpm, seed), bpm)


def _tunes(is_new: Callable[[Score], bool]) -> Iterator[Played]:
    """Fiddle tunes and folk songs, of each meter as many. The beat is the quarter, as their files have it, of a jig
    too."""
    for kind, (folder, one_of) in _FOLDERS.items():
        of_meter: dict[str, list[Score]] = defaultdict(list)
        for path in sorted(map(Path, corpus.getComposer(folder))):
            for tune in list(tunes(path.read_text("utf-8", errors="replace")))[::one_of]:
                said = re.search(r"^M: *(\S+)", tune.text, re.MULTILINE)
                notes = tune.notes() if said and said[1] in _METERS else []
                if said and len(notes) > 24 and is_new(score := score_of_notes(notes)):
                    of_meter[said[1]].append(score)
        for meter, those in of_meter.items():
            for seed, score in enumerate(those[:: -(-len(those) // _TUNES)]):
                bpm = _between(seed, 66.0, 140.0)
                yield Played(kind, f"{kind} {meter} {seed}", perform(score, bpm, seed), bpm)


_FOLDERS = {"tune": ("ryansMammoth", 1), "song": ("essenFolksong", 8)}
"""Where they are, and one of how many is read."""
_METERS = ("2/4", "C", "C|", "4/4", "3/4", "6/8", "9/8")
_ACCOMPANIMENTS, _CHORALES, _TUNES, _OWN = 300, 120, 25, 80
"""How many at most: of all, of all, of each meter, of each kind."""


def _own(kind: str, index: int) -> Played:
    sample = generate_sample(kind, 31, index, classes_of(kind, {"emotion_labels": EMOTIONS, "groove_labels": GROOVES}))
    bpm = sample.labels["tempo_bpm"].value
    assert isinstance(bpm, float | int)
    return Played(kind, f"{kind} {index}", perform(read_midi(sample.midi), float(bpm), index), float(bpm))


def accompaniment(seed: int) -> Played:
    """Bass, harmony struck or broken, mostly a melody, and sometimes drums, for fifty seconds."""
    chance = np.random.default_rng((seed, 41))
    meter = _COMMON[int(chance.integers(len(_COMMON)))]
    layers = METERS[meter]
    bpm = _between(seed, SLOW, FAST)
    bass = layers.bass[int(chance.integers(len(layers.bass)))]
    harmony = layers.harmony[int(chance.integers(len(layers.harmony)))]
    bars = max(4, round(_SECONDS * bpm / 60 / layers.beats))
    roots = chance.choice([0, 5, 7, 9, 2, 4], size=bars)
    if chance.random() < 0.5:
        roots = np.resize(roots[:4], bars)
    low = 36 + int(chance.integers(0, 14))
    middle = 55 + int(chance.integers(-4, 6))
    has_bass, has_melody, has_drums = chance.random(3) < (0.85, 0.75, 0.2)
    broken = chance.random() < 0.35
    step = layers.part / (2 if broken and chance.random() < 0.35 else 1)
    touch = float(chance.choice([0.45, 0.9, 0.98]))
    notes: list[tuple[float, float, int]] = []
    drums: list[tuple[float, float, int]] = []
    for bar, root in enumerate(roots.tolist()):
        at = float(bar * layers.beats)
        chord = [middle + root % 12 - 12 * (root > 6) + third for third in (0, 4 if root in (0, 5, 7) else 3, 7)]
        if has_bass:
            ends = (*bass[1:], layers.beats)
            fifths = chance.random() < 0.5
            notes += [
                (at + beat, touch * (end - beat), low + root % 12 - (5 if fifths and n % 2 else 0))
                for n, (beat, end) in enumerate(zip(bass, ends))
            ]
        if broken:
            for n in range(round(layers.beats / step)):
                notes.append((at + n * step, step * touch, chord[(0, 2, 1, 2)[n % 4] if step != 1 / 3 else n % 3]))
        else:
            ends = (*harmony[1:], layers.beats)
            notes += [
                (at + beat, touch * min(end - beat, 4.0), pitch)
                for beat, end in zip(harmony, ends)
                for pitch in (chord if has_bass else [*chord, chord[0] - 12])
            ]
        if has_drums:
            kick, snare = layers.drums[seed % len(layers.drums)]
            hats = np.arange(0, layers.beats, layers.part)
            drums += [
                (at + beat, 0.1, pitch) for pitch, those in ((36, kick), (38, snare), (42, hats)) for beat in those
            ]
    if has_melody:
        notes += _melody(chance, bars * layers.beats, layers.part)
    score = _with_drums(notes, drums)
    if layers.part == 1 / 2 and chance.random() < 0.15:
        score = _swung(score, float(chance.uniform(0.56, 0.68)))
    return Played("accompaniment", f"{meter} {step if broken else harmony}", perform(score, bpm, seed), bpm)


def _between(seed: int, low: float, high: float) -> float:
    """BPM, each as likely as any other in octaves."""
    return float(low * (high / low) ** np.random.default_rng((seed, 47)).random())


def _with_drums(notes: list[tuple[float, float, int]], drums: list[tuple[float, float, int]]) -> Score:
    score = score_of_notes([*notes, *drums])
    order = np.lexsort(([note[2] for note in (*notes, *drums)], [note[0] for note in (*notes, *drums)]))
    score.notes["is_drum"] = order >= len(notes)
    return score


def _melody(chance: np.random.Generator, beats: int, part: float) -> list[tuple[float, float, int]]:
    """A walk by step on a scale in notes of a beat, its parts and its multiples."""
    choices = ((1, 2), (part, part, 1, 1), (part, 1, 2), (1,), (2, 4), (part,), (part, part / 2, 1))
    lengths = choices[int(chance.integers(len(choices)))]
    rests = float(chance.choice([0.0, 0.1, 0.25]))
    found, at, degree, top = [], 0.0, 4, 67 + int(chance.integers(0, 10))
    while at < beats:
        length = float(chance.choice(lengths))
        for _ in range(1 if length >= 1 else round(1 / length) if chance.random() < 0.9 else 1):
            degree = int(np.clip(degree + chance.integers(-2, 3), 0, 12))
            if chance.random() >= rests:
                pitch = top + 12 * (degree // 7) + (0, 2, 4, 5, 7, 9, 11)[degree % 7]
                found.append((at, 0.92 * length, pitch))
            at += length
    return found


def _swung(score: Score, ratio: float) -> Score:
    """The half of each beat at this part of it."""
    notes = score.notes.copy()
    beat, phase = np.divmod(notes["onset_beat"], 1.0)
    notes["onset_beat"] = beat + np.interp(phase, (0, 0.5, 1), (0, ratio, 1))
    return replace(score, notes=notes)


def perform(score: Score, bpm: float, seed: int) -> Score:
    """A minute as a recorder that believes in 120 writes it: the tempo drifts by up to 4 %, and notes are early or late
    by a deviation of 6 to 14 ms."""
    chance = np.random.default_rng((seed, 43))
    score = replace(score, notes=score.notes[score.notes["onset_beat"] < bpm])
    beats = np.arange(0.0, float(score.notes["onset_beat"].max()) + 60)
    wave = chance.uniform(0.01, 0.04) * np.sin(beats / chance.uniform(5, 15) + chance.uniform(0, 6))
    steps = 60 / bpm * (1 + wave + np.cumsum(chance.normal(0, 0.002, len(beats))))
    times = np.concatenate(([0.0], np.cumsum(steps)))[:-1]
    notes = score.notes.copy()
    ends = np.interp(notes["onset_beat"] + notes["duration_beat"], beats, times)
    notes["onset"] = np.interp(notes["onset_beat"], beats, times) + 0.1
    notes["duration"] = np.maximum(ends + 0.1 - notes["onset"], 0.03)
    notes["onset"] += np.clip(chance.normal(0, chance.uniform(0.006, 0.014), len(notes)), -0.05, 0.05)
    notes["onset_beat"], notes["duration_beat"] = 2 * notes["onset"], 2 * notes["duration"]
    notes = notes[np.lexsort((notes["pitch"], notes["onset"]))]
    return replace(score, notes=notes, tempi=np.array([[0.0, 120.0]]), meters=[], has_tempo=False)

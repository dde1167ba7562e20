"""Pieces of two or three sections in keys of any mode, made by rule: chords with led voices in seven textures.

Each section is of phrases of four bars that go about the mode's triads, with what the mode is known by in each, and
close at their end; bars, tempo and meter are of the piece. Where modes follow each other they share the scale, the
tonic, or are a fifth or a third apart, as in Weber's chart of keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from kelly_tui.model.labels import KEYS
from kelly_tui.music.notes import Meter, Score
from kelly_tui.music.theory import SCALES
from tests.keys_over_time import Timed, score_of_notes

Key = tuple[int, str]
Chord = tuple[int, ...]
"""Pitch classes from the root up."""
Event = tuple[float, float, int]
"""Beat, beats, pitch."""

PLAIN = ("major", "minor")
MODAL = ("dorian", "phrygian", "lydian", "mixolydian")
TEXTURES = ("hymn", "held", "arpeggio", "line", "comped", "sung", "waltzed")
_GOES: dict[str, tuple[str, str]] = {
    # degrees about which a mode goes, the commoner the more often; and those that it closes from
    "major": ("1145564425", "5554"),
    "minor": ("1144556337", "5547"),
    "dorian": ("1144417723", "4472"),
    "phrygian": ("1122276436", "227"),
    "lydian": ("1122225563", "225"),
    "mixolydian": ("1177744526", "7745"),
}
_KNOWN_BY = {"dorian": "42", "phrygian": "27", "lydian": "2", "mixolydian": "75", "major": "54", "minor": "645"}
"""A phrase has one of these degrees at least."""


class Made(NamedTuple):
    score: Score
    keys: list[Timed]
    texture: str


def pieces(seeds: range, modes: Sequence[str], textures: Sequence[str] = TEXTURES) -> Iterator[Made]:
    """For each seed a piece in each texture; one of its sections is in one of `modes`, the others in any or plain."""
    for seed, texture in product(seeds, textures):
        chance = np.random.default_rng((seed, TEXTURES.index(texture), len(modes)))
        yield made(_keys(chance, modes), texture, chance)


def _keys(chance: np.random.Generator, modes: Sequence[str]) -> list[Key]:
    first = (int(chance.integers(12)), str(chance.choice([*PLAIN, *modes])))
    keys = [first]
    sections = int(chance.choice([2, 2, 3, 3, 3]))
    while len(keys) < 2:
        following = _next(chance, first, modes if first[1] in PLAIN else (*PLAIN, *modes))
        if following != first:
            keys.append(following)
    if sections == 3:
        keys.append(first)
    return keys


def _next(chance: np.random.Generator, before: Key, modes: Sequence[str]) -> Key:
    """On the same scale mostly, or the same tonic, or a fifth away."""
    mode = str(chance.choice(modes))
    same_scale = [steps for steps in range(12) if _classes((before[0] + steps, mode)) == _classes(before)]
    steps = int(chance.choice([0, *same_scale, *same_scale, 7, 5]))
    return (before[0] + steps) % 12, mode


def _classes(key: Key) -> frozenset[int]:
    return frozenset((key[0] + step) % 12 for step in SCALES[key[1]])


def made(keys: Sequence[Key], texture: str, chance: np.random.Generator, bars: int | None = None) -> Made:
    """A section in each key: 8, 12 or 16 bars, unless `bars` says how many."""
    beats = 3 if texture == "waltzed" else 4
    bpm = float(chance.integers(76, 140))
    a_bar = 2 if texture == "hymn" else 1
    notes: list[Event] = []
    truth: list[Timed] = []
    at, voices, tune = 0.0, (64, 67, 72), 72
    for number, key in enumerate(keys):
        truth.append((at * 60 / bpm, KEYS[key[0]], key[1]))
        length = bars or int(chance.choice([8, 12, 16]))
        chords = [chord for _ in range(length // 4) for chord in _phrase(key, 4 * a_bar, chance)]
        for place, chord in enumerate(chords):
            last = number == len(keys) - 1 and place == len(chords) - 1
            voices = _led(voices, chord)
            bass = 36 + chord[0] if chord[0] > 3 else 48 + chord[0]
            if not last and place and chance.random() < 0.12:
                bass = min(range(38, 50), key=lambda pitch: (pitch % 12 != chord[1], pitch))
            span = beats / a_bar
            tune, melody = _melody(tune, chord, key, span, last, chance)
            notes += [
                (at + start, 0.93 * min(lasting, span - start), pitch)
                for start, lasting, pitch in _written(texture, bass, voices, melody, span, last)
            ]
            at += span
    score = score_of_notes(sorted(notes))
    table = score.notes
    table["onset"], table["duration"] = table["onset_beat"] * 60 / bpm, table["duration_beat"] * 60 / bpm
    end = float((table["onset"] + table["duration"]).max())
    tempi = np.array([[0.0, bpm]])
    return Made(
        replace(score, notes=table, tempi=tempi, meters=[Meter(0.0, 0.0, beats, 4)], duration=end), truth, texture
    )


def _phrase(key: Key, count: int, chance: np.random.Generator) -> list[Chord]:
    """`count` chords that begin at home mostly and close there: half of the phrases in the midst, all others."""
    goes, closes = _GOES[key[1]]
    while True:
        degrees = [str(chance.choice(list(goes))) for _ in range(count)]
        degrees[0] = "1" if chance.random() < 0.8 else degrees[0]
        degrees[-2:] = [str(chance.choice(list(closes))), "1"]
        if count > 4 and chance.random() < 0.5:
            degrees[count // 2 - 1] = "1"
        if all(one != two for one, two in pairwise(degrees[:-1])) and set(degrees) & set(_KNOWN_BY[key[1]]):
            return [_chord(key, int(degree), chance) for degree in degrees]


def _chord(key: Key, degree: int, chance: np.random.Generator) -> Chord:
    """The triad of a degree, now and then with its seventh; minor's fifth degree has the leading tone mostly."""
    tonic, mode = key
    steps = SCALES["harmonic_minor"] if mode == "minor" and degree == 5 and chance.random() < 0.8 else SCALES[mode]
    thirds = (0, 2, 4, 6) if chance.random() < (0.5 if degree == 5 and mode in PLAIN else 0.15) else (0, 2, 4)
    return tuple((tonic + steps[(degree - 1 + third) % 7]) % 12 for third in thirds)


def _led(before: tuple[int, ...], chord: Chord) -> tuple[int, ...]:
    """Three upper voices that move least, no two alike; a seventh takes the fifth's place."""
    classes = (chord[0], chord[1], chord[-1] if len(chord) == 4 else chord[2])
    near = [[pitch for pitch in range(57, 77) if pitch % 12 in classes and abs(pitch - one) < 8] for one in before]
    ways = [way for way in product(*near) if way[0] < way[1] < way[2] and {pitch % 12 for pitch in way} == set(classes)]
    return min(ways, key=lambda way: (sum(abs(one - two) for one, two in zip(way, before)), abs(way[2] - 70)))


def _melody(
    tune: int, chord: Chord, key: Key, span: float, last: bool, chance: np.random.Generator
) -> tuple[int, list[Event]]:
    """From where the tune is, to a note of the chord on each beat, with neighbours and passing notes of the scale."""
    scale = sorted(
        pitch
        for pitch in range(60, 85)
        if pitch % 12 in _classes(key) | set(chord) and not _is_against(pitch % 12, chord)
    )
    found: list[Event] = []
    beat = 0.0
    while beat < span:
        on = [pitch for pitch in scale if pitch % 12 in (chord[:1] if last else chord)]
        tune = min(on, key=lambda pitch: abs(pitch - tune) + 5 * chance.random())
        if last:
            return tune, [(0.0, span, tune)]
        length = float(chance.choice([0.5, 0.5, 1.0, 1.0, 2.0]))
        length = min(length, span - beat)
        found.append((beat, length, tune))
        beat += length
        if length == 0.5:
            place = int(np.clip(scale.index(tune) + chance.choice([-1, 1]), 0, len(scale) - 1))
            found.append((beat, 0.5, scale[place]))
            tune = scale[place]
            beat += 0.5
    return tune, found


def _is_against(pitch_class: int, chord: Chord) -> bool:
    """Whether it is a chromatic neighbour of a chord's tone that is not of the scale: G beside E major's G sharp."""
    return pitch_class not in chord and (pitch_class + 1) % 12 == chord[1] and (chord[1] - chord[0]) % 12 == 4


def _written(
    texture: str, bass: int, voices: Sequence[int], melody: list[Event], span: float, last: bool
) -> list[Event]:
    """What sounds while a chord does."""
    if texture == "line":
        return melody
    held = [(0.0, span, pitch) for pitch in (bass, *voices)]
    if last:
        return held if texture in ("hymn", "held", "arpeggio", "comped") else [*held, *melody]
    if texture == "hymn":
        return held
    if texture == "held":
        halves = [(at, span / 2, pitch) for at in (0.0, span / 2) for pitch in voices]
        return [(0.0, span, bass), *halves]
    if texture == "arpeggio":
        around = [*voices, voices[1]]
        return [(0.0, span, bass), *((at / 2, 0.5, around[at % 4]) for at in range(int(2 * span)))]
    offbeats = [(float(at), 0.7, pitch) for at in range(1, int(span)) for pitch in voices]
    if texture == "comped":
        return [(0.0, 2.0, bass), (span / 2, span / 2, bass), *offbeats]
    if texture == "waltzed":
        return [(0.0, 1.0, bass), *offbeats, *melody]
    return [*held, *melody]

"""Songs of a tune, chords and a bass, made by rule, in three, in four and in two of three parts, slow and fast.

Nobody annotated sound of waltzes, jigs and strummed songs without drums, and there tempo and meter were told wrongly
and surely. So their layers are those of `tests.accuracy.played`, and played as a strummed guitar, an oompah, broken
chords or a pad would, by players of a font's instruments: chords that change with the bar, its half or the next one, a
tune of chord tones and steps whose first note of a bar is louder or no louder, each note early or late by some ms. Some
have drums, some power chords, and all tempi are as likely in octaves; a slow song may be in sixteenths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import symusic

from tests.accuracy.played import METERS, Layers

BEAT = 960
"""Ticks."""
_SECONDS = 32.0
_METERS = ("4/4", "4/4", "4/4", "3/4", "3/4", "6/8")
_TEMPI = {"4/4": (58.0, 215.0), "3/4": (70.0, 200.0), "6/8": (46.0, 130.0)}
"""BPM; of a 6/8 those of its dotted quarters."""
_STYLES = ("strummed", "struck", "broken", "held", "strummed", "struck", "power")
_BROKEN = ((0, 2, 1, 2), (0, 1, 2, 1), (0, 1, 2, 3), (0, 2, 3, 2))
_IN_THREES = ((0, 1, 2), (0, 2, 1), (2, 1, 0))
_LENGTHS = ((1, 1, 1, 0.5), (1, 2, 0.5), (1, 0.5, 0.5), (1.5, 0.5, 1, 1), (2, 1, 1), (0.5,), (1,), (2, 4))
_PARTS_OF_THREE = ((1, 1 / 3), (2 / 3, 1 / 3, 1), (1 / 3,), (1, 2), (2 / 3, 1 / 3))
"""Of a beat's two parts or of its three: what a tune is drawn from."""
_CHORDS = {
    "strummed": (24, 25, 26, 27, 0, 4, 105, 21),
    "struck": (0, 1, 4, 16, 21, 48, 61, 24, 11),
    "broken": (0, 24, 25, 46, 11, 4, 6, 48),
    "held": (48, 49, 52, 19, 16, 89, 0, 21),
    "power": (29, 30, 18),
}
_TUNES = (0, 40, 42, 52, 56, 60, 64, 65, 66, 68, 71, 73, 74, 21, 22, 26, 11, 16, 48, 80)
_BASSES = (32, 33, 34, 43, 58, 0, 48, 16)
"""General MIDI's, from 0."""
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_ROOTS = ((0, 5, 3, 4), (0, 3, 4, 0), (0, 4, 5, 3), (0, 5, 1, 4), (0, 0, 3, 4), (0, 6, 5, 6), (0, 4, 0, 4))


class Note(NamedTuple):
    beat: float
    beats: float
    pitch: int
    velocity: float


class Song(NamedTuple):
    """Beats are quarters, of a 6/8 dotted ones."""

    meter: str
    style: str
    midi: bytes
    bpm: float


class Plan(NamedTuple):
    """What all bars of a song have in common."""

    layers: Layers
    style: str
    bass: tuple[float, ...]
    harmony: tuple[float, ...]
    part: float
    """Of a beat in which chords are strummed or broken."""
    chords: tuple[tuple[tuple[int, ...], int], ...]
    """Each half bar's, from the first: the pitches, and the bass."""
    accent: float
    held: float


def songs(seeds: range) -> Iterator[Song]:
    yield from map(song, seeds)


def song(seed: int) -> Song:
    """Half a minute."""
    chance = np.random.default_rng((seed, 61))
    meter = _METERS[seed % len(_METERS)]
    layers = METERS[meter]
    slow, fast = _TEMPI[meter]
    bpm = float(np.exp(chance.uniform(np.log(slow), np.log(fast))))
    style = str(chance.choice(_STYLES))
    bars = max(4, round(_SECONDS * bpm / 60 / layers.beats))
    scale, tonic = _SCALES[chance.integers(2)], int(chance.integers(12))
    halved = bpm < 95 and layers.part == 1 / 2 and chance.random() < 0.4
    plan = Plan(
        layers,
        style,
        layers.bass[chance.integers(len(layers.bass))] if chance.random() < 0.5 else (0,),
        layers.harmony[chance.integers(len(layers.harmony))],
        layers.part / (2 if halved else 1),
        _progression(chance, bars, scale, tonic),
        float(chance.choice([0, 8, 15, 25])),
        float(chance.choice([0.5, 0.9, 0.97])),
    )
    has_tune, has_bass, has_drums = chance.random(3) < (0.8, 0.85, 0.2)
    parts: list[tuple[int, list[Note]]] = [(int(chance.choice(_CHORDS[style])), _chords(chance, plan))]
    if has_bass or style == "power":
        parts.append((int(chance.choice(_BASSES)), _bass(chance, plan)))
    if has_tune:
        parts.append((int(chance.choice(_TUNES)), _tune(chance, plan, scale, tonic)))
    if len(parts) > 1 and chance.random() < 0.35:  # all by one instrument
        parts = [(parts[0][0], notes) for _, notes in parts]
    drums = _drums(layers, bars, seed) if has_drums else []
    return Song(meter, style, _file(chance, parts, drums, bpm), bpm)


def _progression(
    chance: np.random.Generator, bars: int, scale: tuple[int, ...], tonic: int
) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Triads, of which each holds for half a bar, a bar or two."""
    degrees = np.array(_ROOTS[chance.integers(len(_ROOTS))])
    if chance.random() < 0.3:
        degrees = chance.integers(6, size=bars)
    each = int(chance.choice([1, 2, 2, 2, 2, 4]))
    chords = []
    for half in range(2 * bars):
        degree = int(degrees[(half // each) % len(degrees)])
        tones = [tonic + scale[(degree + step) % 7] for step in (0, 2, 4)]
        chords.append((tuple(sorted(55 + (tone - 55) % 12 for tone in tones)), 36 + tones[0] % 12))
    return tuple(chords)


def _chord_at(plan: Plan, bar: int, beat: float) -> tuple[tuple[int, ...], int]:
    return plan.chords[(2 * bar + int(2 * beat >= plan.layers.beats)) % len(plan.chords)]


def _bars(plan: Plan) -> Iterator[tuple[int, float]]:
    for bar in range(len(plan.chords) // 2):
        yield bar, float(bar * plan.layers.beats)


def _chords(chance: np.random.Generator, plan: Plan) -> list[Note]:
    notes: list[Note] = []
    beats = plan.layers.beats
    places: tuple[float, ...] = plan.harmony
    if plan.style in ("strummed", "power") and chance.random() < 0.75:
        places = tuple(np.arange(0, beats - 0.01, plan.part).tolist())
    elif plan.style == "held":
        places = (0,)
    figure = _IN_THREES[chance.integers(3)] if plan.part == 1 / 3 else _BROKEN[chance.integers(4)]
    apart = float(chance.uniform(0.005, 0.03)) if plan.style == "strummed" else 0.0
    louder, up = float(chance.choice([0, 6, 12])), plan.style in ("strummed", "power")
    for bar, at in _bars(plan):
        if plan.style == "broken":
            for number, beat in enumerate(np.arange(0, beats - 0.01, plan.part).tolist()):
                pitches = _chord_at(plan, bar, beat)[0]
                tone = figure[number % len(figure)]
                pitch = pitches[tone % 3] + 12 * (tone // 3)
                notes.append(Note(at + beat, plan.part * plan.held, pitch, 68))
            continue
        for beat, end in zip(places, (*places[1:], beats)):
            pitches, root = _chord_at(plan, bar, beat)
            if plan.style == "power":
                pitches = (root + 12, root + 19, root + 24)
            loud = 70 + (louder if up and beat % 1 < 0.01 else 0)
            notes += [
                Note(at + beat + apart * n, (end - beat) * plan.held, pitch, loud) for n, pitch in enumerate(pitches)
            ]
    return notes


def _bass(chance: np.random.Generator, plan: Plan) -> list[Note]:
    notes, fifths = [], chance.random() < 0.5
    places = plan.bass
    if plan.style == "power":
        places = tuple(np.arange(0, plan.layers.beats - 0.01, plan.part).tolist())
    for bar, at in _bars(plan):
        for number, (beat, end) in enumerate(zip(places, (*places[1:], plan.layers.beats))):
            pitch = _chord_at(plan, bar, beat)[1] + (7 if fifths and number % 2 and plan.style != "power" else 0)
            notes.append(Note(at + beat, (end - beat) * plan.held, pitch, 84))
    return notes


def _tune(chance: np.random.Generator, plan: Plan, scale: tuple[int, ...], tonic: int) -> list[Note]:
    """Chord tones on the beat, steps between; each bar's rhythm drawn anew, or one of two."""
    kinds = _PARTS_OF_THREE if plan.layers.part == 1 / 3 else _LENGTHS
    lengths = kinds[chance.integers(len(kinds))]
    kept = [_rhythm(chance, lengths, plan.layers.beats) for _ in range(2)] if chance.random() < 0.5 else []
    steps = sorted(pitch for pitch in range(64, 86) if (pitch - tonic) % 12 in scale)
    notes, pitch, rests = [], 72, float(chance.choice([0.0, 0.0, 0.1]))
    for bar, at in _bars(plan):
        beat = 0.0
        for length in kept[bar % 2] if kept else _rhythm(chance, lengths, plan.layers.beats):
            if beat % 1 < 0.01:
                tones = [step for step in steps if step % 12 in {tone % 12 for tone in _chord_at(plan, bar, beat)[0]}]
                pitch = min(tones, key=lambda tone: abs(tone - pitch) + 5 * chance.random())
            else:
                near = min(range(len(steps)), key=lambda place: abs(steps[place] - pitch))
                pitch = steps[int(np.clip(near + chance.choice([-1, 1]), 0, len(steps) - 1))]
            if chance.random() >= rests:
                notes.append(Note(at + beat, length * plan.held, pitch, 82 + (plan.accent if beat == 0 else 0)))
            beat += length
    return notes


def _rhythm(chance: np.random.Generator, lengths: tuple[float, ...], beats: int) -> list[float]:
    """Of a bar; what is shorter than a beat comes until the beat is full."""
    found: list[float] = []
    left = float(beats)
    while left > 0.01:
        length = min(float(chance.choice(lengths)), left)
        found.append(length)
        left -= length
        while (over := left % 1) > 0.01 and over < 0.99:
            found.append(min(length, over))
            left -= found[-1]
    return found


def _drums(layers: Layers, bars: int, seed: int) -> list[Note]:
    kick, snare = layers.drums[seed % len(layers.drums)]
    hats = tuple(np.arange(0, layers.beats - 0.01, layers.part).tolist())
    drums = ((36, kick, 105), (38, snare, 98), (42, hats, 64))
    return [
        Note(bar * layers.beats + beat, 0.1, pitch, loud)
        for bar in range(bars)
        for pitch, beats, loud in drums
        for beat in beats
    ]


def _file(chance: np.random.Generator, parts: list[tuple[int, list[Note]]], drums: list[Note], bpm: float) -> bytes:
    """Each note early or late by a deviation of up to 12 ms; with reverberation or without."""
    late = float(chance.choice([0, 0.005, 0.008, 0.012])) * bpm / 60
    dry = chance.random() < 0.5
    score = symusic.Score(BEAT)
    score.tempos.append(symusic.Tempo(0, bpm))
    for program, notes in (*parts, (0, drums)):
        track = symusic.Track("drums" if notes is drums else "", program, notes is drums)
        if dry:
            track.controls.extend([symusic.ControlChange(0, effect, 0) for effect in (91, 93)])
        for note in notes:
            start = max(0, round((note.beat + chance.normal() * late) * BEAT))
            loud = int(np.clip(note.velocity + chance.normal(0, 3), 20, 127))
            track.notes.append(symusic.Note(start, max(60, round(note.beats * BEAT)), note.pitch, loud))
        if notes:
            score.tracks.append(track)
    return score.dumps_midi()

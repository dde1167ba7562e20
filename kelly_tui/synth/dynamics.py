"""Loudness: five velocity curves at six levels, played with six articulations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from kelly_tui.model.annotation import Value
from kelly_tui.model.labels import ARTICULATIONS, DYNAMIC_RANGES
from kelly_tui.music.dynamics import MARKS
from kelly_tui.synth.affect import AFFECTS, setting
from kelly_tui.synth.arranger import Arrangement, Note, Part
from kelly_tui.synth.chance import Chance, evenly
from kelly_tui.synth.chords import over_bars, possible_bars
from kelly_tui.synth.comping import bass_part, basses_for, comped, patterns_for
from kelly_tui.synth.line import CURVES, Compass, ground, melody
from kelly_tui.synth.meter import Meter
from kelly_tui.synth.sample import Draft, GeneratedSample, generated
from kelly_tui.synth.touch import TOUCHES, touched
from kelly_tui.synth.voicing import voiced
from kelly_tui.synth.written import loudness_facts

_QUIETEST, _LOUDEST = 8, 127
_LARGEST_SWING = 28

SHAPES: dict[str, Callable[[float, float], float]] = {
    "crescendo": lambda place, _: 2 * place - 1,
    "decrescendo": lambda place, _: 1 - 2 * place,
    "swell": lambda place, _: -math.cos(2 * math.pi * place),
    "terraced": lambda place, _: 1.0 if int(place * 4) % 2 else -1.0,
    "accented": lambda _, strength: 1.0 if strength == 1 else -0.5,
}
"""-1..1 by place in the piece (0..1) and by how strongly the meter is felt there (0..1)."""

_PROGRAMS = (0, 1, 4, 6, 11, 19, 24, 40, 42, 46, 48, 49, 52, 56, 60, 61, 65, 68, 71, 73)


def generate_dynamics_samples(n: int, seed: int = 0) -> list[GeneratedSample]:
    """`n` pieces at all dynamic ranges, in all velocity curves and articulations."""
    return [generated("dynamics", dynamics_piece, seed, index, DYNAMIC_RANGES) for index in range(n)]


def dynamics_piece(seed: int, index: int, levels: Sequence[str]) -> Draft:
    """The `index`-th piece; dynamic ranges take turns, and within each curves and articulations do."""
    turn, which = divmod(index, len(levels))
    level = levels[which]
    chance = Chance("dynamics", seed, index)
    shape = evenly(tuple(SHAPES), turn, "dynamics", seed, level, "shape")
    articulation = evenly(ARTICULATIONS, turn, "dynamics", seed, level, "articulation")
    # Keys, progressions, meters and tempi are an emotion's; which one says nothing about the loudness.
    emotion = evenly(tuple(AFFECTS), turn, "dynamics", seed, level, "affect")
    chosen = setting(emotion, turn, chance, "dynamics", seed, level)
    meter, key = chosen.meter, chosen.key
    bars = chance.pick(possible_bars(meter, chosen.quarters_bpm))
    segments = over_bars(chosen.numerals(bars // 4, chance), *key, meter)
    voicings = voiced(segments, chance)
    comping = evenly(patterns_for(articulation), turn, "dynamics", seed, level, "comping")
    bass = bass_part(chance.pick(basses_for(comping)), segments, voicings, meter)
    compass = Compass(66, 82, CURVES[chance.pick(tuple(CURVES))])
    tune = melody(chance, segments, key, meter, compass, chance.between(0.3, 0.8), ground(voicings, segments, bass))
    voices = [touched(notes, articulation) for notes in (tune, comped((comping,), segments, voicings, meter), bass)]
    voices = _with_loudness(voices, level, shape, articulation, meter, segments[-1].end)
    programs = [chance.pick(_PROGRAMS), chance.pick(_PROGRAMS), chance.pick((0, 32, 33, 42, 43, 58, 70))]
    parts = tuple(Part(notes, program) for notes, program in zip(voices, programs))
    piece = Arrangement(chosen.quarters_bpm, meter, parts).written()
    labels: dict[str, Value] = {**loudness_facts(piece), "articulation": articulation, **chosen.labels()}
    parameters = {"shape": shape, "bars": bars, "comping": comping, "programs": programs}
    return Draft(piece.midi, piece.duration, labels, parameters)


def _with_loudness(
    voices: Sequence[Sequence[Note]], level: str, shape: str, articulation: str, meter: Meter, beats: float
) -> list[list[Note]]:
    """The notes with velocities that follow `shape` around a mean of the level's."""
    centre = MARKS[level]
    swing = min(_LARGEST_SWING, centre - _QUIETEST, _LOUDEST - centre)
    accent = TOUCHES[articulation].accent * swing / _LARGEST_SWING
    curve = SHAPES[shape]
    wanted: list[list[float]] = []
    for notes in voices:
        strengths = [meter.strength(note.onset) for note in notes]
        wanted.append([
            swing * curve(note.onset / beats, strength) + (accent / 2 if strength >= 0.5 else -accent / 2)
            for note, strength in zip(notes, strengths)
        ])  # fmt: skip
    mean = sum(map(sum, wanted)) / sum(map(len, wanted))
    return [
        [
            note._replace(velocity=round(min(max(centre + value - mean, _QUIETEST), _LOUDEST)))
            for note, value in zip(notes, values)
        ]
        for notes, values in zip(voices, wanted)
    ]

"""Grooves: drums and bass that are straight, swung, shuffled, laid back, rushed, in triplets or dotted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kelly_tui.model.annotation import Value
from kelly_tui.model.labels import DEFAULT_GROOVES, KEYS, choose
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.synth.arranger import TICKS_PER_BEAT, Arrangement, Note, Part, tempo_of_file
from kelly_tui.synth.chance import Chance, evenly
from kelly_tui.synth.chords import LONGEST, SHORTEST, Chord, chord_of, scale_under
from kelly_tui.synth.drums import CLOSED, CRASH, KICK, OPEN, RIDE, RIM, SNARE
from kelly_tui.synth.meter import meter_named
from kelly_tui.synth.sample import Draft, GeneratedSample, generated


class Feel(NamedTuple):
    """A groove. `swing` and `push` (ms, late is positive) are ranges; `accents` are of four beats."""

    swing: tuple[float, float]
    push: tuple[float, float]
    accents: tuple[float, float, float, float]
    bpm: tuple[int, int]
    cymbal: str
    """Rhythm of the cymbals: ``eighths``, ``ride`` (spang-a-lang), ``thirds``."""


FEELS: dict[str, Feel] = {
    "straight": Feel((0.5, 0.5), (0, 0), (1.0, 0.7, 0.8, 0.7), (70, 170), "eighths"),
    "swing": Feel((0.667, 0.667), (0, 0), (1.0, 0.6, 0.9, 0.5), (90, 200), "ride"),
    "shuffle": Feel((0.58, 0.62), (0, 0), (1.0, 0.5, 0.9, 0.5), (70, 150), "eighths"),
    "laid_back": Feel((0.52, 0.52), (12, 23), (0.9, 0.7, 0.85, 0.65), (65, 120), "eighths"),
    "rushed": Feel((0.5, 0.5), (-23, -12), (1.0, 0.8, 0.95, 0.75), (90, 180), "eighths"),
    "triplet": Feel((2 / 3, 2 / 3), (0, 0), (1.0, 0.7, 0.85, 0.7), (60, 130), "thirds"),
    "dotted": Feel((0.75, 0.75), (0, 0), (1.0, 0.7, 0.85, 0.7), (60, 120), "eighths"),
}
"""data-model.md's table; tempi, and the accents of the last two, are our own."""

_METERS = ("4/4", "3/4", "4/4", "2/4", "4/4", "5/4")
_ACCENTED = {2: (0, 1), 3: (0, 1, 3), 4: (0, 1, 2, 3), 5: (0, 1, 3, 2, 3)}
"""Which of the four accents each beat of a bar takes, by beats in the bar; five are three and two."""

_HAND = 1.6
"""Standard deviation of a player's timing, ms; never further than two and a half times that."""
_VAMPS = {
    "minor": ("i i iv i", "i VII VI VII", "i iv VII i", "i VI iv i", "i7 iv7 i7 i7", "i III VII i"),
    "major": ("I I IV I", "I IV V I", "I vi ii V", "I7 IV7 I7 I7", "I V vi IV", "I ii IV I"),
}
_BASSES = (32, 33, 34, 35, 36, 38, 39, 43)


class _Stroke(NamedTuple):
    """A note on the straight grid: `half` is 0 on the beat, 1 off it (1 or 2 in thirds)."""

    beat: int
    half: int
    pitch: int
    weight: float
    length: float = 0.2


def generate_groove_samples(n: int, seed: int = 0, grooves: Sequence[str] | None = None) -> list[GeneratedSample]:
    """`n` grooves for drums and bass. Raises `LabelError` for a groove that no generator knows."""
    classes = tuple(choose(groove, FEELS, "groove that a generator knows") for groove in grooves or DEFAULT_GROOVES)
    return [generated("groove", groove_piece, seed, index, classes) for index in range(n)]


def groove_piece(seed: int, index: int, grooves: Sequence[str]) -> Draft:
    """The `index`-th piece; grooves take turns."""
    turn, which = divmod(index, len(grooves))
    groove = grooves[which]
    feel = FEELS[groove]
    chance = Chance("groove", seed, index)
    spread = ("groove", seed, groove)
    low, high = feel.bpm
    band = evenly(range(10), turn, *spread, "tempo")
    tempo = tempo_of_file(low + (high - low) * (band + chance.unit()) / 10)
    meter = meter_named(evenly(_METERS, turn, *spread, "meter"))
    tonic = evenly(KEYS, turn, *spread, "tonic")
    mode = evenly(("minor", "major"), turn, *spread, "mode")
    vamp = chance.pick(_VAMPS[mode]).split()
    bar = meter.bar * 60 / tempo
    bars = chance.pick([bars for bars in (4, 8, 12, 16) if SHORTEST <= bars * bar <= LONGEST] or [4])
    chords = [chord_of(vamp[i % len(vamp)], tonic, mode) for i in range(bars - 1)]
    chords.append(chord_of("i" if mode == "minor" else "I", tonic, mode))
    beats = round(meter.bar)
    kicks = _kick_pattern(chance, beats, feel)
    strokes = _drums(chance, kicks, beats, bars, feel)
    bass = _bass(chance, kicks, chords, (tonic, mode), beats, feel)

    swing = round(chance.between(*feel.swing) * TICKS_PER_BEAT) / TICKS_PER_BEAT
    push = chance.between(*feel.push)
    timing = _Timing(feel.cymbal == "thirds", swing, push, tempo)
    loudness = chance.between(84, 116)
    accents = [feel.accents[i] for i in _ACCENTED[beats]]
    parts = (
        Part(_played(strokes, timing, accents, loudness, chance), is_drum=True),
        Part(_played(bass, timing, accents, loudness * 0.92, chance), chance.pick(_BASSES)),
    )
    midi = Arrangement(tempo, meter, parts).written().midi
    score = read_midi(midi)
    labels: dict[str, Value] = {
        "groove_type": groove,
        "swing_ratio": round(swing, 4),
        "timing_offsets_ms": timing.offsets(score),
        "tempo_bpm": tempo,
        "time_signature": str(meter),
        "key": tonic,
        "mode": mode,
    }
    return Draft(midi, score.duration, labels, {"bars": bars, "numerals": vamp, "push_ms": round(push, 2)})


class _Timing(NamedTuple):
    """Where strokes fall: the grid of a groove, and how far from it the players push."""

    in_thirds: bool
    swing: float
    push: float
    tempo_bpm: float

    @property
    def grid(self) -> tuple[float, ...]:
        """Places in a beat."""
        return (0.0, 1 / 3, 2 / 3) if self.in_thirds else (0.0, self.swing)

    def onset(self, stroke: _Stroke, chance: Chance) -> float:
        """In beats; nothing sounds before the start."""
        pushed = (self.push + chance.near(_HAND)) * self.tempo_bpm / 60_000
        return max(0.0, stroke.beat + self.grid[stroke.half] + pushed)

    def offsets(self, score: Score) -> list[float]:
        """Milliseconds of each note from the nearest place of the grid, as written."""
        beats = score.notes["onset_beat"]
        grid = np.array([*self.grid, 1.0])
        distance = (beats % 1.0)[:, None] - grid[None, :]
        nearest_place = np.abs(distance).argmin(axis=1)
        offsets = distance[np.arange(len(beats)), nearest_place] * 60_000 / self.tempo_bpm
        return [round(offset, 2) for offset in offsets.tolist()]


def _played(
    strokes: Sequence[_Stroke], timing: _Timing, accents: Sequence[float], loudness: float, chance: Chance
) -> list[Note]:
    """The strokes as notes: timing by the groove, loudness by its accents; what falls between beats is softer."""
    notes = []
    for stroke in strokes:
        accent = accents[stroke.beat % len(accents)] * (0.8 if stroke.half else 1.0)
        velocity = min(127, max(12, round(loudness * accent * stroke.weight + chance.near(1.5))))
        notes.append(Note(timing.onset(stroke, chance), stroke.length, stroke.pitch, velocity))
    return notes


def _kick_pattern(chance: Chance, beats: int, feel: Feel) -> list[tuple[int, int]]:
    """(beat in two bars, half) of the kick: every bar line, the middle, and a few of its own."""
    last = 2 if feel.cymbal == "thirds" else 1
    pattern = {(0, 0), (beats, 0)}
    for beat in range(2 * beats):
        if beat % 2 == 0 and chance.yes(0.5):
            pattern.add((beat, 0))
        if chance.yes(0.3):
            pattern.add((beat, last))
    return sorted(pattern)


def _drums(chance: Chance, kicks: Sequence[tuple[int, int]], beats: int, bars: int, feel: Feel) -> list[_Stroke]:
    """Kick, backbeat, cymbals, ghost notes on the snare, a fill at each fourth bar."""
    last = 2 if feel.cymbal == "thirds" else 1
    cymbal = RIDE if feel.cymbal == "ride" else chance.pick((CLOSED, CLOSED, RIDE))
    backbeat = chance.pick((SNARE, SNARE, RIM))
    ghosts = chance.between(0.15, 0.45)
    ghost_cells = {(beat, last) for beat in range(2 * beats) if chance.yes(ghosts)}
    lift = chance.pick((None, beats - 1, 2 * beats - 1))
    strokes: list[_Stroke] = []
    for bar in range(bars):
        start = bar * beats
        if bar % 4 == 0 and chance.yes(0.6):
            strokes.append(_Stroke(start, 0, CRASH, 1.0))
        fill = bar % 4 == 3
        for beat in range(beats):
            at, place = start + beat, (bar % 2) * beats + beat
            filling = fill and beat == beats - 1
            for half in range(last + 1):
                if (place, half) in kicks and not filling:
                    strokes.append(_Stroke(at, half, KICK, 1.0))
                on_cymbal = half == 0 or feel.cymbal != "ride" or beat % 2 == 1
                if on_cymbal and not filling:
                    opened = half == last and place == lift and cymbal == CLOSED
                    strokes.append(_Stroke(at, half, OPEN if opened else cymbal, 0.85))
                if filling:
                    strokes.append(_Stroke(at, half, chance.pick((SNARE, 50, 47, 45)), 0.95))
                elif half == 0 and beat % 2 == 1:
                    strokes.append(_Stroke(at, half, backbeat, 1.0))
                elif half and (place, half) in ghost_cells and (place, half) not in kicks:
                    strokes.append(_Stroke(at, half, SNARE, 0.4))
    return strokes


def _bass(
    chance: Chance,
    kicks: Sequence[tuple[int, int]],
    chords: Sequence[Chord],
    key: tuple[str, str],
    beats: int,
    feel: Feel,
) -> list[_Stroke]:
    """Roots with the kick, chord tones and steps of the scale around it; walking quarters over a ride cymbal."""
    last = 2 if feel.cymbal == "thirds" else 1
    own = {(beat, last) for beat in range(2 * beats) if chance.yes(0.25)}
    walking = feel.cymbal == "ride" and chance.yes(0.8)
    strokes: list[_Stroke] = []
    before = 38
    for bar, chord in enumerate(chords):
        first = bar * beats
        if bar == len(chords) - 1:
            strokes.append(_Stroke(first, 0, _near_bass(before, (chord.root,)), 1.0, beats * 0.95))
            break
        places = {(beat, half) for beat, half in kicks if beat // beats == bar % 2} | {
            place for place in own if place[0] // beats == bar % 2
        }
        places = {(beat % beats, half) for beat, half in places} | {(0, 0)}
        if walking:
            places |= {(beat, 0) for beat in range(beats)}
        ordered = sorted(places)
        for i, (beat, half) in enumerate(ordered):
            if i == 0:
                pitch = _near_bass(before, (chord.root,))
            elif i == len(ordered) - 1 and chance.yes(0.6):
                ahead = _near_bass(before, (chords[bar + 1].root,))
                pitch = _near_bass(ahead - 1, scale_under(chord, *key))
            elif chance.yes(0.7):
                pitch = _near_bass(before + round(chance.between(-7, 7)), chord.tones)
            else:
                pitch = before
            until = ordered[i + 1] if i + 1 < len(ordered) else (beats, 0)
            length = (until[0] - beat) + (until[1] - half) / (last + 1)
            strokes.append(
                _Stroke(first + beat, half, pitch, 1.0 if half == 0 else 0.9, max(0.2, min(length, 2) * 0.8))
            )
            before = pitch
    return strokes


def _near_bass(aim: float, classes: Sequence[int]) -> int:
    """The pitch of one of those classes nearest to `aim` on a bass (E1 to G3)."""
    return min((pitch for pitch in range(28, 56) if pitch % 12 in classes), key=lambda pitch: abs(pitch - aim))

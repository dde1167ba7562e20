"""Melodic lines: motifs in a rhythm of the meter, led towards a contour, chord tones where the music leans.

A phrase is four bars; its bars take the motifs A and B in one of a few forms, and the same motif comes back moved to
where the contour and the chord now are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from kelly_tui.model.labels import KEYS
from kelly_tui.synth.arranger import Note
from kelly_tui.synth.chance import Chance
from kelly_tui.synth.chords import Chord, Segment, scale_under
from kelly_tui.synth.meter import Meter
from kelly_tui.synth.voicing import Voicing

Curve = Callable[[float], float]
"""Height, 0..1, by place in the piece, 0..1."""

CURVES: dict[str, Curve] = {
    "ascending": lambda x: x,
    "descending": lambda x: 1 - x,
    "arch": lambda x: math.sin(math.pi * x),
    "valley": lambda x: 1 - math.sin(math.pi * x),
    "flat": lambda _: 0.5,
    "wave": lambda x: 0.5 - 0.5 * math.cos(4 * math.pi * x),
}

_GRAVITY = {0: 1.6, 2: 0.8, 3: 2.8, 4: 2.8, 5: -0.5, 7: 2.4, 8: -2.5, 9: -2.5, 10: -1.5, 11: -1.5}
"""Semitones above the tonic, and by how many semitones nearer they seem than they are: melodies rest on 1, 3 and 5."""

_FORMS = ("AABA", "ABAB", "AABB", "ABAC", "AAAB")


class Motif(NamedTuple):
    """A bar of melody without its place: (onset in the bar, duration) and the scale steps from note to note."""

    rhythm: tuple[tuple[float, float], ...]
    steps: tuple[int, ...]


class Compass(NamedTuple):
    """Where a line may go: pitches from `low` to `high`, following `curve`."""

    low: int
    high: int
    curve: Curve

    def wanted(self, place: float) -> float:
        return self.low + (self.high - self.low) * self.curve(min(max(place, 0.0), 1.0))


class Ground(NamedTuple):
    """What a line sounds over: by segment, the highest accompanying pitch, the bass on entering and on leaving."""

    top: Sequence[int]
    bass: Sequence[int]
    leaving: Sequence[int]


def ground(voicings: Sequence[Voicing], segments: Sequence[Segment], bass: Sequence[Note]) -> Ground:
    """The ground that chords and a bass part make."""
    leaving = [voicing.bass for voicing in voicings]
    at = 0
    for note in bass:
        while note.onset >= segments[at].end - 1e-9:
            at += 1
        leaving[at] = note.pitch
    return Ground([voicing.upper[-1] for voicing in voicings], [voicing.bass for voicing in voicings], leaving)


def motif(chance: Chance, meter: Meter, density: float) -> Motif:
    """A bar's idea. `density` (0..1) is how many notes it has."""
    rhythm = bar_rhythm(chance, meter, density)
    steps = [0]
    drift = chance.pick((1, -1))
    for _ in rhythm[1:]:
        if chance.yes(0.25):
            drift = -drift
        steps.append(drift * chance.pick((1, 1, 1, 1, 2, 2, 3)) if not chance.yes(0.08) else 0)
    return Motif(tuple(rhythm), tuple(steps))


def bar_rhythm(chance: Chance, meter: Meter, density: float) -> list[tuple[float, float]]:
    """Onsets and durations that fill one bar, grouped as the meter is felt."""
    pulse, count = meter.pulse, len(meter.pulses)
    divisions = (
        ((0.5, 0.5, 0.5), (1.0, 0.5), (0.5, 1.0)) if meter.is_compound else ((0.5, 0.5), (0.5, 0.5), (0.75, 0.25))
    )
    durations: list[float] = []
    at = 0
    while at < count:
        room = count - at
        if room >= 2 and chance.yes(0.45 - 0.35 * density):
            durations.append(2 * pulse)
            at += 2
        elif room >= 2 and not meter.is_compound and chance.yes(0.25):
            durations += chance.pick(((1.5, 0.5), (1.5, 0.5), (0.5, 1.0, 0.5)))
            at += 2
        elif chance.yes(0.15 + 0.65 * density):
            durations += chance.pick(divisions)
            at += 1
        else:
            durations.append(pulse)
            at += 1
    onsets = [sum(durations[:i]) for i in range(len(durations))]
    return list(zip(onsets, durations))


def melody(
    chance: Chance,
    segments: Sequence[Segment],
    key: tuple[str, str],
    meter: Meter,
    compass: Compass,
    density: float = 0.5,
    ground: Ground | None = None,
) -> list[Note]:
    """A line over `segments` in `key` (tonic, mode) that ends on the tonic, held for the last segment.

    Over a `ground` it keeps above the accompaniment and makes no parallel fifths or octaves with the bass.
    """
    places = _rhythm(chance, segments, meter, density)
    walk = _Walk(segments, key, compass, ground)
    notes = []
    for i, (onset, duration, step) in enumerate(places):
        leaving = i == len(places) - 2
        pitch = walk.next(onset, step, meter.strength(onset) >= 0.5, leaving)
        notes.append(Note(onset, duration, pitch))
    return notes


def _rhythm(
    chance: Chance, segments: Sequence[Segment], meter: Meter, density: float
) -> list[tuple[float, float, int]]:
    """Onset, duration and motif step of each note; the last segment is one long note."""
    motifs = {name: motif(chance, meter, density) for name in "ABC"}
    form = chance.pick(_FORMS)
    bars = round(segments[-1].end / meter.bar)
    last = segments[-1].onset
    changes = [segment.onset for segment in segments]
    breath = chance.yes(0.5)
    places: list[tuple[float, float, int]] = []
    for bar in range(bars):
        start = bar * meter.bar
        name = form[bar % 4] if (bar // 4) % 2 == 0 or bar % 4 < 2 else form[::-1][bar % 4]
        idea = motifs[name]
        rhythm = list(idea.rhythm)
        if bar % 4 == 3 and bar < bars - 1 and len(rhythm) > 2:
            # The phrase ends: its last notes become one, held, or cut short for a breath.
            kept = rhythm[: max(2, len(rhythm) // 2)]
            onset = kept[-1][0]
            kept[-1] = (onset, meter.bar - onset - (meter.pulse / 2 if breath else 0))
            rhythm = kept
        for (onset, duration), step in zip(rhythm, idea.steps):
            if start + onset < last - 1e-9:
                places += _parted(start + onset, duration, step, changes)
    places.append((last, segments[-1].length, 0))
    return places


def _parted(onset: float, duration: float, step: int, changes: Sequence[float]) -> list[tuple[float, float, int]]:
    """A note struck again where the chord changes under it."""
    edges = [onset, *(change for change in changes if onset < change < onset + duration - 1e-9), onset + duration]
    return [(start, end - start, step if start == onset else 0) for start, end in itertools.pairwise(edges)]


class _Walk:
    """The pitches of a line, one after another."""

    def __init__(
        self, segments: Sequence[Segment], key: tuple[str, str], compass: Compass, ground: Ground | None
    ) -> None:
        self._segments = segments
        self._key = key
        self._compass = compass
        self._ground = ground
        self._tonic = KEYS.index(key[0])
        self._at = -1
        self._tones: tuple[int, ...] = ()
        """Of the present segment's chord, and of the scale under it, what the line may take."""
        self._scale: tuple[int, ...] = ()
        self._before: int | None = None
        self._entered = 0
        """The pitch with which the line came into the present segment."""
        self._travel = segments[-1].onset or 1.0

    def next(self, onset: float, step: int, leans: bool, leaving: bool) -> int:
        """The pitch at `onset`: `step` in the scale from the last one, a chord tone where the line `leans`.

        On a change of chord it is a chord tone on the way; `leaving` for the end, a neighbour of the tonic.
        """
        entering = False
        while self._at < 0 or self._segments[self._at].end <= onset + 1e-9:
            self._at += 1
            entering = True
        if entering:
            self._tones = self._ladder(self._chord.tones)
            self._scale = self._ladder(scale_under(self._chord, *self._key))
        wanted = self._compass.wanted(onset / self._travel)
        if self._before is None:
            pitch = self._heaviest(self._tones, wanted)
        elif entering:
            pitch = self._entry(self._before, wanted)
        else:
            pitch = self._continued(self._before, step, wanted, leans)
        if leaving:
            pitch = self._approach(pitch, entering)
        if entering:
            self._entered = pitch
        self._before = pitch
        return pitch

    @property
    def _chord(self) -> Chord:
        return self._segments[self._at].chord

    @property
    def _is_last(self) -> bool:
        return self._at == len(self._segments) - 1

    def _ladder(self, classes: tuple[int, ...]) -> tuple[int, ...]:
        """Pitches of `classes` that the line may take in this segment. A leading tone in the bass is not doubled."""
        floor = self._compass.low
        if self._ground is not None:
            floor = max(floor, self._ground.top[self._at] + 1)
            if not self._is_last:
                rising = self._chord.rising_to(self._segments[self._at + 1].chord)
                if rising == self._ground.bass[self._at] % 12:
                    classes = tuple(tone for tone in classes if tone != rising)
        return _pitches(classes, floor, self._compass.high)

    def _entry(self, before: int, wanted: float) -> int:
        """No fifths or octaves in parallel with the bass; then leading tones rise; the nearest chord tone otherwise."""
        previous = self._segments[self._at - 1].chord
        tones = self._ladder((self._tonic,)) if self._is_last else self._tones
        rises = before % 12 == previous.rising_to(self._chord) and before + 1 in tones
        if rises and not self._clashes(before, before + 1):
            tones = (before + 1,)
        sound = tuple(pitch for pitch in tones if not self._clashes(before, pitch))
        if not sound:  # what is next to each other is heard more than what is a chord apart
            sound = tuple(pitch for pitch in tones if not self._goes_along(before, pitch))
        return self._heaviest(sound or tones, before + 0.5 * (wanted - before))

    def _clashes(self, before: int, pitch: int) -> bool:
        if self._ground is None:
            return False
        at, bass = self._at, self._ground.bass
        # The end is an octave on the tonic, so the chord before it is not entered on one.
        ahead = at == len(self._segments) - 2 and (pitch - bass[at]) % 12 == 0
        return ahead or self._goes_along(before, pitch) or _parallel(self._entered, bass[at - 1], pitch, bass[at])

    def _goes_along(self, before: int, pitch: int) -> bool:
        """Whether the line goes into this segment in parallel with the bass."""
        ground, at = self._ground, self._at
        return ground is not None and _parallel(before, ground.leaving[at - 1], pitch, ground.bass[at])

    def _continued(self, before: int, step: int, wanted: float, leans: bool) -> int:
        """The motif's step, turned round where it would stray."""
        away = before - wanted
        if (away > 5 and step > 0) or (away < -5 and step < 0):
            step = -step
        ladder = self._scale
        at = _index(ladder, before)
        landing = at + step
        if not 0 <= landing < len(ladder):
            landing = max(0, min(len(ladder) - 1, at - step))
        pitch = ladder[landing]
        if leans and pitch % 12 not in self._chord.tones:
            pitch = self._heaviest(self._tones, pitch + 0.1 * (wanted - pitch))
        return pitch

    def _heaviest(self, pitches: Sequence[int], aim: float) -> int:
        """The pitch nearest to `aim`, with the pull of the key's resting tones."""
        tonic = self._tonic
        return min(pitches, key=lambda pitch: abs(pitch - aim) - _GRAVITY.get((pitch - tonic) % 12, 0.0))

    def _approach(self, pitch: int, entering: bool) -> int:
        """The last pitch before the tonic: a chord tone beside it, or it, and no octave with a bass that moves on."""
        tones, before = list(self._tones), self._before
        if self._ground is not None:
            bass = self._ground.leaving[self._at]
            stays = bass == self._ground.bass[self._at + 1]
            tones = [tone for tone in tones if stays or (tone - bass) % 12]
        if entering and before is not None:
            tones = (
                [tone for tone in tones if not self._clashes(before, tone)]
                or [tone for tone in tones if not self._goes_along(before, tone)]
                or tones
            )
        beside = [tone for tone in tones if (tone - self._tonic + 2) % 12 <= 4]
        return _nearest(beside or tones or [pitch], pitch)


def _parallel(upper_before: int, lower_before: int, upper: int, lower: int) -> bool:
    """Whether two voices move from a fifth or an octave to another of the same size."""
    interval = (upper - lower) % 12
    return interval in (0, 7) and interval == (upper_before - lower_before) % 12 and lower != lower_before


def _nearest(pitches: Sequence[int], aim: float) -> int:
    return min(pitches, key=lambda pitch: abs(pitch - aim))


def _index(ladder: Sequence[int], pitch: int) -> int:
    return min(range(len(ladder)), key=lambda i: abs(ladder[i] - pitch))


@lru_cache(maxsize=8192)
def _pitches(classes: tuple[int, ...], low: int, high: int) -> tuple[int, ...]:
    """Every pitch of those classes between two pitches, at least an octave of them."""
    return tuple(pitch for pitch in range(low, max(high, low + 11) + 1) if pitch % 12 in classes)

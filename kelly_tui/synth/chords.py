"""Progressions in time: chords from roman numerals, laid out over bars with a cadence at the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from kelly_tui.model.annotation import Value
from kelly_tui.model.labels import KEYS
from kelly_tui.music import theory
from kelly_tui.synth.meter import Meter

SHORTEST, LONGEST = 5.0, 29.0
"""Seconds that a piece may last, counted in whole bars: its last note may end a little earlier."""


class Pace(NamedTuple):
    """How long each chord of a phrase of four bars lasts, in halves of a bar."""

    loop: tuple[int, int, int, int]
    closed: tuple[int, int, int, int]
    """The same of the last phrase, where it ends on the tonic."""
    closing: tuple[int, int, int, int]
    """And where it doesn't, so that the tonic has the fourth bar."""


EVEN = Pace((2, 2, 2, 2), (2, 2, 2, 2), (2, 2, 1, 1))
DWELLING = Pace((4, 2, 1, 1), (4, 1, 1, 2), (3, 1, 1, 1))
"""The tonic is dwelt on, the others pass: where a loop leans away from its key, what makes the key heard."""


class Chord(NamedTuple):
    """A chord as it will be played."""

    name: str
    numeral: str
    root: int
    tones: tuple[int, ...]
    """Pitch classes, ascending."""
    bass: int

    def has(self, steps: int) -> bool:
        """Whether it has a tone that many semitones above the root."""
        return (self.root + steps) % 12 in self.tones

    @property
    def uppers(self) -> tuple[tuple[int, ...], ...]:
        """What three voices over the bass may be: pitch classes, each a choice of what is doubled.

        A third in the bass is never doubled: it may be a leading tone.
        """
        rest = tuple(tone for tone in self.tones if tone != self.bass)
        if len(rest) > 2:
            return (rest,)
        if self.bass in ((self.root + 3) % 12, (self.root + 4) % 12) and not self.is_diminished:
            return tuple((*rest, doubled) for doubled in rest)
        return (self.tones,)

    @property
    def is_diminished(self) -> bool:
        return self.has(3) and self.has(6) and not self.has(7)

    def rising_to(self, after: Chord) -> int:
        """The pitch class that must rise a semitone when `after` follows (a leading tone), or -1."""
        if self.has(4) and (after.root + 7) % 12 == self.root:
            return (self.root + 4) % 12
        if self.is_diminished and (self.root + 1) % 12 == after.root:
            return self.root
        return -1

    def falling(self) -> int:
        """The pitch class of a minor seventh, which falls or stays, or -1."""
        return (self.root + 10) % 12 if self.has(10) else -1


class Segment(NamedTuple):
    """A chord and when it sounds, in beats."""

    chord: Chord
    onset: float
    length: float

    @property
    def end(self) -> float:
        return self.onset + self.length


@lru_cache(maxsize=4096)
def chord_of(numeral: str, tonic: str, mode: str) -> Chord:
    """The chord that `numeral` names in a key. Raises `LabelError`."""
    name = theory.roman_chord(numeral, tonic, mode)
    found = theory.chord_pitches(name)
    assert found is not None  # a numeral is never N
    return Chord(name, numeral, found.root, tuple(sorted(found.pitches)), found.bass)


def bent(chord: Chord, tonic: str, mode: str) -> tuple[set[int], set[int]]:
    """The chord's tones that the key lacks: raised degrees and lowered ones.

    A major third, an augmented fifth and the root of a diminished chord are leading tones, so raised; any other tone
    is a lowered degree.
    """
    foreign = set(chord.tones) - set(theory.scale(tonic, mode))
    leading = {(chord.root + 4) % 12, (chord.root + 8) % 12} | ({chord.root} if chord.is_diminished else set())
    return foreign & leading, foreign - leading


@lru_cache(maxsize=4096)
def scale_under(chord: Chord, tonic: str, mode: str) -> tuple[int, ...]:
    """The key's scale, bent to the chord: a tone that the key lacks stands in for the degree it was made from."""
    raised, lowered = bent(chord, tonic, mode)
    replaced = {(tone - 1) % 12 for tone in raised} | {(tone + 1) % 12 for tone in lowered}
    kept = set(theory.scale(tonic, mode)) - (replaced - set(chord.tones))
    return tuple(sorted(kept | set(chord.tones)))


def rules_broken(chords: Sequence[Chord], tonic: str, mode: str) -> list[str]:
    """``HARMONY_ModalInterchange`` where a chord lowers a degree other than by its own minor seventh."""
    for chord in chords:
        if bent(chord, tonic, mode)[1] - {(chord.root + 10) % 12}:
            return ["HARMONY_ModalInterchange"]
    return []


def over_bars(numerals: Sequence[str], tonic: str, mode: str, meter: Meter, pace: Pace = EVEN) -> list[Segment]:
    """Four chords to a phrase of four bars, closing on the tonic.

    Where the last chord is not the tonic, the four share three bars and the tonic has the last one: harmony that
    quickens towards its cadence.
    """
    chords = [chord_of(numeral, tonic, mode) for numeral in numerals]
    leading = (KEYS.index(tonic) - 1) % 12
    if home_numeral(mode) == "I" and not any(leading in chord.tones for chord in chords[-4:]):
        chords[-2:] = [chords[-2], chord_of("V", tonic, mode)]  # without it, bVII and IV make IV the tonic
    lengths = [*pace.loop * (len(chords) // 4 - 1), *pace.closed]
    if chords[-1].root != KEYS.index(tonic):
        chords.append(chord_of(home_numeral(mode), tonic, mode))
        lengths[-4:] = [*pace.closing, 2]
    edges = [_edge(halves, meter) for halves in accumulate(lengths, initial=0)]
    return [Segment(chord, start, end - start) for chord, start, end in zip(chords, edges, edges[1:])]


def _edge(halves: int, meter: Meter) -> float:
    """The beat at which that half of a bar, counted from the start, begins."""
    return halves // 2 * meter.bar + (meter.half if halves % 2 else 0.0)


def home_numeral(mode: str) -> str:
    """The tonic triad of a mode."""
    return "I" if 4 in theory.SCALES[mode] else "i"


def possible_bars(meter: Meter, tempo_bpm: float) -> list[int]:
    """4, 8, 16: as many bars as last between `SHORTEST` and `LONGEST` seconds; the nearest if none does."""
    second = tempo_bpm / 60
    return [bars for bars in (4, 8, 16) if SHORTEST <= bars * meter.bar / second <= LONGEST] or [4]


def chord_labels(segments: Sequence[Segment], key: tuple[str, str], tempo_bpm: float) -> dict[str, Value]:
    """``chord_progression`` and ``chord_times`` (s), one for each change of chord; ``rule_breaks`` if there are any."""
    changes = [
        segment for i, segment in enumerate(segments) if i == 0 or segments[i - 1].chord.name != segment.chord.name
    ]
    labels: dict[str, Value] = {
        "chord_progression": [segment.chord.name for segment in changes],
        "chord_times": [round(segment.onset * 60 / tempo_bpm, 4) for segment in changes],
    }
    if broken := rules_broken([segment.chord for segment in changes], *key):
        labels["rule_breaks"] = broken
    return labels

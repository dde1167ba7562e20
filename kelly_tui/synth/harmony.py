"""Chord progressions: an emotion's own, then functional, circle-of-fifths, secondary and borrowed harmony, resolved."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kelly_tui.model.labels import EMOTIONS, KEYS
from kelly_tui.music.theory import SCALES
from kelly_tui.synth.affect import Setting, known_emotions, setting
from kelly_tui.synth.arranger import Arrangement, Note, Part
from kelly_tui.synth.chance import Chance, evenly
from kelly_tui.synth.chords import (
    LONGEST,
    SHORTEST,
    Segment,
    chord_labels,
    chord_of,
    home_numeral,
    over_bars,
)
from kelly_tui.synth.comping import bass_part, basses_for, comped, patterns_for
from kelly_tui.synth.meter import Meter
from kelly_tui.synth.sample import Draft, GeneratedSample, generated
from kelly_tui.synth.touch import played
from kelly_tui.synth.voicing import voiced
from kelly_tui.synth.written import HEARERS, hearers, loudness_facts

_TRIES = 12


def _lines(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split()) for line in text.split(","))


_OPENINGS = {
    "major": _lines("I, I vi, I IV64 I, I V43 I6, I iii IV, I V6 vi, Imaj7 IVmaj7, I IV I6"),
    "phrygian": _lines("i, i bII i, i bvii, i iv i, i VI, i iv64 i, i bvii6 i6, i iv i6, i bII6 i6"),
    "minor": _lines("i, i VI, i iv64 i, i V43 i6, i v6 VI, i VII6 i6, i7 iv7, i VII III, i iv i6"),
}
"""The tonic, and what prolongs it."""

_MIDDLES = {
    "functional": {
        "major": _lines("IV, ii6, ii65, vi ii, IV ii, vi IV ii6, ii, iii vi IV"),
        "phrygian": _lines("iv, VI iv, bIII iv, iv6, bvii VI, VI iv6, bIII VI, iv VI, bIII6 iv"),
        "minor": _lines("iv, ii°6, iiø65, VI iv, iv6, VI ii°6, III VI iv"),
    },
    "circle": {
        "major": _lines("vi ii, iii vi ii, IV vii° iii vi ii, iii7 vi7 ii7, IVmaj7 iii7 vi7 ii7"),
        "phrygian": _lines("iv bvii bIII VI, bvii bIII VI, bIII VI iv, iv bvii bIII, bvii bIII6 VI, bIII VI6 iv6"),
        "minor": _lines("iv VII III VI ii°6, VI iiø7, VII III VI ii°6, iv7 VII7 IIImaj7 VImaj7 iiø7"),
    },
    "secondary": {
        "major": _lines("V/vi vi ii, V7/IV IV ii6, V/V, V7/ii ii, vi V65/V, V/ii ii V/V, V7/vi vi V7/V"),
        "phrygian": _lines("bIII7 VI, bvii bIII7 VI, bIII VI iv6, bIII65 VI, iv bIII7 VI, bIII bIII7 VI"),
        "minor": _lines("V7/iv iv, V/VI VI iv, V/III III iv, V7/III III VI ii°6, V65/iv iv ii°6"),
    },
    "borrowed": {
        "major": _lines("iv, bII6, bVI bII6, ii°6, bVI iv6, bIII bVI iv, iiø65, bVII bIII bVI ii°6"),
        "phrygian": _lines("iv6, bIII iv, VI iv6, bIII6 iv, bIII iv6, VI bIII iv"),
        "minor": _lines("bII6, VI bII6, iv bII6, iv6 bII, III bII6"),
    },
}
"""What leads away, to a dominant. Every borrowed chord goes on to what it calls for: bVI and iv to V, bII6 to V."""

_DOMINANTS = {
    "major": _lines("V, V7, I64 V7, vii°6, V65 I V7, I64 V, V42 I6 V7"),
    "phrygian": _lines("bII, bvii, bII6, bvii6, bII bvii, bvii bII, bII6 bvii, bIImaj7"),
    "minor": _lines("V, V7, i64 V7, vii°7, V65 i V7, i64 V, V42 i6 V7"),
}

_PLAGAL = {
    "major": _lines("bVII IV, bVI bVII, iv, IV, bVI iv"),
    "phrygian": _lines("bII, bvii, iv bII"),
    "minor": _lines("iv, bII, VI VII, iv6, VI iv"),
}
"""Closes that need no dominant."""

_BASSES = {"held": ("held", "pulsed"), "pulsed": ("pulsed", "eighths", "octaves")}
"""Bass patterns that leave a chord's lowest pitch class what it is, by the plainest that goes with the chords."""

_PROGRAMS = ((0, 0), (4, 33), (16, 16), (19, 19), (24, 32), (25, 32), (48, 43), (49, 42), (52, 58), (61, 58), (88, 38),
             (5, 35), (6, 6), (68, 70), (46, 43), (89, 39))  # fmt: skip
"""General MIDI programs of chords and bass."""


def generate_harmony_samples(n: int, seed: int = 0, emotions: Sequence[str] | None = None) -> list[GeneratedSample]:
    """`n` chord progressions. Raises `LabelError` for an emotion that no generator knows."""
    classes = known_emotions(emotions or EMOTIONS)
    return [generated("harmony", harmony_piece, seed, index, classes) for index in range(n)]


def harmony_piece(seed: int, index: int, emotions: Sequence[str]) -> Draft:
    """The `index`-th progression; emotions take turns, and within each the kinds of harmony do."""
    turn, which = divmod(index, len(emotions))
    chance = Chance("harmony", seed, index)
    chosen = setting(emotions[which], turn, chance, "harmony", seed, emotions[which])
    touch, meter, key = chosen.affect.articulation, chosen.meter, chosen.key
    middle = evenly(tuple(_MIDDLES), turn, "harmony", seed, chosen.emotion, "middle")
    comping = evenly(patterns_for(touch), turn, "harmony", seed, chosen.emotion, "comping")
    along = [pattern for pattern in patterns_for(touch) if pattern != "arpeggio" or comping == "arpeggio"]
    figure = (comping, *(chance.pick(along) for _ in range(3)))
    bass_figure = chance.pick(_BASSES[basses_for(comping)[0]])
    segments, chords, bass = _heard_in_key(chosen, middle, (figure, bass_figure), chance)
    programs = chance.pick(_PROGRAMS)
    parts = []
    for notes, prominence, program in ((chords, 0.5, programs[0]), (bass, 0.55, programs[1])):
        parts.append(Part(played(notes, chosen.velocity, prominence, touch, meter, chance), program))
    piece = Arrangement(chosen.quarters_bpm, meter, tuple(parts)).written()
    labels = {
        **chosen.expressed(float(piece.velocity.mean())),
        **chord_labels(segments, key, chosen.quarters_bpm),
        **loudness_facts(piece),
    }
    parameters = {
        "numerals": [segment.chord.numeral for segment in segments],
        "middle": middle,
        "comping": comping,
        "figure": figure,
        "bass": bass_figure,
    }
    return Draft(piece.midi, piece.duration, labels, parameters)


def _heard_in_key(
    chosen: Setting, middle: str, patterns: tuple[Sequence[str], str], chance: Chance
) -> tuple[list[Segment], list[Note], list[Note]]:
    """Segments, chords and bass that sound in the key that is labelled; drawn again until they do, or the clearest."""
    tonic, major = KEYS.index(chosen.tonic), 4 in SCALES[chosen.mode]
    phrase, meter = chosen.progression.numerals, chosen.meter
    found: dict[int, tuple[list[Segment], list[Note], list[Note]]] = {}
    for attempt in range(_TRIES):
        sentence = _sentence(chosen.mode, middle, chance)
        dwelt_on = (phrase[0], *phrase) if attempt else phrase
        segments = _fitted(dwelt_on, sentence, chosen.key, meter, chosen.quarters_bpm)
        voicings = voiced(segments, chance)
        chords = comped(patterns[0], segments, voicings, meter)
        bass = bass_part(patterns[1], segments, voicings, meter)
        heard = hearers(np.array([*chords, *bass]), tonic, major)
        found.setdefault(heard, (segments, chords, bass))
        if heard == HEARERS:
            break
    return found[max(found)]


def _sentence(mode: str, middle: str, chance: Chance) -> list[str]:
    """Tonic, a middle, a dominant, the tonic; sometimes deceived first, or closed without a dominant."""
    home, away = home_numeral(mode), "vi" if mode == "major" else "VI"
    sentence = [*chance.pick(_OPENINGS[mode]), *chance.pick(_MIDDLES[middle][mode]), *chance.pick(_DOMINANTS[mode])]
    if chance.yes(0.2):
        return [*sentence, away, *chance.pick(_PLAGAL[mode]), home]
    if chance.yes(0.2):
        return [*sentence, home, *chance.pick(_PLAGAL[mode]), home]
    return [*sentence, home]


def _fitted(
    phrase: Sequence[str], sentence: Sequence[str], key: tuple[str, str], meter: Meter, tempo_bpm: float
) -> list[Segment]:
    """Phrase and sentence one chord a bar, two, or one a pulse of four; the sentence alone where all last too long."""
    bar = meter.bar * 60 / tempo_bpm
    for numerals in ([*phrase, *sentence], sentence):
        for a_bar in (1, 2, 4) if len(meter.pulses) == 4 else (1, 2):
            bars = math.ceil((len(numerals) - 1) / a_bar) + 1
            if SHORTEST <= bars * bar <= LONGEST:
                return _laid_out(numerals, a_bar, key, meter)
    return over_bars(phrase[-4:], *key, meter)


def _laid_out(numerals: Sequence[str], a_bar: int, key: tuple[str, str], meter: Meter) -> list[Segment]:
    """So many chords a bar; the last one has a bar of its own."""
    chords = [chord_of(numeral, *key) for numeral in numerals]
    segments = []
    at = 0.0
    for first in range(0, len(chords) - 1, a_bar):
        inside = chords[first : min(first + a_bar, len(chords) - 1)]
        starts = {1: (0.0,), 2: (0.0, meter.half)}.get(len(inside), meter.pulses[: len(inside)])
        edges = [*starts, meter.bar]
        segments += [Segment(chord, at + start, end - start) for chord, start, end in zip(inside, edges, edges[1:])]
        at += meter.bar
    return [*segments, Segment(chords[-1], at, meter.bar)]

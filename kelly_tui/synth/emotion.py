"""Pieces that express an emotion: progression, voiced chords, bass, melody and, where they fit, drums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kelly_tui.model.labels import EMOTIONS, KEYS
from kelly_tui.music.theory import SCALES
from kelly_tui.synth.affect import Setting, known_emotions, setting
from kelly_tui.synth.arranger import Arrangement, Note, Part
from kelly_tui.synth.chance import Chance, evenly
from kelly_tui.synth.chords import DWELLING, EVEN, Pace, Segment, chord_labels, over_bars, possible_bars
from kelly_tui.synth.comping import bass_part, comped, power_chords
from kelly_tui.synth.drums import drum_part, drummed
from kelly_tui.synth.line import CURVES, Compass, ground, melody
from kelly_tui.synth.sample import Draft, GeneratedSample, generated
from kelly_tui.synth.touch import played
from kelly_tui.synth.voicing import voiced
from kelly_tui.synth.written import HEARERS, hearers, loudness_facts

_LEADS = (0, 4, 11, 12, 24, 26, 40, 56, 65, 68, 71, 73)
_BRIGHT_LEADS = (*_LEADS, 29, 30, 62, 80, 81)
_CHORDAL = (0, 1, 4, 5, 7, 16, 19, 24, 25, 27, 46, 48, 49, 50, 52, 89)
_BASSES = (32, 33, 34, 35, 43)
_GUITARS = (28, 29, 30)
"""General MIDI programs. The pools are wide and shared by several emotions: an instrument should not tell which."""


_TRIES = 6

_FEWEST = 10
"""Notes of a tune: with fewer, two slow pieces of five thousand came out alike."""

_ALONE = 0.3
"""How often it is all for piano."""

_HAND = 0.004
"""Standard deviation of the players' timing, seconds; never further than two and a half times that."""


class Style(NamedTuple):
    """How an emotion is arranged: choices of comping, bass, drums (``-``: none), density of the melody, contours."""

    comping: tuple[str, ...]
    bass: tuple[str, ...]
    drums: tuple[str, ...]
    density: tuple[float, float]
    contours: tuple[str, ...]
    leads: tuple[int, ...]
    guitar: float
    """How often a guitar doubles the bass in power chords."""


def _style(
    comping: str, bass: str, drums: str, density: tuple[float, float], contours: str, guitar: float | None = None
) -> Style:
    """`guitar` is given for the emotions that are played brightly."""
    leads = _LEADS if guitar is None else _BRIGHT_LEADS
    words = [tuple(text.split()) for text in (comping, bass, drums, contours)]
    return Style(words[0], words[1], words[2], density, words[3], leads, guitar or 0.0)


STYLES: dict[str, Style] = {
    "happy": _style("after-beats syncopated pulsed", "fifths pulsed walking", "rock four march -", (0.5, 0.9),
                    "arch wave ascending", 0.0),
    "sad": _style("sustained arpeggio broken", "held fifths", "- - brush", (0.25, 0.6), "descending arch valley"),
    "angry": _style("pulsed syncopated after-beats", "eighths octaves pulsed", "drive rock drive", (0.5, 0.9),
                    "flat wave descending", 0.8),
    "peaceful": _style("arpeggio sustained broken", "held", "- - - brush", (0.25, 0.5), "arch flat valley"),
    "tense": _style("pulsed eighths syncopated", "eighths pulsed octaves", "- half drive", (0.4, 0.8),
                    "ascending flat wave", 0.2),
    "melancholic": _style("arpeggio broken sustained", "held fifths walking", "- brush half", (0.2, 0.6),
                          "descending valley arch"),
    "energetic": _style("pulsed syncopated after-beats", "octaves eighths pulsed", "four rock drive", (0.6, 1.0),
                        "wave ascending arch", 0.5),
    "neutral": _style("pulsed broken sustained", "fifths pulsed walking", "- rock half", (0.3, 0.6),
                      "arch flat wave"),
}  # fmt: skip


def generate_emotion_samples(n: int, seed: int = 0, emotions: Sequence[str] | None = None) -> list[GeneratedSample]:
    """`n` pieces that express emotions. Raises `LabelError` for an emotion that no generator knows."""
    classes = known_emotions(emotions or EMOTIONS)
    return [generated("emotion", emotion_piece, seed, index, classes) for index in range(n)]


def emotion_piece(seed: int, index: int, emotions: Sequence[str]) -> Draft:
    """The `index`-th piece; emotions take turns."""
    turn, which = divmod(index, len(emotions))
    chance = Chance("emotion", seed, index)
    chosen = setting(emotions[which], turn, chance, "emotion", seed, emotions[which])
    style, affect, meter = STYLES[chosen.emotion], chosen.affect, chosen.meter
    bars = chance.pick(possible_bars(meter, chosen.quarters_bpm))
    comping = evenly(style.comping, turn, "emotion", seed, chosen.emotion, "comping")
    bass, contour, drumming = chance.pick(style.bass), chance.pick(style.contours), chance.pick(style.drums)
    music = _heard_in_key(chosen, bars, (comping, bass, contour), chance)

    alone = chance.yes(_ALONE)

    def part(notes: list[Note], prominence: float, programs: Sequence[int]) -> Part:
        table = played(notes, chosen.velocity, prominence, affect.articulation, meter, chance)
        table[:, 0] += chance.hand(len(table), _HAND * chosen.quarters_bpm / 60)
        return Part(table, 0 if alone else chance.pick(programs))

    parts = [
        part(music.tune, 0.75, style.leads),
        part(music.chords, 0.35, _CHORDAL),
        part(music.bass, 0.5, _BASSES),
    ]
    if alone:
        drumming = "-"
    elif music.power:
        parts.append(part(music.power, 0.6, _GUITARS))
    if drumming != "-":
        parts.append(Part(drummed(drum_part(drumming, chance, meter, bars), chosen.velocity), is_drum=True))
    piece = Arrangement(chosen.quarters_bpm, meter, tuple(parts)).written()
    labels = {
        **chosen.expressed(float(piece.velocity[~piece.is_drum].mean())),
        **chord_labels(music.segments, chosen.key, chosen.quarters_bpm),
        **loudness_facts(piece),
    }
    parameters = {
        "bars": bars,
        "numerals": [segment.chord.numeral for segment in music.segments],
        "comping": comping,
        "bass": bass,
        "drums": drumming,
        "contour": contour,
    }
    return Draft(piece.midi, piece.duration, labels, parameters)


class _Music(NamedTuple):
    """What is played, before anyone plays it."""

    segments: list[Segment]
    tune: list[Note]
    chords: list[Note]
    bass: list[Note]
    power: list[Note]


def _heard_in_key(chosen: Setting, bars: int, patterns: tuple[str, str, str], chance: Chance) -> _Music:
    """Music that sounds in the key that is labelled; drawn again, dwelling on the tonic, until it does.

    Some loops lean away for good (I IV bVII IV is at home on IV): the clearest one drawn stands.
    """
    tonic, major = KEYS.index(chosen.tonic), 4 in SCALES[chosen.mode]
    found: dict[tuple[int, int], _Music] = {}
    for attempt in range(_TRIES):
        pace = DWELLING if attempt or chance.yes(0.2) else EVEN
        music = _composed(chosen, bars, pace, patterns, chance)
        table = np.array([*music.tune, *music.chords, *music.bass, *music.power])
        heard = hearers(table, tonic, major)
        fullness = min(len(music.tune), _FEWEST)
        found.setdefault((heard, fullness), music)
        if (heard, fullness) == (HEARERS, _FEWEST):
            break
    return found[max(found)]


def _composed(chosen: Setting, bars: int, pace: Pace, patterns: tuple[str, str, str], chance: Chance) -> _Music:
    style, meter, key = STYLES[chosen.emotion], chosen.meter, chosen.key
    comping, bass_pattern, contour = patterns
    segments = over_bars(chosen.numerals(bars // 4, chance), *key, meter, pace)
    voicings = voiced(segments, chance)
    bass = bass_part(bass_pattern, segments, voicings, meter)
    low = chance.pick((64, 66, 68))
    compass = Compass(low, low + 16, CURVES[contour])
    over = ground(voicings, segments, bass)
    return _Music(
        segments,
        tune=melody(chance, segments, key, meter, compass, chance.between(*style.density), over),
        chords=comped((comping,), segments, voicings, meter),
        bass=bass,
        power=power_chords(segments, voicings, chance.pick((0.5, meter.pulse))) if chance.yes(style.guitar) else [],
    )

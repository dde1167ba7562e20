"""Pieces that express an emotion: progression, voiced chords, bass, melody and, where they fit, drums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kelly_tui.model.labels import EMOTIONS
from kelly_tui.music.notes import read_midi
from kelly_tui.synth.affect import known_emotions, setting
from kelly_tui.synth.arranger import Arrangement, Note, Part
from kelly_tui.synth.chance import Chance, evenly
from kelly_tui.synth.chords import chord_labels, one_a_bar, possible_bars
from kelly_tui.synth.comping import bass_part, comped, power_chords
from kelly_tui.synth.drums import drum_part, drummed
from kelly_tui.synth.line import CURVES, Compass, ground, melody
from kelly_tui.synth.sample import Draft, GeneratedSample, generated
from kelly_tui.synth.touch import played
from kelly_tui.synth.voicing import voiced
from kelly_tui.synth.written import loudness_facts

_LEADS = (0, 4, 11, 12, 24, 26, 40, 56, 65, 68, 71, 73)
_BRIGHT_LEADS = (*_LEADS, 29, 30, 62, 80, 81)
_CHORDAL = (0, 1, 4, 5, 7, 16, 19, 24, 25, 27, 46, 48, 49, 50, 52, 89)
_BASSES = (32, 33, 34, 35, 43)
_GUITARS = (28, 29, 30)
"""General MIDI programs. The pools are wide and shared by several emotions: an instrument should not tell which."""


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
    "sad": _style("sustained arpeggio broken", "held fifths", "- - brush", (0.1, 0.5), "descending arch valley"),
    "angry": _style("eighths pulsed syncopated", "eighths octaves pulsed", "drive rock drive", (0.5, 0.9),
                    "flat wave descending", 0.8),
    "peaceful": _style("arpeggio sustained broken", "held", "- - - brush", (0.1, 0.4), "arch flat valley"),
    "tense": _style("pulsed eighths syncopated", "eighths pulsed octaves", "- half drive", (0.4, 0.8),
                    "ascending flat wave", 0.2),
    "melancholic": _style("arpeggio broken sustained", "held fifths walking", "- brush half", (0.2, 0.6),
                          "descending valley arch"),
    "energetic": _style("eighths syncopated after-beats", "octaves eighths pulsed", "four rock drive", (0.6, 1.0),
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
    style, affect, meter, key = STYLES[chosen.emotion], chosen.affect, chosen.meter, chosen.key
    bars = chance.pick(possible_bars(meter, chosen.tempo_bpm))
    segments = one_a_bar(chosen.numerals(bars // 4, chance), *key, meter)
    voicings = voiced(segments, chance)
    comping = evenly(style.comping, turn, "emotion", seed, chosen.emotion, "comping")
    bass_pattern, contour, drumming = chance.pick(style.bass), chance.pick(style.contours), chance.pick(style.drums)
    bass = bass_part(bass_pattern, segments, voicings, meter)
    low = chance.pick((64, 66, 68))
    compass = Compass(low, low + 16, CURVES[contour])
    tune = melody(
        chance, segments, key, meter, compass, chance.between(*style.density), ground(voicings, segments, bass)
    )

    def part(notes: list[Note], prominence: float, programs: Sequence[int]) -> Part:
        notes = played(notes, chosen.velocity, prominence, affect.articulation, meter, chance)
        return Part(notes, chance.pick(programs))

    parts = [
        part(tune, 0.75, style.leads),
        part(comped(comping, segments, voicings, meter), 0.35, _CHORDAL),
        part(bass, 0.5, _BASSES),
    ]
    if chance.yes(style.guitar):
        parts.append(part(power_chords(segments, voicings), 0.6, _GUITARS))
    if drumming != "-":
        parts.append(Part(drummed(drum_part(drumming, chance, meter, bars), chosen.velocity), is_drum=True))
    midi = Arrangement(chosen.tempo_bpm, meter, tuple(parts)).midi()
    score = read_midi(midi)
    labels = {
        **chosen.expressed(float(score.pitched["velocity"].mean())),
        **chord_labels(segments, key, chosen.tempo_bpm),
        **loudness_facts(score),
    }
    parameters = {
        "bars": bars,
        "numerals": [segment.chord.numeral for segment in segments],
        "comping": comping,
        "bass": bass_pattern,
        "drums": drumming,
        "contour": contour,
    }
    return Draft(midi, score.duration, labels, parameters)

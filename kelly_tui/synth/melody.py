"""Melodies alone: a line in a key with a contour, a compass and motifs that return."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kelly_tui.model.annotation import Value
from kelly_tui.model.labels import CONTOURS, EMOTIONS, KEYS
from kelly_tui.music.contour import detect_range
from kelly_tui.music.notes import read_midi
from kelly_tui.music.theory import SCALES
from kelly_tui.synth.affect import Setting, known_emotions, setting
from kelly_tui.synth.arranger import Arrangement, Note, Part
from kelly_tui.synth.chance import Chance, evenly
from kelly_tui.synth.chords import over_bars, possible_bars
from kelly_tui.synth.line import CURVES, Compass, melody
from kelly_tui.synth.sample import Draft, GeneratedSample, generated
from kelly_tui.synth.touch import played
from kelly_tui.synth.written import HEARERS, has_contour, hearers, loudness_facts

_PROGRAMS = (0, 4, 11, 12, 21, 24, 26, 40, 41, 46, 56, 60, 64, 65, 68, 71, 73, 75, 79, 80)
"""General MIDI: keys, mallets, plucked, strings, brass, reeds, pipes, a lead."""

_WIDTHS = ((8, 11), (13, 17), (18, 23), (25, 28))
"""Semitones from the lowest to the highest pitch: narrow, medium twice, wide."""

_GROUNDS = {
    "major": ("I I V I", "I IV I V", "I I IV V", "I ii V I", "I V I V", "I I ii V", "I V I I", "I IV V I"),
    "minor": ("i i V i", "i iv i V", "i i iv V", "i iv V i", "i V i V", "i V i i", "i i ii° V", "i VI V i"),
    "phrygian": ("i bII i bvii", "i i bII i", "i bvii bII i", "i bII i i"),
}
"""Harmony that a line alone implies: nearer home than accompanied music goes."""

_FEWEST = 12
"""Notes: with fewer, two melodies of a kind would now and then be the same."""

_TRIES = 30
"""Lines of the contour that are listened to before the clearest is taken: a narrow phrygian one is never clear."""

_SURELY = 0.1
"""A line alone has to be clear where chords would make it so."""


def generate_melody_samples(n: int, seed: int = 0, emotions: Sequence[str] | None = None) -> list[GeneratedSample]:
    """`n` melodies, in all contours. Raises `LabelError` for an emotion that no generator knows."""
    classes = known_emotions(emotions or EMOTIONS)
    return [generated("melody", melody_piece, seed, index, classes) for index in range(n)]


def melody_piece(seed: int, index: int, emotions: Sequence[str]) -> Draft:
    """The `index`-th melody; emotions take turns, and within each the contours do."""
    turn, which = divmod(index, len(emotions))
    chance = Chance("melody", seed, index)
    chosen = setting(emotions[which], turn, chance, "melody", seed, emotions[which])
    contour = evenly(CONTOURS, turn, "melody", seed, chosen.emotion, "contour")
    width = evenly(((10, 11),) if contour == "flat" else _WIDTHS, turn, "melody", seed, chosen.emotion, "width")
    notes = _with_contour(contour, width, chosen, chance)
    table = played(notes, chosen.velocity, 0.55, chosen.affect.articulation, chosen.meter, chance)
    program = chance.pick(_PROGRAMS)
    piece = Arrangement(chosen.quarters_bpm, chosen.meter, (Part(table, program),)).written()
    labels: dict[str, Value] = {
        **chosen.expressed(float(piece.velocity.mean())),
        **loudness_facts(piece),
        "melodic_contour": contour,
        "pitch_range": detect_range(read_midi(piece.midi)).value or "medium",
    }
    return Draft(piece.midi, piece.duration, labels, {"program": program})


def _with_contour(contour: str, width: tuple[int, int], chosen: Setting, chance: Chance) -> list[Note]:
    """A line that has the contour by the measure that defines the label, and a key that is heard."""
    meter = chosen.meter
    tonic, major = KEYS.index(chosen.tonic), 4 in SCALES[chosen.mode]
    grounds = _GROUNDS[chosen.mode]
    found: dict[int, list[Note]] = {}
    tries = 0
    while tries < _TRIES:
        span = round(chance.between(*width))
        low = round(chance.between(55, 67))
        if contour == "flat":
            # Around the tonic, where it ends.
            low += (tonic - low - span // 2 + 6) % 12 - 6 + round(chance.near(0.7))
        compass = Compass(low, low + span, CURVES[contour])
        bars = chance.pick(possible_bars(meter, chosen.quarters_bpm))
        first, second = chance.pick(grounds).split(), chance.pick(grounds).split()
        numerals = [*first, *first, *second, *first][-bars:]
        segments = over_bars(numerals, *chosen.key, meter)
        notes = melody(chance, segments, chosen.key, meter, compass, chance.between(0.2, 0.9))
        if len(notes) < _FEWEST:
            continue
        line = np.array([note[:3] for note in notes], dtype=[("onset_beat", "f8"), ("duration", "f8"), ("pitch", "u1")])
        if not has_contour(line, contour):
            continue
        tries += 1
        heard = hearers(np.array(notes), tonic, major, _SURELY)
        found.setdefault(heard, notes)
        if heard == HEARERS:
            break
    return found[max(found)]

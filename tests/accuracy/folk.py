"""Fiddle tunes and folk songs that `meter_audio` has not, played alone by several instruments at a known beat.

They are music21's, of Ryan's Mammoth Collection and of Essen; the beat of a 6/8 is its dotted quarter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import symusic
from music21 import corpus

from tests.accuracy.abc_tunes import Sounding, tunes
from tests.accuracy.pulse import barred_paths

_SAID = {"2/4": "4/4", "C": "4/4", "C|": "4/4", "4/4": "4/4", "3/4": "3/4", "6/8": "6/8"}
_COLLECTIONS = {"ryansMammoth": (1, 90), "essenFolksong": (8, 30)}
"""One of how many is read, and how many of a meter are played at most."""
_NOTES, _SECONDS, _BEAT = 40, 32.0, 960
_PROGRAMS = (0, 0, 0, 40, 73, 21, 24, 71, 65, 22, 11)
"""General MIDI's, from 0."""


class Tune(NamedTuple):
    group: str
    seed: int
    meter: str
    midi: bytes
    bpm: float


def folk() -> Iterator[Tune]:
    """As written."""
    judged = {str(path) for path in barred_paths()}
    for folder, (one_of, most) in _COLLECTIONS.items():
        by_meter: dict[str, list[Sounding]] = defaultdict(list)
        for path in sorted(map(str, corpus.getComposer(folder))):
            for tune in list(tunes(Path(path).read_text("utf-8", errors="replace")))[::one_of]:
                said = re.search(r"^M: *(\S+)", tune.text, re.MULTILINE)
                if path not in judged and said and said[1] in _SAID and len(notes := tune.notes()) > _NOTES:
                    by_meter[_SAID[said[1]]].append(notes)
        for meter, those in by_meter.items():
            for seed, notes in enumerate(those[:: -(-len(those) // most)]):
                yield Tune(f"{folder} {meter} {seed}", seed, meter, *_file(notes, meter, seed))


def _file(notes: Sounding, meter: str, seed: int) -> tuple[bytes, float]:
    """By one instrument, at 120 quarters a minute or another tempo; its beats a minute."""
    chance = np.random.default_rng((seed, len(notes)))
    of_beat = 1.5 if meter == "6/8" else 1.0
    bpm = of_beat * float(np.exp(chance.uniform(np.log(70), np.log(140)))) if chance.random() < 0.5 else 120.0
    score, track = symusic.Score(_BEAT), symusic.Track("tune", int(chance.choice(_PROGRAMS)))
    score.tempos.append(symusic.Tempo(0, bpm))
    held_for = float(chance.choice([1, 0.95, 0.8]))
    for beat, beats, pitch in notes:
        if beat * 60 / bpm < _SECONDS:
            length, loud = max(30, round(beats * _BEAT * held_for)), int(chance.normal(85, 3))
            track.notes.append(symusic.Note(round(beat * _BEAT), length, pitch, loud))
    score.tracks.append(track)
    return score.dumps_midi(), bpm / of_beat

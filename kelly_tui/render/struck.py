"""A chord as a file of its own: what is heard when its name is typed."""

from __future__ import annotations

from pathlib import Path

import symusic

from kelly_tui.render.companion import chord_pitches_heard

PIANO = 0
LOUD = 80
SECONDS = 1.6
_TICKS = 480
"""A quarter note, which lasts half a second."""


def write_chord(name: str, path: Path) -> None:
    """Write a chord as MIDI, struck once on a piano: its bass, and its notes around middle C.

    A name that can't be read, or ``N``, is silence.
    """
    score = symusic.Score(_TICKS)
    score.tempos.append(symusic.Tempo(0, 120))
    track = symusic.Track(program=PIANO)
    for pitch in chord_pitches_heard(name):
        track.notes.append(symusic.Note(0, round(SECONDS * 2 * _TICKS), pitch, LOUD))
    score.tracks.append(track)
    path.write_bytes(score.dumps_midi())

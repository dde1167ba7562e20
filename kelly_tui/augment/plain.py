"""A plain MIDI file, as symusic reads and writes it: several times faster than message by message."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import symusic
from numpy.typing import NDArray

from kelly_tui.augment.ranges import range_of

Ints = NDArray[np.int64]

_NOTE = np.dtype(
    [(name, "i8") for name in ("time", "duration", "pitch", "velocity", "track", "channel")] + [("is_drum", "?")],
    align=True,  # a fifth faster than where numbers straddle words
)
_TIME_BITS = 31
"""Ticks fit into these: sorting by one number is several times faster than by two."""
_FAR = 1 << _TIME_BITS


@dataclass(frozen=True, eq=False)
class PlainSong:
    """A score, for which `kelly_tui.augment.messages.is_plain` holds. As `Messages`, and not to be changed either."""

    score: symusic.Score

    @property
    def tpq(self) -> int:
        return int(self.score.tpq)

    def notes(self) -> NDArray[np.void]:
        """A new table of all notes of all tracks, in the tracks' order; each track has a channel of its own."""
        tracks = self.score.tracks
        counts = [len(track.notes) for track in tracks]
        notes = np.empty(sum(counts), _NOTE)
        columns = [track.notes.numpy() for track in tracks]
        for name in ("time", "duration", "pitch", "velocity"):
            notes[name] = np.concatenate([column[name] for column in columns])
        notes["track"] = notes["channel"] = np.repeat(np.arange(len(counts)), counts)
        notes["is_drum"] = np.repeat([track.is_drum for track in tracks], counts)
        return notes

    def tempi(self) -> tuple[Ints, Ints]:
        """Ticks, and microseconds a quarter note."""
        found = self.score.tempos.numpy()
        return found["time"].astype(np.int64), found["mspq"].astype(np.int64)

    def parts(self) -> list[tuple[tuple[int, int], int, int]]:
        """For each track but drums: the range it can play in, its lowest and its highest pitch."""
        found = []
        for track in self.score.tracks:
            if len(track.notes) and not track.is_drum:
                pitches = track.notes.numpy()["pitch"]
                found.append((range_of(track.program), int(pitches.min()), int(pitches.max())))
        return found

    def leeway(self, notes: NDArray[np.void]) -> tuple[Ints, Ints]:
        """How many ticks each onset can move back and on: no controller is in the way."""
        return -notes["time"], np.full(len(notes), _FAR)

    def changed(self, notes: NDArray[np.void], semitones: int, mspq: Ints | None) -> bytes:
        """The file with these notes, its keys moved, and a tempo map of these values.

        `mspq`: one for each of `tempi`, after one for the start if that has none there; None leaves the tempi alone.
        """
        score = self.score.copy()
        if semitones:
            for signature in score.key_signatures:
                signature.key = (signature.key + 7 * semitones + 5) % 12 - 5  # sharps: a semitone up is seven fifths
        if mspq is not None:
            ticks = self.tempi()[0]
            ticks = np.insert(ticks, 0, [0] * (len(mspq) - len(ticks)))
            score.tempos = symusic.Tempo.from_numpy(ticks.astype(np.int32), mspq.astype(np.int32), "tick")
        _put_notes(score, notes)
        return bytes(score.dumps_midi())


def _put_notes(score: symusic.Score, notes: NDArray[np.void]) -> None:
    order = (((notes["track"] << _TIME_BITS) | notes["time"]) << 7) | notes["pitch"]
    notes = notes[np.argsort(order, kind="stable")]
    edges = np.searchsorted(notes["track"], np.arange(len(score.tracks) + 1))
    for index, track in enumerate(score.tracks):
        part = notes[edges[index] : edges[index + 1]]
        track.notes = symusic.Note.from_numpy(
            part["time"].astype(np.int32),
            part["duration"].astype(np.int32),
            part["pitch"].astype(np.int8),
            part["velocity"].astype(np.int8),
            "tick",
        )

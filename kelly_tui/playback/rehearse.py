"""The child of the sound process that plays pieces to itself: how loud they are, and MIDI onto a tape.

A process of its own: the libraries that measure take a tenth of a second of the interpreter at a time while they load,
and the device would starve. It is asked over its standard input, a socket, one JSON line a piece with the file
descriptor of the tape beside it, and answers there with one line each.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from kelly_tui.errors import KellyError
from kelly_tui.playback.audio_source import AudioSource
from kelly_tui.playback.loudness import UNKNOWN, measured
from kelly_tui.playback.midi_source import TAIL, MidiSource
from kelly_tui.playback.process import lead_session
from kelly_tui.playback.source import Samples, Source, is_midi
from kelly_tui.render.synth import Synth

LONGEST = 120.0
"""Seconds of a piece that are played: enough to know how loud it is, and all of a sample for training."""

NICENESS = 0
"""In a session of its own, behind what is heard, and not starved for minutes by a stage that has all the cores."""

_BLOCK = 1 << 14


class Asked(msgspec.Struct):
    """What is to be played, and how."""

    path: bytes
    """As the system has it: a name need not be UTF-8."""
    rate: int
    soundfont: bytes


class Heard(msgspec.Struct):
    """What came of it."""

    path: bytes
    lufs: float | None
    """None for silence, and for what can't be read."""
    peak: float
    on_tape: int
    """Frames of two float32 that were written to the tape; 0 where there is none."""


class Rehearser:
    """Keeps the synth from one piece to the next."""

    def __init__(self) -> None:
        self._synth: Synth | None = None
        self._made_for: tuple[bytes, int] | None = None

    def heard(self, asked: Asked, tape: int) -> Heard:
        """Play a piece; MIDI is written to the file descriptor `tape`, if all of it can be."""
        path = Path(os.fsdecode(asked.path))
        try:
            source = self._source(path, asked)
            sound = np.concatenate(list(_played(source, round(LONGEST * asked.rate))) or [np.zeros((0, 2), np.float32)])
        except (KellyError, OSError):
            return Heard(asked.path, None, UNKNOWN.peak, 0)
        loudness = measured(sound, asked.rate)
        whole = isinstance(source, MidiSource) and source.duration + TAIL < LONGEST
        if whole:
            with open(tape, "wb", closefd=False) as file:
                file.write(sound.tobytes())
        source.close()
        lufs = loudness.lufs if np.isfinite(loudness.lufs) else None
        return Heard(asked.path, lufs, loudness.peak, len(sound) if whole else 0)

    def _source(self, path: Path, asked: Asked) -> Source:
        if not is_midi(path):
            return AudioSource(path, asked.rate)
        wanted = asked.soundfont, asked.rate
        if self._synth is None or self._made_for != wanted:
            self._synth, self._made_for = Synth(Path(os.fsdecode(asked.soundfont)), asked.rate), wanted
        return MidiSource(path, self._synth)


def _played(source: Source, longest: int) -> Iterator[Samples]:
    source.seek(0.0)
    while longest > 0 and len(block := source.read(min(_BLOCK, longest))):
        longest -= len(block)
        yield block


def main() -> None:
    """Until the sound process closes the socket."""
    lead_session(NICENESS)
    rehearser = Rehearser()
    with socket.socket(fileno=os.dup(0)) as asking:
        while True:
            line, tapes, *_ = socket.recv_fds(asking, 1 << 16, 1)
            if not line:
                return
            try:
                answer = rehearser.heard(msgspec.json.decode(line, type=Asked), tapes[0])
            finally:
                for tape in tapes:
                    os.close(tape)
            asking.sendall(msgspec.json.encode(answer) + b"\n")


if __name__ == "__main__":
    main()

"""MIDI as a stream of samples, from any place in it.

A seek leaves the synthesizer as if the file had been played from the start: programs, controllers and bends are sent
again, and the last seconds before the place are rendered unheard, so that what sounds there has its right age.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kelly_tui.render.events import CONTROLLER, NOTE_OFF, NOTE_ON, SUSTAIN, Events
from kelly_tui.render.synth import BLOCK, Synth

LONGEST_LEAD = 4.0
"""Seconds that are rendered unheard before a seek's place, at most. Notes held for longer are struck at its start."""

SHORTEST_LEAD = 1.0
"""Seconds for released notes and reverb to have died down."""

Samples = np.ndarray[Any, np.dtype[np.float32]]


class MidiBlocks:
    """The sound of `events` by `synth`, block by block, from the start until `seek` says otherwise.

    Several may share a synth: it plays for the one that sought last.

    Messages take effect at the nearest boundary of 64 frames. `speed` scales time exactly: 2 is twice as fast.
    """

    def __init__(self, events: Events, synth: Synth, longest_lead: float = LONGEST_LEAD) -> None:
        self.events, self._longest_lead = events, longest_lead
        self._synth = synth
        self._origin, self._frame, self._speed = 0.0, 0, 1.0
        self._due: list[int] | None = None  # the frame of each message; None until a place was sought
        self._is_note = events.kind <= NOTE_ON
        self._messages = list(
            zip(events.kind.tolist(), events.channel.tolist(), events.first.tolist(), events.second.tolist())
        )

    @property
    def position(self) -> float:
        """Seconds of music before the next frame."""
        return self._origin + self._frame * self._speed / self._synth.rate

    def seek(self, seconds: float, speed: float = 1.0) -> None:
        """Go to `seconds`, to play on from there at `speed`."""
        self._synth.reset()
        self._speed = speed
        begin = self._lead(seconds)
        place = int(np.searchsorted(self.events.time, begin, side="left"))
        sounding = self._sounding(place, begin)
        before = [*np.flatnonzero(~self._is_note[:place]).tolist(), *(index for index, _ in sounding)]
        for index in sorted(before):  # a note is struck with the program of its time
            self._synth.send(*self._messages[index])
        for index, held in sounding:
            if not held:  # let go, but the pedal holds it
                _, channel, pitch, _ = self._messages[index]
                self._synth.send(NOTE_OFF, channel, pitch, 0)
        self._origin, self._frame, self._next = begin, 0, place
        due = np.rint((self.events.time - begin) / speed * self._synth.rate / BLOCK) * BLOCK
        self._due = np.maximum(due, 0).astype(np.int64).tolist()
        unheard = round((seconds - begin) / speed * self._synth.rate)
        while unheard > 0:
            unheard -= len(self.read(min(unheard, 1 << 14)))

    def read(self, frames: int) -> Samples:
        """The next `frames` frames, float32 of shape (frames, 2); after the last note, its tail, then silence."""
        if self._due is None:
            self.seek(0.0)
            assert self._due is not None
        out = np.empty((frames, 2), np.float32)
        address, frame_bytes = out.ctypes.data, out.strides[0]
        done, frame, coming = 0, self._frame, self._next
        due, messages, send, render_at = self._due, self._messages, self._synth.send, self._synth.render_at
        while True:
            while coming < len(due) and due[coming] <= frame:
                send(*messages[coming])
                coming += 1
            step = frames - done
            if coming < len(due):
                step = min(step, due[coming] - frame)
            if step <= 0:
                self._frame, self._next = frame, coming
                return out
            render_at(address + done * frame_bytes, step)
            frame += step
            done += step

    def _lead(self, seconds: float) -> float:
        """Where to begin, so that what sounds at `seconds` has been struck, if that is not too long ago."""
        place = int(np.searchsorted(self.events.time, seconds, side="left"))
        onsets = [self.events.time[index] for index, _ in self._sounding(place, seconds)]
        begin = min([seconds - SHORTEST_LEAD, *onsets])
        begin = max(begin, seconds - self._longest_lead, 0.0)
        blocks = int(begin * self._synth.rate / BLOCK)  # whole ones, as if rendered from the start
        return blocks * BLOCK / self._synth.rate

    def _sounding(self, place: int, seconds: float) -> list[tuple[int, bool]]:
        """Note-ons among the first `place` messages that sound on, and whether by their key or only by the pedal."""
        events = self.events
        key = events.channel[:place].astype(np.int64) * 128 + events.first[:place]
        last_on, last_off = np.full(2048, -1), np.full(2048, -1)
        on = np.flatnonzero(events.kind[:place] == NOTE_ON)
        off = np.flatnonzero(events.kind[:place] == NOTE_OFF)
        last_on[key[on]] = on  # of several the last stays
        last_off[key[off]] = off
        struck = last_on[last_on >= 0]
        released = last_off[key[struck]]
        held = released < struck
        pedal = self._pedal_since(place)[events.channel[struck]]
        rings = held | (events.time[np.maximum(released, 0)] >= pedal)
        order = np.argsort(struck[rings])
        return list(zip(struck[rings][order].tolist(), held[rings][order].tolist()))

    def _pedal_since(self, place: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        """For each channel since when the sustain pedal is down; infinity where it is up."""
        events = self.events
        since = np.full(16, np.inf)
        moved = np.flatnonzero((events.kind[:place] == CONTROLLER) & (events.first[:place] == SUSTAIN))
        for index in moved.tolist():
            channel = events.channel[index]
            if events.second[index] < 64:
                since[channel] = np.inf
            elif since[channel] == np.inf:
                since[channel] = events.time[index]
        return since

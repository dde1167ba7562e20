"""The transport: what plays, where, how fast, how loud. Knows no device and no process.

One thread gives commands and calls `fill`; the device's thread calls `take`. Between them lies a queue of rendered
blocks, each of which knows its place in the music, so that what is heard can always be named.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from threading import Lock
from typing import NamedTuple

import numpy as np

from kelly_tui.playback.source import Samples, Source
from kelly_tui.render.lens import Lens

SLOWEST, FASTEST = 0.5, 2.0
"""Bounds of the speed."""

AHEAD = 0.5
"""Seconds that are rendered ahead, so that a busy machine does not stutter."""

READY = 0.07
"""Seconds that are rendered before what sounds is cut off for them: where the machine is busy the next come late."""

BLOCK = 2048
"""Frames rendered at once: half as many cost FluidSynth 2 % more."""

FADE = 0.008
"""Seconds over which sound comes and goes at a cut, and one version changes into another, so that nothing clicks."""


class Span(NamedTuple):
    """A stretch of what was handed out: it starts `offset` frames into it, at `position` seconds of music."""

    offset: int
    frames: int
    position: float
    pace: float
    """Seconds of music a second of sound; 0 in silence."""


class _Block(NamedTuple):
    samples: Samples
    position: float
    step: float
    """Seconds of music a frame."""


class Transport:
    """Plays one `Source` at a time into whatever calls `take`, at `rate` frames a second."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.playing = False
        self.speed = 1.0
        self.volume = 1.0
        self.level = 0.0
        """Peak of what was last handed out, 0..1."""
        self.starved = 0
        """How often nothing was ready in time."""
        self.lens = Lens()
        """How MIDI is heard."""
        self.loop: tuple[float, float] | None = None
        """The seconds that are repeated."""
        self.gain = 1.0
        """By which the source is heard louder or softer than it is, to match another version of it."""
        self._gain = 1.0  # of the last frame that was rendered
        self._rise = _rise(rate)
        self._risen = len(self._rise)  # frames of it that were heard
        self._source: Source | None = None
        self._queue: deque[_Block] = deque()
        self._offset = 0  # frames of the first block that were taken
        self._queued = 0
        self._place = 0.0  # where an empty queue stands
        self._ended = True
        self._leaving: Samples = np.zeros((0, 2), np.float32)
        self._lock = Lock()

    @property
    def duration(self) -> float:
        return self._source.duration if self._source else 0.0

    @property
    def cursor(self) -> float:
        """Seconds of music before the next frame that will be handed out."""
        with self._lock:
            if self._queue:
                return self._queue[0].position + self._offset * self._queue[0].step
            return self._place

    def load(self, source: Source | None) -> None:
        """Put another source in place of the present one, at its start, not playing. Who opened it closes it."""
        self.pause()
        self._source, self.loop, self.lens = source, None, Lens()
        self.gain = self._gain = 1.0
        self._go(0.0)

    def set_rate(self, rate: int) -> None:
        """Be silent until the present source comes back by `switch`, at another rate."""
        here = self.cursor
        with self._lock:
            self.rate, self._rise, self._leaving = rate, _rise(rate), self._leaving[:0]
            self._source, self._queue, self._queued, self._offset, self._place = None, deque(), 0, 0, here
            self._ended = False

    def switch(self, source: Source, ratio: float, gain: float) -> None:
        """Go on with another version at the same musical place, `ratio` seconds of it for each of the present one's.

        It plays if that did, is crossfaded with it from the next frame on, and has its loop and its lens.
        """
        here = self.cursor * ratio
        self._source, self.gain, self._gain = source, gain, gain
        self.loop = (self.loop[0] * ratio, self.loop[1] * ratio) if self.loop else None
        self.lens = self.lens.stretched(ratio)
        source.see_through(self.lens)
        self.seek(here)

    def play(self) -> None:
        """Play on; from the start where it had ended."""
        if self._source is None:
            return
        if self._ended and not self._queue:
            self._go(self.loop[0] if self.loop else 0.0)
        with self._lock:
            if not self.playing:
                self._risen = 0
            self.playing = True

    def pause(self) -> None:
        with self._lock:
            self._leave()
            self.playing = False
            self.level = 0.0

    def stop(self) -> None:
        """Pause, and go back to the start."""
        self.pause()
        self._go(0.0)

    def seek(self, seconds: float) -> None:
        """Go to `seconds`, or the nearest place there is, playing or not."""
        self._go(min(max(seconds, 0.0), self.duration))

    def set_speed(self, ratio: float) -> None:
        """Play `ratio` times as fast, pitch kept, from the next frame on."""
        ratio = min(max(ratio, SLOWEST), FASTEST)
        if ratio != self.speed:
            self.speed = ratio
            self._go(self.cursor)

    def set_loop(self, region: tuple[float, float] | None) -> None:
        """Repeat the seconds from `region`'s start to its end, or no longer."""
        here = self.cursor
        self.loop = region if region and region[1] - region[0] >= 0.05 else None
        if self.loop and not self.loop[0] <= here < self.loop[1]:
            here = self.loop[0]
        self._go(here)

    def set_lens(self, lens: Lens) -> None:
        """Hear MIDI otherwise than it is written, from the next frame on."""
        if self._source is not None and lens != self.lens:
            self.lens = lens
            self._source.see_through(lens)
            self._go(self.cursor)

    def fill(self) -> bool:
        """Render one more block if too little lies ready. False when there is nothing to do."""
        if self._source is None or self._ended or self._queued >= AHEAD * self.rate:
            return False
        block = self._rendered()
        if block is None:
            return False
        with self._lock:
            self._queue.append(block)
            self._queued += len(block.samples)
        return True

    def take(self, out: Samples) -> list[Span]:
        """Fill `out`, shape (frames, 2), with what comes next or silence, and say where in the music that is."""
        with self._lock:
            spans = self._taken(out) if self.playing else []
            done = sum(span.frames for span in spans)
            out[done:] = 0.0
            if self._risen < len(self._rise) and done:
                n = min(done, len(self._rise) - self._risen)
                out[:n] *= self._rise[self._risen : self._risen + n]
                self._risen += n
            if len(self._leaving):
                n = min(len(out), len(self._leaving))
                out[:n] += self._leaving[:n]
                self._leaving = self._leaving[n:]
            if done < len(out):
                if self.playing and self._ended:
                    self.playing = False
                elif self.playing and self._source is not None:
                    self.starved += 1
                at = self._queue[0].position + self._offset * self._queue[0].step if self._queue else self._place
                spans.append(Span(done, len(out) - done, at, 0.0))
            if self.volume != 1.0:
                out *= self.volume
            self.level = max(float(out.max()), -float(out.min()))
        return spans

    def _taken(self, out: Samples) -> list[Span]:
        spans, done = [], 0
        while done < len(out) and self._queue:
            block = self._queue[0]
            n = min(len(out) - done, len(block.samples) - self._offset)
            out[done : done + n] = block.samples[self._offset : self._offset + n]
            spans.append(Span(done, n, block.position + self._offset * block.step, block.step * self.rate))
            done += n
            self._offset += n
            self._queued -= n
            if self._offset == len(block.samples):
                self._place = block.position + self._offset * block.step
                self._queue.popleft()
                self._offset = 0
        return spans

    def _go(self, seconds: float) -> None:
        """Have `seconds` come next. Its first blocks are rendered before the present ones are thrown away."""
        coming: list[_Block] = []
        queued = 0
        self._ended = self._source is None
        if self._source is not None:
            self._source.seek(seconds, self.speed)
        while not self._ended and queued < READY * self.rate and (block := self._rendered()) is not None:
            coming.append(block)
            queued += len(block.samples)
        with self._lock:
            self._leave()
            self._risen = 0
            self._queue, self._queued = deque(coming), queued
            self._offset = 0
            self._place = seconds

    def _rendered(self) -> _Block | None:
        """The next block of the source, looped; None, and ended, when there is no more."""
        source = self._source
        assert source is not None
        step = self.speed / self.rate
        frames = BLOCK
        if self.loop:
            left = round((self.loop[1] - source.position) / step)
            if left <= 0:
                source.seek(self.loop[0], self.speed)
                left = round((self.loop[1] - self.loop[0]) / step)
            frames = min(frames, left)
        position = source.position
        samples = source.read(frames)
        if self.gain != 1.0 or self._gain != 1.0:
            samples = samples * np.linspace(self._gain, self.gain, len(samples), dtype=np.float32)[:, None]
            self._gain = self.gain
        if self.loop and len(samples) < frames:  # the region ends after the music
            source.seek(self.loop[0], self.speed)
        elif len(samples) < frames:
            self._ended = True
        return _Block(samples, position, step) if len(samples) else None

    def _leave(self) -> None:
        """Let what is about to be cut off fade out. Called with the lock held."""
        if not self.playing or not self._risen or not self._queue:
            return
        coming = [self._queue[0].samples[self._offset :], *(block.samples for block in islice(self._queue, 1, 2))]
        tail = np.concatenate(coming)[: len(self._rise)]
        rise = self._rise[self._risen : self._risen + len(tail)]
        tail[: len(rise)] *= rise  # it had not come to its height yet
        tail *= self._rise[::-1][: len(tail)] if len(tail) == len(self._rise) else np.linspace(1, 0, len(tail))[:, None]
        n = min(len(tail), len(self._leaving))
        tail[:n] += self._leaving[:n]
        self._leaving = tail


def _rise(rate: int) -> Samples:
    """Half a Hann window of `FADE` seconds, shape (n, 1): with its mirror image it adds up to one."""
    frames = round(FADE * rate)
    steps = (np.arange(frames)[:, None] + 0.5) / frames
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * steps), np.float32)

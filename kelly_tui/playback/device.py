"""The device that is in use: opened, minded while it plays, lost and found again."""

from __future__ import annotations

import time
from collections.abc import Callable

from kelly_tui.errors import KellyError, SoundError
from kelly_tui.playback.output import LATENCY, Output, crash, forget_devices
from kelly_tui.playback.source import Samples
from kelly_tui.playback.transport import Span, Transport

RATE_WITHOUT_DEVICE = 44_100

REST_AFTER = 300.0
"""Seconds without music after which the device may sleep: who thinks for a minute wants to hear the next at once."""

BUSY, WITHIN = 3, 30.0
"""After so many underruns in so many seconds the device is opened anew with twice the latency: a machine that is so
busy would go on stuttering."""

LONGEST_LATENCY = 0.16
"""Seconds."""

LOOK_EVERY = 2.0
"""Seconds between two looks for a device that was lost."""

LOOK_FOR = 600.0
"""Seconds after which it is only looked for when one plays: each look costs a tenth of a second of one core."""


class Device:
    """At most one open output; `trouble` says why there is none."""

    def __init__(self, name: str | None) -> None:
        """`name` None: to look for one would end the process, so none is looked for until one is chosen."""
        self._name = name
        self._latency = LATENCY
        self._underruns = 0
        self._counted: tuple[float, int] = (0.0, 0)  # when underruns began to be counted, and how many there were
        self._quiet_since = self._lost_at = self._looked_at = time.monotonic()
        self._was_lost = False
        self.was_playing = False
        """Whether something played when the device went, which goes on when it comes back."""
        self.output: Output | None = None
        self.trouble = ""
        self._open()
        self.rate = self.output.rate if self.output else RATE_WITHOUT_DEVICE

    @property
    def underruns(self) -> int:
        """How often it ran dry, all outputs together."""
        return self._underruns + (self.output.underruns if self.output else 0)

    def choose(self, name: str) -> None:
        """Use the device of that name, or the system's choice; where it can't be had, none, and `trouble` says so."""
        self._name = name
        self.look()

    def look(self) -> bool:
        """Give up what is open and look for the wanted device afresh; whether there is one."""
        self._give_up()
        self._looked_at = time.monotonic()
        if self._name is None:
            return False
        try:
            forget_devices()
        except KellyError as error:
            self.trouble = f"no sound: {error}"
            return False
        self._open()
        return self.output is not None

    def run(self, take: Callable[[Samples], list[Span]], marked: Callable[[float, float, float, float], None]) -> bool:
        """Have it call for samples; False where it can't."""
        if self.output is None:
            return False
        try:
            self.output.start(take, marked)
        except SoundError as error:
            self._lose(str(error))
            return False
        return True

    def mind(self, transport: Transport) -> bool:
        """Let it sleep when nothing plays, see that it runs when something does; whether another is in place now."""
        now, output = time.monotonic(), self.output
        if output is None:
            return self._was_lost and now - self._looked_at > LOOK_EVERY and self._found_again(now, transport)
        if not transport.playing and not output.gone:
            if output.active and now - self._quiet_since > REST_AFTER:
                output.rest()
            return False
        self._quiet_since = now
        why = ""
        if output.gone:
            why = "the device is gone"
        elif self._stutters(now):
            self._latency *= 2
            self._give_up()
            self._open()
            if self.output is not None:
                return True
            why = "the device can't be opened again"
        else:
            try:
                output.unstall()
            except SoundError as error:
                why = str(error)
        if why:
            self._lose(why)
            self.was_playing = transport.playing
            transport.pause()
        return False

    def _stutters(self, now: float) -> bool:
        since, before = self._counted
        if now - since > WITHIN:
            self._counted = (now, self.underruns)
            return False
        if self.underruns - before < BUSY or self._latency >= LONGEST_LATENCY:
            return False
        self._counted = (now, self.underruns)
        return True

    def close(self) -> None:
        self._give_up()

    def _found_again(self, now: float, transport: Transport) -> bool:
        self._was_lost = now - self._lost_at < LOOK_FOR
        if not self.look():
            return False
        if self.was_playing:
            transport.play()
        return True

    def _open(self) -> None:
        try:
            if self._name is None:
                raise crash()
            self.output = Output(self._name, self._latency)
        except KellyError as error:
            self.trouble = f"no sound: {error}"
            return
        self.rate, self.trouble = self.output.rate, ""
        self._was_lost = False

    def _lose(self, why: str) -> None:
        self._give_up()
        self._was_lost, self.was_playing = True, False
        self._lost_at = self._looked_at = time.monotonic()
        self.trouble = f"no sound: {why}"

    def _give_up(self) -> None:
        if self.output is not None:
            self._underruns += self.output.underruns
            self.output.close()
            self.output = None

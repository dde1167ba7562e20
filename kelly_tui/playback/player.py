"""What the sound process does with commands: opens files, minds the device, keeps the board."""

from __future__ import annotations

import time
from pathlib import Path

from kelly_tui import paths
from kelly_tui.errors import FileRefused, KellyError, SoundError
from kelly_tui.playback.audio_source import AudioSource
from kelly_tui.playback.midi_source import MidiSource
from kelly_tui.playback.output import Output, forget_devices
from kelly_tui.playback.source import Source, is_midi
from kelly_tui.playback.state import Board
from kelly_tui.playback.transport import Transport
from kelly_tui.render.synth import Synth

RATE_WITHOUT_DEVICE = 44_100

REST_AFTER = 30.0
"""Seconds without music after which the device may sleep."""


class Player:
    """Commands are its methods of the same names as `Engine`'s; `work` is called again and again between them."""

    def __init__(self, board: Board, soundfont: str, volume: float) -> None:
        self._board = board
        self._soundfont = soundfont
        self._path: Path | None = None
        self._synth: Synth | None = None
        self._refused = ""
        self._no_sound = ""
        self._output = self._opened_output()
        self._transport = Transport(self._output.rate if self._output else RATE_WITHOUT_DEVICE)
        self._transport.volume = volume
        self._quiet_since = time.monotonic()

    def load(self, token: int, path: str, position: float = 0.0) -> None:
        """Put a file in place at `position` seconds. `token` tells the app which of its requests was carried out."""
        self._path = Path(path)
        self._place_file(position)
        if self._output is not None:
            self._run_device()  # so that play has nothing to wait for
        self._report()  # first, so that who sees the token sees this file's message
        self._board.begin(token, self._transport.cursor, self._transport.duration)

    def play(self) -> None:
        if self._output is None:
            self._look_for_device()
        self._run_device()
        if self._output is not None:
            self._transport.play()

    def pause(self) -> None:
        self._transport.pause()

    def toggle(self) -> None:
        if self._transport.playing:
            self.pause()
        else:
            self.play()

    def stop(self) -> None:
        self._transport.stop()

    def seek(self, seconds: float) -> None:
        self._transport.seek(seconds)

    def seek_by(self, seconds: float) -> None:
        self._transport.seek(self._transport.cursor + seconds)

    def set_speed(self, ratio: float) -> None:
        self._transport.set_speed(ratio)

    def set_volume(self, volume: float) -> None:
        self._transport.volume = min(max(volume, 0.0), 1.0)

    def set_loop(self, region: tuple[float, float] | None) -> None:
        self._transport.set_loop(region)

    def set_transpose(self, semitones: int) -> None:
        self._transport.set_transpose(semitones)

    def work(self) -> bool:
        """Render a little ahead and bring the board up to date. False when there is nothing more to do just now."""
        busy = self._transport.fill()
        self._mind_device()
        self._report()
        return busy

    def close(self) -> None:
        self._transport.load(None)
        if self._output is not None:
            self._output.close()

    def _place_file(self, position: float) -> None:
        self._transport.load(None)
        self._refused = ""
        try:
            self._transport.load(self._source(self._path) if self._path else None)
        except KellyError as error:
            self._refused = str(error)
        if position:
            self._transport.seek(position)

    def _source(self, path: Path) -> Source:
        try:
            if not is_midi(path):
                return AudioSource(path, self._transport.rate)
        except OSError as error:
            raise FileRefused(f"can't be read ({error.strerror})", path=path) from None
        if self._synth is None or self._synth.rate != self._transport.rate:
            self._synth = Synth(paths.soundfont(self._soundfont), self._transport.rate)
        return MidiSource(path, self._synth)

    def _opened_output(self) -> Output | None:
        """The default device; None, and the reason kept, where there is none."""
        try:
            output = Output()
        except KellyError as error:
            self._no_sound = f"no sound: {error}"
            return None
        self._no_sound = ""
        return output

    def _look_for_device(self) -> None:
        """One may have been plugged in since."""
        try:
            forget_devices()
        except KellyError as error:
            self._no_sound = f"no sound: {error}"
            return
        self._output = self._opened_output()
        if self._output is not None and self._output.rate != self._transport.rate:
            old, self._transport = self._transport, Transport(self._output.rate)
            self._transport.volume, self._transport.speed = old.volume, old.speed
            self._place_file(old.cursor)
            self._transport.set_transpose(old.semitones)
            self._transport.set_loop(old.loop)

    def _run_device(self) -> None:
        """Have the device call for samples; where it can't, give it up and say so."""
        if self._output is None:
            return
        try:
            self._output.start(self._transport.take, self._board.mark)
        except SoundError as error:
            self._lose_device(str(error))

    def _lose_device(self, why: str) -> None:
        assert self._output is not None
        self._output.close()
        self._output = None
        self._no_sound = f"no sound: {why}"
        self._transport.pause()

    def _mind_device(self) -> None:
        now = time.monotonic()
        if self._transport.playing:
            self._quiet_since = now
            if self._output is not None:
                self._keep_running(self._output)
        elif self._output is not None and self._output.active and now - self._quiet_since > REST_AFTER:
            self._output.rest()

    def _keep_running(self, output: Output) -> None:
        if not output.active:
            self._lose_device("the device is gone")
            return
        try:
            output.unstall()
        except SoundError as error:
            self._lose_device(str(error))

    def _report(self) -> None:
        memory, transport, output = self._board.memory, self._transport, self._output
        memory.heartbeat = now = time.monotonic()
        if output is None or not output.active:  # else the device's thread keeps the clock
            self._board.mark(now, transport.cursor, 0.0, 0.0)
        memory.playing, memory.level, memory.speed = transport.playing, transport.level, transport.speed
        memory.semitones = transport.semitones
        memory.loop_start, memory.loop_end = transport.loop or (0.0, 0.0)
        memory.underruns = transport.starved + (output.underruns if output else 0)
        memory.latency = output.latency if output else 0.0
        self._board.message = self._refused or self._no_sound

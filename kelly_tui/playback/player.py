"""What the sound process does with commands: opens files, minds the device, keeps the board."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from kelly_tui.errors import KellyError
from kelly_tui.playback.accompanied import Accompanied
from kelly_tui.playback.audio_source import AudioSource
from kelly_tui.playback.device import Device
from kelly_tui.playback.loudness import matching_gain
from kelly_tui.playback.midi_source import MidiSource
from kelly_tui.playback.rehearsal import Rehearsal
from kelly_tui.playback.shelf import Shelf
from kelly_tui.playback.source import Source, is_midi
from kelly_tui.playback.state import Board
from kelly_tui.playback.synths import Synths
from kelly_tui.playback.transport import Transport
from kelly_tui.render.companion import Companion
from kelly_tui.render.lens import Lens


class Player:
    """Commands are its methods of the same names as `Engine`'s; `work` is called again and again between them."""

    def __init__(self, board: Board, soundfont: str, volume: float, device: str | None) -> None:
        self._board = board
        self.rehearsal = Rehearsal()
        self._synths = Synths(soundfont, board)
        board.memory.looking = True  # should the process die of it, the app knows why
        self._device = Device(device)
        board.memory.looking = False
        self._transport = Transport(self._device.rate)
        self._transport.volume = volume
        self.shelf = Shelf(self._opened)
        self._path: Path | None = None
        self._source: Source | None = None
        self._coming: Path | None = None
        self._position = 0.0
        self._ratio: float | None = None
        self._token = 0
        self._move = 0
        self._kin: list[Path] = []
        self._next: list[Path] = []
        self._first: Path | None = None
        self._companion = Companion()
        self._refused = ""

    # -- commands ------------------------------------------------------------------------------------------------------

    def load(self, token: int, path: str, position: float, move: int) -> None:
        """Put a file in place at `position` seconds. The numbers tell the app which request was carried out."""
        self._transport.load(None)
        self._device.was_playing = False  # another file waits for who wants to hear it
        self._put_away()
        self._first, self._kin, self._companion = Path(path), [], Companion()
        self._await(token, Path(path), position, None, move)
        if self._device.output is not None:
            self._run_device()  # so that play has nothing to wait for

    def switch(self, token: int, path: str, ratio: float, move: int) -> None:
        """Another version goes on at the same musical place: see `Transport.switch`."""
        self._await(token, Path(path), self._transport.cursor * ratio, ratio, move)

    def prepare(self, paths: list[str]) -> None:
        """Have these open: they will be asked for next."""
        self._next = [Path(path) for path in paths]
        self._want()

    def set_decks(self, paths: list[str]) -> None:
        """Have these versions of what is in place ready to switch to, and as loud as it."""
        first = [self._first] if self._first is not None else []  # which the others are to be as loud as
        self._kin = list(dict.fromkeys([*first, *map(Path, paths)]))
        self._want()
        self._rehearse()

    def play(self) -> None:
        if self._device.output is None and self._device.look():
            self._changed_device()
        self._run_device()
        if self._device.output is not None:
            self._transport.play()

    def pause(self) -> None:
        self._transport.pause()

    def toggle(self) -> None:
        if self._transport.playing:
            self.pause()
        else:
            self.play()

    def stop(self, move: int) -> None:
        self._transport.stop()
        self._move = move

    def seek(self, seconds: float, move: int) -> None:
        self._transport.seek(seconds)
        self._move = move

    def set_speed(self, ratio: float) -> None:
        self._transport.set_speed(ratio)

    def set_volume(self, volume: float) -> None:
        self._transport.volume = min(max(volume, 0.0), 1.0)

    def set_loop(self, region: tuple[float, float] | None) -> None:
        self._transport.set_loop(region)

    def set_lens(self, lens: Lens) -> None:
        self._transport.set_lens(lens)

    def set_companion(self, companion: Companion) -> None:
        """Play that beside the music, until the next file."""
        self._companion = companion
        if self._source is not None:
            self._transport.switch(self._accompanied(self._source), 1.0, self._transport.gain)

    def set_device(self, name: str) -> None:
        """Play on that device from now on; empty means the system's choice."""
        self._device.choose(name)
        self._changed_device()

    def set_soundfont(self, path: str) -> None:
        """Play MIDI with another SoundFont as soon as it is loaded; until then the present one plays on."""
        self._synths.choose(path)
        self._reopen()

    # -- between commands ----------------------------------------------------------------------------------------------

    @property
    def opening(self) -> bool:
        """Whether a file is awaited that is not open yet: what is asked of it has to wait."""
        return self._coming is not None

    def work(self) -> bool:
        """Render a little ahead and bring the board up to date. False when there is nothing more to do just now."""
        self._arrive()
        if self._synths.second_is_new:
            self._synths.second_is_new = False
            self.set_companion(self._companion)
        busy = self._transport.fill()
        if self._device.mind(self._transport):
            self._changed_device()
        self.report()
        return busy

    @property
    def ears(self) -> list[Any]:
        """What `heed` is to be called for when it can be read from."""
        return [self.shelf, self.rehearsal] if self.rehearsal.fileno() >= 0 else [self.shelf]

    def heed(self, ear: Any) -> None:
        """A file was opened, or the child has heard one out."""
        if ear is self.shelf:
            self.shelf.heed()
            return
        for path in self.rehearsal.heed():
            if path == self._path and isinstance(self._source, MidiSource):
                self._source.tape = self.rehearsal.tape(path)
        self._match()

    def report(self) -> None:
        """Bring the board up to date."""
        memory, transport, output = self._board.memory, self._transport, self._device.output
        now = time.monotonic()
        if output is None or not output.active:  # else the device's thread keeps the clock
            self._board.mark(now, transport.cursor, 0.0, 0.0)
        memory.playing, memory.level, memory.speed = transport.playing, transport.level, transport.speed
        memory.semitones = transport.lens.semitones
        memory.loop_start, memory.loop_end = transport.loop or (0.0, 0.0)
        memory.underruns = transport.starved + self._device.underruns
        memory.latency = output.latency if output else 0.0
        memory.matched = self._is_matched()
        memory.cursor = transport.cursor
        memory.move = self._move  # after the cursor: who sees it reads that
        self._board.message = self._refused or self._device.trouble or self._synths.trouble

    def close(self) -> None:
        self.rehearsal.close()
        self._transport.load(None)
        self._device.close()

    # -- files ---------------------------------------------------------------------------------------------------------

    def _opened(self, path: Path) -> Source:
        """Runs in the shelf's thread."""
        if is_midi(path):
            return MidiSource(path, self._synths.synth(self._transport.rate))
        return AudioSource(path, self._transport.rate)

    def _await(self, token: int, path: Path, position: float, ratio: float | None, move: int) -> None:
        self._token, self._coming, self._position, self._ratio, self._move = token, path, position, ratio, move
        self._board.memory.opening = time.monotonic()
        self._want()
        self._arrive()

    def _want(self) -> None:
        asked = [*([self._coming] if self._coming else []), *self._kin, *self._next]
        self.shelf.want(path for path in asked if path != self._path or path == self._coming)

    def _arrive(self) -> None:
        """Put what was awaited in place, if it is open by now."""
        path = self._coming
        if path is None or (found := self.shelf.take(path)) is None:
            return
        former, old = self._path, self._source
        self._source = None
        self._path, self._coming, self._refused = path, None, ""
        self._board.memory.opening = 0.0
        if isinstance(found, KellyError):
            self._transport.load(None)
            self._refused = str(found)
        else:
            if isinstance(found, MidiSource):
                found.tape = self.rehearsal.tape(path)
            self._place(found, path)
            self._source = found
        self._want()
        if former is not None and old is not None:
            self.shelf.put(former, old)
        self.report()  # first, so that who sees the token sees this file's message
        self._board.begin(self._token, self._transport.cursor, self._transport.duration, self._ratio)

    def _place(self, source: Source, path: Path) -> None:
        self._companion = self._companion.stretched(self._ratio or 1.0)
        heard = self._accompanied(source)
        if self._ratio is None:
            self._transport.load(heard)
            if self._position:
                self._transport.seek(self._position)
        else:
            self._transport.switch(heard, self._ratio, self._gain(path))

    def _accompanied(self, source: Source) -> Source:
        if self._companion == Companion() or (synth := self._synths.second(self._transport.rate)) is None:
            return source
        return Accompanied(source, self._companion, synth)

    def _put_away(self) -> None:
        path, source = self._path, self._source
        self._path = self._source = None
        if path is not None and source is not None:
            self.shelf.put(path, source)

    def _reopen(self) -> None:
        """Open everything again, what is heard too, which sounds on meanwhile."""
        self.shelf.clear()
        self.rehearsal.forget()
        self._source = None  # of the rate and the SoundFont there were: never to be kept for later
        if self._path is not None and self._coming is None:
            self._await(self._token, self._path, self._transport.cursor, 1.0, self._move)
        self._rehearse()

    # -- versions that are compared ------------------------------------------------------------------------------------

    def _rehearse(self) -> None:
        self.rehearsal.want(self._kin, self._transport.rate, self._synths.path)
        self._match()

    def _gain(self, path: Path) -> float:
        if self._first is None or len(self._kin) < 2:
            return 1.0
        return matching_gain(self.rehearsal.found, self._first, self._kin, path)

    def _match(self) -> None:
        if self._path is not None:
            self._transport.gain = self._gain(self._path)

    def _is_matched(self) -> bool:
        return len(self._kin) > 1 and all(path in self.rehearsal.found for path in self._kin)

    # -- the device ----------------------------------------------------------------------------------------------------

    def _run_device(self) -> None:
        if not self._device.run(self._transport.take, self._board.mark):
            self._transport.pause()

    def _changed_device(self) -> None:
        """Another device, or none, is in place: what is heard goes on there."""
        if self._device.rate != self._transport.rate:
            self._transport.set_rate(self._device.rate)
            self._reopen()
        if self._transport.playing:
            self._run_device()

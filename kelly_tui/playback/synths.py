"""The synthesizer that MIDI is heard on: made where nothing waits for it, made again for another SoundFont or rate."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Lock

from kelly_tui import paths
from kelly_tui.errors import KellyError
from kelly_tui.playback.state import Board
from kelly_tui.render.synth import Synth


class Synths:
    """One at a time; those before it are freed with the last source that plays on them."""

    def __init__(self, soundfont: str, board: Board) -> None:
        self.trouble = ""
        """Why the chosen SoundFont is not the one that is heard; empty when it is."""
        self._chosen, self._board = soundfont, board
        self._synth: Synth | None = None
        self._made_for: tuple[str, int] | None = None
        self._heard = ""  # the SoundFont of the one that plays: the chosen one, unless that can't be loaded
        self._second: Synth | None = None
        self._second_for: tuple[str, int] | None = None
        self._making = Lock()

    @property
    def path(self) -> Path | None:
        """The SoundFont that is heard, or will be; None where there is none."""
        with suppress(KellyError):
            return paths.soundfont(self._chosen)
        return None

    def choose(self, soundfont: str) -> None:
        """From the next `synth` on; empty means `paths.soundfont`'s choice."""
        self._chosen = soundfont

    def second(self, rate: int) -> Synth | None:
        """One for what is played beside the music, with the SoundFont that is heard: its samples are in memory already.

        None where none can be loaded, and `trouble` says why: the music plays on.
        """
        heard = self._heard if self._synth is not None else self._chosen
        if self._second is None or self._second_for != (heard, rate):
            try:
                self._second, self._second_for = self._loaded(heard, rate), (heard, rate)
            except KellyError as error:
                self.trouble = str(error)
                return None
            if self._synth is None:
                self.trouble = ""
        return self._second

    def synth(self, rate: int) -> Synth:
        """The one that plays; loading may take seconds. Raises `SoundError`, `LibraryMissing`.

        Where another SoundFont can't be loaded, the one before plays on and `trouble` says why.
        """
        with self._making:
            wanted, before = (self._chosen, rate), self._synth
            if before is not None and self._made_for == wanted:
                return before
            try:
                self._synth, self._heard, self.trouble = self._loaded(wanted[0], rate), wanted[0], ""
            except KellyError as error:
                if before is None or before.rate != rate:
                    raise
                self.trouble = str(error)
            self._made_for = wanted
            assert self._synth is not None
            return self._synth

    def _loaded(self, chosen: str, rate: int) -> Synth:
        self._board.memory.loading = True  # should the process die of it, the app knows why
        try:
            return Synth(paths.soundfont(chosen), rate)
        finally:
            self._board.memory.loading = False

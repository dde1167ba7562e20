"""The synthesizers that are heard: made where nothing waits for them, made again for another SoundFont or rate."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from kelly_tui import paths
from kelly_tui.errors import KellyError
from kelly_tui.playback.allowance import allowance
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
        self.second_is_new = False
        """Whether `second` says something else than it last did."""
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
        """One for what is played beside the music, with the SoundFont that is heard, as soon as that is loaded.

        Until then, and where it can't be loaded, the one before; None where there is none: the music plays on.
        """
        wanted = (self._heard if self._synth is not None else self._chosen, rate)
        if self._second_for != wanted:
            self._second_for = wanted
            Thread(target=self._make_second, args=wanted, name="second synth", daemon=True).start()
        return self._second if self._second is not None and self._second.rate == rate else None

    def _make_second(self, soundfont: str, rate: int) -> None:
        with self._making:
            if self._second_for != (soundfont, rate):
                return  # another is wanted by now
            try:
                self._second, self.second_is_new = self._loaded(soundfont, rate), True
            except KellyError as error:
                self.trouble = str(error)
            else:
                if self._synth is None:
                    self.trouble = ""

    def synth(self, rate: int) -> Synth:
        """The one that plays; loading may take seconds. Raises `SoundError`, `LibraryMissing`.

        Where another SoundFont can't be loaded, the one before plays on and `trouble` says why.
        """
        if self._synth is not None and self._made_for == (self._chosen, rate):
            return self._synth  # at once, whatever else is being loaded
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
            soundfont = paths.soundfont(chosen)
            with allowance(soundfont):
                return Synth(soundfont, rate)
        finally:
            self._board.memory.loading = False

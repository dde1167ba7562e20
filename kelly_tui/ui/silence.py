"""What the app asks of the sound, and what stands in for it until its process is there, or where none is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from kelly_tui.render.companion import Companion
    from kelly_tui.render.lens import Lens


class SoundState(Protocol):
    """What can be known of the sound at any moment: `kelly_tui.playback.PlaybackState`."""

    @property
    def position(self) -> float:
        """Of the playhead, seconds."""
        ...

    @property
    def goal(self) -> float:
        """Where the playhead will be once all was carried out that was asked, seconds."""
        ...

    @property
    def duration(self) -> float:
        """Of what is loaded, seconds; 0 until known."""
        ...

    @property
    def playing(self) -> bool: ...

    @property
    def speed(self) -> float: ...

    @property
    def semitones(self) -> int:
        """How much higher MIDI is heard than it is written."""
        ...

    @property
    def loop(self) -> tuple[float, float] | None:
        """The seconds that are repeated."""
        ...

    @property
    def matched(self) -> bool:
        """Whether the versions that `Sound.set_decks` named are all ready, and heard equally loud."""
        ...

    @property
    def underruns(self) -> int:
        """How often the device ran dry."""
        ...

    @property
    def message(self) -> str:
        """Why there is no sound; empty when there is."""
        ...


class Sound(Protocol):
    """The app's side of `kelly_tui.playback.Engine`: every call returns at once."""

    @property
    def state(self) -> SoundState: ...
    def start(self) -> None: ...
    def load(self, path: Path) -> None: ...
    def switch(self, path: Path, ratio: float = 1.0) -> None: ...
    def set_decks(self, paths: Sequence[Path]) -> None: ...
    def prepare(self, paths: Sequence[Path]) -> None: ...
    def play(self) -> None: ...
    def toggle(self) -> None: ...
    def stop(self) -> None: ...
    def seek(self, seconds: float) -> None: ...
    def seek_by(self, seconds: float) -> None: ...
    def set_speed(self, ratio: float) -> None: ...
    def set_volume(self, volume: float) -> None: ...
    def set_loop(self, region: tuple[float, float] | None) -> None: ...
    def set_transpose(self, semitones: int) -> None: ...
    def set_lens(self, lens: Lens) -> None: ...
    def set_companion(self, companion: Companion) -> None: ...
    def set_soundfont(self, path: str) -> None: ...
    def set_device(self, name: str) -> None: ...
    def close(self) -> None: ...


class Still(NamedTuple):
    """The state of silence."""

    position: float = 0.0
    goal: float = 0.0
    duration: float = 0.0
    playing: bool = False
    speed: float = 1.0
    semitones: int = 0
    loop: tuple[float, float] | None = None
    matched: bool = False
    underruns: int = 0
    message: str = ""


class Silence:
    """A `Sound` that makes none."""

    state = Still()
    wanted = False
    """Whether what is loaded would be heard, if there were a sound: what a key asked before its process was there."""

    def start(self) -> None:
        """Nothing to start."""

    def load(self, path: Path) -> None:
        """Nothing to load."""
        self.wanted = False

    def switch(self, path: Path, ratio: float = 1.0) -> None:
        """Nothing to hear."""

    def set_decks(self, paths: Sequence[Path]) -> None:
        """Nothing to compare."""

    def prepare(self, paths: Sequence[Path]) -> None:
        """Nothing to open."""

    def play(self) -> None:
        """Nothing to hear yet."""
        self.wanted = True

    def toggle(self) -> None:
        """Nothing to hear yet."""
        self.wanted = not self.wanted

    def stop(self) -> None:
        """Nothing to hear."""
        self.wanted = False

    def seek(self, seconds: float) -> None:
        """Nowhere to go."""

    def seek_by(self, seconds: float) -> None:
        """Nowhere to go."""

    def set_speed(self, ratio: float) -> None:
        """Nothing to hear."""

    def set_volume(self, volume: float) -> None:
        """Nothing to hear."""

    def set_loop(self, region: tuple[float, float] | None) -> None:
        """Nothing to repeat."""

    def set_transpose(self, semitones: int) -> None:
        """Nothing to hear."""

    def set_lens(self, lens: Lens) -> None:
        """Nothing to hear."""

    def set_companion(self, companion: Companion) -> None:
        """Nothing to hear."""

    def set_device(self, name: str) -> None:
        """Nothing to hear."""

    def set_soundfont(self, path: str) -> None:
        """Nothing to hear."""

    def close(self) -> None:
        """Nothing to end."""

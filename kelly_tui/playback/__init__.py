"""Sound in a process of its own: the app holds an `Engine` and reads its `PlaybackState`."""

from kelly_tui.playback.engine import Engine
from kelly_tui.playback.state import PlaybackState

__all__ = ["Engine", "PlaybackState"]

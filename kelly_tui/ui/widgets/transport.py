"""The line above the music: what is loaded, where the playhead is, or why there is no sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from kelly_tui.text import count
from kelly_tui.ui.paint import Line, Span, clickable, fit, length
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.words import clock

if TYPE_CHECKING:
    from kelly_tui.ui.silence import SoundState


class Transport(Painted):
    """Play or pause, position of duration, the file, the speed, what the sound process says."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[object, ...] = ()
        self._line: tuple[str, SoundState | None, float, bool, str] = ("", None, 0.0, True, "")

    def show(self, name: str, state: SoundState | None, duration: float, *, autoplay: bool, through: str = "") -> None:
        """`duration` in seconds is what the catalogue knows; the sound process may know better.

        `through`: what is heard otherwise than it is, in words.
        """
        key = (name, duration, autoplay, through) + (
            (
                int(state.position * 10),
                state.duration,
                state.playing,
                state.speed,
                state.message,
                state.semitones,
                state.loop,
                state.underruns,
            )
            if state
            else ()
        )
        if key != self._shown:
            self._shown = key
            self._line = (name, state, duration, autoplay, through)
            self.repaint()

    def paint(self, width: int, height: int) -> list[Line]:
        name, state, duration, autoplay, through = self._line
        if not name:
            return []
        playing = state is not None and state.playing
        position = state.position if state else 0.0
        whole = (state.duration if state else 0.0) or duration
        right: list[Span] = []
        if state is not None and abs(state.speed - 1) > 0.005:
            right.append((f"  ×{state.speed:.2f}", "accent"))
        if state is not None and state.semitones:
            right.append((f"  {state.semitones:+d} st", "accent"))
        if state is not None and state.loop is not None:
            right.append((f"  loop {clock(state.loop[0])}-{clock(state.loop[1])}", "accent"))
        if through:
            right.append((f"  {through}", "accent"))
        if state is not None and state.underruns:
            right.append((f"  {count(state.underruns, 'dropout')}", "dim"))
        if not autoplay:
            right.append(("  autoplay off", "dim"))
        left: list[Span] = [
            clickable((" ▶ " if playing else " ‖ ", "accent" if playing else "dim"), "play"),
            (clock(position, tenths=True), "strong" if playing else "text"),
            (f" / {clock(whole)}   ", "dim"),
        ]
        if state is not None and state.message:
            spare = width - length(left) - length(right) - cell_len(name) - 4
            short = state.message.partition(":")[0]
            right.insert(0, (f"  {state.message if len(state.message) <= spare else short}", "dim"))
        room = width - length(left) - length(right) - 1
        return [[*left, (fit(name, room), "text"), *right]]

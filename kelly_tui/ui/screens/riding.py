"""The part of the workstation that rides along: the point on the pad is moved while the music plays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from kelly_tui.errors import LabelError
from kelly_tui.model.ride import SHORTEST, ridden
from kelly_tui.ui import edits
from kelly_tui.ui.screens.affect_pad import AffectPad
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.pad import Point

if TYPE_CHECKING:
    from textual.timer import Timer

LOOK = 0.1
"""Seconds between two looks at whether the music has ended."""

NEAR_END = 0.3
"""Seconds before its end at which music that has stopped has ended, and was not paused."""


class Riding(AffectPad):
    """Where the point was, and when in the music, is kept; the median becomes the label, the curve a file beside."""

    _points: list[tuple[float, float, float]] | None = None
    """Seconds, valence and arousal of each move; None while nobody rides."""
    _watching: Timer | None = None
    _has_played = False

    @abstractmethod
    def rest(self) -> None:
        """Load now what was to be loaded once the cursor had rested."""

    def action_ride(self) -> None:
        self.action_pad()
        self.place = "ride"
        self.rest()
        self.hear_again(0.0)  # itself and whole: what it was made from, or a loop, has other seconds
        self._points, self._has_played = [], False
        self.app.engine.play()
        self._put(self.form.point or Point(5, 5))
        self.query_one(Footer).show(self.place)
        self._watching = self.set_interval(LOOK, self.look_at_ride)

    def _put(self, point: Point) -> None:
        super()._put(point)
        if self._points is None:
            return
        now = self.app.engine.state.position if self._has_played else 0.0
        while self._points and self._points[-1][0] >= now:  # moved twice at one moment: the last counts
            self._points.pop()
        self._points.append((now, (point.valence - 5) / 4, (point.arousal - 5) / 4))

    def look_at_ride(self) -> None:
        """Save the ride when the music has ended."""
        state = self.app.engine.state
        if state.playing:
            self._has_played = True
        elif self._has_played and self._points and state.duration and state.position >= state.duration - NEAR_END:
            self.call_next(self.perform, "ride_save")

    def action_ride_point(self, valence: int, arousal: int) -> None:
        if 0 in (valence, arousal):
            raise LabelError("0 is no valence or arousal", hint="1 is lowest, 5 neutral, 9 highest.")
        self._put(Point(valence, arousal))

    def action_ride_save(self) -> Awaitable[None] | None:
        ride = ridden(self._points or [], self.app.engine.state.position)
        sample = self._padded or self._here()
        if ride is None:
            raise LabelError(
                f"a ride takes {SHORTEST:g} seconds or more", hint="Go on listening, or leave with ‹back›."
            )
        self.action_back()
        self.session.keep_ride(sample, ride)
        valence, arousal = ride.median
        values = {"valence": str(valence), "arousal": str(arousal)}
        return self.change(edits.each(lambda one: edits.typed_values(one, self.session.config, values)), sample)

    def action_back(self) -> None:
        if self._watching is not None:
            self._watching.stop()
        self._points = self._watching = None
        super().action_back()

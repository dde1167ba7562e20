"""The part of the workstation that sets valence and arousal on a pad."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from kelly_tui.ui import edits
from kelly_tui.ui.screens.chord_line import ChordLine
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.pad import Point
from kelly_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kelly_tui.model.sample import Sample


class AffectPad(ChordLine):
    """While the pad is open, arrows move a point on it; what is saved is where it is left with enter, or typed."""

    _pointed = ""
    """Where the point is, as it was said."""
    _padded: Sample | None = None
    """What the open pad is about, wherever the cursor goes."""

    def action_pad(self) -> None:
        self._padded = sample = self._here()
        valence, arousal = sample.value("valence"), sample.value("arousal")
        self.place = "pad"
        self.give_room(editing=True)
        self._put(Point.of(float(str(valence or 0)), float(str(arousal or 0))))
        self.query_one(Footer).show(self.place)

    def _put(self, point: Point) -> None:
        self.form.put(point)
        self._pointed = f"valence {(point.valence - 5) / 4:+.2f}   arousal {(point.arousal - 5) / 4:+.2f}"
        self.say(self._pointed, "accent")

    def _move(self, right: int, up: int) -> None:
        if self.form.point is not None:
            self._put(self.form.point.moved(right, up))

    def action_valence_down(self) -> None:
        self._move(-1, 0)

    def action_valence_up(self) -> None:
        self._move(1, 0)

    def action_arousal_down(self) -> None:
        self._move(0, -1)

    def action_arousal_up(self) -> None:
        self._move(0, 1)

    def action_pad_set(self, valence: int, arousal: int) -> Awaitable[None] | None:
        saving = self.change(edits.each(lambda one: edits.affect(one, valence, arousal)), self._padded)
        self.action_back()
        return saving

    def leave_pad_of_another(self) -> None:
        """Leave a pad that is not about the sample under the cursor: another row was clicked."""
        if self._padded is not None and (self.sample is None or self.sample.sample_id != self._padded.sample_id):
            self.action_back()

    async def clicked_point(self, valence: str, arousal: str) -> None:
        """The pad was clicked, open or beside the fields: that is what it is."""
        await self.perform("pad_set" if self.place == "pad" else "affect", int(valence), int(arousal))

    def action_pad_save(self) -> Awaitable[None] | None:
        point = self.form.point or Point(5, 5)
        return self.action_pad_set(*point)

    def action_back(self) -> None:
        self.query_one(StatusLine).unsay(self._pointed)  # left there it would look like what was saved
        self._padded = None
        self.form.put(None)
        super().action_back()

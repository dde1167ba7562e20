"""Widgets that are drawn by the line and draw no more than they must."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual.filter import ANSIToTruecolor
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from kelly_tui.ui.paint import Line, strip

if TYPE_CHECKING:
    from kelly_tui.ui.app import KellyApp


class Direct(Widget):
    """Its lines go to the screen as `render_line` gives them, whole and over its whole width.

    The framework would first lay border, padding and opacity around each; these widgets have none, and in a list of
    fifty lines that is most of the work of a key.
    """

    ALLOW_SELECT = False
    app: KellyApp

    def render_lines(self, crop: Region) -> list[Strip]:
        strips = [self.render_line(y) for y in crop.line_range]
        for one in self.get_line_filters():
            if not isinstance(one, ANSIToTruecolor):  # which would change nothing: our colours are true ones
                background = self.background_colors[1]
                strips = [line.apply_filter(one, background) for line in strips]
        if crop.column_span != (0, self.size.width):
            strips = [line.crop(crop.x, crop.right) for line in strips]
        return strips


class Painted(Direct):
    """Draws what `paint` returns. Call `repaint` after a change of what it shows: lines that stay are not drawn."""

    _lines: list[Line] | None = None
    _strips: list[Strip | None]
    _painted_size = Size(0, 0)

    @abstractmethod
    def paint(self, width: int, height: int) -> list[Line]:
        """The lines of the picture; those beyond `height` are not drawn."""

    def repaint(self) -> None:
        """Draw the lines that have changed."""
        size, before = self.size, self._lines
        if before is None or self._painted_size != size:
            self._lines = None
            self.refresh()
            return
        self._lines = self._painted()
        changed = [y for y, (old, new) in enumerate(zip(before, self._lines)) if old != new]
        for y in changed:
            self._strips[y] = None
        if changed:
            self.refresh(*(Region(0, y, size.width, 1) for y in changed))

    def _painted(self) -> list[Line]:
        """As many lines as the widget is high."""
        width, height = self.size
        lines = self.paint(width, height)[:height]
        return lines + [()] * (height - len(lines))

    def render_lines(self, crop: Region) -> list[Strip]:
        size = self.size
        if self._lines is None or self._painted_size != size:
            self._painted_size = size
            self._lines = self._painted()
            self._strips = [None] * len(self._lines)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        if y >= len(self._strips):  # it has become lower, and is drawn once more where it was: the rest is others'
            return strip((), self._painted_size.width, self.app.theme)
        drawn = self._strips[y]
        if drawn is None:
            assert self._lines is not None
            drawn = self._strips[y] = strip(self._lines[y], self._painted_size.width, self.app.theme)
        return drawn

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lines = None

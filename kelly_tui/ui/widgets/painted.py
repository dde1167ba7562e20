"""A widget whose picture is a list of lines, made when its size or what it shows has changed."""

from __future__ import annotations

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from kelly_tui.ui.paint import Line, strip


class Painted(Widget):
    """Draws what `paint` returns, line by line. Call `repaint` after a change of what it shows."""

    ALLOW_SELECT = False

    _lines: list[Line] | None = None
    _painted_size = Size(0, 0)

    def paint(self, width: int, height: int) -> list[Line]:
        """The lines of the picture; those beyond `height` are not drawn."""
        raise NotImplementedError

    def repaint(self) -> None:
        self._lines = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._lines is None or self._painted_size != self.size:
            self._painted_size = self.size
            self._lines = self.paint(self.size.width, self.size.height)
        line = self._lines[y] if y < len(self._lines) else ()
        return strip(line, self.size.width, self.app.theme)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lines = None

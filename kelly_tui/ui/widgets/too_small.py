"""What is said where there is no room for anything else."""

from __future__ import annotations

from kelly_tui.ui import SMALLEST
from kelly_tui.ui.paint import Line, folded
from kelly_tui.ui.widgets.painted import Painted


class TooSmall(Painted):
    """Shown in place of all panels while the terminal is too small."""

    def paint(self, width: int, height: int) -> list[Line]:
        columns, rows = SMALLEST
        blank: list[Line] = [()] * ((height - 1) // 2)
        words = f"{width}x{height} is too small: make it {columns}x{rows} or more"
        return [*blank, *([(f" {line}", "accent")] for line in folded(words, max(width - 1, 1)))]

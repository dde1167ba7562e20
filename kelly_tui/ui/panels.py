"""Where the panels of the workstation are: a function of the terminal's size and of what has the room.

One flat arrangement and no containers: what lies under a panel is drawn too, so each layer costs time at each key.
"""

from __future__ import annotations

from typing import NamedTuple

from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from kelly_tui.ui import SMALLEST
from kelly_tui.ui.widgets.scores import ScoresPanel
from kelly_tui.ui.widgets.status_line import StatusLine

WIDE = 100
"""Columns from which list and music stand side by side."""

ROOMY = 22
"""Lines from which panels of a narrow terminal stand apart."""

FORM_LINES = 30
"""More than a form has to say; what is left beyond is the music's."""


class Room(NamedTuple):
    """What a person has given the room to."""

    music_first: bool = False
    editing: bool = False
    """All fields are shown, to be edited."""
    asking: bool = False
    """The prompt is open."""
    told: int = 1
    """Lines of what the app has to say."""
    scored: int = 1
    """Lines of the scores in a narrow terminal, where it is high enough."""


def panels(width: int, height: int, room: Room) -> dict[str, Region]:
    """The region of each panel, by the id of its widget; one that is not shown is left out. None overlap.

    A terminal under `SMALLEST` has room for a sentence only.
    """
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return {"small": Region(0, 0, width, height)}
    placed = _wide(width, height, room) if width >= WIDE else _narrow(width, height, room)
    placed["headline"] = Region(0, 0, width, 1)
    if room.asking:
        lines = 2 if width >= WIDE else 3  # of a narrow terminal a hint takes two
        if lines == 3:
            del placed["scores"]
        placed["prompt"] = Region(0, height - lines, width, lines)
    else:
        placed["status"] = Region(0, height - 1 - room.told, width, room.told)
        placed["footer"] = Region(0, height - 1, width, 1)
        scores = placed.pop("scores")
        if scores.height >= room.told:
            placed["scores"] = scores.shrink((0, 0, room.told - 1, 0))
    return placed


def _wide(width: int, height: int, room: Room) -> dict[str, Region]:
    """The list on the left, the music and the form on the right, the scores below both."""
    scores = 3 if width >= 120 else 4
    top, bottom = 2, height - 3 - scores
    left = width * (30 if room.music_first else 47) // 100
    x = left + 2
    free = bottom - top - 3  # of transport, two gaps, music and form
    share = 72 if room.music_first else 28 if room.editing else 44
    music = max(free * share // 100, free - FORM_LINES, min(4, free))
    return {
        "find": Region(0, top, left, 1),
        "headings": Region(0, top + 2, left, 1),
        "samples": Region(0, top + 3, left, bottom - top - 3),
        "transport": Region(x, top, width - x, 1),
        "music": Region(x, top + 2, width - x, music),
        "form": Region(x, top + 3 + music, width - x, free - music),
        "scores": Region(0, bottom + 1, width, scores),
    }


def _narrow(width: int, height: int, room: Room) -> dict[str, Region]:
    """One column: list, music, form, and a line or two of scores."""
    gap = 1 if height >= ROOMY else 0
    scored = room.scored if height >= ROOMY else 1
    form = 4 if height < 36 else 14
    free = height - 4 - scored - form - 2 * gap  # of headline, transport, scores, status and footer: list and music
    music = min(5 + max(free - 13, 0) // 3, free - 3)
    if room.editing:
        music = min(5, free)
        form, free = form + free - music, music
    elif room.music_first:
        music = free - 3
    listed = free - music
    transport = 1 + listed + (gap if listed else 0)
    below = transport + 1 + music + gap
    return {
        **({"samples": Region(0, 1, width, listed)} if listed else {}),
        "transport": Region(0, transport, width, 1),
        "music": Region(0, transport + 1, width, music),
        "form": Region(0, below, width, height - 2 - scored - below),
        "scores": Region(0, height - 2 - scored, width, scored),
    }


class PanelLayout(Layout):
    """Places a screen's widgets by `panels`."""

    name = "panels"

    def __init__(self) -> None:
        self.room = Room()

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        parent.pre_layout(self)
        told = next((child.wanted(size.width) for child in children if isinstance(child, StatusLine)), 1)
        scored = next((child.wanted() for child in children if isinstance(child, ScoresPanel)), 1)
        regions = panels(size.width, size.height, self.room._replace(told=told, scored=scored))
        return [
            WidgetPlacement(regions[child.id], NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child.id in regions
        ]

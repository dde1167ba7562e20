"""Lines of text made into strips of cells: the one place where a text's width is decided.

All strangers' text comes through `fit`, which makes it safe to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from kelly_tui.text import safe_text
from kelly_tui.ui.theme import style

Span = tuple[str, str]
"""A text and the name of its style."""

Line = Sequence[Span]


def clickable(span: Span, action: str, *arguments: object) -> Span:
    """The span, doing that where it is clicked: an action of the table, or a screen's ``clicked_<action>``."""
    text, name = span
    return text, f"{name}@{' '.join([action, *map(str, arguments)])}"


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text`, safe to show, in exactly `width` cells; what does not fit ends in an ellipsis after a whole word.

    Only a word that is alone too long, a file's name, is cut in two.
    """
    if width <= 0:
        return ""
    shown = safe_text(text, limit=4 * width)
    length = cell_len(shown)
    if length > width:
        kept = set_cell_size(shown, width - 1)
        if shown[len(kept) : len(kept) + 1].strip():  # within a word
            before, _, _ = kept.rpartition(" ")
            kept = before if before.strip() else kept
        return set_cell_size(kept.rstrip() + "…", width)
    pad = " " * (width - length)
    return pad + shown if right else shown + pad


def fit_name(text: str, width: int) -> str:
    """A file's name in exactly `width` cells; what does not fit goes from its middle: siblings differ at the end."""
    shown = safe_text(text, limit=None)
    if cell_len(shown) <= width or width < 8:
        return fit(text, width)
    end = ""
    for character in reversed(shown):
        if cell_len(character + end) > (width - 1) // 3:
            break
        end = character + end
    return set_cell_size(shown, width - 1 - cell_len(end)) + "…" + end


def folded(text: str, width: int) -> list[str]:
    """`text`, safe to show, in lines of at most `width` cells; no word is cut that fits a line."""
    lines = [""]
    for word in safe_text(text, limit=None).split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def length(line: Line) -> int:
    """How many cells a line takes."""
    return sum(cell_len(text) for text, _ in line)


def strip(line: Line, width: int, theme: str, ground: str = "background") -> Strip:
    """A line as exactly `width` cells on `ground`; what is too long is cut, and ends in an ellipsis."""
    segments = []
    left = width
    for text, name in line:
        if left <= 0:
            break
        shown = safe_text(text, limit=None)
        cells = cell_len(shown)
        if cells > left:
            shown, cells = fit(shown, left), left
        segments.append(Segment(shown, style(theme, name, ground)))
        left -= cells
    if left > 0:
        segments.append(Segment(" " * left, style(theme, "text", ground)))
    return Strip(segments, width)


def spread(left: Line, right: Line, width: int) -> Line:
    """One line with `left` at its start and `right` at its end; `left` gives way where both don't fit."""
    room = width - length(right)
    kept: list[Span] = []
    for text, name in left:
        if room <= 0:
            break
        cells = cell_len(text)
        if cells > room:
            kept.append((fit(text, room), name))
            room = 0
            break
        kept.append((text, name))
        room -= cells
    return [*kept, (" " * max(room, 0), "text"), *right]


def wrapped(items: Iterable[Line], width: int, gap: int = 2) -> list[Line]:
    """Items laid side by side, `gap` cells apart, in as many lines of `width` as they need; none is cut in two."""
    lines: list[list[Span]] = [[]]
    used = 0
    for item in items:
        cells = length(item)
        if used and used + gap + cells > width:
            lines.append([])
            used = 0
        if used:
            lines[-1].append((" " * gap, "text"))
            used += gap
        lines[-1].extend(item)
        used += cells
    return [*lines] if lines[0] else []

"""Horizontal bars in eighths of a cell."""

from __future__ import annotations

_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(value: float, width: int) -> str:
    """`value` in 0..1 as a bar, exactly `width` cells long.

    Anything above nothing shows at least the thinnest stroke. Values outside 0..1 are clipped, NaN is empty.
    """
    if not value > 0 or width <= 0:
        return " " * max(width, 0)
    eighths = max(1, round(min(value, 1.0) * width * 8))
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)

"""Plots of the HTML report, as SVG within the page: its style sheet colours them, in light and in dark.

Each says what it shows to who can't see it, and each bar to who points at it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kelly_tui.text import count
from kelly_tui.validate.markup import Markup, el, join

WIDTH = 640.0
"""Units across; a page scales them."""
_ROW = 22.0
_NAMES = 150.0
_NUMBERS = 120.0

Interval = tuple[str, float, float, float]
"""A name, a figure, and both ends of its interval."""


def _svg(height: float, what: str, *parts: object, width: float = WIDTH) -> Markup:
    return el("svg", *parts, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=what)


def _label(x: float, y: float, words: object, anchor: str = "start", **more: object) -> Markup:
    return el("text", words, x=x, y=y, text_anchor=anchor, **more)


def stacked(rows: Sequence[tuple[str, Mapping[str, int], int]], what: str) -> Markup:
    """A bar a row of parts, each {style: number}, on one scale, with a mark where the row's target is (0: none)."""
    most = max((max(sum(parts.values()), target) for _, parts, target in rows), default=0) or 1
    room = WIDTH - _NAMES - _NUMBERS
    drawn: list[Markup] = []
    for place, (name, parts, target) in enumerate(rows):
        y, x = place * _ROW, _NAMES
        drawn.append(_label(_NAMES - 8, y + 15, _short(name), "end"))
        for style, number in parts.items():
            wide = number / most * room
            if number:
                bar = el("title", f"{name}: {number:,} {style}")
                drawn.append(el("rect", bar, x=x, y=y + 4, width=max(wide, 1.0), height=14, class_=style))
            x += wide
        if target:
            mark = _NAMES + target / most * room
            drawn.append(el("line", el("title", f"target {target:,}"), x1=mark, x2=mark, y1=y + 2, y2=y + 20,
                            class_="mark"))  # fmt: skip
        whole = f"{sum(parts.values()):,}" + (f" of {target:,}" if target else "")
        drawn.append(_label(WIDTH, y + 15, whole, "end", class_="dim"))
    return _svg(len(rows) * _ROW + 2, what, *drawn)


def columns(values: Mapping[str, int], what: str, style: str = "bar") -> Markup:
    """A column a value, under its name."""
    width, height = 300.0, 110.0
    most, step = max(values.values(), default=0) or 1, width / max(len(values), 1)
    drawn: list[Markup] = []
    for place, (name, number) in enumerate(values.items()):
        tall = number / most * (height - 30)
        x = place * step
        drawn.append(
            el("rect", el("title", f"{name}: {number:,}"), x=x + 1, y=height - 16 - tall, width=step - 2, height=tall,
               class_=style)
        )  # fmt: skip
        shown = name if len(name) * 6 < step else name[:3]
        drawn.append(_label(x + step / 2, height - 4, shown, "middle", class_="small"))
    return _svg(height, what, *drawn, width=width)


def intervals(rows: Sequence[Interval], what: str, mark: float | None = None) -> Markup:
    """Figures from 0 to 1 as points on their intervals of 95 %, one below the other; `mark`: what says nothing."""
    room = WIDTH - 2 * _NAMES - _NUMBERS

    def at(figure: float) -> float:
        return 2 * _NAMES + min(max(figure, 0.0), 1.0) * room

    height = len(rows) * _ROW + 18
    drawn = [el("line", x1=at(end), x2=at(end), y1=0, y2=height - 16, class_="axis") for end in (0.0, 0.5, 1.0)]
    drawn += [_label(at(end), height - 3, f"{end:g}", "middle", class_="small") for end in (0.0, 0.5, 1.0)]
    if mark is not None:
        drawn.append(el("line", el("title", "what a guess reaches"), x1=at(mark), x2=at(mark), y1=0, y2=height - 16,
                        class_="mark"))  # fmt: skip
    for place, (name, figure, low, high) in enumerate(rows):
        y = place * _ROW + 11
        drawn += [
            _label(2 * _NAMES - 10, y + 4, _short(name, 44), "end"),
            el("line", x1=at(low), x2=at(high), y1=y, y2=y, class_="reach"),
            el("circle", cx=at(figure), cy=y, r=4, class_="bar"),
            _label(WIDTH, y + 4, f"{figure:.2f} ({low:.2f} to {high:.2f})", "end", class_="dim"),
        ]
    return _svg(height, what, *drawn)


def curve(points: Sequence[tuple[int, float]], what: str) -> Markup:
    """Figures from 0 to 1 over numbers, as a line."""
    width, height = 420.0, 170.0
    most = max((number for number, _ in points), default=0) or 1

    def at(number: int, figure: float) -> tuple[float, float]:
        return 34 + number / most * (width - 60), 8 + (1 - min(max(figure, 0.0), 1.0)) * (height - 36)

    drawn: list[Markup] = []
    for figure in (0.0, 0.5, 1.0):
        _, y = at(0, figure)
        drawn += [el("line", x1=34, x2=width - 20, y1=y, y2=y, class_="axis"),
                  _label(28, y + 4, f"{figure:g}", "end", class_="small")]  # fmt: skip
    places = [at(*point) for point in points]
    drawn.append(el("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places), class_="curve"))
    for (number, figure), (x, y) in zip(points, places, strict=True):
        told = el("title", f"{figure:.2f} with {count(number, 'label')}")
        drawn += [el("circle", told, cx=x, cy=y, r=4, class_="bar"),
                  _label(x, height - 8, f"{number:,}", "middle", class_="small")]  # fmt: skip
    return _svg(height, what, *drawn, width=width)


def confusion(names: Sequence[str], counts: Sequence[Sequence[int]], what: str) -> Markup:
    """A square a pair of names: how many of the row's are taken for the column's, shaded by the share of the row."""
    side = min(64.0, (WIDTH - _NAMES) / max(len(names), 1))
    drawn = [_label(_NAMES + (place + 0.5) * side, 12, _short(name, int(side / 6)), "middle", class_="small")
             for place, name in enumerate(names)]  # fmt: skip
    for row, name in enumerate(names):
        y, whole = 18 + row * 28.0, max(sum(counts[row]), 1)
        drawn.append(_label(_NAMES - 8, y + 18, _short(name), "end"))
        for column, number in enumerate(counts[row]):
            told = el("title", f"{number:,} {name} taken for {names[column]}, {100 * number / whole:.0f} %")
            x = _NAMES + column * side
            drawn += [
                el("rect", told, x=x + 1, y=y, width=side - 2, height=26, class_="bar",
                   fill_opacity=round(0.05 + 0.6 * number / whole, 2)),
                _label(x + side / 2, y + 18, f"{number:,}", "middle"),
            ]  # fmt: skip
    return _svg(18 + 28.0 * len(names), what, *drawn)


def legend(*styles: str) -> Markup:
    """What the shades mean."""
    return el("p", *(join(el("span", "", class_=f"key {style}"), style, " ") for style in styles), class_="dim")


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"

"""HTML and SVG by elements: whatever is no element already is escaped, so that no stranger's text can be markup."""

from __future__ import annotations

import html
from collections.abc import Sequence

from kelly_tui.text import safe_text


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


_VOID = frozenset({"meta"})


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """``el("p", "1 < 2", class_="dim")``: an element; ``_`` at an attribute's end is dropped, others become ``-``."""
    said = "".join(f' {name.rstrip("_").replace("_", "-")}="{_text(value)}"' for name, value in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{said}>")
    return Markup(f"<{tag}{said}>{_joined(children)}</{tag}>")


def _joined(children: tuple[object, ...]) -> str:
    return "".join(child if isinstance(child, Markup) else _text(child) for child in children if child is not None)


def _text(value: object) -> str:
    shown = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return html.escape(safe_text(shown, limit=None))


def join(*parts: object) -> Markup:
    """One after another, without an element around them."""
    return Markup(_joined(parts))


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """Numbers to the right."""

    def cell(value: object) -> Markup:
        number = isinstance(value, int)
        return el("td", f"{value:,}" if number else value, class_="n" if number else "")

    head = el("tr", *(el("th", title, scope="col") for title in titles))
    return el("table", head, *(el("tr", *map(cell, row)) for row in rows))

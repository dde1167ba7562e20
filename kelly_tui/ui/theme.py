"""Colours and what they mean.

One accent for where the hands are, six muted ones for where a value came from, red for what is broken. Each also
has a glyph (`SOURCE_GLYPH`), so that the screen reads in black and white.
"""

from __future__ import annotations

from functools import cache

from rich.style import Style
from textual.theme import Theme

SOURCE_GLYPH = {
    "human": "•",
    "folder": "▪",
    "detector": "◆",
    "model": "?",
    "generator": "◇",
    "inherited": "↳",
}

_DARK = {
    "background": "#15171c",
    "cursor": "#262a33",
    "text": "#c5c9d3",
    "strong": "#f0f1f4",
    "dim": "#7b8291",
    "faint": "#444a57",
    "accent": "#e8b45a",
    "broken": "#e5716f",
    "good": "#8fbf8a",
    "human": "#e4e0d4",
    "folder": "#c9aa7c",
    "detector": "#82a8cf",
    "model": "#b09ad2",
    "generator": "#7fbcae",
    "inherited": "#a39aa8",
}

_LIGHT = {
    "background": "#faf9f6",
    "cursor": "#ebe8df",
    "text": "#33363d",
    "strong": "#000000",
    "dim": "#777c86",
    "faint": "#c4c4c0",
    "accent": "#a86a00",
    "broken": "#b3261e",
    "good": "#3c7a3a",
    "human": "#22252b",
    "folder": "#7d5c22",
    "detector": "#2a5f96",
    "model": "#6a4aa0",
    "generator": "#1e7464",
    "inherited": "#6d6272",
}

_COLOURS = {"kelly-dark": _DARK, "kelly-light": _LIGHT}

_ALIASES = {
    # What the plots call their cells.
    "blank": "text",
    "quiet": "faint",
    "beat": "faint",
    "bar": "dim",
    "soft": "detector",
    "note": "detector",
    "loud": "strong",
    "drum": "inherited",
    "playhead": "accent",
    "label": "strong",
    "warm": "folder",
    "hot": "broken",
    # The three shades of a bar of counts.
    "imported": "text",
    "augmented": "inherited",
    "generated": "generator",
}


def _theme(name: str, colours: dict[str, str]) -> Theme:
    return Theme(
        name=name,
        primary=colours["accent"],
        accent=colours["accent"],
        foreground=colours["text"],
        background=colours["background"],
        surface=colours["background"],
        panel=colours["cursor"],
        error=colours["broken"],
        success=colours["good"],
        warning=colours["accent"],
        dark=colours is _DARK,
        variables={
            "scrollbar": colours["faint"],
            "scrollbar-hover": colours["dim"],
            "scrollbar-active": colours["accent"],
            "scrollbar-background": colours["background"],
            "scrollbar-background-hover": colours["background"],
            "scrollbar-background-active": colours["background"],
            "scrollbar-corner-color": colours["background"],
            "dim": colours["dim"],
            "faint": colours["faint"],
        },
    )


THEMES = tuple(_theme(name, colours) for name, colours in _COLOURS.items())


@cache
def style(theme: str, name: str, ground: str = "background") -> Style:
    """The style called `name` on `ground` (``background`` or ``cursor``); a name that says ``strong`` is bold.

    Themes that are not ours (the palette offers the framework's) take the dark colours.
    """
    colours = _COLOURS.get(theme, _DARK)
    return Style(
        color=colours[_ALIASES.get(name, name)],
        bgcolor=colours[ground],
        bold=name in ("strong", "accent", "playhead") or None,
    )

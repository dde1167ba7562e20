"""Colours and what they mean.

One accent for where the hands are, six muted ones for where a value came from, red for what is broken. Each also
has a glyph (`SOURCE_GLYPH`), so that the screen reads in black and white: the last theme has no colours at all.
"""

from __future__ import annotations

from functools import cache

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from kelly_tui import settings

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
    "dim": "#8e95a4",
    "faint": "#626a79",
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
    "dim": "#62666e",
    "faint": "#90908b",
    "accent": "#8f5700",
    "broken": "#b3261e",
    "good": "#34702f",
    "human": "#22252b",
    "folder": "#7d5c22",
    "detector": "#2a5f96",
    "model": "#6a4aa0",
    "generator": "#1e7464",
    "inherited": "#6d6272",
}

_CONTRAST = {
    "background": "#000000",
    "cursor": "#1a1a3d",
    "text": "#ffffff",
    "strong": "#ffffff",
    "dim": "#d0d0d0",
    "faint": "#b8b8b8",
    "accent": "#ffe14d",
    "broken": "#ff9a94",
    "good": "#8dff8d",
    "human": "#ffffff",
    "folder": "#ffc266",
    "detector": "#8fd0ff",
    "model": "#dfb3ff",
    "generator": "#5fffd2",
    "inherited": "#dcc8dc",
}

_ANSI = {
    "background": "default",
    "cursor": "default",
    "text": "default",
    "strong": "default",
    "dim": "default",
    "faint": "bright_black",
    "accent": "yellow",
    "broken": "red",
    "good": "green",
    "human": "default",
    "folder": "yellow",
    "detector": "cyan",
    "model": "magenta",
    "generator": "green",
    "inherited": "blue",
}
"""The terminal's own sixteen, whatever they are there."""

MONO = "kelly-mono"
"""Without any colour: bold, dim, reversed and the glyphs say it all."""

_COLOURS = {
    "kelly-dark": _DARK,
    "kelly-light": _LIGHT,
    "kelly-contrast": _CONTRAST,
    "kelly-ansi": _ANSI,
    MONO: dict.fromkeys(_ANSI, "default"),
}

_NATIVE = ("kelly-ansi", MONO)
"""Themes that know nothing of the colours behind them: what would have another ground is reversed."""

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


_NATIVE_PARTS = {
    **BUILTIN_THEMES["ansi-dark"].variables,
    "input-cursor-foreground": "ansi_default",
    "input-cursor-background": "ansi_default",
    "input-cursor-text-style": "reverse",
}
"""What the framework's own widgets, the prompt and the palette, are drawn with."""


def _theme(name: str, colours: dict[str, str]) -> Theme:
    native = name in _NATIVE
    shown = {role: f"ansi_{colour}" if native else colour for role, colour in colours.items()}
    return Theme(
        name=name,
        ansi=native,
        primary=shown["accent"],
        accent=shown["accent"],
        foreground=shown["text"],
        background=shown["background"],
        surface=shown["background"],
        panel=shown["cursor"],
        error=shown["broken"],
        success=shown["good"],
        warning=shown["accent"],
        dark=colours is not _LIGHT,
        variables={
            **(_NATIVE_PARTS if native else {}),
            "scrollbar": shown["faint"],
            "scrollbar-hover": shown["dim"],
            "scrollbar-active": shown["accent"],
            "scrollbar-background": shown["background"],
            "scrollbar-background-hover": shown["background"],
            "scrollbar-background-active": shown["background"],
            "scrollbar-corner-color": shown["background"],
            "dim": shown["dim"],
            "faint": shown["faint"],
        },
    )


THEMES = tuple(_theme(name, colours) for name, colours in _COLOURS.items())


def theme_name(setting: str) -> str:
    """The theme of a setting, one of `settings.THEMES`."""
    return f"kelly-{setting}"


def after(theme: str) -> str:
    """The setting that comes after that of a theme; after the last the first."""
    names = [theme_name(one) for one in settings.THEMES]
    return settings.THEMES[(names.index(theme) + 1) % len(names) if theme in names else 0]


@cache
def style(theme: str, name: str, ground: str = "background") -> Style:
    """The style called `name` on `ground` (``background`` or ``cursor``); a name that says ``strong`` is bold.

    What stands after an ``@`` in the name is what a click there does, see `paint.clickable`. Themes that are not ours
    (the palette offers the framework's) take the dark colours.
    """
    if "@" in name:
        plain, _, does = name.partition("@")
        return style(theme, plain, ground) + Style(meta={"does": does})
    colours = _COLOURS.get(theme, _DARK)
    bold = name in ("strong", "accent", "playhead") or None
    if theme in _NATIVE:
        on_cursor = ground == "cursor"
        role = _ALIASES.get(name, name)
        return Style(
            color=None if on_cursor else colours[role],
            bold=bold or (True if name in ("broken", "good") else None),
            dim=True if role in ("dim", "faint") and not on_cursor else None,
            reverse=on_cursor or None,
        )
    return Style(color=colours[_ALIASES.get(name, name)], bgcolor=colours[ground], bold=bold)

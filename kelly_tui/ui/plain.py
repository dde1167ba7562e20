"""The screen in ASCII, for a terminal that shows nothing else: each cell becomes one that says the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SAME = {
    # Marks of decisions and sources, see `theme.SOURCE_GLYPH` and `words.decision_span`.
    "✓": "v", "○": "o", "·": ".", "⚑": "F", "–": "-", "✕": "x",
    # They stand close to keys and numbers: none is a sharp, a percentage or a plus.
    "•": "*", "▪": "/", "◆": "@", "◇": "=", "↳": "^",
    # Edges, bars and lines.
    "▌": "|", "▐": "|", "━": "=", "╍": "-", "┈": ":", "╷": "|", "│": "|", "╵": "|", "┃": "!", "╋": "X", "─": "-",
    # Words' company.
    "…": "~", "→": ">", "←": "<", "↑": "^", "↓": "v", "×": "x", "±": "~", "›": ">", "‹": "<", "▶": ">", "‖": "=",
    "⌫": "<", "—": "-", "’": "'", "“": '"', "”": '"',
    # Parts of blocks.
    **dict.fromkeys("▘▝▀▔", '"'), **dict.fromkeys("▖▗▁▂▃", "_"), **dict.fromkeys("▄▅", "="),
    **dict.fromkeys("▚▞░", "%"), **dict.fromkeys("▛▜▙▟█▆▇▒▓", "#"),
}  # fmt: skip
_DOTS = " ..::++##"
"""A cell of braille by how many of its eight dots are set."""


@cache
def plain(character: str) -> str:
    """One character in ASCII, as many cells wide."""
    if character.isascii():
        return character
    if character in _SAME:
        return _SAME[character]
    if "\u2800" <= character <= "\u28ff":
        return _DOTS[(ord(character) - 0x2800).bit_count()]
    letter = unicodedata.normalize("NFKD", character)[0]
    cells = cell_len(character)
    return letter if letter.isascii() and letter.isprintable() and cells == 1 else "?" * cells


class Plain(LineFilter):
    """Draws every line in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text if text.isascii() else "".join(map(plain, text)), style, control)
            for text, style, control in segments
        ]


def wants_ascii(environment: Mapping[str, str]) -> bool:
    """Whether the terminal can show no more, by what the locale and the terminal's name say.

    Python itself makes ``C`` a UTF-8 locale, so what the person's environment says counts, not what Python does with
    it. Where nothing is said (a container), today's terminals are trusted.
    """
    if environment.get("TERM", "") in ("linux", "dumb", "vt100", "vt102", "vt220"):
        return True
    everything, characters, language = (environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    if language in ("C", "POSIX") and characters == "C.UTF-8":
        characters = ""  # which Python itself has set: PEP 538
    locale = everything or characters or language
    return bool(locale) and "utf" not in locale.lower()

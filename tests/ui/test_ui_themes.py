"""The colours of the themes, a terminal without colours, and one without Unicode."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.color import ColorType

from kelly_tui import settings
from kelly_tui.model.labels import SOURCES
from kelly_tui.ui import theme
from kelly_tui.ui.plain import plain, wants_ascii
from kelly_tui.ui.screens.help import MARKS
from kelly_tui.ui.theme import SOURCE_GLYPH
from tests.pty_program import PtyProgram
from tests.ui.conftest import Desk, Open

SAID = ("text", "strong", "dim", "accent", "broken", "good", *SOURCES)
"""Styles in which words are said that one must be able to read; ``faint`` ones can be missed."""


def luminance(colour: str) -> float:
    """Of ``#rrggbb``, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("name", "least", "faint"), [("dark", 4.5, 3), ("light", 4.5, 3), ("contrast", 7, 7)])
def test_what_is_said_can_be_read(name: str, least: float, faint: float) -> None:
    """WCAG 2 asks for 4.5 (AA), and for 7 (AAA) of high contrast; 3 of large or incidental signs."""
    for ground in ("background", "cursor"):
        for style in SAID:
            drawn = theme.style(theme.theme_name(name), style, ground)
            assert drawn.color is not None
            assert drawn.bgcolor is not None
            assert contrast(drawn.color.name, drawn.bgcolor.name) >= least, (style, ground)
    drawn = theme.style(theme.theme_name(name), "faint")
    assert contrast(drawn.color.name, drawn.bgcolor.name) >= faint  # type: ignore[union-attr]


def styles_of(desk: Desk) -> set[object]:
    """All styles with which the screen is drawn."""
    desk.app.screen._compositor.update_widgets(set())
    strips = desk.app.screen._compositor.render_strips(desk.app.size)
    return {segment.style for strip in strips for segment in strip if segment.style is not None}


@pytest.mark.exercises("theme")
async def test_a_key_goes_through_the_themes_and_all_is_drawn_anew(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        before = desk.text()
        for name in (*settings.THEMES[1:], settings.THEMES[0]):
            await desk.press("ctrl+t")
            assert f"colours: {name}" in desk.said
            assert desk.app.theme == theme.theme_name(name)
            ground = theme.style(desk.app.theme, "text").bgcolor
            for drawn in styles_of(desk):
                if name == "ansi":
                    assert all(
                        colour is None or colour.type in (ColorType.DEFAULT, ColorType.STANDARD)
                        for colour in (drawn.color, drawn.bgcolor)  # type: ignore[attr-defined]
                    )
                else:
                    grounds = (ground, theme.style(desk.app.theme, "text", "cursor").bgcolor)
                    assert drawn.bgcolor in grounds  # type: ignore[attr-defined]
        await desk.press("g", "p", "ctrl+t", "escape")
        assert desk.app.theme == theme.theme_name(settings.THEMES[1])
        desk.app.screen.say("")  # type: ignore[attr-defined]
        await desk.settle()
        assert desk.text() == before


async def test_a_theme_is_chosen_in_settings(open_desk: Open, root: Path) -> None:
    async with open_desk(root, theme="light") as desk:
        assert theme.style("kelly-light", "text").bgcolor in {one.bgcolor for one in styles_of(desk)}  # type: ignore[attr-defined]


async def test_without_colours_all_is_said_by_glyphs_bold_and_reversed(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_desk(root) as desk:
        for keys in ((), ("/",), ("escape", "g", "p"), ("escape", "?"), ("escape", "V")):
            await desk.press(*keys)
            for drawn in styles_of(desk):
                for colour in (drawn.color, drawn.bgcolor):  # type: ignore[attr-defined]
                    assert colour is None or colour.type == ColorType.DEFAULT
        assert any(drawn.reverse for drawn in styles_of(desk))  # type: ignore[attr-defined]
        await desk.press("escape", "ctrl+t")
        assert "there are no colours" in desk.said
    for name in (theme.MONO, "kelly-ansi"):  # a colour that is not told by hue has a glyph of its own
        assert theme.style(name, "text", "cursor").reverse


# -- without Unicode ---------------------------------------------------------------------------------------------------


async def test_every_place_can_be_drawn_in_ascii(open_desk: Open, root: Path) -> None:
    from kelly_tui.store.catalogue import Catalogue

    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE samples SET file_path = 'raw/midi/雨の歌 é👩‍👩‍👧.mid' WHERE rowid = 2")
    ways = ("", "m", "V", "y", "e", "g p", "g v", "g h", "g d", "g r", "F", "?", "ctrl+p", "/", "j j j j o")
    async with open_desk(root, glyphs="ascii") as desk:
        for way in ways:
            await desk.press(*way.split())
            text = desk.text()
            assert text.isascii(), (way, {one for one in text if not one.isascii()})
            await desk.press("escape", "escape")
    async with open_desk(root) as desk, open_desk(root, glyphs="ascii") as plainly:
        pairs = zip(desk.text().splitlines(), plainly.text().splitlines())
        assert all(cell_len(one) == cell_len(other) for one, other in pairs)
        assert "emotion" in plainly.text()


def test_marks_differ_in_ascii_too() -> None:
    for marks in ([mark for mark, _, _ in MARKS], list(SOURCE_GLYPH.values()), ["━", "╍", "┈", "·"]):
        drawn = [plain(mark) for mark in marks]
        assert len(set(drawn)) == len(marks)
        assert all(len(one) == 1 for one in drawn)


def test_no_mark_of_a_source_reads_as_a_part_of_a_key_or_a_number() -> None:
    assert not {plain(mark) for mark in SOURCE_GLYPH.values()} & set("#b+-%.0123456789abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize("character", [*"é–…▌⣷雨👩█ß", "\u0301", "\u200d"])
def test_a_cell_stays_a_cell(character: str) -> None:
    assert plain(character).isascii()
    assert cell_len(plain(character)) == cell_len(character)


@pytest.mark.parametrize(
    ("environment", "ascii_only"),
    [
        ({}, False),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "de_DE.utf8", "TERM": "xterm-256color"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "POSIX", "LC_CTYPE": "C.UTF-8"}, True),  # as Python makes of LANG=POSIX
        ({"LANG": "en_US.ISO-8859-1"}, True),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "vt100"}, True),
    ],
)
def test_what_the_terminal_can_show_is_asked_of_the_environment(environment: dict[str, str], ascii_only: bool) -> None:
    assert wants_ascii(environment) == ascii_only


def test_on_a_terminal_without_unicode_colours_and_mouse_nothing_of_them_is_sent(tmp_path: Path, root: Path) -> None:
    environment = {
        "KELLY_AUTOPLAY": "no", "XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "LANG": "C",
        "LC_ALL": "", "LC_CTYPE": "", "NO_COLOR": "1", "KELLY_MOUSE": "no",
    }  # fmt: skip
    with PtyProgram([sys.executable, "-m", "kelly_tui", str(root)], (120, 36), environment) as app:
        app.wait_for(b"amber.mid")
        app.send(b"2")
        app.wait_for(b"saved")
        app.send(b"\x11")
    assert bytes(app.written).isascii()
    assert b"\x1b[?1000h" not in app.written
    for codes in re.findall(rb"\x1b\[([\d;]*)m", app.written):
        said = {int(code) for code in codes.split(b";") if code}
        assert said <= {0, 1, 2, 3, 4, 7, 22, 23, 24, 27, 39, 49}

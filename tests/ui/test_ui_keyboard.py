"""esc and what is typed right after it, which a terminal sends as it sends alt and a key."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kelly_tui.model.labels import EMOTIONS
from kelly_tui.ui.keyboard import KeyParser
from tests.pty_program import PtyProgram
from tests.ui.conftest import Desk, Open


def keys(parser: KeyParser, *feeds: str, finished: bool = True) -> Iterator[str]:
    for text in feeds:
        yield from (getattr(one, "key", type(one).__name__) for one in parser.feed(text))
    if finished and parser._timeout_time is not None:
        parser._timeout_time = 0.0
        yield from (getattr(one, "key", type(one).__name__) for one in parser.tick())


@pytest.mark.parametrize(
    ("feeds", "typed"),
    {
        ("\x1bj",): "escape j",
        ("\x1b", "j"): "escape j",
        ("\x1bgd\x1bu",): "escape g d escape u",
        ("\x1b2",): "escape 2",
        ("\x1bJ",): "escape J",
        ("\x1bé",): "escape é",
        ("\x1b/",): "escape slash",
        ("\x1b\r",): "escape enter",
        ("\x1b ",): "escape space",
        ("\x1b\t",): "escape tab",
        ("\x1b\x1b", "3"): "escape escape 3",
        ("\x1bO",): "escape O",
        ("\x1b[",): "escape left_square_bracket",
        ("\x1b[j\x1bu",): "escape left_square_bracket j escape u",
        # what terminals do send
        ("\x1b[A",): "up",
        ("\x1b", "[", "A"): "up",
        ("\x1bOA",): "up",
        ("\x1b\x1b[A",): "escape up",
        ("\x1b[1;5D",): "ctrl+left",
        ("\x1bb", "\x1bf", "\x1b\x7f"): "alt+b alt+f ctrl+w",
        ("\x1b[<0;3;4M",): "MouseDown",
        ("\x1b[200~1\x1b2\x1b[201~\x1b3",): "circumflex_accent 2 Paste escape 3",
    }.items(),
)  # fmt: skip
def test_what_is_no_sequence_is_esc_and_what_was_typed_after_it(feeds: tuple[str, ...], typed: str) -> None:
    assert " ".join(keys(KeyParser(), *feeds)) == typed


def test_what_is_no_sequence_is_not_waited_for() -> None:
    assert list(keys(KeyParser(), "\x1bj", finished=False)) == ["escape", "j"]
    assert list(keys(KeyParser(), "\x1b", finished=False)) == []


def burst(desk: Desk, text: str) -> None:
    for one in KeyParser().feed(text):
        desk.app.post_message(one)


PLACES = {
    "the list": "*", "the form": "e", "the pad": "V", "a ride": "R", "tapping": "y", "lenses": "m", "a line": "/abc",
    "the palette": "\x10", "the pipeline": "gp", "parameters": "gpje", "the report": "gv", "the history": "gh",
    "help": "?", "saved views": "F", "columns": "gc", "review": "gr", "datasets": "gd", "a new dataset": "gdn",
    "variants": "jjjo", "a line in the pipeline": "gp:", "a key that is begun": "g",
}  # fmt: skip
"""Where esc leads back from, and the keys that lead there."""

BACK = {"parameters": "\x1b", "a new dataset": "\x1b", "a line in the pipeline": "\x1b"}
"""One esc more leads back to the list."""


async def test_a_letter_right_after_esc_is_for_the_place_to_which_it_leads(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        for number, (place, there) in enumerate(PLACES.items()):
            await desk.press("g", "g")
            for key in there:
                burst(desk, key)
            await desk.pilot.pause()
            await desk.settle()
            here, digit = desk.here, 1 + number % 8
            burst(desk, f"{BACK.get(place, '')}\x1bz{digit}")
            await desk.pilot.pause()
            await desk.settle()
            assert desk.app.screen is desk.app.workstation, place
            assert desk.place == "list", place
            assert desk.values(here)["emotion"] == EMOTIONS[digit - 1], place


async def test_alt_and_an_arrow_move_by_words_in_a_line_and_are_esc_and_a_letter_elsewhere(
    open_desk: Open, root: Path
) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "j")
        burst(desk, "/amber cedar\x1bb-\x1bf\r")
        await desk.pilot.pause()
        await desk.settle()
        assert desk.app.workstation is not None
        assert desk.app.workstation.filter == "amber -cedar"
        await desk.press("slash")
        await desk.type("")
        burst(desk, "e")
        await desk.pilot.pause()
        burst(desk, "\x1bf")
        await desk.pilot.pause()
        await desk.settle()
        assert desk.place == "list"
        assert desk.stored(desk.here).decision == "flagged"


def test_a_terminal_that_sends_both_at_once(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kelly_tui", "--datasets", str(root.parent), str(root)]
    with PtyProgram(command, (120, 40), {"KELLY_SETTINGS": str(tmp_path / "none")}) as app:
        app.wait_for(b"amber")
        app.press(b"V")
        app.wait_for(b"arousal")
        app.press(b"\x1b2")
        app.wait_for(b"emotion sad")

"""What is typed in the prompt: what was there is kept letter for letter, and what is drawn of it is safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual import events

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.text import LONGEST_STACK, safe_letters
from kelly_tui.ui.widgets.prompt import SafeInput
from tests.ui.conftest import NAMES, Desk, Open

NOTES = {
    "lines and tabs": "line one\nline two\ttabbed\r\n",
    "Hebrew": "\u200fשיר\u200f יפה (ref\u200e)",
    "isolated": "the \u2067שיר\u2069 of \u202brain\u202c",
    "decomposed": "Cafe\u0301 N\u0303andu\u0301",
    "not to be composed again": "\ufb2c \u0958 \u212b",
    "escapes": "red\x1b[31m \x1b]0;OWNED\x07 \x9b31m \x00",
    "Persian": "می\u200cخواهم",
    "a mark of order": "\ufeffnote\u2028line",
    "pictures that were written": "␊ ␛ \ufffd",
    "a flood": "a" + "\u0301" * 40 + "b" + "\u200b" * 40,
    "wide and joined": "雨の歌 👩\u200d👩\u200d👧\u200d👦",
}


def say(root: Path, labels: dict[str, Any], name: str = "amber") -> None:
    with Catalogue.open(root) as catalogue:
        sample = f"{NAMES.index(name):016x}"
        history.edit(catalogue, [Edit(sample, field, Label(value)) for field, value in labels.items()], "anna")


def field(desk: Desk) -> SafeInput:
    return desk.app.screen.query_one(SafeInput)


def line(desk: Desk) -> str:
    return next(line for line in desk.text().splitlines()[::-1] if " notes" in line)


@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
async def test_what_is_added_to_a_note_leaves_the_rest_of_it(open_desk: Open, root: Path, note: str) -> None:
    say(root, {"notes": note})
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("a", "n", *" more")
        assert safe_letters(line(desk)) == line(desk), "what is drawn is safe"
        await desk.press("enter")
        assert desk.values("amber")["notes"] == note + " more"
        await desk.press("e", "G", "enter", "home", *"Oh ", "enter")  # in the form
        assert desk.values("amber")["notes"] == "Oh " + note + " more"


@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
async def test_a_note_that_is_left_as_it_is_is_nobodys_edit(open_desk: Open, root: Path, note: str) -> None:
    say(root, {"notes": note})
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("a", "n", "x", "backspace", "left", "right", "enter")
        assert desk.stored("amber").labels["notes"].by == "anna"


async def test_the_cursor_goes_over_what_is_drawn_as_one(open_desk: Open, root: Path) -> None:
    note = "e\u0301\u0316\n雨👩\u200d👧c\u05b0"
    say(root, {"notes": note})
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("a", "n")
        places = [len(note)]
        while places[-1]:
            await desk.press("left")
            places.append(field(desk).cursor_position)
        assert places == [10, 8, 5, 4, 3, 0]
        cells = []
        for _ in places:
            cells.append(field(desk)._position_to_cell(field(desk).cursor_position))
            await desk.press("right")
        assert cells == [0, 1, 2, 4, 6, 7]
        await desk.press("home", "delete")
        assert field(desk).value == note[3:]
        await desk.press("end", "backspace")
        assert field(desk).value == note[3:-1], "a mark can be taken off, as while it is typed"
        await desk.press("left", "x", "enter")
        assert desk.values("amber")["notes"] == "\n雨👩\u200d👧xc"


async def test_a_click_goes_to_the_letter_under_it(open_desk: Open, root: Path) -> None:
    say(root, {"notes": "a\t\u200f雨e\u0301z"})
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("a", "n")
        for cell, place in ((0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 6), (7, 7), (30, 7)):
            await desk.pilot.click(SafeInput, offset=(cell, 0))
            assert field(desk).cursor_position == place, cell


async def test_a_flood_is_drawn_so_that_all_of_it_can_be_taken_out(open_desk: Open, root: Path) -> None:
    say(root, {"notes": "a" + "\u0301" * 20})
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("a", "n")
        assert line(desk).count("\ufffd") == 20 - LONGEST_STACK
        assert cell_len(line(desk)) <= 80
        await desk.press(*["backspace"] * 20, "enter")
        assert desk.values("amber")["notes"] == "a"


async def test_what_is_pasted_keeps_its_direction_and_brings_no_control(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("a", "n")
        field(desk).post_message(events.Paste("\u200fשיר\x1b[31m\ttab\x07\x9b\nnext line"))
        await desk.settle()
        await desk.press("enter")
        assert desk.values("amber")["notes"] == "\u200fשיר␛[31m␉tab␇\ufffd"
        await desk.press("a", "t")
        field(desk).post_message(events.Paste("rain\x1bsnow"))
        await desk.settle()
        await desk.press("enter")
        assert desk.values("amber")["tags"] == ["rain␛snow"]


async def test_a_tag_is_gone_on_with_and_taken_as_it_is_in_use(open_desk: Open, root: Path) -> None:
    say(root, {"tags": ["\u200fשיר", "rai\x1b[31mn", "cafe\u0301"]})
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("a", "t", "space", *"wet", "enter")
        assert desk.values("amber")["tags"] == ["\u200fשיר", "rai\x1b[31mn", "cafe\u0301", "wet"]
        for taking in ("tab", "right"):
            await desk.press("j", "a", "t", *"rai")
            assert "rai␛[31mn" in desk.text()
            assert "\x1b" not in desk.text()
            await desk.press(taking, "enter")
            assert desk.values(desk.here)["tags"] == ["rai\x1b[31mn"], taking


async def test_a_filter_is_gone_on_with_as_it_is(open_desk: Open, root: Path) -> None:
    say(root, {"notes": "cafe\u0301 \u200fשיר"})
    async with open_desk(root, size=(80, 24), filter='text:"cafe\u0301 \u200fשיר"') as desk:
        assert desk.here == "amber"
        await desk.press("slash", *"is:open", "enter")
        assert desk.app.workstation is not None
        assert desk.app.workstation.filter.startswith('text:"cafe\u0301 \u200fשיר"')
        assert desk.here == "amber"


async def test_a_tag_of_two_words_stays_one(open_desk: Open, root: Path) -> None:
    tags = ["film score", "line\nfeed", '"best"', 'the "best"', "a,b", "rain"]
    say(root, {"tags": tags})
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("a", "t", "space", *"wet", "enter")
        assert desk.values("amber")["tags"] == [
            "film score",
            "line\nfeed",
            '"best"',
            'the "best"',
            "a,b",
            "rain",
            "wet",
        ]
        await desk.press("j", "a", "t", *'"fi', "tab", "space", *"wet", "enter")
        assert desk.values("birch")["tags"] == ["film score", "wet"]


async def test_numbers_beside_the_one_that_is_typed_stay_exact(open_desk: Open, root: Path) -> None:
    times = [0.0, 1234.5678, 1e-7, 2000.0]
    say(root, {"chord_times": times})
    async with open_desk(root, size=(120, 40)) as desk:
        await desk.press("e")
        while desk.form.field != "chord_times":
            await desk.press("j")
        await desk.press("enter", "space", *"2001", "enter")
        assert desk.values("amber")["chord_times"] == [*times, 2001.0]

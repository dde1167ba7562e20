"""All that can be pointed at does something; nothing needs it."""

from __future__ import annotations

from pathlib import Path

from kelly_tui.ui.screens.help import HelpScreen
from kelly_tui.ui.screens.pipeline import PipelineScreen
from kelly_tui.ui.screens.variants import VariantsScreen
from kelly_tui.ui.widgets.prompt import Prompt
from tests.ui.conftest import Desk, Open


async def click(desk: Desk, words: str, line_with: str = "", *, times: int = 1, into: int = 0) -> None:
    """Click where these words are on the screen, on the first line that has `line_with` too."""
    for y, line in enumerate(desk.text().splitlines()):
        if words in line and line_with in line:
            x = line.index(words, line.index(line_with) if line_with else 0) + into
            await desk.pilot.click(offset=(x, y), times=times)
            await desk.settle()
            return
    raise AssertionError(f"{words!r} is not there:\n{desk.text()}")


async def test_a_row_a_class_and_a_field_are_clicked(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await click(desk, "cedar")
        assert desk.here == "cedar"
        await click(desk, "angry", "3 angry")
        assert desk.values("cedar")["emotion"] == "angry"
        assert desk.here == "dune"
        await click(desk, "arousal", "arousal")
        assert desk.place == "form"
        assert desk.form.field == "arousal"
        await click(desk, "Am F C G")
        assert desk.form.field == "chord_progression"
        await click(desk, "Am F C G")  # once more: it is typed
        assert desk.app.screen.query_one(Prompt).is_open
        await click(desk, "dune")  # while something is typed
        await desk.press("escape", "escape")
        assert desk.place == "list"


async def test_two_clicks_on_a_row_play_it(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await click(desk, "birch", times=2)
        assert desk.sound.loaded == "birch"
        assert desk.sound.state.playing
        await click(desk, "▶")
        assert not desk.sound.state.playing


async def test_the_pad_is_clicked_open_or_beside_the_fields(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("V")
        digits = next(line for line in desk.text().splitlines() if " 1  2  3  4  5  6  7  8  9" in line)
        await click(
            desk, "3 ", "3    sad", into=digits.index("8") - digits.index(" 1  2") + 2
        )  # below the 8, beside the 3
        assert (desk.values("amber")["valence"], desk.values("amber")["arousal"]) == (0.75, -0.5)
    async with open_desk(root, size=(200, 60)) as desk:
        await click(desk, "9 ", "9 ", into=4)
        assert desk.values("amber")["arousal"] == 1.0


async def test_a_click_in_the_music_goes_there(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        music = desk.app.workstation.music  # type: ignore[union-attr]
        start, end = music.picture.stretch(music.size.width, 0.0, 0)  # type: ignore[union-attr]
        await desk.pilot.click("#music", offset=(music.size.width // 4, 3))  # type: ignore[attr-defined]
        await desk.settle()
        expected = start + (end - start) * (music.size.width // 4) / music.size.width  # type: ignore[attr-defined]
        assert abs(desk.sound.state.position - expected) < 0.01
        await desk.press("G")  # which can't be read
        await desk.pilot.click("#music", offset=(2, 2))
        await desk.settle()


async def test_a_lane_is_chosen_then_sought_in(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "o")
        assert isinstance(desk.app.screen, VariantsScreen)
        lanes = desk.app.screen.music
        await desk.pilot.click("#lanes", offset=(40, 9))
        await desk.settle()
        assert lanes.chosen == 1
        await desk.pilot.click("#lanes", offset=(lanes.size.width // 2, 9))
        await desk.settle()
        assert abs(desk.sound.state.position - 4.0) < 0.2


async def test_keys_of_the_footer_are_clicked(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await click(desk, "keys", "? keys")
        assert isinstance(desk.app.screen, HelpScreen)
        await click(desk, "leave", "esc leave   ctrl+q")
        await click(desk, "gp", "gp pipeline")
        assert isinstance(desk.app.screen, PipelineScreen)
        await click(desk, "split")
        assert desk.app.screen.lines.chosen.name == "split"  # type: ignore[attr-defined]
        await click(desk, "esc", "esc leave")
        await click(desk, "/ all")
        assert desk.app.screen.query_one(Prompt).is_open
        await desk.type("key:A")
        assert "/ key:A" in desk.text() or "/key:A" in desk.text()
        await click(desk, "gn", "next:")
        assert desk.performed[-1] == "next_best"
        await desk.press("home", "z")
        await click(desk, "angry", "z…")
        assert desk.stored("amber").labels["emotion"].unsure
        assert desk.values("amber")["emotion"] == "angry"
        assert desk.app.screen.typed == ()  # type: ignore[attr-defined]


async def test_the_wheel_and_the_scrollbar_move_the_list(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        table = desk.app.workstation.table  # type: ignore[union-attr]
        assert table.size.height < 10
        await desk.pilot.click("#samples", offset=(table.size.width - 1, table.size.height - 1))
        await desk.settle()
        assert table.cursor == 9
        await desk.pilot.click("#samples", offset=(table.size.width - 1, 0))
        await desk.settle()
        assert table.cursor == 0

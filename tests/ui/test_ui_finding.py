"""Moving about: filter, order, cursor, the next one to label, variants."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.events import AppFocus
from textual.widgets import Input

from kelly_tui.store import query
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.ui.screens.workstation import IDLE_LOOKS
from kelly_tui.ui.widgets.find_line import FindLine
from tests.ui.conftest import Open


@pytest.mark.exercises("filter", "next_open", "previous_open", "first", "last", "page_down", "page_up")
async def test_filters_and_moves(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("n")
        assert desk.here == "cedar"  # birch is labelled by its folder; cedar only has a guess
        await desk.press("n", "n", "n")
        assert desk.here == "iris"
        await desk.press("n")
        assert desk.here == "iris"
        assert "no unlabelled sample after" in desk.said
        await desk.press("N", "N")
        assert desk.here == "fern"
        await desk.press("G")
        assert desk.here == "juniper"
        await desk.press("g", "g")
        assert desk.here == "amber"
        await desk.press("pagedown")
        assert desk.here == "juniper"
        await desk.press("pageup", "j", "j", "j")
        assert desk.here == "dune"

        await desk.press("/")
        await desk.type("emotion:tense|sad")
        assert desk.here == "dune"  # the cursor stays on its sample
        assert desk.app.screen.query_one(FindLine).counted == "3 of 10"
        await desk.press("/")
        await desk.type("")
        assert desk.app.screen.query_one(FindLine).counted == "10"


async def test_what_a_filter_finds_first_is_there_before_the_rest_and_one_may_be_in_it(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    order = query.order

    def slowly(catalogue: Catalogue, found: query.Query, sort: str, begun: Any = None) -> Any:
        if begun is None:
            return order(catalogue, found, sort)

        def held(first: Any) -> None:
            begun(first)
            assert may_go_on.wait(30)

        return order(catalogue, found, sort, held)

    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("colon")
        await desk.type("sort added")
        monkeypatch.setattr(query, "STEP", 3)
        monkeypatch.setattr(query, "AHEAD", 0)
        monkeypatch.setattr(query, "order", slowly)
        await desk.press("j", "j", "slash")
        desk.app.screen.query_one(Input).value = "is:open"
        await desk.pilot.press("enter")
        await desk.until(lambda: "birch" not in desk.text())
        assert "amber" in desk.text()
        assert "cedar" in desk.text()
        assert "heath" not in desk.text()
        assert desk.here == "amber"
        await desk.pilot.press("j", "3")
        may_go_on.set()
        await desk.settle()
        assert desk.values("cedar")["emotion"] == "angry"
        assert "heath" in desk.text()


async def test_a_wrong_filter_names_the_nearest_as_it_is_typed(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("/", *"emotoin:sad")
        assert "Did you mean emotion?" in desk.hint
        await desk.press("enter")
        assert desk.app.screen.query_one(FindLine).counted == "10"
        await desk.press("escape", "j")
        assert desk.here == "birch"


async def test_an_empty_result_says_which_condition_is_to_blame(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("/")
        await desk.type("emotion:tense key:C")
        assert "Without key:C there would be 2" in desk.text()
        await desk.press("1")
        assert "there is no sample here" in desk.said


@pytest.mark.exercises("command")
async def test_commands_by_name(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press(":")
        await desk.type("sort -bpm")
        assert desk.app.workstation is not None
        assert desk.app.workstation.sort == "-bpm"
        await desk.press("g", "g")
        assert desk.here == "juniper"
        await desk.press(":")
        await desk.type("sort brightness")
        assert "the order brightness is unknown" in desk.hint
        await desk.press("escape", ":")
        await desk.type("filter is:verified")
        assert desk.here == "birch"
        await desk.press(":")
        await desk.type("fliter")
        assert "Did you mean filter?" in desk.hint
        await desk.type("pad_st")
        assert "Did you mean pad?" in desk.hint, "pad_set wants digits, and is no command"
        await desk.press("escape", ":")
        await desk.type("skip")
        assert desk.stored("birch").decision == "skipped"


@pytest.mark.exercises("next_variant", "previous_variant")
async def test_variants_of_one_root(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press(">")
        assert "no variant" in desk.said
        await desk.press("j", "j", "j", ">")
        assert desk.here == "elm"
        await desk.press(">")
        assert desk.here == "dune"
        await desk.press("<")
        assert desk.here == "elm"


@pytest.mark.exercises("next_best", "next_panel")
async def test_the_next_best_action_is_a_key_away(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        before = desk.form.screen.query_one("#music").size.height
        await desk.press("f6")
        assert desk.form.screen.query_one("#music").size.height > before
        await desk.press("g", "n")
        assert desk.app.workstation is not None
        assert desk.app.workstation.filter == "emotion:?"
        assert desk.here == "amber"


async def test_the_mouse_chooses_plays_and_scrolls(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.pilot.click("#samples", offset=(10, 3))
        await desk.settle()
        assert desk.here == "dune"
        assert not desk.sound.state.playing
        await desk.pilot.click("#samples", offset=(10, 3), times=2)
        await desk.settle()
        assert desk.sound.state.playing
        assert "juniper" not in desk.text()
        for _ in range(3):
            desk.app.screen.query_one("#samples").action_scroll_down()  # as the wheel does
        await desk.settle()
        assert "juniper" in desk.text()
        assert desk.here == "dune"


async def test_a_key_behind_a_filter_is_for_what_it_lists(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk(root) as desk:
        session = desk.app.session
        assert session is not None
        ask, found = session.ask, asyncio.Event()

        async def ask_later(question: Any) -> Any:
            await found.wait()
            return await ask(question)

        monkeypatch.setattr(session, "ask", ask_later)
        await desk.pilot.press("/", *"heath", "enter", "3", "z", "2")
        assert desk.values("amber") == {}, "the list that is still shown is not the one that was asked for"
        found.set()
        await desk.settle()
        assert desk.values("heath")["emotion"] == "sad"
        assert desk.values("amber") == {}


async def test_a_filter_that_finds_nothing_keeps_no_key(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.pilot.press("/", *"emotion:neutral", "enter", "3", "/", "ctrl+u", "enter", "j", "4")
        await desk.settle()
        assert desk.values("birch")["emotion"] == "peaceful"
        assert desk.values("amber") == {}


async def test_what_may_follow_is_shown_and_esc_forgets_it(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g")
        assert "the pipeline" in desk.text().splitlines()[-1]
        await desk.press("escape")
        assert "enter accept" in desk.text().splitlines()[-1]
        await desk.press("g", "7")  # means nothing, does nothing
        assert desk.here == "amber"
        assert desk.values("amber") == {}


async def test_a_change_by_another_is_seen(open_desk: Open, root: Path) -> None:
    from kelly_tui.model.annotation import Label
    from kelly_tui.model.edit import Edit
    from kelly_tui.store import history
    from kelly_tui.store.catalogue import Catalogue

    async with open_desk(root) as desk:
        with Catalogue.open(root) as other:
            history.edit(other, [Edit(f"{7:016x}", "emotion", Label("angry"))], "another")
        assert desk.app.workstation is not None
        for _ in range(IDLE_LOOKS):
            desk.app.workstation.look_around()
        await desk.settle()
        assert next(line for line in desk.text().splitlines() if "heath" in line).split()[2] == "angry"


async def test_what_was_edited_outside_is_taken_in_and_said(open_desk: Open, root: Path) -> None:
    from kelly_tui.store import views
    from kelly_tui.store.catalogue import Catalogue

    with Catalogue.open(root) as catalogue:
        views.write_views(catalogue)
        path = catalogue.layout.annotation_path(f"{3:016x}")
    path.write_text(path.read_text().replace('"tense"', '"angry"'))
    async with open_desk(root) as desk:
        assert desk.values("dune")["emotion"] == "angry"
        assert "1 outside edit taken" in desk.said


async def test_what_is_edited_elsewhere_is_there_when_one_comes_back_to_the_terminal(
    open_desk: Open, root: Path
) -> None:
    from kelly_tui.store import views

    with Catalogue.open(root) as catalogue:
        views.write_views(catalogue)
        path = catalogue.layout.annotation_path(f"{3:016x}")
    async with open_desk(root) as desk:
        await desk.press("home", "2")
        path.write_text(path.read_text().replace('"tense"', '"angry"'))
        desk.app.post_message(AppFocus())
        await desk.settle()
        assert desk.values("dune")["emotion"] == "angry"
        assert "1 outside edit taken" in desk.said


async def test_leaving_brings_the_manifest_up_to_the_edits(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kelly_tui.ui import launch

    async with open_desk(root) as desk:
        await desk.press("2")
        app = desk.app
    assert app.edited == [root]
    capsys.readouterr()
    launch.write_views(root)
    assert not capsys.readouterr().err, "it takes no time"
    monkeypatch.setattr(launch, "MANY", 3)
    launch.write_views(root)
    assert "writing manifest.json of " in capsys.readouterr().err
    manifest = json.loads((root / "manifest.json").read_text())
    amber = next(one for one in manifest["samples"] if one["file_path"].endswith("amber.mid"))
    assert amber["annotations"] == {"emotion": "sad"}


async def test_a_dataset_that_is_gone_is_said_and_edits_are_kept(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        root.rename(root.with_name("elsewhere"))
        assert desk.app.workstation is not None
        desk.app.workstation.look_around()
        await desk.pilot.pause()
        assert "folder is gone" in desk.said
        await desk.press("2")
        assert "NOT SAVED: 1" in desk.text()
        assert "it is kept" in desk.said
        root.with_name("elsewhere").rename(root)
        await desk.until(lambda: not desk.app.workstation.unsaved)
        assert desk.values("amber")["emotion"] == "sad"


async def test_tab_completes_a_filter_and_takes_the_nearest_of_a_wrong_one(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("/", *"emo")
        assert "tab: emotion:" in desk.hint
        await desk.press("tab", *"te")
        assert "tense" in desk.hint
        await desk.press("tab", "space", *"-is:verifed")
        assert "Did you mean verified?" in desk.hint
        await desk.press("tab", "enter")
        assert desk.app.workstation is not None
        assert desk.app.workstation.filter == "emotion:tense -is:verified"
        assert desk.app.screen.query_one(FindLine).counted == "2 of 10"

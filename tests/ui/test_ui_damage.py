"""A dataset whose catalogue is damaged opens, with what its views say, and says so."""

import sqlite3
from pathlib import Path

import pytest

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, views
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import meaning
from kelly_tui.ui import saver
from tests.ui.conftest import Open


async def test_a_damaged_catalogue_is_made_anew_and_said(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        views.write_views(catalogue)
        path = catalogue.layout.catalogue_path
    path.write_bytes(b"hello" * 999)
    async with open_desk(root) as desk:
        assert desk.values("dune")["emotion"] == "tense"
        assert desk.said.startswith("the catalogue was damaged; made anew from the views: ")
        await desk.press("2")
        assert desk.app.unsaved == []
    async with open_desk(root) as desk:
        assert "damaged" not in desk.said


async def test_a_catalogue_that_is_damaged_meanwhile_is_to_be_opened_again(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, damaged = history.edit, [True]

    def on_a_damaged_one(*arguments: object) -> object:
        if not damaged:
            return edit(*arguments)  # type: ignore[arg-type]
        found = sqlite3.DatabaseError("database disk image is malformed")
        found.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise meaning(found, root / ".kelly/catalogue.sqlite") from found

    monkeypatch.setattr(history, "edit", on_a_damaged_one)
    monkeypatch.setattr(saver, "RETRY_SECONDS", 0.01)
    async with open_desk(root) as desk:
        await desk.press("2")
        assert desk.said.startswith(
            "not saved: emotion sad: the catalogue is damaged, quit and open it again; it is kept"
        )
        damaged.clear()


@pytest.mark.parametrize("share", [0, 1 / 3])
async def test_a_catalogue_that_is_overwritten_in_place_ends_nothing(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr(saver, "RETRY_SECONDS", 0.01)
    with Catalogue.open(root) as catalogue:
        views.write_views(catalogue)
        path = catalogue.layout.catalogue_path
    async with open_desk(root) as desk:
        await desk.press("2")
        with path.open("r+b") as file:  # as a copy begins
            file.truncate(int(len(path.read_bytes()) * share))
        desk.app.workstation.session.catalogue.db.execute("PRAGMA shrink_memory")  # or what was read would do
        await desk.press("3")
        await desk.pilot.resize_terminal(100, 30)
        desk.app.workstation.call_next(desk.app.workstation.show_scores)
        await desk.press("1")
        desk.app.workstation.look_around()  # what is left of the file may say that the sample is not there
        await desk.pilot.pause()
        assert desk.said.startswith("the catalogue is damaged"), desk.said
        assert "start one again: it sets the file aside" in desk.said
    async with open_desk(root) as desk:
        assert desk.said.startswith("the catalogue was damaged; made anew from the views: ")


async def test_a_conflict_is_said_once(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        views.write_views(catalogue)
        path = catalogue.layout.annotation_path(f"{3:016x}")
        history.edit(catalogue, [Edit(f"{3:016x}", "emotion", Label("sad"))], by="ann")
    path.write_text(path.read_text().replace('"tense"', '"angry"'))
    async with open_desk(root) as desk:
        assert desk.said == "waiting for you: 1 conflict; gr decides"


async def test_edits_outside_that_are_many_are_said_where_one_begins(open_desk: Open, root: Path, monkeypatch) -> None:
    from kelly_tui.store import readback

    monkeypatch.setattr(readback, "MANY_FILES", 0)
    with Catalogue.open(root) as catalogue:
        views.write_views(catalogue)
        path = catalogue.layout.annotation_path(f"{3:016x}")
    path.write_text(path.read_text().replace('"tense"', '"angry"'))
    async with open_desk(root) as desk:
        assert desk.values("dune")["emotion"] == "tense"
        assert desk.said.startswith("waiting for you: outside edits of 1 sample; kelly conflicts ")

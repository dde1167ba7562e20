"""A dataset whose catalogue is damaged opens, with what its views say, and says so."""

from pathlib import Path

from kelly_tui.store import views
from kelly_tui.store.catalogue import Catalogue
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

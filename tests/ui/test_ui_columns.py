"""The list's columns: chosen, ordered, widened and sorted by key and by mouse, and as they were left the next time."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.store import query
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.ui.screens.columns import ColumnsScreen
from kelly_tui.ui.widgets.columns import all_columns, columns, name_width
from kelly_tui.ui.widgets.form import summary
from kelly_tui.ui.widgets.headings import Headings
from tests.ui.conftest import Desk, Open


def titles(desk: Desk) -> list[str]:
    """The words of the line above the list."""
    line = next(line for line in desk.text().splitlines() if line.strip().startswith("sample"))
    return [word for word in line[: desk.app.workstation.table.size.width].split() if word != "sample"]  # type: ignore[union-attr]


async def to(desk: Desk, name: str) -> None:
    """Put the cursor on a column."""
    await desk.press("home")
    for _ in range(20):
        if desk.app.screen.lines.chosen == name:  # type: ignore[attr-defined]
            return
        await desk.press("j")
    raise AssertionError(f"no column {name}")


@pytest.mark.exercises("columns", "column_show", "column_earlier", "column_later", "column_usual")
async def test_columns_are_chosen_put_in_order_and_remembered(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        assert titles(desk) == ["emotion", "key", "bpm"]
        await desk.press("g", "c")
        assert isinstance(desk.app.screen, ColumnsScreen)
        await to(desk, "key")
        await desk.press("space")
        await to(desk, "split")
        await desk.press("enter", "K", "K", "K", "escape")
        assert titles(desk) == ["split", "emotion", "bpm"]
        assert next(line for line in desk.text().splitlines() if "cedar" in line).split()[2] == "val"
        await desk.press("g", "c")
        await to(desk, "split")
        await desk.press("J", "escape")
        assert titles(desk) == ["emotion", "split", "bpm"]
    async with open_desk(root) as desk:
        assert titles(desk) == ["emotion", "split", "bpm"]
        await desk.press("g", "c", "x", "escape")
        assert titles(desk) == ["emotion", "key", "bpm"]


async def test_the_last_column_stays(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "c", "home", "space", "home", "space", "home", "space")
        assert "it is the last column" in desk.said
        await to(desk, "valence")
        await desk.press("K")
        assert "enter shows it" in desk.said


@pytest.mark.exercises("column_narrower", "column_wider")
async def test_a_column_is_as_wide_as_one_wants(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        before = columns(60, "emotion", desk.app.workstation.columns)[0].width  # type: ignore[union-attr]
        await desk.press("g", "c", "home", "l", "l", "l")
        assert columns(60, "emotion", desk.app.workstation.columns)[0].width == before + 3  # type: ignore[union-attr]
        await desk.press(*["h"] * 30)
        assert columns(60, "emotion", desk.app.workstation.columns)[0].width == 3  # type: ignore[union-attr]
        await desk.press("escape")
        assert " ha… " in next(line for line in desk.text().splitlines() if "cedar" in line)


@pytest.mark.exercises("column_sort")
async def test_the_list_is_sorted_by_a_column_and_stays_so(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "c")
        await to(desk, "label")
        await desk.press("s")
        assert "rising" in desk.text()
        await desk.press("s")
        assert "falling" in desk.text()
        await desk.press("escape", "home")
        assert "emotion↓" in titles(desk)
        listed = [row.emotion for row in map(desk.app.workstation.table.row_at, range(6)) if row]  # type: ignore[union-attr]
        assert listed == ["tense", "tense", "sad", "peaceful", "happy", None]
    async with open_desk(root) as desk:
        assert "emotion↓" in titles(desk)
        await desk.press(":")
        await desk.type("sort")  # as it was at first
        assert titles(desk) == ["emotion", "key", "bpm"]


async def test_a_title_is_clicked_and_its_edge_dragged(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        headings = desk.app.screen.query_one(Headings)
        shown = columns(headings.size.width - 1, "emotion")
        edge = name_width(headings.size.width - 1, shown)
        await desk.pilot.click(Headings, offset=(edge + 3, 0))
        await desk.settle()
        assert "emotion↑" in titles(desk)
        await desk.pilot.click(Headings, offset=(edge + 3, 0))
        await desk.settle()
        assert "emotion↓" in titles(desk)
        await desk.pilot.click(Headings, offset=(5, 0))
        await desk.settle()
        assert desk.app.workstation.sort == "path"  # type: ignore[union-attr]
        await desk.pilot.mouse_down(Headings, offset=(edge, 0))
        await desk.pilot.hover(Headings, offset=(edge - 4, 0))
        await desk.pilot.mouse_up(Headings, offset=(edge - 4, 0))
        await desk.settle()
        assert desk.app.workstation.columns.width_of("label", 0) == shown[0].width + 4  # type: ignore[union-attr]
        assert desk.app.workstation.sort == "path"  # type: ignore[union-attr]


async def test_a_broken_file_of_columns_is_said_and_left(open_desk: Open, root: Path) -> None:
    path = root / ".kelly/columns.json"
    path.write_text('{"names": 7}')
    async with open_desk(root) as desk:
        assert "the list's columns can't be read" in desk.said
        assert titles(desk) == ["emotion", "key", "bpm"]
    path.write_text('{"names": ["nothing", "key"], "sort": "nonsense"}')
    async with open_desk(root) as desk:
        assert "there is no order 'nonsense'" in desk.said or "nonsense" in desk.said


@pytest.mark.parametrize("main_label", ["emotion", "groove_type", "dynamic_range"])
def test_every_column_fits_and_shows_something_of_every_row(main_label: str, root: Path) -> None:
    from kelly_tui.store.saved_columns import Columns
    from kelly_tui.ui.paint import length
    from kelly_tui.ui.widgets.sample_row import Look, row_line

    chosen = Columns(names=tuple(all_columns(main_label)))
    with Catalogue.open(root) as catalogue:
        rows = query.rows(catalogue, list(range(1, 11)))
        for column in all_columns(main_label).values():
            query.order(catalogue, query.parse("", catalogue.config), column.sort)
            assert all(isinstance(column.cell(row)[0], str) for row in rows)
    for width in (40, 80, 200):
        assert all(length(row_line(row, width, main_label, Look(), chosen)) == width for row in rows)
        assert name_width(width - 1, columns(width - 1, main_label, chosen)) >= 8


@pytest.mark.parametrize(
    ("key", "mode", "shown", "mark"),
    [
        ("human", "detector", "Am◆", "detector"),
        ("detector", "human", "Am◆", "detector"),
        ("folder", "detector", "Am◆", "detector"),
        ("human", "human", "Am", "human"),
        ("human", None, "A", "human"),
    ],
)
def test_a_key_of_which_one_half_is_a_detectors_is_marked_so_in_list_and_facts(
    key: str, mode: str | None, shown: str, mark: str, tmp_path: Path
) -> None:
    labels = {"key": Label("A", key)} | ({"mode": Label("minor", mode)} if mode else {})
    sample = Sample(sample_id="0" * 16, file_path="a.mid", file_type="midi", sha256="0" * 64, labels=labels)
    config = DatasetConfig(dataset_id="songs")
    create_dataset_structure(tmp_path, config)
    with Catalogue.open(tmp_path / "songs") as catalogue:
        catalogue.add([sample])
        (row,) = query.page(catalogue, query.parse("", config))
    assert all_columns("emotion")["key"].cell(row) == (shown, mark)
    if mode == "detector":  # as a row is shown whose guesses are hidden
        assert "◆" not in all_columns("emotion")["key"].cell(row._replace(mode=None))[0]
    (text, _), (glyph, style) = summary(sample, config, 79, {})
    assert (text, glyph.strip(), style) == (f"key {shown.rstrip('◆')}", "◆" if mark == "detector" else "•", mark)

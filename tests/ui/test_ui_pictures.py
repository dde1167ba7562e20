"""Text pictures of the screens at several sizes, and what a person must find on them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.settings import THEMES
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.opinions import give_opinion
from kelly_tui.ui.actions import SCOPES
from kelly_tui.ui.paint import fit, length, spread, strip, wrapped
from kelly_tui.ui.screens import second
from kelly_tui.ui.screenshot import write_screenshot
from tests.ui.conftest import Open, write_midi

SIZES = ((80, 24), (120, 40), (200, 60))


@pytest.fixture
def picture(snapshot: SnapshotAssertion, tmp_path: Path) -> SnapshotAssertion:
    return snapshot


def cleaned(text: str, tmp_path: Path) -> str:
    """Without what differs from run to run: the folder, and when a dataset was last worked on."""
    text = re.sub(r"\d{4}-\d\d-\d\d", "YYYY-MM-DD", text)
    text = re.sub(r"\b\d\d-\d\d (?=\d\d:\d\d)", "MM-DD ", text)
    text = re.sub(r"\d\d:\d\d(:\d\d)?\b", lambda time: "HH:MM:SS"[: len(time[0])], text)
    # A longer temporary folder leaves no room for the word before it.
    return re.sub(r"(?: +datasets)? +\S*[/…]\S*datasets(?=\n|$)", " DATASETS", text, count=1)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
async def test_workstation(open_desk: Open, root: Path, size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with open_desk(root, size=size) as desk:
        await desk.press("j", "j", "j")
        text = desk.text()
        assert text == snapshot
        assert all(length([(line, "text")]) <= size[0] for line in text.splitlines())


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(second, "LISTEN", 0.0)


PLACES = {
    "pipeline": ("pipeline", "g p j j"),
    "parameters": ("parameters", "g p j j j j e j"),
    "import preview": ("preview", "g p enter m u s i c enter"),
    "help": ("help", "?"),
    "datasets": ("datasets", "g d"),
    "all fields": ("form", "e j"),
    "a field is typed": ("form", "e j enter"),
    "a filter is typed": ("list", "/ e m o"),
    "a command is typed": ("list", ":"),
    "a key is begun": ("list", "g"),
    "pad": ("pad", "V l"),
    "ride": ("ride", "R"),
    "tap": ("tap", "y y"),
    "lenses": ("lens", "m"),
    "marks": ("list", "* j j _"),
    "report": ("report", "g v"),
    "history": ("history", "3 z 4 g h"),
    "views": ("views", "F"),
    "columns": ("columns", "g c j"),
    "variants": ("variants", "j j j o"),
    "blind": ("blind", "j j j j b"),
    "review": ("review", "g r"),
    "review of opinions": ("review", "g r 3"),
    "agreement": ("agreement", "g k"),
    "agreement of opinions": ("agreement", "g k"),
    "second look": ("second", "g o"),
    "a second look at more": ("second", "g o 2 7"),
    "palette": ("", "ctrl+p"),
    "a new dataset": ("new", "g d n"),
    "nothing is found": ("list", "/ z z z enter"),
}
"""What a person can come to: the place whose keys work there, and the keys that lead there from the list."""


def two_folders(root: Path) -> None:
    for number, folder in enumerate(("happy", "swing/sad", "unsorted")):
        write_midi(root.parents[1] / "music" / folder / "piece.mid", 70 + number)


def opinions_of_two(root: Path) -> None:
    said = {"anna": ("sad", "sad", "happy", "tense", "happy"), "ben": ("sad", "happy", "happy", "tense", "angry")}
    with Catalogue.open(root) as catalogue:
        for who in ("anna", "ben", "anna"):
            for number, (emotion, other) in enumerate(zip(said[who], said["ben"], strict=True)):
                given = {"emotion": other if number == 1 else emotion, "valence": (number - len(who)) / 8}
                give_opinion(catalogue, f"{number + (number > 1) * 3:016x}", given, who)


def labels_of_another(root: Path) -> None:
    labels = {"emotion": "sad", "valence": -0.5, "arousal": 0.25, "key": "A"}
    with Catalogue.open(root) as catalogue:
        history.edit(catalogue, [Edit(f"{0:016x}", name, Label(value)) for name, value in labels.items()], "anna")


def an_opinion_against_a_label(root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        history.edit(catalogue, [Edit(f"{0:016x}", "emotion", Label("sad"))], "anna")
        give_opinion(catalogue, f"{0:016x}", {"emotion": "peaceful"}, "ben")


PREPARED = {
    "import preview": two_folders,
    "review of opinions": an_opinion_against_a_label,
    "agreement of opinions": opinions_of_two,
    "a second look at more": labels_of_another,
}
"""What has happened before."""


@pytest.mark.parametrize("place", PLACES)
async def test_places(
    open_desk: Open,
    root: Path,
    place: str,
    snapshot: SnapshotAssertion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(second, "LISTEN", 0.0)
    if place in PREPARED:
        PREPARED[place](root)
    scope, way = PLACES[place]
    async with open_desk(root, size=SIZES[0]) as desk:
        await desk.press(*way.split())
        assert getattr(desk.app.screen, "place", "") == scope
        for columns, rows in SIZES:
            await desk.pilot.resize_terminal(columns, rows)
            await desk.settle()
            text = cleaned(desk.text(), tmp_path)
            assert text == snapshot(name=f"{columns}x{rows}")
            assert all(length([(line, "text")]) <= columns for line in text.splitlines())


def test_every_place_has_a_picture() -> None:
    assert {scope for scope, _ in PLACES.values() if scope} == set(SCOPES)


class Svg(SingleFileSnapshotExtension):
    """A picture with its colours, in a file of its own."""

    file_extension = "svg"
    _write_mode = WriteMode.TEXT


@pytest.mark.parametrize("theme", THEMES)
async def test_workstation_in_colour(open_desk: Open, root: Path, theme: str, snapshot: SnapshotAssertion) -> None:
    async with open_desk(root, size=(120, 36), theme=theme) as desk:
        await desk.press("j", "j", "j")
        desk.text()
        svg = desk.app.export_screenshot(title="kelly", simplify=True)
        assert re.sub(r"terminal-\d+-", "terminal-", svg) == snapshot(extension_class=Svg)


async def test_it_follows_the_terminal_when_that_is_resized(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(160, 48)) as desk:
        for size in ((80, 24), (200, 60), (60, 16), (120, 40)):
            await desk.pilot.resize_terminal(*size)
            await desk.settle()
            lines = desk.text().splitlines()
            assert len(lines) <= size[1]
            assert max(length([(line, "text")]) for line in lines) <= size[0]
            assert any("amber" in line for line in lines)
            assert "? keys" in lines[-1]


async def test_a_terminal_that_is_too_small_says_so_and_comes_back(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.pilot.resize_terminal(50, 12)
        await desk.settle()
        assert desk.text().split("\n")[5].strip() == "50x12 is too small: make it 60x16 or more"
        assert "amber" not in desk.text()
        await desk.pilot.resize_terminal(80, 24)
        await desk.settle()
        assert "amber" in desk.text()


async def test_wide_characters_keep_the_columns(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute(
            "UPDATE samples SET file_path = 'raw/midi/雨の歌雨の歌雨の歌雨の歌雨の歌雨の歌雨の歌.mid' WHERE rowid = 2"
        )
    async with open_desk(root) as desk:
        lines = desk.text().splitlines()
        wide = next(line for line in lines if "雨" in line)
        plain = next(line for line in lines if "dune" in line)
        assert length([(wide[: wide.index("sad")], "text")]) == length([(plain[: plain.index("tense")], "text")])


def test_a_screenshot_shows_list_form_and_panel(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "workstation.svg"
    write_screenshot(root, target)
    svg = target.read_text().replace("&#160;", " ")
    for words in ("kelly", "amber", "emotion", "valence", "Balance", "next:", "keys"):
        assert words in svg
    write_screenshot(root, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text().replace("&#160;", " ") == svg


# -- lines of cells ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["plain", "日本語の名前", "e\u0301te\u0301", "a\x1b[31mb", "[bold]x[/bold]", "👩‍👩‍👧 family", ""]
)
@pytest.mark.parametrize("width", [0, 1, 2, 5, 30])
def test_what_is_fitted_is_exactly_so_wide_and_safe(text: str, width: int) -> None:
    fitted = fit(text, width)
    assert length([(fitted, "text")]) == width
    assert "\x1b" not in fitted
    drawn = strip([(text, "text"), ("end", "dim")], width, "kelly-dark")
    assert drawn.cell_length == width == sum(length([(segment.text, "text")]) for segment in drawn)


def test_lines_are_spread_and_wrapped_without_cutting_what_matters() -> None:
    line = spread([("a long left side", "text")], [("right", "dim")], 12)
    assert "".join(text for text, _ in line) == "a long…right"
    lines = wrapped([[("one", "text")], [("two", "text")], [("three", "text")]], 9)
    assert ["".join(text for text, _ in line) for line in lines] == ["one  two", "three"]


def test_every_source_has_a_glyph_of_its_own() -> None:
    from kelly_tui.model.labels import SOURCES
    from kelly_tui.ui.theme import SOURCE_GLYPH
    from kelly_tui.ui.words import provenance

    assert set(SOURCE_GLYPH) == set(SOURCES)
    assert len(set(SOURCE_GLYPH.values())) == len(SOURCES)
    assert provenance(Label("sad", "detector", confidence=0.94)) == "◆ .94"
    assert provenance(Label("sad", unsure=True)) == "• unsure"

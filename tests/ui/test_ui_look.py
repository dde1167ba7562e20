"""What is shown is right, whole and in a person's words, at the smallest usual terminal too."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from kelly_tui.ui.paint import fit, folded
from kelly_tui.ui.screens import listening
from kelly_tui.ui.words import field_word
from tests.ui.conftest import Open


async def test_the_music_of_a_sample_is_never_shown_under_anothers_name(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = threading.Event()
    may_read.set()
    read = listening.read_picture

    def slowly(*arguments: object) -> object:
        assert may_read.wait(30)
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(listening, "read_picture", slowly)
    async with open_desk(root) as desk:
        music = desk.app.workstation.music  # type: ignore[union-attr]
        assert music.picture is not None
        may_read.clear()
        await desk.pilot.press("j")
        for _ in range(200):
            await desk.pilot.pause(0.005)
            if "birch.mid" in desk.text():
                break
        assert "birch.mid" in desk.text()
        assert music.picture is None
        may_read.set()
        await desk.settle()
        assert music.picture is not None


async def test_history_says_all_that_matters_at_80_columns(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("3", "z", "4", "g", "h")
        lines = desk.text().splitlines()
        assert all("…" not in line for line in lines)
        first = next(line for line in lines if "peaceful" in line)
        assert first.removeprefix("▌").split()[2:] == ["edit", "birch", "emotion", "sad", "→", "peaceful"]


@pytest.mark.parametrize(
    ("keys", "title"), [("", "Samples"), ("g h", "History"), ("g v", "Report"), ("e", "All fields")]
)
async def test_help_begins_where_one_is_and_cuts_no_word(open_desk: Open, root: Path, keys: str, title: str) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press(*keys.split(), "?")
        text = desk.text()
        assert text.splitlines()[2].strip() == title
        assert "…" not in text
        assert len([line for line in text.splitlines() if line.strip() == title]) == 1


async def test_an_unsure_label_does_not_look_like_a_sure_one(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("2", "z", "3")
        lines = desk.text().splitlines()
        assert "sad ~" not in next(line for line in lines if "amber" in line)
        assert "angry ~" in next(line for line in lines if "birch" in line)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids="{0[0]}x{0[1]}".format)
async def test_the_balance_of_the_imported_alone_stands_beside_that_of_all(
    open_desk: Open, root: Path, size: tuple[int, int]
) -> None:
    async with open_desk(root, size=size, filter="grove") as desk:  # all but generated and variants: happy, sad, tense
        text = desk.text()
        assert "Balance 57%" in text
        assert "imported 51%" in text
        assert "gn" in text


async def test_a_filter_is_in_sight_at_80_columns(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("/")
        await desk.type("type:midi")  # which all are
        assert "/type:midi   10 of 10" in desk.text().splitlines()[0]
        await desk.press("/")
        await desk.type("")
        assert "10 samples" in desk.text().splitlines()[0]


def test_every_field_has_a_name_that_a_person_says() -> None:
    from kelly_tui.model.annotation import FIELDS

    assert not [name for name in FIELDS if "_" in field_word(name)]


def test_no_word_is_cut_in_two() -> None:
    assert fit("a file can't be read", 12) == "a file…     "
    assert fit("a file can't be read", 15) == "a file can't…  "
    assert fit("harbour_lights", 8) == "harbour…"
    assert folded("one two three", 7) == ["one two", "three"]
    assert folded("overlong word", 4) == ["overlong", "word"]

"""Review: what others said is hidden until one has said something; then all three stand side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, put_conflict
from kelly_tui.store.opinions import give_opinion, opinions, to_review
from tests.ui.conftest import NAMES, Open


def say(root: Path, by: str, name: str, emotion: str) -> None:
    with Catalogue.open(root) as catalogue:
        history.edit(catalogue, [Edit(f"{NAMES.index(name):016x}", "emotion", Label(emotion))], by)


@pytest.mark.exercises("review", "opinion", "settle", "undo", "play", "back", "hook")
async def test_opinions_are_hidden_until_ones_own_is_given(open_desk: Open, root: Path) -> None:
    for by, emotion in (("anna", "happy"), ("ben", "tense")):
        say(root, by, "fern", emotion)
    say(root, "anna", "amber", "angry")  # one opinion: nothing to review
    async with open_desk(root) as desk:
        await desk.press("g", "r")
        assert "1 of 1 label" in desk.text()
        assert desk.sound.loaded == "fern"
        lines = desk.text()
        assert lines.count("hidden") == 2
        assert "anna" not in lines
        assert "ben" not in lines
        await desk.press("enter", "space")
        assert desk.sound.state.playing
        await desk.press("p")
        assert desk.sound.state.loop is not None
        await desk.press("enter")
        assert "not said anything yet" in desk.said
        await desk.press("5")
        row = next(line for line in desk.text().splitlines() if line.split() == ["happy", "tense", "tense"])
        assert row.index("happy") < row.index("tense")
        assert "anna" in desk.text()
        assert desk.values("fern")["emotion"] == "tense"
        assert desk.stored("fern").labels["emotion"].by == "tester"
        await desk.press("u")
        assert desk.text().count("hidden") == 2  # what was taken back was not said
        await desk.press("1", "enter", "escape")
        assert desk.values("fern")["emotion"] == "happy"
        await desk.press("g", "r")
        assert "Nothing waits to be decided" in desk.text()
        await desk.press("1")
        assert "nothing waits" in desk.said


async def test_two_sides_that_disagree_are_settled(open_desk: Open, root: Path) -> None:
    sample_id = f"{NAMES.index('heath'):016x}"
    with Catalogue.open(root) as catalogue:
        put_conflict(catalogue, sample_id, "emotion", None, Label("happy", "folder"), Label("sad", "folder"), "folders")
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("g", "r")
        assert desk.text().count("hidden") == 2
        assert "folder" not in desk.text()
        await desk.press("2")
        assert any(line.split() == ["happy", "sad", "sad"] for line in desk.text().splitlines())
        await desk.press("enter")
        assert "sad stands; that was the last" in desk.said
        with Catalogue.open(root) as catalogue:
            assert conflicts(catalogue) == []
        assert desk.values("heath")["emotion"] == "sad"


async def test_whatever_field_waits_is_decided_there(open_desk: Open, root: Path) -> None:
    iris = f"{NAMES.index('iris'):016x}"
    with Catalogue.open(root) as catalogue:
        put_conflict(catalogue, iris, "key", None, Label("A", "folder"), Label("C", "folder"), "folders")
        history.edit(catalogue, [Edit(iris, "valence", Label(0.5))], "anna")
        give_opinion(catalogue, iris, {"valence": -1.0}, "ben")
        assert {one.field for one in conflicts(catalogue)} == {"key", "valence"}
    async with open_desk(root, size=(80, 24)) as desk:
        assert "2 conflicts; gr decides" in desk.text()
        await desk.press("g", "r")
        assert "1 of 2 labels" in desk.text()
        asked = [line.strip() for line in desk.text().splitlines()]
        assert "key" in asked
        await desk.press("enter", "D", "enter")
        assert desk.values("iris")["key"] == "D"
        await desk.press("enter")
        asked = [line.strip() for line in desk.text().splitlines()]
        assert "valence" in asked
        assert "1 lowest  5 neutral  9 highest" in asked
        await desk.press("7", "enter", "escape")
        assert desk.values("iris")["valence"] == 0.5
        with Catalogue.open(root) as catalogue:
            assert conflicts(catalogue) == []


def test_the_last_word_of_each_counts_and_what_was_undone_does_not(root: Path) -> None:
    sample_id = f"{NAMES.index('fern'):016x}"
    for by, emotion in (("anna", "happy"), ("ben", "sad"), ("anna", "angry"), ("cleo", "tense")):
        say(root, by, "fern", emotion)
    with Catalogue.open(root) as catalogue:
        history.undo(catalogue, "cleo")
        assert [(one.by, one.value) for one in opinions(catalogue, sample_id, "emotion")] == [
            ("ben", "sad"),
            ("anna", "angry"),
        ]
        assert to_review(catalogue, "emotion", "dora") == [sample_id]
        assert to_review(catalogue, "emotion", "anna") == []
        assert to_review(catalogue, "groove_type", "dora") == []

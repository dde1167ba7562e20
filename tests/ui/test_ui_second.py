"""A second look: an earlier sample comes back without its labels, and what is said of it changes none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, opinions
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.opinions import blind_opinions
from kelly_tui.ui.keymap import default_keymap
from kelly_tui.ui.screens import second
from kelly_tui.ui.screens.report import report_entries
from kelly_tui.validate.agreement import agreement
from kelly_tui.validate.report import validate_dataset
from tests.ui.conftest import NAMES, Desk, Open


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "LISTEN", 0.0)
    monkeypatch.setattr(opinions, "APART", 2)


def said(desk: Desk) -> list[tuple[str, str, int, object]]:
    assert desk.app.session is not None
    with Catalogue.open(desk.app.session.root) as catalogue:
        found = blind_opinions(catalogue)
    return [(NAMES[int(one.sample_id, 16)], one.annotator, one.round, one.value) for one in found]


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_ones_own_label_comes_back_blind_and_is_not_overwritten(
    open_desk: Open, root: Path, size: tuple[int, int]
) -> None:
    with Catalogue.open(root) as catalogue:
        for name in ("heath", "iris", "grove"):
            history.edit(catalogue, [Edit(f"{NAMES.index(name):016x}", "emotion", Label("sad"))], "tester")
    async with open_desk(root, size=size, second_look=0.5) as desk:
        await desk.press("2", "1")  # one is due, and is looked for
        assert desk.place == "list"
        await desk.press("3")
        assert desk.place == "second"
        page = desk.text()
        assert "You have labelled this before" in page
        assert desk.sound.state.playing
        for told in (*NAMES, "sad ", "happy ?", "Am"):
            assert told not in page.replace("2 sad", "")
        asked = desk.sound.loaded
        before = desk.values(asked)
        await desk.press("8")
        assert desk.place == "list"
        assert desk.values(asked) == before
        assert said(desk) == [(asked, "tester", 1, before["emotion"]), (asked, "tester", 2, "neutral")]
        assert "to be decided: gr" in desk.said
        assert desk.here == desk.sound.loaded == "dune", "the work goes on where it was"
        await desk.press("u")
        assert said(desk) == []
        assert desk.said.startswith("undo opinion emotion neutral")
        assert desk.here == asked


@pytest.mark.exercises("hear_others", "judge", "skip", "affect", "undo", "back")
async def test_what_others_labelled_is_judged_blind_and_differences_go_to_review(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        for name, emotion in (("amber", "sad"), ("fern", "happy"), ("heath", "angry")):
            history.edit(catalogue, [Edit(f"{NAMES.index(name):016x}", "emotion", Label(emotion))], "anna")
        history.edit(catalogue, [Edit(f"{NAMES.index('amber'):016x}", "arousal", Label(-1.0))], "anna")
    async with open_desk(root) as desk:
        await desk.press("g", "o")
        assert "1 of 4 samples" in desk.text()  # dune is somebody's as well
        assert "anna" not in desk.text()
        assert desk.sound.loaded == "amber"
        await desk.press("v", "5", "9", "2")
        assert desk.sound.loaded == "dune"
        await desk.press("s")
        assert desk.sound.loaded == "fern"
        await desk.press("3")
        assert desk.sound.loaded == "heath"
        await desk.press("u")  # what is taken back is asked again
        assert desk.sound.loaded == "fern"
        assert "3 of 4 samples" in desk.text()
        await desk.press("2", "escape")
        assert desk.place == "list"
        assert said(desk) == [
            ("amber", "tester", 1, 0.0),  # nobody else has said anything of valence
            ("amber", "anna", 1, -1.0),
            ("amber", "tester", 1, 1.0),
            ("amber", "anna", 1, "sad"),
            ("amber", "tester", 1, "sad"),
            ("fern", "anna", 1, "happy"),
            ("fern", "tester", 1, "sad"),
        ]
        assert desk.values("fern")["emotion"] == "happy"
        await desk.press("g", "r")
        assert "1 of 2 labels" in desk.text()  # and what they say of amber's arousal
        assert desk.text().count("hidden") == 2, "his own first word is hidden from him too"
        await desk.press("1")
        assert any(line.split() == ["happy", "sad", "happy"] for line in desk.text().splitlines())
        await desk.press("enter", "escape")
        assert desk.stored("fern").labels["emotion"].by == "tester"
        await desk.press("g", "o")
        assert "1 of 2 samples" in desk.text()
        await desk.press("4", "3")
        assert desk.place == "list"
        await desk.press("g", "o")
        assert "nobody else has labelled" in desk.said


async def test_what_is_said_already_is_not_said_twice_of_one_hearing(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        for field, value in (("valence", 0.5), ("arousal", -1.0)):
            history.edit(catalogue, [Edit(f"{NAMES.index('dune'):016x}", field, Label(value))], "anna")
    async with open_desk(root, second_look_fields="emotion valence arousal") as desk:
        await desk.press("g", "o", "3", "5")  # emotion, then valence by its digit alone
        await desk.press("v", "1", "9")
        assert said(desk) == [
            ("dune", "someone", 1, "tense"),
            ("dune", "tester", 1, "angry"),
            ("dune", "anna", 1, 0.5),
            ("dune", "tester", 1, 0.0),
            ("dune", "anna", 1, -1.0),
            ("dune", "tester", 1, 1.0),
        ]


async def test_at_80_columns_agreement_stands_beside_the_scores(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        for by, values in (("anna", ("sad", "sad", "happy")), ("ben", ("sad", "happy", "happy"))):
            for number, value in enumerate(values):
                opinions.give_opinion(catalogue, f"{number:016x}", {"emotion": value}, by)
        (emotion,) = agreement(catalogue).fields
    assert emotion.alpha is not None
    async with open_desk(root, size=(80, 24)) as desk:
        assert f"agreement {emotion.alpha.value:.2f} on 3" in desk.text()
        assert "4 unlabelled  press gn" in desk.text(), "the next best action in full"
        await desk.press("g", "k")
        assert f"alpha {emotion.alpha.value:.2f}  (too few to tell)   on 3 samples" in desk.text()


@pytest.mark.exercises("say_value", "judge", "skip", "agreement")
async def test_the_fields_that_were_chosen_are_asked_one_after_another(open_desk: Open, root: Path) -> None:
    labels = {"emotion": "sad", "valence": -0.5, "key": "A", "articulation": "legato"}
    with Catalogue.open(root) as catalogue:
        for name in ("heath", "iris"):
            edits = [Edit(f"{NAMES.index(name):016x}", field, Label(value)) for field, value in labels.items()]
            history.edit(catalogue, edits, "anna")
    async with open_desk(root, size=(80, 24), second_look_fields="valence key articulation emotion tempo") as desk:
        await desk.press("g", "o")
        assert "1 of 2 samples" in desk.text()
        asked = next(line.split() for line in desk.text().splitlines() if "articulation" in line and "valence" in line)
        assert asked == ["valence", "key", "articulation", "emotion"], "nobody has said a tempo"
        assert "1 lowest  5 neutral  9 highest" in desk.text()
        await desk.press("2")
        assert "valence -0.75" in desk.text()
        assert "enter types it" in desk.text()
        await desk.press("3")
        assert desk.said == "no digit says a key. enter types it."
        await desk.press("enter", "x", "escape", "enter", "B", "b", "enter")
        assert "key A#" in desk.text()
        await desk.press("s", "2")  # nothing of its articulation
        assert "2 of 2 samples" in desk.text()
        await desk.press("3", "enter", "A", "enter", "1", "2")
        assert desk.place == "list"
        assert [(name, value) for name, by, _, value in said(desk) if by == "tester"] == [
            ("heath", -0.75), ("heath", "A#"), ("heath", "sad"),
            ("iris", -0.5), ("iris", "A"), ("iris", "legato"), ("iris", "sad"),
        ]  # fmt: skip
        await desk.press("g", "k")
        assert "Between people" in desk.text()


@pytest.mark.parametrize("fields", ["key mode", "mode key"])
async def test_a_key_that_is_typed_with_its_mode_says_both(open_desk: Open, root: Path, fields: str) -> None:
    labels = {"key": "A", "mode": "minor"}
    with Catalogue.open(root) as catalogue:
        edits = [Edit(f"{NAMES.index('heath'):016x}", field, Label(value)) for field, value in labels.items()]
        history.edit(catalogue, edits, "anna")
    async with open_desk(root, second_look_fields=fields) as desk:
        await desk.press("g", "o")
        if fields == "mode key":
            await desk.press("2", "enter", *"Bb major", "enter")
            assert "is major, and the mode beside it minor" in desk.text()
            await desk.press(*["backspace"] * len("major"), *"minor", "enter")
        else:
            await desk.press("enter", *"Bb minor", "enter")
        assert desk.place == "list", "both are answered"

        assert sorted(str(value) for _, by, _, value in said(desk) if by == "tester") == ["A#", "minor"]


async def test_a_field_on_which_nothing_is_measured_is_no_second_look(open_desk: Open, root: Path) -> None:
    async with open_desk(root, second_look_fields="notes") as desk:
        await desk.press("g", "o")
        assert desk.said == "no agreement is measured on notes. Mend second_look_fields in settings.toml."


async def test_agreement_stands_below_the_list_and_by_field_and_class_on_its_page(open_desk: Open, root: Path) -> None:
    anna = ["sad", "sad", "happy", "tense", "happy", "angry"]
    ben = ["sad", "happy", "happy", "tense", "happy", "sad"]
    with Catalogue.open(root) as catalogue:
        for by, values in (("anna", anna), ("ben", ben), ("anna", ben)):
            for number, value in zip((0, 1, 2, 5, 6, 7), values, strict=True):
                opinions.give_opinion(catalogue, f"{number:016x}", {"emotion": value}, by)
        for by, pair in (("anna", (0.5, -0.5)), ("ben", (0.25, -0.75))):
            for number, value in enumerate(pair):
                opinions.give_opinion(catalogue, f"{number:016x}", {"valence": value}, by)
        emotion, valence = agreement(catalogue).fields
    assert emotion.alpha is not None
    assert valence.alpha is not None
    async with open_desk(root, size=(160, 48)) as desk:
        assert f"agreement {emotion.alpha.value:.2f} on 6" in desk.text()
        await desk.press("g", "k")
        text = desk.text()
        assert f"emotion        alpha {emotion.alpha.value:.2f}  (" in text
        assert f"valence        alpha {valence.alpha.value:.2f}  (" in text
        assert f"happy {emotion.by_class['happy']:.2f}   sad {emotion.by_class['sad']:.2f}" in text
        assert f"anna, ben: kappa {emotion.pairs[0].kappa:.2f}, 4 of 6 the same" in text
        assert "anna, asked again" in text
        await desk.press("escape")
        desk.app.workstation.give_opinion(f"{8:016x}", {"emotion": "sad"})  # type: ignore[union-attr]
        desk.app.workstation.give_opinion(f"{8:016x}", {"emotion": "happy"})  # type: ignore[union-attr]
        await desk.settle()
        assert f"agreement {emotion.alpha.value:.2f} on 6" in desk.text()
        await desk.press("2")
        assert "agreement" in desk.text()


async def test_a_key_that_comes_too_early_was_meant_for_something_else(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second, "LISTEN", 60.0)
    async with open_desk(root) as desk:
        await desk.press("g", "o", "2")
        assert "hardly begun" in desk.said
        assert said(desk) == []


async def test_no_second_look_where_it_is_turned_off(open_desk: Open, root: Path) -> None:
    async with open_desk(root, second_look=0.0) as desk:
        await desk.press("1", "2", "3", "4", "5", "6", "7")
        assert desk.place == "list"


def test_the_report_says_by_field_how_far_people_agree_and_each_with_himself(root: Path) -> None:
    from sklearn.metrics import cohen_kappa_score

    anna = ["sad", "sad", "happy", "tense", "happy", "angry"]
    ben = ["sad", "happy", "happy", "tense", "happy", "sad"]
    again = ["sad", "sad", "happy", "happy", "happy", "angry"]
    with Catalogue.open(root) as catalogue:
        for by, values in (("anna", anna), ("ben", ben), ("anna", again)):
            for number, value in zip((0, 1, 2, 5, 6, 7), values, strict=True):  # no person has labelled these
                opinions.give_opinion(catalogue, f"{number:016x}", {"emotion": value}, by)
    lines = report_entries(validate_dataset(root), 160, default_keymap())
    told = "\n".join("".join(text for text, _ in entry.line) for entry in lines)
    between, with_herself = (f"kappa {cohen_kappa_score(anna, other):.2f}" for other in (ben, again))
    assert re.search(rf"agreement on emotion: alpha \S+ \(\S+ to \S+\) on 6 samples, {between} \(anna, ben\)", told)
    assert re.search(rf"anna, asked again: emotion: alpha .* on 6 samples, {with_herself} \(round 1, round 2\)", told)

"""A piece and its variants as lanes, and the blind comparison of two."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import pytest

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.render.companion import Companion
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.trials import trials
from kelly_tui.ui.picture import Picture, read_picture
from kelly_tui.ui.screens import listening
from kelly_tui.ui.screens.blind import A, B, BlindScreen, X
from kelly_tui.ui.screens.variants import VariantsScreen
from kelly_tui.ui.screens.workstation import Workstation
from kelly_tui.ui.widgets.lanes import Lanes
from tests.null_sink import PATIENCE
from tests.ui.conftest import NAMES, Desk, Open


def title(desk: Desk, name: str) -> str:
    return next(line for line in desk.text().splitlines()[3:] if name in line)


@pytest.mark.exercises("variants", "next_variant", "previous_variant", "compare", "play", "open", "down", "up", "back")
async def test_variants_are_lanes_and_walking_keeps_the_place(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "o")  # dune, from which elm was made
        assert isinstance(desk.app.screen, VariantsScreen)
        assert "▶ dune" in title(desk, "dune")
        assert "1 variant" in desk.text().splitlines()[0]
        assert len(desk.app.screen.query_one(Lanes).pictures) == 2
        await desk.press("space")
        desk.sound.state.position = 3.0
        await desk.press(">")
        assert (desk.sound.loaded, desk.sound.state.position, desk.sound.state.playing) == ("elm", 3.0, True)
        assert "▶" in title(desk, "transpose")
        assert "▶" not in title(desk, "dune ")
        await desk.press("tab")
        assert desk.sound.loaded == "dune"
        assert "▌" in title(desk, "transpose")  # the cursor stays
        await desk.press("tab", "k")
        assert desk.sound.loaded == "dune"
        await desk.press("<")  # round
        assert desk.sound.loaded == "elm"
        await desk.press("enter")
        assert isinstance(desk.app.screen, Workstation)
        assert (desk.here, desk.sound.loaded) == ("elm", "elm")
        await desk.press("o", "escape")
        assert desk.here == "elm"


async def test_a_sample_that_only_names_a_root_is_heard_beside_it(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:  # as of a link that was cut
        db.execute("UPDATE samples SET parent_id = NULL WHERE file_path LIKE '%elm%'")
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "j", "o")
        assert isinstance(desk.app.screen, VariantsScreen)
        assert desk.app.screen.chosen.file_path.endswith("elm.mid")
        assert "▶ dune" not in title(desk, "dune")
        assert "▶" in title(desk, "elm")


async def test_versions_of_another_tempo_are_heard_at_the_same_beat_and_made_ready(open_desk: Open, root: Path) -> None:
    """Twice as fast, and its last notes dropped: what counts is the recipe, not how long the files are."""
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute(
            "UPDATE samples SET augmentation = ?, duration_sec = 3.5 WHERE file_path LIKE '%elm%'",
            (json.dumps({"time_stretch": 2, "dropout": 0.02, "seed": 1}),),
        )
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "j", "space")
        assert ("decks", "elm", "dune") in desk.sound.asked
        desk.sound.state.position = 1.5
        await desk.press("tab")
        assert (desk.sound.loaded, desk.sound.state.position) == ("dune", 3.0)
        await desk.press("tab")
        assert (desk.sound.loaded, desk.sound.state.position) == ("elm", 1.5)


@pytest.mark.exercises("lenses", "lens_click", "lens_drone", "lens_off", "back")
async def test_lenses_stay_on_among_the_lanes_each_with_its_own_labels(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variant in D at half the tempo: its drone is a D, its clicks are a second apart, and the screen says so."""
    with Catalogue.open(root) as catalogue:
        found = {"key": Label("D"), "tempo_bpm": Label(60.0)}
        history.edit(catalogue, [Edit(f"{4:016x}", field, label) for field, label in found.items()], "me")
        with catalogue.writing() as db:
            db.execute(
                "UPDATE samples SET augmentation = ?, duration_sec = 16 WHERE file_path LIKE '%elm%'",
                (json.dumps({"time_stretch": 0.5, "seed": 1}),),
            )
    may_read = Event()
    may_read.set()

    def read(root: Path, sample: Sample) -> Picture:
        assert may_read.wait(PATIENCE)
        return read_picture(root, sample)

    monkeypatch.setattr(listening, "read_picture", read)
    async with open_desk(root, size=(120, 40)) as desk:
        await desk.press("j", "j", "j", "m", "k", "m", "T", "escape", "o")
        assert "drone A · click" in desk.text()
        before = desk.sound.companion
        may_read.clear()
        await desk.pilot.press(">")
        assert desk.sound.companion == before.stretched(2.0)  # until its own beats are known
        may_read.set()
        await desk.settle()
        assert [time for time, _ in desk.sound.companion.clicks][:3] == [0.0, 1.0, 2.0]
        assert (desk.sound.companion.drone, desk.sound.lens.semitones) == ("D", 1)
        assert "drone D · click" in desk.text()
        await desk.press("m")
        assert "k drone" in desk.text()
        await desk.press("x")
        assert desk.sound.companion == Companion()
        await desk.press("escape")
        assert isinstance(desk.app.screen, VariantsScreen)
        await desk.press("escape")
        assert isinstance(desk.app.screen, Workstation)
        assert desk.sound.companion == Companion()


@pytest.mark.exercises("reject", "undo")
async def test_x_refuses_a_variant_among_its_lanes(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24), filter="is:augmented") as desk:
        await desk.press("o", "x")
        assert desk.stored("elm").rejected
        assert "refused" in title(desk, "transpose")
        await desk.press("u")
        assert not desk.stored("elm").rejected
        assert "refused" not in title(desk, "transpose")


@pytest.mark.exercises("reject_recipe", "undo", "redo")
async def test_all_variants_of_a_recipe_are_refused_as_one_step(open_desk: Open, root: Path) -> None:
    made = {
        "elm": "transpose+velocity",
        "fern": "transpose+velocity",
        "heath": "transpose",
        "iris": "transpose+velocity",
    }
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        for name, kind in made.items():
            db.execute(
                "UPDATE samples SET augmentation_type = ?, parent_id = ?, root_id = ? WHERE file_path LIKE ?",
                (kind, f"{3:016x}", f"{3:016x}", f"%{name}%"),
            )

    def refused(desk: Desk) -> list[str]:
        return [name for name in NAMES if desk.stored(name).rejected]

    async with open_desk(root) as desk:
        await desk.press("X")
        assert "it is no variant" in desk.said
        await desk.press("/")
        await desk.type("fern")
        await desk.press("x", "X")
        assert refused(desk) == ["elm", "fern", "iris"]
        assert "2 variants of transpose+velocity refused" in desk.said
        await desk.press("u")
        assert refused(desk) == ["fern"]
        assert "undo 2 variants of transpose+velocity refused" in desk.said
        await desk.press("ctrl+r")  # which goes to a variant that is not listed: a key behind it would be for that
        await desk.press("X")
        assert refused(desk) == []
        assert "3 variants of transpose+velocity no longer refused" in desk.said
        await desk.press("o", "X")
        assert refused(desk) == ["elm", "fern", "iris"]
        assert "3 variants of transpose+velocity refused" in desk.said
        assert desk.text().count("refused") == 4
        await desk.press("u")
        assert refused(desk) == []
        assert desk.text().count("refused") == 1  # what was undone


async def test_a_piece_without_variants_says_how_they_are_made(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("o")
        assert "augment, makes variants" in desk.said
        await desk.press(">", "x")
        assert "no guess to refuse" in desk.said


async def test_walking_the_list_keeps_the_place_too(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "space")
        desk.sound.state.position = 3.0
        await desk.press(">")
        assert desk.here == "elm"
        assert (desk.sound.loaded, desk.sound.state.position, desk.sound.state.playing) == ("elm", 3.0, True)


@pytest.mark.exercises("blind", "compare", "answer", "play")
async def test_sixteen_blind_trials_tell_nothing_before_the_end_and_are_kept(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("b")
        assert "no two to compare" in desk.said
        await desk.press("j", "j", "j", "j", "space")
        desk.sound.state.position = 2.0
        await desk.press("b")
        screen = desk.app.screen
        assert isinstance(screen, BlindScreen)
        assert ("decks", "dune", "elm") in desk.sound.asked
        assert (desk.sound.loaded, desk.sound.state.position, desk.sound.state.playing) == ("dune", 2.0, True)
        assert "Is X A or B?   1 of 16" in desk.text()
        await desk.press("1")
        assert "X has not been heard yet" in desk.said
        await desk.press("tab")
        assert desk.sound.loaded == "elm"
        right = []
        for number in range(16):
            while screen.curtain.heard != X:
                await desk.press("tab")
            is_original = desk.sound.loaded == "dune"
            assert desk.sound.state.position == 2.0
            if number == 0:
                await desk.press("3")
                assert "X is A or B" in desk.said
                desk.sound.state.matched = False
                await desk.press("1")
                assert "still being measured" in desk.said
                desk.sound.state.matched = True
            wrong = number in (3, 7, 11)
            right.append(not wrong)
            await desk.press("1" if is_original is not wrong else "2")
            if number < 15:
                assert "✓" not in desk.text()
                assert "right" not in desk.text()
                assert screen.curtain.heard == A
        assert "13 of 16 right, p = .011: you hear the difference" in desk.text()
        await desk.press("1")
        assert "all 16 were answered" in desk.said
        await desk.press("b", "tab", "tab", "1")
        assert len(screen.curtain.answers) == 1
        right.append(screen.curtain.answers[0])
        desk.sound.state.position = 7.0
        await desk.press("escape")
        assert (desk.sound.loaded, desk.sound.state.position, desk.sound.state.playing) == ("elm", 2.0, True)
    with Catalogue.open(root) as catalogue:
        stored = trials(catalogue)
    assert [one.correct for one in stored] == right
    assert {(one.recipe, one.sample_id, one.by) for one in stored} == {("{}", f"{4:016x}", "tester")}
    assert root in desk.app.edited  # whose manifest is written on leaving


@pytest.mark.exercises("blind")
async def test_who_leaves_blind_listening_hears_what_was_heard_before(open_desk: Open, root: Path) -> None:
    """Also among lanes, with the loop that was there; what stood still stands still."""
    async with open_desk(root, filter="is:augmented") as desk:
        await desk.press("o", "O")
        desk.sound.state.position, desk.sound.state.playing = 3.0, False
        loop = desk.sound.state.loop
        assert loop is not None
        await desk.press("b", "tab", "tab")
        desk.sound.state.position = 6.0
        await desk.press("escape")
        assert "variants" in desk.text()
        state = desk.sound.state
        assert (desk.sound.loaded, state.position, state.playing, state.loop) == ("elm", 3.0, False, loop)


async def test_x_is_either_of_the_two(open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_desk(root) as desk:
        for chosen, name in ((A, "dune"), (B, "elm")):
            monkeypatch.setattr("kelly_tui.ui.screens.blind.random.choice", lambda _, chosen=chosen: chosen)
            await desk.press("j", "j", "j", "j", "b", "tab", "tab")
            assert desk.sound.loaded == name
            await desk.press("escape", "k", "k", "k", "k")

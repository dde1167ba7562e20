"""The other screens: pipeline, report, history, datasets, help, palette; and leaving."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kelly_tui.model.report import Finding
from kelly_tui.pipeline.stages import split_dataset
from kelly_tui.store.layout import Layout
from kelly_tui.store.runs import Turn
from kelly_tui.ui.actions import ACTIONS
from kelly_tui.ui.leads import lead
from kelly_tui.ui.screens.datasets import DatasetsScreen
from kelly_tui.ui.screens.help import HelpScreen
from kelly_tui.ui.screens.pipeline import PipelineScreen
from kelly_tui.ui.screens.workstation import Workstation
from kelly_tui.ui.widgets.find_line import FindLine
from tests.ui.conftest import Desk, Open, make_dataset, write_midi


async def job_over(desk: Desk) -> None:
    """Wait until the running stage has ended and its end is on the screen."""
    deadline = time.monotonic() + 60
    while desk.app.session is not None and desk.app.session.is_running and time.monotonic() < deadline:
        await desk.pilot.pause(0.05)
    assert desk.app.workstation is not None
    desk.app.workstation.look_around()
    await desk.settle()


async def shown(desk: Desk, words: str) -> None:
    """Wait until `words` are on the screen: the panel looks at its stages a few times a second."""
    deadline = time.monotonic() + 20
    while words not in desk.text():
        assert time.monotonic() < deadline, desk.text()
        await desk.pilot.pause(0.05)


@pytest.mark.exercises("pipeline", "start", "down", "up", "back", "cancel")
async def test_a_stage_runs_while_one_labels_and_its_results_land(open_desk: Open, tmp_path: Path, root: Path) -> None:
    music = tmp_path / "new"
    for number in range(3):
        write_midi(music / f"happy/late_{number}.mid", 40 + number)
    async with open_desk(root) as desk:
        await desk.press("g", "p")
        assert isinstance(desk.app.screen, PipelineScreen)
        await desk.press("x")
        assert "nothing is running" in desk.said
        await desk.press("j", "k", "enter")
        await desk.type(str(music))
        assert desk.app.session is not None
        assert desk.app.session.job is not None
        await desk.press("escape", "2")  # labelling goes on
        assert desk.values("amber")["emotion"] == "sad"
        await job_over(desk)
        assert desk.app.session.job.exit_code == 0
        assert "import:" in desk.said
        assert desk.app.screen.query_one(FindLine).counted == "13"
        assert "late_0" in desk.text()
        await desk.press(":")
        await desk.type("annotate")
        await job_over(desk)
        assert next(line for line in desk.text().splitlines() if "late_0" in line).split()[2] == "happy"


async def test_a_stage_is_stopped_and_says_so(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press(":")
        await desk.type("synthesize 100000")
        await desk.press(":")
        await desk.type("extract")
        assert "another stage is running" in desk.hint
        await desk.press("escape", "g", "p", "x")
        assert "stopping" in desk.said
        await job_over(desk)
        assert desk.app.session is not None
        assert desk.app.session.job is not None
        assert desk.app.session.job.exit_code == 130


async def test_a_stage_that_runs_elsewhere_is_shown_and_is_not_ours_to_stop(open_desk: Open, root: Path) -> None:
    turn = Turn(Layout(root))
    turn.tell("extract", {"stage": "extract", "done": 3, "total": 9, "failed": 0, "rate": 2.0, "seconds_left": 3.0})
    async with open_desk(root) as desk:
        await desk.press("g", "p")
        line = next(line for line in desk.text().splitlines() if " extract " in line)
        assert f"running  not started here: process {os.getpid()}, since " in line
        assert "3/9" in desk.text()
        for key in ("x", "j", "enter"):
            await desk.press(key)
            if key != "j":
                assert f"extract runs elsewhere (process {os.getpid()}). " in desk.said
                assert "stop it there" in desk.said.lower()
        assert desk.app.session is not None
        assert desk.app.session.job is None
        turn.close()
        await desk.press("enter")
        assert desk.app.session.job is not None
        await job_over(desk)
        assert desk.app.session.job.exit_code == 0


async def test_the_log_is_that_of_the_stage_under_the_cursor(open_desk: Open, root: Path) -> None:
    split_dataset(root)
    async with open_desk(root) as desk:
        await desk.press("g", "p")
        await desk.press("j", "enter")  # annotate
        await job_over(desk)
        await shown(desk, "annotate: ")
        await desk.press("j")
        assert "annotate: " not in desk.text().partition("find features")[2]
        await desk.press("j")
        assert ": done, " in desk.text().partition("put songs into")[2]  # of the run before the app, as it is on record
        await desk.press("k", "k")
        await shown(desk, "annotate: ")


async def test_what_a_stage_wants_is_said_before_it_starts(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        for typed, answer in (
            ("import", "import wants a folder or files"),
            ("import /no/such/folder", "there is nothing to import"),
            ("augment many", "augment wants a number"),
            ("extract now", "extract takes nothing more"),
        ):
            await desk.press(":")
            await desk.type(typed)
            assert answer in desk.hint
            await desk.press("escape")
        assert desk.app.session is not None
        assert desk.app.session.job is None


@pytest.mark.exercises("report", "check", "open")
async def test_the_report_leads_to_its_samples(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "v")
        await desk.settle()
        assert "INVALID" in desk.text()
        await desk.press("r")
        await desk.settle()
        for wanted, starts, listed in (("are not what", "id:", 10), ("valence", "is:held valence:?", 9)):
            await to_finding(desk, wanted)
            await desk.press("enter")
            assert isinstance(desk.app.screen, Workstation)
            assert desk.app.screen.filter.startswith(starts)
            assert len(desk.app.screen.table.order) == listed
            await desk.press("g", "v")
            await desk.settle()
        await to_finding(desk, "no features")
        await desk.press("enter")
        assert isinstance(desk.app.screen, PipelineScreen)
        assert desk.app.screen.lines.chosen.name == "extract"  # type: ignore[attr-defined]


@pytest.mark.exercises("write_page")
async def test_the_report_is_written_as_a_page(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "v")
        await desk.settle()
        await desk.press("w")
        await desk.settle()
        assert "report.html" in desk.text()
    written = (root / "report.html").read_text()
    assert "INVALID" in written
    assert "are not what" in written


async def to_finding(desk: Desk, words: str) -> None:
    """Move the report's cursor to the finding that says so."""
    await desk.press("home")
    for _ in range(20):
        finding = desk.app.screen.lines.chosen  # type: ignore[attr-defined]
        if words in finding.message:
            return
        await desk.press("j")
    raise AssertionError(f"no finding says {words!r}")


@pytest.mark.exercises("history", "open")
async def test_history_shows_who_changed_what_and_leads_there(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "h")
        assert "Nothing has been edited yet" in desk.text()
        await desk.press("escape", "j", "3", "j", "j", "g", "h")
        line = next(line for line in desk.text().splitlines() if "birch" in line)
        assert "tester" in line
        assert "sad → angry" in line
        await desk.press("enter")
        assert desk.here == "birch"


@pytest.mark.exercises("help", "back")
async def test_help_lists_every_action_that_has_a_key(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(120, 200)) as desk:
        await desk.press("?")
        assert isinstance(desk.app.screen, HelpScreen)
        text = desk.text()
        for action in ACTIONS:
            assert action.words in text, action.id
        await desk.press("escape")
        assert isinstance(desk.app.screen, Workstation)


@pytest.mark.exercises("palette")
async def test_the_palette_finds_an_action_by_its_words(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("ctrl+p")
        await desk.press(*"flag")
        await desk.pilot.pause(0.3)
        await desk.press("enter")
        await desk.pilot.pause(0.3)
        await desk.settle()
        assert desk.stored("amber").decision == "flagged"


@pytest.mark.exercises("datasets", "open", "new_dataset")
async def test_datasets_are_chosen_and_made(open_desk: Open, tmp_path: Path, root: Path) -> None:
    make_dataset(tmp_path / "datasets", "grooves", "groovepredictor")
    async with open_desk(None) as desk:
        assert isinstance(desk.app.screen, DatasetsScreen)
        await desk.press("escape")  # there is nowhere to go
        text = desk.text()
        assert "GroovePredictor" in text
        assert "EmotionRecognizer" in text
        await desk.press("j", "enter")
        assert isinstance(desk.app.screen, Workstation)
        assert desk.app.session is not None
        assert desk.app.session.name == "songs"
        await desk.press("g", "d", "k", "enter")
        assert desk.app.session.name == "grooves"
        await desk.press("2")  # swing: the main label is the groove here
        assert desk.values("amber")["groove_type"] == "swing"

        await desk.press("g", "d", "n")
        assert "learns from chord progressions" in desk.text()
        await desk.type("harmonie")
        assert "Did you mean harmonypredictor?" in desk.hint
        await desk.type("harmonypredictor")
        await desk.type("my_chords")
        assert (tmp_path / "datasets/my_chords/config.json").exists()
        assert desk.app.session.config.target_model == "harmonypredictor"
        assert "There is no sample yet" in desk.text()
        await desk.press("g", "d", "n", "escape")
        assert "EmotionRecognizer" in desk.text()


async def test_a_broken_dataset_is_listed_with_its_reason(open_desk: Open, tmp_path: Path, root: Path) -> None:
    (root / "config.json").write_text("{not json")
    async with open_desk(None) as desk:
        assert "config.json can't be read" in desk.text()
        await desk.press("enter")
        assert isinstance(desk.app.screen, DatasetsScreen)


@pytest.mark.exercises("quit")
async def test_quit_writes_what_is_waiting(open_desk: Open, root: Path) -> None:
    from kelly_tui.store.catalogue import Catalogue

    async with open_desk(root) as desk:
        sound = desk.sound
        await desk.pilot.press("5")
        await desk.pilot.press("ctrl+q")
    assert sound.asked[-1] == ("close",)
    with Catalogue.open(root) as catalogue:
        sample = catalogue.get(f"{0:016x}")
    assert sample is not None
    assert sample.annotations == {"emotion": "tense"}


def test_what_the_app_itself_can_mend_is_not_said_as_a_command_of_the_shell() -> None:
    for code in ("split-list", "manifest-broken", "outside-edit", "quarantined", "no-splits", "unsplit"):
        way = lead(Finding("warning", code, "found", "kelly split demo", 1, filter="is:quarantined"))
        assert way.words
        assert "kelly " not in way.words, code

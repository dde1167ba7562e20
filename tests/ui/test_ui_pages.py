"""The other screens: pipeline, report, history, datasets, help, palette; and leaving."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from kelly_tui.model.report import Finding
from kelly_tui.pipeline.stages import split_dataset
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import Layout
from kelly_tui.store.runs import Turn, latest
from kelly_tui.ui import keymap
from kelly_tui.ui.actions import ACTIONS
from kelly_tui.ui.leads import lead
from kelly_tui.ui.screens.datasets import DatasetsScreen
from kelly_tui.ui.screens.help import HelpScreen
from kelly_tui.ui.screens.pipeline import PipelineScreen
from kelly_tui.ui.screens.report import report_entries
from kelly_tui.ui.screens.workstation import Workstation
from kelly_tui.ui.widgets.find_line import FindLine
from kelly_tui.validate.report import validate_dataset
from tests.ui.conftest import Desk, Open, make_dataset, write_midi


async def job_over(desk: Desk) -> None:
    """Wait until the running stage has ended and its end is on the screen."""
    await desk.until(lambda: desk.app.session is None or not desk.app.session.is_running)
    assert desk.app.workstation is not None
    desk.app.workstation.look_around()
    await desk.settle()


async def shown(desk: Desk, words: str) -> None:
    """Wait until `words` are on the screen: the panel looks at its stages a few times a second."""
    await desk.until(lambda: words in desk.text())


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
        await desk.press("enter")  # what it would take in was shown
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
        job = desk.app.session.job  # type: ignore[union-attr]
        assert job is not None
        await desk.until(lambda: bool(job.progress.total or job.log))  # it heeds what it is told
        await desk.press("escape", "g", "p", "x")
        assert "stopp" in desk.said  # stopping; or stopped, where it was quicker than the screen
        await job_over(desk)
        assert job.exit_code == 130
        await desk.until(lambda: "stopping" not in desk.said)  # what was said while it was stopping is true no more
        assert re.search("synthesize (was stopped|stopped at)", desk.said)  # before it had begun, or in its work


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
        await desk.until(lambda: "annotate: " in desk.said)  # it may be in the log before
        assert "annotate: " not in desk.text().partition("find features")[2].replace(desk.said, "")
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
            ("augment 3 4", "augment wants a number"),
            ("export", "export wants a format and a folder"),
            ("export jsonl", "export wants a format and a folder"),
            ("export jsnl /tmp/x", "Did you mean jsonl?"),
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
        for wanted, starts, listed in (("are not what", "found:file-changed", 10), ("valence", "is:held valence:?", 9)):
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
    said = keymap.default_keymap().in_words
    async with open_desk(root, size=(200, 240)) as desk:
        await desk.press("?")
        assert isinstance(desk.app.screen, HelpScreen)
        text = desk.text()
        for action in ACTIONS:
            assert said(action.words) in text, action.id
        await desk.press("escape")
        assert isinstance(desk.app.screen, Workstation)


@pytest.mark.exercises("palette")
async def test_the_palette_finds_an_action_by_its_words(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("ctrl+p")
        await desk.press(*"flag")
        await desk.until(lambda: re.search(r"🔎 flag\s+flag for a second look", desk.text()) is not None)
        await desk.press("enter")
        await desk.until(lambda: "⚑ amber" in desk.text())
        await desk.settle()
        assert desk.stored("amber").decision == "flagged"


@pytest.mark.exercises("datasets", "open", "new_dataset", "choose_line", "choose_model")
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
        await desk.press("6")
        assert "there is no model 6" in desk.said
        await desk.press("2", "j", "j", "enter")  # the third, by enter
        await desk.press("G", "k", "k", "k", "k", "enter")
        await desk.type("many")
        assert "no target" in desk.hint
        await desk.type("40")
        await desk.press("k", "enter")
        await desk.type("my_chords")
        await desk.press("j", "j", "j", "enter")
        await desk.type("CC-BY-4.0")
        await desk.press("G", "enter")
        assert (tmp_path / "datasets/my_chords/config.json").exists()
        config = desk.app.session.config
        assert (config.target_model, config.license, config.target_samples_per_category) == (
            "harmonypredictor", "CC-BY-4.0", 40,
        )  # fmt: skip
        assert "There is no sample yet" in desk.text()
        await desk.press("g", "d", "n", "escape")
        assert "EmotionRecognizer" in desk.text()


@pytest.mark.exercises("import_music", "import_now")
async def test_an_import_is_shown_folder_by_folder_before_it_begins(
    open_desk: Open, tmp_path: Path, root: Path
) -> None:
    music = tmp_path / "music"
    for pitch, name in enumerate(("happy/one", "happy/two", "sad and angry/three", "live/swing/four"), 40):
        write_midi(music / f"{name}.mid", pitch)
    (music / "cover.jpg").write_bytes(b"no music")
    async with open_desk(None) as desk:
        await desk.press("i")
        await desk.type(str(music))
        await shown(desk, "4 to look at (4 midi), 1 ignored")
        lines = {line.split()[0]: line for line in desk.text().splitlines() if line.strip()}
        assert lines["happy"].split()[1:] == ["2", "happy"]
        assert "no emotion: angry and sad" in lines["sad"]
        assert lines["live/swing"].split()[1:] == ["1", "·", "groove", "swing"]
        assert desk.app.session is not None
        assert desk.app.session.job is None
        await desk.press("enter")
        await job_over(desk)
        with Catalogue.open(root) as catalogue:
            assert catalogue.counts().in_catalogue == 14


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


@pytest.mark.exercises("parameters", "set_parameter", "usual_parameter")
async def test_parameters_are_a_form_that_the_stage_is_started_with(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "p", "j", "e")
        assert "multiplier" not in desk.text()
        await desk.press("escape", "g", "p", "j", "j", "j", "j")  # augment
        assert "multiplier 10 · generated no · balance no" in desk.text()
        await desk.press("e", "j", "enter")
        assert "generated     yes" in desk.text()
        await desk.press("j", "enter", "backspace", "k", "k", "enter")
        await desk.type("many")
        assert "a whole number, 0 or more" in desk.hint
        await desk.type("0")
        await desk.press("escape", "enter", "enter")  # asked with what the form says
        assert desk.app.session is not None
        assert desk.app.session.said == {"augment": {"generated": "yes", "multiplier": "0"}}
        await job_over(desk)
        with Catalogue.open(root) as catalogue:
            asked = latest(catalogue.db)["augment"].details["asked"]
        assert asked == {"multiplier": 0, "generated": True, "balance": False}


async def test_an_export_is_chosen_in_the_form_and_remembers_its_folder(
    open_desk: Open, root: Path, tmp_path: Path
) -> None:
    split_dataset(root)
    out = tmp_path / "sad ones"
    async with open_desk(root) as desk:
        await desk.press("g", "p", *"jjjjjjjj", "e", "enter")  # parquet, by turns
        await desk.press("j", "j", "enter")
        await desk.type("emotoin:sad")
        assert "emotion" in desk.hint
        await desk.press("escape", "enter")
        await desk.type("is:midi")
        await desk.press(*"jjjjjjjjj", "enter", "escape")  # force
        await shown(desk, "format parquet · filter is:midi · force yes")
        await desk.press("enter")
        await desk.type(f"webdataset '{out}'")
        await job_over(desk)
        assert (out / "export.json").is_file()
        session = desk.app.session
        assert session is not None
        said = {"format": "webdataset", "out": str(out), "filter": "is:midi", "force": "yes"}
        assert session.said == {"export": said}
        await desk.press("enter", "enter")  # the same again
        await job_over(desk)
        await shown(desk, "it is there already")
    identity = json.loads((out / "export.json").read_text())["identity"]
    assert (identity["format"], identity["choice"]["filter"]) == ("webdataset", "is:midi")


@pytest.mark.exercises("pause")
async def test_a_stage_pauses_and_goes_on(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press(":")
        await desk.type("synthesize 100000")
        await desk.press("g", "p")
        job = desk.app.session and desk.app.session.job
        assert job is not None
        await desk.until(lambda: job.progress.done > 0)
        await desk.press("p")
        await desk.until(lambda: job.is_paused)
        await shown(desk, "synthesize  paused")
        done = job.progress.done
        with Catalogue.open(root) as catalogue:
            kept = catalogue.counts().origins["generated"]
        assert kept == done + 1  # and iris, which was there
        await desk.press("p")
        await desk.until(lambda: job.progress.done > done)
        await desk.press("p")
        await desk.until(lambda: job.is_paused)
        await desk.press("x")  # a paused stage can be stopped
        await job_over(desk)
        assert job.exit_code == 130


@pytest.mark.exercises("failed")
async def test_failures_lead_to_their_samples(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "p", "j", "!")
        assert "annotate fails on no sample" in desk.said
        await desk.press("j", "!")
        assert "extract has failed on no sample" in desk.said
        assert desk.place == "pipeline"
        with Catalogue.open(root) as catalogue:
            catalogue.quarantine(f"{1:016x}", "extract", "key", "crashed")
        await desk.press("!")
        assert desk.app.workstation is not None
        assert desk.app.workstation.filter == "failed:extract"
        assert "on which extract failed" in desk.said
    async with open_desk(root, filter="failed:extract") as desk:
        assert desk.here == "birch"


def test_the_report_says_whole_what_it_does_not_count_however_narrow(root: Path) -> None:
    report = msgspec.structs.replace(validate_dataset(root), on_no_list=1_234, set_aside=56)
    lines = ["".join(text for text, _ in entry.line) for entry in report_entries(report, 60, keymap.default_keymap())]
    assert all(cell_len(line) <= 60 for line in lines[:3])
    assert "Not counted: 1,234 on no list (made from what is in val or test, or refused), 56 set aside" in " ".join(
        line.strip() for line in lines[:4]
    )

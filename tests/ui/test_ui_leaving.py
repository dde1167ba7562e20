"""Leaving: nothing is lost or stopped without a word, and a terminal that goes takes the app along, edits saved."""

from __future__ import annotations

import fcntl
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kelly_tui.errors import DatasetError, DiskFull
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.ui import saver
from tests.pty_program import PtyProgram
from tests.terminal import Terminal, tmux_is_missing
from tests.ui.conftest import Open


def emotion_of(root: Path, number: int) -> object:
    with Catalogue.open(root) as catalogue:
        sample = catalogue.get(f"{number:016x}")
    return None if sample is None else sample.value("emotion")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A disk on which no edit can be written, until this is emptied."""
    edit, full = history.edit, [True]

    def on_a_full_disk(*arguments: Any) -> object:
        if full:
            raise DiskFull("the disk is full", hint="Make room.")
        return edit(*arguments)

    monkeypatch.setattr(history, "edit", on_a_full_disk)
    return full


def command(root: Path) -> list[str]:
    return [sys.executable, "-m", "kelly_tui", str(root)]


def environment(folder: Path) -> dict[str, str]:
    return {"KELLY_AUTOPLAY": "no", "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder)}


@pytest.mark.exercises("quit")
async def test_quitting_while_another_process_holds_the_dataset_asks_once(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "LONG", 0.0)
    async with open_desk(root) as desk:
        with (root / ".kelly/lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            await desk.pilot.press("3")
            while desk.app.session.saver.waiting:  # type: ignore[union-attr]
                await desk.pilot.pause()
            await desk.pilot.press("ctrl+q")
            assert "1 edit is not saved: another process is writing to the dataset" in desk.said
            await desk.pilot.press("escape")
            assert desk.app.is_running
        await desk.settle()
        assert desk.values("amber")["emotion"] == "angry"


@pytest.mark.exercises("quit")
async def test_quitting_with_unsaved_edits_asks_once(
    open_desk: Open, root: Path, full: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "RETRY_SECONDS", 0.01)
    async with open_desk(root) as desk:
        await desk.press("2", "3", "ctrl+q")
        assert "2 edits are not saved: the disk is full" in desk.said
        assert "ctrl+q again quits and prints them, esc stays" in desk.said
        await desk.press("escape", "j", "ctrl+q")  # another key was pressed: it asks again
        assert desk.app.session is not None
        assert "2 edits are not saved" in desk.said
        await desk.press("/", "ctrl+q")  # and does not take what is typed away without a word
        assert "2 edits are not saved" in desk.text()
        await desk.press("ctrl+q")
        assert desk.app.session is None
        assert [order.words for order in desk.app.unsaved] == ["emotion sad", "emotion angry"]


@pytest.mark.exercises("undo")
async def test_an_undo_behind_what_a_full_disk_refuses_holds_no_key(
    open_desk: Open, root: Path, full: list[bool]
) -> None:
    """It waited behind the edit, and all keys behind it, those that quit too: the app had to be killed."""
    async with open_desk(root) as desk:
        await desk.press("2", "u")
        assert desk.app.session is not None
        saving = desk.app.session.saver
        await desk.until(lambda: bool(saving.stuck))
        await desk.press("3", "ctrl+q")
        assert "3 edits are not saved: the disk is full" in desk.said
        await desk.press("ctrl+q")
        assert desk.app.session is None
        assert [order.words or order.kind for order in desk.app.unsaved] == ["emotion sad", "undo", "emotion angry"]


async def test_what_could_be_saved_in_the_end_asks_nothing(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, full = history.edit, [True]

    def on_a_full_disk(*arguments: object) -> object:
        if full:
            full.clear()
            raise DiskFull("the disk is full", hint="Make room.")
        return edit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(history, "edit", on_a_full_disk)
    monkeypatch.setattr(saver, "RETRY_SECONDS", 0.01)
    async with open_desk(root) as desk:
        await desk.press("2")
        await desk.until(lambda: desk.app.workstation is None or not desk.app.workstation.unsaved)
        await desk.press("ctrl+q")
        assert desk.app.session is None
    assert emotion_of(root, 0) == "sad"


async def test_quitting_while_a_stage_runs_says_that_it_stops(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press(":")
        await desk.type("synthesize 100000")
        await desk.press("ctrl+q")
        assert "synthesize is running. ctrl+q again stops it, what is done is kept, esc stays" in desk.said
        job = desk.app.session.job  # type: ignore[union-attr]
        assert job is not None
        await desk.press("ctrl+q")
        assert desk.app.session is None


@pytest.mark.exercises("suspend", "play")
async def test_what_is_suspended_is_silent(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("space")
        assert desk.sound.state.playing
        await desk.press("ctrl+z")
        assert not desk.sound.state.playing


def test_a_terminal_that_vanishes_without_a_signal_ends_the_app_with_its_edits_saved(
    tmp_path: Path, root: Path
) -> None:
    with PtyProgram(command(root), (100, 30), environment(tmp_path)) as app:
        app.wait_for(b"amber.mid")  # loaded: the list is there, and takes keys
        app.send(b"2")
        app.hang_up()
    assert emotion_of(root, 0) in ("sad", None)  # the key may have gone with the terminal
    with Catalogue.open(root) as catalogue:
        catalogue.counts()


@pytest.mark.parametrize("sign", [signal.SIGHUP, signal.SIGTERM])
def test_an_app_that_is_told_to_end_saves_first(tmp_path: Path, root: Path, sign: int) -> None:
    with PtyProgram(command(root), (100, 30), environment(tmp_path)) as app:
        app.wait_for(b"amber.mid")  # loaded: the list is there, and takes keys
        app.send(b"2")
        app.wait_for(b"saved")
        app.send(b"3")
        app.wait_for(b"cedar.mid")  # the key has come
        app.signal(sign)
        app.end(20)
        assert b"Traceback" not in app.written
        assert app.code == 0
    assert (emotion_of(root, 0), emotion_of(root, 1)) == ("sad", "angry")


def test_an_app_that_nobody_reads_ends_when_it_is_told_to_with_its_edits_saved(tmp_path: Path, root: Path) -> None:
    with PtyProgram(command(root), (200, 60), environment(tmp_path)) as app:
        app.wait_for(b"amber.mid")
        app.send(b"2")
        app.wait_for(b"saved")
        for _ in range(100):  # each draws the screen anew: more than the terminal holds
            app.send(b"\x1b[17~")  # F6
        app.signal(signal.SIGTERM)
        assert app.wait(20) == 0
    assert emotion_of(root, 0) == "sad"


@pytest.mark.skipif(tmux_is_missing(), reason="tmux, a real terminal, is not installed")
def test_ctrl_z_leads_to_the_shell_and_fg_back(tmp_path: Path, root: Path, terminal: Terminal) -> None:
    terminal.open(["bash", "--norc"], {**environment(tmp_path), "PS1": "shell$ "})
    terminal.wait_for(r"shell\$")
    terminal.press(" ".join(command(root)), "Enter")
    terminal.wait_for(r"\? keys")
    assert terminal.modes() == {"alternate_on": "1", "mouse_any_flag": "1", "cursor_flag": "0"}
    terminal.press("C-z")
    terminal.wait_for("Stopped")
    assert terminal.modes() == {"alternate_on": "0", "mouse_any_flag": "0", "cursor_flag": "1"}
    terminal.press("stty -a", "Enter")
    assert re.search(r" echo\b", terminal.wait_for(r"icanon[\s\S]*shell\$\s*$"))
    terminal.press("fg", "Enter")
    terminal.wait_for(r"amber[\s\S]*\? keys\s*$")
    assert terminal.modes() == {"alternate_on": "1", "mouse_any_flag": "1", "cursor_flag": "0"}
    terminal.press("2")
    terminal.wait_for(r"amber: emotion sad")
    terminal.press("C-q")
    terminal.wait_for(r"shell\$\s*$")
    assert terminal.modes()["alternate_on"] == "0"
    assert emotion_of(root, 0) == "sad"


async def test_what_another_process_labels_or_takes_away_is_seen_and_nothing_is_lost(
    open_desk: Open, root: Path
) -> None:
    async with open_desk(root) as desk:
        words = [sys.executable, "-m", "kelly_tui", "label", str(root), "cedar.mid", "emotion=angry"]
        subprocess.run(words, check=True, capture_output=True)
        assert desk.app.workstation is not None
        desk.app.workstation._looks = -1
        desk.app.workstation.look_around()
        await desk.settle()
        assert "angry" in next(line for line in desk.text().splitlines() if "cedar" in line)
        (root / "raw/midi/dune.mid").unlink()
        await desk.press("j", "j", "j")
        assert desk.here == "dune"
        assert "No such file" in desk.text() or "can't be read" in desk.text()
        await desk.press("4")  # it can be labelled all the same
        assert desk.values("dune")["emotion"] == "peaceful"


async def test_a_dataset_that_is_closed_while_something_is_asked_of_it_is_no_fault(open_desk: Open, root: Path) -> None:
    """Who quits while what looks alike is counted: the next question came too late."""
    async with open_desk(root) as desk:
        session = desk.app.session
        assert session is not None
        desk.app.close_dataset()
        with pytest.raises(DatasetError, match="the dataset is closed"):
            await session.ask(len)

"""A stage that is killed or stopped goes on where it was, and ends as if it never had been."""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.store.catalogue import Catalogue
from tests.strangers import COUNT, MULTIPLIER, create, files


def start(root, music) -> subprocess.Popen:
    command = ["run", root, "--import-dir", music, "--multiplier", MULTIPLIER, "--count", COUNT, "--workers", 2]
    return subprocess.Popen(
        [sys.executable, "-m", "kelly_tui", *map(str, command), "--progress", "json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen, stage: str) -> None:
    """Until it speaks of this stage."""
    for line in process.stderr:
        if f'"{stage}"' in line:
            return
    pytest.fail(f"{stage} never began")


def children_of(process: subprocess.Popen) -> list[int]:
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def wait_for_end(process: int) -> None:
    """A child that finds its asker gone leaves; were it not to, this would wait for ever."""
    with suppress(ProcessLookupError):
        select.select([os.pidfd_open(process)], [], [])


def test_kill_9_in_each_stage_and_then_again_ends_in_the_same_bytes(run_once, music, tmp_path):
    root = create(tmp_path)
    for stage in ("import", "extract", "augment", "synthesize"):
        process = start(root, music)
        wait_for(process, stage)
        children = children_of(process)
        process.kill()
        process.wait()
        process.stderr.close()
        for child in children:
            wait_for_end(child)
    kelly_tui.run_pipeline(root, music, MULTIPLIER, COUNT, workers=2)
    assert files(root) == files(run_once[0])
    assert list((root / ".kelly/partial").iterdir()) == []


def test_ctrl_c_says_how_far_it_came_and_what_is_done_is_kept(music, tmp_path):
    root = create(tmp_path)
    process = start(root, music)
    wait_for(process, "extract")
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait() == 130
    assert "the same again goes on" in said.splitlines()[-1]
    assert "Traceback" not in said
    with Catalogue.open(root) as catalogue:
        assert len(catalogue)

"""A SoundFont of a few kilobytes may hold gigabytes of silence: it gets no more memory than its size warrants."""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kelly_tui import paths
from kelly_tui.errors import SoundError
from kelly_tui.playback import allowance
from kelly_tui.playback.state import Board
from kelly_tui.playback.synths import Synths
from kelly_tui.render.synth import Synth
from tests.nasty.soundfonts import font

FRAMES = 24 << 20
"""Of silence: 48 MiB."""


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    packed = io.BytesIO()
    with soundfile.SoundFile(packed, "w", 44_100, 1, format="FLAC", subtype="PCM_16") as file:
        for _ in range(FRAMES >> 20):
            file.write(np.zeros(1 << 20, np.int16))
    data = packed.getvalue()
    path = tmp_path / "bomb.sf3"
    path.write_bytes(font(data, end=len(data), kind=0x11).replace(b"\x02\x00\x01\x00", b"\x03\x00\x01\x00", 1))
    return path


def load(bomb: Path) -> None:
    os.environ.update(allowance.FEW_THREADS)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    allowance.LEAST = 20 << 20
    synths = Synths(str(bomb), Board())
    with pytest.raises(SoundError, match="the SoundFont can't be read"):
        synths.synth(44_100)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    synths.choose("")
    assert synths.synth(44_100).rate == 44_100
    assert synths.trouble == ""


def test_what_expands_beyond_its_allowance_is_no_soundfont_and_the_next_one_is_heard(bomb):
    Synth(bomb, 44_100).close()  # with all memory it is one
    # In a process of its own: what another test has freed lies about in this one, and counts as held.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        process.submit(load, bomb).result()


def test_the_soundfonts_that_are_here_are_read_within_theirs():
    for path in paths.soundfonts():
        with allowance.allowance(path):
            Synth(path, 44_100).close()

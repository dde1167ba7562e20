"""The synthesizer for what is played beside the music is loaded where nothing waits for it."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from kelly_tui import paths
from kelly_tui.playback import synths
from kelly_tui.playback.state import Board
from kelly_tui.playback.synths import Synths
from kelly_tui.render.synth import Synth
from tests.null_sink import PATIENCE, RATE, until


def test_who_asks_for_the_second_does_not_wait_while_a_soundfont_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    may_load = Event()

    def slow(soundfont: Path, rate: int) -> Synth:
        assert may_load.wait(PATIENCE)
        return Synth(soundfont, rate)

    monkeypatch.setattr(synths, "Synth", slow)
    both = Synths("", Board())
    assert both.second(RATE) is None
    assert not both.second_is_new
    may_load.set()
    until(lambda: both.second_is_new)
    second = both.second(RATE)
    assert second is not None
    assert both.synth(RATE) is not second


def test_a_soundfont_that_can_not_be_loaded_leaves_the_second_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "broken.sf2").write_bytes(b"RIFF\0\0\0\0sfbk")
    both = Synths(str(paths.soundfont()), Board())
    both.second(RATE)
    until(lambda: both.second_is_new)
    second, both.second_is_new = both.second(RATE), False
    both.choose(str(tmp_path / "broken.sf2"))
    assert both.second(RATE) is second
    until(lambda: both.trouble)
    assert both.second(RATE) is second
    assert not both.second_is_new
    assert both.second(2 * RATE) is None  # at another rate it would be too slow

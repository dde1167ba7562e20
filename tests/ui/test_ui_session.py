"""A person's session from end to end: the real command, a real terminal, a sound device whose monitor is recorded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import symusic

import kelly_tui
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import EMOTIONS
from kelly_tui.store.catalogue import Catalogue
from tests.null_sink import RATE, NullSink, until
from tests.terminal import Terminal, tmux_is_missing

SONGS = 12
HZ = 440.0

pytestmark = pytest.mark.skipif(tmux_is_missing(), reason="tmux, a real terminal, is not installed")


def write_song(path: Path, number: int) -> None:
    """Half a minute of A above middle C, with a bass of its own in each song."""
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 120))
    track = symusic.Track(program=73)  # a flute: nearly a sine
    for beat in range(0, 64, 4):
        track.notes.append(symusic.Note(beat * 480, 4 * 480, 69, 110))
    track.notes.append(symusic.Note(64 * 480, 480, 40 + number, 20))
    score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(score.dumps_midi())


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for number in range(SONGS):
        write_song(tmp_path / "music" / f"song{number:02}.mid", number)
    kelly_tui.create_dataset_structure(tmp_path, DatasetConfig(dataset_id="songs", target_model="emotionrecognizer"))
    kelly_tui.import_files(tmp_path / "songs", [tmp_path / "music"], workers=1)
    return tmp_path / "songs"


def pitch(sound: np.ndarray) -> float:
    """The strongest frequency, Hz."""
    mono = sound.mean(axis=1)
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 17))
    return float(np.argmax(spectrum) * RATE / (1 << 17))


def test_open_filter_hear_label_undo_extract_quit_and_all_is_there(
    terminal: Terminal, songs: Path, null_sink: NullSink
) -> None:
    environment = {"KELLY_SETTINGS": "/dev/null/none", "PATH": os.environ["PATH"], **null_sink.environment}
    command = [sys.executable, "-m", "kelly_tui", songs]
    terminal.open(command, environment)
    terminal.wait_for(r"song00")

    terminal.press("/")
    terminal.press("-l", "emotion:?")
    terminal.press("Enter")
    terminal.wait_for(r"/ find")  # the prompt has made room for the footer

    with null_sink.recording() as heard:
        terminal.press("Space")
        terminal.wait_for(r"▶ 0:0[1-9]")  # the playhead moves
        heard.hears(pitch, pytest.approx(HZ, rel=0.02), seconds=0.5)  # a flute trembles by a third of a semitone
        terminal.press("Space")
        terminal.wait_for(r"‖ 0:0")

    terminal.press("1", "2", "3", "4")
    terminal.wait_for(r"song03\s+peaceful")
    terminal.press("g", "p")
    terminal.wait_for(r"extract")
    terminal.press("j", "j", "Enter")
    terminal.press("Escape")
    terminal.wait_for(r"song04")
    terminal.press("5", "6", "7", "8", "1", "2")
    terminal.wait_for(r"song09\s+sad")
    terminal.press("u")
    terminal.wait_for(r"undo emotion sad")
    with Catalogue.open(songs) as catalogue:  # once: to open it anew and anew would take the stage's core
        until(lambda: extracted(catalogue) == SONGS, 180)
    terminal.wait_for(r"extract: \d+ done")  # a stage that still runs would be asked about
    terminal.press("C-q")
    until(lambda: not terminal.is_open())

    with Catalogue.open(songs) as catalogue:
        labelled = {sample.name: sample.value("emotion") for sample in catalogue.samples()}
    typed = [*EMOTIONS, "happy"]
    assert labelled == {f"song{number:02}": typed[number] if number < 9 else None for number in range(SONGS)}

    terminal.open(command, environment)
    terminal.wait_for(r"song03\s+peaceful")


def extracted(catalogue: Catalogue) -> int:
    return sum(sample.features_path is not None for sample in catalogue.samples())

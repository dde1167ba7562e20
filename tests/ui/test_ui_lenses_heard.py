"""Lenses and marks by keys in a real terminal, with a sound device whose monitor is recorded."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import symusic

import kelly_tui
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.catalogue import Catalogue
from tests.null_sink import RATE, NullSink, Recording, until
from tests.terminal import Terminal, tmux_is_missing

pytestmark = pytest.mark.skipif(tmux_is_missing(), reason="tmux, a real terminal, is not installed")

A4 = 440.0
SEMITONE = 2 ** (1 / 12)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Three songs of half a minute of A above middle C, on a flute: nearly a sine."""
    for number in range(3):
        score = symusic.Score(480)
        score.tempos.append(symusic.Tempo(0, 120))
        track = symusic.Track(program=73)
        track.notes.extend(symusic.Note(beat * 480, 4 * 480, 69, 110) for beat in range(0, 64, 4))
        track.notes.append(symusic.Note(64 * 480, 480, 40 + number, 20))
        score.tracks.append(track)
        path = tmp_path / "music" / f"song{number}.mid"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(score.dumps_midi())
    kelly_tui.create_dataset_structure(tmp_path, DatasetConfig(dataset_id="songs", target_model="emotionrecognizer"))
    kelly_tui.import_files(tmp_path / "songs", [tmp_path / "music"], workers=1)
    return tmp_path / "songs"


def pitch(heard: Recording) -> float:
    """The strongest frequency of the last half second, Hz; 0 in silence."""
    mono = heard.sound[-RATE // 2 :].mean(axis=1)
    if len(mono) < RATE // 2 or np.abs(mono).max() < 0.01:
        return 0.0
    return float(np.argmax(np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 17))) * RATE / (1 << 17))


def test_a_semitone_is_heard_a_loop_is_kept_and_marks_are_labelled(
    terminal: Terminal, songs: Path, null_sink: NullSink
) -> None:
    environment = {"KELLY_SETTINGS": "/dev/null/none", "PATH": os.environ["PATH"], **null_sink.environment}
    terminal.open([sys.executable, "-m", "kelly_tui", songs], environment)
    terminal.wait_for(r"song0")
    with null_sink.recording() as heard:
        terminal.press("Space")
        terminal.wait_for(r"▶ 0:0[1-9]")
        for keys, hertz in ((["T"], A4 * SEMITONE), (["t", "t"], A4 / SEMITONE), (["T"], A4)):
            terminal.press(*keys)
            until(lambda wanted=hertz: pitch(heard) == pytest.approx(wanted, rel=0.015))
        terminal.press("p")
        terminal.wait_for(r"loops 0:00\.0 to 0:08\.0")
        terminal.press("p")
        terminal.wait_for(r"▶ 0:0[1-3]")
        terminal.press("O")
        terminal.wait_for(r"loops the whole")
        terminal.wait_for(r"▶ 0:0[6-9]")
        terminal.press("O")
        region = re.search(r"loops 0:(\d\d\.\d) to 0:(\d\d\.\d)", terminal.wait_for(r"loops 0:\d\d\.\d to"))
        assert region is not None
        start, end = map(float, region.groups())

        def shown() -> list[float]:
            found = re.search(r"▶ 0:(\d\d\.\d)", terminal.screen())
            return [float(found.group(1))] if found else []

        until(lambda: any(start <= place <= end for place in shown()))  # a busy machine is late to turn back at first
        places: list[float] = []
        before = heard.seconds
        while heard.seconds < before + 2 * (end - start):
            places += shown()
        assert min(places) >= start - 0.1
        assert max(places) <= end + 0.1
        assert (np.diff(places) < -0.5 * (end - start)).any()  # it went round
        until(lambda: pitch(heard) == pytest.approx(A4, rel=0.02))
    terminal.press("*", "j", "_", "2")
    terminal.wait_for(r"emotion sad on 3 samples")
    terminal.press("u")
    terminal.wait_for(r"undo emotion sad on 3 samples")
    terminal.press("C-r")
    terminal.wait_for(r"redo emotion sad on 3 samples")
    terminal.press("C-q")
    until(lambda: not terminal.is_open())
    with Catalogue.open(songs) as catalogue:
        assert [sample.value("emotion") for sample in catalogue.samples()] == ["sad"] * 3


@pytest.fixture
def duet(tmp_path: Path) -> Path:
    """A song of five minutes: a loud flute an octave above a soft one; labelled D sharp, which it is not."""
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 120))
    for pitch, velocity in ((81, 120), (69, 60)):
        track = symusic.Track(program=73)
        track.notes.extend(symusic.Note(beat * 480, 4 * 480, pitch, velocity) for beat in range(0, 600, 4))
        score.tracks.append(track)
    path = tmp_path / "music" / "duet.mid"
    path.parent.mkdir()
    path.write_bytes(score.dumps_midi())
    kelly_tui.create_dataset_structure(tmp_path, DatasetConfig(dataset_id="duets", target_model="emotionrecognizer"))
    kelly_tui.import_files(tmp_path / "duets", [tmp_path / "music"], workers=1)
    return tmp_path / "duets"


def level(heard: Recording, hertz: float) -> float:
    """Of a partial in the last half second without a hole, which would be heard at every pitch, dB."""
    mono = heard.piece(0.5).mean(axis=1)
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 17))
    place = hertz / RATE * (1 << 17)
    return float(20 * np.log10(spectrum[round(place * 0.98) : round(place * 1.02)].max() + 1e-9))


def test_a_part_is_silenced_and_a_wrong_key_is_heard_beside_the_music(
    terminal: Terminal, duet: Path, null_sink: NullSink
) -> None:
    environment = {"KELLY_SETTINGS": "/dev/null/none", "PATH": os.environ["PATH"], **null_sink.environment}
    terminal.open([sys.executable, "-m", "kelly_tui", duet], environment)
    terminal.wait_for(r"duet")
    terminal.press("K", "D", "#", "Enter")
    with null_sink.recording() as heard:
        terminal.press("Space")
        until(lambda: pitch(heard) == pytest.approx(2 * A4, rel=0.015))
        terminal.press("m")
        terminal.wait_for(r"1 pipe   2 pipe")
        terminal.press("1")
        terminal.wait_for(r"pipe alone|no pipe")
        until(lambda: pitch(heard) == pytest.approx(A4, rel=0.015))
        drone = A4 * SEMITONE**-30
        without = level(heard, drone)
        terminal.press("k")
        terminal.wait_for(r"drone D#")
        until(lambda: level(heard, drone) > without + 40)  # 60 dB in all; the other part, when it is back, leaks 10
        terminal.press("x")
        until(lambda: level(heard, drone) < without + 20 and pitch(heard) == pytest.approx(2 * A4, rel=0.015))
    terminal.press("C-q")
    until(lambda: not terminal.is_open())

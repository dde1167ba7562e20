"""Loudness against the figures of the standard, and versions made as loud as each other."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from select import select

import mido
import numpy as np
import pytest
import soundfile

from kelly_tui.paths import soundfont
from kelly_tui.playback.loudness import Loudness, matching_gain, measured
from kelly_tui.playback.midi_source import TAIL, MidiSource
from kelly_tui.playback.rehearsal import Rehearsal
from kelly_tui.render.lens import Lens
from kelly_tui.render.synth import Synth
from tests.null_sink import until

RATE = 44100


def sine(level: float, seconds: float = 3.0, rate: int = RATE, hertz: float = 997.0) -> np.ndarray:
    one = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(one[:, None], 2, axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_the_standard_s_own_tone(rate):
    """EBU Tech 3341, case 1: stereo, 1 kHz, -23 dBFS reads -23.0 ± 0.1 LUFS."""
    found = measured(sine(10 ** (-23 / 20), 20.0, rate, 1000.0), rate)
    assert found.lufs == pytest.approx(-23.0, abs=0.1)
    assert 20 * math.log10(found.peak) == pytest.approx(-23.0, abs=0.01)


def test_quiet_stretches_do_not_count():
    """EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 dBFS read -23.0 ± 0.1 LUFS."""
    soft, loud = (sine(10 ** (level / 20), seconds) for level, seconds in ((-36, 10.0), (-23, 60.0)))
    assert measured(np.concatenate([soft, loud, soft]), RATE).lufs == pytest.approx(-23.0, abs=0.1)


def test_silence_and_the_shortest_of_sounds():
    assert measured(np.zeros((RATE, 2), np.float32), RATE).lufs == -math.inf
    assert measured(np.zeros((0, 2), np.float32), RATE).lufs == -math.inf
    assert -40 < measured(sine(0.5, 0.05), RATE).lufs < 0


A, B, C = Path("a"), Path("b"), Path("c")


def test_all_are_as_loud_as_the_first():
    found = {A: Loudness(-20.0, 0.3), B: Loudness(-26.0, 0.15), C: Loudness(-17.0, 0.5)}
    gains = {path: matching_gain(found, A, [A, B, C], path) for path in found}
    assert gains[A] == 1.0
    heard = {path: found[path].lufs + 20 * math.log10(gains[path]) for path in found}
    assert list(heard.values()) == pytest.approx([-20.0, -20.0, -20.0])


def test_what_would_clip_turns_the_others_down():
    found = {A: Loudness(-20.0, 0.3), B: Loudness(-26.0, 0.9)}
    gains = {path: matching_gain(found, A, [A, B], path) for path in found}
    assert gains[B] * 0.9 == pytest.approx(1.0)
    assert -20 + 20 * math.log10(gains[A]) == pytest.approx(-26 + 20 * math.log10(gains[B]))


def test_what_is_silent_or_not_known_stays_as_it_is():
    found = {A: Loudness(-20.0, 0.3), B: Loudness(-math.inf, 0.0)}
    assert [matching_gain(found, A, [A, B, C], path) for path in (A, B, C)] == [1.0, 1.0, 1.0]
    assert matching_gain({B: Loudness(-20.0, 0.3)}, A, [A, B], B) == 1.0


@pytest.fixture
def rehearsal():
    one = Rehearsal()
    yield one
    one.close()


def listen(rehearsal: Rehearsal, paths: list[Path]) -> None:
    def step() -> bool:
        if select([rehearsal], [], [], 0.1)[0]:
            rehearsal.heed()
        return all(path in rehearsal.found for path in paths)

    until(step)


def test_the_child_measures_files_and_tapes_midi(rehearsal, tmp_path):
    soundfile.write(tmp_path / "a.wav", sine(0.1), RATE, subtype="FLOAT")
    file = mido.MidiFile(ticks_per_beat=480)
    note = mido.Message("note_on", note=69, velocity=100)
    file.tracks.append(mido.MidiTrack([note, note.copy(velocity=0, time=960)]))
    file.save(tmp_path / "b.mid")
    (tmp_path / "c.mid").write_bytes(b"MThd nothing")
    paths = [tmp_path / name for name in ("a.wav", "b.mid", "c.mid", "none.wav")]
    rehearsal.want(paths, RATE, soundfont())
    listen(rehearsal, paths)
    assert rehearsal.found[paths[0]].lufs == pytest.approx(measured(sine(0.1), RATE).lufs, abs=0.01)
    assert [math.isfinite(rehearsal.found[path].lufs) for path in paths] == [True, True, False, False]
    assert [rehearsal.tape(path) is not None for path in paths] == [False, True, False, False]
    with Synth(soundfont(), RATE) as synth:
        source = MidiSource(paths[1], synth)
        source.seek(0.5)
        live = source.read(RATE // 4)
        source.tape = rehearsal.tape(paths[1])
        source.seek(0.5)
        assert source.position == 0.5
        taped = source.read(RATE // 4)
        np.testing.assert_allclose(taped, live, atol=0.01 * np.abs(live).max())
        assert source.position == pytest.approx(0.75)
        source.seek(1.0 + TAIL - 0.1)
        assert 0.1 * RATE <= len(source.read(RATE)) < 0.1 * RATE + (1 << 14)  # the child plays in such blocks
        source.see_through(Lens(semitones=1))
        source.seek(0.5)
        assert np.abs(source.read(RATE // 4) - live).max() > 0.1 * np.abs(live).max()  # not what is on the tape
    paths[1].write_bytes(b"another one now")
    assert rehearsal.tape(paths[1]) is None


def test_a_child_that_dies_costs_one_piece(rehearsal, tmp_path):
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path in paths:
        soundfile.write(path, sine(0.1), RATE)
    rehearsal.want(paths, RATE, None)
    os.kill(rehearsal._child.pid, signal.SIGKILL)
    listen(rehearsal, paths)
    assert not math.isfinite(rehearsal.found[paths[0]].lufs)
    assert math.isfinite(rehearsal.found[paths[1]].lufs)


def test_what_is_no_longer_wanted_is_forgotten(rehearsal, tmp_path):
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path in paths:
        soundfile.write(path, sine(0.1), RATE)
    rehearsal.want(paths[:1], RATE, None)
    rehearsal.want(paths[1:], RATE, None)  # while the child is at the first
    listen(rehearsal, paths[1:])
    assert list(rehearsal.found) == paths[1:]

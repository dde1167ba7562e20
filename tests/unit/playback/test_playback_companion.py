"""What is played beside the music, as the device heard it: labelled keys and chords, right and wrong, and the click."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from kelly_tui.playback import Engine
from kelly_tui.render.companion import Companion
from kelly_tui.settings import Settings
from tests.heard import loaded, retaken
from tests.nasty.soundfonts import NASTY
from tests.null_sink import RATE, NullSink, until

A6 = 1760.0


@pytest.fixture
def playing(null_sink: NullSink, tmp_path: Path) -> Iterator[Engine]:
    """A high A, soft and for a minute."""
    at = np.arange(60 * RATE) / RATE
    soundfile.write(tmp_path / "music.wav", (0.02 * np.sin(2 * np.pi * A6 * at)).astype(np.float32), RATE)
    engine = Engine(Settings(volume=1.0))
    engine.start()
    loaded(engine, tmp_path / "music.wav")
    engine.play()
    yield engine
    engine.close()


def level(sound: np.ndarray, pitch: float) -> float:
    """Of a MIDI pitch, to a third of a semitone, dB."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(sound.mean(axis=1) * np.hanning(len(sound)), size))
    low, high = (440 * 2 ** ((pitch + off - 69) / 12) * size / RATE for off in (-0.33, 0.33))
    return float(20 * np.log10(spectrum[round(low) : round(high) + 1].max() + 1e-9))


@pytest.mark.parametrize(("key", "tonic"), [("A", 45), ("D#", 39)])
def test_a_drone_on_a_right_and_on_a_wrong_key_is_heard_beside_the_music(
    playing: Engine, null_sink: NullSink, key: str, tonic: int
) -> None:
    """Its lowest pitch stands out of the semitones around it, and the music sounds on."""

    def stands_out(sound: np.ndarray) -> float:
        return level(sound, tonic) - max(level(sound, tonic - 1), level(sound, tonic + 1))

    with null_sink.recording() as recording:
        recording.hears(lambda sound: stands_out(sound) > 20.0, False, seconds=1.0)
        playing.set_companion(Companion(drone=key, mode="major"))
        recording.hears(lambda sound: stands_out(sound) > 20.0 and level(sound, 93) > level(sound, 92) + 20, True, 1.0)


@pytest.mark.parametrize(("chord", "pitches"), [("Am", {57, 60, 64}), ("D#m", {58, 63, 66})])
def test_right_and_wrong_chords_are_heard_beside_the_music(
    playing: Engine, null_sink: NullSink, chord: str, pitches: set[int]
) -> None:
    def loudest(sound: np.ndarray) -> set[int]:
        return set(sorted(range(55, 67), key=lambda pitch: level(sound, pitch))[-3:])

    playing.set_companion(Companion(chords=((0.0, chord),)))
    with null_sink.recording() as recording:
        recording.hears(loudest, pitches, seconds=1.0)


@pytest.mark.parametrize(("labelled", "ratio"), [(0.5, 1.0), (0.6, 1.0), (0.3, 2.0)])
def test_the_click_is_heard_on_the_beats_that_are_labelled(
    playing: Engine, null_sink: NullSink, tmp_path: Path, labelled: float, ratio: float
) -> None:
    """And goes with the music to a version of it at another tempo."""
    beat = labelled * ratio
    playing.set_companion(
        Companion(clicks=tuple((number * labelled, number % 4 == 0) for number in range(round(60 / labelled))))
    )
    if ratio != 1.0:
        playing.switch(tmp_path / "music.wav", ratio)

    def between() -> np.ndarray:
        """Seconds from one onset to the next."""
        with null_sink.recording() as recording:
            recording.wait(2.5)
        sound = np.abs(recording.sound).max(axis=1)
        loud = np.flatnonzero(sound > 0.5 * sound.max())
        return np.diff(loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 10)]) / RATE

    def even(found: np.ndarray) -> bool:
        return len(found) >= 2 and bool(np.abs(found - beat).max() < 0.01)

    found = retaken(between, even)
    assert even(found), found


def test_a_soundfont_that_is_none_takes_the_click_and_leaves_the_music(playing: Engine, tmp_path: Path) -> None:
    """And the next one that is one gives it back."""
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(NASTY["name only"])
    first = playing.pid
    playing.set_soundfont(str(broken))
    playing.set_companion(Companion(drone="A"))
    until(lambda: "broken.sf2" in playing.state.message)
    here = playing.state.position
    until(lambda: playing.state.position > here + 0.2)
    assert playing.pid == first
    playing.set_soundfont("")
    until(lambda: playing.state.message == "" and playing.state.level > 0.03)


def test_a_soundfont_that_is_none_leaves_the_click_to_the_one_before(playing: Engine, tmp_path: Path) -> None:
    on = mido.Message("note_on", note=60, velocity=1)
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack([on, on.copy(velocity=0, time=50_000)]))
    file.save(tmp_path / "still.mid")
    loaded(playing, tmp_path / "still.mid")
    first = playing.pid
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(NASTY["name only"])
    playing.set_soundfont(str(broken))
    until(lambda: "broken.sf2" in playing.state.message)
    playing.set_companion(Companion(drone="A"))
    playing.play()
    until(lambda: playing.state.level > 0.03)
    assert playing.pid == first

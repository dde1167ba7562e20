"""Sources against the samples that were written: pitch, place, level, channels, speed."""

from __future__ import annotations

import mido
import numpy as np
import pytest
import soundfile

from kelly_tui.errors import FileRefused
from kelly_tui.paths import soundfont
from kelly_tui.playback.audio_source import AudioSource, downmix
from kelly_tui.playback.midi_source import TAIL, MidiSource
from kelly_tui.playback.source import Source, is_midi
from kelly_tui.playback.stretch import stretched
from kelly_tui.render.synth import Synth

RATE = 44100


def sine(hertz: float, seconds: float, rate: int = RATE, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def all_of(source: Source, block: int = 1000) -> np.ndarray:
    parts = []
    while len(part := source.read(block)):
        parts.append(part)
    return np.concatenate(parts)


def pitch_of(mono: np.ndarray, rate: int = RATE) -> float:
    size = 1 << 20
    return float(np.abs(np.fft.rfft(mono * np.hanning(len(mono)), size)).argmax() * rate / size)


def cents(heard: float, meant: float) -> float:
    return abs(1200 * np.log2(heard / meant))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 192000])
@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_pitch_level_and_length_at_any_rate(tmp_path, rate, kind):
    soundfile.write(tmp_path / f"a.{kind}", sine(440, 1.5, rate), rate)
    source = AudioSource(tmp_path / f"a.{kind}", RATE)
    assert source.duration == pytest.approx(1.5)
    heard = all_of(source)
    assert len(heard) == pytest.approx(1.5 * RATE, abs=2)
    assert cents(pitch_of(heard[:, 0]), 440) < 1
    assert np.abs(heard[RATE // 2 : RATE]).max() == pytest.approx(0.5, abs=0.005)
    np.testing.assert_array_equal(heard[:, 0], heard[:, 1])


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_formats_and_channel_order(tmp_path, kind):
    stereo = np.stack([sine(440, 1.0), sine(660, 1.0)], axis=1)
    soundfile.write(tmp_path / f"a.{kind}", stereo, RATE)
    heard = all_of(AudioSource(tmp_path / f"a.{kind}", RATE))[RATE // 4 : RATE * 3 // 4]
    assert cents(pitch_of(heard[:, 0]), 440) < 2
    assert cents(pitch_of(heard[:, 1]), 660) < 2


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8])
def test_any_number_of_channels_becomes_two_that_can_not_clip(channels):
    matrix = downmix(channels)
    assert matrix.shape == (channels, 2)
    assert np.abs(matrix).sum(axis=0).max() <= 1.0 + 1e-6


def test_surround_keeps_left_left_and_right_right():
    left, right = downmix(6)[:, 0], downmix(6)[:, 1]
    assert left[0] > right[0] == 0
    assert right[5] > left[5] == 0
    assert left[2] == right[2]


@pytest.mark.parametrize("rate", [44100, 48000])
def test_seek_is_to_the_frame(tmp_path, rate):
    ramp = np.linspace(0, 0.9, rate * 4, dtype=np.float32)
    soundfile.write(tmp_path / "ramp.wav", ramp, rate, subtype="FLOAT")
    source = AudioSource(tmp_path / "ramp.wav", RATE)
    for place in (3.0, 0.25, 1.75):
        source.seek(place)
        assert source.position == place
        heard = source.read(4000)[2000:, 0]
        expected = (place + np.arange(2000, 4000) / RATE) / 4 * 0.9
        np.testing.assert_allclose(heard, expected, atol=1e-4)
    assert source.position == pytest.approx(1.75 + 4000 / RATE)


def test_noise_that_is_no_number_is_silence(tmp_path):
    bad = np.array([np.nan, np.inf, -np.inf, 0.5] * 100, np.float32)
    soundfile.write(tmp_path / "bad.wav", bad, RATE, subtype="FLOAT")
    heard = all_of(AudioSource(tmp_path / "bad.wav", RATE))
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 0.5


def test_long_files_open_without_being_read(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "long.wav", np.zeros(60 * 8000, np.int16), 8000)
    read = []
    original = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, n, **rest: read.append(n) or original(self, n, **rest)
    )
    source = AudioSource(tmp_path / "long.wav", RATE)
    source.seek(50.0)
    source.read(1024)
    assert sum(read) <= 3 * 4096


@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00\x00\x00WAVE", b"words"])
def test_what_is_no_audio_is_refused_by_name(tmp_path, content):
    (tmp_path / "no.wav").write_bytes(content)
    with pytest.raises(FileRefused, match=r"no\.wav"):
        AudioSource(tmp_path / "no.wav", RATE)


def test_what_holds_nothing_is_refused(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    with pytest.raises(FileRefused, match="no sound"):
        AudioSource(tmp_path / "empty.wav", RATE)


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
@pytest.mark.parametrize("hertz", [82.4, 440.0, 2000.0])
def test_speed_changes_the_time_and_keeps_pitch_and_level(tmp_path, speed, hertz):
    soundfile.write(tmp_path / "a.wav", sine(hertz, 3.0), RATE)
    source = AudioSource(tmp_path / "a.wav", RATE)
    source.seek(0.0, speed)
    heard = all_of(source)
    assert len(heard) / RATE == pytest.approx(3.0 / speed, abs=0.07)
    assert source.position == pytest.approx(3.0, abs=0.12)
    middle = heard[RATE // 4 : RATE * 5 // 4, 0]
    assert cents(pitch_of(middle), hertz) < 5
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("speed", [0.5, 1.5])
def test_stretched_clicks_stay_where_the_music_puts_them(speed):
    clicks = np.zeros((RATE * 4, 2), np.float32)
    noise = np.random.default_rng(0).uniform(-1, 1, (400, 1)).astype(np.float32)
    for second in (1, 2, 3):
        clicks[second * RATE : second * RATE + 400] = noise
    blocks = (clicks[i : i + 777] for i in range(0, len(clicks), 777))
    heard = np.abs(np.concatenate(list(stretched(blocks, speed, RATE)))[:, 0])
    for second in (1, 2, 3):
        at = round(second / speed * RATE)
        near = heard[at - RATE // 4 : at + RATE // 4]
        assert abs(int(near.argmax()) - RATE // 4) < 0.05 * RATE


def test_stretching_silence_and_next_to_nothing():
    assert not np.concatenate(list(stretched(iter([np.zeros((9000, 2), np.float32)]), 1.3, RATE))).any()
    assert list(stretched(iter([]), 1.3, RATE)) == []
    assert len(np.concatenate(list(stretched(iter([np.ones((3, 2), np.float32)]), 0.5, RATE))))


def midi(tmp_path, seconds: float = 2.0):
    file = mido.MidiFile(ticks_per_beat=480)
    on = mido.Message("note_on", note=69, velocity=90)
    file.tracks.append(
        mido.MidiTrack([mido.Message("program_change", program=74), on, on.copy(velocity=0, time=round(960 * seconds))])
    )
    file.save(tmp_path / "a.mid")
    return tmp_path / "a.mid"


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_midi_source_has_pitch_length_and_speed(tmp_path, speed):
    with Synth(soundfont(), RATE) as synth:
        source = MidiSource(midi(tmp_path), synth)
        assert source.duration == pytest.approx(2.0)
        source.seek(0.0, speed)
        heard = all_of(source)
        assert len(heard) / RATE == pytest.approx((2.0 + TAIL) / speed, abs=0.05)
        assert cents(pitch_of(heard[RATE // 5 : RATE * 4 // 5, 0]), 440) < 8


def test_midi_is_known_by_its_content(tmp_path):
    assert is_midi(midi(tmp_path))
    soundfile.write(tmp_path / "a.wav", sine(440, 0.1), RATE)
    assert not is_midi(tmp_path / "a.wav")
    (tmp_path / "r.rmi").write_bytes(b"RIFF\x00\x00\x00\x00RMIDdata")
    assert is_midi(tmp_path / "r.rmi")
    (tmp_path / "nothing").write_bytes(b"")
    assert not is_midi(tmp_path / "nothing")

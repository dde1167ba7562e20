"""Sound files that were cut: libsndfile takes most of them for shorter ones."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kelly_tui.errors import FileRefused
from kelly_tui.features.sound_file import valid_audio
from kelly_tui.music.soundform import whole_sound

RATE, SECONDS = 22_050, 6.0
KINDS = {
    "pcm.wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "adpcm.wav": ("WAV", "MS_ADPCM"),
    "large.wav": ("RF64", "PCM_24"),
    "a.aiff": ("AIFF", "PCM_16"),
    "a.flac": ("FLAC", "PCM_16"),
    "a.ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"),
    "a.mp3": ("MP3", "MPEG_LAYER_III"),
}


@pytest.fixture(params=KINDS)
def sound(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Six seconds of noise and tone, so that bytes are spread over time."""
    path = tmp_path / request.param
    kind, subtype = KINDS[request.param]
    rate = 24_000 if subtype == "OPUS" else RATE
    time = np.arange(int(rate * SECONDS)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 220 * time) + np.random.default_rng(1).normal(0, 0.05, len(time))
    soundfile.write(path, wave, rate, format=kind, subtype=subtype)
    return path


def cut(path: Path, part: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def test_a_whole_file_is_whole(sound: Path) -> None:
    frames, rate = whole_sound(sound, sound)
    assert frames / rate == pytest.approx(SECONDS, abs=0.1)
    assert len(valid_audio(sound)[0]) == frames


@pytest.mark.parametrize("part", [0.3, 0.7, 0.97])
def test_a_cut_file_is_refused_with_what_is_there_and_what_should_be(sound: Path, part: float) -> None:
    cut(sound, part)
    for read in (lambda: whole_sound(sound, "song"), lambda: valid_audio(sound)):
        with pytest.raises(FileRefused) as caught:
            read()
        said = [float(number) for number in re.findall(r"([\d.]+) s\b", caught.value.what)]
        assert caught.value.what.startswith("cut short: ")
        if sound.suffix == ".ogg":  # it announces no length, and is read to its last whole page
            samples, rate = soundfile.read(sound)
            assert said == [pytest.approx(len(samples) / rate, abs=0.01)]
        else:
            assert said == [pytest.approx(SECONDS, abs=0.1), pytest.approx(SECONDS * part, abs=0.2)]


def test_what_is_cut_to_nothing_is_refused(sound: Path) -> None:
    for part in (0.05, 0.002, 0.0002):
        with pytest.raises(FileRefused) as caught:
            whole_sound(cut(sound, part), "song")
        assert str(sound) not in str(caught.value)


def pcm_wav(path: Path, announced: int) -> Path:
    """A second of sound whose header announces so many bytes of it."""
    soundfile.write(path, 0.3 * np.sin(np.arange(RATE) / 5), RATE)
    data = bytearray(path.read_bytes())
    data[40:44] = announced.to_bytes(4, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("announced", [0xFFFFFFFF, 0x7FFFF000, 2 * RATE + 44, 2 * RATE])
def test_what_was_written_to_a_pipe_or_counts_its_header_in_is_whole(tmp_path: Path, announced: int) -> None:
    assert whole_sound(pcm_wav(tmp_path / "a.wav", announced), "a.wav").frames == RATE


def test_a_hundred_bytes_are_missed(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cut short"):
        whole_sound(pcm_wav(tmp_path / "a.wav", 2 * RATE + 100), "a.wav")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"])
def test_the_reason_why_no_sound_is_read_is_true(tmp_path: Path, suffix: str) -> None:
    """libsndfile says of random bytes named .mp3 that there is no such file."""
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(random.Random(5).randbytes(50_000))
    for read in (lambda: whole_sound(path, "song"), lambda: valid_audio(path)):
        with pytest.raises(FileRefused) as caught:
            read()
        assert caught.value.what == "can't be read as audio (Format not recognised)"

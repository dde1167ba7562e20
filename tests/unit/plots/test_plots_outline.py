"""A recording made small: against its samples, and against scipy's spectrum."""

from __future__ import annotations

import tracemalloc
import zlib
from math import inf
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from kelly_tui.errors import FileRefused
from kelly_tui.plots.outline import VERSION, outline_of, pack, unpack
from kelly_tui.plots.spectrogram import BANDS, HIGHEST, LOWEST, spectrogram
from kelly_tui.plots.waveform import block_peaks

RATE = 44_100


def bands() -> np.ndarray:
    """The middles of the bands, Hz."""
    return LOWEST * (HIGHEST / LOWEST) ** (np.arange(BANDS) / (BANDS - 1))


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Twelve seconds from 100 Hz to 6.4 kHz, an octave every two, growing louder; stereo."""
    time = np.arange(12 * RATE) / RATE
    phase = 2 * np.pi * 100 * 2 / np.log(2) * (2 ** (time / 2) - 1)
    sound = np.sin(phase) * np.linspace(0.05, 0.8, len(time))
    soundfile.write(tmp_path / "sweep.wav", np.stack([sound, sound], axis=1), RATE, "FLOAT")
    return tmp_path / "sweep.wav"


def test_the_outline_has_the_extremes_of_the_samples(sweep: Path) -> None:
    outline = outline_of(sweep)
    sound = soundfile.read(sweep, dtype="float32")[0]
    wanted = block_peaks(iter([sound]), len(sound), len(outline.peaks))
    assert outline.duration == pytest.approx(12)
    assert len(outline.peaks) == 1200
    np.testing.assert_allclose(outline.peaks, wanted, atol=0.012)


def test_the_spectrum_follows_a_sweep_and_its_level(sweep: Path) -> None:
    levels = outline_of(sweep).levels
    assert levels.shape == (240, BANDS)
    time = np.arange(240) * 0.05 + 0.023
    heard = bands()[levels.argmax(axis=1)]
    assert np.abs(np.log2(heard / (100 * 2 ** (time / 2))))[5:-5].max() < 0.25
    loudness = 20 * np.log10(np.interp(time, [0, 12], [0.05, 0.8]))
    np.testing.assert_allclose(levels.max(axis=1)[5:-5], loudness[5:-5], atol=2.5)


def test_levels_are_those_of_scipy(sweep: Path) -> None:
    from scipy.signal import periodogram

    sound = soundfile.read(sweep, dtype="float32")[0].mean(axis=1)
    outline = outline_of(sweep)
    starts = np.minimum(np.arange(240) * len(sound) // 240, len(sound) - 2048)
    for column in (20, 120, 200):
        window = sound[starts[column] : starts[column] + 2048]
        power = periodogram(window, RATE, "hann", scaling="spectrum", detrend=False)[1]  # of a sine: half its square
        assert outline.levels[column].max() == pytest.approx(10 * np.log10(2 * power.max()), abs=0.1)


def test_what_is_packed_is_small_and_comes_back(sweep: Path) -> None:
    outline = outline_of(sweep)
    data = pack(outline)
    again = unpack(data)
    assert len(data) < 15_000
    assert again is not None
    np.testing.assert_array_equal(again.peaks, outline.peaks)
    np.testing.assert_allclose(again.levels, np.clip(outline.levels, -100, 2), atol=0.21)


@pytest.mark.parametrize("data", [b"", b"\x95nonsense", b"\x00" * 100])
def test_what_was_not_packed_is_not_believed(data: bytes) -> None:
    assert unpack(data) is None


def test_half_of_what_was_packed_is_not_believed(sweep: Path) -> None:
    data = pack(outline_of(sweep))
    assert unpack(data[: len(data) // 2]) is None


def test_a_bomb_of_zlib_does_not_expand() -> None:
    """Four megabytes of it would be four gigabytes; here, a hundredth of that."""
    body = zlib.compress(bytes(40 << 20), 9)
    tracemalloc.start()
    assert unpack(msgspec.msgpack.encode((VERSION, 1.0, 100, 20, body))) is None
    assert unpack(msgspec.msgpack.encode((VERSION, 1.0, 20 << 20, 0, body))) is None
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4 << 20


@pytest.mark.parametrize("said", [(inf, 1, 1), (1.0, 0, 1), (1.0, 1, 0), (1.0, -1, 1)])
def test_an_outline_of_nothing_or_of_all_time_is_not_believed(said: tuple[float, int, int]) -> None:
    n = max(2 * said[1] + said[2] * BANDS, 0)
    assert unpack(msgspec.msgpack.encode((VERSION, *said, zlib.compress(bytes(n))))) is None


def test_a_long_file_is_read_in_blocks_and_kept_small(tmp_path: Path) -> None:
    """Twelve minutes of a low rate: what is kept is bounded, and so is what is in memory."""
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 8000, 1) as file:
        for minute in range(12):
            file.write((0.05 * minute * np.sin(np.arange(8000 * 60) * 0.3)).astype(np.float32))
    tracemalloc.start()
    outline = outline_of(tmp_path / "long.flac")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 12_000_000  # the whole is 23 MB as float32
    assert len(outline.peaks) == 1 << 16
    assert len(outline.levels) == 1 << 13
    assert len(pack(outline)) < 600_000
    assert outline.peaks[-1, 1] == pytest.approx(0.55, abs=0.02)


@pytest.mark.parametrize("seconds", [0.001, 0.03, 0.2])
def test_a_blip_has_an_outline(tmp_path: Path, seconds: float) -> None:
    soundfile.write(tmp_path / "blip.wav", np.full(round(seconds * RATE), 0.5, np.float32), RATE)
    outline = outline_of(tmp_path / "blip.wav")
    assert len(outline.peaks) >= 1
    assert np.isfinite(outline.levels).all()
    assert outline.peaks_of(0.0, outline.duration)[0, 1] == pytest.approx(0.5, abs=0.02)


def test_a_stretch_is_that_part(sweep: Path) -> None:
    outline = outline_of(sweep)
    np.testing.assert_array_equal(outline.peaks_of(3.0, 6.0), outline.peaks[300:600])
    assert len(outline.levels_of(11.99, 12.0)) == 1


@pytest.mark.parametrize("name", ["words", "nothing"])
def test_what_is_no_audio_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "words.wav").write_text("not sound")
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), RATE)
    with pytest.raises(FileRefused, match=rf"{name}\.wav"):
        outline_of(tmp_path / f"{name}.wav")


def test_low_is_at_the_bottom_and_later_to_the_right(sweep: Path) -> None:
    picture = spectrogram(outline_of(sweep).levels, 60, 20, (0.0, 12.0))
    row = [min(row for row in range(20) if picture.text[row][column] in "▓█") for column in (10, 30, 50)]
    assert row[0] > row[1] > row[2]
    assert picture.text[2][10] == " "


@pytest.mark.parametrize(("width", "height"), [(0, 3), (3, 0), (1, 1), (200, 60)])
@pytest.mark.parametrize("n", [0, 1, 7, 5000])
def test_any_size_has_the_shape_asked_for(width: int, height: int, n: int) -> None:
    picture = spectrogram(np.full((n, BANDS), -20.0, np.float32), width, height)
    assert [len(row) for row in picture.text] == [width] * height

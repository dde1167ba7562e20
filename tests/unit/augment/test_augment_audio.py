"""Audio variants: pitch, length, level, channels and onsets, measured on the sound itself."""

from __future__ import annotations

import io
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from kelly_tui.augment.audio import CEILING, AudioVariant, augment_audio, change_pitch_and_speed, hold_below
from kelly_tui.errors import FileRefused

RATE = 44_100


def tones(hertz: tuple[float, ...], seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (sum(np.sin(2 * np.pi * one * time + one) for one in hertz) * 0.7 / len(hertz)).astype(np.float32)


def plucks(rate: int = RATE) -> np.ndarray:
    """A phrase of decaying notes with sharp onsets every quarter of a second, peak 0.8."""
    parts = []
    for index in range(16):
        time = np.arange(rate // 4) / rate
        pitch = 110 * 2 ** ((index * 7 % 12) / 12)
        parts.append(sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 9)) * np.exp(-time * 8))
    sound = np.concatenate(parts)
    return (sound / np.abs(sound).max() * 0.8).astype(np.float32)


def partial(sound: np.ndarray, near: float, rate: int = RATE) -> float:
    """The frequency of the strongest partial within 4 % of `near`, to 0.01 Hz."""
    middle = sound[len(sound) // 5 : -len(sound) // 5]
    size = 8 * len(middle)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), size))
    low, high = (int(near * factor * size / rate) for factor in (0.96, 1.04))
    peak = low + int(np.argmax(spectrum[low:high]))
    a, b, c = np.log(spectrum[peak - 1 : peak + 2])
    return (peak + (a - c) / (2 * (a - 2 * b + c))) * rate / size


def decibels(after: np.ndarray, before: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(after.astype(float) ** 2) / np.mean(before.astype(float) ** 2)))


@pytest.mark.parametrize("semitones", [-2, -1, 1, 2])
@pytest.mark.parametrize("chord", [(82.41,), (1760.0,), (110.0, 277.18, 329.63, 440.0, 659.26)])
def test_pitch_is_within_a_cent(chord: tuple[float, ...], semitones: int) -> None:
    varied = augment_audio((tones(chord), RATE), pitch_shift=semitones).samples[:, 0]
    for hertz in chord:
        wanted = hertz * 2 ** (semitones / 12)
        assert abs(1200 * np.log2(partial(varied, wanted) / wanted)) < 2


@pytest.mark.parametrize("speed", [0.9, 0.95, 1.05, 1.1])
def test_stretch_changes_length_and_nothing_else(speed: float) -> None:
    chord = (220.0, 277.18, 329.63)
    varied = augment_audio((tones(chord), RATE), time_stretch=speed).samples
    assert len(varied) == round(2 * RATE / speed)
    for hertz in chord:
        assert abs(1200 * np.log2(partial(varied[:, 0], hertz) / hertz)) < 2


@pytest.mark.parametrize(
    "change",
    [
        {"pitch_shift": 2},
        {"pitch_shift": -2},
        {"time_stretch": 0.9},
        {"time_stretch": 1.1},
        {"pitch_shift": 1, "time_stretch": 1.05},
    ],
)
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_level_length_and_full_scale(change: dict[str, float], rate: int) -> None:
    sound = plucks(rate)
    varied = augment_audio((sound, rate), **change)
    assert varied.rate == rate
    assert len(varied.samples) == round(len(sound) / change.get("time_stretch", 1.0))
    assert abs(decibels(varied.samples, sound)) < 0.5
    assert np.abs(varied.samples).max() <= CEILING


def test_onsets_stay_where_they_belong() -> None:
    """Within 3 ms of where the stretch puts them, and the level rises at them about as fast as before."""
    sound = plucks()
    for change in ({"time_stretch": 0.9}, {"pitch_shift": 2}):
        varied = augment_audio((sound, RATE), **change).samples[:, 0]
        speed = change.get("time_stretch", 1.0)
        for index in range(1, 16):
            due = round(index * RATE / 4 / speed)
            near = np.abs(varied[due - RATE // 20 : due + RATE // 20])
            quiet, loud = near[: RATE // 40].max(), near.max()
            first = int(np.argmax(near > (quiet + loud) / 2)) - RATE // 20
            assert abs(first) < 0.012 * RATE


def test_channels_stay_apart() -> None:
    left = tones((440.0,))
    stereo = np.stack([left, np.zeros_like(left)], axis=1)
    varied = augment_audio((stereo, RATE), pitch_shift=1, time_stretch=0.95, gain=0.9).samples
    assert varied.shape[1] == 2
    assert np.abs(varied[:, 1]).max() < 1e-4
    assert decibels(varied[:, 0], left) == pytest.approx(20 * np.log10(0.9), abs=0.1)
    surround = np.stack([tones((110.0 * number,), 0.5) for number in range(1, 7)], axis=1)
    assert augment_audio((surround, RATE), pitch_shift=-1).samples.shape == (RATE // 2, 6)


def test_nothing_goes_over_full_scale() -> None:
    square = np.sign(np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)).astype(np.float32) * 0.99
    for change in (
        {"pitch_shift": 2},
        {"time_stretch": 0.9},
        {"gain": 1.2},
        {"noise": 0.005},
        {"gain": 1.2, "noise": 0.005},
    ):
        varied = augment_audio((square, RATE), **change)
        assert np.abs(varied.samples).max() <= CEILING
        steps, _ = soundfile.read(io.BytesIO(varied.to_bytes()), dtype="int16")
        assert abs(int(steps.min())) < 32768
        assert int(steps.max()) <= 32767
    hot = augment_audio((plucks() * 4, RATE), gain=0.9).samples  # a float file over full scale comes down whole
    assert hot[:, 0] == pytest.approx(plucks() / 0.8 * 0.9, abs=1e-5)


def test_a_peak_is_held_without_touching_the_rest() -> None:
    sound = np.full((2 * RATE, 1), 0.3, np.float32)
    sound[RATE : RATE + 40] *= 5
    hold_below(held := sound.copy(), RATE, CEILING)
    assert np.abs(held).max() <= CEILING
    far = np.abs(np.arange(len(sound)) - RATE) > 0.02 * RATE
    assert (held[far] == sound[far]).all()
    assert np.abs(np.diff((held / sound)[:, 0])).max() < 0.01  # no jump that could click


def test_gain_and_noise_do_what_they_say() -> None:
    sound = tones((220.0,))
    assert augment_audio((sound, RATE), gain=0.8).samples[:, 0] == pytest.approx(sound * 0.8, abs=1e-6)
    added = augment_audio((sound, RATE), noise=0.005, seed=3).samples[:, 0] - sound
    assert added.std() == pytest.approx(0.005, rel=0.02)
    assert abs(added.mean()) < 1e-4
    assert np.abs(np.corrcoef(added[1:], added[:-1])[0, 1]) < 0.02
    kurtosis = np.mean(added**4) / np.mean(added**2) ** 2
    assert kurtosis == pytest.approx(3, abs=0.1)


def test_the_same_seed_gives_the_same_bytes(tmp_path) -> None:
    def made(seed: int, suffix: str = ".wav") -> bytes:
        varied = augment_audio((plucks(), RATE), pitch_shift=1, time_stretch=1.05, noise=0.002, gain=0.9, seed=seed)
        return varied.to_bytes(suffix, seed)

    assert made(1) == made(1)
    assert made(1) != made(2)
    assert made(1, ".flac") == made(1, ".flac")
    wav, flac = (soundfile.read(io.BytesIO(made(1, suffix)), dtype="int16")[0] for suffix in (".wav", ".flac"))
    assert (wav == flac).all()


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "deep/out.FLAC"])
def test_files_are_16_bit_with_dither(tmp_path, name: str) -> None:
    quiet = tones((440.0,))[:, None] * np.float32(0.6 / 32768)  # less than a step: dither keeps it, rounding would not
    path = AudioVariant(quiet, RATE).save(tmp_path / name)
    info = soundfile.info(path)
    assert (info.subtype, info.samplerate, info.channels) == ("PCM_16", RATE, 1)
    assert info.format == name.split(".")[1].upper()
    read, _ = soundfile.read(path)
    assert np.corrcoef(read, quiet[:, 0])[0, 1] > 0.3
    assert np.abs(read - quiet[:, 0]).max() <= 1.5 / 32768 + 1e-9


@pytest.mark.parametrize("count", [1, 10, 500, 3000, 20_000])
def test_short_sounds(count: int) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (count, 2)).astype(np.float32)
    for speed, semitones in ((0.9, 0.0), (1.1, -2.0), (1.0, 2.0)):
        changed = change_pitch_and_speed(sound, RATE, semitones, speed)
        assert changed.shape == (round(count / speed), 2)
        assert np.isfinite(changed).all()


def test_variants_differ_from_each_other() -> None:
    changes = [
        {"pitch_shift": 1},
        {"pitch_shift": -1},
        {"time_stretch": 0.9},
        {"noise": 0.001},
        {"gain": 0.9},
        {"gain": 0.8},
    ]
    made = [augment_audio((plucks(), RATE), **change).to_bytes() for change in changes]
    assert len(set(made)) == len(made)
    assert all(one != AudioVariant(plucks()[:, None], RATE).to_bytes() for one in made)
    assert all(a != b for a, b in pairwise(made))


def test_refusals_say_why(tmp_path) -> None:
    with pytest.raises(FileRefused, match="silent"):
        augment_audio((np.zeros(1000), RATE), pitch_shift=1)
    with pytest.raises(FileRefused, match="No such file"):
        augment_audio(tmp_path / "gone.wav", pitch_shift=1)


def test_many_channels_take_no_more_memory_at_once_than_as_much_sound_of_few() -> None:
    peaks = []
    for channels in (8, 32):  # as many values, and several hundred frames
        sound = np.full((320_000 // channels * 8, channels), 0.1, np.float32)
        tracemalloc.start()
        change_pitch_and_speed(sound, 8000, 0.0, 1.1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.25 * peaks[0]


def test_of_a_long_sound_little_is_held_beside_it_and_it_stays_as_it_is() -> None:
    sound = np.sin(np.arange(2**21, dtype=np.float32) / 50).reshape(-1, 2)
    before = sound.copy()
    for change in ({"noise": 0.01, "gain": 1.5}, {"pitch_shift": 1, "time_stretch": 2 ** (1 / 12)}, {"noise": 0.001}):
        tracemalloc.start()
        augment_audio((sound, RATE), **change).to_bytes()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3.3 * sound.nbytes, change
    assert (sound == before).all()


def test_of_a_stretched_sound_nothing_is_held_but_what_is_made() -> None:
    """Beside some windows, which are as many for a long sound as for a short one."""
    peaks = []
    for count in (2**20, 2**22):
        sound = np.sin(np.arange(count, dtype=np.float32) / 50)[:, None]
        tracemalloc.start()
        augment_audio((sound, 8000), pitch_shift=2, time_stretch=1.1, noise=0.01).to_bytes()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    longer = (2**22 - 2**20) / 1.1
    assert peaks[1] - peaks[0] < 1.25 * longer * (4 + 2)  # float32, and its file of 16 bits

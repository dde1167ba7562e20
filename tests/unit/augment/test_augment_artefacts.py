"""What a stretch may do to sound besides stretching it, measured: warbling, beating, glassy noise, a moved image.

``pytest -s -m slow`` prints how real music fares beside librosa's stretch and, where it is installed, Rubber Band's.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy import signal

from kelly_tui.augment.stretch import stretched

RATE = 44_100
REAL = sorted((Path(__file__).resolve().parents[4] / "shared" / "music" / "orchestra").glob("*.ogg"))
SECONDS = np.arange(4 * RATE) / RATE
VIBRATO = 5.5
"""Hz; a singer's. By 50 cents up and down."""


def made_from(sound: np.ndarray, speed: float) -> np.ndarray:
    """`sound`, (n,) or (n, channels), at another speed: (m, channels)."""
    return stretched(sound.reshape(len(sound), -1).astype(np.float32), RATE, speed)


def by_rubber_band(sound: np.ndarray, speed: float) -> np.ndarray:
    from pedalboard import time_stretch

    return time_stretch(sound[None], RATE, stretch_factor=speed).T


def analytic(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """What lies between `low` and `high` Hz, without the second at each end."""
    band = signal.butter(3, [low, high], "band", fs=RATE, output="sos")
    return signal.hilbert(signal.sosfiltfilt(band, sound))[RATE:-RATE]


def voice() -> np.ndarray:
    """Twenty partials over 220 Hz, sung with vibrato."""
    phase = np.cumsum(220 * 2 ** (np.sin(2 * np.pi * VIBRATO * SECONDS) / 24)) * 2 * np.pi / RATE
    return 0.2 * sum(np.sin(k * phase) / k for k in range(1, 21))


def cents_beside_the_vibrato(sound: np.ndarray, speed: float) -> float:
    """How far the pitch is from a sine of the vibrato's rate: root mean square."""
    hertz = np.diff(np.unwrap(np.angle(analytic(sound, 170, 280)))) * RATE / (2 * np.pi)
    low = signal.butter(2, 30, fs=RATE, output="sos")
    cents = signal.sosfiltfilt(low, 1200 * np.log2(np.maximum(hertz, 50) / 220))
    turn = 2 * np.pi * VIBRATO * speed * np.arange(len(cents)) / RATE
    fitted = np.column_stack((np.sin(turn), np.cos(turn)))
    found = fitted @ np.linalg.lstsq(fitted, cents, rcond=None)[0]
    assert np.abs(found).max() == pytest.approx(50, abs=5)
    return float(np.sqrt(np.mean(np.square(cents - found))))


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_vibrato_stays_vibrato(speed: float) -> None:
    """Each rise of a partial into another bin was taken for a beginning once, and its phase broken: 17 cents."""
    assert cents_beside_the_vibrato(made_from(voice(), speed)[:, 0], speed) < 3


def beating(sound: np.ndarray, hertz: float) -> float:
    """dB: how much the loudness of a partial goes up and down, against its mean."""
    loudness = np.abs(analytic(sound, 0.97 * hertz, 1.03 * hertz))
    return float(20 * np.log10(loudness.std() / loudness.mean()))


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_a_chord_that_is_held_does_not_beat(speed: float) -> None:
    chord = (220.0, 277.18, 329.63, 440.0, 554.37)
    sound = sum(0.12 * np.sin(2 * np.pi * one * SECONDS + one) for one in chord)
    made = made_from(sound, speed)[:, 0]
    assert max(beating(made, hertz) for hertz in chord) < -60


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_tremolo_and_glides_keep_their_loudness(speed: float) -> None:
    tremolo = (1 + 0.5 * np.sin(2 * np.pi * 6 * SECONDS)) * np.sin(2 * np.pi * 440 * SECONDS) * 0.3
    loudness = np.abs(analytic(stretched(tremolo[:, None].astype(np.float32), RATE, speed)[:, 0], 300, 600))
    turn = 2 * np.pi * 6 * speed * np.arange(len(loudness)) / RATE
    depth = 2 * np.abs(np.mean(loudness * np.exp(-1j * turn))) / loudness.mean()
    assert depth == pytest.approx(0.5, abs=0.03)
    glide = 0.4 * np.sin(np.cumsum(200 * 2 ** (SECONDS / 2)) * 2 * np.pi / RATE)
    loudness = np.abs(analytic(stretched(glide[:, None].astype(np.float32), RATE, speed)[:, 0], 100, 4000))
    assert loudness.std() / loudness.mean() < 0.01


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_noise_stays_noise(speed: float) -> None:
    """Its spectrum flat, its samples normally distributed, nothing in it at the rate of the frames."""
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * RATE).astype(np.float32)
    made = stretched(noise[:, None], RATE, speed)[RATE // 4 : -RATE // 4, 0]
    _, power = signal.welch(made, RATE, nperseg=1024)
    assert np.std(10 * np.log10(power[5:400])) < 0.5
    assert np.mean(made**4) / np.mean(made**2) ** 2 == pytest.approx(3, abs=0.1)
    assert 20 * np.log10(made.std() / noise.std()) > -1
    loudness = np.abs(signal.hilbert(made))
    rates, power = signal.welch(loudness - loudness.mean(), RATE, nperseg=1 << 15)
    frames = power[(rates > 5) & (rates < 200)]
    assert frames.max() < 5 * np.median(frames)


def between_channels(sound: np.ndarray) -> np.ndarray:
    """Cross-spectrum of left and right in bands and spans of 0.1 s, each with its power: (2, bands, spans) complex."""
    left, right = (signal.stft(one, RATE, nperseg=2048, noverlap=1536)[2][1:1009] for one in sound.T)
    spans = left.shape[1] // 8 * 8

    def summed(values: np.ndarray) -> np.ndarray:
        return values[:, :spans].reshape(63, 16, -1, 8).sum(axis=(1, 3))

    return np.stack([summed(left * np.conj(right)), np.sqrt(summed(np.abs(left) ** 2) * summed(np.abs(right) ** 2))])


def width_and_place(sound: np.ndarray) -> tuple[float, float]:
    """How alike the channels are, 0..1, and the angle between them in radians: means, loud parts counting more."""
    crossed, power = between_channels(sound)
    return float(np.abs(crossed).sum() / power.real.sum()), float(
        np.average(np.abs(np.angle(crossed)), weights=power.real)
    )


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_a_delay_between_channels_stays_as_it_is(speed: float) -> None:
    """Where something is heard: 20 samples later on the right."""
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * RATE)
    left, right = made_from(np.stack([noise, np.roll(noise, 20)], axis=1), speed)[RATE:-RATE].T
    alike = [float(np.corrcoef(left[:-60], right[lag : len(right) - 60 + lag])[0, 1]) for lag in range(60)]
    assert int(np.argmax(alike)) == 20
    assert max(alike) > 0.98


@pytest.mark.skipif(not REAL, reason="no shared music beside the project")
@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_the_image_of_real_music_stays_where_it_is(speed: float) -> None:
    for path in REAL[:3]:
        sound, _ = soundfile.read(path, dtype="float32", always_2d=True, frames=8 * RATE)
        assert width_and_place(made_from(sound, speed)) == pytest.approx(width_and_place(sound), abs=0.06)


def modulation(librosa: Any, sound: np.ndarray, speed: float) -> np.ndarray:
    """dB of the ups and downs of loudness in 40 bands, 4 to 10 and 10 to 30 times a second at the source's speed."""
    bands = librosa.feature.melspectrogram(
        y=sound, sr=RATE, n_fft=1024, win_length=512, hop_length=128, n_mels=40, fmin=60
    )
    level = 10 * np.log10(bands + 1e-6)
    level -= level.mean(axis=1, keepdims=True)
    power = np.square(np.abs(np.fft.rfft(level * np.hanning(level.shape[1]), axis=1))).sum(axis=0)
    rates = np.fft.rfftfreq(level.shape[1], 128 / RATE) / speed
    longer = -20 * np.log10(speed)  # so much more does the same, longer, have
    found = [10 * np.log10(power[(rates >= low) & (rates < high)].mean()) for low, high in ((4, 10), (10, 30))]
    return np.array(found) - longer


@pytest.mark.skipif(not REAL, reason="no shared music beside the project")
@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_real_music_is_neither_smeared_nor_roughened(librosa: Any, speed: float) -> None:
    for path in REAL[:4]:
        sound = mono(path)
        made = made_from(sound, speed)[:, 0]
        assert modulation(librosa, made, speed) == pytest.approx(modulation(librosa, sound, 1.0), abs=1)


def mono(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True, frames=10 * RATE)[0].mean(axis=1)


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="no shared music beside the project")
@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_real_music_is_less_smeared_than_by_librosa(librosa: Any, speed: float) -> None:
    def by_librosa(sound: np.ndarray, speed: float) -> np.ndarray:
        return librosa.effects.time_stretch(sound, rate=speed)[:, None]

    def off_by(make: Callable[[np.ndarray, float], np.ndarray], sound: np.ndarray) -> float:
        made, source = modulation(librosa, make(sound, speed)[:, 0], speed), modulation(librosa, sound, 1.0)
        return float(np.mean(np.abs(made - source)))

    makers = {"Kelly": made_from, "librosa": by_librosa}
    if find_spec("pedalboard"):  # copyleft, and never required
        makers["Rubber Band"] = by_rubber_band
    sounds = [mono(path) for path in REAL[:4]]
    off = {name: np.mean([off_by(make, one) for one in sounds]) for name, make in makers.items()}
    print(f"modulation at {speed} off by: " + ", ".join(f"{name} {value:.2f} dB" for name, value in off.items()))
    assert off["Kelly"] < off["librosa"]

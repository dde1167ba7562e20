"""Audio features of a 30-second clip, beside librosa's and beside one bare transform."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import soundfile

from kelly_tui.features.audio import RATE, extract_audio_features
from kelly_tui.features.sound_file import valid_audio
from kelly_tui.features.spectrum import N_FFT, Spectrum

SECONDS = 30


def timed(work: Callable[[], object], rounds: int = 9) -> float:
    """Median CPU seconds on one core, after one round that is not counted."""
    from threadpoolctl import threadpool_limits

    found = []
    with threadpool_limits(1):  # waiting threads count as work otherwise; a worker has one core, too
        work()
        for _ in range(rounds):
            begun = process_time()
            work()
            found.append(process_time() - begun)
    return median(found)


def clip(rate: int = RATE) -> np.ndarray:
    """(n,) float32: chords over drums of noise, peak 0.8."""
    rng = np.random.default_rng(1)
    time = np.arange(SECONDS * rate) / rate
    sound = np.zeros(len(time))
    for bar in range(SECONDS // 2):
        part = slice(bar * 2 * rate, (bar + 1) * 2 * rate)
        for pitch in (45, 57, 60 + bar % 3, 64, 67 + bar % 5):
            sound[part] += np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time[part]) * np.exp(-(time[part] % 0.5))
    sound += rng.standard_normal(len(sound)) * np.exp(-(time % 0.25) * 40)
    return (sound / np.abs(sound).max() * 0.8).astype(np.float32)


def by_librosa(sound: np.ndarray) -> None:
    """The same features, each function given the one spectrogram where it takes one."""
    import librosa

    magnitude = np.abs(librosa.stft(sound))
    power = magnitude**2
    mel = librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=RATE, n_mels=64))
    librosa.feature.mfcc(S=mel, n_mfcc=20)
    librosa.feature.chroma_stft(S=power, sr=RATE)
    librosa.feature.spectral_centroid(S=magnitude, sr=RATE)
    librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE)
    librosa.feature.spectral_rolloff(S=magnitude, sr=RATE)
    librosa.feature.zero_crossing_rate(sound)
    librosa.feature.rms(y=sound)
    librosa.beat.beat_track(onset_envelope=librosa.onset.onset_strength(S=mel, sr=RATE), sr=RATE)


def bare_transform(sound: np.ndarray) -> None:
    from scipy import fft

    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, N_FFT // 2), N_FFT)[::512]
    for start in range(0, len(frames), 64):
        fft.rfft(frames[start : start + 64] * np.float32(0.5), axis=1)


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our seconds, the floor's or the peer's, a note)."""
    sound = clip()
    ours = timed(lambda: extract_audio_features((sound, RATE)))
    yield (
        "clip of 30 s: all features, key, tempo",
        ours,
        timed(lambda: bare_transform(sound)),
        "floor: one STFT; goal 120 ms",
    )
    yield "the same, beside librosa on one spectrogram", ours, timed(lambda: by_librosa(sound), 3), "peer: no key"
    yield (
        "clip of 30 s: spectrogram",
        timed(lambda: Spectrum(sound, RATE, 512)),
        timed(lambda: bare_transform(sound)),
        "",
    )
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("wav", "flac"):
            path = Path(folder) / f"clip.{suffix}"
            soundfile.write(path, clip(44_100), 44_100)
            floor = timed(lambda: soundfile.read(path, dtype="float32"))  # noqa: B023
            yield f"decode and check 30 s of {suffix}", timed(lambda: valid_audio(path)), floor, "floor: soundfile"  # noqa: B023

"""Audio variants measured on chords, attacks and real music, beside librosa and, where it is installed, Rubber Band.

``pytest -s`` prints the figures. Sharpness of attacks: the energy in the 20 ms before one against the 20 ms from it on.
Noise of the round trip: two semitones up and down again, against the source.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from kelly_tui.augment.audio import augment_audio
from kelly_tui.augment.stretch import attacks, stretched
from kelly_tui.features.audio import detect_labels, extract_audio_features
from kelly_tui.music.label_rules import inherited_label

RATE = 44_100
REAL = sorted((Path(__file__).resolve().parents[4] / "shared" / "music" / "orchestra").glob("*.ogg"))[:5]
KINDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 3, 6, 9), (0, 4, 7, 11, 14))


def chord(number: int, seconds: float = 3.0) -> tuple[list[float], np.ndarray]:
    """Fundamentals of 110 to 440 Hz and up, and their sound: six partials each."""
    root = 110 * 2 ** ((number * 7 % 24) / 12)
    hertz = [root * 2 ** (step / 12) for step in KINDS[number % len(KINDS)]]
    time = np.arange(round(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * one * k * time + k) / k for one in hertz for k in range(1, 7) if one * k < 9000)
    return hertz, (sound / np.abs(sound).max() * 0.7).astype(np.float32)


def cents_off(sound: np.ndarray, wanted: float) -> float:
    """How far the strongest partial within half a semitone of `wanted` is from it."""
    middle = sound[len(sound) // 5 : -len(sound) // 5]
    size = 8 * len(middle)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), size))
    low, high = (int(wanted * factor * size / RATE) for factor in (0.97, 1.03))
    peak = low + int(np.argmax(spectrum[low:high]))
    a, b, c = np.log(spectrum[peak - 1 : peak + 2])
    return float(1200 * np.log2((peak + (a - c) / (2 * (a - 2 * b + c))) * RATE / size / wanted))


@pytest.mark.parametrize("semitones", [-2, -1, 1, 2])
def test_chords_are_in_tune(semitones: int) -> None:
    """Signalsmith's stretch, which was here before, put notes of these up to 60 cents off."""
    off = []
    for number in range(10):
        hertz, sound = chord(number)
        varied = augment_audio((sound, RATE), pitch_shift=semitones).samples[:, 0]
        off += [abs(cents_off(varied, one * 2 ** (semitones / 12))) for one in hertz]
    print(f"{semitones:+d}: chord notes off by {np.median(off):.3f} cents, {max(off):.3f} at most")
    assert max(off) < 1


def long_term(sound: np.ndarray, rate: int) -> np.ndarray:
    """The mean spectrum in dB, a value a cent from 60 Hz, less its broad shape."""
    from scipy import signal

    frequencies, _, bins = signal.stft(sound.mean(axis=1), rate, nperseg=16_384, noverlap=12_288)
    grid = 60 * 2 ** (np.arange(7_200) / 1200)
    level = np.interp(grid, frequencies, 10 * np.log10(np.square(np.abs(bins)).mean(axis=1) + 1e-12))
    return level - np.convolve(level, np.full(201, 1 / 201), "same")


@pytest.mark.skipif(not REAL, reason="no shared music beside the project")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_music_is_in_tune_as_loud_as_long_and_in_stereo(path: Path) -> None:
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True, frames=15 * RATE)
    before = long_term(sound, rate)
    for semitones in (-2, 2):
        varied = augment_audio((sound, rate), pitch_shift=semitones).samples
        after = long_term(varied, rate)
        shifts = np.arange(100 * semitones - 30, 100 * semitones + 31)
        alike = [np.corrcoef(before[400:-400], after[400 + shift : len(after) - 400 + shift])[0, 1] for shift in shifts]
        assert abs(shifts[int(np.argmax(alike))] - 100 * semitones) <= 1
        assert len(varied) == len(sound)
        assert (
            abs(10 * np.log10(np.mean(np.square(varied, dtype=float)) / np.mean(np.square(sound, dtype=float)))) < 0.1
        )
        assert np.abs(varied).max() < 1
        width = [np.corrcoef(one.T)[0, 1] for one in (sound, varied)]
        assert width[1] == pytest.approx(width[0], abs=0.03)


def plucked() -> np.ndarray:
    """A note every quarter of a second, each dying away."""
    time = np.arange(RATE // 4) / RATE
    notes = [
        sum(np.sin(2 * np.pi * 110 * 2 ** ((n * 7 % 12) / 12) * k * time) / k for k in range(1, 9)) for n in range(16)
    ]
    sound = np.concatenate([note * np.exp(-8 * time) for note in notes])
    return (sound / np.abs(sound).max() * 0.8).astype(np.float32)


def struck() -> np.ndarray:
    """A burst of noise every quarter of a second, and silence between."""
    rng = np.random.default_rng(1)
    sound = np.zeros(4 * RATE, np.float32)
    for start in range(0, 4 * RATE, RATE // 4):
        sound[start : start + 2000] = rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300) * 0.2
    return sound


def before_attacks(sound: np.ndarray, speed: float) -> float:
    """dB of the 20 ms before each attack against the 20 ms from it on: median."""
    ratios = []
    for number in range(1, 16):
        due, near = round(number * RATE / 4 / speed), RATE // 50
        early, late = (np.sum(np.square(part, dtype=float)) for part in
                       (sound[due - near : due - RATE // 1000], sound[due : due + near]))  # fmt: skip
        ratios.append(10 * np.log10((early + 1e-12) / late))
    return float(np.median(ratios))


@pytest.mark.parametrize("make", [plucked, struck])
@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_attacks_are_sharper_than_librosas(librosa: Any, make: Callable[[], np.ndarray], speed: float) -> None:
    sound = make()
    ours = before_attacks(stretched(sound[:, None], RATE, speed)[:, 0], speed)
    theirs = before_attacks(librosa.effects.time_stretch(sound, rate=speed), speed)
    source = before_attacks(sound, 1.0)
    print(
        f"{make.__name__} at {speed}: before an attack {ours:.1f} dB, librosa {theirs:.1f} dB, source {source:.1f} dB"
    )
    assert ours < theirs - 5
    assert ours < max(source, -60) + 3


def test_attacks_are_found_where_they_are() -> None:
    found = attacks(struck()[:, None], RATE)
    assert len(found) >= 15
    assert all(min(abs(int(one) - start) for start in range(0, 4 * RATE, RATE // 4)) < 0.01 * RATE for one in found)
    assert len(attacks(chord(0)[1][:, None], RATE)) <= 1


def snr(made: np.ndarray, source: np.ndarray) -> float:
    middle = slice(RATE // 2, min(len(made), len(source)) - RATE // 2)
    noise = made[middle].astype(float) - source[middle]
    return float(10 * np.log10(np.mean(source[middle].astype(float) ** 2) / np.mean(noise**2)))


def test_the_noise_of_the_round_trip_beside_others(librosa: Any) -> None:
    def ours(sound: np.ndarray, semitones: int) -> np.ndarray:
        return augment_audio((sound, RATE), pitch_shift=semitones).samples[:, 0]

    def theirs(sound: np.ndarray, semitones: int) -> np.ndarray:
        return librosa.effects.pitch_shift(sound, sr=RATE, n_steps=semitones)

    shifts: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"Kelly": ours, "librosa": theirs}
    if find_spec("pedalboard"):  # Rubber Band R3; copyleft, and never required

        def rubber_band(sound: np.ndarray, semitones: int) -> np.ndarray:
            from pedalboard import time_stretch

            return time_stretch(sound, RATE, pitch_shift_in_semitones=semitones)[0]

        shifts["Rubber Band"] = rubber_band
    time = np.arange(3 * RATE) / RATE
    sine = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    found = {}
    for name, shift in shifts.items():
        found[name] = [snr(shift(shift(sound, 2), -2), sound) for sound in (sine, chord(1)[1], plucked())]
        said = zip(("sine", "chord", "plucked"), found[name], strict=True)
        print(f"round trip, {name}:", ", ".join(f"{what} {decibels:.1f} dB" for what, decibels in said))
    assert found["Kelly"][0] > 40


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("speed", [0.5, 0.81, 1.23, 2.0])
def test_any_rate_and_speed(rate: int, speed: float) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (rate, 2)).astype(np.float32)
    made = stretched(sound, rate, speed)
    assert made.shape == (round(rate / speed), 2)
    assert np.isfinite(made).all()
    assert 0.5 < made.std() / sound.std() < 1.5


def test_silence_stays_silent_and_what_follows_is_heard() -> None:
    sound = np.concatenate([np.zeros((RATE, 1), np.float32), chord(0, 1.0)[1][:, None]])
    made = stretched(sound, RATE, 0.9)
    assert np.abs(made[: int(0.9 * RATE)]).max() < 1e-4
    assert made[int(1.3 * RATE) :].std() == pytest.approx(sound[RATE:].std(), rel=0.2)


CHANGES = [{"pitch_shift": -2}, {"pitch_shift": 2}, {"time_stretch": 0.9}, {"time_stretch": 1.1}, {"noise": 0.005}]


@pytest.mark.skipif(not REAL, reason="no shared music beside the project")
def test_detectors_hear_in_variants_what_the_rules_say() -> None:
    """Key, mode and tempo of real music, heard in the original, handed down, and heard again in the variant."""
    asked = agreed = 0
    for path in REAL[:3]:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True, frames=20 * RATE)
        labels = detect_labels(extract_audio_features((sound, rate)))
        for change in CHANGES:
            varied = augment_audio((sound, rate), seed=1, **change)
            heard = detect_labels(extract_audio_features((varied.samples, varied.rate)))
            for field in ("key", "mode", "tempo_bpm"):
                if field not in labels or labels[field].confidence < 0.6:
                    continue
                said = inherited_label(field, labels, change).value
                now = heard[field].value if field in heard else None
                asked += 1
                agreed += abs(now / said - 1) < 0.03 if field == "tempo_bpm" else now == said
    print(f"{agreed} of {asked} labels agree")
    assert agreed >= 0.9 * asked > 0

"""Meter and bars of sound: bars made here of clicks, bass and chords, and real tunes played."""

from __future__ import annotations

import numpy as np
import pytest

from kelly_tui.features.audio import RATE, detect_labels, extract_audio_features

BEATS = 48


def waltz_or_march(beats: int, parts: int, bpm: float, pickup: int = 0) -> np.ndarray:
    """A bass note and a new chord on the first beat of each bar, the chord alone on the others, clicks on the parts."""
    beat = 60 / bpm
    sound = np.zeros(round((BEATS * beat + 1) * RATE))
    time = np.arange(round(0.9 * beat * RATE)) / RATE
    roots = (0, 5, 7, 0, 9, 5, 7, 0)
    for number in range(BEATS):
        bar, place = divmod(number - pickup + beats, beats)
        root = 261.6 * 2 ** (roots[bar % len(roots)] / 12)
        tones = [root * 2 ** (step / 12) for step in (0, 4, 7)] + ([root / 4] * 3 if place == 0 else [])
        note = sum(np.sin(2 * np.pi * hz * time) for hz in tones) * np.exp(-4 * time)
        start = round(number * beat * RATE)
        sound[start : start + len(note)] += note * (1.0 if place == 0 else 0.6)
        for part in range(parts):
            at = start + round(part * beat / parts * RATE)
            click = np.random.default_rng(part).normal(size=400) * np.exp(-np.arange(400) / 80)
            sound[at : at + 400] += click * (0.3 if part else 1.5)
    return (sound / np.abs(sound).max() * 0.8).astype(np.float32)


@pytest.mark.parametrize(
    ("meter", "beats", "parts", "bpm"),
    [("3/4", 3, 2, 100), ("3/4", 3, 2, 132), ("4/4", 4, 2, 100), ("4/4", 4, 2, 120)],
)
def test_meter_and_bars(meter: str, beats: int, parts: int, bpm: float) -> None:
    found = extract_audio_features((waltz_or_march(beats, parts, bpm), RATE))
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.03)
    assert found.time_signature == meter
    label = detect_labels(found)["time_signature"]
    assert (label.value, label.source, label.by) == (meter, "detector", "kelly audio-meter 3")
    assert label.confidence is not None
    assert 0.4 < label.confidence <= 0.92
    assert set(found.bar_frames.tolist()) <= set(found.beat_frames.tolist())
    places = found.bar_frames * found.hop_length / RATE / (60 / bpm * beats)
    assert np.abs(places - np.rint(places)).max() < 0.15


def test_bars_begin_after_a_pickup() -> None:
    found = extract_audio_features((waltz_or_march(3, 2, 110, pickup=1), RATE))
    places = found.bar_frames * found.hop_length / RATE / (60 / 110) - 1
    assert np.abs(places / 3 - np.rint(places / 3)).max() < 0.15


def test_a_few_beats_tell_no_meter() -> None:
    found = extract_audio_features((waltz_or_march(3, 2, 100)[: 5 * RATE], RATE))
    assert found.time_signature is None
    assert "tell no meter" in found.why["time_signature"]
    assert len(found.bar_frames) == 0


def test_noise_has_no_meter() -> None:
    for seed in range(6):  # 100 to 105 found a beat of 0.16 to 0.28 in some, and bars at up to 0.83
        noise = np.random.default_rng(100 + seed).normal(0, 0.1, 8 * RATE).astype(np.float32)
        found = extract_audio_features((noise, RATE))
        assert found.time_signature is None, seed
        assert found.why["time_signature"]
        assert len(found.bar_frames) == 0

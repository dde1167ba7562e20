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
    assert (label.value, label.source, label.by) == (meter, "detector", "kelly audio-meter 6")
    assert label.confidence is not None
    assert 0.4 < label.confidence <= 0.92
    assert set(found.bar_frames.tolist()) <= set(found.beat_frames.tolist())
    places = found.bar_frames * found.hop_length / RATE / (60 / bpm * beats)
    assert np.abs(places - np.rint(places)).max() < 0.15


def test_bars_begin_after_a_pickup() -> None:
    found = extract_audio_features((waltz_or_march(3, 2, 110, pickup=1), RATE))
    places = found.bar_frames * found.hop_length / RATE / (60 / 110) - 1
    assert np.abs(places / 3 - np.rint(places / 3)).max() < 0.15


def line(bar: int, louder: float) -> np.ndarray:
    """Even quarters held like a bow's, with a vibrato, each of another pitch; the first of a bar louder."""
    beat, chance = 60 / 96, np.random.default_rng(bar)
    time = np.arange(round(beat * RATE)) / RATE
    shape = np.minimum(1, np.minimum(time, time[-1] - time) / 0.04)
    steps = np.cumsum(chance.choice([-4, -2, -1, 1, 2, 3, 5], BEATS)) % 13
    notes = []
    for number, step in enumerate(steps.tolist()):
        turns = 330 * 2 ** (step / 12) * (time - 0.0007 * np.cos(2 * np.pi * 5.5 * time))
        tone = sum(np.sin(2 * np.pi * partial * turns) / partial for partial in range(1, 6))
        notes.append(tone * shape * (louder if number % bar == 0 else 1.0))
    sound = np.concatenate([np.zeros(RATE // 2), *notes, np.zeros(RATE // 2)])
    return (sound / np.abs(sound).max() * 0.6).astype(np.float32)


@pytest.mark.parametrize("bar", [3, 4])
def test_a_line_of_quarters_has_the_bars_that_its_accents_mark(bar: int) -> None:
    plain, accented = (extract_audio_features((line(bar, louder), RATE)) for louder in (1.0, 3.0))
    assert [plain.tempo_bpm, accented.tempo_bpm] == pytest.approx([96, 96], rel=0.03)
    assert plain.time_signature is None
    assert "nothing marks the bars" in plain.why["time_signature"]
    assert len(plain.bar_frames) == 0
    assert accented.time_signature == f"{bar}/4"
    places = accented.bar_frames * accented.hop_length / RATE - 0.5
    assert np.abs(places / (60 / 96 * bar) - np.rint(places / (60 / 96 * bar))).max() < 0.15


def drums(bar: float, kicks: tuple[float, ...], snares: tuple[float, ...], bpm: float) -> np.ndarray:
    """24 s of bars of so many quarters: kicks and snares at these, a soft hat on all eighths."""
    beat, chance = 60 / bpm, np.random.default_rng(3)
    time = np.arange(round(0.15 * RATE)) / RATE
    kick = np.sin(2 * np.pi * 60 * time) * np.exp(-time / 0.04)
    snare, hat = (
        chance.normal(size=len(time)) * np.exp(-time / decay) * loud for decay, loud in ((0.04, 0.6), (0.01, 0.2))
    )
    sound = np.zeros(25 * RATE)
    strokes = [(kick, kicks), (snare, snares), (hat, tuple(np.arange(0, bar, 0.5)))]
    for number in range(int(24 / (bar * beat))):
        for stroke, places in strokes:
            for place in places:
                start = round((number * bar + place) * beat * RATE)
                sound[start : start + len(stroke)] += stroke
    return (sound / np.abs(sound).max() * 0.8).astype(np.float32)


@pytest.mark.parametrize(
    ("bar", "kicks", "snares", "bpm", "said"),
    [
        (5.0, (0, 3), (1.5, 4), 120, "bars of 5 beats"), (3.5, (0, 1.5), (2.5,), 120, "bars of 3.5 beats"),
        (7.0, (0, 4), (2, 6), 140, "bars of 7 beats"), (4.0, (0, 2.5), (1, 3), 120, ""),
    ],
)  # fmt: skip
def test_bars_of_five_and_seven_are_no_44(
    bar: float, kicks: tuple[float, ...], snares: tuple[float, ...], bpm: float, said: str
) -> None:
    """Drums in 5/4 and 7/8 were surely in 4/4."""
    found = extract_audio_features((drums(bar, kicks, snares, bpm), RATE))
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.01)
    assert found.time_signature == (None if said else "4/4")
    assert said in found.why["time_signature"]


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

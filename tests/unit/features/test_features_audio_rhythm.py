"""The tempo and beats of drummers and of held music, judged by mir_eval."""

from __future__ import annotations

import mir_eval
import numpy as np
import pytest

from kelly_tui.features.audio import AudioConfig, absent, detect_labels, extract_audio_features
from kelly_tui.features.audio_rhythm import find_beats

RATE, SECONDS, SPREAD = 22_050, 24, 0.006

KICK, SNARE, HAT = range(3)
ROCK = {KICK: (0, 2, 2.5), SNARE: (1, 3), HAT: tuple(np.arange(0, 4, 0.5))}
QUARTERS = {KICK: (0, 1, 2, 3), SNARE: (1, 3), HAT: (0.5, 1.5, 2.5, 3.5)}
SIXTEENTHS = {KICK: (0, 0.75, 2.5), SNARE: (1, 3), HAT: tuple(np.arange(0, 4, 0.25))}
WALTZ = {KICK: (0,), SNARE: (1, 2), HAT: tuple(np.arange(0, 3, 0.5))}
TAKES = [
    *((ROCK, 4, bpm) for bpm in (84, 100, 117, 133, 152)),
    *((QUARTERS, 4, bpm) for bpm in (104, 126, 141)),
    *((SIXTEENTHS, 4, bpm) for bpm in (71, 88, 104)),
    *((WALTZ, 3, bpm) for bpm in (96, 120, 160)),
]


def strokes() -> list[np.ndarray]:
    """A bass drum that falls from 110 to 45 Hz, a snare of noise and 190 Hz, a hi-hat of noise above 6 kHz."""
    rng, time = np.random.default_rng(3), np.arange(RATE // 4) / RATE
    kick = np.sin(2 * np.pi * np.cumsum(45 + 65 * np.exp(-time / 0.03)) / RATE) * np.exp(-time / 0.08)
    noise = rng.standard_normal(len(time))
    snare = (0.5 * noise + 0.6 * np.sin(2 * np.pi * 190 * time)) * np.exp(-time / 0.06)
    bright = np.fft.rfft(rng.standard_normal(len(time)))
    bright[: int(6000 / RATE * len(time))] = 0
    return [kick, 0.6 * snare, 0.25 * np.fft.irfft(bright, len(time)) * np.exp(-time / 0.025)]


def take(pattern: dict[int, tuple[float, ...]], bar: int, bpm: float) -> np.ndarray:
    """`pattern`, in beats by drum, again and again, with a human's spread of 6 ms."""
    rng, sound = np.random.default_rng(int(bpm)), np.zeros(RATE * (SECONDS + 1))
    drums = strokes()
    for start in np.arange(0, SECONDS * bpm / 60, bar):
        for drum, beats in pattern.items():
            for beat in beats:
                at = max(0, round(((start + beat) * 60 / bpm + rng.normal(0, SPREAD)) * RATE))
                part = sound[at : at + len(drums[drum])]
                part += drums[drum][: len(part)] * rng.uniform(0.8, 1.0)
    return sound[: RATE * SECONDS]


@pytest.fixture(scope="module")
def found() -> list[tuple[float, float, float, float]]:
    """Of each take: its tempo, the one heard, the confidence and the F measure of the beats."""
    results = []
    for pattern, bar, bpm in TAKES:
        features = extract_audio_features((take(pattern, bar, bpm), RATE))
        beats = np.arange(0, SECONDS, 60 / bpm)
        score = mir_eval.beat.f_measure(beats, features.beat_frames * 512 / RATE)
        results.append((bpm, features.tempo_bpm, features.tempo_confidence, score))
    return results


def test_the_octave_of_a_drummer(found: list[tuple[float, float, float, float]]) -> None:
    """The beat itself, not its half or double; 36 % if whether bass drum and snare alternate is left out."""
    near = [abs(heard / bpm - 1) <= 0.04 for bpm, heard, *_ in found]
    assert np.mean(near) >= 0.85, found


def test_confidence_is_how_often_it_is_right(found: list[tuple[float, float, float, float]]) -> None:
    sure = [abs(heard / bpm - 1) <= 0.04 for bpm, heard, confidence, _ in found if confidence > 0.8]
    assert len(sure) >= 5
    assert np.mean(sure) >= 0.9, found


def test_beats_of_a_drummer(found: list[tuple[float, float, float, float]]) -> None:
    """Within 70 ms and of the same octave and phase, as mir_eval counts."""
    assert np.mean([score for *_, score in found]) >= 0.93, found


def bowed(bpm: float) -> np.ndarray:
    """A scale in quarters of six partials that begin and end in 80 ms, with a vibrato of 5.5 Hz and a third of a
    semitone that makes them louder and softer too, as a violin's body does.
    """
    scale = np.array([0, 2, 4, 5, 7, 5, 4, 2, 0, 4, 7, 12, 11, 9, 7, 4])
    beat = 60 / bpm
    time = np.arange(round(beat * RATE)) / RATE
    shape = np.clip(np.minimum(time, 0.97 * beat - time) / 0.08, 0, 1)
    swing = np.sin(2 * np.pi * 5.5 * time)
    notes = []
    for step in np.resize(scale, round(SECONDS / beat)):
        phase = 2 * np.pi * np.cumsum(293.7 * 2 ** ((step + 0.33 * swing) / 12)) / RATE
        partials = sum(np.sin(k * phase) * (1 + 0.6 * swing * (-1) ** k) / k for k in range(1, 7))
        notes.append(shape * partials)
    return 0.2 * np.concatenate(notes)


@pytest.mark.parametrize("bpm", [76, 100, 120])
def test_a_vibrato_is_no_stroke(bpm: float) -> None:
    """By rises of level alone something else than the notes is the beat."""
    found = extract_audio_features((bowed(bpm), RATE))
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.04), found.tempo_why


def test_beats_lie_on_the_stroke() -> None:
    features = extract_audio_features((take({KICK: (0, 1, 2, 3)}, 4, 100), RATE))
    times = features.beat_frames * 512 / RATE
    late = times - np.round(times * 100 / 60) * 60 / 100
    assert abs(np.median(late)) < 0.025


def test_no_tempo_has_a_reason() -> None:
    rng = np.random.default_rng(0)
    silence = np.zeros(RATE * 10)
    click = silence.copy()
    click[RATE] = 1.0
    random = (rng.random(RATE * 10) < 2 / RATE).astype(float)
    said = {
        "shorter than 3 s": [rng.standard_normal(RATE)],
        "too few onsets": [click],
        "nothing repeats clearly": [rng.standard_normal(RATE * 10), random],
    }
    for reason, sounds in said.items():
        for sound in sounds:
            features = extract_audio_features((sound, RATE))
            assert absent(features)["tempo_bpm"] == reason
            assert "tempo_bpm" not in detect_labels(features)
            assert len(features.beat_frames) == 0


@pytest.mark.parametrize("gain", [3, 30])
@pytest.mark.parametrize("pitches", [(220.0,), (261.63,), (261.6, 329.6, 392.0)])
def test_steady_sound_has_no_tempo_however_it_is_clipped(pitches: tuple[float, ...], gain: float) -> None:
    time = np.arange(22_050 * 10) / 22_050
    sound = np.clip(gain * sum(np.sin(2 * np.pi * pitch * time) for pitch in pitches), -1, 1).astype(np.float32)
    heard = extract_audio_features((sound, 22_050))
    assert (heard.tempo_bpm, heard.time_signature) == (None, None)
    assert heard.tempo_why.endswith("of the samples lie at their limit")
    after = np.concatenate((np.zeros(11_025, np.float32), sound))  # that it begins is no beat
    assert extract_audio_features((after, 22_050)).tempo_bpm is None


def test_what_is_clipped_is_said_and_less_sure() -> None:
    time = np.arange(22_050 * 8) / 22_050
    strokes = (np.sin(2 * np.pi * 330 * time) * np.exp(-8 * (time % 0.5))).astype(np.float32)
    clean, clipped = (extract_audio_features((np.clip(gain * strokes, -1, 1), 22_050)) for gain in (0.9, 20))
    assert clean.tempo_bpm == pytest.approx(120, rel=0.02) == clipped.tempo_bpm
    assert clipped.tempo_confidence < clean.tempo_confidence
    assert "clipped" in clipped.tempo_why
    assert "clipped" not in clean.tempo_why


def test_beats_of_what_never_rises_above_its_mean() -> None:
    """Few frames, each a large part of the beat, once had no path."""
    for length in range(2, 60):
        strength = np.random.default_rng(length).random(length).astype(np.float32)
        beats = find_beats(strength, 5.4, 100)
        assert (np.diff(beats) > 0).all()


@pytest.mark.parametrize(("hop", "mels"), [(64, 64), (4096, 1)])
def test_labels_do_not_depend_on_how_fine_the_arrays_are(hop: int, mels: int) -> None:
    sound = take(ROCK, 4, 117)
    usual = extract_audio_features((sound, RATE))
    other = extract_audio_features((sound, RATE), AudioConfig(hop_length=hop, n_mels=mels))
    assert detect_labels(other) == detect_labels(usual)
    assert other.beat_frames * hop == pytest.approx(usual.beat_frames * 512, abs=hop / 2)
    assert other.beat_frames.max() < len(other.rms_energy)

"""The key of chorales that are played with overtones, against what their signature and their last bass say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kelly_tui.features.audio import absent, detect_labels, extract_audio_features
from kelly_tui.model.labels import KEYS
from kelly_tui.music.notes import read_midi

RATE = 22_050
CHORALES = {
    "bwv66.6": "F# minor", "bwv10.7": "G minor", "bwv13.6": "A# major", "bwv14.5": "G minor", "bwv16.6": "A minor",
    "bwv17.7": "A major", "bwv20.7": "F major", "bwv26.6": "A minor", "bwv27.6": "A# major", "bwv28.6": "A minor",
    "bwv32.6": "G major", "bwv36.4-2": "D major", "bwv37.6": "A major", "bwv40.3": "G minor", "bwv253": "A major",
    "bwv269": "G major", "bwv281": "F major", "bwv318": "G major", "bwv40.8": "F minor", "bwv416": "D minor",
    "bwv57.8": "A# major", "bwv65.2": "A minor",
}  # fmt: skip
"""Those on which the last bass, with the signature, and music21's analysis of the notes agree."""


def played(data: bytes, transposed: int) -> np.ndarray:
    """Its first 30 seconds with eight partials a note, each softer by a quarter, and the decay of a plucked string."""
    sound = np.zeros(RATE * 31)
    for note in read_midi(data).pitched:
        if note["onset"] > 29:
            continue
        time = np.arange(round((note["duration"] + 0.05) * RATE)) / RATE
        hertz = 440 * 2 ** ((int(note["pitch"]) + transposed - 69) / 12)
        partials = sum(0.75**part * np.sin(2 * np.pi * hertz * (part + 1) * time) for part in range(8))
        start = round((note["onset"] + 0.1) * RATE)
        part = sound[start : start + len(time)]
        part += (partials * np.exp(-2 * time) * np.minimum(1, 200 * time))[: len(part)]
    return sound / np.abs(sound).max() * 0.5


@pytest.fixture(scope="module")
def found(corpus_midi: Callable[[str], bytes]) -> list[tuple[str, str, float]]:
    """Of each chorale, transposed by its place in the list: its key, the one heard, the confidence."""
    results = []
    for steps, (name, key) in enumerate(CHORALES.items()):
        tonic, mode = key.split()
        transposed = steps % 12 - 5
        features = extract_audio_features((played(corpus_midi(name), transposed), RATE))
        expected = f"{KEYS[(KEYS.index(tonic) + transposed) % 12]} {mode}"
        results.append((expected, f"{features.key_signature} {features.mode}", features.key_confidence))
    return results


@pytest.mark.slow
def test_keys_of_chorales(found: list[tuple[str, str, float]]) -> None:
    assert np.mean([expected == heard for expected, heard, _ in found]) >= 0.9, found


@pytest.mark.slow
def test_confidence_is_how_often_it_is_right(found: list[tuple[str, str, float]]) -> None:
    sure = [expected == heard for expected, heard, confidence in found if confidence > 0.85]
    assert len(sure) >= 8
    assert np.mean(sure) >= 0.9, found


def test_a_drone_under_another_key_does_not_decide() -> None:
    """The bass says most of a key, but not against the scale."""
    time = np.arange(RATE // 2) / RATE
    pitches = [(48, 60, 64, 67), (41, 60, 65, 69), (43, 59, 62, 67), (48, 60, 64, 67)] * 4
    chords = [sum(np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time) for pitch in chord) for chord in pitches]
    sound = np.concatenate(chords) * 0.1
    drone = 0.1 * np.sin(2 * np.pi * 440 * 2 ** ((43 - 69) / 12) * np.arange(len(sound)) / RATE)
    features = extract_audio_features((sound + drone, RATE))
    assert (features.key_signature, features.mode) == ("C", "major")


@pytest.mark.parametrize(("last", "key"), [((4, 8, 11), ("A", "minor")), ((0, 4, 7), ("C", "major"))])
def test_what_ends_on_its_dominant_is_in_minor(last: tuple[int, ...], key: tuple[str, str]) -> None:
    """A Phrygian cadence; all before it is in C major as well."""
    time = np.arange(RATE) / RATE
    chords = []
    for steps in ((0, 4, 7), (5, 9, 0), (2, 5, 9), (9, 0, 4), (7, 11, 2), (0, 4, 7), (2, 5, 9), last):
        hertz = [440 * 2 ** ((pitch - 69) / 12) for pitch in (36 + steps[0], *(60 + step for step in steps))]
        partials = sum(0.75**part * np.sin(2 * np.pi * tone * (part + 1) * time) for tone in hertz for part in range(6))
        chords.append(partials * np.exp(-2 * time) * np.minimum(1, 200 * time))
    sound = np.concatenate([np.zeros(RATE // 10), *chords, np.zeros(RATE // 5)])
    features = extract_audio_features((sound / np.abs(sound).max(), RATE))
    assert (features.key_signature, features.mode) == key


def loop(triads: list[tuple[int, ...]], times: int) -> np.ndarray:
    """Triads of a second each with their roots in the bass, and the first of them again at the end."""
    time = np.arange(RATE) / RATE
    chords = []
    for steps in [*triads * times, triads[0]]:
        hertz = [440 * 2 ** ((pitch - 69) / 12) for pitch in (36 + steps[0], *(60 + step % 12 for step in steps))]
        partials = sum(0.75**part * np.sin(2 * np.pi * tone * (part + 1) * time) for tone in hertz for part in range(6))
        chords.append(partials * np.exp(-2 * time) * np.minimum(1, 200 * time))
    sound = np.concatenate([np.zeros(RATE // 10), *chords, np.zeros(RATE // 5)])
    return sound / np.abs(sound).max()


C, F, G, A, D = (0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 13, 16), (2, 6, 9)
DM, EM, AM = (2, 5, 9), (4, 7, 11), (9, 12, 16)


@pytest.mark.parametrize(
    ("triads", "key"),
    [
        ([DM, G, DM, G], "D dorian"),
        ([AM, D, EM, AM], "A dorian"),
        ([D, C, G, D], "D mixolydian"),
        ([G, F, C, G], "G mixolydian"),
        ([F, G, F, EM], "F lydian"),
        ([EM, F, DM, EM], "E phrygian"),
        ([C, F, G, C], "C major"),
        ([G, EM, C, D], "G major"),
        ([AM, DM, EM, AM], "A minor"),
    ],
)
def test_a_loop_of_chords_has_its_mode(triads: list[tuple[int, ...]], key: str) -> None:
    """The same notes as a major or minor key's, around another tonic; and the major and minor keys themselves."""
    features = extract_audio_features((loop(triads, 4), RATE))
    assert f"{features.key_signature} {features.mode}" == key
    assert features.key_sequence[0] == key


def test_a_chorale_that_goes_on_in_another_key_has_two_keys(corpus_midi: Callable[[str], bytes]) -> None:
    """A G major chorale for 15 seconds, then the same a minor third up."""
    half = 15 * RATE
    sound = np.concatenate([played(corpus_midi("bwv269"), transposed)[:half] for transposed in (0, 3)])
    features = extract_audio_features((sound, RATE))
    assert features.key_sequence == ["G major", "A# major"]
    assert features.key_times == pytest.approx([0.0, 15.0], abs=1.5)
    assert len(features.roman_sequence) == len(features.chord_sequence) > 10
    assert {"I", "V"} <= set(features.roman_sequence)
    assert features.arrays()["key_times"] == features.key_times
    whole = extract_audio_features((played(corpus_midi("bwv269"), 0)[: 2 * half], RATE))
    assert whole.key_sequence == ["G major"]


def test_no_key_has_a_reason() -> None:
    rng = np.random.default_rng(0)
    seconds = np.arange(RATE * 8) / RATE
    said = {
        "shorter than a second": [np.sin(2000 * seconds[: RATE // 2])],
        "no pitches stand out": [rng.standard_normal(RATE * 8), (seconds % 0.5 == 0) * 1.0],
        "fewer than three pitches": [np.sin(2 * np.pi * 440 * seconds)],
    }
    for reason, sounds in said.items():
        for sound in sounds:
            features = extract_audio_features((sound, RATE))
            assert absent(features)["key"] == absent(features)["mode"] == reason
            assert not {"key", "mode"} & set(detect_labels(features))

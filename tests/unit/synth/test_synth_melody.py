"""Melodies: one line, its contour and range as labelled, in its key, in its meter."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import numpy as np
import pytest

from kelly_tui.model.labels import CONTOURS, KEYS
from kelly_tui.music.contour import detect_contour
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.theory import scale
from kelly_tui.synth.chance import Chance
from kelly_tui.synth.line import bar_rhythm
from kelly_tui.synth.melody import generate_melody_samples
from kelly_tui.synth.meter import meter_named
from kelly_tui.synth.sample import GeneratedSample
from kelly_tui.synth.written import has_contour


@lru_cache
def melodies() -> tuple[tuple[GeneratedSample, Score], ...]:
    return tuple((sample, read_midi(sample.midi)) for sample in generate_melody_samples(240, seed=4))


def line(*pitches: int) -> np.ndarray:
    return np.array(list(enumerate(pitches)), dtype=[("onset_beat", "f8"), ("pitch", "u1")])


def test_one_note_at_a_time():
    for _, score in melodies():
        ends = score.notes["onset_beat"] + score.notes["duration_beat"]
        assert (ends[:-1] <= score.notes["onset_beat"][1:] + 1e-3).all()


def test_six_contours_evenly_each_as_the_detector_measures_it():
    counts = Counter()
    for sample, score in melodies():
        contour = sample.labels["melodic_contour"].value
        counts[contour] += 1
        if contour != "wave":  # Huron has no word for it
            assert detect_contour(score.notes).value == contour
    assert set(counts) == set(CONTOURS)
    assert max(counts.values()) - min(counts.values()) <= 8


def test_range_label_is_the_range():
    seen = set()
    for sample, score in melodies():
        span = int(np.ptp(score.notes["pitch"].astype(int)))
        seen.add(sample.labels["pitch_range"].value)
        assert sample.labels["pitch_range"].value == ("narrow" if span < 12 else "wide" if span > 24 else "medium")
    assert seen == {"narrow", "medium", "wide"}


def test_notes_are_of_the_key_but_for_leading_tones():
    for sample, score in melodies():
        own = set(scale(sample.labels["key"].value, sample.labels["mode"].value))
        tonic = KEYS.index(sample.labels["key"].value)
        assert {int(pitch) % 12 for pitch in score.notes["pitch"]} <= own | {(tonic - 1) % 12}
        assert int(score.notes["pitch"][-1]) % 12 == tonic


def test_moves_mostly_by_step_and_never_far():
    leaps = np.concatenate([np.abs(np.diff(score.notes["pitch"].astype(int))) for _, score in melodies()])
    assert np.mean(leaps <= 2) > 0.5
    assert np.mean(leaps <= 7) > 0.95
    assert leaps.max() <= 16


def test_motifs_return():
    """In pieces of two phrases or more some bar's rhythm and direction come back."""
    returned = total = 0
    for sample, score in melodies():
        bar = meter_named(sample.labels["time_signature"].value).bar
        bars = (score.notes["onset_beat"] // bar).astype(int)
        if bars.max() < 7:
            continue
        shapes = Counter(tuple((score.notes["onset_beat"][bars == b] % bar).round(3)) for b in range(bars.max()))
        total += 1
        returned += max(shapes.values()) >= 3
    assert total > 40
    assert returned / total > 0.9


@pytest.mark.parametrize("meter", ["4/4", "3/4", "2/4", "5/4", "6/8", "12/8"])
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
def test_rhythm_fills_the_bar(meter, density):
    chance = Chance("rhythm", meter, density)
    for _ in range(50):
        rhythm = bar_rhythm(chance, meter_named(meter), density)
        ends = [onset + duration for onset, duration in rhythm]
        assert [onset for onset, _ in rhythm] == pytest.approx([0.0, *ends[:-1]])
        assert ends[-1] == pytest.approx(meter_named(meter).bar)


@pytest.mark.parametrize(
    ("contour", "pitches"),
    [
        ("ascending", (60, 64, 65, 72)),
        ("descending", (72, 67, 65, 60)),
        ("arch", (60, 67, 69, 60)),
        ("valley", (72, 65, 64, 72)),
        ("flat", (60, 59, 62, 60)),
        ("wave", (60, 67, 60, 67, 60)),
    ],
)
def test_contours_told_apart(contour, pitches):
    assert [other for other in CONTOURS if has_contour(line(*pitches), other)][:1] == [contour] or contour == "wave"
    assert has_contour(line(*pitches), contour)


def test_two_turns_are_no_wave():
    assert not has_contour(line(60, 67, 60, 67), "wave")
    assert not has_contour(line(60, 63, 60, 63, 60), "wave")

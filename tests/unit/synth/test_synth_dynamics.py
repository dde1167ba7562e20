"""Loudness as labelled: level, curve and articulation measured from the file."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from functools import lru_cache

import numpy as np
import pretty_midi
import pytest

from kelly_tui.model.labels import ARTICULATIONS, DYNAMIC_RANGES
from kelly_tui.synth.dynamics import SHAPES, generate_dynamics_samples
from kelly_tui.synth.meter import meter_named
from kelly_tui.synth.sample import GeneratedSample
from kelly_tui.synth.touch import TOUCHES


@lru_cache
def samples() -> tuple[GeneratedSample, ...]:
    return tuple(generate_dynamics_samples(360, seed=9))


def of_shape(shape: str) -> list[GeneratedSample]:
    return [sample for sample in samples() if sample.parameters["shape"] == shape]


def notes_of(sample: GeneratedSample) -> list[pretty_midi.Note]:
    music = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi))
    return sorted((note for i in music.instruments for note in i.notes), key=lambda note: note.start)


def test_all_levels_curves_and_articulations_evenly():
    combinations = Counter((s.parameters["shape"], s.labels["articulation"].value) for s in samples())
    assert set(combinations) == {(shape, articulation) for shape in SHAPES for articulation in ARTICULATIONS}
    assert max(combinations.values()) <= 3 * min(combinations.values())


def test_level_is_the_mean_velocity():
    means = {level: [] for level in DYNAMIC_RANGES}
    for index, sample in enumerate(samples()):
        assert sample.labels["dynamic_range"].value == DYNAMIC_RANGES[index % 6]
        means[DYNAMIC_RANGES[index % 6]].append(np.mean([note.velocity for note in notes_of(sample)]))
    borders = [(min(values), max(values)) for values in means.values()]
    assert all(low[1] < high[0] for low, high in itertools.pairwise(borders))


@pytest.mark.parametrize(("shape", "sign"), [("crescendo", 1), ("decrescendo", -1)])
def test_crescendo_rises_and_decrescendo_falls(shape, sign):
    for sample in of_shape(shape):
        notes = notes_of(sample)
        correlation = np.corrcoef([note.start for note in notes], [note.velocity for note in notes])[0, 1]
        assert sign * correlation > 0.7


def test_swell_is_loudest_in_the_middle():
    for sample in of_shape("swell"):
        curve = sample.labels["velocity_curve"].value
        assert np.mean(curve[12:20]) > np.mean(curve[:4]) + 8


def test_terraces_are_two_levels():
    for sample in of_shape("terraced"):
        meter = meter_named(sample.labels["time_signature"].value)
        beats = sample.parameters["bars"] * meter.bar / meter.tempo_beat
        quarter = beats * 60 / sample.labels["tempo_bpm"].value / 4
        notes = notes_of(sample)
        quarters = [np.mean([n.velocity for n in notes if (n.start + 1e-3) // quarter == q]) for q in range(4)]
        assert min(quarters[1], quarters[3]) > max(quarters[0], quarters[2])


def test_accents_stand_out():
    for sample in of_shape("accented"):
        meter = meter_named(sample.labels["time_signature"].value)
        bar = meter.bar / meter.tempo_beat * 60 / sample.labels["tempo_bpm"].value
        on_line = [(abs(n.start / bar - round(n.start / bar)) < 1e-3, n.velocity) for n in notes_of(sample)]
        softest = min(velocity for on, velocity in on_line if on)
        loudest = max((velocity for on, velocity in on_line if not on), default=0)
        assert softest >= loudest + 8


def test_curve_label_is_what_was_struck():
    for sample in samples()[:60]:
        curve = sample.labels["velocity_curve"].value
        notes = notes_of(sample)
        end = max(note.end for note in notes)
        assert len(curve) == 32
        for part in range(32):
            places = [(note.start / end * 32, note.velocity) for note in notes]
            if any(part + 0.01 < place < part + 0.99 for place, _ in places):
                struck = [velocity for place, velocity in places if part - 0.01 <= place <= part + 1.01]
                assert min(struck) - 1 <= curve[part] <= max(struck) + 1


def test_articulation_is_how_long_the_melody_is_held():
    for sample in samples():
        line = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi)).instruments[0].notes
        starts = np.array([note.start for note in line])
        shares = np.array([note.end - note.start for note in line])[:-1] / np.diff(starts)
        gate = TOUCHES[sample.labels["articulation"].value].gate
        assert np.median(shares) == pytest.approx(gate, abs=0.03), sample.parameters

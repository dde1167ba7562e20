"""Grooves: swing, push, accents and hits measured from the file, by ticks and by pretty_midi."""

from __future__ import annotations

import io
from functools import lru_cache

import mido
import numpy as np
import pretty_midi
import pytest

from kelly_tui.model.labels import GROOVES
from kelly_tui.music.groove import detect_groove
from kelly_tui.music.notes import read_midi
from kelly_tui.synth.groove import FEELS, generate_groove_samples
from kelly_tui.synth.sample import GeneratedSample

CYMBALS = (42, 51)


@lru_cache
def grooves(groove: str) -> tuple[GeneratedSample, ...]:
    return tuple(generate_groove_samples(30, seed=6, grooves=[groove]))


def drum_beats(sample: GeneratedSample, drums: tuple[int, ...]) -> np.ndarray:
    """Onsets in beats, from the ticks that mido reads."""
    midi = mido.MidiFile(file=io.BytesIO(sample.midi))
    beats = []
    for track in midi.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity and message.channel == 9 and message.note in drums:
                beats.append(tick / midi.ticks_per_beat)
    return np.array(beats)


@pytest.mark.parametrize("groove", [groove for groove in GROOVES if groove != "triplet"])
def test_swing_in_the_file_is_the_label_within_a_hundredth(groove):
    low, high = FEELS[groove].swing
    for sample in grooves(groove):
        label = sample.labels["swing_ratio"].value
        assert low - 0.001 <= label <= high + 0.001
        beats = drum_beats(sample, (*CYMBALS, 46))
        phase = (beats + 0.15) % 1 - 0.15
        measured = phase[phase > 0.3].mean() - phase[phase < 0.3].mean()
        assert measured == pytest.approx(label, abs=0.01)


def test_triplets_divide_the_beat_in_three():
    for sample in grooves("triplet"):
        phase = (drum_beats(sample, CYMBALS) + 0.1) % 1 - 0.1
        counts, _ = np.histogram(phase, bins=[-0.1, 0.1, 0.25, 0.42, 0.6, 0.75, 0.9])
        assert counts[0] > 0
        assert counts[2] > 0
        assert counts[4] > 0
        assert counts[1] == counts[3] == counts[5] == 0


@pytest.mark.parametrize("groove", GROOVES)
def test_a_detector_hears_the_labelled_groove(groove):
    heard = [detect_groove(read_midi(sample.midi)).groove_type.value for sample in grooves(groove)]
    assert heard.count(groove) >= 0.9 * len(heard)


@pytest.mark.parametrize("groove", GROOVES)
def test_push_is_in_the_offsets(groove):
    low, high = FEELS[groove].push
    for sample in grooves(groove):
        offsets = np.array(sample.labels["timing_offsets_ms"].value)
        assert len(offsets) == len(read_midi(sample.midi).notes)
        assert low - 1 <= np.median(offsets) <= high + 1
        assert (
            np.abs(offsets - np.median(offsets)).max() <= 27 if groove == "rushed" else 12
        )  # the first can't be early


def test_offsets_are_the_files():
    for sample in grooves("laid_back")[:8]:
        music = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi))
        onsets = np.sort([note.start for instrument in music.instruments for note in instrument.notes])
        beat = 60 / sample.labels["tempo_bpm"].value
        swing = sample.labels["swing_ratio"].value
        grid = np.sort(np.concatenate([(np.arange(400) + place) * beat for place in (0, swing)]))
        nearest = grid[np.abs(onsets[:, None] - grid[None, :]).argmin(axis=1)]
        assert (onsets - nearest) * 1000 == pytest.approx(np.array(sample.labels["timing_offsets_ms"].value), abs=0.6)


@pytest.mark.parametrize("groove", ["straight", "swing", "shuffle", "laid_back", "rushed"])
def test_accents_follow_the_table(groove):
    ratios = []
    for sample in grooves(groove):
        if sample.labels["time_signature"].value != "4/4":
            continue
        notes = read_midi(sample.midi).drums
        on = notes[
            np.isin(notes["pitch"], CYMBALS) & (np.abs(notes["onset_beat"] - notes["onset_beat"].round()) < 0.15)
        ]
        place = on["onset_beat"].round().astype(int) % 4
        loud = np.array([on["velocity"][place == beat].mean() for beat in range(4)])
        ratios.append(loud / loud[0])
    accents = np.array(FEELS[groove].accents)
    assert np.mean(ratios, axis=0) == pytest.approx(accents / accents[0], abs=0.04)


def test_drums_and_bass_with_ghost_notes():
    softest = []
    for groove in GROOVES:
        for sample in grooves(groove):
            music = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi))
            assert sorted(instrument.is_drum for instrument in music.instruments) == [False, True]
            drums = next(instrument for instrument in music.instruments if instrument.is_drum)
            assert 36 in {note.pitch for note in drums.notes}
            bass = next(instrument for instrument in music.instruments if not instrument.is_drum)
            assert min(note.pitch for note in bass.notes) >= 28
            assert max(note.pitch for note in bass.notes) < 56
            velocities = [note.velocity for note in drums.notes]
            softest.append(min(velocities) / max(velocities))
    assert np.median(softest) < 0.45


def test_human_spread_is_small_and_there():
    for sample in grooves("straight"):
        offsets = np.array(sample.labels["timing_offsets_ms"].value)
        assert 0.5 < offsets.std() < 4

"""MIDI features: against pretty_midi, by construction, on anything at all, for each fault of the earlier pipeline."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import mido
import msgspec
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelly_tui import extract_midi_features
from kelly_tui.errors import FileRefused
from kelly_tui.features.midi import VECTOR_SIZE, analyse, detect_labels, extract_item, labels_of
from kelly_tui.model.annotation import FIELDS, Label, check_value
from kelly_tui.music.notes import NOTE, Score, read_midi
from kelly_tui.store.layout import make_music_folders

Row = tuple[float, float, int, int, bool]  # start, end in seconds, pitch, velocity, is_drum


def song(rows: list[Row], bpm: float = 100, program: int = 0) -> pretty_midi.PrettyMIDI:
    made = pretty_midi.PrettyMIDI(initial_tempo=bpm, resolution=960)
    for drum in (False, True):
        instrument = pretty_midi.Instrument(program, is_drum=drum)
        instrument.notes = [pretty_midi.Note(v, p, start, end) for start, end, p, v, is_drum in rows if is_drum == drum]
        if instrument.notes:
            made.instruments.append(instrument)
    return made


def as_bytes(made: pretty_midi.PrettyMIDI) -> bytes:
    file = io.BytesIO()
    made.write(file)
    return file.getvalue()


def tune(count: int = 32, step: float = 0.3) -> list[Row]:
    return [(i * step, i * step + step * 0.8, 60 + (0, 4, 7, 5, 2, 9, 11)[i % 7], 60 + i % 30, False)
            for i in range(count)]  # fmt: skip


# -- the list and the vector

LISTED = """duration_sec tempo_bpm time_signature note_count
pitch_sequence velocity_sequence duration_sequence onset_times pitch_histogram pitch_range avg_pitch pitch_std
interval_histogram melodic_contour chord_sequence chord_times key_signature mode timing_offsets_ms swing_ratio
groove_type note_density syncopation_score avg_velocity velocity_std dynamic_range velocity_curve articulation_ratios
feature_vector"""
BESIDE = "key_sequence key_times roman_sequence push_ms why"
"""Beside the list: the keys as the chords have theirs, the chords in them, the push, and what the labels rest on."""


def test_the_features_are_those_of_the_data_model(corpus_midi) -> None:
    features = extract_midi_features(corpus_midi("bwv66.6"))
    assert set(json.loads(features.to_json())) == set(f"{LISTED} {BESIDE}".split())
    sizes = {"pitch_histogram": 12, "interval_histogram": 25, "melodic_contour": 32, "velocity_curve": 32,
             "feature_vector": VECTOR_SIZE}  # fmt: skip
    assert {name: len(getattr(features, name)) for name in sizes} == sizes
    assert len(features.chord_sequence) == len(features.chord_times) == len(features.roman_sequence)
    assert len(features.key_sequence) == len(features.key_times) > 0
    for name in ("velocity_sequence", "duration_sequence", "onset_times", "timing_offsets_ms"):
        assert len(getattr(features, name)) == len(features.pitch_sequence) == features.note_count


def test_the_vector_is_laid_out_as_the_data_model_says(corpus_midi) -> None:
    features = extract_midi_features(corpus_midi("bwv66.6"))
    held = features.articulation_ratios
    offsets = np.abs(features.timing_offsets_ms).mean()
    laid_out = [
        *features.pitch_histogram,
        features.avg_pitch / 127, features.pitch_std / 20, features.pitch_range / 48, features.note_density / 8,
        *features.interval_histogram,
        features.swing_ratio or 0.5, features.syncopation_score,
        features.groove_type == "swing", features.groove_type == "straight", features.tempo_bpm / 200, offsets / 50,
        features.avg_velocity / 127, features.velocity_std / 40, features.dynamic_range / 127,
        held["legato"], held["staccato"], held["normal"],
        *features.melodic_contour,
        *[velocity / 127 for velocity in features.velocity_curve],
    ]  # fmt: skip
    np.testing.assert_allclose(features.feature_vector, laid_out, atol=1e-4)


def test_plain_features_are_pretty_midis(corpus_midi) -> None:
    data = corpus_midi("bwv7.7")
    theirs = pretty_midi.PrettyMIDI(io.BytesIO(data))
    features = extract_midi_features(data)
    notes = [note for instrument in theirs.instruments for note in instrument.notes]
    assert features.note_count == len(notes)
    assert features.duration_sec == pytest.approx(max(note.end for note in notes), abs=1e-5)
    np.testing.assert_allclose(features.onset_times, sorted(note.start for note in notes), atol=1e-5)
    np.testing.assert_allclose(features.pitch_histogram, theirs.get_pitch_class_histogram(), atol=1e-5)
    assert features.avg_pitch == pytest.approx(np.mean([note.pitch for note in notes]), abs=1e-3)
    assert features.tempo_bpm == pytest.approx(theirs.get_tempo_changes()[1][0], rel=1e-5)
    assert extract_midi_features(theirs).pitch_sequence == features.pitch_sequence


def test_the_same_file_gives_the_same_bytes(corpus_midi, tmp_path: Path) -> None:
    data = corpus_midi("bwv66.6")
    (tmp_path / "a.mid").write_bytes(data)
    once = extract_midi_features(tmp_path / "a.mid").to_json()
    assert once == extract_midi_features(data).to_json()
    assert b'": ' not in once


def test_columns_are_single_and_named_apart_from_labels(corpus_midi) -> None:
    columns = extract_midi_features(corpus_midi("bwv66.6")).columns()
    assert {"pitch_range_semitones", "dynamic_range_velocity", "note_count", "legato"} <= set(columns)
    assert not {"pitch_range", "dynamic_range"} & set(columns)
    assert {name for name, value in columns.items() if not isinstance(value, (int, float, str))} == {
        "melodic_contour_curve"
    }
    assert len(columns["melodic_contour_curve"]) == 32


def test_columns_tell_the_push_and_how_many_keys_there_are(corpus_midi) -> None:
    eighths = [(start + 0.02, end, *rest) for start, end, *rest in tune(64)]  # of 100 BPM, all 20 ms late
    assert extract_midi_features(as_bytes(song(eighths))).columns()["push_ms"] == pytest.approx(20, abs=2)
    one = extract_midi_features(as_bytes(song(eighths[:1]))).columns()
    assert ("push_ms" in one, one["key_count"]) == (False, 0), "nothing can be told of one note"
    features = extract_midi_features(corpus_midi("bwv66.6"))
    assert features.columns()["key_count"] == len(features.key_times) >= 1


def test_only_the_first_seconds_are_analysed() -> None:
    data = as_bytes(song(tune(100)))
    assert extract_midi_features(data, max_duration_sec=3).note_count == 10
    with pytest.raises(FileRefused, match="no notes in its first 2 s"):
        extract_midi_features(as_bytes(song([(5, 6, 60, 80, False)])), max_duration_sec=2)


# -- what went wrong before, row "extract"


def swung(ratio: float, drums: bool = False, tempi: tuple[int, ...] = (600_000,)) -> bytes:
    """32 beats of swung eighths for each tempo."""
    track = mido.MidiTrack()
    first = round(480 * ratio)
    channel = 9 if drums else 0
    for microseconds in tempi:
        track.append(mido.MetaMessage("set_tempo", tempo=microseconds))
        for length in (first, 480 - first) * 32:
            track.append(mido.Message("note_on", note=60, velocity=80, channel=channel))
            track.append(mido.Message("note_off", note=60, channel=channel, time=length))
    file = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(file=file)
    return file.getvalue()


@pytest.mark.parametrize("drums", [False, True])
@pytest.mark.parametrize("ratio", [0.5, 0.58, 2 / 3])
def test_ticks_are_not_seconds(ratio: float, drums: bool) -> None:
    features = extract_midi_features(swung(ratio, drums))
    assert features.swing_ratio == pytest.approx(ratio, abs=0.01)
    assert features.groove_type == {0.5: "straight", 0.58: "shuffle"}.get(ratio, "swing")
    assert features.duration_sec == pytest.approx(32 * 0.6, abs=0.01)


def test_every_tempo_counts() -> None:
    features = extract_midi_features(swung(0.5, tempi=(600_000, 300_000)))
    assert features.duration_sec == pytest.approx(32 * 0.6 + 32 * 0.3, abs=0.01)
    gaps = np.diff(features.onset_times)
    assert (gaps[0], gaps[-1]) == (pytest.approx(0.3), pytest.approx(0.15))
    assert features.tempo_bpm == pytest.approx(100)
    assert features.swing_ratio == pytest.approx(0.5, abs=0.01)


def test_drums_are_no_pitches() -> None:
    melody = tune()
    hats = [(i * 0.15, i * 0.15 + 0.1, 42, 90, True) for i in range(64)]
    alone, both = extract_midi_features(song(melody)), extract_midi_features(song([*melody, *hats]))
    for name in ("pitch_sequence", "pitch_histogram", "avg_pitch", "interval_histogram", "key_signature", "mode"):
        assert getattr(both, name) == getattr(alone, name)
    assert both.note_count == alone.note_count + 64


def test_channels_stay_apart() -> None:
    """Two channels of long, joined notes: merged, each would be cut short by the other's onsets."""
    program = mido.Message("program_change", channel=1, program=40)
    high, low = mido.MidiTrack(), mido.MidiTrack([program])
    for place in range(16):
        for track, channel, pitch, rest in ((high, 0, 72, 0), (low, 1, 48, 120)):
            first = rest if place == 0 else 0
            track.append(mido.Message("note_on", note=pitch + place % 5, velocity=80, channel=channel, time=first))
            track.append(mido.Message("note_off", note=pitch + place % 5, channel=channel, time=480))
    file = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[high, low]).save(file=file)
    score = read_midi(file.getvalue())
    assert analyse(score).shares == pytest.approx(np.ones(30))
    assert detect_labels(score)["articulation"].value == "legato"
    assert set(score.notes["program"].tolist()) == {0, 40}


HARD: dict[str, list[Row]] = {
    "one note": [(0.0, 1.0, 60, 80, False)],
    "one drum": [(0.0, 0.1, 36, 80, True)],
    "drums only": [(i * 0.25, i * 0.25 + 0.1, (36, 42, 38, 42)[i % 4], 80, True) for i in range(64)],
    "one chord": [(0.0, 2.0, pitch, 80, False) for pitch in (48, 60, 64, 67)],
    "one pitch": [(i * 0.3, i * 0.3 + 0.2, 60, 80, False) for i in range(40)],
    "all at once": [(1.0, 1.1, pitch, 1, False) for pitch in range(128)],
    "hours apart": [(0.0, 1.0, 60, 80, False), (18_000.0, 18_001.0, 61, 80, False)],
}


@pytest.mark.parametrize("name", HARD)
def test_nothing_is_ever_not_a_number(name: str) -> None:
    features = extract_midi_features(song(HARD[name]))
    assert len(features.feature_vector) == VECTOR_SIZE
    assert np.isfinite(features.feature_vector).all()
    assert all(math.isfinite(value) for value in features.columns().values() if isinstance(value, float))


def test_what_can_not_be_told_is_absent_and_says_why() -> None:
    one = analyse(read_midi(song(HARD["one note"])))
    assert {"key", "mode", "groove_type", "chord_progression", "melodic_contour"}.isdisjoint(labels_of(one))
    why = {field: found.why for field, (_, found) in one.detections.items() if found.value is None}
    assert "tells no key" in why["key"]
    assert all(len(reason) > 10 for reason in why.values())
    drums = detect_labels(read_midi(song(HARD["drums only"])))
    assert {"key", "mode", "pitch_range", "melodic_contour"}.isdisjoint(drums)
    assert {"groove_type", "tempo_bpm", "dynamic_range"} <= set(drums)


def test_a_hundred_thousand_notes() -> None:
    rng = np.random.default_rng(0)
    notes = np.zeros(100_000, NOTE)
    notes["onset_beat"] = np.sort(rng.uniform(0, 3000, len(notes)))
    notes["duration_beat"] = rng.exponential(1.0, len(notes))
    notes["onset"], notes["duration"] = notes["onset_beat"] / 2, notes["duration_beat"] / 2
    notes["pitch"], notes["velocity"] = rng.integers(0, 128, (2, len(notes)))
    assert np.isfinite(extract_midi_features(score_with(notes)).feature_vector).all()


def score_with(notes: np.ndarray, bpm: float = 120) -> Score:
    end = float((notes["onset"] + notes["duration"]).max())
    return Score(notes, np.array([[0.0, bpm]]), [], [], 480, end, np.empty((0, 3)), ["a"])


ROWS = st.lists(
    st.tuples(
        st.floats(0, 600, width=32), st.floats(0, 60, width=32), st.integers(0, 127), st.integers(1, 127), st.booleans()
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=200)
@given(ROWS, st.floats(5, 1000))
def test_any_notes_at_all(rows: list[tuple[float, float, int, int, bool]], bpm: float) -> None:
    made = song([(start, start + length, *rest) for start, length, *rest in rows], bpm=bpm)
    analysis = analyse(read_midi(made))
    features = extract_midi_features(made)
    assert np.isfinite(features.feature_vector).all()
    for field, label in labels_of(analysis).items():
        assert check_value(FIELDS[field], label.value) == label.value
        assert 0 <= label.confidence <= 1


SEED = swung(0.6)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.integers(0, 255)), max_size=12), st.integers(20, 700))
def test_any_bytes_are_features_or_a_refusal(changes: list[tuple[int, int]], end: int) -> None:
    data = bytearray(SEED)
    for place, byte in changes:
        data[place] = byte
    for candidate in (bytes(data), bytes(data[:end])):
        try:
            assert np.isfinite(extract_midi_features(candidate).feature_vector).all()
        except FileRefused:
            continue


# -- labels and the stage


def test_labels_of_a_chorale(corpus_midi) -> None:
    labels = detect_labels(read_midi(corpus_midi("bwv66.6")))
    told = "key mode tempo_bpm time_signature chord_progression chord_times articulation dynamic_range velocity_curve"
    assert set(labels) >= {*told.split(), "melodic_contour", "pitch_range"}
    assert (labels["key"].value, labels["mode"].value) == ("F#", "minor")
    assert labels["time_signature"].value == "4/4"
    assert all(label.source == "detector" and label.by.startswith("kelly ") for label in labels.values())


def test_the_stage_writes_features_and_returns_what_the_catalogue_stores(tmp_path: Path, corpus_midi) -> None:
    make_music_folders(tmp_path, "raw/midi", "processed/features")
    (tmp_path / "raw/midi/a.mid").write_bytes(corpus_midi("bwv66.6"))
    item = {"root": str(tmp_path), "sample_id": "ab12", "file_path": "raw/midi/a.mid", "sha256": "",
            "target": "processed/features/ab/ab12.json", "config": {"max_duration_sec": 10}}  # fmt: skip
    result = extract_item(item)
    written = tmp_path / item["target"]
    assert [path.name for path in written.parent.iterdir()] == ["ab12.json"]
    stored = json.loads(written.read_bytes())
    assert np.allclose(stored["feature_vector"], np.frombuffer(bytes.fromhex(result["vector"]), np.float32), atol=1e-6)
    assert 10 < stored["duration_sec"] == pytest.approx(result["duration_sec"])  # notes are analysed whole
    whole = detect_labels(read_midi(corpus_midi("bwv66.6")))
    labels = msgspec.json.decode(result["labels"], type=dict[str, Label])
    assert labels == whole
    assert labels["key"].source == "detector"
    assert len(labels["velocity_curve"].value) == 32
    assert set(labels).isdisjoint(result["absent"])
    columns = json.loads(result["columns"])
    told = {"key": "key", "tempo": "tempo_bpm", "meter": "time_signature", "chord": "chord_progression"}
    for name, field in told.items():
        assert columns[f"{name}_confidence"] == labels[field].confidence, name
    before = written.read_bytes()
    extract_item(item)
    assert written.read_bytes() == before


def test_the_stage_refuses_what_is_no_music(tmp_path: Path) -> None:
    (tmp_path / "empty.mid").write_bytes(as_bytes(pretty_midi.PrettyMIDI()))
    with pytest.raises(FileRefused, match="no notes"):
        extract_item({"root": str(tmp_path), "file_path": "empty.mid", "sha256": "", "target": "x.json"})
    assert not (tmp_path / "x.json").exists()

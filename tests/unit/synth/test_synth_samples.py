"""What holds of every generated sample: same bytes, own file, balanced, distinct, no words, labels a field can hold."""

from __future__ import annotations

import io
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest

import kelly_tui
from kelly_tui.errors import DatasetError, LabelError
from kelly_tui.model.annotation import FIELDS, Label, check_value
from kelly_tui.model.dataset import TARGET_MODELS
from kelly_tui.model.labels import EMOTIONS, GROOVES, KEYS
from kelly_tui.music.dynamics import detect_curve, mark_of_velocity
from kelly_tui.music.notes import read_midi
from kelly_tui.store.layout import make_music_folders
from kelly_tui.synth.item import KIND_OF_MODEL, classes_of, generate_item, generate_sample, unplayable
from kelly_tui.synth.sample import VERSION, GeneratedSample, sample_id

KINDS = ("emotion", "melody", "harmony", "dynamics", "groove")
CONFIG = {"emotion_labels": list(EMOTIONS), "groove_labels": list(GROOVES)}


@lru_cache(maxsize=4096)
def sample_at(kind: str, seed: int, index: int) -> GeneratedSample:
    return generate_sample(kind, seed, index, classes_of(kind, CONFIG))


def some(kind: str, n: int = 40, seed: int = 11) -> list[GeneratedSample]:
    return [sample_at(kind, seed, index) for index in range(n)]


def midi_of(kind_and_index: tuple[str, int]) -> bytes:
    kind, index = kind_and_index
    return generate_sample(kind, 7, index, classes_of(kind, CONFIG)).midi


@pytest.mark.parametrize("kind", KINDS)
class TestEverySample:
    def test_reads_in_pretty_midi_and_lasts_between_4_and_30_seconds(self, kind):
        for sample in some(kind):
            music = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi))
            assert sum(len(instrument.notes) for instrument in music.instruments) > 3
            assert 4 <= music.get_end_time() <= 30
            assert music.get_end_time() == pytest.approx(sample.duration_sec, abs=0.002)

    def test_tempo_and_meter_are_in_the_file_as_labelled(self, kind):
        for sample in some(kind):
            music = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi))
            (meter,) = music.time_signature_changes
            (quarters,) = music.get_tempo_changes()[1]
            tapped = pretty_midi.qpm_to_bpm(quarters, meter.numerator, meter.denominator)
            assert sample.labels["tempo_bpm"].value == pytest.approx(tapped, abs=1e-3)
            assert f"{meter.numerator}/{meter.denominator}" == sample.labels["time_signature"].value

    def test_no_text_in_the_file(self, kind):
        """Fault of old: labels inside the features. A name or a lyric would tell the class."""
        for sample in some(kind):
            for track in mido.MidiFile(file=io.BytesIO(sample.midi)).tracks:
                assert not [message for message in track if hasattr(message, "text") or getattr(message, "name", "")]

    def test_every_label_is_a_value_of_its_field_and_signed(self, kind):
        for sample in some(kind):
            for field, label in sample.labels.items():
                assert (
                    check_value(FIELDS[field], label.value, GROOVES if field == "groove_type" else None) == label.value
                )
                assert label.source == "generator"
                assert label.by == f"kelly {kind} {VERSION}"

    def test_has_the_labels_that_its_model_needs(self, kind):
        (model,) = [model for name, model in TARGET_MODELS.items() if KIND_OF_MODEL[name] == kind]
        for sample in some(kind, 12):
            assert set(model.needs) <= set(sample.labels)

    def test_labels_are_computed_back_from_the_notes_of_the_file(self, kind):
        for sample in some(kind):
            score = read_midi(sample.midi)
            assert sample.duration_sec == score.duration
            if "velocity_curve" in sample.labels:
                assert sample.labels["velocity_curve"].value == detect_curve(score).value
                level = mark_of_velocity(score.notes["velocity"].mean())
                assert sample.labels["dynamic_range"].value == level
            if "chord_times" in sample.labels:
                times = np.array(sample.labels["chord_times"].value)
                struck = np.abs(score.pitched["onset"][None, :] - times[:, None]).min(axis=1)
                assert struck.max() < 0.011

    def test_notes_of_one_pitch_never_overlap_in_a_track(self, kind):
        for sample in some(kind, 24):
            notes = read_midi(sample.midi).notes
            for track in np.unique(notes["track"]):
                own = notes[notes["track"] == track]
                for pitch in np.unique(own["pitch"]):
                    same = own[own["pitch"] == pitch]
                    ends = same["onset_beat"] + same["duration_beat"]
                    assert (ends[:-1] <= same["onset_beat"][1:] + 1e-6).all()

    def test_same_bytes_again_and_a_prefix_of_more(self, kind):
        generate = getattr(kelly_tui, f"generate_{kind}_samples")
        fewer, more = generate(4, seed=11), generate(8, seed=11)
        assert [sample.midi for sample in fewer] == [sample.midi for sample in more[:4]]
        assert [sample.sample_id for sample in fewer] == [sample.sample_id for sample in more[:4]]
        assert fewer[0].midi != generate(1, seed=12)[0].midi

    def test_keys_are_evenly_spread(self, kind):
        classes = len(classes_of(kind, CONFIG))
        keys = Counter(sample.labels["key"].value for sample in some(kind, 12 * classes))
        assert set(keys.values()) == {classes}
        assert set(keys) == set(KEYS)

    def test_meters_and_programs_vary(self, kind):
        samples = some(kind, 120)
        assert len({sample.labels["time_signature"].value for sample in samples}) >= 4
        programs = {int(note["program"]) for sample in samples for note in read_midi(sample.midi).pitched}
        assert len(programs) >= 5


def test_same_bytes_on_two_workers():
    wanted = [(kind, index) for kind in KINDS for index in range(4)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        elsewhere = list(pool.map(midi_of, wanted))
    assert elsewhere == [midi_of(one) for one in wanted]


def test_order_does_not_matter():
    forwards = [midi_of(("emotion", index)) for index in range(6)]
    assert [midi_of(("emotion", index)) for index in reversed(range(6))] == forwards[::-1]


@pytest.mark.parametrize(
    ("kind", "field"),
    [("emotion", "emotion"), ("melody", "emotion"), ("harmony", "emotion"), ("groove", "groove_type")],
)
def test_classes_take_turns(kind, field):
    classes = classes_of(kind, CONFIG)
    assert [sample.labels[field].value for sample in some(kind, 2 * len(classes))] == [*classes, *classes]


def test_dynamics_takes_turns_over_dynamic_ranges():
    counts = Counter(sample.labels["dynamic_range"].value for sample in some("dynamics", 60))
    assert set(counts.values()) == {10}


def test_public_functions_make_what_was_asked():
    assert [len(samples) for samples in (
        kelly_tui.generate_emotion_samples(3),
        kelly_tui.generate_melody_samples(2),
        kelly_tui.generate_harmony_samples(1),
        kelly_tui.generate_dynamics_samples(0),
        kelly_tui.generate_groove_samples(4, seed=2, grooves=["dotted"]),
    )] == [3, 2, 1, 0, 4]  # fmt: skip
    assert {sample.labels["emotion"].value for sample in kelly_tui.generate_emotion_samples(4, emotions=["sad"])} == {
        "sad"
    }


class TestItem:
    """Fault of old: three of four kinds wrote rows without files."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_writes_the_file_that_it_describes(self, kind, tmp_path: Path):
        name = sample_id(kind, 3, 5)
        make_music_folders(tmp_path, "raw/synthetic")
        item = {
            "root": str(tmp_path), "sample_id": name, "kind": kind, "index": 5, "seed": 3,
            "config": CONFIG, "target": f"raw/synthetic/{name[:2]}/{name}.mid",
        }  # fmt: skip
        made = generate_item(item)
        written = (tmp_path / item["target"]).read_bytes()
        assert made["file_size_bytes"] == len(written)
        assert sum(len(i.notes) for i in pretty_midi.PrettyMIDI(io.BytesIO(written)).instruments) > 3
        sample = generate_sample(kind, 3, 5, classes_of(kind, CONFIG))
        assert sample.sample_id == name
        assert sample.midi == written
        assert {field: label["value"] for field, label in made["labels"].items()} == {
            field: label.value for field, label in sample.labels.items()
        }
        assert [path.name for path in (tmp_path / "raw/synthetic" / name[:2]).iterdir()] == [f"{name}.mid"]

    def test_parameters_are_enough_to_make_it_again(self):
        sample = some("harmony", 9)[8]
        again = sample.parameters
        assert generate_sample(again["generator"], again["seed"], again["index"], again["classes"]).midi == sample.midi

    def test_a_folder_that_can_not_be_written_is_said(self, tmp_path: Path):
        (tmp_path / "raw").write_text("a file in the way")
        item = {"root": str(tmp_path), "kind": "melody", "index": 0, "seed": 0, "config": CONFIG, "target": "raw/x.mid"}
        with pytest.raises(DatasetError, match=r"x\.mid"):
            generate_item(item)

    def test_sample_writes_itself(self, tmp_path: Path):
        sample = kelly_tui.generate_groove_samples(1)[0]
        path = sample.write(tmp_path / "new" / "folder")
        assert path.name == f"{sample.sample_id}.mid"
        assert path.read_bytes() == sample.midi
        assert sample.write(str(tmp_path / "as text")).read_bytes() == sample.midi


class TestUnknownClasses:
    def test_asked_for_by_name_is_refused_by_name(self):
        with pytest.raises(LabelError, match=r"'hapy'.*Did you mean happy"):
            kelly_tui.generate_emotion_samples(1, emotions=["sad", "hapy"])
        with pytest.raises(LabelError, match="'polka'"):
            kelly_tui.generate_groove_samples(1, grooves=["polka"])

    def test_declared_ones_are_skipped_and_named(self):
        config = {**CONFIG, "emotion_labels": ["happy", "spooky", "sad"]}
        assert classes_of("melody", config) == ("happy", "sad")
        assert "'spooky'" in str(unplayable("melody", config))
        assert unplayable("melody", CONFIG) is None
        assert unplayable("groove", config) is None

    def test_none_known_is_an_error(self):
        with pytest.raises(LabelError, match="'spooky', 'eerie'"):
            classes_of("emotion", {**CONFIG, "emotion_labels": ["spooky", "eerie"]})


def test_labels_are_labels():
    assert all(isinstance(label, Label) for label in some("emotion", 1)[0].labels.values())

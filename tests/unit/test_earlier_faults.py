"""What went wrong in the pipeline before this one, each fault shown gone from the outside.

The table is in the data model ("What went wrong before"); the tests of the packages look closer. Here every fault is
tried the way it was met: through the command line or the public functions, on real files.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, cast

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile

import kelly_tui
from kelly_tui import DatasetConfig, create_dataset_structure, load_manifest
from kelly_tui.augment.recipe import choose_recipes
from kelly_tui.cli import main
from kelly_tui.errors import FileRefused
from kelly_tui.model.edit import Edit
from kelly_tui.model.labels import EMOTIONS, KEYS
from kelly_tui.model.sample import Sample
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue

CHORALES = ("bwv66.6", "bwv269", "bwv253", "bwv305", "bwv10.7", "bwv57.8", "bwv416", "bwv26.6")


def kelly(*words: object) -> int:
    """The exit code of a command."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.fixture
def music(tmp_path: Path, corpus_midi: Callable[[str], bytes]) -> Path:
    """happy/ and sad/ with four chorales each, two of equal names, one with a shouting suffix."""
    for index, chorale in enumerate(CHORALES):
        folder = tmp_path / "music" / ("happy" if index % 2 else "sad")
        folder.mkdir(parents=True, exist_ok=True)
        name = "song.mid" if index < 2 else f"{chorale}.MID" if index == 2 else f"{chorale}.mid"
        (folder / name).write_bytes(corpus_midi(chorale))
    return tmp_path / "music"


@pytest.fixture
def root(tmp_path: Path, music: Path) -> Path:
    """A groove dataset with the eight chorales imported and labelled by folder."""
    config = DatasetConfig(dataset_id="set", target_model="harmonypredictor")
    create_dataset_structure(tmp_path / "datasets", config)
    root = tmp_path / "datasets" / "set"
    kelly_tui.import_files(root, [music], workers=1)
    kelly_tui.annotate_dataset(root)
    return root


def samples(root: Path) -> list[Sample]:
    with Catalogue.open(root) as catalogue:
        return list(catalogue.samples())


class TestCreate:
    def test_creating_again_changes_nothing(self, root: Path) -> None:
        before = (root / "manifest.json").read_bytes(), samples(root)
        assert kelly("--datasets", root.parent, "create", "set", "--target-model", "groovepredictor") == 2
        assert ((root / "manifest.json").read_bytes(), samples(root)) == before

    def test_the_specified_create_flag_keeps_what_is_there(self, root: Path) -> None:
        before = samples(root)
        kelly(
            "--datasets", root.parent, "prepare", "--create", "--dataset", "set", "--target-model", "harmonypredictor"
        )
        assert samples(root) == before


class TestImport:
    def test_folders_equal_names_and_suffixes_survive(self, root: Path, music: Path) -> None:
        sources = {sample.source for sample in samples(root)}
        assert sources == {str(path.relative_to(music)) for path in music.rglob("*.*")}
        for sample in samples(root):
            assert sample.file_path == f"raw/midi/{sample.source}"
            assert (root / sample.file_path).read_bytes() == (music / str(sample.source)).read_bytes()

    def test_a_second_import_adds_nothing(self, root: Path, music: Path) -> None:
        before = samples(root)
        kelly_tui.import_files(root, [music], workers=1)
        assert samples(root) == before

    def test_a_missing_source_is_an_error(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert kelly("--datasets", root.parent, "import", "set", "/no/such/folder") == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1
        assert "/no/such/folder" in said[0]


class TestAnnotate:
    def test_only_whole_words_of_folders_are_labels(self, tmp_path: Path, music: Path) -> None:
        pieces = sorted(music.rglob("*.*"))
        tree = tmp_path / "tree"
        for folder, piece in zip(("Crusade", "Boggys Igloo Sad.d", "x/Sad songs", "happy/plain"), pieces):
            (tree / folder).mkdir(parents=True)
            shutil.copy(piece, tree / folder / "Boggys Igloo Sad.mid")
        create_dataset_structure(tmp_path, DatasetConfig(dataset_id="words"))
        kelly_tui.import_files(tmp_path / "words", [tree], workers=1)
        kelly_tui.annotate_dataset(tmp_path / "words")
        emotions = {str(sample.source).split("/")[0]: sample.value("emotion") for sample in samples(tmp_path / "words")}
        assert emotions == {"Crusade": None, "Boggys Igloo Sad.d": "sad", "x": "sad", "happy": "happy"}

    def test_every_sample_in_a_labelled_folder_has_its_label(self, root: Path) -> None:
        assert Counter(sample.value("emotion") for sample in samples(root)) == {"happy": 4, "sad": 4}


class TestInteractive:
    def test_without_a_terminal_it_says_so(self, root: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "kelly_tui", "--datasets", root.parent, "prepare", "--annotate-interactive",
             "--dataset", "set"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1

    def test_each_edit_is_kept_at_once_and_can_be_undone(self, root: Path) -> None:
        before = samples(root)[0]
        chosen = before.sample_id
        assert kelly("--datasets", root.parent, "label", "set", chosen, "emotion=tense", "valence=-0.3") == 0
        with Catalogue.open(root) as catalogue:
            assert catalogue.get(chosen).annotations == before.annotations | {"emotion": "tense", "valence": -0.3}
        assert kelly("--datasets", root.parent, "undo", "set") == 0
        with Catalogue.open(root) as catalogue:
            assert catalogue.get(chosen).annotations == before.annotations


def swung_file(path: Path, ratio: float, bpm: float = 100.0, later_bpm: float | None = None) -> None:
    """Eighths on two channels and drums, written by pretty_midi: the judge, not our writer."""
    midi = pretty_midi.PrettyMIDI(initial_tempo=bpm, resolution=960)
    if later_bpm:
        midi._tick_scales.append((960 * 16, 60 / (later_bpm * 960)))
        midi._update_tick_to_time(960 * 64)
    tracks = [pretty_midi.Instrument(0), pretty_midi.Instrument(32), pretty_midi.Instrument(0, is_drum=True)]
    for beat in range(32):
        for half, offset in ((0, 0.0), (1, ratio)):
            start = midi.tick_to_time(round((beat + offset) * 960))
            end = midi.tick_to_time(round((beat + offset) * 960) + 240)
            for track, pitch in zip(tracks, (60 + (beat * 5 + half) % 12, 36 + beat % 5, 42)):
                track.notes.append(pretty_midi.Note(90, pitch, start, end))
    midi.instruments += tracks
    midi.write(str(path))


def two_channels_in_a_track(path: Path) -> None:
    """A legato tune, and on another channel of the same track short notes between, some of them at its pitches."""
    events = []
    for beat in range(32):
        for channel, pitch, start, end in ((0, 60 + beat % 3, 0, 480), (1, 60 + beat % 2, 240, 440)):
            events.append((beat * 480 + start, mido.Message("note_on", channel=channel, note=pitch, velocity=80)))
            events.append((beat * 480 + end, mido.Message("note_off", channel=channel, note=pitch)))
    events.sort(key=lambda event: (event[0], event[1].type == "note_on"))
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90))])
    now = 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(path)


def stray_file(path: Path, notes: Sequence[tuple[float, float, int]], *, is_drum: bool = False) -> Path:
    """Notes of (start, end, pitch), in seconds, at no tempo of their own."""
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(pretty_midi.Instrument(0, is_drum=is_drum))
    midi.instruments[0].notes += [pretty_midi.Note(80, pitch, start, end) for start, end, pitch in notes]
    midi.write(str(path))
    return path


class TestExtract:
    @pytest.mark.parametrize("ratio", [0.5, 0.6, 0.667])
    def test_swing_is_read_in_seconds_not_ticks(self, tmp_path: Path, ratio: float) -> None:
        swung_file(tmp_path / "swung.mid", ratio, bpm=87)
        assert kelly_tui.extract_midi_features(tmp_path / "swung.mid").swing_ratio == pytest.approx(ratio, abs=0.01)

    def test_every_channel_counts_drums_are_no_pitches_and_all_tempi_apply(self, tmp_path: Path) -> None:
        swung_file(tmp_path / "two.mid", 0.5, bpm=120, later_bpm=60)
        judge = pretty_midi.PrettyMIDI(str(tmp_path / "two.mid"))
        features = kelly_tui.extract_midi_features(tmp_path / "two.mid")
        pitched = [note for part in judge.instruments if not part.is_drum for note in part.notes]
        assert features.note_count == len(pitched) + 64
        assert sorted(features.pitch_sequence) == sorted(note.pitch for note in pitched)
        assert features.duration_sec == pytest.approx(judge.get_end_time(), abs=1e-3)
        assert max(features.onset_times) == pytest.approx(max(note.start for note in pitched), abs=1e-3)
        classes = Counter(note.pitch % 12 for note in pitched)
        assert features.pitch_histogram == pytest.approx([classes[one] / len(pitched) for one in range(12)], abs=1e-5)

    def test_channels_of_one_track_stay_apart(self, tmp_path: Path) -> None:
        two_channels_in_a_track(tmp_path / "one.mid")
        features = kelly_tui.extract_midi_features(tmp_path / "one.mid")
        beat = 60 / 90
        lengths = Counter(round(seconds, 4) for seconds in features.duration_sequence)
        assert lengths == {round(beat, 4): 32, round(beat * 200 / 480, 4): 32}
        assert features.articulation_ratios["legato"] == pytest.approx(0.5, abs=0.02)
        assert features.articulation_ratios["staccato"] == pytest.approx(0.5, abs=0.02)

    @pytest.mark.parametrize(
        "notes",
        [
            [(0.5, 1.0, 60)],
            [(0.0, 2.0, pitch) for pitch in (60, 64, 67)],
            [(time * 0.5, time * 0.5 + 0.2, 60) for time in range(20)],
            [(1.7**time / 9, 1.7**time / 9 + 0.1, 60 + time) for time in range(12)],
            [(0.0, 0.01, 0), (3.0, 3.01, 127)],
        ],
        ids=["a note", "a chord", "one pitch", "no beat", "two clicks"],
    )
    @pytest.mark.parametrize("is_drum", [False, True], ids=["pitched", "drums"])
    def test_no_file_has_features_that_are_no_numbers(
        self, tmp_path: Path, notes: list[tuple[float, float, int]], is_drum: bool
    ) -> None:
        features = kelly_tui.extract_midi_features(stray_file(tmp_path / "odd.mid", notes, is_drum=is_drum))
        numbers = json.loads(features.to_json(), parse_constant=lambda word: pytest.fail(f"{word} in the features"))
        assert np.isfinite(numbers["feature_vector"]).all()
        assert None not in numbers["pitch_histogram"] + numbers["melodic_contour"] + numbers["interval_histogram"]
        assert isinstance(numbers["avg_pitch"], float)

    def test_an_empty_wav_is_not_extracted(self, tmp_path: Path, root: Path) -> None:
        sounds = tmp_path / "sounds"
        sounds.mkdir()
        (sounds / "nothing.wav").touch()
        soundfile.write(sounds / "header.wav", np.zeros((0, 2)), 44100)
        before = samples(root)
        taken_in = kelly_tui.import_files(root, [sounds], workers=1)
        assert {name for name, _ in taken_in.failures} == {"nothing.wav", "header.wav"}
        assert samples(root) == before
        for path in sounds.iterdir():
            with pytest.raises(FileRefused):
                kelly_tui.extract_audio_features(path)

    def test_features_are_finite_and_reach_the_manifest(self, root: Path) -> None:
        kelly_tui.extract_features(root, workers=1)
        for sample in load_manifest(root).samples:
            features = json.loads((root / str(sample.features_path)).read_text())
            assert np.isfinite(features["feature_vector"]).all()
            assert len(features["feature_vector"]) == 117
            assert sample.value("tempo_bpm") is not None
            assert sample.value("key") is not None


def roots_of(sample: Sample) -> list[int]:
    """The pitch class of each chord of its progression."""
    chords = cast("list[str]", sample.value("chord_progression"))
    return [KEYS.index(chord[: 2 if chord[1:2] == "#" else 1]) for chord in chords if chord != "N"]


class TestAugment:
    @pytest.fixture
    def augmented(self, root: Path) -> Path:
        kelly_tui.extract_features(root, workers=1)
        kelly_tui.augment_dataset(root, multiplier=5, workers=1)
        return root

    def test_variants_are_all_different_none_synthetic_and_a_second_run_adds_none(self, augmented: Path) -> None:
        found = samples(augmented)
        variants = [sample for sample in found if sample.parent_id]
        assert len(variants) == 5 * len(CHORALES)
        assert len({sample.sha256 for sample in found}) == len(found)
        assert not any(sample.is_synthetic for sample in variants)
        assert {sample.parent_id for sample in variants} == {
            sample.sample_id for sample in found if not sample.parent_id
        }
        planned = kelly_tui.augment_dataset(augmented, multiplier=5, workers=1, dry_run=True)
        assert planned.details["to_do"] == 0
        kelly_tui.augment_dataset(augmented, multiplier=5, workers=1)
        assert len(samples(augmented)) == len(found)

    @pytest.mark.parametrize("kind", ["midi", "audio"])
    def test_no_draw_of_parameters_changes_nothing(self, kind: Literal["midi", "audio"]) -> None:
        drawn = choose_recipes(kind, 10**6, "any root")
        assert len(drawn) > 100
        assert all(recipe.changes for recipe in drawn)

    @pytest.mark.parametrize("change", [{"pitch_shift": 1}, {"time_stretch": 1.05}, {"noise": 0.001}, {"gain": 0.9}])
    def test_a_variant_of_sound_is_no_copy(self, change: dict[str, float]) -> None:
        time = np.arange(22050) / 22050
        tone = (0.4 * np.sin(2 * np.pi * 330 * time) * np.exp(-3 * time)).astype(np.float32)
        varied = kelly_tui.augment_audio((tone, 22050), **change).samples[:, 0]
        shared = min(len(tone), len(varied))
        assert np.abs(varied[:shared] - tone[:shared]).max() > 0.001

    def test_labels_follow_the_sound(self, augmented: Path) -> None:
        found = {sample.sample_id: sample for sample in samples(augmented)}
        moved: Counter[str] = Counter()
        for variant in found.values():
            if variant.parent_id is None:
                continue
            parent = found[variant.parent_id]
            higher = (variant.augmentation or {}).get("transpose", 0)
            faster = (variant.augmentation or {}).get("time_stretch", 1.0)
            assert KEYS.index(str(variant.value("key"))) == (KEYS.index(str(parent.value("key"))) + higher) % 12
            assert roots_of(variant) == [(pitch + higher) % 12 for pitch in roots_of(parent)]
            assert variant.value("tempo_bpm") == pytest.approx(parent.value("tempo_bpm") * faster, rel=1e-4)
            heard = pretty_midi.PrettyMIDI(str(augmented / variant.file_path))
            assert heard.get_tempo_changes()[1] == pytest.approx([variant.value("tempo_bpm")], rel=1e-4)
            moved.update(transpose=higher != 0, stretch=faster != 1)
        assert min(moved.values()) > len(CHORALES)

    def test_jitter_never_adds_up_and_drums_stay(self, tmp_path: Path) -> None:
        swung_file(tmp_path / "a.mid", 0.5)
        kelly_tui.augment_midi(tmp_path / "a.mid", transpose=3, jitter_ms=5, seed=1).save(tmp_path / "b.mid")
        before, after = (pretty_midi.PrettyMIDI(str(tmp_path / name)) for name in ("a.mid", "b.mid"))
        for old, new in zip(before.instruments, after.instruments, strict=True):
            assert old.is_drum == new.is_drum
            by_time = [sorted(part.notes, key=lambda note: note.start) for part in (old, new)]
            moved = [abs(new_note.start - old_note.start) for old_note, new_note in zip(*by_time, strict=True)]
            assert 0 < max(moved) <= 0.00501
            shift = 0 if old.is_drum else 3
            assert [note.pitch + shift for note in by_time[0]] == [note.pitch for note in by_time[1]]


GENERATORS: tuple[tuple[str, str], ...] = (
    ("emotionrecognizer", "emotion"),
    ("melodytransformer", "emotion"),
    ("harmonypredictor", "chord_progression"),
    ("dynamicsengine", "dynamic_range"),
    ("groovepredictor", "groove_type"),
)


TABLE = {
    "happy": (100, 140, 80, 110, 0.8, 0.6),
    "sad": (60, 90, 50, 80, -0.7, -0.4),
    "angry": (120, 180, 100, 127, -0.6, 0.9),
    "peaceful": (60, 90, 40, 70, 0.5, -0.6),
    "tense": (90, 130, 70, 100, -0.3, 0.5),
    "melancholic": (70, 100, 60, 90, -0.5, -0.2),
    "energetic": (120, 160, 90, 120, 0.6, 0.8),
    "neutral": (90, 120, 70, 90, 0.0, 0.0),
}
"""BPM, velocities, valence and arousal, as the data model has them."""


class TestSynthesize:
    @pytest.mark.parametrize(("model", "label"), GENERATORS)
    def test_every_row_has_a_file_and_a_count_is_a_total(self, tmp_path: Path, model: str, label: str) -> None:
        create_dataset_structure(tmp_path, DatasetConfig(dataset_id="g", target_model=model))
        for _ in range(2):
            kelly_tui.synthesize_dataset(tmp_path / "g", count=16, workers=1)
            found = samples(tmp_path / "g")
            assert len(found) == 16
        for sample in found:
            assert sample.is_synthetic
            assert sample.value(label)
            sounding = pretty_midi.PrettyMIDI(str(tmp_path / "g" / sample.file_path))
            assert sounding.get_end_time() > 2

    @pytest.mark.parametrize("kind", ["emotion", "harmony"])
    def test_chords_sound_together_in_bars_of_the_tempo(self, kind: str) -> None:
        for sample in getattr(kelly_tui, f"generate_{kind}_samples")(16):
            music = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi))
            struck = [np.sort([note.start for note in part.notes]) for part in music.instruments if not part.is_drum]
            hands = [np.searchsorted(starts, starts + 0.03) - np.arange(len(starts)) for starts in struck]
            assert max(together.max() for together in hands) >= 3, "one instrument strikes a chord"
            last_chord = cast("list[float]", sample.labels["chord_times"].value)[-1]
            assert last_chord < music.get_end_time() <= 30
            meter = str(sample.labels["time_signature"].value).split("/")
            bar = int(meter[0]) * 4 / int(meter[1]) * 60 / cast("float", sample.labels["tempo_bpm"].value)
            assert music.get_end_time() - last_chord < 2 * bar

    def test_bvii_is_a_tone_under_the_tonic(self) -> None:
        flat_sevens = 0
        for sample in kelly_tui.generate_emotion_samples(64):
            tonic = KEYS.index(str(sample.labels["key"].value))
            names = cast("list[str]", sample.labels["chord_progression"].value)
            if "bVII" in sample.parameters["numerals"]:
                flat_sevens += 1
                assert KEYS[(tonic + 10) % 12] in names
                parts = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi)).instruments
                heard = {note.pitch % 12 for part in parts if not part.is_drum for note in part.notes}
                assert (tonic + 10) % 12 in heard
        assert flat_sevens > 3

    def test_every_emotion_is_its_own(self) -> None:
        for sample in kelly_tui.generate_emotion_samples(64):
            slowest, fastest, softest, loudest, valence, arousal = TABLE[str(sample.labels["emotion"].value)]
            music = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi))
            (meter,) = music.time_signature_changes
            (quarters,) = music.get_tempo_changes()[1]
            tapped = pretty_midi.qpm_to_bpm(quarters, meter.numerator, meter.denominator)
            assert slowest - 0.01 <= tapped <= fastest + 0.01
            velocities = [note.velocity for part in music.instruments if not part.is_drum for note in part.notes]
            assert softest <= min(velocities) <= max(velocities) <= loudest
            assert sample.labels["valence"].value == pytest.approx(valence, abs=0.36)
            assert sample.labels["arousal"].value == pytest.approx(arousal, abs=0.26)

    def test_no_label_is_inside_the_file_or_its_features(self) -> None:
        words = kelly_tui.DatasetConfig(dataset_id="x").emotion_labels
        for sample in kelly_tui.generate_emotion_samples(16):
            assert not any(word.encode() in sample.midi.lower() for word in words)

    def test_features_are_those_of_the_notes_alone(self, tmp_path: Path) -> None:
        create_dataset_structure(tmp_path, DatasetConfig(dataset_id="g", target_model="melodytransformer"))
        kelly_tui.synthesize_dataset(tmp_path / "g", count=8, workers=1)
        kelly_tui.extract_features(tmp_path / "g", workers=1)
        for sample in samples(tmp_path / "g"):
            stored = (tmp_path / "g" / str(sample.features_path)).read_bytes()
            assert not any(word.encode() in stored for word in EMOTIONS)
            copied = pretty_midi.PrettyMIDI(str(tmp_path / "g" / sample.file_path))  # its notes, and nothing else
            features = kelly_tui.extract_midi_features(copied)
            assert json.loads(stored)["feature_vector"] == pytest.approx(features.feature_vector, abs=1e-3)


class TestSplits:
    @pytest.mark.parametrize(
        "command",
        [("run", "s", "--import-dir"), ("prepare", "--all", "--dataset", "s", "--import-dir")],
        ids=["run", "prepare --all"],
    )
    def test_the_pipeline_makes_them(self, tmp_path: Path, music: Path, command: tuple[str, ...]) -> None:
        options = ("--target-model", "harmonypredictor", "--multiplier", "1", "--count", "8", "--workers", "1")
        kelly("--datasets", tmp_path / "d", *command, music, *options)
        found = {sample.sample_id: sample.split for sample in samples(tmp_path / "d" / "s")}
        assert len(found) == 24
        assert set(found.values()) == {"train", "val", "test"}
        for split in ("train", "val", "test"):
            listed = (tmp_path / "d" / "s" / "splits" / f"{split}.txt").read_text().split()
            assert listed
            assert {found[sample_id] for sample_id in listed} == {split}

    def test_no_family_is_cut_and_lists_are_written(self, root: Path) -> None:
        kelly_tui.extract_features(root, workers=1)
        kelly_tui.split_dataset(root)
        kelly_tui.augment_dataset(root, multiplier=4, workers=1)
        kelly_tui.split_dataset(root)
        found = {sample.sample_id: sample for sample in samples(root)}
        lists = {name: (root / "splits" / f"{name}.txt").read_text().split() for name in ("train", "val", "test")}
        home: dict[str, str] = {}
        for name, ids in lists.items():
            assert ids, f"{name} is empty"
            assert ids == sorted(ids)
            for sample_id in ids:
                assert home.setdefault(found[sample_id].root_id, name) == name
        assert not any(found[sample_id].parent_id for sample_id in lists["val"] + lists["test"])


class TestValidate:
    def test_a_set_that_lost_its_labels_scores_nothing(self, tmp_path: Path, music: Path) -> None:
        create_dataset_structure(tmp_path, DatasetConfig(dataset_id="g", target_model="groovepredictor"))
        root = tmp_path / "g"
        kelly_tui.import_files(root, [next(music.rglob("*.mid"))], workers=1)
        kelly_tui.synthesize_dataset(root, count=49, workers=1)
        with Catalogue.open(root) as catalogue:
            lost = [Edit(sample.sample_id, "groove_type", None) for sample in catalogue.samples()]
            history.edit(catalogue, lost, "a script of old")
        report = kelly_tui.validate_dataset(root)
        assert not report.valid
        found = {finding.severity: {one.code for one in report.findings if one.severity == finding.severity}
                 for finding in report.findings}  # fmt: skip
        assert found["error"] == {"no-splits", "no-main-label"}
        assert found["warning"] >= {"mostly-generated", "unlabelled", "no-features"}
        assert (report.balance, report.quality) == (0, 0)

    def test_six_empty_classes_of_eight_are_no_balance(self, root: Path) -> None:
        report = kelly_tui.validate_dataset(root)
        assert {one.label: one.total for one in report.classes if one.total} == {"happy": 4, "sad": 4}
        assert report.balance == pytest.approx(1 - ((1 / 2 - 1 / 8) / (7 / 8)) ** 0.5)
        assert report.effective_classes == pytest.approx(2)

    def test_a_set_that_is_all_generated_and_unsplit_is_not_called_valid(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        create_dataset_structure(tmp_path, DatasetConfig(dataset_id="g", target_model="groovepredictor"))
        kelly_tui.synthesize_dataset(tmp_path / "g", count=50, workers=1)
        assert kelly("--datasets", tmp_path, "validate", "g") == 1
        said = capsys.readouterr().out
        assert said.startswith("❌ INVALID\nTotal Samples: 50\nBalance Score: ")

    def test_silent_and_noteless_files_do_not_pass(self, root: Path, tmp_path: Path) -> None:
        before = len(samples(root))
        soundfile.write(tmp_path / "silence.wav", np.zeros(44100 * 3), 44100)
        pretty_midi.PrettyMIDI().write(str(tmp_path / "none.mid"))
        kelly_tui.import_files(root, [tmp_path / "silence.wav", tmp_path / "none.mid"], workers=1)
        kelly_tui.extract_features(root, workers=1)
        good = [sample for sample in samples(root) if sample.status == "ok"]
        assert len(good) == before

    def test_a_family_across_splits_is_an_error(self, root: Path) -> None:
        kelly_tui.split_dataset(root)
        kelly_tui.augment_dataset(root, multiplier=2, workers=1)
        kelly_tui.split_dataset(root)
        with Catalogue.open(root) as catalogue:
            child = next(sample for sample in catalogue.samples() if sample.parent_id and sample.split == "train")
            with catalogue.writing() as db:
                db.execute("UPDATE samples SET split = 'test' WHERE sample_id = ?", (child.sample_id,))
        report = kelly_tui.validate_dataset(root)
        assert not report.valid
        assert any("split" in finding.code for finding in report.findings if finding.severity == "error")


class TestScale:
    def test_adding_a_row_costs_the_same_in_a_large_dataset(self, tmp_path: Path) -> None:
        def steps(count: int) -> int:
            """Virtual-machine steps that SQLite takes to add one row beside `count` others: no clock involved."""
            create_dataset_structure(tmp_path, DatasetConfig(dataset_id=f"n{count}"))
            with Catalogue.open(tmp_path / f"n{count}") as catalogue:
                catalogue.add(row(index) for index in range(count))
                taken = 0

                def step() -> int:
                    nonlocal taken
                    taken += 1
                    return 0

                with catalogue.writing() as db:
                    db.set_progress_handler(step, 1)
                catalogue.add([row(count)])
                with catalogue.writing() as db:
                    db.set_progress_handler(None, 1)
            return taken

        assert steps(4000) < 1.5 * steps(400)

    def test_a_kill_during_a_save_leaves_a_whole_manifest(self, root: Path) -> None:
        code = f"""
from itertools import count
from pathlib import Path
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, views
from kelly_tui.store.catalogue import Catalogue
catalogue = Catalogue.open(Path({str(root)!r}))
first = next(iter(catalogue.samples())).sample_id
for number in count():
    history.edit(catalogue, [Edit(first, "notes", Label(f"{{number}} " * 1000))], "someone")
    print("edited", flush=True)
    views.write_manifest(catalogue)
"""
        for saves in range(2, 6):
            writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
            assert writer.stdout is not None
            for _ in range(saves):
                writer.stdout.readline()
            writer.kill()  # while it writes the manifest of the last edit
            writer.wait()
            assert len(load_manifest(root).samples) == len(CHORALES)


def row(index: int) -> Sample:
    return Sample(
        sample_id=f"{index:016x}", file_path=f"raw/midi/{index}.mid", file_type="midi", sha256=f"{index:064x}"
    )


class TestSpecification:
    def test_the_printed_example_runs(self, tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch,
                                      capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        shutil.copy(next(iter(music.rglob("*.mid"))), "song.mid")
        exec(EXAMPLE, {})
        said = capsys.readouterr().out
        assert "Detected key: " in said
        assert "Total Samples: 0" in said

    def test_all_honours_count(self, tmp_path: Path, music: Path) -> None:
        (music / "sad" / "broken.mid").write_bytes(b"MThd and no more")
        options = ("--target-model", "groovepredictor", "--multiplier", "1", "--count", "14", "--workers", "1")
        code = kelly(
            "--datasets", tmp_path / "d", "prepare", "--all", "--dataset", "e", "--import-dir", music, *options
        )
        origins = Counter(sample.origin for sample in samples(tmp_path / "d" / "e"))
        assert origins == {"imported": 8, "augmented": 8, "generated": 14}
        assert code == 1, "a file failed"


EXAMPLE = """
from kelly_tui import (
    DatasetConfig,
    create_dataset_structure,
    load_manifest,
    extract_midi_features,
    extract_audio_features,
    augment_midi,
    generate_emotion_samples,
    validate_dataset,
)

# Create dataset
config = DatasetConfig(
    dataset_id="my_dataset",
    target_model="emotionrecognizer",
)
manifest = create_dataset_structure("datasets", config)

# Extract features
features = extract_midi_features("song.mid")
print(f"Detected key: {features.key_signature}")
print(f"Groove type: {features.groove_type}")

# Generate synthetic data
samples = generate_emotion_samples(1000)

# Validate
report = validate_dataset("datasets/my_dataset")
report.print_summary()
"""


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELLY_SETTINGS", str(tmp_path / "settings.toml"))

"""The format npz: a file a model and split that numpy reads, normalised by train alone, the same bytes each time."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pretty_midi
import pytest
import soundfile
from export_samples import dataset, killed_at, tree
from export_samples import export as export_alone

import kelly_tui
from kelly_tui.cli import main
from kelly_tui.errors import StageError
from kelly_tui.export import npz
from kelly_tui.export.arrays import dynamics, groove, melody
from kelly_tui.export.arrays.examples import FORMS
from kelly_tui.export.choice import Part
from kelly_tui.export.target import Target
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import TARGET_MODELS
from kelly_tui.model.sample import Sample
from kelly_tui.music.notes import read_midi
from kelly_tui.pipeline import export as stage
from kelly_tui.pipeline import gather
from kelly_tui.pipeline.stage import Interrupted, Outcome
from kelly_tui.pipeline.worker import LocalExecutor
from kelly_tui.store.catalogue import Catalogue


@cache
def worker() -> LocalExecutor:
    """One for all tests: it takes a second to start."""
    return LocalExecutor(1)


def export(root: Path, out: Path, format: str, **given: Any) -> Any:
    return export_alone(root, out, format, executor=worker(), **given)


EMOTIONS = ("happy", "sad", "angry", "peaceful")
CHORDS = ("C", "Am", "F", "G7", "Dm", "E7", "Bdim")


def midi(seed: int, notes: int = 60, *, drums: bool = False) -> bytes:
    """A line of eighths at 120 BPM, played by hand."""
    random = np.random.default_rng(seed)
    song = pretty_midi.PrettyMIDI(initial_tempo=120)
    part = pretty_midi.Instrument(0, is_drum=drums)
    for place in range(notes):
        onset = 1 + place * 0.25 + float(random.normal(0, 0.01))
        pitch, velocity = int(random.integers(50, 80)), int(random.integers(40, 110))
        part.notes.append(pretty_midi.Note(velocity, pitch, onset, onset + 0.2))
    song.instruments.append(part)
    written = io.BytesIO()
    song.write(written)
    return written.getvalue()


def wav(seed: int, seconds: float = 6.0) -> bytes:
    written = io.BytesIO()
    sound = np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds))
    soundfile.write(written, sound, 16_000, format="WAV")
    return written.getvalue()


def sample_of(data: bytes, number: int, **labels: Any) -> Sample:
    digest = hashlib.sha256(data).hexdigest()
    suffix = "wav" if data[:4] == b"RIFF" else "mid"
    random = np.random.default_rng(number)
    given = {"emotion": EMOTIONS[number % 4], "arousal": -0.5, "key": "A", "mode": "minor",
             "chord_progression": random.permutation(CHORDS).tolist(), "groove_type": "straight",
             "dynamic_range": "mf", **labels}  # fmt: skip
    return Sample(
        sample_id=digest[:16],
        file_path=f"raw/{number}.{suffix}",
        file_type="audio" if suffix == "wav" else "midi",
        sha256=digest,
        file_size_bytes=len(data),
        features_path=f"processed/features/{digest[:16]}.json",
        license="CC0-1.0",
        labels={name: Label(value) for name, value in given.items() if value is not None},
    )


def made(folder: Path, model: str, contents: list[bytes], **config: Any) -> Path:
    by_hash = {hashlib.sha256(data).hexdigest(): data for data in contents}
    samples = [sample_of(data, number) for number, data in enumerate(contents)]
    ratios = {"train_ratio": 0.5, "val_ratio": 0.25, "test_ratio": 0.25}
    return dataset(folder, samples, by_hash, target_model=model, **ratios, **config)


def music(model: str, count: int = 12) -> list[bytes]:
    return [wav(n) if TARGET_MODELS[model].reads == "audio" else midi(n) for n in range(count)]


def read(out: Path, split: str, model: str = "") -> dict[str, np.ndarray]:
    """As a trainer reads it: rows of all files one after the other, the rest once."""
    files = []
    for path in sorted(out.glob(f"{model or '*'}-{split}-*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            files.append(dict(arrays))
    rows = {name for name in files[0] if name not in ("mean", "std", "sample_ids") and not name.endswith("_names")}
    joined = {name: np.concatenate([file[name] for file in files]) for name in sorted(rows)}
    joined["of"] = np.concatenate([file["sample_ids"][file["sample"]] for file in files])
    return {**files[0], **joined}


def split_ids(root: Path, split: str) -> list[str]:
    return (root / "splits" / f"{split}.txt").read_text().split()


@pytest.mark.parametrize("model", TARGET_MODELS)
def test_each_split_has_the_rows_of_its_samples_in_the_shapes_of_the_table(model: str, tmp_path: Path) -> None:
    root = made(tmp_path, model, music(model))
    outcome = export(root, tmp_path / "out", "npz")
    form = FORMS[model]
    for split in ("train", "val", "test"):
        found = read(tmp_path / "out", split, model)
        count = len(found["of"])
        assert list(dict.fromkeys(found["of"].tolist())) == split_ids(root, split)
        assert found["x"].shape == (count, *form.x)
        assert found["y"].shape == (count, *form.y)
        assert found["mask"].shape == (count, *form.mask)
        assert (found["x"].dtype, found["y"].dtype) == (form.x_type, form.y_type)
        assert all(np.isfinite(array).all() for array in found.values() if array.dtype.kind in "fiub")
        assert all(len(found[field]) == count for field in (*form.labels, "start", "sample"))
        assert outcome.details["examples"][split] == count
        with Catalogue.open(root) as catalogue:
            by_id = {sample.sample_id: sample for sample in catalogue.samples()}
        for field in ("emotion", "dynamic_range", "groove_type"):
            name = "y" if (model, field) == ("emotionrecognizer", "emotion") else field
            if name in found and f"{name}_names" in found:
                said = [found[f"{name}_names"][place] for place in found[name]]
                assert said == [by_id[sample_id].value(field) for sample_id in found["of"]]


@pytest.mark.parametrize(
    ("model", "rows"),
    [("melodytransformer", melody.rows), ("dynamicsengine", dynamics.rows), ("groovepredictor", groove.rows)],
)
def test_rows_are_those_of_the_samples_file(model: str, rows: Any, tmp_path: Path) -> None:
    root = made(tmp_path, model, music(model))
    export(root, tmp_path / "out", "npz")
    found = read(tmp_path / "out", "train")
    for sample in kelly_tui.load(root, "train", fields=("sample_id", "path")):
        told = rows(read_midi(sample["path"]))
        of_it = found["of"] == sample["sample_id"]
        for name in ("x", "mask", "y", "start"):
            assert np.array_equal(found[name][of_it], getattr(told, name)), name


@pytest.mark.parametrize("model", [name for name, form in FORMS.items() if form.channels])
def test_normalisation_is_numpys_of_train_and_stands_in_every_file(model: str, tmp_path: Path) -> None:
    root = made(tmp_path, model, music(model))
    export(root, tmp_path / "out", "npz")
    found = {split: read(tmp_path / "out", split) for split in ("train", "val", "test")}
    x, seen = found["train"]["x"].astype(np.float64), FORMS[model].spread(found["train"]["mask"])
    hidden = np.ma.array(x, mask=~np.broadcast_to(seen, x.shape))
    axes = tuple(axis for axis in range(x.ndim) if axis not in FORMS[model].channels)
    std = hidden.std(axis=axes).filled(0)
    for arrays in found.values():
        np.testing.assert_allclose(np.squeeze(arrays["mean"]), hidden.mean(axis=axes).filled(0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(np.squeeze(arrays["std"]), np.where(std < 1e-6, 1, std), rtol=1e-4)


def test_other_test_samples_change_no_figure_of_normalisation(tmp_path: Path) -> None:
    root = made(tmp_path, "dynamicsengine", music("dynamicsengine"))
    export(root, tmp_path / "one", "npz")
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        for number, sample in enumerate(list(catalogue.samples("split:test|val"))):
            other = midi(1000 + number, 400)
            (root / sample.file_path).write_bytes(other)
            changed = (hashlib.sha256(other).hexdigest(), len(other), sample.sample_id)
            db.execute("UPDATE samples SET sha256 = ?, file_size_bytes = ? WHERE sample_id = ?", changed)
    export(root, tmp_path / "other", "npz", force=True)
    one, other = tree(tmp_path / "one"), tree(tmp_path / "other")
    train = "dynamicsengine-train-00000-of-00001.npz"
    assert one[train] == other[train]
    for split in ("val", "test"):
        before, after = read(tmp_path / "one", split), read(tmp_path / "other", split)
        assert len(before["x"]) != len(after["x"])
        assert np.array_equal(before["mean"], after["mean"])
        assert np.array_equal(before["std"], after["std"])


def test_shards_hold_the_same_rows_and_the_same_normalisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made(tmp_path, "groovepredictor", music("groovepredictor"))
    export(root, tmp_path / "whole", "npz")
    monkeypatch.setitem(npz.FORMS, "groovepredictor", FORMS["groovepredictor"]._replace(part=2))
    export(root, tmp_path / "shards", "npz")
    assert len(list((tmp_path / "shards").glob("*-train-*-of-00003.npz"))) == 3
    for split in ("train", "val", "test"):
        whole, shards = read(tmp_path / "whole", split), read(tmp_path / "shards", split)
        for name in ("x", "mask", "y", "of", "start", "groove_type"):
            assert np.array_equal(whole[name], shards[name]), name
        np.testing.assert_allclose(whole["mean"], shards["mean"], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(whole["std"], shards["std"], rtol=1e-5)


def test_parts_without_examples_leave_no_gap_between_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made(tmp_path, "melodytransformer", [*music("melodytransformer", 6), *(wav(n, 0.1) for n in range(60, 72))])
    monkeypatch.setitem(npz.FORMS, "melodytransformer", FORMS["melodytransformer"]._replace(part=1))
    export(root, tmp_path / "out", "npz")
    for split in ("train", "val", "test"):
        of = len(set(read(tmp_path / "out", split)["of"]))
        names = sorted(path.name for path in (tmp_path / "out").glob(f"*-{split}-*.npz"))
        assert names == [f"melodytransformer-{split}-{n:05}-of-{of:05}.npz" for n in range(of)]


def test_twice_or_killed_at_any_moment_it_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = made(tmp_path, "melodytransformer", music("melodytransformer", 8))
    monkeypatch.setitem(npz.FORMS, "melodytransformer", FORMS["melodytransformer"]._replace(part=2))
    export_alone(root, tmp_path / "once", "npz", workers=2)
    once, moment = tree(tmp_path / "once"), 1
    export(root, tmp_path / "twice", "npz")
    assert tree(tmp_path / "twice") == once
    while killed_at(moment, out := tmp_path / f"out{moment}", partial(export_alone, root, out, "npz", workers=1)):
        export(root, out, "npz")
        assert tree(out) == once, moment
        moment += 37
    assert moment > 37


HOSTILE = {
    "melodytransformer": (midi(50, drums=True), midi(51, 3)),
    "groovepredictor": (midi(52, 2), midi(53, 5)),
    "emotionrecognizer": (wav(54, 0.1), midi(55)),
}


@pytest.mark.parametrize("model", HOSTILE)
def test_what_gives_no_example_is_left_out_and_counted_by_its_reason(model: str, tmp_path: Path) -> None:
    root = made(tmp_path, model, [*music(model, 6), *HOSTILE[model]])
    outcome = export(root, tmp_path / "out", "npz")
    said = json.loads((tmp_path / "out/export.json").read_text())
    assert sum(said["without_example"].values()) == 2
    assert len(said["without_example"]) == 2
    assert outcome.words.count("1 sample without an example") == 2
    held: set[str] = set()
    for path in (tmp_path / "out").glob("*.npz"):
        with np.load(path) as arrays:
            held |= set(arrays["sample_ids"][arrays["sample"]].tolist())
    good = {hashlib.sha256(data).hexdigest()[:16] for data in music(model, 6)}
    assert held == good


def test_features_are_asked_for_only_where_they_are_read(tmp_path: Path) -> None:
    root = made(tmp_path, "harmonypredictor", music("harmonypredictor", 6))
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE samples SET features_path = NULL")
    with pytest.raises(StageError, match="6 samples have no features"):
        export(root, tmp_path / "chords", "npz")
    assert export(root, tmp_path / "notes", "npz", model="melodytransformer").failures == []


def test_a_file_that_is_another_than_it_was_is_left_out_and_named(tmp_path: Path) -> None:
    root = made(tmp_path, "melodytransformer", music("melodytransformer", 6))
    with Catalogue.open(root) as catalogue:
        first = catalogue.find(split_ids(root, "train")[0])
    (root / first.file_path).write_bytes(midi(99))
    outcome = export(root, tmp_path / "out", "npz")
    assert [name for name, why in outcome.failures if "not those that were imported" in why] == [first.file_path]
    assert outcome.done == 5
    assert first.sample_id not in read(tmp_path / "out", "train")["of"]


def test_what_is_stopped_has_done_whole_parts_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> Outcome:
        raise Interrupted(Outcome("export", done=5), 6)

    root = made(tmp_path, "melodytransformer", music("melodytransformer", 6))
    monkeypatch.setattr(stage, "gather", stopped)
    with pytest.raises(Interrupted, match="stopped at 0 of 6"):
        export(root, tmp_path / "out", "npz")


def test_a_disk_that_is_full_as_a_part_ends_pauses_it_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, piece, heard = made(tmp_path, "melodytransformer", music("melodytransformer", 6)), Target.piece, list[str]()
    refusals = iter([True])

    def full_once(self: Target, part: Part, suffix: str) -> Any:
        if suffix == npz._INFO and next(refusals, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return piece(self, part, suffix)

    with monkeypatch.context() as patched:
        patched.setattr(Target, "piece", full_once)
        export(root, tmp_path / "out", "npz", notice=heard.append)
    assert [one.partition(",")[0] for one in heard] == ["export paused: the disk is full"]
    export(root, tmp_path / "whole", "npz")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_where_its_own_folder_goes_midway_it_stops_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = made(tmp_path, "melodytransformer", music("melodytransformer", 6)), tmp_path / "out"
    found = gather.samples

    def interrupted(*given: Any) -> Any:
        yield from found(*given)
        if out.exists():
            out.rename(tmp_path / "moved")

    with monkeypatch.context() as patched:
        patched.setattr(gather, "samples", interrupted)
        with pytest.raises(StageError, match=r"^the folder that is exported into was moved"):
            export(root, out, "npz")
    assert not out.exists()
    (tmp_path / "moved").rename(out)
    assert export(root, out, "npz").failures == []


def test_midi_whose_sound_is_there_counts_as_that_sound_alone(tmp_path: Path) -> None:
    contents = [midi(n) for n in range(6)]
    songs = [sample_of(data, number) for number, data in enumerate(contents)]
    sounds = [wav(60 + n) for n in range(4)]
    for number, data in enumerate(sounds):
        of = songs[number].sample_id
        sound = sample_of(data, 10 + number)
        songs.append(msgspec.structs.replace(sound, parent_id=of, root_id=of, augmentation_type="render"))
    by_hash = {hashlib.sha256(data).hexdigest(): data for data in [*contents, *sounds]}
    root = dataset(tmp_path, songs, by_hash, target_model="emotionrecognizer")
    export(root, tmp_path / "out", "npz")
    said = json.loads((tmp_path / "out/export.json").read_text())
    assert said["without_example"] == {"MIDI without its sound, which `kelly render` makes": 2}


def test_where_no_sample_gives_an_example_the_commonest_reason_is_said(tmp_path: Path) -> None:
    root = made(tmp_path, "emotionrecognizer", [midi(n) for n in range(6)])
    for _ in range(2):  # nothing is left of it that would stand in the way of the next
        with pytest.raises(StageError, match=r"emotionrecognizer an example \(MIDI without its sound, which"):
            export(root, tmp_path / "out", "npz")
        assert list((tmp_path / "out").iterdir()) == []


def test_mapped_labels_are_written_as_mapped(tmp_path: Path) -> None:
    root = made(tmp_path, "emotionrecognizer", music("emotionrecognizer"))
    export(root, tmp_path / "out", "npz", emotions={"angry": "sad", "peaceful": None}, arousal="0..1")
    found = [read(tmp_path / "out", split) for split in ("train", "val", "test")]
    names = found[0]["y_names"].tolist()
    assert "angry" not in names
    assert "peaceful" not in names
    said = [names[place] for arrays in found for place in arrays["y"]]
    assert {name: said.count(name) // 2 for name in set(said)} == {"happy": 3, "sad": 6}, "two windows of each"
    assert {float(value) for arrays in found for value in arrays["arousal"]} == {0.25}
    assert json.loads((tmp_path / "out/export.json").read_text())["mappings"]["emotion"]["angry"] == "sad"


def test_another_model_than_the_datasets_own_can_be_named(tmp_path: Path) -> None:
    root = made(tmp_path, "melodytransformer", music("melodytransformer"))
    command = ["export", str(root), "--format", "npz", "--out", str(tmp_path / "out"), "--model", "Dynamics_Engine"]
    assert main(command) == 0
    assert read(tmp_path / "out", "train", "dynamicsengine")["y"].shape[1:] == (16,)
    assert main([*command[:-1], "drummer"]) == 2

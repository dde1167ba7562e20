"""Each format is opened by the library that trainers open it with, and says there what the dataset says."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from array import array
from pathlib import Path

import mir_eval
import numpy as np
import pytest
import soundfile
from export_samples import dataset, export, sample, tree

from kelly_tui.errors import LibraryMissing
from kelly_tui.export.options import emotions_named
from kelly_tui.export.webdataset import header
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import EMOTIONS
from kelly_tui.music.harte import harte
from kelly_tui.music.theory import QUALITIES, chord_pitches
from kelly_tui.store.catalogue import Catalogue, FeatureRow

SONGS = 24
LABELS = {
    "valence": Label(-0.4, "human", "ann", unsure=True),
    "arousal": -0.2,
    "key": Label("F#", "detector", "kelly key", confidence=0.7),
    "mode": "minor",
    "tempo_bpm": 92.5,
    "chord_progression": ["F#m7/E", "N", "Bb7"],
    "chord_times": [0.0, 1.0, 1.5],
    "velocity_curve": [64] * 32,
    "tags": ["雨", 'a "quote"'],
    "swing_ratio": 0.5,
}


def wav(number: int) -> bytes:
    file = io.BytesIO()
    wave = 0.3 * np.sin(np.arange(8000) * (number + 1) / 40)
    soundfile.write(file, wave.astype(np.float32), 8000, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Songs of MIDI and of sound, with labels; of every fifth the emotion is not known. Features are there."""
    songs, contents = [], {}
    for n in range(SONGS):
        data = wav(n) if n % 2 else b"MThd %d" % n
        digest = hashlib.sha256(data).hexdigest()
        labels = LABELS if n % 5 else {name: LABELS[name] for name in ("key", "valence")}
        emotion = {"emotion": EMOTIONS[n % 8]} if n % 5 else {}
        suffix = "wav" if n % 2 else "mid"
        features = f"processed/features/{digest[:2]}/{digest[:16]}.{'npz' if n % 2 else 'json'}"
        songs.append(sample(n, suffix, sha256=digest, sample_id=digest[:16], file_size_bytes=len(data),
                            features_path=features, labels={**labels, **emotion}))  # fmt: skip
        contents[digest] = data
    made = dataset(tmp_path_factory.mktemp("formats"), songs, contents, val_ratio=0.2, train_ratio=0.6, test_ratio=0.2)
    with Catalogue.open(made) as catalogue:
        catalogue.put_features(
            FeatureRow(one.sample_id, f"key-{n}", one.features_path, one.duration_sec,
                       [n + k / 128 for k in range(128 if n % 2 else 117)], {"note_count": n}, b"sketch %d" % n)
            for n, one in enumerate(songs)
        )  # fmt: skip
    return made


def by_id(root: Path, split: str) -> dict:
    with Catalogue.open(root) as catalogue:
        return {one.sample_id: one for one in catalogue.samples(f"split:{split}")}


def test_parquet_is_read_by_datasets_with_sound_label_and_vectors(root, tmp_path):
    import datasets

    export(root, tmp_path / "out", "parquet", arousal="0..1")
    read = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    read = read.cast_column("audio", datasets.Audio(decode=False))
    assert {name: len(rows) for name, rows in read.items()} == {
        "train": len(by_id(root, "train")), "validation": len(by_id(root, "val")), "test": len(by_id(root, "test"))
    }  # fmt: skip
    features = read["train"].features
    assert features["label"].names == list(EMOTIONS)
    assert (features["midi_features"].length, features["audio_features"].length) == (117, 128)
    assert features["velocity_curve"].length == 32
    known = by_id(root, "train")
    for row in read["train"]:
        one = known[row["sample_id"]]
        assert (row["label"] is None) == (one.value("emotion") is None)
        if row["label"] is not None:
            assert features["label"].int2str(row["label"]) == one.value("emotion")
            assert row["arousal"] == pytest.approx(0.4)
        assert row["tags"] == one.value("tags")
        assert row["chord_progression"] == one.value("chord_progression")
        data = (root / one.file_path).read_bytes()
        assert (row["audio"]["bytes"] if one.file_type == "audio" else row["midi"]) == data
        if one.file_type == "audio":
            assert soundfile.info(io.BytesIO(row["audio"]["bytes"])).samplerate == 8000
            number = row["audio_features"][0]
            assert row["audio_features"] == [number + k / 128 for k in range(128)]
            assert row["midi_features"] is None


def test_parquet_may_name_its_music_instead(root, tmp_path):
    from pyarrow import parquet

    export(root, tmp_path / "out", "parquet", paths=True)
    for path in (tmp_path / "out/data").glob("*.parquet"):
        for row in parquet.read_table(path).to_pylist():
            assert row["midi"] is None
            assert not (row["audio"] or {}).get("bytes")
            assert (tmp_path / "out" / row["path"]).stat().st_size == json.loads(row["sample"])["file_size_bytes"]


def test_parquet_is_written_in_row_groups_and_shards(root, tmp_path, monkeypatch):
    from pyarrow import parquet

    from kelly_tui.export import parquet as writer

    monkeypatch.setattr(writer.Parquet, "part_samples", 4)
    monkeypatch.setattr(writer, "_ROWS", 2)
    export(root, tmp_path / "out", "parquet", splits=("train",))
    shards = sorted((tmp_path / "out/data").iterdir())
    assert [shard.name[-14:-8] for shard in shards] == [f"-0000{len(shards)}"] * len(shards)
    assert len(shards) > 2
    assert parquet.ParquetFile(shards[0]).num_row_groups == 2


def test_a_row_group_is_sixteen_megabytes_or_one_sample_and_sound_lies_in_it_as_it_is(tmp_path, monkeypatch):
    """One of 15 MB and one of a gigabyte were one group, which readers unpack at once; and silence came as a bomb."""
    from pyarrow import parquet

    from kelly_tui.export import parquet as writer

    monkeypatch.setattr(writer, "_BYTES", 40_000)
    music = [bytes(9_000 + n // 9 * 90_000) + b"%d" % n for n in range(16)]
    songs = {hashlib.sha256(one).hexdigest(): one for one in music}
    made = [
        sample(n, "wav", sha256=digest, sample_id=digest[:16], file_size_bytes=len(songs[digest]))
        for n, digest in enumerate(songs)
    ]
    export(dataset(tmp_path, made, songs), tmp_path / "out", "parquet", force=True)
    for path in (tmp_path / "out/data").iterdir():
        facts = parquet.read_metadata(path)
        for group in map(facts.row_group, range(facts.num_row_groups)):
            sound = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == "audio.bytes")
            assert group.num_rows == 1 or sound.total_compressed_size < 40_000
            assert sound.compression == "UNCOMPRESSED"
            assert sound.statistics is None


def test_without_pyarrow_the_extra_is_named_before_anything_is_written(root, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LibraryMissing, match=r"pyarrow is not installed. .*kelly-tui\[parquet\]"):
        export(root, tmp_path / "out", "parquet")
    assert not (tmp_path / "out").exists()


def test_webdataset_reads_the_shards_sample_by_sample(root, tmp_path):
    import webdataset

    export(root, tmp_path / "out", "webdataset", emotions=emotions_named("7", DatasetConfig(dataset_id="x")))
    shards = sorted(map(str, (tmp_path / "out").glob("train-*.tar")))
    read = list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False).decode())
    known = by_id(root, "train")
    assert [one["__key__"] for one in read] == sorted(known)
    for one in read:
        was = known[one["__key__"]]
        assert one["json"]["annotations"].get("emotion") == was.value("emotion")
        mapped = {"melancholic": "sad"}.get(was.value("emotion"), was.value("emotion"))
        assert one["json"]["label"] == mapped
        suffix = was.file_path[-3:]
        raw = one[suffix] if suffix == "mid" else None
        assert raw is None or raw == (root / was.file_path).read_bytes()
        assert "features.json" in one or "features.npz" in one


def test_tar_shards_hold_no_times_and_no_owners_and_are_as_large_as_asked(root, tmp_path, monkeypatch):
    from kelly_tui.export.webdataset import WebDataset

    monkeypatch.setattr(WebDataset, "part_samples", 5)
    export(root, tmp_path / "out", "webdataset", splits=("train",))
    names = []
    for path in sorted((tmp_path / "out").glob("*.tar")):
        with tarfile.open(path) as shard:
            members = shard.getmembers()
        names += [member.name for member in members]
        assert {(one.mtime, one.uid, one.gid, one.uname, one.mode) for one in members} == {(0, 0, 0, "", 0o644)}
        assert len({one.name.partition(".")[0] for one in members}) <= 5
    assert names == sorted(names)


@pytest.mark.parametrize("name", ["ab12.json", "a" * 95 + ".json", "a" * 40 + "/" + "b" * 70])
@pytest.mark.parametrize("size", [0, 1, 511, 512, 2**31])
def test_a_tar_header_is_that_of_tarfile(name, size):
    theirs = tarfile.TarInfo(name)
    theirs.size = size
    assert header(name, size) == theirs.tobuf(tarfile.USTAR_FORMAT)


def test_jams_validates_and_says_key_tempo_mood_and_chords(root, tmp_path):
    import jams

    export(root, tmp_path / "out", "jams")
    known = by_id(root, "train")
    files = sorted((tmp_path / "out/train").glob("*/*.jams"))
    assert [path.stem for path in files] == sorted(known)
    for path in files:
        read = jams.load(str(path), validate=True, strict=True)
        one = known[path.stem]
        assert read.file_metadata.duration == one.duration_sec
        (key,) = read.search(namespace="key_mode")
        assert key.data[0].value == ("F#:minor" if one.value("mode") else "F#")
        assert (key.data[0].confidence, key.annotation_metadata.data_source) == (0.7, "detector")
        assert read.sandbox.kelly["annotations"] == one.annotations
        if one.value("emotion") is not None:
            assert read.search(namespace="mood_thayer")[0].data[0].value == [-0.4, -0.2]
            assert read.search(namespace="tempo")[0].data[0].value == 92.5
            chords = read.search(namespace="chord")[0].data
            assert [(one.time, one.duration, one.value) for one in chords][:2] == [
                (0.0, 1.0, "F#:min7/b7"), (1.0, 0.5, "N")
            ]  # fmt: skip
            tags = [tag.value for found in read.search(namespace="tag_open") for tag in found.data]
            assert tags == [one.value("emotion"), *LABELS["tags"]]
    listed = json.loads((tmp_path / "out/export.json").read_text())["only_in_sandbox"]
    unlabelled = sum(n % 5 == 0 for n in range(SONGS))
    assert listed == {"swing_ratio": SONGS - unlabelled, "velocity_curve": SONGS - unlabelled,
                      "valence alone": unlabelled}  # fmt: skip


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_chord_in_hartes_syntax_has_the_same_pitches(quality):
    name = f"D#{quality}"
    root, bitmap, bass = mir_eval.chord.encode(harte(f"{name}/G"), reduce_extended_chords=False)
    chord = chord_pitches(name)
    ours = {(pitch - chord.root) % 12 for pitch in chord.pitches}
    extended = {"9", "maj9", "m9", "11", "13", "add9", "madd9", "69", "7b9"}  # mir_eval's bitmap has one octave
    assert (root, bass) == (3, 4)
    assert {step for step in range(12) if bitmap[step]} >= ours - ({1, 2, 5, 9} if quality in extended else set())
    assert harte("no chord") is None


def test_jsonl_serves_simple_trainers_and_the_one_that_reads_metadata(root, tmp_path):
    out = tmp_path / "out"
    table = emotions_named("melancholic=sad, neutral=", DatasetConfig(dataset_id="x"))
    export(root, out, "jsonl", emotions=table, arousal="0..1")
    lines = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    for line in lines:
        assert (out / line.get("audio", line.get("midi"))).read_bytes() == (root / line["file_path"]).read_bytes()
        said = line["annotations"].get("emotion")
        assert line["label"] == {"melancholic": "sad", "neutral": None}.get(said, said)
        assert list(line) == sorted(line)
    samples = json.loads((out / "metadata.json").read_text())["samples"]
    assert len(samples) == SONGS
    for one in samples:
        assert (out / one["file"]).is_file()
        assert one["key"] in ("F# minor", "F#")
        assert one.get("arousal", 0.4) == pytest.approx(0.4)
        assert one.get("emotion") not in ("melancholic", "neutral")
    facts = json.loads((out / "export.json").read_text())
    assert facts["mappings"]["emotion"] == {one: {"melancholic": "sad", "neutral": None}.get(one, one)
                                            for one in EMOTIONS}  # fmt: skip
    assert facts["mappings"]["arousal"] == {"from": [-1, 1], "to": [0, 1], "by": "(arousal + 1) / 2"}
    assert "neutral" not in facts["classes"]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_mlcroissant_reads_the_tables_by_the_croissant_beside_them(root, tmp_path, format):
    import mlcroissant

    export(root, tmp_path / "out", format)
    read = mlcroissant.Dataset(jsonld=tmp_path / "out/croissant.json")
    assert not read.metadata.ctx.issues.errors
    table = f"samples-{format}"
    found = {row[f"{table}/sample_id"].decode() for row in read.records(table)}
    assert found == {one for split in ("train", "val", "test") for one in by_id(root, split)}
    card = (tmp_path / "out/README.md").read_text()
    assert f"This export holds {SONGS} samples (train" in card


def test_the_card_says_first_what_was_chosen_and_mapped(root, tmp_path):
    table = emotions_named("melancholic=sad, neutral=", DatasetConfig(dataset_id="x"))
    export(root, tmp_path / "out", filter="-emotion:?", emotions=table, arousal="0..1", splits=("train",))
    card = (tmp_path / "out/README.md").read_text()
    assert "Chosen: filter -emotion:?." in card
    assert "melancholic is sad, neutral is left out" in card
    assert "(arousal + 1) / 2" in card


@pytest.mark.parametrize("format", ["jsonl", "parquet", "webdataset", "jams"])
def test_made_twice_it_is_the_same_bytes_and_export_json_names_the_files(root, tmp_path, format):
    export(root, tmp_path / "one", format)
    export(root, tmp_path / "two", format)
    files = tree(tmp_path / "one")
    assert tree(tmp_path / "two") == files
    for named in json.loads(files["export.json"])["files"]:
        data = files[named["path"]]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (named["size"], named["sha256"])


def test_vectors_come_as_the_catalogue_has_them(root, tmp_path):
    export(root, tmp_path / "out")
    import base64

    for line in map(json.loads, (tmp_path / "out/train.jsonl").read_text().splitlines()):
        vector = array("f", base64.b64decode(line["extracted"]["vector"]))
        assert vector[1] - vector[0] == 1 / 128
        assert line["extracted"]["columns"] == {"note_count": vector[0]}

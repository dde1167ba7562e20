"""What goes out comes back equal: every field, Unicode, nulls and lists, from every format that holds samples whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from export_samples import dataset, export, killed_at, put, sample, tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kelly_tui
from kelly_tui.cli import main
from kelly_tui.errors import StageError
from kelly_tui.export.back import samples_in
from kelly_tui.export.choice import Record
from kelly_tui.export.lines import line_of, sample_of
from kelly_tui.model import labels as words
from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.model.variation import impossible
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.ui.screens.import_preview import foresee, preview_entries

FORMATS = ("jsonl", "parquet", "webdataset", "jams")

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBER | TEXT,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
                    max_leaves=6)  # fmt: skip
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
CHORDS = st.sampled_from(["C", "Am7", "F#m7b5", "Bbmaj7/D", "N", "Gsus4", "D(add9)", "E+"])


def values_of(name: str) -> st.SearchStrategy:
    field = FIELDS[name]
    low, high = max(field.low, -1e6), min(field.high, 1e6)
    match field.kind:
        case "choice":
            return st.sampled_from(field.choices)
        case "key":
            return st.sampled_from(words.KEYS)
        case "number":
            return st.floats(low, high)
        case "flag":
            return st.booleans()
        case "text":
            return TEXT
        case "meter":
            return st.sampled_from(["4/4", "6/8", "12/16"])
        case "words" if name == "rule_breaks":
            return st.lists(st.sampled_from(["HARMONY_ModalInterchange", "RHYTHM_Ünusual"]), unique=True)
        case "words":
            return st.lists(TEXT, unique=True, max_size=4)
        case "chords":
            return st.lists(CHORDS, max_size=6)
        case "numbers":
            return st.lists(st.floats(low, high), max_size=6)
        case _:
            return st.lists(st.integers(0, 127), min_size=32, max_size=32)


def labelled(name: str) -> st.SearchStrategy[Label]:
    return st.builds(
        Label,
        value=values_of(name),
        source=st.sampled_from(words.SOURCES),
        by=st.none() | TEXT,
        at=st.none() | st.just("2026-08-01T12:00:00.000Z"),
        confidence=st.none() | st.floats(0, 1),
        unsure=st.booleans(),
        in_doubt=st.booleans(),
    )


LABELS = st.fixed_dictionaries({}, optional={name: labelled(name) for name in FIELDS})
FIELDS_OF_A_SAMPLE = st.fixed_dictionaries(
    {
        "labels": LABELS,
        "duration_sec": st.none() | st.floats(0, 1e5),
        "created_at": TEXT,
        "modified_at": TEXT,
        "source": st.none() | TEXT,
        "other_sources": st.lists(TEXT, max_size=3),
        "license": st.sampled_from(["CC0-1.0", "свободная"]),
        "decision": st.sampled_from(words.DECISIONS),
        "skip_reason": st.none() | TEXT,
        "refused": st.lists(TEXT, max_size=2),
        "augmentation": st.none() | OBJECT.filter(lambda made: not impossible(made)),
        "augmentation_type": st.none() | TEXT,
        "extra": OBJECT,
    }
)


def samples_of(root: Path) -> list[Sample]:
    with Catalogue.open(root) as catalogue:
        return sorted(catalogue.samples(), key=lambda one: one.sample_id)


def back(out: Path, folder: Path, **config: object) -> Path:
    """A dataset of the same name into which the export was imported."""
    create_dataset_structure(folder, DatasetConfig(**{"dataset_id": "songs", "created_at": "2026", **config}))
    outcome = kelly_tui.import_files(folder / "songs", [out])
    assert outcome.failures == []
    return folder / "songs"


@given(FIELDS_OF_A_SAMPLE)
def test_every_field_comes_back_through_json(fields):
    was = sample(1, **fields)
    line = msgspec.json.encode(line_of(Record(was, b"", None, None, Path())))
    findings: list[str] = []
    assert sample_of(json.loads(line), DatasetConfig(dataset_id="songs"), findings) == was
    assert findings == []


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=2, suppress_health_check=list(HealthCheck))
@given(st.lists(FIELDS_OF_A_SAMPLE, min_size=4, max_size=12))
def test_every_field_comes_back_through_an_export(format, fields):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        songs = [sample(n, file_path=f"raw/midi/ünï {n}.mid", **one) for n, one in enumerate(fields)]
        root = dataset(folder, songs)
        export(root, folder / "out", format, force=True)
        assert samples_of(back(folder / "out", folder / "again")) == samples_of(root)


@pytest.fixture
def root(tmp_path) -> Path:
    songs = [sample(n, labels={"emotion": words.EMOTIONS[n % 8], "tags": ["a b", "ß"]}) for n in range(20)]
    variants = [sample(100 + n, parent_id=one.sample_id, root_id=one.sample_id, augmentation={"transpose": 3})
                for n, one in enumerate(songs)]  # fmt: skip
    return dataset(tmp_path, [*songs, *variants])


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_of_what_came_back_is_the_same_bytes(root, tmp_path, format):
    export(root, tmp_path / "out", format)
    returned = back(tmp_path / "out", tmp_path / "again")
    kelly_tui.split_dataset(returned)
    export(returned, tmp_path / "out2", format)
    first, second = tree(tmp_path / "out"), tree(tmp_path / "out2")
    for card in ("README.md", "croissant.json"):  # these tell when and by whom, of each dataset
        del first[card], second[card]
    assert second == first


def test_import_by_the_command_knows_an_export_and_a_second_one_brings_nothing(root, tmp_path, capsys):
    export(root, tmp_path / "out")
    create_dataset_structure(tmp_path / "again", DatasetConfig(dataset_id="songs"))
    command = ["import", str(tmp_path / "again/songs"), str(tmp_path / "out"), "--json"]
    assert main([*command, "--dry-run"]) == 0
    held = json.loads(capsys.readouterr().out)["to_do"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["done"] == held > 20
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == held
    assert "kelly split" not in kelly_tui.import_files(tmp_path / "again/songs", [tmp_path / "out"]).words


def test_the_app_foresees_the_import_of_an_export_and_of_a_dataset(root, tmp_path):
    export(root, tmp_path / "out")
    create_dataset_structure(tmp_path / "again", DatasetConfig(dataset_id="songs"))
    for folder in (tmp_path / "out", root):
        foreseen = foresee(tmp_path / "again/songs", [str(folder)])
        said = " ".join(text for entry in preview_entries(foreseen, "emotion", 80) for text, _ in entry.line)
        assert f"{foreseen.details['to_do']:,}" in said
    assert foreseen.details["to_do"] == 40  # all of the dataset, where an export leaves some out


def test_samples_that_come_into_another_dataset_wait_for_its_splits(root, tmp_path):
    export(root, tmp_path / "out")
    other = dataset(tmp_path / "other", [sample(300, file_path="raw/midi/song 0.mid")])
    kelly_tui.import_files(other, [tmp_path / "out"])
    there = {one.sample_id: one for one in samples_of(other)}
    assert {one.split for one in there.values() if one.sample_id != sample(300).sample_id} == {None}
    moved = there[sample(0).sample_id]  # its place was taken
    assert moved.file_path == f"raw/midi/song 0~{moved.sample_id[:8]}.mid"
    assert hashlib.sha256((other / moved.file_path).read_bytes()).hexdigest() == moved.sha256
    assert (other / "raw/midi/song 0.mid").read_bytes() == b"music 300"


def test_killed_at_any_moment_an_import_ends_in_the_same_samples(root, tmp_path):
    export(root, tmp_path / "out")
    expected = samples_of(back(tmp_path / "out", tmp_path / "whole"))
    for moment in (30, 75, 120):
        folder = tmp_path / f"again{moment}"
        create_dataset_structure(folder, DatasetConfig(dataset_id="songs", created_at="2026"))
        work = folder / "songs"
        killed_at(moment, work, lambda work=work: kelly_tui.import_files(work, [tmp_path / "out"]))
        kelly_tui.import_files(work, [tmp_path / "out"])
        found = samples_of(work)
        assert found == expected, "their splits too"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file_path": "../../evil.mid"}, "path is none of a sample"),
        ({"file_path": "raw/../../evil.mid"}, "does not stay in the dataset"),
        ({"file_path": ".kelly/catalogue.sqlite"}, "no file of midi"),
        ({"file_path": "raw/midi/x.py"}, "no file of midi"),
        ({"sample_id": "../../evil"}, "its id is none"),
        ({"midi": "../songs/config.json"}, "not in the export"),
        ({"midi": "/etc/passwd"}, "not in the export"),
        ({"sha256": "0" * 64}, "not those that were exported"),
        ({"annotations": {"emotion": "grumpy"}}, "grumpy"),
        ({"annotations": {"valence": 7}}, "-1..1"),
        ({"annotations": 7}, "are no object; the rest"),
        ({"duration_sec": "long"}, "its duration_sec can't be 'long'; the rest"),
        ({"parent_id": 7}, "no sample"),
    ],
)
def test_an_export_that_was_meddled_with_harms_nothing(root, tmp_path, change, said):
    out = tmp_path / "out"
    export(root, out)
    lines = (out / "train.jsonl").read_text().splitlines()
    lines[3] = json.dumps({**json.loads(lines[3]), **change})
    put(out / "train.jsonl", "\n".join([*lines, "no json", "[1]"]).encode())
    create_dataset_structure(tmp_path / "again", DatasetConfig(dataset_id="songs"))
    before = {path for path in tmp_path.rglob("*") if "again" not in path.parts}
    outcome = kelly_tui.import_files(tmp_path / "again/songs", [out])
    assert len(outcome.failures) == 3
    assert any(said in why for _, why in outcome.failures)
    told = {name for name, _ in outcome.failures}
    assert told >= {f"train.jsonl, line {len(lines) + n}" for n in (1, 2)}
    assert ("train.jsonl, line 4" in told) == (said == "no sample")
    came_back = any("the rest of the sample came back" in why for _, why in outcome.failures)
    assert came_back == bool(change.keys() & {"annotations", "duration_sec"})
    assert outcome.done == samples_in(out) - (not came_back)
    assert {path for path in tmp_path.rglob("*") if "again" not in path.parts} == before


def test_an_export_in_which_samples_are_not_whole_says_so(root, tmp_path):
    out = tmp_path / "out"
    export(root, out)
    facts = json.loads((out / "export.json").read_text())
    facts["identity"]["format"] = "npz"
    put(out / "export.json", json.dumps(facts).encode())
    with pytest.raises(StageError, match="npz does not hold samples whole"):
        kelly_tui.import_files(root, [out])
    shutil.rmtree(out)


def lines(path: Path) -> int:
    return len(path.read_bytes().splitlines())


def test_how_a_sample_was_generated_is_believed_of_an_object_alone():
    which = {"sample_id": "ab12ab12", "file_path": "raw/synthetic/a.mid", "file_type": "midi", "is_synthetic": True}
    findings = []
    found = sample_of({**which, "extra": {"generator": [1]}}, DatasetConfig(dataset_id="songs"), findings)
    assert (findings, found.extra) == (["its generator is no object"], {"not_read": {"generator": [1]}})


def test_one_odd_part_of_who_gave_a_label_costs_that_part():
    which = {"sample_id": "ab12ab12", "file_path": "raw/midi/a.mid", "file_type": "midi", "decision": "LABELLED"}
    told = {"emotion": {"by": "ann", "at": 5}, "key": {"by": 7}, "mode": {"source": "detector", "confidence": "high"}}
    said = {"emotion": "sad", "key": "C", "mode": "minor"}
    findings = []
    found = sample_of({**which, "annotations": said, "provenance": told}, DatasetConfig(dataset_id="songs"), findings)
    assert found.labels == {
        "emotion": Label("sad", by="ann"),
        "key": Label("C"),
        "mode": Label("minor", "detector"),
    }
    assert sorted(findings) == [
        "'LABELLED' is no decision",
        "the at of its emotion can't be 5",
        "the by of its key can't be 7",
        "the confidence of its mode can't be 'high'",
    ]


@pytest.mark.parametrize("written", ["0", '"3"', "[3]", "1e300", "true"])
def test_a_change_that_cannot_be_is_named_and_all_else_comes(root, tmp_path, written):
    export(root, tmp_path / "out", "jsonl")
    path = tmp_path / "out/train.jsonl"
    path.write_text(path.read_text().replace('"transpose":3', f'"time_stretch":{written}', 1))
    create_dataset_structure(tmp_path / "again", DatasetConfig(dataset_id="songs"))
    outcome = kelly_tui.import_files(tmp_path / "again/songs", [tmp_path / "out"])
    ((name, why),) = outcome.failures
    assert why == f"its time_stretch can't be {written}. Wanted: 0.5..2; the rest of the sample came back"
    with Catalogue.open(tmp_path / "again/songs") as catalogue:
        assert len(catalogue) == outcome.done == sum(map(lines, (tmp_path / "out").glob("*.jsonl")))
        (found,) = [one for one in catalogue.samples() if one.file_path == name]
        assert found.augmentation == {"time_stretch": None}
    kelly_tui.split_dataset(tmp_path / "again/songs")

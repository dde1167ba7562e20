"""Faults of datasets that were made before, planted in one that is in order: each is named, and it alone.

The table of these faults is in the data model, "What went wrong before"; those of files, splits and views are in
test_validate_report.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

import kelly_tui
from kelly_tui.learn.probe import probed
from kelly_tui.model.report import Finding
from kelly_tui.store import query
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.probed import keep


def write(root: Path, statement: str, *parameters: object) -> None:
    """Change the catalogue behind everyone's back."""
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        assert db.execute(statement, parameters).rowcount > 0


def named(root: Path) -> dict[str, Finding]:
    return {one.code: one for one in kelly_tui.validate_dataset(root).findings}


@pytest.fixture(scope="module")
def _varied(_clean: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(_clean, tmp_path_factory.mktemp("varied") / "varied"))
    kelly_tui.augment_dataset(root, 4, workers=1)
    kelly_tui.extract_features(root, workers=1)
    return root


@pytest.fixture
def varied(_varied: Path, tmp_path: Path) -> Path:
    """The clean dataset with variants."""
    return Path(shutil.copytree(_varied, tmp_path / "varied"))


def test_variants_are_no_finding(varied: Path) -> None:
    assert named(varied) == {}


def test_music_that_a_killed_stage_left_is_named(varied: Path) -> None:
    """Of an augment that was killed and run again with another seed 248 files lay there, and counted for who looked."""
    folder = next((varied / "processed/augmented/midi").iterdir())
    song = next(folder.iterdir())
    shutil.copy(song, song.with_suffix(".wav"))  # as the sound of a generated sample is called
    (folder / "notes.txt").write_text("no music")
    assert "file-unnamed" not in named(varied)
    for name in ("left.mid", "left too.wav", "\x1b[2Jleft.mid"):
        shutil.copy(song, folder / name)
    finding = named(varied)["file-unnamed"]
    assert finding.message.startswith("3 files of made music are no sample: ")
    assert f"{folder.name}/left.mid" in finding.message
    assert "\x1b" not in finding.message
    assert finding.severity == "note"


def test_a_clean_dataset_gets_no_finding(clean: Path) -> None:
    report = kelly_tui.validate_dataset(clean, deep=True)
    assert report.findings == ()
    assert report.valid


def lose_a_label(root: Path) -> None:
    """Flattened folders once lost them all, and 4 of 132 were labelled."""
    write(root, "UPDATE samples SET emotion = NULL, provenance = json_remove(provenance, '$.emotion') WHERE rowid > 1")


def double_a_row(root: Path) -> None:
    write(
        root,
        "INSERT INTO samples (sample_id, file_path, file_type, sha256, root_id, file_size_bytes, license, split)"
        " SELECT 'feedfeedfeedfeed', 'raw/midi/again.mid', file_type, sha256, 'feedfeedfeedfeed', file_size_bytes,"
        " license, split FROM samples WHERE rowid = 1",
    )
    with Catalogue.open(root) as catalogue:
        first = next(iter(catalogue.samples()))
    (root / "raw/midi/again.mid").write_bytes((root / first.file_path).read_bytes())


def break_features(root: Path) -> None:
    vector = np.full(117, 0.5, "<f4")
    vector[20] = np.nan
    write(root, "UPDATE features SET vector = ? WHERE sample = 3", vector.tobytes())


def cut_features(root: Path) -> None:
    write(root, "UPDATE features SET vector = substr(vector, 1, 40) WHERE sample = 3")


def copy_as_variant(root: Path) -> None:
    write(root, "UPDATE samples SET sha256 = (SELECT sha256 FROM samples AS p WHERE p.sample_id = samples.parent_id)"
                " WHERE rowid = (SELECT min(rowid) FROM samples WHERE parent_id IS NOT NULL)")  # fmt: skip


def mark_variant_generated(root: Path) -> None:
    write(root, "UPDATE samples SET is_synthetic = 1 WHERE parent_id IS NOT NULL")


def augment_the_augmented(root: Path) -> None:
    write(root, "UPDATE samples SET parent_id = (SELECT min(sample_id) FROM samples AS v WHERE v.parent_id IS NOT NULL)"
                " WHERE rowid = (SELECT max(rowid) FROM samples)")  # fmt: skip


def lose_a_parent(root: Path) -> None:
    write(root, "UPDATE samples SET parent_id = 'feedfeedfeedfeed' WHERE rowid = (SELECT max(rowid) FROM samples)")


def transpose_without_label(root: Path) -> None:
    write(root, "UPDATE samples SET augmentation = json_set(augmentation, '$.transpose', 3),"
                " key = (SELECT key FROM samples AS p WHERE p.sample_id = samples.parent_id)"
                " WHERE rowid = (SELECT max(rowid) FROM samples)")  # fmt: skip


def stretch_without_label(root: Path) -> None:
    write(root, "UPDATE samples SET augmentation = json_set(augmentation, '$.time_stretch', 1.1),"
                " tempo_bpm = (SELECT tempo_bpm FROM samples AS p WHERE p.sample_id = samples.parent_id)"
                " WHERE rowid = (SELECT max(rowid) FROM samples)")  # fmt: skip


def leak_the_label(root: Path) -> None:
    """Labels inside the features once let a classifier reach 100 %."""
    random = np.random.default_rng(0)
    features = random.normal(size=(160, 12))
    features[:, 7] = np.arange(160) // 2 % 3 + random.normal(size=160) / 1e4
    found = probed("midi", "emotion", ("a", "b", "c"), (features,), np.arange(160) // 2, np.arange(160) // 2 % 3,
                   np.full(160, "imported"))  # fmt: skip
    with Catalogue.open(root) as catalogue:
        keep(catalogue, [found])


def say(root: Path, sample: int, **labels: object) -> None:
    """As a person says it, at the command line."""
    with Catalogue.open(root) as catalogue:
        chosen = catalogue.db.execute("SELECT sample_id FROM samples WHERE rowid = ?", (sample,)).fetchone()[0]
    from kelly_tui.cli import main

    assert main(["label", str(root), chosen, *(f"{name}={value}" for name, value in labels.items())]) == 0


def deny_the_mode(root: Path) -> None:
    """Minor, but the detector says major at .97."""
    write(root, "UPDATE features SET columns = json_set(columns, '$.key_signature', 'C', '$.mode', 'major',"
                " '$.key_confidence', 0.97) WHERE sample = 1")  # fmt: skip
    say(root, 1, key="C", mode="minor")


def unlicense(root: Path) -> None:
    write(root, "UPDATE samples SET license = ''")
    path = root / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "license": ""}))


def only_folders(root: Path) -> None:
    write(root, "UPDATE samples SET provenance = json_set(provenance, '$.emotion.source', 'folder')")


def one_class_over_all(root: Path) -> None:
    write(root, "UPDATE samples SET emotion = 'happy' WHERE rowid > 2")
    write(root, "UPDATE samples SET emotion = 'sad' WHERE rowid <= 2")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lose_a_label, "unlabelled"),
        (double_a_row, "same-content"),
        (break_features, "features-broken"),
        (cut_features, "features-broken"),
        (leak_the_label, "probe-alarm"),
        (deny_the_mode, "contradicts-music"),
        (unlicense, "licence-unknown"),
        (only_folders, "folders-only"),
    ],
)
def test_a_fault_that_was_made_before_is_named(clean: Path, spoil: Callable[[Path], None], code: str) -> None:
    spoil(clean)
    assert_named(clean, code)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (copy_as_variant, "variant-unchanged"),
        (mark_variant_generated, "variant-marked-generated"),
        (augment_the_augmented, "variant-of-variant"),
        (lose_a_parent, "variant-without-parent"),
        (transpose_without_label, "labels-not-followed"),
        (stretch_without_label, "labels-not-followed"),
        (one_class_over_all, "imbalanced"),
    ],
)
def test_a_fault_of_variants_is_named(varied: Path, spoil: Callable[[Path], None], code: str) -> None:
    spoil(varied)
    assert_named(varied, code)


def assert_named(root: Path, code: str) -> None:
    """With what to do, and all its samples a key away."""
    one = named(root)[code]
    assert one.todo
    with Catalogue.open(root) as catalogue:
        found = query.size(catalogue, query.parse(one.found_by, catalogue.config)) if one.found_by else 0
    assert found == one.count


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"emotion": "happy", "valence": "-0.6"}, "emotion and valence"),
        ({"emotion": "sad", "arousal": "0.8"}, "emotion and arousal"),
        ({"groove_type": "straight", "swing_ratio": "0.66"}, "groove and swing"),
        ({"groove_type": "swing", "swing_ratio": "0.5"}, "groove and swing"),
        ({"dynamic_range": "pp", "velocity_curve": " ".join(["110"] * 32)}, "dynamics and velocities"),
    ],
)
def test_labels_that_contradict_each_other_are_named(clean: Path, labels: dict[str, str], words: str) -> None:
    say(clean, 1, **labels)
    one = named(clean)["labels-contradict"]
    assert words in one.message
    assert one.count == 1


@pytest.mark.parametrize(
    "labels",
    [
        {"emotion": "happy", "valence": "0.6", "arousal": "0.2"},
        {"emotion": "sad", "valence": "0.1"},
        {"groove_type": "swing", "swing_ratio": "0.6"},
        {"groove_type": "shuffle", "swing_ratio": "0.5"},
        {"dynamic_range": "pp", "velocity_curve": " ".join(["50"] * 32)},
    ],
)
def test_labels_that_go_together_are_not(clean: Path, labels: dict[str, str]) -> None:
    say(clean, 1, **labels)
    assert "labels-contradict" not in named(clean)


def test_a_mode_of_the_same_third_and_a_verified_one_contradict_nothing(clean: Path) -> None:
    deny_the_mode(clean)
    assert "contradicts-music" in named(clean)
    say(clean, 1, mode="lydian")
    assert "contradicts-music" not in named(clean)
    say(clean, 1, mode="minor", is_verified="yes")
    assert "contradicts-music" not in named(clean)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("key", "C", "are C"),
        ("tempo_bpm", 105, "are from 100 BPM, up to 120"),
        ("tempo_bpm", 250, "BPM"),
        ("tempo_bpm", 20, "BPM"),
        ("time_signature", "7/8", "are other"),
        ("groove_type", "laid_back", "are laid back"),
    ],
)
def test_of_many_alike_the_facet_is_named(clean: Path, column: str, value: object, words: str) -> None:
    assert "little-diversity" not in named(clean)
    write(clean, f"UPDATE samples SET {column} = ?", value)
    columns = f"sample_id, file_path, file_type, root_id, {column}"
    with Catalogue.open(clean) as catalogue, catalogue.writing() as db:
        for number in range(20):
            name = f"{number:016x}"
            db.execute(f"INSERT INTO samples ({columns}) VALUES (?1, ?1, 'midi', ?1, ?2)", (name, value))
    one = named(clean)["little-diversity"]
    assert (one.count, words in one.message) == (28, True)
    assert_named(clean, "little-diversity")


def test_more_bridges_than_the_proof_names_are_all_counted(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kelly_tui.validate import splits

    write(clean, "UPDATE samples SET split = NULL WHERE rowid <= 3")
    with Catalogue.open(clean) as catalogue:
        ids = [one.sample_id for one in catalogue.samples()][:3]
    path = clean / "splits/PROOF.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "bridges": 3, "bridge_samples": ids[:1]}))
    monkeypatch.setattr(splits, "bridges", lambda *_: ids)
    assert named(clean)["bridge"].count == 3


def test_a_report_that_is_printed_sends_no_terminal_what_it_obeys(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = kelly_tui.validate_dataset(clean)
    found = Finding("error", "odd", "\x1b]0;owned\x07\x9b31m\u202e \udcff", "é ❌")
    msgspec.structs.replace(report, findings=(found,)).print_summary()
    said = capsys.readouterr().out
    assert "␛]0;owned␇\ufffd31m\ufffd \ufffd" in said
    assert "é ❌" in said
    assert not set(said) & set("\x1b\x07\x9b\u202e\udcff")

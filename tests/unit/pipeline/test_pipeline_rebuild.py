"""Every variant and generated file comes out of its root and its row again; what does not is named."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

import kelly_tui
from kelly_tui.model.annotation import Label
from kelly_tui.store.catalogue import Catalogue
from tests.strangers import COUNT, MULTIPLIER, SOURCES, files

MADE = len(SOURCES) * MULTIPLIER + COUNT


@pytest.fixture
def made(run_once, tmp_path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(run_once[0], tmp_path / "d"))


def first(root: Path, where: str):
    with Catalogue.open(root) as catalogue:
        return next(iter(catalogue.samples(where)))


@pytest.mark.parametrize("workers", [1, 3])
def test_all_is_made_again_alike_on_any_number_of_workers(run_once, workers):
    root, before = run_once[0], files(run_once[0])
    outcome = kelly_tui.rebuild_dataset(root, check=True, workers=workers)
    assert (outcome.done, outcome.failures) == (MADE, [])
    assert files(root) == before


def changed_bytes(root: Path, sample) -> str:
    path = root / sample.file_path
    data = bytearray(path.read_bytes())
    data[-6] ^= 1  # of the last event, or the last samples
    path.write_bytes(data)
    return sample.file_path


def gone(root: Path, sample) -> str:
    (root / sample.file_path).unlink()
    return sample.file_path


def changed_features(root: Path, sample) -> str:
    path = root / sample.features_path
    path.write_bytes(path.read_bytes().replace(b"}", b" }", 1))
    return sample.features_path


def changed_label(root: Path, sample) -> str:
    with Catalogue.open(root) as catalogue:
        catalogue.put_labels({sample.sample_id: {"emotion": Label("tense", source=sample.labels["emotion"].source)}})
    return sample.file_path


def changed_root(root: Path, sample) -> str:
    with Catalogue.open(root) as catalogue:
        (root / catalogue.get(sample.root_id).file_path).write_bytes(b"MThd")
    return sample.file_path


def changed_row(root: Path, sample) -> str:
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE samples SET augmentation = json_set(augmentation, '$.seed', 1, '$.dropout', 0.3)"
                   " WHERE sample_id = ?", (sample.sample_id,))  # fmt: skip
    return sample.file_path


@pytest.mark.parametrize(
    ("fault", "where", "why"),
    [
        (changed_bytes, "is:augmented is:midi", "other bytes"),
        (changed_bytes, "is:generated", "other bytes"),
        (changed_bytes, "is:augmented is:audio", "another sound"),
        (gone, "is:augmented is:audio", "gone"),
        (gone, "is:generated", "gone"),
        (changed_features, "is:augmented is:midi", "other bytes"),
        (changed_features, "is:generated", "other bytes"),
        (changed_label, "is:augmented emotion:happy", "labels are not what follows: emotion"),
        (changed_label, "is:generated emotion:happy", "labels are not what follows: emotion"),
        (changed_root, "is:augmented is:midi", "its root has changed"),
        (changed_row, "is:augmented is:midi", "other bytes"),
    ],
)
def test_what_differs_is_named(made, fault: Callable, where: str, why: str):
    name = fault(made, first(made, where))
    before = files(made)
    found = kelly_tui.rebuild_dataset(made, check=True, workers=1)
    assert any(named == name and why in reason for named, reason in found.failures)
    assert found.done < MADE
    assert files(made) == before


@pytest.mark.parametrize(
    ("where", "column", "at", "value", "why"),
    [
        ("is:augmented is:midi", "augmentation", "$.seed", '{"no number":"NaN"}', "its row tells no seed that"),
        ("is:augmented is:midi", "augmentation", "$.transpose", '"2"', "its row tells no transpose that"),
        ("is:augmented is:audio", "augmentation", "$.reverb", "0.5", "its row tells no reverb that"),
        ("is:generated", "extra", "$.generator", "[]", "its row does not tell how it was generated"),
        ("is:generated", "extra", "$.generator.classes", "[]", "its row tells of classes that no generator knows"),
        ("is:generated", "extra", "$.generator.kind", '"opera"', "its row tells of classes that no generator knows"),
    ],
)
def test_of_a_row_that_does_not_tell_how_a_file_was_made_only_that_is_said(made, where, column, at, value, why):
    sample = first(made, where)
    with Catalogue.open(made) as catalogue, catalogue.writing() as db:
        db.execute(f"UPDATE samples SET {column} = json_set({column}, ?, json(?)) WHERE sample_id = ?",
                   (at, value, sample.sample_id))  # fmt: skip
    checked = kelly_tui.rebuild_dataset(made, check=True)
    assert [(path, reason.split(": ")[1][: len(why)]) for path, reason in checked.failures] == [(sample.file_path, why)]
    (made / sample.file_path).unlink()
    rebuilt = kelly_tui.rebuild_dataset(made)
    assert [path for path, _ in rebuilt.failures] == [sample.file_path]


def test_a_variant_whose_row_does_not_tell_its_change_is_not_made_twice(made):
    with Catalogue.open(made) as catalogue, catalogue.writing() as db:
        before = len(catalogue)
        db.execute("UPDATE samples SET augmentation = '{\"transpose\":null}' WHERE origin = 'augmented'")
    outcome = kelly_tui.augment_dataset(made, multiplier=MULTIPLIER + 1)
    assert outcome.failures == []
    with Catalogue.open(made) as catalogue:
        assert len(catalogue) == before + outcome.done


def test_a_variant_of_another_version_is_named_with_it(made):
    """Only where it differs: of most recipes the same comes out."""
    variants = [first(made, where) for where in ("is:augmented is:midi", "is:augmented is:audio")]
    changed_bytes(made, variants[1])
    with Catalogue.open(made) as catalogue, catalogue.writing() as db:
        for one in variants:
            db.execute("UPDATE samples SET augmentation = json_remove(augmentation, '$.version') WHERE sample_id = ?",
                       (one.sample_id,))  # fmt: skip
    found = dict(kelly_tui.rebuild_dataset(made, check=True, workers=1).failures)
    assert found == {variants[1].file_path: "another sound: version before 3 of augment made it, this is 4"}


def test_the_same_sound_in_another_file_is_no_difference(made):
    path = made / first(made, "is:augmented is:audio").file_path
    samples, rate = soundfile.read(path, dtype="int16")
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, samples.ndim, "PCM_16", format="WAV") as other:
        other.comment = "the same sound"
        other.write(samples)
    assert file.getvalue() != path.read_bytes()
    path.write_bytes(file.getvalue())
    assert kelly_tui.rebuild_dataset(made, check=True, workers=1).failures == []


def test_what_is_gone_comes_back_and_what_is_there_stays(made):
    before = files(made)
    kept = first(made, "is:generated -emotion:sad")
    for where in ("is:augmented is:midi", "is:augmented is:audio", "is:generated emotion:sad"):
        gone(made, first(made, where))
    changed = changed_bytes(made, kept)
    outcome = kelly_tui.rebuild_dataset(made, workers=2)
    assert (outcome.done, outcome.failures, outcome.details["written"]) == (3, [], 3)
    after = files(made)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {changed}
    assert kelly_tui.rebuild_dataset(made).done == 0


def test_what_would_come_back_otherwise_does_not(made):
    sample = first(made, "is:augmented is:midi")
    changed_row(made, sample)
    gone(made, sample)
    outcome = kelly_tui.rebuild_dataset(made)
    assert "otherwise than its row says" in dict(outcome.failures)[sample.file_path]
    assert not (made / sample.file_path).exists()


def test_rendered_sound_is_made_again(tmp_path):
    config = kelly_tui.DatasetConfig(dataset_id="d", sample_rate=22_050)
    kelly_tui.create_dataset_structure(tmp_path, config)
    root = tmp_path / "d"
    kelly_tui.synthesize_dataset(root, 2, audio=True)
    assert kelly_tui.rebuild_dataset(root, check=True).done == 2
    before = files(root)
    gone(root, first(root, "is:generated"))
    assert kelly_tui.rebuild_dataset(root).failures == []
    assert files(root) == before
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE samples SET extra = json_set(extra, '$.rendered_with.soundfont_sha256', 'another')")
    assert "another SoundFont" in kelly_tui.rebuild_dataset(root, check=True).failures[0][1]


def test_of_a_path_that_leads_out_only_that_is_said(made):
    led, lost = (first(made, "is:augmented is:midi"), first(made, "is:generated"))
    (made / lost.file_path).unlink()
    with Catalogue.open(made) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE samples SET file_path = '../out.mid' WHERE sample_id = ?", (led.sample_id,))
    outcome = kelly_tui.rebuild_dataset(made)
    [(name, why)] = outcome.failures
    assert name == "../out.mid"
    assert "does not stay in the dataset" in why
    assert outcome.details["written"] == 1
    assert (made / lost.file_path).exists()
    assert not (made.parent / "out.mid").exists()

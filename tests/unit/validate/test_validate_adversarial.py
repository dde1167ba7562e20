"""Lists that hold different music are named; lists drawn by chance are not, and few samples are said to be few."""

import numpy as np
import pytest

import kelly_tui
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from tests.strangers import create


def dataset(tmp_path, test: int, shift: float = 0.0, generated: int = 0, vectors: int = 117):
    """240 imported samples in train and so many in test, whose features lie `shift` away."""
    rng = np.random.default_rng(0)
    root = create(tmp_path)
    with Catalogue.open(root) as catalogue:
        for number in range(240 + test + generated):
            name, made = f"{number:016x}", number >= 240 + test
            split = "test" if 240 <= number < 240 + test else "train"
            catalogue.add([
                Sample(sample_id=name, file_path=f"raw/{name}.mid", file_type="midi", split=split, is_synthetic=made)
            ])  # fmt: skip
            vector = rng.normal(size=vectors) + (shift if split == "test" or made else 0.0)
            catalogue.put_features([FeatureRow(name, "k", f"{name}.json", 9.0, vector.tolist(), {})])
    return root


def test_lists_of_different_music_are_named(tmp_path):
    report = kelly_tui.validate_dataset(dataset(tmp_path, 60, shift=1.0))
    (apart,) = report.apart
    assert apart.low > 0.9
    assert (apart.of_what, apart.of_versus) == (60, 240)
    assert [one.severity for one in report.findings if one.code == "splits-differ"] == ["warning"]
    assert any(line.startswith("Told apart: test from train: AUC 1.00") for line in report.lines())


def test_lists_drawn_by_chance_are_not(tmp_path):
    report = kelly_tui.validate_dataset(dataset(tmp_path, 60))
    (apart,) = report.apart
    assert apart.low <= 0.5 <= apart.high
    assert "splits-differ" not in {one.code for one in report.findings}


def test_generated_from_imported_is_said_and_no_fault(tmp_path):
    report = kelly_tui.validate_dataset(dataset(tmp_path, 60, generated=50, shift=1.5))
    assert report.apart[1].words().startswith("generated from imported: AUC ")
    assert report.apart[1].low > 0.7
    assert report.apart[1].what not in {one.code for one in report.findings}


@pytest.mark.parametrize(("test", "said"), [(3, "too few to tell (3 and 240 pieces)"), (0, "")])
def test_few_samples_are_said_to_be_few(tmp_path, test, said):
    report = kelly_tui.validate_dataset(dataset(tmp_path, test))
    assert [one.words().partition(": ")[2] for one in report.apart] == ([said] if said else [])


def test_broken_features_are_left_out(tmp_path):
    root = dataset(tmp_path, 60)
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE features SET vector = x'0102' WHERE sample % 7 = 0")
        db.execute("UPDATE features SET vector = x'00000000' WHERE sample % 7 = 1")
        db.execute("UPDATE features SET vector = 'text' WHERE sample = 2")
    (apart,) = kelly_tui.validate_dataset(root).apart
    assert 150 < apart.of_what + apart.of_versus < 260


def test_versions_of_a_piece_count_once(tmp_path):
    root = dataset(tmp_path, 60)
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE fingerprints SET piece = 1 WHERE sample <= 100")
        db.execute("INSERT OR REPLACE INTO meta VALUES ('pieces', 'found')")
    (apart,) = kelly_tui.validate_dataset(root).apart
    assert (apart.of_what, apart.of_versus) == (60, 141)

"""``kelly_tui.load``: samples by place, lazily, from the dataset itself."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import soundfile

import kelly_tui
from kelly_tui.errors import DatasetError, FilterError, LabelError
from kelly_tui.music.notes import Score
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.split_lists import split_lists

PIECES = ("bwv66.6", "bwv153.1", "bwv1.6", "bwv2.6", "bwv3.6", "bwv4.8")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, corpus_midi: Callable[[str], bytes]) -> Path:
    """Six chorales and a tone, labelled by folder, with features, in train, val and test."""
    folder = tmp_path_factory.mktemp("loaded")
    for place, name in enumerate(PIECES):
        path = folder / "music" / ("happy" if place % 2 else "sad") / f"{name}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(corpus_midi(name))
    tone = 0.3 * np.sin(np.arange(44_100) / 20)
    soundfile.write(folder / "music" / "happy" / "tone.wav", np.column_stack([tone, tone]), 22_050)
    config = kelly_tui.DatasetConfig(
        dataset_id="songs", target_model="melodytransformer", train_ratio=0.5, val_ratio=0.25, test_ratio=0.25
    )
    kelly_tui.create_dataset_structure(folder, config)
    root = folder / "songs"
    kelly_tui.import_files(root, [folder / "music"], workers=1)
    kelly_tui.annotate_dataset(root, workers=1)
    kelly_tui.extract_features(root, workers=1)
    kelly_tui.split_dataset(root, workers=1)
    return root


def test_a_split_is_what_its_list_says_in_its_order(root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        listed = list(split_lists(catalogue))
        lists = {split: [one for of, one in listed if of == split] for split in ("train", "val", "test")}
    for split, ids in lists.items():
        assert [sample["sample_id"] for sample in kelly_tui.load(root, split)] == ids
    assert len(kelly_tui.load(root)) == sum(map(len, lists.values())) == 7


def test_a_sample_has_its_file_its_vector_and_its_labels(root: Path) -> None:
    samples = kelly_tui.load(root, where="is:midi")
    for sample in samples:
        assert set(sample) == {"sample_id", "path", "features", "labels"}
        assert (sample["features"].shape, sample["features"].dtype) == ((117,), np.float32)
        told = kelly_tui.extract_midi_features(sample["path"])
        np.testing.assert_allclose(sample["features"], told.feature_vector, atol=1e-6)
        assert sample["labels"]["emotion"] == Path(sample["path"]).parent.name
    (tone,) = kelly_tui.load(root, where="is:audio")
    assert tone["features"].shape == (128,)


def test_places_are_those_of_a_list(root: Path) -> None:
    samples = kelly_tui.load(root, fields=("sample_id",))
    ids = [sample["sample_id"] for sample in samples]
    assert [samples[place]["sample_id"] for place in (0, 3, -1, np.int64(2))] == [ids[0], ids[3], ids[-1], ids[2]]
    assert [sample["sample_id"] for sample in samples[4:1:-1]] == ids[4:1:-1]
    assert [sample["sample_id"] for sample in samples.__getitems__([5, 0])] == [ids[5], ids[0]]
    with pytest.raises(IndexError):
        samples[7]
    assert "7 samples of songs" in repr(samples)


def test_fields_are_chosen_and_read_only_then(root: Path) -> None:
    (sample,) = kelly_tui.load(root, where="is:audio", fields=("emotion", "valence", "duration_sec", "arrays", "music"))
    assert (sample["emotion"], sample["valence"], sample["duration_sec"]) == ("happy", None, 2.0)
    assert sample["arrays"]["mel_spectrogram"].shape[0] == 64
    sound, rate = sample["music"]
    assert (sound.shape, rate) == ((44_100, 2), 22_050)
    midi = kelly_tui.load(root, where="is:midi", fields=("arrays", "music"))[0]
    assert isinstance(midi["music"], Score)
    assert midi["arrays"]["note_count"] == len(midi["music"].notes)


def test_a_dataset_is_found_by_its_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELLY_DATASETS", str(root.parent))
    assert len(kelly_tui.load("songs", split="train")) > 0
    with pytest.raises(DatasetError, match="Did you mean songs"):
        kelly_tui.load("song")


def test_what_is_asked_wrongly_is_an_error_that_says_what_is_there(root: Path) -> None:
    with pytest.raises(LabelError, match="Did you mean emotion"):
        kelly_tui.load(root, fields=("emotoin",))
    with pytest.raises(LabelError, match=r"Known: train val test|Did you mean"):
        kelly_tui.load(root, split="dev")
    with pytest.raises(FilterError):
        kelly_tui.load(root, where="emotion:glad")


def test_without_splits_or_features_it_names_the_stage(tmp_path: Path, corpus_midi: Callable[[str], bytes]) -> None:
    (tmp_path / "a.mid").write_bytes(corpus_midi(PIECES[0]))
    kelly_tui.create_dataset_structure(tmp_path, kelly_tui.DatasetConfig(dataset_id="bare"))
    root = tmp_path / "bare"
    kelly_tui.import_files(root, [tmp_path / "a.mid"], workers=1)
    with pytest.raises(DatasetError, match=f"kelly split {root}"):
        kelly_tui.load(root, split="train")
    with pytest.raises(DatasetError, match=f"1 sample has no features.*kelly extract {root}"):
        kelly_tui.load(root)
    assert len(kelly_tui.load(root, where="has:features")) == 0
    assert kelly_tui.load(root, fields=("file_path",))[0] == {"file_path": "raw/midi/a.mid"}


def test_edits_are_seen_and_what_is_gone_is_said(root: Path, tmp_path: Path) -> None:
    import shutil

    from kelly_tui.model.annotation import Label
    from kelly_tui.model.edit import Edit
    from kelly_tui.store.history import edit

    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    samples = kelly_tui.load(copy, fields=("sample_id", "emotion"))
    with Catalogue.open(copy) as catalogue:
        edit(catalogue, [Edit(samples[0]["sample_id"], "emotion", Label("tense"))], "ann")
        assert samples[0]["emotion"] == "tense"
        with catalogue.writing() as db:
            db.execute("DELETE FROM samples WHERE sample_id = ?", (samples[1]["sample_id"],))
    with pytest.raises(DatasetError, match="1 sample that was loaded is gone"):
        samples[1]


def ids_of(samples: object) -> list[str]:
    return [sample["sample_id"] for sample in samples]  # type: ignore[attr-defined]


def test_threads_forks_and_pickles_read_the_same(root: Path) -> None:
    samples = kelly_tui.load(root)
    ids = ids_of(samples)
    found: list[list[str]] = []
    thread = threading.Thread(target=lambda: found.append(ids_of(samples)))
    thread.start()
    thread.join()
    assert found == [ids]
    assert ids_of(pickle.loads(pickle.dumps(samples))) == ids
    with get_context("fork").Pool(1) as pool:
        assert pool.apply(ids_of, (samples,)) == ids


TORCH = """
class Dataset:
    def __add__(self, other): return "joined"
"""


def test_with_pytorch_it_is_a_dataset_and_without_it_pytorch_is_not_asked_for(root: Path, tmp_path: Path) -> None:
    """PyTorch is large, so what stands in for it here is a package with nothing but the class that is inherited."""
    for name, source in (("torch", ""), ("torch.utils", ""), ("torch.utils.data", TORCH)):
        package = tmp_path / name.replace(".", "/")
        package.mkdir()
        (package / "__init__.py").write_text(source)
    code = f"""
import pickle, sys
import kelly_tui
if len(sys.argv) > 1: sys.path.insert(0, sys.argv[1])
samples = kelly_tui.load({str(root)!r})
bases = [base.__module__ for base in type(samples).__mro__]
print(len(samples), samples[0]["features"].shape, "torch.utils.data" in bases, len(pickle.loads(pickle.dumps(samples))))
"""
    with_it = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert with_it.stdout == "7 (117,) True 7\n" or with_it.stdout == "7 (128,) True 7\n"


def test_pytorchs_own_loader_reads_it_in_workers(root: Path) -> None:
    torch_data = pytest.importorskip("torch.utils.data", reason="PyTorch is not installed: it is never required")
    samples = kelly_tui.load(root, where="is:midi", fields=("features", "emotion"))
    assert isinstance(samples, torch_data.Dataset)
    loader = torch_data.DataLoader(samples, batch_size=4, num_workers=1)
    assert [tuple(batch["features"].shape) for batch in loader] == [(4, 117), (2, 117)]

"""Datasets that are in order, for tests that spoil them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import kelly_tui
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from kelly_tui.store.layout import load_config, save_config
from tests.strangers import create

CHORALES = ("bwv66.6", "bwv57.8", "bwv65.2", "bwv269", "bwv253", "bwv305", "bwv10.7", "bwv416")


@pytest.fixture(scope="session")
def _sound(music, corpus_midi, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    root = create(folder, target_model="harmonypredictor", target_samples_per_category=2,
                  emotion_labels=["happy", "sad"])  # fmt: skip
    (folder / "chorales").mkdir()
    for chorale in CHORALES:
        (folder / "chorales" / f"{chorale}.mid").write_bytes(corpus_midi(chorale))
    songs = [music / "happy/song_1.mid", music / "happy/song_2.MID", music / "sad", folder / "chorales"]
    kelly_tui.import_files(root, songs)
    for stage in (kelly_tui.annotate_dataset, kelly_tui.extract_features, kelly_tui.split_dataset):
        stage(root)
    with Catalogue.open(root) as catalogue:
        label = [
            Edit(sample.sample_id, name, Label(value))
            for place, sample in enumerate(catalogue.samples())
            for name, value in (("emotion", ("happy", "sad")[place % 2]), ("key", "C"), ("chord_progression", ["C"]))
        ]
        edit(catalogue, label, "me")
    return root


@pytest.fixture
def sound(_sound, tmp_path) -> Path:
    """A dataset that is in order."""
    return Path(shutil.copytree(_sound, tmp_path / "d"))


@pytest.fixture(scope="session")
def _clean(tmp_path_factory: pytest.TempPathFactory, corpus_midi: Callable[[str], bytes]) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    root = create(folder, target_model="harmonypredictor", target_samples_per_category=4,
                  emotion_labels=["happy", "sad"], license="CC0-1.0")  # fmt: skip
    save_config(root, msgspec.structs.replace(load_config(root), train_ratio=0.5, val_ratio=0.25, test_ratio=0.25))
    (folder / "music").mkdir()
    for chorale in CHORALES:
        (folder / "music" / f"{chorale}.mid").write_bytes(corpus_midi(chorale))
    kelly_tui.import_files(root, [folder / "music"], workers=1)
    kelly_tui.extract_features(root, workers=1)
    with Catalogue.open(root) as catalogue:
        samples = list(catalogue.samples())
        emotions = [Edit(one.sample_id, "emotion", Label(("happy", "sad")[at % 2])) for at, one in enumerate(samples)]
        edit(catalogue, emotions, "me")
    kelly_tui.split_dataset(root)
    return root


@pytest.fixture
def clean(_clean: Path, tmp_path: Path) -> Path:
    """A dataset that nothing is wrong with: eight chorales, labelled by a person and by what can be heard."""
    return Path(shutil.copytree(_clean, tmp_path / "clean"))

"""The augment stage's functions, as a worker calls them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from kelly_tui.augment.item import augment_item, plan_item
from kelly_tui.augment.recipe import Recipe, variant_id
from kelly_tui.errors import FileRefused
from kelly_tui.features.sound_file import audio_seconds
from kelly_tui.music.notes import read_midi


@pytest.fixture
def root(tmp_path: Path, corpus_midi: Callable[[str], bytes]) -> Path:
    (tmp_path / "raw").mkdir()
    (tmp_path / "processed").mkdir()
    (tmp_path / "raw/song.mid").write_bytes(corpus_midi("bwv66.6"))
    time = np.arange(44_100) / 44_100
    soundfile.write(tmp_path / "raw/song.wav", 0.4 * np.sin(2 * np.pi * 330 * time) * np.exp(-3 * time), 44_100)
    (tmp_path / "raw/bad.mid").write_bytes(b"MThd what")
    (tmp_path / "raw/bad.wav").write_bytes(b"")
    return tmp_path


def plan(root: Path, name: str, n: int, seed: int = 0) -> list[dict]:
    file_type = "midi" if name.endswith(".mid") else "audio"
    item = {"root": str(root), "parent_path": f"raw/{name}", "file_type": file_type, "parent_sha256": "ab" * 32,
            "root_id": "abab", "n": n, "seed": seed}  # fmt: skip
    return plan_item(json.loads(json.dumps(item)))["variants"]


def make(root: Path, name: str, variant: dict, folder: str = "processed") -> dict:
    file_type = "midi" if name.endswith(".mid") else "audio"
    suffix = Path(name).suffix
    item = {"root": str(root), "parent_path": f"raw/{name}", "parent_sha256": "ab" * 32, "file_type": file_type,
            "recipe": variant["recipe"], "seed": variant["seed"], "sample_id": variant["sample_id"],
            "target": f"{folder}/{variant['sample_id']}{suffix}"}  # fmt: skip
    result = augment_item(json.loads(json.dumps(item)))
    return result | {"path": root / item["target"]}


@pytest.mark.parametrize("name", ["song.mid", "song.wav"])
def test_n_variants_all_different_and_always_the_same(root: Path, name: str) -> None:
    variants = plan(root, name, 10)
    assert len({one["sample_id"] for one in variants}) == 10
    assert variants[:4] == plan(root, name, 4)
    assert variants != plan(root, name, 10, seed=1)
    first = [make(root, name, one) for one in variants]
    again = [make(root, name, one, "again") for one in variants]
    assert len({one["sha256"] for one in first}) == 10
    assert [one["path"].read_bytes() for one in first] == [one["path"].read_bytes() for one in again]
    assert not any(one["path"].read_bytes() == (root / "raw" / name).read_bytes() for one in first)


@pytest.mark.parametrize("name", ["song.mid", "song.wav"])
def test_facts_are_those_of_the_written_file(root: Path, name: str) -> None:
    for variant in plan(root, name, 5):
        made = make(root, name, variant)
        data = made["path"].read_bytes()
        assert made["sha256"] == hashlib.sha256(data).hexdigest()
        assert made["file_size_bytes"] == len(data)
        seconds = read_midi(data).duration if name.endswith(".mid") else audio_seconds(made["path"])
        assert made["duration_sec"] == pytest.approx(seconds, abs=1e-6)
        recipe = Recipe(**variant["recipe"])
        assert variant["augmentation_type"] == recipe.name
        assert variant["sample_id"] == variant_id("ab" * 32, recipe, variant["seed"])
        assert json.loads(msgspec.json.encode(variant)) == variant


@pytest.mark.parametrize("name", ["bad.mid", "bad.wav", "gone.mid", "gone.wav"])
def test_a_bad_root_is_refused_by_name(root: Path, name: str) -> None:
    with pytest.raises(FileRefused):
        plan(root, name, 3)
    with pytest.raises(FileRefused):
        make(root, name, {"recipe": {"time_stretch": 1.1}, "seed": 1, "sample_id": "cd"})
    assert not any((root / "processed").iterdir())

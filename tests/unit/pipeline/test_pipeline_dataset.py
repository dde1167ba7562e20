"""What holds whichever command it was: variants follow their parents, and no file lies about without its row."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import msgspec
import pytest

import kelly_tui
from kelly_tui.errors import StageError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.pipeline.dataset import opened
from kelly_tui.pipeline.stage import Interrupted, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from kelly_tui.store.layout import load_config, save_config
from kelly_tui.store.views import load_manifest
from tests.strangers import MULTIPLIER, create


@pytest.fixture
def made(run_once, tmp_path):
    """A copy of it to change."""
    return Path(shutil.copytree(run_once[0], tmp_path / "d"))


def test_the_command_that_labels_hands_the_label_down(made):
    with opened(made, Run()) as catalogue:
        root = next(catalogue.samples("is:imported is:ok emotion:happy"))
        edit(catalogue, [Edit(root.sample_id, "emotion", Label("tense"))], "me")
    rows = [one for one in load_manifest(made).samples if one.parent_id == root.sample_id]
    assert [row.value("emotion") for row in rows] == ["tense"] * MULTIPLIER
    with Catalogue.open(made) as catalogue:
        assert {one.value("emotion") for one in catalogue.samples() if one.parent_id == root.sample_id} == {"tense"}


def orphans(root: Path) -> list[Path]:
    """Files of variants and generated samples that no row names."""
    with Catalogue.open(root) as catalogue:
        named = {root / one.file_path for one in catalogue.samples()}
    folders = (root / "processed/augmented", root / "raw/synthetic")
    return [path for folder in folders for path in folder.rglob("*") if path.is_file() and path not in named]


def test_what_the_size_limit_stops_leaves_no_file_without_its_row(music, tmp_path):
    limit = 50_000
    root = create(tmp_path, max_total_size_gb=limit / 1e9)
    kelly_tui.import_files(root, [music / "happy/song_1.mid", music / "sad/song_1.mid"])
    with pytest.raises(StageError, match="max_total_size_gb"):
        kelly_tui.augment_dataset(root, 40, workers=2)
    assert orphans(root) == []
    with pytest.raises(StageError, match="max_total_size_gb"):
        kelly_tui.synthesize_dataset(root, 400, workers=2)
    assert orphans(root) == []
    music_bytes = sum(path.stat().st_size for name in ("raw", "processed") for path in (root / name).rglob("*.mid"))
    assert limit / 2 < music_bytes <= limit


def test_what_a_cancellation_stops_leaves_no_file_without_its_row(music, tmp_path):
    root = create(tmp_path)
    kelly_tui.import_files(root, [music / "happy/song_1.mid", music / "sad/song_1.mid"])
    cancel = threading.Event()
    with pytest.raises(Interrupted):
        kelly_tui.synthesize_dataset(
            root, 4000, workers=2, cancel=cancel, progress=lambda now: now.done and cancel.set()
        )
    assert orphans(root) == []


def test_retry_judges_again_what_was_too_short(made):
    config = load_config(made)
    save_config(made, msgspec.structs.replace(config, min_duration_sec=5.0))
    kelly_tui.import_files(made, [])
    with Catalogue.open(made) as catalogue:
        short = [one.sample_id for one in catalogue.samples("is:imported is:quarantined") if "shorter" in one.status]
    assert short
    save_config(made, config)
    kelly_tui.retry_failures(made)
    with Catalogue.open(made) as catalogue:
        assert not [one for one in catalogue.samples("is:quarantined") if "shorter" in one.status]

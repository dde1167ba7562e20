"""What holds whichever command it was: variants follow their parents, and no file lies about without its row."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.pipeline.dataset import opened
from kelly_tui.pipeline.stage import Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from kelly_tui.store.views import load_manifest
from tests.strangers import MULTIPLIER


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

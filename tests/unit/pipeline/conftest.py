"""A dataset on which everything was run once."""

from __future__ import annotations

from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.pipeline.stages import PipelineOutcome
from tests.strangers import COUNT, MULTIPLIER, create


@pytest.fixture(scope="session")
def run_once(music: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PipelineOutcome]:
    """Its folder, and what was said. Not to be changed."""
    root = create(tmp_path_factory.mktemp("once"))
    return root, kelly_tui.run_pipeline(root, music, MULTIPLIER, COUNT, workers=2)

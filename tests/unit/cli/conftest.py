"""The command line called as a function, in a folder of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from kelly_tui.cli import main


class Said(NamedTuple):
    """What a command line answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """The one JSON object that is on standard output, and nothing else."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@pytest.fixture
def kelly(tmp_path, monkeypatch, capsys) -> Callable[..., Said]:
    """``kelly("list", "d")``, where ./datasets is empty at first."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KELLY_SETTINGS", str(tmp_path / "none.toml"))
    monkeypatch.setenv("KELLY_ANNOTATOR", "me")
    monkeypatch.delenv("KELLY_DATASETS", raising=False)

    def call(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def _prepared(music, tmp_path_factory) -> Path:
    import kelly_tui
    from tests.strangers import create

    root = create(tmp_path_factory.mktemp("cli"))
    kelly_tui.import_files(root, [music])
    kelly_tui.annotate_dataset(root)
    kelly_tui.split_dataset(root)
    return root


@pytest.fixture
def labelled(_prepared, tmp_path) -> Path:
    """``datasets/d``, imported, annotated and split."""
    return Path(shutil.copytree(_prepared, tmp_path / "datasets" / "d"))

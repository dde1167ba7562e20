"""Folders of a dataset that can't be written: said in one line, and no file is blamed for it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kelly_tui.model.annotation import Label
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import put_conflict
from tests.unit.cli.conftest import Said

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="root is bound by permissions on Linux only"
)

_LIBC = ctypes.CDLL(None)
_PR_CAPBSET_DROP, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2


def _obey_permissions() -> None:
    """What is started next can't read or write what it has no permission for, root or not."""
    if os.geteuid() == 0:
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def kelly(datasets: Path, *words: str) -> Said:
    command = [sys.executable, "-m", "kelly_tui", *words, "--datasets", str(datasets)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=_obey_permissions)
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def closed(labelled) -> Iterator[Path]:
    """A dataset in which nothing can be added to raw/ and processed/."""
    folders = [path for name in ("raw", "processed") for path in (labelled / name, *(labelled / name).rglob("*"))]
    for path in folders:
        path.chmod(0o500)
    yield labelled
    for path in folders:
        path.chmod(0o700)


@pytest.fixture
def read_only(labelled) -> Iterator[Path]:
    """A dataset of which nothing can be written, with an open conflict."""
    with Catalogue.open(labelled) as catalogue:
        first = next(catalogue.samples()).sample_id
        put_conflict(catalogue, first, "mode", None, Label("major"), Label("minor"), "annotations")
    folders = [labelled, *(path for path in labelled.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o500)
    yield labelled
    for path in folders:
        path.chmod(0o700)


def test_a_dataset_that_can_not_be_written_is_exported_as_it_lies(read_only, tmp_path):
    words = ("export", "d", "--format", "jsonl", "--force", "--out")
    said = kelly(read_only.parent, *words, str(tmp_path / "out"))
    assert said.code == 0, said.err
    assert "outside edits are not looked for" in said.err
    assert kelly(read_only.parent, *words, str(tmp_path / "out")).out.count("it is there already") == 1
    with Catalogue.open(read_only) as catalogue:
        exported = catalogue.db.execute("SELECT sample_id FROM samples WHERE split IS NOT NULL").fetchall()
    lines = [line for path in (tmp_path / "out").glob("t*.jsonl") for line in path.read_text().splitlines()]
    lines += (tmp_path / "out/val.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["sample_id"] for line in lines) == sorted(one for (one,) in exported)
    assert len(lines) > 3


@pytest.mark.parametrize("away", ["raw", "raw/midi"])
@pytest.mark.parametrize("format", ["jsonl", "npz"])
def test_a_folder_that_is_closed_to_us_stops_an_export_and_blames_no_file(labelled, tmp_path, away, format):
    (labelled / away).chmod(0)
    words = ("export", "d", "--format", format, "--force", "--out", str(tmp_path / "out"))
    said = kelly(labelled.parent, *words)
    (labelled / away).chmod(0o700)
    assert (said.code, said.out) == (2, "")
    assert re.search(rf"can't be read: {labelled}/{away}\. Check|: {labelled}/{away} can't be read\. When", said.err)
    assert kelly(labelled.parent, *words).code == 0


def test_its_conflicts_are_listed_and_can_not_be_decided(read_only):
    said = kelly(read_only.parent, "conflicts", "d")
    assert said.code == 0, said.err
    assert "major" in said.out
    assert "minor" in said.out
    decided = kelly(read_only.parent, "conflicts", "d", "--take", "ours")
    assert (decided.code, decided.out) == (2, "")
    assert decided.err.startswith("kelly: the dataset is read-only: ")


def test_a_label_whose_view_can_not_be_written_is_saved_and_called_so(labelled):
    folders = [labelled / "annotations", *(labelled / "annotations").iterdir()]
    for path in folders:
        path.chmod(0o500)
    said = kelly(labelled.parent, "label", "d", "other/tone.ogg", "emotion=tense")
    for path in folders:
        path.chmod(0o700)
    assert said.code == 0
    assert "emotion tense" in said.out
    (line,) = said.err.splitlines()
    assert line.startswith("saved; its views are written when they can be: no permission to write: ")
    with Catalogue.open(labelled) as catalogue:
        assert catalogue.find("other/tone.ogg").value("emotion") == "tense"


@pytest.mark.parametrize("stage", [("extract",), ("augment", "--multiplier", "1"), ("synthesize", "--count", "2")])
def test_a_stage_stops_and_sets_no_file_aside(closed, stage):
    said = kelly(closed.parent, stage[0], "d", *stage[1:], "--quiet")  # slow machines say how far it is
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert line.startswith(f"kelly: {stage[0]} stopped: no permission to write: ")
    with Catalogue.open(closed) as catalogue:
        assert catalogue.db.execute("SELECT count(*) FROM samples WHERE status <> 'ok'").fetchone() == (0,)


def test_import_says_that_it_may_not_write(closed, music, tmp_path):
    new = tmp_path / "new" / "fresh"
    new.mkdir(parents=True)
    data = bytearray((music / "happy" / "song_1.mid").read_bytes())
    data[-5] ^= 1  # another file than the one that is there
    (new / "other.mid").write_bytes(data)
    shutil.copy(music / "happy" / "tone.wav", new)
    said = kelly(closed.parent, "import", "d", str(tmp_path / "new"))
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert "no permission to write" in line


@pytest.mark.parametrize(
    ("by", "said", "todo"), [(-1, "an older Kelly", "open the copy"), (1, "a newer Kelly", "Update")]
)
def test_a_catalogue_of_another_version_that_can_not_be_changed_is_said(labelled, by, said, todo):
    with Catalogue.open(labelled) as catalogue:
        (version,) = catalogue.db.execute("PRAGMA user_version").fetchone()
        catalogue.db.execute(f"PRAGMA user_version = {version + by}")
    (labelled / ".kelly").chmod(0o500)
    try:
        found = kelly(labelled.parent, "validate", "d")
    finally:
        (labelled / ".kelly").chmod(0o700)
    assert found.code == 2
    (line,) = found.err.splitlines()
    assert said in line
    assert todo in line

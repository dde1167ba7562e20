"""What the person is left with when edits could not be written before the app ended."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kelly_tui.errors import KellyError
from kelly_tui.model.annotation import FIELDS, Label, check_value
from kelly_tui.model.edit import Edit
from kelly_tui.settings import Settings
from kelly_tui.text import is_safe
from kelly_tui.ui import app, launch
from kelly_tui.ui.saver import Order


def test_each_edit_that_was_not_saved_is_printed_as_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edits = (Edit("00ab", "emotion", Label("sad")), Edit("00ab", "notes", Label("it's long")))

    def run(self: app.KellyApp, *, mouse: bool) -> None:
        self.unsaved = [Order("edit", edits)]

    monkeypatch.setattr(app.KellyApp, "run", run)
    monkeypatch.setattr(launch, "check_terminal", lambda: None)
    monkeypatch.setattr(launch, "state_dir", lambda: tmp_path)
    monkeypatch.setattr(launch, "config_dir", lambda: tmp_path)
    with pytest.raises(KellyError, match="could not be saved"):
        launch.run_app(None, tmp_path, Settings())
    said = capsys.readouterr().err
    assert "kelly label DATASET 00ab emotion=sad" in said
    assert """kelly label DATASET 00ab 'notes=it'"'"'s long'""" in said


LABELS = {
    "notes": Label("line one\nline two\ttabbed \u200fשיר cafe\u0301 \x1b[31m\x9b 'quoted'" + "\u0301" * 20),
    "tags": Label(["film score", 'the "best"', '"', "a,b", "rain"]),
    "tempo_bpm": Label(119.98765432),
    "chord_times": Label([0.0, 1234.5678, 1e-7]),
    "is_verified": Label(True),
}


@pytest.mark.parametrize("field", LABELS)
def test_the_command_that_makes_an_unsaved_edit_makes_no_other(field: str) -> None:
    (said,) = launch.said_again(Order("edit", (Edit("00ab", field, LABELS[field]),)))
    assert is_safe(said), "it can be printed as it is"
    shell = ["bash", "-c", said.replace("kelly label", "printf '%s\\0'", 1)]
    *_, setting = subprocess.run(shell, capture_output=True, check=True).stdout.decode().removesuffix("\0").split("\0")
    name, _, value = setting.partition("=")
    assert check_value(FIELDS[name], value) == LABELS[field].value


def test_a_fault_of_the_app_does_not_swallow_what_was_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(self: app.KellyApp, *, mouse: bool) -> None:
        self.unsaved = [Order("edit", (Edit("00ab", "emotion", Label("sad")),)), Order("undo")]
        self._return_code = 1

    monkeypatch.setattr(app.KellyApp, "run", run)
    monkeypatch.setattr(launch, "check_terminal", lambda: None)
    monkeypatch.setattr(launch, "state_dir", lambda: tmp_path)
    monkeypatch.setattr(launch, "config_dir", lambda: tmp_path)
    with pytest.raises(KellyError, match=r"fault.*2 edits could not be saved"):
        launch.run_app(None, tmp_path, Settings())
    assert "kelly label DATASET 00ab emotion=sad\nkelly undo DATASET" in capsys.readouterr().err.replace("  ", "")

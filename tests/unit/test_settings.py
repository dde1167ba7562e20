"""Settings: a wrong one is an error that says what is right, wherever it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.errors import KellyError
from kelly_tui.settings import load_settings


@pytest.fixture(autouse=True)
def _no_workers_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite says how many, and what is said in the environment goes before a file."""
    monkeypatch.delenv("KELLY_WORKERS")


def test_what_is_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('workers = 3\nautoplay = false\nvolume = 1\ndatasets = "/music"\n')
    monkeypatch.setenv("KELLY_WORKERS", "4")
    settings = load_settings(path)
    assert (settings.workers, settings.autoplay, settings.volume, settings.datasets) == (4, False, 1.0, "/music")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("workers = 2.5", "setting workers can't be 2.5"),
        ("workers = -1", "It is a whole number, 0 or more."),
        ("volume = nan", "It is a number, 0 or more."),
        ("item_memory_gb = 0.1", "It is a number, 0.5 to 4,096."),
        ("midi_bytes = 0", "It is a whole number, 1,024 to 4,294,967,296."),
        ("midi_notes = 0", "It is a whole number, 1 to 1,073,741,824."),
        ("music_seconds = 0", "It is a number, 1 to 100,000,000."),
        ("sound_values = 5", "It is a whole number, 1,000 to 1,099,511,627,776."),
        ("item_memory_gb = 8589934592", "It is a number, 0.5 to 4,096."),
        ("item_seconds = 1e300", "It is a number, 0.1 to 1,000,000."),
        ("item_seconds = 0", "It is a number, 0.1 to 1,000,000."),
        ("autoplay = 'maybe'", "It is true or false."),
        ("datasets = 3", "It is text in quotes."),
        ("wokers = 3", "there is no setting 'wokers'"),
        ("workers", "settings can't be read"),
        ("a = " + "[" * 20_000, "settings can't be read"),
        ("a." * 50_000 + "a = 1", "settings can't be read (larger than 32 kB)"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(line)
    with pytest.raises(KellyError) as raised:
        load_settings(path)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_wrong_variable_is_named_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELLY_WORKERS", "many")
    with pytest.raises(KellyError) as raised:
        load_settings(tmp_path / "none.toml")
    assert str(raised.value) == "KELLY_WORKERS can't be 'many'. It is a whole number, 0 or more."

"""Names that are not UTF-8, as of folders copied from an older system: in every command, as others are."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest
import soundfile

from kelly_tui.text import json_of, shell_word

CAFE = os.fsdecode(b"Caf\xe9")


@pytest.fixture(autouse=True)
def _no_fault_is_hidden(monkeypatch):
    monkeypatch.setenv("KELLY_DEBUG", "1")


def _put_sound(path: str) -> None:
    with open(path, "wb") as file:
        wave = 0.3 * np.sin(np.arange(24_000) / 10)
        soundfile.write(file, wave.astype(np.float32), 8000, format="WAV")


def test_a_dataset_below_such_a_folder_is_made_filled_heard_and_judged(kelly):
    os.makedirs(f"{CAFE}/in/{CAFE}")
    _put_sound(f"{CAFE}/in/{CAFE}/song.wav")
    dataset = f"{CAFE}/songs"
    assert kelly("create", dataset).code == 0
    assert kelly("import", dataset, f"{CAFE}/in", "--json").json["failures"] == []
    assert kelly("extract", dataset, "--json").json["done"] == 1
    said = kelly("validate", dataset, "--out", f"{CAFE}/page.html")
    assert said.code == 1
    assert r"Caf\xe9/songs'" in said.out
    assert os.path.getsize(f"{CAFE}/page.html") > 1000
    assert kelly("split", dataset).code == 0
    assert kelly("export", dataset, "--out", f"{CAFE}/out", "--force", "--json").code == 0


def test_words_that_are_not_utf_8_find_nothing_and_are_no_fault(kelly, labelled):
    for words in (["list", "d", CAFE], ["list", "d", f"path:{CAFE}", "--json"], ["complete", "list", CAFE]):
        assert kelly(*words).code == 0
    for words in (["show", "d", CAFE], ["history", "d", CAFE], ["label", "d", CAFE, "notes=x"], ["list", CAFE]):
        said = kelly(*words)
        assert (said.code, said.err.count("\n")) == (2, 1)


def test_a_name_that_no_view_can_hold_makes_no_dataset_and_leaves_nothing(kelly, tmp_path):
    said = kelly("create", CAFE)
    assert said.code == 2
    assert "can't name a dataset" in said.err
    assert [*tmp_path.rglob("*")] == []


@pytest.mark.parametrize("name", [b"songs", b"it's", b"Caf\xe9's $(touch x)\\n", b"\x1b[31m\xff"])
def test_a_shell_reads_a_word_as_the_bytes_that_it_stands_for(name):
    word = shell_word(os.fsdecode(name))
    assert subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout == name


def test_json_of_a_name_that_is_not_utf_8_says_the_rest_of_it():
    assert json_of({"a": CAFE, "b": [1.5, None]}) == '{"a": "Caf\ufffd", "b": [1.5, null]}'.encode()

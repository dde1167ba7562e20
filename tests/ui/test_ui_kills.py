"""``kill -9`` of the app while someone labels: whatever the screen had shown as done is in the catalogue.

A real terminal (tmux), the real command, real keys. A label is drawn after its commit, so a label that can be read on
the screen must survive, and so must everything when the headline says ``saved``.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
from pathlib import Path

import pytest

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import EMOTIONS
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from tests.terminal import Terminal, tmux_is_missing
from tests.ui.conftest import write_midi

ROWS = 7
"""As many as the list shows at 80 columns by 24 lines."""


pytestmark = pytest.mark.skipif(tmux_is_missing(), reason="tmux, a real terminal, is not installed")


def make_dataset(folder: Path) -> Path:
    create_dataset_structure(folder, DatasetConfig(dataset_id="songs", target_model="emotionrecognizer"))
    with Catalogue.open(folder / "songs") as catalogue:
        for number in range(ROWS):
            path = f"raw/midi/song{number:02}.mid"
            write_midi(folder / "songs" / path)
            catalogue.add([Sample(sample_id=f"{number:016x}", file_path=path, file_type="midi", sha256=f"{number:064x}",
                                  duration_sec=8.0)])  # fmt: skip
    return folder / "songs"


def shown_labels(screen: str) -> dict[str, str]:
    """{name: emotion} of the rows that can be read on the screen."""
    rows = re.findall(rf"(song\d\d)\s+({'|'.join(EMOTIONS)})\b", screen)
    return dict(rows)


def stored_labels(root: Path) -> dict[str, str]:
    with Catalogue.open(root) as catalogue:
        return {one.name: str(one.value("emotion")) for one in catalogue.samples() if one.value("emotion")}


def label_until_killed(terminal: Terminal, root: Path, chance: random.Random) -> None:
    environment = {"KELLY_AUTOPLAY": "no", "KELLY_SETTINGS": "/dev/null/none", "PATH": os.environ["PATH"]}
    process = terminal.open([sys.executable, "-m", "kelly_tui", root], environment)
    before = stored_labels(root)
    try:
        terminal.wait_for(r"song00")
        digits = [chance.randrange(len(EMOTIONS)) for _ in range(ROWS)]
        typed = {f"song{number:02}": EMOTIONS[digit] for number, digit in enumerate(digits)}
        terminal.press(*(str(digit + 1) for digit in digits))
        wanted = chance.randrange(ROWS)
        terminal.wait_for(rf"song{wanted:02}\s+{typed[f'song{wanted:02}']}")
        for _ in range(chance.randrange(4)):  # a little later, and later again
            shown = shown_labels(terminal.screen())
        shown = shown_labels(terminal.screen())
    finally:
        os.kill(process, signal.SIGKILL)
    stored = stored_labels(root)
    assert len(shown) > wanted or before
    for name, emotion in shown.items():
        if emotion == typed[name]:
            assert stored[name] == emotion, f"{name} was shown as {emotion}; the catalogue has {stored.get(name)}"
        else:  # an older label, perhaps overwritten since by the key that was typed
            assert stored[name] in (emotion, typed[name])


def test_no_label_that_was_shown_is_lost(terminal: Terminal, tmp_path: Path) -> None:
    chance = random.Random(1)
    root = make_dataset(tmp_path)
    for _ in range(4):
        label_until_killed(terminal, root, chance)


@pytest.mark.slow
def test_no_label_that_was_shown_is_lost_in_hundreds_of_kills(terminal: Terminal, tmp_path: Path) -> None:
    chance = random.Random(2)
    root = make_dataset(tmp_path)
    for _ in range(300):
        label_until_killed(terminal, root, chance)

"""The README's page on training, run as it stands on a small generated dataset."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.cli import main

README = (Path(__file__).resolve().parents[3] / "README.md").read_text("utf-8")
PAGE = re.search(r"<!-- training:[^>]*-->\n(.*)<!-- /training -->", README, re.DOTALL)
PIECES = 16


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated pieces, imported from folders of their emotions, with their sound, features and splits."""
    folder = tmp_path_factory.mktemp("training")
    for number, sample in enumerate(kelly_tui.generate_emotion_samples(PIECES)):
        place = folder / "music" / str(sample.labels["emotion"].value)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.mid").write_bytes(sample.midi)
    config = kelly_tui.DatasetConfig(
        dataset_id="songs", license="CC0-1.0", sample_rate=16_000, max_duration_sec=5,
        train_ratio=0.6, val_ratio=0.1, test_ratio=0.3,
    )  # fmt: skip
    kelly_tui.create_dataset_structure(folder / "datasets", config)
    root = folder / "datasets" / "songs"
    kelly_tui.import_files(root, [folder / "music"], workers=1)
    kelly_tui.annotate_dataset(root, workers=1)
    kelly_tui.split_dataset(root, workers=1)
    kelly_tui.render_dataset(root, workers=1)
    kelly_tui.extract_features(root, workers=1)
    return folder


def test_the_page_on_training_runs_as_it_stands(
    songs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(songs)
    assert PAGE is not None
    blocks = re.findall(r"```(sh|python)\n(.*?)```", PAGE[1], re.DOTALL)
    assert [kind for kind, _ in blocks] == ["sh", "python", "python", "python"]
    for line in blocks[0][1].splitlines():
        assert main(shlex.split(line)[1:]) == 0, line
    capsys.readouterr()
    namespace: dict[str, object] = {}
    for _, block in blocks[1:]:
        if "import torch" not in block or find_spec("torch") is not None:
            exec(block, namespace)
    printed = capsys.readouterr().out
    scores = {name: float(score) for name, score in re.findall(r"^(\w+) (-?[\d.e-]+)$", printed, re.MULTILINE)}
    assert scores.keys() == {"emotion", "melody", "harmony", "dynamics", "groove"}
    assert scores["harmony"] > 3 / 48
    assert printed.count("(117,)") + printed.count("(128,)") == len(kelly_tui.load("songs", split="train"))

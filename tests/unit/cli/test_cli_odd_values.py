"""One odd value anywhere in a dataset's files costs at most that value: every command goes on, and no label is lost."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.cli import main
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.views import write_views
from tests.odd_values import ODD, Place, labels_but, places, put
from tests.strangers import create

SONGS = ("bwv66.6", "bwv57.8", "bwv65.2")
COMMANDS = ("stats", "conflicts", "agreement", "validate", "export", "history", "undo", "list")


def said(root: Path, *words: object) -> None:
    assert main([str(word) for word in (words[0], root, *words[1:])]) == 0, words


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, corpus_midi: Callable[[str], bytes]) -> Path:
    """All kinds of samples and of what people say: labels, opinions, a decision of each kind, a conflict."""
    folder = tmp_path_factory.mktemp("odd")
    for place, name in enumerate(SONGS):
        path = folder / "music" / ("happy" if place else "sad") / f"{place}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(corpus_midi(name))
    root = create(folder)
    kelly_tui.import_files(root, [folder / "music"])
    kelly_tui.annotate_dataset(root)
    kelly_tui.extract_features(root)
    with Catalogue.open(root) as catalogue:
        one, two, three = (sample.sample_id for sample in catalogue.samples())
    said(
        root, "label", one, "emotion=sad", "valence=0.2", "key=Am", "chord_progression=Am F", "notes=hello", "tags=a b"
    )
    said(root, "label", two, "emotion=tense", "refused=valence")
    said(root, "label", three, "decision=skipped", "skip_reason=noise")
    path = root / f"annotations/{two[:2]}/{two}.json"
    older = path.read_text()
    said(root, "label", two, "emotion=happy")
    path.write_text(older.replace("tense", "angry"))
    assert main(["--as", "bob", "label", str(root), one, "emotion=angry", "--blind"]) == 0
    kelly_tui.augment_dataset(root, 1)
    kelly_tui.synthesize_dataset(root, 2)
    kelly_tui.split_dataset(root)
    with Catalogue.open(root) as catalogue:
        write_views(catalogue)
    return root


def labels(root: Path) -> dict[tuple[str, str], str]:
    """All that samples are said to be and where it is from, by sample and field."""
    with Catalogue.open(root) as catalogue:
        return {
            (sample.sample_id, field): repr(label)
            for sample in catalogue.samples()
            for field, label in sample.labels.items()
        }


def check(base: Path, root: Path, place: Place, written: str, lost: bool, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(base, root)
    if lost:
        shutil.rmtree(root / ".kelly")
    put(root, place, written)
    expected = labels_but(place, base, labels(base))
    out = root.parent / "out"
    for command in COMMANDS:
        more = ["--format", "jsonl", "--out", out, "--force"] if command == "export" else []
        code = main([command, *map(str, [root, *more])])
        told = "".join(capsys.readouterr())
        assert code in (0, 1, 2), (command, told)
        assert not re.search("fault of Kelly|Traceback|is damaged|no number", told), (command, told)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", told), (command, told)
        if command == "conflicts":
            found = labels(root)
            assert {key: found.get(key) for key in expected} == expected
    assert "no number" not in "".join(path.read_text() for path in root.rglob("*.json"))
    shutil.rmtree(root)
    shutil.rmtree(out, ignore_errors=True)


def cases(base: Path) -> list[tuple[Place, str, bool]]:
    return [(place, name, lost) for place in places(base) for name in ODD for lost in (True, False)]


@pytest.mark.parametrize("number", [24, pytest.param(0, marks=pytest.mark.slow, id="all")])
def test_one_odd_value_costs_no_other(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    monkeypatch.setenv("KELLY_SETTINGS", str(tmp_path / "none.toml"))
    chosen = cases(base)
    assert len(chosen) > 2000
    for place, name, lost in random.Random(8).sample(chosen, number) if number else chosen:
        try:
            check(base, tmp_path / "songs", place, ODD[name], lost, capsys)
        except BaseException as error:
            error.add_note(f"{name} in {place}, catalogue {'lost' if lost else 'there'}")
            raise

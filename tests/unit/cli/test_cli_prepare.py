"""The first dataset script's flags, and its documentation's lines, with ``kelly prepare`` in the script's place."""

import json
import shlex

import pytest

import kelly_tui
from kelly_tui.store.catalogue import Catalogue
from tests.strangers import SOURCES

QUICK_START = """
kelly prepare --create --dataset emotion_dataset_v1 --target-model emotionrecognizer
kelly prepare --import-dir MUSIC --dataset emotion_dataset_v1
kelly prepare --annotate --dataset emotion_dataset_v1
kelly prepare --extract-features --dataset emotion_dataset_v1
kelly prepare --augment --multiplier 1 --dataset emotion_dataset_v1
kelly prepare --synthesize --count 3 --dataset emotion_dataset_v1 --target-model emotionrecognizer
kelly prepare --validate --stats --dataset emotion_dataset_v1
"""


def counts(root) -> dict[str, int]:
    with Catalogue.open(root) as catalogue:
        rows = catalogue.db.execute("SELECT origin, count(*) FROM samples GROUP BY 1")
        return dict(rows.fetchall())


def test_every_line_of_the_quick_start(kelly, music, tmp_path):
    said = {}
    for line in QUICK_START.strip().splitlines():
        words = shlex.split(line.replace("MUSIC", str(music)))[1:]
        said[words[1]] = kelly(*words)
    codes = {flag: answer.code for flag, answer in said.items()}
    # The folder has files that can't be used, and nothing was split: it says so.
    assert codes == {
        "--create": 0, "--import-dir": 1, "--annotate": 0, "--extract-features": 1, "--augment": 0, "--synthesize": 0,
        "--validate": 1,
    }  # fmt: skip
    root = tmp_path / "datasets" / "emotion_dataset_v1"
    assert counts(root) == {"imported": len(SOURCES) + 1, "augmented": len(SOURCES), "generated": 3}
    assert said["--validate"].out.lstrip().startswith("❌ INVALID\nTotal Samples: ")
    assert "Into 3 TB go" in said["--validate"].out


def test_all_honours_count_and_multiplier(kelly, music, tmp_path):
    words = ("prepare", "--all", "--import-dir", music / "sad", "--multiplier", 2, "--count", 5, "--json")
    said = kelly(*words)
    root = tmp_path / "datasets" / "emotion_dataset_v1"
    assert counts(root) == {"imported": 3, "augmented": 6, "generated": 5}
    errors = [one["code"] for one in said.json["report"]["findings"] if one["severity"] == "error"]
    assert errors == ["too-few"]
    assert said.json["stats"]["total"] == 14
    assert (root / "splits" / "train.txt").read_text()
    assert kelly(*words).code == said.code
    assert counts(root) == {"imported": 3, "augmented": 6, "generated": 5}


def test_create_keeps_what_is_there_and_goes_on(kelly, labelled):
    said = kelly("prepare", "--create", "--dataset", "d", "--annotate")
    assert said.code == 0
    assert "exists already" in said.err
    assert "annotate:" in said.out
    assert counts(labelled)["imported"] == len(SOURCES) + 1


@pytest.mark.parametrize(
    ("model", "hint"), [("groovepredictor", "the dataset is for"), ("emotionrecogniser", "Did you mean emotionrec")]
)
def test_a_target_model_is_never_ignored(kelly, labelled, model, hint):
    said = kelly("prepare", "--dataset", "d", "--stats", "--target-model", model)
    assert said.code == 2
    assert hint in said.err


def test_a_dataset_that_is_not_there_is_an_error(kelly):
    said = kelly("prepare", "--annotate", "--dataset", "nothing")
    assert said.code == 2
    assert "no dataset 'nothing'" in said.err


def test_interactive_without_a_terminal_does_nothing_else_either(kelly, labelled):
    said = kelly("prepare", "--dataset", "d", "--augment", "--multiplier", "1", "--annotate-interactive")
    assert said.code == 2
    assert "augmented" not in counts(labelled)


def test_interactive_opens_the_workstation_on_what_is_unlabelled(kelly, labelled, monkeypatch):
    from kelly_tui.ui import launch

    opened = []
    monkeypatch.setattr(launch, "check_terminal", lambda: None)
    monkeypatch.setattr(launch, "run_app", lambda *arguments: opened.append(arguments))
    assert kelly("prepare", "--dataset", "d", "--annotate-interactive").code == 0
    [(root, _, _, wanted)] = opened
    assert root.samefile(labelled)
    assert wanted == "emotion:?"


def test_the_printed_python_example_runs(kelly, music, tmp_path, capsys):
    """As the specification prints it, but for the package's name and smaller numbers."""
    from kelly_tui import (
        DatasetConfig,
        create_dataset_structure,
        extract_audio_features,
        extract_midi_features,
        generate_emotion_samples,
        load_manifest,
        validate_dataset,
    )

    config = DatasetConfig(dataset_id="my_dataset", target_model="emotionrecognizer")
    manifest = create_dataset_structure("datasets", config)
    assert manifest["samples"] == []
    assert load_manifest("datasets/my_dataset").config.dataset_id == "my_dataset"

    features = extract_midi_features(str(music / "sad/song_1.mid"))
    assert isinstance(features.key_signature, str)
    assert features.groove_type is None or isinstance(features.groove_type, str)
    assert extract_audio_features(str(music / "happy/tone.wav")).mfcc.shape[0] == 20

    samples = generate_emotion_samples(3)
    assert len(samples) == 3
    assert all(sample.write(tmp_path / "out").read_bytes()[:4] == b"MThd" for sample in samples)

    report = validate_dataset("datasets/my_dataset")
    report.print_summary()
    assert capsys.readouterr().out.startswith("❌ INVALID\nTotal Samples: 0\n")


@pytest.mark.parametrize("name", kelly_tui.__all__)
def test_every_public_name_is_there(name):
    assert callable(getattr(kelly_tui, name))
    assert name in dir(kelly_tui)


def test_the_public_names_are_said_once_each():
    assert sorted(kelly_tui._HOME) == sorted(kelly_tui.__all__)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = kelly_tui.nothing


def test_json_is_one_object(kelly, music):
    said = kelly("prepare", "--create", "--dataset", "d", "--import-dir", music / "sad", "--json")
    assert said.json["stages"][0]["stage"] == "import"
    assert json.dumps(said.json)

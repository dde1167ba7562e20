"""Each command: what it does, what it says, and how it ends."""

import json
import os
import re
import subprocess
import sys

import pytest

from kelly_tui.cli import COMMANDS, parse
from kelly_tui.errors import StageError
from kelly_tui.learn import suggest
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.pipeline.parameters import AUGMENTATION
from kelly_tui.store import connection, history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import Layout
from kelly_tui.store.runs import Turn
from kelly_tui.store.trials import add_trials
from tests.strangers import BAD, SOURCES


def test_help_names_every_command(kelly):
    said = kelly("--help")
    assert said.code == 0
    assert all(f"\n  {name}" in said.out for name in COMMANDS)
    assert "130" in said.out


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(kelly, command):
    said = kelly(command, "--help")
    assert said.code == 0
    assert said.out.startswith(f"usage: kelly {command}")


COLD = """
import sys
from kelly_tui.cli import main
sys.stdout = open("/dev/null", "w")
code = main({words!r})
heavy = {{name.partition(".")[0] for name in sys.modules}} & set({heavy!r})
print(code, *sorted(heavy), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], ["textual", "rich", "librosa", "numpy", "scipy", "sklearn", "numba", "soundfile", "symusic"]),
        (["run", "--help"], ["textual", "rich", "librosa", "numpy", "scipy", "sklearn", "numba"]),
        (["complete", "--", "im"], ["textual", "rich", "librosa", "numpy", "scipy", "sklearn", "numba"]),
    ],
)
def test_a_cold_start_loads_nothing_heavy(words, heavy):
    script = COLD.format(words=words, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["0"]


def test_importing_the_package_loads_nothing_heavy():
    script = "import sys, kelly_tui; print(sorted({'numpy', 'textual', 'librosa', 'msgspec'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- create -----------------------------------------------------------------------------------------------------------


def test_create_makes_the_structure(kelly, tmp_path):
    said = kelly("create", "songs", "--target-model", "Groove_Predictor")
    assert said.code == 0
    root = tmp_path / "datasets" / "songs"
    assert json.loads((root / "config.json").read_bytes())["target_model"] == "groovepredictor"
    for folder in ("raw/midi", "raw/audio", "raw/synthetic", "processed/features", "processed/augmented",
                   "annotations", "splits"):  # fmt: skip
        assert (root / folder).is_dir()


def test_create_never_overwrites(kelly, labelled):
    before = {path: path.read_bytes() for path in labelled.rglob("*") if path.is_file()}
    said = kelly("create", "d", "--target-model", "groovepredictor")
    assert said.code == 2
    assert "exists already" in said.err
    assert {path: path.read_bytes() for path in labelled.rglob("*") if path.is_file()} == before


def test_create_all_models_makes_the_five_usual_datasets(kelly, tmp_path):
    kelly("create", "melody_dataset_v1")
    said = kelly("create", "--all-models", "--json")
    assert said.code == 0
    assert len(said.json["created"]) == 4
    names = {path.name for path in (tmp_path / "datasets").iterdir()}
    assert names == {f"{kind}_dataset_v1" for kind in ("emotion", "melody", "harmony", "dynamics", "groove")}
    assert kelly("create", "--all-models").code == 2


def test_the_usual_names_have_the_usual_models(kelly, tmp_path):
    kelly("create", "groove_dataset_v1")
    config = json.loads((tmp_path / "datasets/groove_dataset_v1/config.json").read_bytes())
    assert config["target_model"] == "groovepredictor"


def test_a_wrong_model_is_an_error_that_names_the_nearest(kelly):
    said = kelly("create", "x", "--target-model", "emotionrecogniser")
    assert said.code == 2
    assert "Did you mean emotionrecognizer?" in said.err
    assert said.err.count("\n") == 1


# -- stages -----------------------------------------------------------------------------------------------------------


def test_import_says_what_became_of_every_file(kelly, music):
    kelly("create", "d")
    said = kelly("import", "d", music, "--json")
    refused = {failure["name"] for failure in said.json["failures"]}
    assert said.code == 1
    assert set(said.json["imported"]) - {"other/silent.wav"} == SOURCES.keys()
    assert refused | {"other/silent.wav"} == BAD.keys()
    again = kelly("import", "d", music)
    assert again.code == 1
    assert all(name in again.out for name in refused)
    assert "import: 0 done" in again.out


def test_import_names_duplicates_and_what_it_ignored(kelly, music, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.mid", "b.mid"):
        (tmp_path / "in" / name).write_bytes((music / "sad/song_1.mid").read_bytes())
    for number in range(23):
        (tmp_path / "in" / f"{number:02}.txt").write_bytes(b"words")
    kelly("create", "d")
    lines = kelly("import", "d", tmp_path / "in").out.splitlines()
    assert "  b.mid: duplicate of raw/midi/a.mid" in lines
    assert sum(": ignored, " in line for line in lines) == 20
    assert "  … and 3 more; --json names all" in lines


def test_a_missing_source_is_an_error(kelly, tmp_path):
    kelly("create", "d")
    said = kelly("import", "d", tmp_path / "nowhere")
    assert said.code == 2
    assert "no such file or folder" in said.err
    assert kelly("run", "new", "--import-dir", tmp_path / "nowhere").code == 2
    assert not (tmp_path / "datasets" / "new").exists()


def test_what_import_set_aside_fails_again_at_the_next_import(kelly, labelled, music):
    config = json.loads((labelled / "config.json").read_bytes())
    (labelled / "config.json").write_text(json.dumps({**config, "min_duration_sec": 5}))
    said = kelly("import", "d", music, "--json").json
    short = [one["name"] for one in said["failures"] if "shorter than 5 s" in one["reason"]]
    assert {"happy/tone.wav", "sad/tone.flac"} <= set(short)
    assert said["skipped"] == len(SOURCES) + 1 - len(short)


def test_labelling_goes_on_beside_a_stage(kelly, labelled):
    turn = Turn(Layout(labelled))
    try:
        assert kelly("extract", "d").code == 2
        assert kelly("label", "d", "tone.flac", "emotion=tense").code == 0
        assert kelly("undo", "d").code == 0
        assert kelly("redo", "d").code == 0
    finally:
        turn.close()
    assert kelly("split", "d").code == 0
    assert "tense" in (labelled / "manifest.json").read_text(), "the stage writes the views"


def test_annotate_says_what_it_could_not_label(kelly, labelled):
    said = kelly("annotate", "d")
    assert said.code == 0
    assert "emotion 6" in said.out
    assert "no folder that is a label" in said.out


def test_run_makes_what_is_missing_and_ends_with_the_report(kelly, music, tmp_path):
    words = ("run", "new", "--target-model", "harmonypredictor", "--import-dir", music / "sad", "--multiplier", 1,
             "--count", 2)  # fmt: skip
    said = kelly(*words)
    assert said.code == 1  # two of the files are bad
    assert "named above: 2\n" in said.out
    assert "❌ INVALID\nTotal Samples: " in said.out
    again = kelly(*words, "--json")
    assert again.code == 1
    assert again.json["failed"] == 2
    errors = [one["code"] for one in again.json["report"]["findings"] if one["severity"] == "error"]
    assert errors == ["too-few"]
    assert [stage["stage"] for stage in again.json["stages"]] == [
        "import", "annotate", "extract", "split", "augment", "synthesize", "extract", "split",
    ]  # fmt: skip
    assert kelly("run", "new", "--target-model", "groovepredictor").code == 2


def test_a_dry_run_says_why_and_does_nothing(kelly, labelled):
    said = kelly("extract", "d", "--dry-run", "--json")
    assert said.json["why"] == {"new": len(SOURCES) + 1}
    assert kelly("extract", "d", "--dry-run", "--json").json == said.json


def tree(root) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_dry_run_says_what_comes_in_numbers_and_changes_no_byte(kelly, labelled, music, tmp_path):
    kelly("create", "raw")
    raw = tmp_path / "datasets" / "raw"
    kelly("import", "raw", music)
    before = tree(raw), tree(labelled)
    good = len(SOURCES) + 1
    planned = kelly("annotate", "raw", "--dry-run", "--json").json
    assert planned["labelled"] == {"emotion": 6}
    assert f"dry run: 6 of {good} samples to label" in kelly("annotate", "raw", "--dry-run").out
    assert kelly("split", "raw", "--dry-run", "--json").json["why"] == {"new": good}
    assert kelly("split", "d", "--reshuffle", "--dry-run", "--json").json["why"] == {"anew": good}
    assert kelly("augment", "raw", "--multiplier", 2, "--dry-run", "--json").json["to_do"] == 2 * good
    assert "20 to do (20 new)" in kelly("synthesize", "raw", "--count", 20, "--audio", "--dry-run").out
    assert (tree(raw), tree(labelled)) == before
    assert kelly("annotate", "raw", "--json").json["labelled"] == planned["labelled"]


def test_validate_prints_the_four_lines_first(kelly, labelled):
    with Catalogue.open(labelled) as catalogue:
        unlabelled = [sample.sample_id for sample in catalogue.samples("emotion:?")]
    for sample_id in unlabelled:
        assert kelly("label", "d", sample_id, "emotion=tense").code == 0
    said = kelly("validate", "d")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "✅ VALID"
    assert lines[1] == f"Total Samples: {len(SOURCES) + 1}"
    assert [line.partition(":")[0] for line in lines[2:5]] == ["Balance Score", "Diversity Score", "Quality Score"]
    assert all(line.endswith("%") for line in lines[2:5])


def test_an_invalid_dataset_ends_with_1(kelly):
    kelly("create", "d")
    said = kelly("validate", "d")
    assert said.code == 1
    assert said.out.startswith("❌ INVALID\nTotal Samples: 0\n")
    assert kelly("validate", "d", "--json").json["valid"] is False


def test_stats_are_measured(kelly, labelled):
    said = kelly("stats", "d", "--json")
    files = [path for path in (labelled / "raw/audio").rglob("*") if path.is_file()]
    sizes = sum(-(-path.stat().st_size // 4096) * 4096 for path in files)  # what a disk gives away, in whole blocks
    assert said.json["sample_bytes"]["audio"] == sizes
    assert said.json["estimates"]["1000"]["audio"] == pytest.approx(sizes / 4 * 1000)
    assert "3 TB" in kelly("stats", "d").out


def test_what_was_heard_blind_is_in_stats_and_report(kelly, labelled):
    assert "Heard blind" not in kelly("stats", "d").out
    with Catalogue.open(labelled) as catalogue:
        add_trials(catalogue, [Trial('{"transpose":2}', "a", number < 12) for number in range(16)])
        add_trials(catalogue, [Trial('{"gain":0.8}', "b", True)])
    for command in ("stats", "validate"):
        said = kelly(command, "d").out
        assert "+2 st: 12 of 16 right, p = .038" in said
        assert "gain ×0.8: 1 of 1 right, p = .500" in said
        assert [one["correct"] for one in kelly(command, "d", "--json").json["blind"]] == [12, 1]


def test_one_sample_is_no_samples(kelly, music):
    kelly("create", "d")
    kelly("import", "d", music / "sad/song_1.mid")
    assert kelly("stats", "d").out.startswith("d: 1 sample, ")


# -- samples ----------------------------------------------------------------------------------------------------------


def test_label_undo_redo_history(kelly, labelled):
    assert kelly("label", "d", "other/tone.ogg", "emotion=tense", "valence=-0.5", "tags=rain,slow").code == 0
    listed = json.loads(kelly("list", "d", "--json", "emotion:tense").out)
    assert listed["annotations"]["valence"] == -0.5
    assert listed["annotations"]["tags"] == ["rain", "slow"]
    assert listed["decision"] == "labelled"
    assert kelly("undo", "d").code == 0
    assert kelly("list", "d", "--json", "emotion:tense").out == ""
    assert kelly("redo", "d").code == 0
    with Catalogue.open(labelled) as catalogue:
        label = catalogue.find("other/tone.ogg").labels["emotion"]
    assert (label.value, label.source, label.by) == ("tense", "human", "me")
    events = kelly("history", "d", "other/tone.ogg", "--json").json["events"]
    assert [event["kind"] for event in events[::4]] == ["redo", "undo", "edit"]
    assert "nothing to redo" in kelly("redo", "d").out
    kelly("label", "d", "other/tone.ogg", "emotion=")
    assert kelly("list", "d", "--json", "emotion:tense").out == ""


def test_an_import_says_before_what_each_folder_s_label_will_be(kelly, labelled, tmp_path):
    music = tmp_path / "more"
    for folder in ("happy", "Sad Songs", "x"):
        (music / folder).mkdir(parents=True)
        (music / folder / "a.mid").write_bytes(b"")
    said = kelly("import", "d", music, "--dry-run")
    assert re.search(r"^Sad Songs +1 +emotion sad$", said.out, re.MULTILINE)
    assert re.search(r"^x +1 +·$", said.out, re.MULTILINE)
    folders = kelly("import", "d", music, "--dry-run", "--json").json["folders"]
    assert [one["labels"] for one in folders] == [{"emotion": "sad"}, {"emotion": "happy"}, {}]


def test_chords_are_said_as_they_are_typed(kelly, labelled):
    sample = json.loads(kelly("list", "d", "--json").out.splitlines()[0])["sample_id"]
    assert kelly("label", "d", sample, "chord_progression=C G/B Am7 F").out.endswith(
        ": chord_progression C G/B Am7 F, refused chord_times\n"  # a detector's would be those of its own chords
    )
    assert "C G/B Am7 F" in kelly("history", "d", sample).out
    assert kelly("undo", "d").out.startswith("undo chord_progression C G/B Am7 F: ")


def test_a_key_is_said_with_its_mode(kelly, labelled):
    sample = json.loads(kelly("list", "d", "--json").out.splitlines()[0])["sample_id"]
    assert kelly("label", "d", sample, "mode=minor").code == 0
    assert kelly("label", "d", sample, "key=C# major").out.endswith(": key C#, mode major\n")
    assert kelly("label", "d", sample, "key=C# major").out.endswith(": said so already\n")
    refused = kelly("label", "d", sample, "key=C major", "mode=minor")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "'C major' is major, and the mode beside it minor" in refused.err
    assert kelly("label", "d", sample, "key=A minor", "--blind", "--as", "ben").out.endswith(": key A, mode minor\n")


def test_show_tells_all_about_one_sample(kelly, labelled):
    said = kelly("show", "d", "other/tone.ogg").out
    assert "no features yet" in kelly("show", "d", "other/tone.ogg").err
    assert kelly("extract", "d").code in (0, 1)
    kelly("label", "d", "other/tone.ogg", "emotion=tense", "tempo=90")
    kelly("label", "d", "other/tone.ogg", "emotion=sad")
    said = kelly("show", "d", "other/tone.ogg")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "raw/audio/other/tone.ogg"
    (emotion,) = [line.split() for line in lines if line.startswith("emotion ")]
    assert emotion == ["emotion", "sad", "human", "me"]
    (tempo,) = [line.split() for line in lines if line.startswith("tempo_bpm ")]
    assert tempo == ["tempo_bpm", "90", "human", "me"]  # what a detector would say is nothing to a person's label
    (meter,) = [line for line in lines if line.startswith("time_signature ")]
    assert re.search(r"· +\w+", meter)  # a tone has none, for a reason
    assert "me  emotion sad (was tense)" in said.out
    told = kelly("show", "d", "other/tone.ogg", "--json").json
    assert told["labels"]["emotion"]["by"] == "me"
    assert "why" not in told["labels"]["emotion"]
    assert told["absent"]["time_signature"] in meter
    assert told["history"][0]["new"]["value"] == "sad"
    assert kelly("show", "d", "nothing").code == 2


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["label", "d", "other/tone.ogg", "emotion=hapy"], "Did you mean happy?"),
        (["label", "d", "other/tone.ogg", "emotoin=happy"], "Did you mean emotion?"),
        (["label", "d", "other/tone.ogg", "valence=2"], "-1..1"),
        (["label", "d", "other/tone.ogg", "happy"], "emotion=sad sets"),
        (["label", "d", "other/tone.ogg", "emotion=sad", "emotion=happy"], "One value a field"),
        (["label", "d", "other/tone.og", "emotion=happy"], "Did you mean tone.ogg?"),
        (["list", "d", "emotoin:sad"], "emotion"),
        (["list", "e"], "There are: d."),
        (["extract", "d", "--wrokers", "2"], "Did you mean --workers?"),
        (["improt", "d", "x"], "Did you mean import?"),
        (["validte"], "Did you mean kelly validate?"),
        (["nothing", "emotion:sad"], "no dataset 'nothing'"),
        (["label"], "DATASET"),
        (["extract", "d", "--workers", "0"], "less than 1"),
        (["prepare"], "prepare --help"),
    ],
)
def test_mistakes_are_one_line_that_helps(kelly, labelled, words, hint):
    said = kelly(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("kelly: ")
    assert said.err.count("\n") == 1
    assert hint in said.err
    as_json = kelly(*words, "--json")
    assert as_json.code == 2
    assert hint in as_json.json["error"]
    assert as_json.err == ""


def test_list_filters(kelly, labelled):
    rows = [json.loads(line) for line in kelly("list", "d", "emotion:sad", "-is:audio", "--json").out.splitlines()]
    assert {row["source"] for row in rows} == {"sad/song_1.mid", "sad/song_2.mid"}
    said = kelly("list", "d", "-is:audio", "emotion:sad")
    assert "raw/midi/sad/song_1.mid" in said.out
    assert "2 samples" in said.err


def test_two_dashes_end_the_options(kelly, labelled):
    plain = kelly("list", "d", "-emotion:sad", "--json")
    assert plain.out
    assert kelly("list", "--json", "d", "--", "-emotion:sad") == plain
    assert kelly("list", "--json", "--", "d", "-emotion:sad") == plain


def test_a_filter_gets_its_quotes_back(kelly, labelled):
    assert kelly("list", "d", "text:no such words").code == 0
    assert kelly("list", "d", "key:C# major").code == 0
    assert "6 samples" in kelly("list", "d", "emotion:sad|happy -is:verified").err  # a whole filter in one word
    assert "0 samples" in kelly("list", "d", "text:tone emotion:tense").err
    assert parse(["list", "d", "-is:audio", "--json", "emotion:sad"]).filter == ["-is:audio", "emotion:sad"]


def test_names_of_files_reach_no_terminal_raw(kelly, tmp_path, music):
    hostile = tmp_path / "in" / "\x1b]0;owned\x07[red].mid"
    hostile.parent.mkdir()
    hostile.write_bytes((music / "sad/song_1.mid").read_bytes())
    (tmp_path / "in" / "\x1b[2Jbad.mid").write_bytes(b"x")
    kelly("create", "d")
    for said in (kelly("import", "d", tmp_path / "in"), kelly("list", "d"), kelly("validate", "d"),
                 kelly("label", "d", "\x1b[2J", "emotion=sad")):  # fmt: skip
        assert "\x1b" not in said.out + said.err
        assert "\x07" not in said.out + said.err


def test_a_conflict_is_shown_and_decided(kelly, music, tmp_path):
    for folder in ("happy", "sad"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "same.mid").write_bytes((music / "sad/song_1.mid").read_bytes())
    kelly("create", "d")
    kelly("import", "d", tmp_path / "in")
    assert "disagree" in kelly("annotate", "d").out
    shown = kelly("conflicts", "d")
    assert "emotion" in shown.out
    assert kelly("conflicts", "d", "--json").json["open"][0]["ours"] == "happy"
    for side in ("ours", "theirs"):
        assert "dry run: 1 decided" in kelly("conflicts", "d", "--take", side, "--dry-run").out
    assert len(kelly("conflicts", "d", "--json").json["open"]) == 1
    assert "1 decided" in kelly("conflicts", "d", "--take", "theirs").out
    assert json.loads(kelly("list", "d", "--json").out)["annotations"]["emotion"] == "sad"
    assert "no conflict" in kelly("conflicts", "d").out


def test_a_dry_run_of_an_edit_says_it_and_writes_nothing(kelly, labelled):
    def tree() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes() for path in labelled.rglob("*") if path.is_file() and "sqlite" not in path.name
        }

    def said() -> tuple[str, int]:
        with Catalogue.open(labelled) as catalogue:
            steps = catalogue.db.execute("SELECT count(*) FROM steps").fetchone()[0]
            return str(catalogue.find("other/tone.ogg").annotations.get("emotion")), steps

    kelly("label", "d", "other/tone.ogg", "emotion=tense")
    kelly("label", "d", "other/tone.ogg", "emotion=sad")
    kelly("undo", "d")
    before = tree(), said()
    wrong = kelly("label", "d", "other/tone.ogg", "emotion=hapy", "--dry-run")
    assert (wrong.code, "Did you mean happy?" in wrong.err) == (2, True)
    assert (
        "dry run: raw/audio/other/tone.ogg: emotion angry"
        in kelly("label", "d", "other/tone.ogg", "emotion=angry", "--dry-run").out
    )
    assert "dry run: undo emotion tense" in kelly("undo", "d", "--dry-run").out
    assert kelly("redo", "d", "--dry-run", "--json").json == {
        "words": "redo emotion sad",
        "changed": 1,
        "dry_run": True,
    }
    assert (tree(), said()) == before


def test_one_labels_beside_a_dry_run_of_suggesting_which_leaves_nothing(kelly, labelled, monkeypatch):
    kelly("extract", "d")
    with Catalogue.open(labelled) as catalogue, catalogue.writing() as db:
        db.execute("DELETE FROM suggestions")
    really = suggest.suggest_for

    def meanwhile(learning):
        found = really(learning)
        with Catalogue.open(labelled) as catalogue:
            history.edit(catalogue, [Edit(catalogue.find("other/tone.ogg").sample_id, "key", Label("C"))], "me")
        return found

    monkeypatch.setattr(suggest, "suggest_for", meanwhile)
    monkeypatch.setattr(connection, "LOCK_SECONDS", 0.1)
    said = kelly("suggest", "d", "--dry-run")
    assert (said.code, said.err) == (0, "")
    assert "emotions suggested" in said.out
    with Catalogue.open(labelled) as catalogue:
        assert catalogue.find("other/tone.ogg").value("key") == "C"
        assert catalogue.db.execute("SELECT count(*) FROM suggestions").fetchone() == (0,)


# -- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["d"], ["open", "d", "emotion:?"], ["prepare", "--annotate-interactive"]])
def test_without_a_terminal_the_workstation_is_an_error(kelly, labelled, words):
    said = kelly(*words)
    assert said.code == 2
    assert "needs a terminal" in said.err


def test_datasets_lie_where_one_says(kelly, tmp_path, monkeypatch):
    assert kelly("--datasets", tmp_path / "here", "create", "a").code == 0
    monkeypatch.setenv("KELLY_DATASETS", str(tmp_path / "there"))
    assert kelly("create", "b").code == 0
    assert kelly("list", tmp_path / "here" / "a").code == 0
    assert (tmp_path / "here/a/config.json").exists()
    assert (tmp_path / "there/b/config.json").exists()


def test_a_name_with_a_slash_is_a_path_first(kelly, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KELLY_DATASETS", str(tmp_path / "datasets"))
    for name in ("a", "./a"):
        assert kelly("create", name, "--target-model", "groovepredictor").code == 0
    assert kelly("synthesize", "./a", "--count", 1).code == 0
    assert (kelly("stats", "./a", "--json").json["total"], kelly("stats", "a", "--json").json["total"]) == (1, 0)


def test_doctor_finds_what_is_there(kelly):
    said = kelly("doctor", "--json")
    found = {check["what"]: check["good"] for check in said.json["checks"]}
    assert found["Python"]
    assert found["SQLite"]
    assert found["symusic"]
    assert {"SoundFont", "sound device", "free disk", "terminal"} <= found.keys()


def test_doctor_does_not_take_any_file_for_a_soundfont(kelly, tmp_path, monkeypatch):
    (tmp_path / "noise.sf2").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "settings.toml").write_text(f'soundfont = "{tmp_path}/noise.sf2"\n')
    monkeypatch.setenv("KELLY_SETTINGS", str(tmp_path / "settings.toml"))
    assert "! SoundFont                 the file is no SoundFont" in kelly("doctor").out


def test_doctor_names_the_package_of_what_is_missing(kelly, monkeypatch):
    from kelly_tui.errors import LibraryMissing
    from kelly_tui.render import synth

    def missing():
        raise LibraryMissing("FluidSynth is not installed", hint="Install libfluidsynth3 (apt).")

    monkeypatch.setattr(synth, "library", missing)
    said = kelly("doctor")
    assert "! FluidSynth" in said.out
    assert "libfluidsynth3 (apt)" in said.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("TERM=dumb", "! terminal .* set TERM, such as TERM=xterm-256color"),
        ("TERM=xterm stty cols 40 rows 10", "! terminal .* Make it 60x16 or more"),
        ("TERM=xterm PYTHONIOENCODING=ascii", "[+] SQLite(.|\n)*! characters .*export LANG=C.UTF-8"),
        ("TERM=xterm KELLY_SOUNDFONT=/nowhere.sf2", "! SoundFont .*/nowhere.sf2. Name another"),
    ],
)
def test_doctor_says_what_to_do(tmp_path, words, said):
    import pty

    variables, _, sized = words.partition(" stty ")
    size = f"stty {sized or 'cols 100 rows 40'}"
    shown = bytearray()

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 4096)
        shown.extend(data)
        return b"."  # nothing of it on this terminal

    command = f"{size}; cd {tmp_path}; env -u COLUMNS -u LINES {variables} {sys.executable} -m kelly_tui doctor"
    assert os.waitstatus_to_exitcode(pty.spawn(["sh", "-c", command], read)) == 0
    assert re.search(said, shown.decode("utf-8", "replace"))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(kelly, shell):
    said = kelly("completion", shell)
    assert said.code == 0
    assert "kelly complete" in said.out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ext"], "extract"),
        (["list", ""], "d"),
        (["d"], "d"),
        (["create", "x", "--target-model", "groove"], "groovepredictor"),
        (["augment", "d", "--mul"], "--multiplier"),
        (["label", "d", "x", "emo"], "emotion="),
        (["label", "d", "x", "emotion=s"], "emotion=sad"),
        (["completion", "f"], "fish"),
    ],
)
def test_completion_finds(kelly, labelled, words, found):
    assert found in kelly("complete", "--", *words).out.splitlines()


def test_bash_takes_the_completion(kelly):
    script = kelly("completion", "bash").out + "\ncomplete -p kelly\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "_kelly" in done.stdout


@pytest.mark.parametrize(("command", "code"), [("list", 0), ("history", 0), ("validate", 141), ("extract", 141)])
def test_a_broken_pipe_is_quiet_and_what_is_made_or_judged_is_not_called_done(labelled, command, code):
    command = [sys.executable, "-m", "kelly_tui", command, str(labelled), "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["undo", "--help"], ["completion", "bash"], ["undo"]])
def test_json_is_one_object_whatever_is_asked(kelly, words):
    said = kelly(*words, "--json")
    assert len(said.json) in (1, 2)
    assert said.err == ""


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), (">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0)])
def test_a_closed_stream_leads_nowhere(labelled, closed, code):
    command = f"{sys.executable} -m kelly_tui stats {labelled} --json {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.count("\n") == (">&-" not in closed.replace("2>&-", ""))


def test_a_word_too_many_is_named(kelly):
    assert "kelly doctor has no use for 'nope'. See kelly doctor --help." in kelly("doctor", "nope").err
    said = kelly("augment", "d", "--multipler", "3")
    assert (said.code, "'--multipler'. Did you mean --multiplier?" in said.err) == (2, True)
    assert "required: DATASET. " in kelly("list").err


def test_the_help_of_list_names_all_that_a_filter_knows(kelly):
    from kelly_tui.store import filters

    words = set(re.findall(r"[\w.]+", kelly("list", "--help").out))
    assert {*filters.NAMES, *filters.IS, "features", "conflict"} <= words


def test_a_fault_of_ours_is_one_line_unless_one_wants_more(kelly, labelled, monkeypatch):
    from kelly_tui.validate import report

    monkeypatch.setattr(report, "validate", lambda *_, **__: 1 / 0)
    said = kelly("validate", "d")
    assert said.code == 2
    assert said.err.startswith("kelly: this is a fault of Kelly: ZeroDivisionError")
    assert said.err.count("\n") == 1
    monkeypatch.setenv("KELLY_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        kelly("validate", "d")


def test_a_file_that_is_closed_is_no_fault_of_ours(kelly, labelled, monkeypatch):
    from kelly_tui.validate import report

    monkeypatch.setattr(report, "validate", lambda *_, **__: (labelled / "config.json" / "x").read_bytes())
    said = kelly("validate", "d")
    assert said.code == 2
    assert said.err.startswith("kelly: can't read or write ")
    assert said.err.endswith("config.json/x: Not a directory\n")


def test_progress_for_the_app_is_json_lines(kelly, labelled):
    said = kelly("extract", "d", "--progress", "json")
    lines = [json.loads(line) for line in said.err.splitlines()]
    assert lines[-1]["stage"] == "extract"
    assert lines[-1]["done"] + lines[-1]["failed"] == lines[-1]["total"] == len(SOURCES) + 1


def test_quiet_says_only_what_failed(kelly, labelled):
    said = kelly("extract", "d", "--quiet")
    assert said.err == ""
    assert [line.split(":")[0].strip() for line in said.out.splitlines()] == ["raw/audio/other/silent.wav"]


def test_rebuild_compares_names_what_differs_and_puts_back_what_is_gone(kelly, labelled):
    kelly("augment", "d", "--multiplier", 1)
    assert kelly("rebuild", "d", "--check", "--json").json["compared"] == len(SOURCES)
    variant = next((labelled / "processed/augmented/midi").rglob("*.mid"))
    data = variant.read_bytes()
    variant.unlink()
    said = kelly("rebuild", "d", "--check")
    assert said.code == 1
    assert f"{variant.relative_to(labelled)}: gone" in said.out
    assert kelly("rebuild", "d").code == 0
    assert variant.read_bytes() == data
    assert kelly("rebuild", "d", "--check").code == 0
    assert kelly("rebuild", "nowhere", "--check").code == 2


def test_a_list_is_sorted_by_what_was_asked(kelly, labelled) -> None:
    usual = [json.loads(row)["file_path"] for row in kelly("list", "d", "--json").out.splitlines()]
    assert usual == sorted(usual)
    falling = [json.loads(row)["file_path"] for row in kelly("list", "d", "--json", "--sort=-path").out.splitlines()]
    assert falling == usual[::-1]
    size = {path: (labelled / path).stat().st_size for path in usual}
    by_size = [json.loads(row)["file_path"] for row in kelly("list", "d", "--json", "--sort", "size").out.splitlines()]
    assert by_size != usual
    assert [size[path] for path in by_size] == sorted(size.values())
    assert "Did you mean syncopation_score" in kelly("list", "d", "--sort", "syncopation_scor").err
    assert kelly("list", "d", "--sort", "note_density").code == 0


def test_splits_are_verified_with_an_exit_code(kelly, labelled):
    assert kelly("split", "d").code == 0
    said = kelly("split", "d", "--verify")
    assert (said.code, said.out.splitlines()[-1]) == (0, "equal to PROOF.json")
    assert kelly("split", "d", "--verify", "--json").json["holds"] is True
    (labelled / "splits" / "val.txt").unlink()
    said = kelly("split", "d", "--verify")
    assert said.code == 1
    assert "DIFFERS: splits/val.txt is gone" in said.out
    (labelled / "splits" / "PROOF.json").unlink()
    said = kelly("split", "d", "--verify")
    assert (said.code, "there is no proof of the splits yet" in said.err) == (2, True)
    assert kelly("split", "d", "--verify", "--reshuffle").code == 2


def test_the_card_is_printed_or_written_and_a_readme_of_a_person_is_kept(kelly, labelled, tmp_path):
    said = kelly("card", "d")
    assert said.code == 0
    assert said.out.startswith("---\npretty_name: d\n")
    assert kelly("card", "d", "--json").json.keys() == {"card", "croissant"}
    out = tmp_path / "out"
    assert kelly("card", "d", "--out", out, "--dry-run").code == 0
    assert not out.exists()
    assert kelly("card", "d", "--out", out).code == 0
    assert (out / "README.md").read_text() == said.out
    assert json.loads((out / "croissant.json").read_text())["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert kelly("card", "d", "--out", out).code == 0, "its own may be written again"
    (out / "README.md").write_text("my own words")
    refused = kelly("card", "d", "--out", out)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert (out / "README.md").read_text() == "my own words"


@pytest.mark.parametrize(
    "words",
    [
        ("history", "d", "--limit", 10**400),
        ("show", "d", "x", "--limit", 10**20),
        ("synthesize", "d", "--dry-run", "--count", 10**400),
        ("augment", "d", "--dry-run", "--multiplier", "9" * 5000),
        ("list", "d", "--seed", 10**20),
        ("serve", "d", "--port", 10**20),
        ("serve", "d", "--port", 65_536),
        ("serve", "d", "--port", -1),
    ],
)
def test_a_number_past_all_counting_is_refused_in_one_line(kelly, labelled, words):
    """SQLite and sockets raised OverflowError, called a fault of Kelly; a count of 10^400 went on for ever."""
    said = kelly(*words)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "fault" not in said.err
    assert str(words[-2]).removeprefix("--") in said.err


def test_a_form_refuses_a_number_past_all_counting():
    for text in ("9" * 5000, str(10**19), str(1 << 63), "100001"):
        with pytest.raises(StageError, match="multiplier can't be "):
            AUGMENTATION[0].check(text)
    assert AUGMENTATION[0].check("100000") == "100000"


def test_label_after_label_is_in_the_manifest_of_a_dataset_named_from_here(kelly, labelled, tmp_path):
    """Where datasets/ is below the folder in which one stands, every path of the dataset is relative."""
    name = json.loads(kelly("list", "d", "--json").out.splitlines()[0])["file_path"]
    for emotion in ("angry", "tense"):
        assert kelly("label", "d", name, f"emotion={emotion}").code == 0
    assert kelly("undo", "d").code == 0
    rows = {
        row["file_path"]: row for row in json.loads((tmp_path / "datasets/d/manifest.json").read_bytes())["samples"]
    }
    assert rows[name]["annotations"]["emotion"] == "angry"

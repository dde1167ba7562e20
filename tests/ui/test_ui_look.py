"""What is shown is right, whole and in a person's words, at the smallest usual terminal too."""

from __future__ import annotations

import ast
import os
import re
import shutil
import threading
from pathlib import Path

import pytest
from textual.geometry import Region

from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.dataset import DatasetConfig, target_model
from kelly_tui.model.edit import Edit
from kelly_tui.model.labels import SOURCES
from kelly_tui.model.sample import Sample
from kelly_tui.paths import PROJECT
from kelly_tui.pipeline.stage import Progress
from kelly_tui.pipeline.standing import Standing
from kelly_tui.settings import PROFILES
from kelly_tui.store import history, query
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.ui.actions import ACTIONS, SCOPES
from kelly_tui.ui.advice import Advice
from kelly_tui.ui.keymap import changed_keymap, default_keymap
from kelly_tui.ui.paint import fit, fit_name, folded, length
from kelly_tui.ui.screens import listening, pipeline
from kelly_tui.ui.screens.datasets import last_work, states_in
from kelly_tui.ui.screens.help import help_lines
from kelly_tui.ui.screens.new_dataset import model_entries
from kelly_tui.ui.screens.pipeline import in_lines
from kelly_tui.ui.theme import SOURCE_GLYPH
from kelly_tui.ui.widgets.columns import all_columns
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.form import summary
from kelly_tui.ui.widgets.scores import ScoresPanel
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.widgets.too_small import TooSmall
from kelly_tui.ui.words import field_word
from tests.ui.conftest import Open


async def test_the_music_of_a_sample_is_never_shown_under_anothers_name(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = threading.Event()
    may_read.set()
    read = listening.read_picture

    def slowly(*arguments: object) -> object:
        assert may_read.wait(30)
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(listening, "read_picture", slowly)
    async with open_desk(root) as desk:
        music = desk.app.workstation.music  # type: ignore[union-attr]
        assert music.picture is not None
        may_read.clear()
        await desk.pilot.press("j")
        await desk.until(lambda: "birch.mid" in desk.text())
        assert music.picture is None
        may_read.set()
        await desk.settle()
        assert music.picture is not None


async def test_history_says_all_that_matters_at_80_columns(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("3", "z", "4", "g", "h")
        lines = desk.text().splitlines()
        assert all("…" not in line for line in lines)
        first = next(line for line in lines if "peaceful" in line)
        assert first.removeprefix("▌").split()[2:] == ["edit", "birch", "emotion", "sad", "→", "peaceful"]


@pytest.mark.parametrize(
    ("keys", "title"), [("", "Samples"), ("g h", "History"), ("g v", "Report"), ("e", "All fields")]
)
async def test_help_begins_where_one_is_and_cuts_no_word(open_desk: Open, root: Path, keys: str, title: str) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press(*keys.split(), "?")
        text = desk.text()
        assert text.splitlines()[2].strip() == title
        assert "…" not in text
        assert len([line for line in text.splitlines() if line.strip() == title]) == 1


async def test_an_unsure_label_does_not_look_like_a_sure_one(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("2", "z", "3")
        lines = desk.text().splitlines()
        assert "sad ~" not in next(line for line in lines if "amber" in line)
        assert "angry ~" in next(line for line in lines if "birch" in line)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids="{0[0]}x{0[1]}".format)
async def test_the_balance_of_the_imported_alone_stands_beside_that_of_all(
    open_desk: Open, root: Path, size: tuple[int, int]
) -> None:
    async with open_desk(root, size=size, filter="grove") as desk:  # all but generated and variants: happy, sad, tense
        text = desk.text()
        assert "Balance 57%" in text
        assert "imported 51%" in text
        assert "gn" in text


async def test_a_filter_is_in_sight_at_80_columns(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("/")
        await desk.type("type:midi")  # which all are
        assert "/type:midi   10 of 10" in desk.text().splitlines()[0]
        await desk.press("/")
        await desk.type("")
        assert "10 samples" in desk.text().splitlines()[0]


def test_every_field_has_a_name_that_a_person_says() -> None:
    from kelly_tui.model.annotation import FIELDS

    assert not [name for name in FIELDS if "_" in field_word(name)]


def test_no_word_is_cut_in_two() -> None:
    assert fit("a file can't be read", 12) == "a file…     "
    assert fit("a file can't be read", 15) == "a file can't…  "
    assert fit("harbour_lights", 8) == "harbour…"
    assert folded("one two three", 7) == ["one two", "three"]
    assert folded("overlong word", 4) == ["overlong", "word"]


async def test_what_was_said_of_a_sounding_sample_is_not_said_of_the_next(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        for key, says in (("p", "loops"), ("t", "heard -1"), ("O", "loops")):
            await desk.press(key)
            assert says in desk.said
            await desk.press("j")
            assert desk.said == ""


async def test_a_point_of_the_pad_that_was_left_does_not_look_saved(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("V", "l")
        assert "+0.25" in desk.said
        await desk.press("escape")
        assert desk.said == ""
        assert "valence" not in desk.values("amber")


async def test_history_says_who_said_so_where_only_that_changed(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("z", "4", "k", "4", "g", "h")
        assert "peaceful • unsure → peaceful •" in desk.text()


async def test_a_warning_is_whole_while_a_stage_runs() -> None:
    line = StatusLine()
    line.message = ("synthesize is running. ctrl+q again stops it, what is done is kept, esc stays", "broken")
    line.progress = Progress("synthesize", 57, 2760, 0, 25.0, 85.0)
    for width in (80, 120):
        painted = "".join(text for text, _ in line.paint(width, 1)[0])
        assert line.message[0] in painted
    line.message = ("x" * 200, "dim")
    assert "57/2,760" in "".join(text for text, _ in line.paint(80, line.wanted(80))[0])


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_the_footer_says_at_80_columns_how_to_leave(scope: str) -> None:
    leaves = [action for action in ACTIONS if action.id == "back" and scope in action.scopes]
    painted = "".join(text for text, _ in Footer(default_keymap(), scope).paint(80, 1)[0])
    assert all("esc leave" in painted for _ in leaves)


def test_a_copy_of_a_dataset_goes_by_its_folder(root: Path) -> None:
    shutil.copytree(root, root.with_name("copy"))
    assert {state.name for state in states_in(root.parent)} == {root.name, "copy"}


def test_last_work_is_no_look_at_the_dataset(root: Path) -> None:
    before = states_in(root.parent)
    with Catalogue.open(root) as catalogue:
        for path in catalogue.layout.kelly_dir.iterdir():  # as a checkpoint by a mere reader does
            os.utime(path, (0, 0))
        assert states_in(root.parent) == before
        last = history.edit(catalogue, [Edit(next(catalogue.samples()).sample_id, "notes", Label("x"))], "me").events[0]
        assert last_work(catalogue) == last.at


@pytest.mark.parametrize("width", range(8, 40))
def test_siblings_in_a_narrow_list_do_not_look_alike(width: int) -> None:
    names = [f"X1p8xcarVu0_{number}" for number in range(4)] + [
        "夜の電車 1",
        "夜の電車 2",
        "Take Five 1",
        "Take Five 2",
    ]
    shown = [fit_name(name, width) for name in names]
    assert len(set(shown)) == len(names)
    assert all(length([(one, "")]) == width for one in shown)


def test_the_form_for_a_new_dataset_is_whole_at_80_columns() -> None:
    assert all(length(entry.line) <= 80 for entry in model_entries(target_model("groove_predictor")))


def test_a_long_line_of_a_stages_log_is_whole() -> None:
    assert in_lines("  sad/a.mid: truncated in a track", 20) == ["     sad/a.mid:", "     truncated in a", "     track"]


async def test_one_value_is_typed_anew_and_a_text_goes_on(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        for keys, field, value in ((("K", "D"), "key", "D"), (("K", "C", "#", "m"), "key", "C#")):
            await desk.press(*keys, "enter")
            assert desk.values("amber")[field] == value
        await desk.press("K", "backspace", "enter")
        assert "key" not in desk.values("amber")
        await desk.press("e", "G", "enter", "o", "h", "enter", "enter", "!", "enter")
        assert desk.values("amber")["notes"] == "oh!"


async def test_scores_and_too_small_are_whole_in_little_room(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(60, 16)) as desk:
        scores = next(line for line in desk.text().splitlines() if "Balance" in line)
        assert re.search(r"Quality +\d+%.* gn", scores)
    painted = TooSmall().paint(20, 8)
    assert "".join(text for line in painted for text, _ in line).split() == (
        ["20x8", "is", "too", "small:", "make", "it", "60x16", "or", "more"]
    )


async def test_how_a_stage_stands_is_whole_at_80_columns(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "its process died, begun 21:14; start it again to go on; 335 generated; to do: 2,665 lacking"
    monkeypatch.setattr(pipeline, "standings", lambda catalogue: {"import": Standing("failed", words)})
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("g", "p")
        assert words in " ".join(desk.text().split())


LONG = (
    "extract: 812 done in 0:31, 2 failed: raw/midi/broken tape.mid: truncated in a track; the list (‹failed›) has both"
)


async def test_a_message_that_needs_two_lines_has_them_for_as_long_as_it_stands(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        assert "Balance" in desk.text()
        desk.app.workstation.say(LONG)  # type: ignore[union-attr]
        await desk.settle()
        above, below = desk.text().splitlines()[-3:-1]
        assert f"{above.strip()} {below.strip()}" == default_keymap().in_words(LONG)
        await desk.pilot.resize_terminal(160, 48)
        await desk.settle()
        assert default_keymap().in_words(LONG) in desk.text()
        await desk.pilot.resize_terminal(80, 24)
        await desk.press("2")
        assert "amber: emotion sad" in desk.text().splitlines()[-2]
        assert "Balance" in desk.text()
        await desk.press("g", "v")
        desk.app.screen.say(LONG)  # type: ignore[attr-defined]
        await desk.settle()
        assert (
            "".join(line.strip() + " " for line in desk.text().splitlines()[-3:-1])
            == f"{default_keymap().in_words(LONG)} "
        )


def test_a_stage_and_a_message_are_both_whole_at_80_columns() -> None:
    line = StatusLine()
    line.message = ("amber: chords C G/B Am7 F, 1 edit, 12 samples", "dim")
    line.progress = Progress("synthesize", 57, 2760, 0, 25.0, 85.0, "raw/midi/x.mid: truncated")
    assert line.wanted(80) == 2
    stage, message = ("".join(text for text, _ in one) for one in line.paint(80, 2))
    assert "1:25 left   raw/midi/x.mid: truncated" in stage
    assert message.strip() == line.message[0]
    assert line.wanted(160) == 1


def test_what_a_person_said_is_in_the_line_of_facts_whatever_else_is_known() -> None:
    heard = {"key": "A", "mode": "minor", "tempo_bpm": 120.0, "time_signature": "4/4", "swing_ratio": 0.55,
             "groove_type": "laid_back", "articulation": "staccato", "dynamic_range": "mf"}  # fmt: skip
    labels = {name: Label(value, "detector", confidence=0.9) for name, value in heard.items()}
    labels["chord_progression"] = Label(["C", "G/B", "Am7"])
    sample = Sample(
        sample_id="0" * 16, file_path="raw/midi/amber.mid", file_type="midi", sha256="0" * 64, labels=labels
    )
    config = DatasetConfig(dataset_id="songs", target_model="emotionrecognizer")
    facts = "".join(text for text, _ in summary(sample, config, 79, {}))
    assert facts == "key Am ◆   120 BPM ◆   4/4 ◆   swing 0.55 ◆   laid_back ◆   C G/B Am7 •"


def test_what_the_model_needs_is_in_the_line_of_facts_also_where_it_is_only_suggested() -> None:
    found = {"key": "A", "mode": "minor", "tempo_bpm": 120.0, "time_signature": "4/4", "swing_ratio": 0.55,
             "groove_type": "laid_back", "articulation": "staccato", "melodic_contour": "arch"}  # fmt: skip
    labels = {name: Label(value, "detector", confidence=0.9) for name, value in found.items()}
    sample = Sample(
        sample_id="0" * 16, file_path="raw/midi/amber.mid", file_type="midi", sha256="0" * 64, labels=labels
    )

    def facts(model: str, heard: dict[str, Value]) -> str:
        config = DatasetConfig(dataset_id="songs", target_model=model)
        return "".join(text for text, _ in summary(sample, config, 79, heard))

    assert facts("emotionrecognizer", {"valence": -0.2, "arousal": 0.58}) == (
        "valence -0.2?   arousal 0.58?   key Am ◆   120 BPM ◆   4/4 ◆   swing 0.55 ◆"
    )
    assert facts("melodytransformer", {}).endswith("contour arch ◆")
    assert "laid_back" not in facts("groovepredictor", {}), "it is what is asked above"
    labels["valence"] = Label(0.5)
    assert facts("groovepredictor", {}).startswith("valence 0.5 •   key Am")


def test_an_advice_gives_up_what_stands_around_it_before_a_word_of_its_own() -> None:
    panel = ScoresPanel("gn")
    panel.advice = Advice("tense lacks 91: 40 unlabelled look like it", brief="tense lacks 91: 40 look like it")
    for room, told in (
        (60, "next: tense lacks 91: 40 unlabelled look like it  press gn "),
        (53, "next: tense lacks 91: 40 unlabelled look like it  gn "),
        (47, "tense lacks 91: 40 unlabelled look like it  gn "),
        (42, "next: tense lacks 91: 40 look like it  gn "),
        (36, "tense lacks 91: 40 look like it  gn "),
        (34, "next: tense lacks 91  press gn "),
        (18, "tense lacks 91  gn "[:18]),
    ):
        said = "".join(text for text, _ in panel._next(room))
        assert said == told or (room == 18 and said == "next: gn ")


async def test_a_panel_that_has_become_lower_may_be_drawn_once_more_where_it_was(open_desk: Open, root: Path) -> None:
    """So does the framework when a message of two lines takes one of the scores': the app ended of it."""
    async with open_desk(root) as desk:
        panel = desk.app.screen.query_one(ScoresPanel)
        width, height = panel.size
        drawn = panel.render_lines(Region(0, 0, width, height + 1))
        assert [strip.cell_length for strip in drawn] == [width] * (height + 1)
        assert not drawn[-1].text.strip()


async def test_a_reason_that_was_of_another_sample_is_not_said_of_this(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("e", "j", "j", "j")
        form, workstation = desk.form, desk.app.workstation
        assert workstation is not None
        form.explain({form.field or "": "too few notes"})
        workstation.say_why()
        assert desk.said.endswith(": too few notes")
        workstation.table.move(1)
        await desk.settle()
        assert desk.said == ""


@pytest.mark.parametrize("field", ["emotion", "key", "tempo_bpm", "groove_type", "valence"])
def test_where_a_label_came_from_is_read_without_colour(root: Path, field: str) -> None:
    value: object = {"emotion": "sad", "key": "A", "groove_type": "swing"}.get(field, 0.5)
    column = next(one for one in all_columns("emotion").values() if one.sort == field)
    shown = {}
    with Catalogue.open(root) as catalogue:
        found = query.rows(catalogue, [1])[0]
    for source in SOURCES:
        for letter in (source[0], source[0].upper()):
            row = found._replace(**{field: value}, sources={field: letter})
            shown[source, letter] = column.cell(row)[0]
    unmarked = shown["human", "h"]
    assert len(set(shown.values())) >= 2 * len(SOURCES) - 1  # a model's guess is one, sure or not
    for (source, letter), text in shown.items():
        assert text.startswith(unmarked)
        assert ("~" in text) == (letter.isupper() and source != "model")
        assert (SOURCE_GLYPH[source] in text) == (source != "human")
    told = "\n".join("".join(text for text, _ in line) for line in help_lines(default_keymap(), "list", 80))
    assert all(re.search(rf"^ +{re.escape(mark)}   \w", told, re.MULTILINE) for mark in (*SOURCE_GLYPH.values(), "~"))


@pytest.mark.parametrize("profile", PROFILES)
def test_sentences_name_the_keys_of_the_profile(profile: str) -> None:
    keymap = changed_keymap({"accept": "f2", "unmark": "f3", "open": "f4", "back": "f5"}, profile)
    said = keymap.in_words("‹accept› confirms, ‹unmark› unmarks, ‹open› opens, ‹back› leaves")
    assert said == "f2 confirms, f3 unmarks, f4 opens, f5 leaves"
    told = "\n".join("".join(text for text, _ in line) for line in help_lines(keymap, "list", 80))
    assert "the worst first: f2 confirms" in told


def test_no_sentence_names_a_key_that_a_profile_may_change() -> None:
    """Keys of the prompt are its own; others are those of actions."""
    fixed = re.compile(r"\b(enter|esc) (leaves|lists|confirms|says|starts|types|takes|opens)\b|\benter: ")
    own = re.compile("enter saves, (empty clears, )?esc leaves")
    for path in (PROJECT / "kelly_tui" / "ui").rglob("*.py"):
        strings = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
        docs = {ast.get_docstring(node, clean=False) for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))}  # fmt: skip
        for text in strings:
            if isinstance(text, str) and text not in docs and "``" not in text:
                assert not fixed.search(own.sub("", text)), (path, text)

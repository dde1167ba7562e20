"""Keys that label: what is stored, where the cursor goes, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.edit import Edit
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.history import put_labels
from kelly_tui.ui import edits
from tests.ui.conftest import Open


@pytest.mark.exercises("label", "undo", "redo", "repeat", "unsure", "down", "up")
async def test_a_digit_labels_saves_goes_on_and_plays_and_can_be_undone(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        assert desk.here == "amber"
        await desk.press("2")
        assert desk.values("amber")["emotion"] == "sad"
        label = desk.stored("amber").labels["emotion"]
        assert (label.source, label.by) == ("human", "tester")
        assert desk.stored("amber").decision == "labelled"
        assert desk.here == "birch"
        assert desk.sound.loaded == "birch"
        assert desk.sound.state.playing
        assert "saved 14:02:11" in desk.text()

        await desk.press("u")
        assert "emotion" not in desk.values("amber")
        assert desk.stored("amber").decision == "pending"
        assert desk.here == "amber"
        assert "undo emotion sad · amber" in desk.said

        await desk.press("ctrl+r")
        assert desk.values("amber")["emotion"] == "sad"
        assert desk.here == "amber"

        await desk.press("j", "j", "j", "down", "k", "up", "j", "j", "j")
        assert desk.here == "fern"
        await desk.press(".")
        assert desk.values("fern")["emotion"] == "sad"
        assert desk.here == "fern"

        await desk.press("z", "8")
        assert desk.stored("fern").labels["emotion"].unsure
        assert desk.values("fern")["emotion"] == "neutral"
        assert desk.here == "grove"


async def test_a_digit_without_a_label_says_so(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("9")
        assert "there is no label 9" in desk.said
        assert desk.here == "amber"
        assert desk.values("amber") == {}


@pytest.mark.exercises("accept")
async def test_enter_takes_the_guesses_and_verifies(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("enter")
        assert "emotion is open" in desk.said
        assert "is_verified" not in desk.values("amber")
        await desk.press("j", "j", "enter")
        labels = desk.stored("cedar").labels
        assert labels["emotion"].value == "happy"
        assert {labels[name].source for name in ("emotion", "key", "mode", "tempo_bpm", "is_verified")} == {"human"}
        assert desk.stored("cedar").decision == "labelled"
        assert desk.here == "dune"


@pytest.mark.exercises("affect")
async def test_v_and_two_digits_are_valence_and_arousal(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("v")
        assert "valence and arousal" in desk.text().splitlines()[-1]
        await desk.press("9", "5")
        assert desk.values("amber") == {"valence": 1.0, "arousal": 0.0}
        assert desk.here == "amber"
        await desk.press("v", "1", "0")
        assert "0 is no arousal" in desk.said


@pytest.mark.exercises("key", "mode", "chords")
async def test_key_mode_and_chords_are_typed(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("K")
        await desk.type("Bb minor")
        assert desk.values("amber") == {"key": "A#", "mode": "minor"}
        await desk.press("M")
        await desk.type("dorain")
        assert "Did you mean dorian?" in desk.hint
        await desk.press("escape")
        assert desk.values("amber")["mode"] == "minor"
        await desk.press("c")
        await desk.type("Am F C/E G7")
        assert desk.values("amber")["chord_progression"] == ["Am", "F", "C/E", "G7"]


@pytest.mark.exercises("skip", "skip_reason", "flag", "reject")
async def test_skip_flag_and_reject_decide(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("s")
        assert desk.stored("amber").decision == "skipped"
        await desk.press("S")
        await desk.type("ambiguous")
        assert (desk.stored("birch").decision, desk.stored("birch").skip_reason) == ("skipped", "ambiguous")
        assert desk.here == "cedar"
        await desk.press("f")
        assert desk.stored("cedar").decision == "flagged"
        await desk.press("f")
        assert desk.stored("cedar").decision == "pending"
        await desk.press("x")
        assert "emotion" not in desk.values("cedar")
        await desk.press("x")
        assert "no guess to refuse" in desk.said
        await desk.press("j", "j", "x")
        assert desk.here == "elm"
        assert desk.stored("elm").rejected
        await desk.press("x")
        assert not desk.stored("elm").rejected


@pytest.mark.exercises("edit", "edit_field", "choose", "clear_field", "back", "last", "first")
async def test_every_field_can_be_edited_in_the_form(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("e", "3")
        assert desk.values("amber")["emotion"] == "angry"
        assert desk.here == "amber"
        await desk.press("j", "enter")
        await desk.type("1.5")
        assert "Wanted: a number -1..1" in desk.hint
        await desk.type("-.5")
        assert desk.values("amber")["valence"] == -0.5
        await desk.press("backspace")
        assert "valence" not in desk.values("amber")
        await desk.press("2")
        assert desk.values("amber")["valence"] == -0.75
        await desk.press("0")
        assert "0 is no valence" in desk.said
        await desk.press("G")
        assert desk.form.field == "notes"
        await desk.press("enter")
        await desk.type("a [bold] note")
        assert desk.values("amber")["notes"] == "a [bold] note"
        assert "a [bold] note" in desk.text()
        await desk.press("g", "g")
        assert desk.form.field == "emotion"
        await desk.press("escape", "j")
        assert desk.here == "birch"


async def test_undo_of_what_another_changed_since_leaves_it_alone(open_desk: Open, root: Path) -> None:
    from kelly_tui.model.annotation import Label
    from kelly_tui.model.edit import Edit
    from kelly_tui.store import history
    from kelly_tui.store.catalogue import Catalogue

    async with open_desk(root) as desk:
        await desk.press("2")
        with Catalogue.open(root) as other:
            history.edit(other, [Edit(f"{0:016x}", "emotion", Label("angry"))], "another")
        await desk.press("u")
        assert desk.values("amber")["emotion"] == "angry"
        assert "left alone" in desk.said


async def test_nothing_to_undo_is_said(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("u")
        assert desk.said == "nothing to undo"


async def test_what_was_done_to_a_variant_is_said_with_its_songs_name(open_desk: Open, root: Path) -> None:
    async with open_desk(root, filter="is:augmented") as desk:
        await desk.press("1", "u")
        assert "undo emotion happy · dune  transpose" in desk.said


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"decision": "skipped", "skip_reason": "licence"}, "skipped, because licence"),
        ({"decision": "flagged"}, "flagged"),
        ({"decision": "pending"}, "no longer flagged"),
        ({"rejected": True}, "refused"),
        ({"emotion": "sad", "is_verified": True}, "emotion sad, verified"),
        ({"valence": 0.5, "is_verified": False}, "valence 0.5, not verified"),
    ],
)
def test_what_was_decided_is_said_in_english(made: dict[str, Value], words: str) -> None:
    assert edits.in_words([Edit("0" * 16, field, Label(value)) for field, value in made.items()]) == words


async def test_the_form_offers_digits_only_where_they_choose(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("e")
        assert "1-8 choose" in desk.text()
        await desk.press("j")  # valence, which has a scale
        assert "1-9 choose" in desk.text()
        while desk.form.field != "tempo_bpm":
            await desk.press("j")
        assert "choose" not in desk.text()
        await desk.press("1")
        assert "no digit says a tempo" in desk.said
        await desk.press("k")  # a key that is obeyed takes the refusal of the last one back
        assert desk.said == ""
        await desk.press("escape")
        assert "1-8 label" in desk.text()


async def test_the_form_says_what_a_detected_label_rests_on(open_desk: Open, root: Path) -> None:
    features = root / "processed/features/am/amber.json"
    features.parent.mkdir(parents=True, exist_ok=True)
    features.write_text('{"why": {"swing_ratio": "31 beats, none divided", "emotion": "never said"}}')
    with Catalogue.open(root) as catalogue:
        amber = catalogue.samples(f"id:{0:016x}").__next__()
        catalogue.put_features([FeatureRow(amber.sample_id, "k", "processed/features/am/amber.json", 8.0, [], {})])
        put_labels(catalogue, {amber.sample_id: {"emotion": Label("sad")}}, "edit", "anna")
    async with open_desk(root) as desk:
        desk.app.workstation.rest()
        await desk.settle()
        await desk.press("e")
        assert "never said" not in desk.text()  # a person has labelled it
        while desk.form.field != "swing_ratio":
            await desk.press("j")
        await desk.settle()
        assert desk.said == "swing: 31 beats, none divided"
        await desk.press("k")
        assert any("swing" in line and "31 beats, none divided" in line for line in desk.text().splitlines())
        await desk.press("escape")
        assert desk.said == ""


@pytest.mark.parametrize(("size", "shown"), [((160, 48), "100% likely; next"), ((120, 40), "100% likely;")])
async def test_what_a_detected_label_rests_on_stands_beside_it_once_the_cursor_rests(
    open_desk: Open, root: Path, size: tuple[int, int], shown: str
) -> None:
    features = root / "processed/features/di/dune.json"
    features.parent.mkdir(parents=True, exist_ok=True)
    features.write_text('{"why": {"key": "100% likely; next C major, 0%", "chord_progression": "said of a person\'s"}}')
    with Catalogue.open(root) as catalogue:
        dune = catalogue.find("dune")
        catalogue.put_features([FeatureRow(dune.sample_id, "k", "processed/features/di/dune.json", 8.0, [], {})])
        put_labels(catalogue, {dune.sample_id: {"chord_progression": Label(["C"])}}, "edit", "anna")
    async with open_desk(root, size=size) as desk:
        await desk.press("j", "j", "j")
        assert desk.here == "dune"
        desk.app.workstation.rest()
        await desk.settle()
        (line,) = [line for line in desk.text().splitlines() if "◆ .94" in line]
        assert shown in line.partition("◆ .94")[2]
        assert "said of a person" not in desk.text()
        await desk.press("j")  # elm has no features, and nothing of dune's is said of it
        assert "likely" not in desk.text()


@pytest.mark.exercises("earlier", "later")
async def test_one_goes_back_to_what_one_has_decided_and_on_again(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("(")
        assert "nothing earlier" in desk.said
        await desk.press("1", "s", "j", "2")  # amber, birch, dune
        assert desk.here == "elm"
        seen = []
        for key in "(((()))":
            await desk.press(key)
            seen.append(desk.here)
        assert seen == ["dune", "birch", "amber", "amber", "birch", "dune", "dune"]
        assert "nothing later" in desk.said
        await desk.press("(", "(", "5", "(")  # a decision again is the last
        assert desk.here == "amber"
        assert desk.values("amber")["emotion"] == "tense"
        await desk.press("/")
        await desk.type("emotion:tense")
        await desk.press("(")
        assert "not in this list" in desk.said

"""Fields by key: `a` and a letter, guesses one by one, chords that are heard, valence and arousal ridden along."""

from __future__ import annotations

from pathlib import Path

import pretty_midi
import pytest

from kelly_tui.model.annotation import Label
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import put_labels
from kelly_tui.store.rides import rides
from tests.ui.conftest import Open


@pytest.mark.exercises("set_emotion", "set_dominance", "set_groove", "set_articulation", "set_dynamics", "set_contour",
                       "set_range", "set_quality")  # fmt: skip
async def test_a_letter_and_a_digit_choose(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("a", "g")
        assert "2 swing" in desk.text().splitlines()[-1]
        await desk.press("2", "a", "e", "4", "a", "o", "9", "a", "a", "1", "a", "d", "5", "a", "c", "3", "a", "r", "3")
        await desk.press("a", "q", "7")
        assert desk.values("amber") == {
            "emotion": "peaceful", "dominance": 1.0, "groove_type": "swing", "articulation": "legato",
            "dynamic_range": "f", "melodic_contour": "arch", "pitch_range": "wide", "quality_score": 0.7,
        }  # fmt: skip
        assert desk.here == "amber"
        await desk.press("a", "q", "0", "a", "o", "0")
        assert desk.values("amber")["quality_score"] == 1.0
        assert "0 is no dominance" in desk.said


@pytest.mark.exercises("set_tempo", "set_meter", "set_swing", "set_tags", "set_breaks", "set_notes", "halve", "double")
async def test_a_letter_and_a_line_are_typed(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("{")
        assert "no tempo yet" in desk.said
        for keys, text in (("ab", "90"), ("am", "6/8"), ("aw", "0.66"), ("at", "rain slow"), ("an", "[b]oom")):
            await desk.press(*keys)
            await desk.type(text)
        await desk.press("{", "}", "}")
        await desk.press("a", "x", *"harmony_mod", "tab", "enter")
        assert desk.values("amber") == {
            "tempo_bpm": 180.0, "time_signature": "6/8", "swing_ratio": 0.66, "tags": ["rain", "slow"],
            "notes": "[b]oom", "rule_breaks": ["HARMONY_ModalInterchange"],
        }  # fmt: skip
        await desk.press("j", "a", "t", *"ra")
        assert "rain" in desk.hint
        await desk.press("tab", "space", *"sl", "tab", "enter")
        assert desk.values("birch")["tags"] == ["rain", "slow"]


@pytest.mark.exercises("accept_field", "refuse_field", "refuse_all")
async def test_one_guess_is_accepted_or_refused_or_all_are_refused(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j", "e", "a", "escape")
        labels = desk.stored("cedar").labels
        assert (labels["emotion"].source, labels["key"].source) == ("human", "detector")
        await desk.press("e")
        while desk.form.field != "key":
            await desk.press("j")
        await desk.press("x")
        assert "key" not in desk.values("cedar")
        await desk.press("a")
        assert "no guess of key" in desk.said
        await desk.press("escape", "a", "X")
        assert desk.values("cedar") == {"emotion": "happy"}
        assert desk.stored("cedar").refused == ["key:A", "mode:minor", "tempo_bpm:120.0"]
        await desk.press("a", "X")
        assert "no guess to refuse" in desk.said
    with Catalogue.open(root) as catalogue:
        put_labels(
            catalogue, {f"{2:016x}": {"key": Label("A", "detector"), "mode": Label("dorian", "detector")}}, "stage", "x"
        )
        again = catalogue.get(f"{2:016x}")
    assert again is not None
    assert again.annotations == {"emotion": "happy", "mode": "dorian"}  # what was refused does not come back


@pytest.mark.exercises("hide_guesses")
async def test_guesses_are_hidden_until_one_has_decided(open_desk: Open, root: Path) -> None:
    async with open_desk(root, hide_guesses=True) as desk:
        assert "happy?" not in desk.text()
        await desk.press("j", "j")
        assert ".94" not in desk.text()
        await desk.press("enter")
        assert "guesses are hidden" in desk.said
        assert desk.stored("cedar").labels["emotion"].source == "model"
        await desk.press("2", "k")
        assert desk.here == "cedar"
        assert ".94" in desk.text()
        await desk.press("a", "h", "j", "j", "j")
        assert "tempo        120 BPM" in desk.text()


async def test_a_chord_is_heard_as_it_is_typed_and_the_sample_comes_back(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j")  # A minor
        await desk.until(lambda: desk.sound.loaded == "cedar")
        desk.sound.state.position = 3.0
        desk.sound.asked.clear()
        await desk.press("c", *"Am")
        assert ("play",) not in desk.sound.asked  # it could still become Am7
        await desk.press("space")
        assert [what for what in desk.sound.asked if what[0] in ("load", "play")] == [("load", b"Am".hex()), ("play",)]
        assert "in Am: i" in desk.hint
        await desk.press(*"E/G# ")
        assert desk.sound.loaded == b"E/G#".hex()
        assert "in Am: i V6" in desk.hint
        await desk.press(*"H")
        assert "'H' is no chords" in desk.hint
        await desk.press("backspace", "enter")
        assert desk.values("cedar")["chord_progression"] == ["Am", "E/G#"]
        assert desk.sound.loaded == "cedar"
        assert ("seek", 3.0) in desk.sound.asked
        assert "Am E/G# · i V6" in desk.text()


def test_a_struck_chord_has_the_notes_of_its_name(tmp_path: Path) -> None:
    from kelly_tui.render.struck import write_chord

    write_chord("C/E", tmp_path / "x.mid")
    notes = pretty_midi.PrettyMIDI(str(tmp_path / "x.mid")).instruments[0].notes
    assert min(note.pitch for note in notes) % 12 == 4
    assert {note.pitch % 12 for note in notes} == {0, 4, 7}
    assert all(1 < note.end - note.start < 2 for note in notes)


@pytest.mark.exercises("ride", "ride_point", "ride_save")
async def test_a_ride_is_kept_and_its_median_becomes_the_label(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("R")
        sound, workstation = desk.sound, desk.app.workstation
        assert workstation is not None
        assert sound.state.playing
        workstation.look_at_ride()
        await desk.press("enter")
        assert "2 seconds or more" in desk.said
        sound.state.position = 1.0
        await desk.press("9", "9")
        sound.state.position = 3.0
        await desk.press("left", "down")
        sound.state.position, sound.state.playing = 7.9, False
        workstation.look_at_ride()
        await desk.settle()
        assert desk.values("amber") == {"valence": 0.75, "arousal": 0.75}
        assert workstation.place == "list"
        (kept,) = rides(workstation.session.catalogue.layout, f"{0:016x}")
        assert kept.by == "tester"
        assert kept.valence == [0.0] * 2 + [1.0] * 4 + [0.75] * 10
        await desk.press("u")
        assert desk.values("amber") == {}

        await desk.press("R", "escape")
        assert desk.values("amber") == {}


@pytest.mark.exercises("ride", "compare", "loop")
async def test_a_ride_is_about_the_sample_itself_and_whole(open_desk: Open, root: Path) -> None:
    """Not about what it was made from, a loop, or a sample that was clicked meanwhile: these have other seconds."""
    async with open_desk(root) as desk:
        sound, workstation = desk.sound, desk.app.workstation
        assert workstation is not None
        await desk.press("j", "j", "j", "j", "tab", "O")
        assert sound.loaded == "dune"
        await desk.press("R")
        assert (sound.loaded, sound.state.position, sound.state.loop, sound.state.playing) == ("elm", 0.0, None, True)
        workstation.look_at_ride()
        sound.state.position = 5.0
        workstation.table.cursor = 0
        await desk.settle()
        workstation.look_at_ride()
        assert workstation.place == "list"
        assert rides(workstation.session.catalogue.layout, f"{4:016x}") == []

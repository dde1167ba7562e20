"""What is asked of the sound, and what the transport and the picture show."""

from __future__ import annotations

import sqlite3
from array import array
from pathlib import Path

import pytest
from textual.events import Key

from kelly_tui.ui.screens import workstation
from kelly_tui.ui.widgets.music_view import MusicView
from tests.ui.conftest import FakeState, Open, write_midi

LEADS = ("load", "switch", "prepare", "decks")
"""What leads the sound process to a file."""


@pytest.mark.exercises("play", "seek_on", "seek_back", "bar_on", "bar_back", "slower", "faster", "normal_speed")
async def test_play_and_seek_by_beat_and_bar(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        state = desk.sound.state
        assert desk.sound.loaded == "amber"
        assert not state.playing
        await desk.press("space")
        assert state.playing
        await desk.press("l")
        assert state.position == pytest.approx(0.5)
        await desk.press("L")
        assert state.position == pytest.approx(2.0)
        await desk.press("L", "H")
        assert state.position == pytest.approx(2.0)
        await desk.press("h")
        assert state.position == pytest.approx(1.5)
        await desk.press("]")
        assert state.speed == pytest.approx(1.1)
        await desk.press("[", "[")
        assert state.speed == pytest.approx(1 / 1.1)
        assert "×0.91" in desk.text()
        await desk.press("\\")
        assert state.speed == 1.0
        await desk.press(*"]" * 9)
        assert state.speed == 2.0
        state.speed = 1.0  # the sound process has not followed yet
        await desk.press("[")
        assert state.speed == pytest.approx(2 / 1.1)
        await desk.press("\\")
        await desk.press("space")
        assert not state.playing


async def test_a_key_before_the_cursor_has_rested_means_the_sample_under_it(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk(root) as desk:
        monkeypatch.setattr(workstation, "REST", 30.0)
        await desk.pilot.press("j", "space")
        assert (desk.sound.loaded, desk.sound.state.playing) == ("birch", True)
        assert desk.app.workstation is not None
        desk.app.workstation.action_down()
        desk.app.workstation.action_play()  # in one burst: the news that the cursor moved comes after both keys
        await desk.pilot.pause()
        assert (desk.sound.loaded, desk.sound.state.playing) == ("cedar", True)
        desk.app.workstation._rested()  # the timer had gone off before the key came
        assert desk.sound.state.playing
        await desk.settle()


async def test_a_key_before_the_sound_process_is_there_is_heard_once_it_is(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        sound, desk.app.engine = desk.sound, desk.app._silence
        await desk.press("space")
        assert not sound.state.playing
        desk.app._make_sound = lambda settings: sound
        desk.app._start_sound()
        assert sound.state.playing


async def test_a_key_before_the_list_is_there_is_heard_once_it_is(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        workstation = desk.app.workstation
        assert workstation is not None
        workstation.table.show(array("q"), workstation._fetch)  # as at a start on a busy machine
        await desk.settle()
        workstation.find("")
        desk.app.post_message(Key("space", " "))
        await desk.settle()
        assert (desk.sound.loaded, desk.sound.state.playing, desk.said) == ("amber", True, "")


@pytest.mark.parametrize("how", ["manifest", "link", "circle"])
async def test_nothing_outside_of_the_dataset_is_heard_or_drawn(open_desk: Open, root: Path, how: str) -> None:
    outside = root.parent / "secret.mid"
    write_midi(outside)
    inside = root / "raw/midi/amber.mid"
    inside.unlink()
    if how == "link":
        inside.symlink_to(outside)
    elif how == "circle":
        inside.symlink_to(inside)
    with sqlite3.connect(root / ".kelly/catalogue.sqlite") as db:
        db.execute("UPDATE samples SET status = 'ok'")
        if how == "manifest":
            db.execute("UPDATE samples SET file_path = '../secret.mid' WHERE file_path LIKE '%amber%'")
    db.close()
    async with open_desk(root) as desk:
        await desk.press("space")
        assert desk.said.startswith("there is nothing to play")
        assert "the path " in desk.text()
        assert desk.app.screen.query_one(MusicView).picture is None
        await desk.press("j", "k", "tab", "b", "o", "j", "k", "escape")
        heard = [name for asked, *names in desk.sound.asked if asked in LEADS for name in names]
        assert not {"secret", "amber"} & set(heard)
        await desk.press("j", "space")
        assert (desk.sound.loaded, desk.sound.state.playing) == ("birch", True)


async def test_no_variant_is_compared_with_what_lies_outside(open_desk: Open, root: Path) -> None:
    original = root / "raw/midi/dune.mid"
    original.unlink()
    original.symlink_to("/etc/passwd")
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "j", "b")
        assert desk.here == "elm"
        assert desk.said.startswith("the path leads out of the dataset through a link")
        assert desk.app.screen is desk.app.workstation
        await desk.press("tab")
        assert desk.said == "dune can't be heard: the path leads out of the dataset through a link"
        assert (desk.sound.loaded, desk.sound.state.playing) == ("elm", False)
        assert "dune" not in {name for asked, *names in desk.sound.asked if asked in LEADS for name in names}


@pytest.mark.exercises("louder", "quieter", "autoplay")
async def test_volume_and_autoplay(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("-")
        assert desk.sound.asked[-1] == ("volume", 0.7)
        await desk.press("=", "=")
        assert desk.said == "volume 90%"
        await desk.press("A")
        await desk.press("1")
        assert desk.here == "birch"
        assert not desk.sound.state.playing
        assert "autoplay off" in desk.text()


@pytest.mark.exercises("hear_lower", "hear_higher")
async def test_a_semitone_lower_and_higher_is_a_lens(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("T", "T")
        assert desk.sound.state.semitones == 2
        assert "+2 st" in desk.text()
        await desk.press("t", "t", "t")
        assert desk.sound.state.semitones == -1
        assert "nothing is written" in desk.said
        await desk.press("T")
        assert "as written" in desk.said
        await desk.press("t", "j", "k", "T")  # another sample is heard as written
        assert desk.sound.state.semitones == 1
        assert desk.values("amber") == {}
        assert desk.stored("amber").rev == 0 or not desk.stored("amber").labels


@pytest.mark.exercises("loop", "hook")
async def test_loop_the_whole_then_a_region_then_no_more(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        state = desk.sound.state
        await desk.press("l", "l", "O")
        assert state.loop == (0.0, 8.0)
        await desk.press("O")  # at the same place: no region
        assert state.loop is None
        state.position = 1.05
        await desk.press("O")
        state.position = 3.1
        await desk.press("O")
        assert state.loop == (1.0, 3.0)  # on the beats
        assert "loop 0:01-0:03" in desk.text()
        await desk.press("O")
        assert state.loop is None
        await desk.press("p")
        assert state.loop == (0.0, pytest.approx(7.9, abs=0.1))  # the piece is shorter than a hook
        assert state.playing
        await desk.press("p")
        assert state.loop is None
        await desk.press("O", "j")
        assert state.loop is None


@pytest.mark.exercises("compare")
async def test_a_variant_is_heard_against_what_it_was_made_from_at_the_same_place(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("tab")
        assert "it is no variant" in desk.said
        await desk.press("j", "j", "j", "j", "space")
        desk.sound.state.position = 3.0
        await desk.press("tab")
        assert desk.sound.loaded == "dune"
        assert desk.sound.state.position == pytest.approx(3.0)
        assert desk.sound.state.playing
        assert desk.here == "elm"
        await desk.press("tab")
        assert desk.sound.loaded == "elm"


async def test_versions_are_compared_before_the_cursor_has_rested(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk(root) as desk:
        monkeypatch.setattr(workstation, "REST", 30.0)
        await desk.pilot.press("j", "j", "j", "j", "tab")
        desk.app.workstation._rested()  # type: ignore[union-attr]
        assert (desk.sound.loaded, desk.sound.state.playing) == ("dune", True)
        await desk.pilot.press("k", ">")
        assert [asked[:2] for asked in desk.sound.asked if asked[0] in ("load", "switch")][-2:] == [
            ("load", "dune"),
            ("switch", "elm"),
        ]
        desk.app.workstation._rested()  # type: ignore[union-attr]
        assert desk.sound.loaded == "elm"


async def test_the_playhead_moves_and_the_page_turns(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        music = desk.app.screen.query_one(MusicView)

        def column() -> int:
            return next(line.index("┃") for line in desk.text().splitlines() if "┃" in line)

        first = column()
        await desk.press("space", "l", "l")
        assert column() > first
        assert music.playhead == pytest.approx(1.0)


async def test_a_file_that_cannot_be_read_is_said_in_place_of_the_music(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("G")
        assert "no notes" in desk.text()
        await desk.press("space")
        assert "nothing to play" in desk.said
        (root / "raw/midi/iris.mid").write_bytes(b"MThd, but no more")
        await desk.press("k")
        assert desk.app.screen.query_one(MusicView).picture is None


async def test_no_device_is_said_quietly(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        desk.sound.state.message = "no sound: there is no device"
        await desk.press("j")
        assert "no sound: there is no device" in desk.text()
        await desk.press("2")
        assert desk.values("birch")["emotion"] == "sad"


async def test_quick_steps_after_a_seek_are_counted_from_where_it_leads(open_desk: Open, root: Path) -> None:
    """Under load the playhead is still at the old place: the sound process has not carried the seek out."""
    async with open_desk(root) as desk:

        class Late(FakeState):
            goal = 6.0

        desk.app.engine.state = Late(position=1.0, playing=True)
        await desk.press("l")
        assert desk.sound.asked[-1] == ("seek", 6.5)
        await desk.press("h")
        assert desk.sound.asked[-1] == ("seek", 5.5)


async def test_the_next_three_are_opened_and_a_label_key_waits_for_no_rest(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        assert desk.sound.asked[-1] == ("prepare", "birch", "cedar", "dune")
        desk.app.workstation.set_timer = None  # what waited would fail
        await desk.press("1")
        assert desk.sound.loaded == "birch"
        assert desk.sound.state.playing
        assert desk.sound.asked[-1][0] == "prepare"


async def test_dropouts_are_counted_on_the_screen(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        assert "dropout" not in desk.text()
        desk.sound.state.underruns = 2
        await desk.press("space")
        assert "2 dropouts" in desk.text()


async def test_the_device_is_chosen_by_a_part_of_its_name(open_desk: Open, root: Path, monkeypatch) -> None:
    monkeypatch.setattr("kelly_tui.playback.devices.device_names", lambda: ["HDA Intel PCH", "USB Audio", "default"])
    async with open_desk(root) as desk:
        await desk.press(":", *"device", "enter")
        assert "system · HDA Intel PCH · USB Audio · default" in desk.said
        await desk.press(":", *"device", "space", *"usb", "enter")
        assert desk.sound.asked[-1] == ("device", "USB Audio")
        assert "USB Audio" in desk.said
        await desk.press(":", *"device", "space", *"piano", "enter")
        assert "there is no device 'piano'" in desk.said
        await desk.press(":", *"device", "space", *"system", "enter")
        assert desk.sound.asked[-1] == ("device", "")


async def test_play_says_in_full_why_there_is_no_sound(open_desk: Open, root: Path) -> None:
    why = "no sound: the sound process keeps ending on amber.mid; open another sample to try again"
    async with open_desk(root) as desk:
        desk.sound.state.message = why
        await desk.press("space")
        assert desk.said == why
        desk.sound.state.message = ""
        desk.app.workstation.follow()
        assert desk.said == ""

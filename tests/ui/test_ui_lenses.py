"""Lenses by keys: what the engine is asked, what is said of it, and that they follow the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import symusic

import kelly_tui
from kelly_tui import paths
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.render.companion import Companion
from kelly_tui.render.lens import Lens
from kelly_tui.store.layout import load_config, save_config
from kelly_tui.ui.widgets.transport import Transport
from tests.ui.conftest import Desk, Open
from tests.ui.test_ui_music_view import sounds  # noqa: F401 - a fixture


@pytest.fixture
def band(tmp_path: Path) -> Path:
    """Two songs with piano, bass and drums at 100 BPM."""
    for number in range(2):
        score = symusic.Score(480)
        score.tempos.append(symusic.Tempo(0, 100))
        score.time_signatures.append(symusic.TimeSignature(0, 3, 4))
        for program, pitch, is_drum in ((0, 60, False), (33, 40, False), (0, 36, True)):
            track = symusic.Track(program=program, is_drum=is_drum)
            track.notes.extend(symusic.Note(beat * 480, 400, pitch + number, 60 + beat) for beat in range(12))
            score.tracks.append(track)
        path = tmp_path / "music" / f"band{number}.mid"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(score.dumps_midi())
    kelly_tui.create_dataset_structure(tmp_path, DatasetConfig(dataset_id="d", target_model="emotionrecognizer"))
    kelly_tui.import_files(tmp_path / "d", [tmp_path / "music"], workers=1)
    return tmp_path / "d"


def through(desk: Desk) -> str:
    """What the transport says of the lenses."""
    line = desk.app.screen.query_one(Transport)
    return "".join(text for text, _ in line.paint(*line.size)[0])


@pytest.mark.exercises("lenses", "lens_part", "lens_alone", "lens_drums", "lens_drums_alone")
async def test_parts_are_silenced_and_heard_alone(open_desk: Open, band: Path) -> None:
    async with open_desk(band, size=(120, 40)) as desk:
        await desk.settle()
        await desk.press("m")
        assert desk.said == "1 piano   2 bass   3 drums"
        assert "k drone" in desk.text()
        await desk.press("2")
        assert desk.sound.lens == Lens(silent=(1,))
        assert desk.said == "1 piano   2 bass silent   3 drums"
        assert "no bass" in through(desk)
        await desk.press("d")
        assert desk.sound.lens.silent == (1, 2)
        await desk.press("d", "2")
        assert desk.sound.lens == Lens()
        await desk.press("s", "2")
        assert desk.sound.lens.silent == (0, 2)
        assert "bass alone" in through(desk)
        await desk.press("D")
        assert desk.sound.lens.silent == (0, 1)
        await desk.press("D")
        assert desk.sound.lens.silent == ()
        await desk.press("4")
        assert "there is no part 4" in desk.said
        await desk.press("1", "2", "3")
        assert "nothing would be heard" in desk.said
        await desk.press("escape", "j")
        await desk.settle()
        assert desk.sound.loaded == "band1"
        assert desk.sound.lens == Lens()  # another song has other parts
        assert "1-8 label" in desk.text()


@pytest.mark.exercises("lens_flat", "lens_grid", "lens_off")
async def test_dynamics_and_groove_are_taken_away_until_they_are_wanted_again(open_desk: Open, band: Path) -> None:
    async with open_desk(band, size=(120, 40)) as desk:
        await desk.settle()
        await desk.press("m", "f", "q")
        lens = desk.sound.lens
        assert lens.flat
        assert lens.beats[:3] == pytest.approx((0.0, 0.6, 1.2))
        assert "flat · grid" in through(desk)
        await desk.press("escape", "j")
        await desk.settle()
        assert desk.sound.lens == lens  # it stays on, on this one's beats
        await desk.press("T", "m", "x")
        assert desk.sound.lens == Lens()
        assert "flat" not in through(desk)


@pytest.mark.exercises("lens_drone", "lens_chords", "lens_click")
async def test_labels_sound_and_are_followed_when_they_change(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(120, 40)) as desk:
        await desk.press("j", "j", "j")  # dune: A minor, chords, 120 BPM
        await desk.settle()
        await desk.press("m", "k", "c", "m")
        found = desk.sound.companion
        assert (found.drone, found.mode) == ("A", "minor")
        assert found.chords == ((0.0, "Am"), (2.0, "F"), (4.0, "C"), (6.0, "G"))
        assert [time for time, _ in found.clicks] == pytest.approx([0.5 * beat for beat in range(16)], abs=0.01)
        assert [time for time, accent in found.clicks if accent] == pytest.approx([0.0, 2.0, 4.0, 6.0], abs=0.01)
        assert "drone A · chords · click" in through(desk)
        await desk.press("T")
        assert desk.sound.companion.semitones == 1
        await desk.press("t", "escape", "K", *"Db", "enter")
        await desk.settle()
        assert desk.sound.companion.drone == "C#"
        await desk.press("u")
        await desk.settle()
        assert desk.sound.companion.drone == "A"
        await desk.press("k", "k")  # birch has neither: nothing of it is heard
        await desk.settle()
        assert desk.sound.companion.chords == ()


async def test_what_can_not_sound_is_said(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(120, 40)) as desk:
        await desk.settle()
        await desk.press("m", "k")  # amber has no labels
        assert "no key is labelled" in desk.said
        await desk.press("c")
        assert "no chords with times" in desk.said
        await desk.press("d")
        assert "there are no drums" in desk.said
        await desk.press("m")  # its file has beats all the same
        assert len(desk.sound.companion.clicks) == 16


async def test_recorded_sound_has_a_click_on_the_beats_that_were_found_but_no_parts(
    open_desk: Open,
    sounds: Path,  # noqa: F811
) -> None:
    async with open_desk(sounds, size=(120, 40)) as desk:
        await desk.settle()
        await desk.press("m", "m")
        clicks = [time for time, _ in desk.sound.companion.clicks]
        assert len(clicks) == pytest.approx(24, abs=2)
        assert np.diff(clicks) == pytest.approx(0.5, abs=0.06)
        for key in ("f", "q", "1", "d"):
            await desk.press(key)
            assert "recorded sound is heard as it is" in desk.said
        assert desk.sound.lens == Lens()
        await desk.press("x")
        assert desk.sound.companion == Companion()


@pytest.mark.exercises("soundfont")
async def test_the_next_soundfont_is_heard_and_a_dataset_has_its_own(
    open_desk: Open, band: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fonts = [tmp_path / name for name in ("one.sf2", "two.sf2")]
    for font in fonts:
        font.write_bytes(b"")
    monkeypatch.setattr(paths, "soundfonts", lambda: fonts)
    config = load_config(band)
    config.soundfont = str(fonts[1])
    save_config(band, config)
    async with open_desk(band) as desk:
        assert desk.app.soundfont == str(fonts[1])
        await desk.press("m", "n")
        assert desk.sound.asked[-1] == ("soundfont", str(fonts[0]))
        assert desk.said == "MIDI sounds with one.sf2, once it is loaded"
        await desk.press("n")
        assert desk.app.soundfont == str(fonts[1])
        monkeypatch.setattr(paths, "soundfonts", lambda: fonts[1:])
        await desk.press("n")
        assert "there is no other SoundFont" in desk.said


async def test_where_the_chosen_soundfont_is_gone_the_key_finds_another(
    open_desk: Open, band: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = tmp_path / "one.sf2"
    one.write_bytes(b"")
    monkeypatch.setattr(paths, "soundfonts", lambda: [one])
    config = load_config(band)
    config.soundfont = str(tmp_path / "gone.sf2")
    save_config(band, config)
    async with open_desk(band) as desk:
        await desk.press("m", "n")
        assert desk.sound.asked[-1] == ("soundfont", str(one))
        monkeypatch.setattr(paths, "soundfonts", list)
        await desk.press("n")
        assert "there is no other SoundFont" in desk.said

"""The picture of the music: nearer and further, sound as waveform and spectrogram, what is kept of it."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

import kelly_tui
from kelly_tui.errors import FileRefused
from kelly_tui.features.npz import npz_bytes
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.plots.outline import pack, unpack
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.ui import picture
from kelly_tui.ui.picture import NEAREST, AudioPicture, View, read_picture
from kelly_tui.ui.widgets.music_view import MusicView
from tests.ui.conftest import Desk, Open

RATE = 22_050


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of a pulse of 120 BPM, on a tone that rises after the first half; with its features."""
    folder = tmp_path_factory.mktemp("sounds")
    time = np.arange(12 * RATE) / RATE
    tone = 0.1 * np.sin(2 * np.pi * np.where(time < 6, 220, 3520) * time)
    click = 0.8 * np.exp(-(time % 0.5) * 60) * np.sin(2 * np.pi * 1000 * time)
    (folder / "music").mkdir()
    soundfile.write(folder / "music/pulse.wav", tone + click, RATE)
    kelly_tui.create_dataset_structure(folder, DatasetConfig(dataset_id="d", target_model="emotionrecognizer"))
    kelly_tui.import_files(folder / "d", [folder / "music"], workers=1)
    kelly_tui.extract_features(folder / "d", workers=1)
    return folder / "d"


def view(desk: Desk) -> MusicView:
    return desk.app.screen.query_one(MusicView)


def drawn(desk: Desk) -> list[str]:
    shown = view(desk)
    return ["".join(text for text, _ in line) for line in shown.paint(*shown.size)]


def bars(desk: Desk) -> int:
    return max(row.count("│") for row in drawn(desk))


@pytest.mark.exercises("zoom_in", "zoom_out")
async def test_notes_are_seen_nearer_and_further(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        whole = bars(desk)
        await desk.press("i", "i", "i")
        assert bars(desk) < whole
        await desk.press(*"i" * 20)
        assert view(desk).zoom == NEAREST
        await desk.press("j")
        assert view(desk).zoom == NEAREST  # the next is seen as near
        await desk.press(*"I" * NEAREST)
        assert bars(desk) == whole


@pytest.mark.exercises("spectrum")
async def test_sound_is_seen_as_a_waveform_and_as_a_spectrogram(open_desk: Open, sounds: Path) -> None:
    async with open_desk(sounds, size=(120, 40)) as desk:
        await desk.settle()
        assert any(char in row for row in drawn(desk) for char in "⣿⡇")
        await desk.press("w")
        shade = np.array([[" ░▒▓█".find(char) for char in row] for row in drawn(desk) if any(c in row for c in "▒▓█")])
        half = shade.shape[1] // 2
        rising = shade[:, half + 2 :].mean(axis=1) - shade[:, 2 : half - 2].mean(axis=1)
        top = int(rising.argmax())
        assert rising[top] > 0.5  # the tone comes, above where it was
        assert rising[top + 1 :].min() < -0.5
        await desk.press("i")
        assert view(desk).picture.stretch(60, 0.0, view(desk).zoom) == (0.0, pytest.approx(6.0))
        await desk.press("w")
        assert not any("█" in row for row in drawn(desk))


async def test_sound_is_walked_through_by_the_beats_that_were_found(open_desk: Open, sounds: Path) -> None:
    async with open_desk(sounds) as desk:
        await desk.settle()
        desk.sound.state.duration = 12.0
        await desk.press("l", "l", "l")
        there = desk.sound.state.position
        await desk.press("l")
        assert desk.sound.state.position - there == pytest.approx(0.5, abs=0.05)
        desk.sound.state.position = 11.95
        await desk.press("l")
        assert desk.sound.state.position == pytest.approx(12.95)  # beyond the last beat, by a second


async def test_a_loop_is_drawn(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(120, 40)) as desk:
        await desk.press("p")
        desk.sound.state.loop = (2.0, 6.0)
        desk.app.workstation.follow()
        assert any("▏" in row for row in drawn(desk))
        assert any("▕" in row for row in drawn(desk))


def sample(root: Path):
    with Catalogue.open(root) as catalogue:
        return next(iter(catalogue.samples("is:audio")))


def kept(root: Path) -> list[Path]:
    return [path for path in (root / ".kelly/outlines").rglob("*") if path.is_file()]


def test_the_outline_is_found_once_and_anew_for_another_sound(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    monkeypatch.setattr(picture, "outline_of", lambda path: found.append(path) or picture_outline(path))
    from kelly_tui.plots.outline import outline_of as picture_outline

    one = sample(sounds)
    for path in kept(sounds):
        path.unlink()
    first = read_picture(sounds, one)
    assert isinstance(first, AudioPicture)
    again = read_picture(sounds, one)
    assert len(found) == 1
    assert again.hook() == first.hook()
    (only,) = kept(sounds)
    only.write_bytes(b"nonsense")
    read_picture(sounds, one)
    assert len(found) == 2
    os.utime(sounds / one.file_path, ns=(1, 1))  # written again
    read_picture(sounds, one)
    assert len(found) == 3


def test_a_dataset_that_can_not_be_written_is_drawn_all_the_same(sounds: Path) -> None:
    one = sample(sounds)
    folder = sounds / ".kelly/outlines"
    shutil.rmtree(folder, ignore_errors=True)  # there only if another test has drawn something
    folder.write_text("in the way")
    try:
        assert read_picture(sounds, one).duration == pytest.approx(12)
    finally:
        folder.unlink()


@pytest.mark.parametrize("kind", ["pipe", "device", "huge", "link out"])
def test_what_lies_in_place_of_an_outline_is_neither_read_nor_waited_for(sounds: Path, tmp_path: Path, kind) -> None:
    one = sample(sounds)
    read_picture(sounds, one)
    (only,) = kept(sounds)
    before = only.read_bytes()
    only.unlink()
    if kind == "pipe":
        os.mkfifo(only)
    elif kind == "huge":
        only.touch()
        os.truncate(only, 1 << 42)
    else:
        another = dataclasses.replace(unpack(before), duration=99.0)
        (tmp_path / "elsewhere").write_bytes(pack(another))
        only.symlink_to("/dev/zero" if kind == "device" else tmp_path / "elsewhere")
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("waits for what never comes"))
    signal.alarm(60)
    try:
        assert read_picture(sounds, one).duration == pytest.approx(12)
    finally:
        signal.alarm(0)
        if kind != "huge":
            assert not only.is_file() or only.is_symlink(), "what leads out, or is none, is left where it is"
        only.unlink()


@pytest.mark.parametrize(
    "beats",
    [
        np.ones((5, 2)),
        np.array(3.0),
        np.array(["a", "b"]),
        np.array([1.0, np.nan]),
        np.array([-np.inf]),
        np.array([1j]),
        np.array([(1, 2)], "i4,i4"),
        np.zeros((1 << 20) + 1, np.int8),
    ],
    ids=["a table", "a number", "words", "no number", "beyond numbers", "complex", "records", "a million"],
)
def test_beats_that_are_no_times_are_not_drawn_and_the_sound_is(sounds: Path, beats) -> None:
    one = sample(sounds)
    (sounds / "beats.npz").write_bytes(npz_bytes({"hop_length": 512, "beat_frames": beats, "bar_frames": [0, 4]}))
    found = read_picture(sounds, msgspec.structs.replace(one, features_path="beats.npz"))
    assert (found.beats, found.bars) == ([], [])
    assert found.cells(40, 8, View(0, found.duration)).style.shape == (8, 40)


def test_no_outline_is_written_through_a_link(sounds: Path, tmp_path: Path) -> None:
    one = sample(sounds)
    read_picture(sounds, one)
    (only,) = kept(sounds)
    shutil.rmtree(only.parent)
    only.parent.symlink_to(tmp_path)
    try:
        assert read_picture(sounds, one).duration == pytest.approx(12)
        assert not list(tmp_path.iterdir())
    finally:
        only.parent.unlink()


def test_a_sound_that_is_away_is_told_in_words(sounds: Path, tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"^can't be read \(No such file or directory\): "):
        read_picture(tmp_path / "away", sample(sounds))


def test_a_sound_that_can_not_be_read_is_refused(sounds: Path, tmp_path: Path) -> None:
    one = sample(sounds)
    (tmp_path / one.file_path).parent.mkdir(parents=True)
    (tmp_path / one.file_path).write_bytes(b"RIFF nonsense")
    with pytest.raises(FileRefused, match="pulse"):
        read_picture(tmp_path, one)

"""Sound files that were cut: libsndfile takes most of them for shorter ones."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kelly_tui.errors import FileRefused, LibraryMissing
from kelly_tui.features import sound_file
from kelly_tui.features.sound_file import valid_audio
from kelly_tui.music import soundform
from kelly_tui.music.soundform import MOST_CHANNELS, opened, streamed, whole_sound
from tests.nasty import audio

RATE, SECONDS = 22_050, 6.0
KINDS = {
    "pcm.wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "adpcm.wav": ("WAV", "MS_ADPCM"),
    "large.wav": ("RF64", "PCM_24"),
    "a.aiff": ("AIFF", "PCM_16"),
    "a.flac": ("FLAC", "PCM_16"),
    "a.ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"),
    "a.mp3": ("MP3", "MPEG_LAYER_III"),
}


@pytest.fixture(params=KINDS)
def sound(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Six seconds of noise and tone, so that bytes are spread over time."""
    path = tmp_path / request.param
    kind, subtype = KINDS[request.param]
    rate = 24_000 if subtype == "OPUS" else RATE
    time = np.arange(int(rate * SECONDS)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 220 * time) + np.random.default_rng(1).normal(0, 0.05, len(time))
    soundfile.write(path, wave, rate, format=kind, subtype=subtype)
    return path


def cut(path: Path, part: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def test_a_whole_file_is_whole(sound: Path) -> None:
    frames, rate = whole_sound(sound, sound)
    assert frames / rate == pytest.approx(SECONDS, abs=0.1)
    assert len(valid_audio(sound)[0]) == frames


@pytest.mark.parametrize("part", [0.3, 0.7, 0.97])
def test_a_cut_file_is_refused_with_what_is_there_and_what_should_be(sound: Path, part: float) -> None:
    cut(sound, part)
    for read in (lambda: whole_sound(sound, "song"), lambda: valid_audio(sound)):
        with pytest.raises(FileRefused) as caught:
            read()
        said = [float(number) for number in re.findall(r"([\d.]+) s\b", caught.value.what)]
        assert caught.value.what.startswith("cut short: ")
        if sound.suffix == ".ogg":  # it announces no length, and is read to its last whole page
            samples, rate = soundfile.read(sound)
            assert said == [pytest.approx(len(samples) / rate, abs=0.01)]
        else:
            assert said == [pytest.approx(SECONDS, abs=0.1), pytest.approx(SECONDS * part, abs=0.2)]


def test_what_is_gone_at_any_look_is_refused_by_the_words_of_the_system(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount that is lost in the midst is no fault of the file: `kelly_tui.pipeline.trouble` asks for the cause."""
    away = sound.with_suffix(".away")
    left = [0]

    def opened_while_there(path: Path) -> object:
        left[0] -= 1
        if left[0] == 0:
            sound.rename(away)
        return opened(path)

    monkeypatch.setattr(soundform, "opened", opened_while_there)
    monkeypatch.setattr(sound_file, "opened", opened_while_there)
    valid_audio(sound)
    for looks in range(1, 1 - left[0]):
        left[0] = looks
        with pytest.raises(FileRefused, match=r"can't be read \(No such file") as caught:
            valid_audio(sound)
        assert isinstance(caught.value.__cause__, FileNotFoundError)
        away.rename(sound)


def test_what_is_gone_once_opened_is_refused_so_too(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened_in_time(path: Path) -> object:
        file = opened(path)
        sound.unlink(missing_ok=True)
        return file

    monkeypatch.setattr(soundform, "opened", opened_in_time)
    with pytest.raises(FileRefused) as caught:
        whole_sound(sound, "song")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("said", ["No module named 'soundfile'", "sndfile library not found"])
def test_a_library_that_is_missing_is_no_fault_of_the_file(
    sound: Path, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "OSError" if "library" in said else "ImportError"
    (tmp_path / "soundfile.py").write_text(f"raise {kind}({said!r})")
    monkeypatch.delitem(sys.modules, "soundfile")
    monkeypatch.syspath_prepend(tmp_path)
    for read in (lambda: whole_sound(sound, "song"), lambda: valid_audio(sound), lambda: streamed(sound)):
        with pytest.raises(LibraryMissing, match=re.escape(f"({said}). Install libsndfile1 (apt)")):
            read()


def test_what_was_away_for_a_moment_is_opened(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really, tries = soundfile.SoundFile, []

    def away_at_first(name: bytes) -> object:
        tries.append(name)
        return really(name if len(tries) > 1 else name + b".away")

    monkeypatch.setattr(soundfile, "SoundFile", away_at_first)
    with opened(sound) as file:
        assert file.frames
    assert len(tries) == 2


def test_more_channels_than_music_has_are_refused(tmp_path: Path) -> None:
    for channels in (MOST_CHANNELS, MOST_CHANNELS + 1):
        soundfile.write(tmp_path / f"{channels}.wav", np.full((RATE // 10, channels), 0.1), RATE)
    assert whole_sound(tmp_path / "32.wav", "song").frames == RATE // 10
    for read in (lambda: whole_sound(tmp_path / "33.wav", "song"), lambda: valid_audio(tmp_path / "33.wav")):
        with pytest.raises(FileRefused, match="33 channels: no music has more than 32"):
            read()


def test_what_is_cut_to_nothing_is_refused(sound: Path) -> None:
    for part in (0.05, 0.002, 0.0002):
        with pytest.raises(FileRefused) as caught:
            whole_sound(cut(sound, part), "song")
        assert str(sound) not in str(caught.value)


def pcm_wav(path: Path, announced: int) -> Path:
    """A second of sound whose header announces so many bytes of it."""
    soundfile.write(path, 0.3 * np.sin(np.arange(RATE) / 5), RATE)
    data = bytearray(path.read_bytes())
    data[40:44] = announced.to_bytes(4, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("announced", [0xFFFFFFFF, 0x7FFFF000, 2 * RATE + 44, 2 * RATE])
def test_what_was_written_to_a_pipe_or_counts_its_header_in_is_whole(tmp_path: Path, announced: int) -> None:
    assert whole_sound(pcm_wav(tmp_path / "a.wav", announced), "a.wav").frames == RATE


def test_a_hundred_bytes_are_missed(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cut short"):
        whole_sound(pcm_wav(tmp_path / "a.wav", 2 * RATE + 100), "a.wav")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"])
def test_the_reason_why_no_sound_is_read_is_true(tmp_path: Path, suffix: str) -> None:
    """libsndfile says of random bytes named .mp3 that there is no such file."""
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(random.Random(5).randbytes(50_000))
    for read in (lambda: whole_sound(path, "song"), lambda: valid_audio(path)):
        with pytest.raises(FileRefused) as caught:
            read()
        assert caught.value.what == "can't be read as audio (Format not recognised)"


@pytest.mark.parametrize(("of", "why"), [
    ("leads back", "LIST says a size that leads back"),
    ("far behind the end", "LIST says a size that it does not have"),
])  # fmt: skip
def test_a_list_in_which_libsndfile_reads_for_ever_is_refused_before(tmp_path: Path, of: str, why: str) -> None:
    names = [name for name in audio.NASTY if of in name]
    assert names
    for name in names:
        path = tmp_path / name
        path.write_bytes(audio.NASTY[name])
        for read in (whole_sound, lambda path, name: streamed(path)):
            with pytest.raises(FileRefused, match=why):
                read(path, name)


@pytest.mark.parametrize("also", [b"bext\x0d\0\0\0LIST of songs\0", b"JUNK\x10\0\0\0INFO" + b"\xff" * 12])
def test_what_only_looks_like_a_list_does_no_harm(tmp_path: Path, also: bytes) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(audio.wav(audio.form(), also, audio.data(audio.WORDS)) + bytes(100))
    assert whole_sound(path, "song").frames == len(audio.WORDS) // 2


def test_a_sound_whose_tags_are_cut_at_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cut tags.wav"
    path.write_bytes(audio.wav(audio.form(), audio.data(audio.WORDS), b"LIST\x00\x00\x08\x00INFOIA"))
    assert whole_sound(path, "song").frames == len(audio.WORDS) // 2


TITLE = audio.tag(b"INAM", b"rain in May\0")
CHUNKS = {
    "tags": audio.listed(TITLE, audio.tag(b"IXYZ", b"any\0")),
    "an odd tag with its padding": audio.listed(audio.tag(b"IXYZ", b"odd"), b"\0", TITLE),
    "an odd tag without": audio.listed(audio.tag(b"IXYZ", b"odd"), audio.tag(b"IABC", b"odder")),
    "a tag longer than its list": audio.listed(TITLE, audio.tag(b"IXYZ", b"any\0", 4000)),
    "a tag of four gigabytes": audio.listed(TITLE, audio.tag(b"IXYZ", b"any\0", -200)),
    "labels": audio.listed(audio.tag(b"labl", b"\1\0\0\0A\0"), kind=b"adtl"),
    "an empty list": b"LIST\4\0\0\0INFO",
    "a list of nothing": b"LIST\0\0\0\0",
    "an ID3 tag": b"id3 \x6e\0\0\0" + audio.id3(100),
    "broadcast": b"bext\x5a\2\0\0" + bytes(602),
}


@pytest.mark.parametrize("chunk", CHUNKS)
def test_what_else_lies_in_a_wav_is_no_reason_to_refuse_it(tmp_path: Path, chunk: str) -> None:
    for place, data in enumerate(((CHUNKS[chunk], audio.data(audio.WORDS)), (audio.data(audio.WORDS), CHUNKS[chunk]))):
        path = tmp_path / f"{place}.wav"
        path.write_bytes(audio.wav(audio.form(), *data))
        assert whole_sound(path, chunk).frames == len(audio.tone())
        assert len(soundfile.read(path)[0]) == len(audio.tone())


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "AIFF"])
def test_a_file_with_every_tag_that_libsndfile_writes_is_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16", format=kind) as file:
        for name in ("title", "copyright", "software", "artist", "comment", "date", "album", "license", "genre"):
            setattr(file, name, f"\xff{name}" * 9)
        file.write(np.sin(np.arange(RATE) / 5))
        file.comment = "said at the end"
    assert whole_sound(path, "a").frames == RATE

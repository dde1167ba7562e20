"""Odd files, as they come, through the public functions and through `kelly extract`.

Nothing may come out of a stage but features that are finite, labels that are possible, the reason for each that is
absent, or a refusal that names the file and says why.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

import kelly_tui
from kelly_tui import DatasetConfig, create_dataset_structure, extract_audio_features, extract_midi_features
from kelly_tui.errors import FileRefused
from kelly_tui.features.midi import analyse, features_of, labels_of
from kelly_tui.model.annotation import FIELDS, check_value
from kelly_tui.music.notes import read_midi
from kelly_tui.store.catalogue import Catalogue

# -- MIDI by the byte: no library writes what is wrong


def number(value: int) -> bytes:
    """A MIDI file's number of variable length."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


def track(*events: bytes) -> bytes:
    body = b"".join(events) + b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + body


def smf(*tracks: bytes, form: int = 1, division: int = 480) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, form, len(tracks), division) + b"".join(tracks)


def on(pitch: int, after: int = 0, channel: int = 0, velocity: int = 80) -> bytes:
    return number(after) + bytes((0x90 | channel, pitch, velocity))


def off(pitch: int, after: int = 240, channel: int = 0) -> bytes:
    return number(after) + bytes((0x80 | channel, pitch, 0))


def note(pitch: int, after: int = 0, length: int = 240, channel: int = 0) -> bytes:
    return on(pitch, after, channel) + off(pitch, length, channel)


def tempo(microseconds: int, after: int = 0) -> bytes:
    return number(after) + b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def meter(numerator: int, power: int) -> bytes:
    return b"\x00\xff\x58\x04" + bytes((numerator, power, 24, 8))


TUNE = b"".join(note(60 + (0, 4, 7, 5, 2, 9, 11, 12)[at % 8]) for at in range(64))
DRUMS = b"".join(note(36 + 2 * (at % 4), channel=9) for at in range(64))
SYSEX = b"\x00\xf0\x05\x7e\x7f\x09\x01\xf7"
HOUR = 480 * 120 * 60  # ticks at 120 BPM

MIDI = {
    "one note": smf(track(note(60))),
    "one drum": smf(track(note(36, channel=9))),
    "drums only": smf(track(DRUMS)),
    "no tempo": smf(track(TUNE)),
    "a tempo of 0 us": smf(track(tempo(0), TUNE)),
    "a tempo of 1 us": smf(track(tempo(1), TUNE)),
    "a million BPM in the middle": smf(track(tempo(500_000), tempo(60, 4800)), track(TUNE)),
    "the slowest tempo there is": smf(track(tempo(0xFFFFFF), TUNE)),
    "no meter": smf(track(meter(0, 0), TUNE)),
    "a meter of 255 to 2^255": smf(track(meter(255, 255), TUNE)),
    "many meters": smf(track(*(meter(1 + at % 15, at % 7) for at in range(99)), TUNE)),
    "ten hours": smf(track(*(note(60 + at % 12, HOUR - 240) for at in range(10)))),
    "ten hours of drums at the end": smf(track(note(60), note(36, HOUR * 10, channel=9))),
    "a hundred thousand notes": smf(track(*(note(at % 128, 0, 10) for at in range(100_000)))),
    "all at tick 0": smf(track(*(on(pitch) for pitch in range(128)), off(0), *(off(at, 0) for at in range(1, 128)))),
    "ten thousand at tick 0": smf(track(*(on(60) for _ in range(10_000)), *(off(60, 1) for _ in range(10_000)))),
    "sixteen channels": smf(*(track(TUNE.replace(b"\x90", bytes((0x90 | c,))).replace(b"\x80", bytes((0x80 | c,))))
                              for c in range(16))),
    "nothing but drums on sixteen tracks": smf(*(track(DRUMS) for _ in range(16))),
    "sysex everywhere": smf(track(*(SYSEX + note(60 + at % 12) for at in range(500)))),
    "note-ons without an end": smf(track(*(on(60 + at % 12, 240) for at in range(64)), note(72))),
    "nothing ends": smf(track(*(on(60 + at % 12, 240) for at in range(64)))),
    "overlaps of one pitch": smf(track(*(on(60, 120) for _ in range(32)), *(off(60, 120) for _ in range(32)))),
    "ends before it begins": smf(track(off(60), on(60), off(60, 0), note(64))),
    "velocity 0 ends": smf(track(*(on(60 + at % 12, 0) + on(60 + at % 12, 240, velocity=0) for at in range(64)))),
    "running status": smf(track(b"\x00\x90\x3c\x50", b"\x60\x3c\x00\x00\x40\x50\x60\x40\x00" * 32)),
    "long numbers for short waits": smf(track(b"\x80\x80\x80\x00\x90\x3c\x50" + off(60), TUNE)),
    "waits that look negative": smf(track(on(60), b"\xff\xff\xff\x7f\x80\x3c\x00")),
    "format 0": smf(track(tempo(500_000), TUNE, DRUMS), form=0),
    "format 2": smf(track(TUNE), track(TUNE), form=2),
    "format 0 of two tracks": smf(track(TUNE), track(DRUMS), form=0),
    "SMPTE": smf(track(TUNE), division=0xE728),
    "one tick a beat": smf(track(*(note(60 + at % 12, 0, 1) for at in range(64))), division=1),
    "32767 ticks a beat": smf(track(TUNE), division=32767),
    "no ticks": smf(track(TUNE), division=0),
    "RIFF": b"RIFF" + struct.pack("<I", len(smf(track(TUNE))) + 12) + b"RMIDdata"
            + struct.pack("<I", len(smf(track(TUNE)))) + smf(track(TUNE)),
    "no tracks": smf(),
    "empty tracks": smf(track(), track()),
    "no end of track": b"MThd" + struct.pack(">IHHH", 6, 1, 1, 480) + b"MTrk" + struct.pack(">I", len(TUNE)) + TUNE,
    "a text of half a megabyte": smf(track(b"\x00\xff\x01" + number(500_000) + b"x" * 500_000, TUNE)),
    "a name that is no text": smf(track(b"\x00\xff\x03\x05\xff\xfe\x1b[m", TUNE)),
    "pitch bends": smf(track(*(b"\x00\xe0" + bytes((at % 128, at % 128)) + note(60 + at % 12) for at in range(200)))),
    "pedal held throughout": smf(track(b"\x00\xb0\x40\x7f", TUNE)),
    "velocity 1": smf(track(*(on(60 + at % 12, velocity=1) + off(60 + at % 12) for at in range(64)))),
    "a cluster of a thousand chords": smf(track(*(b"".join(on(p) for p in range(40, 60)) + off(40)
                                                  + b"".join(off(p, 0) for p in range(41, 60)) for _ in range(1000)))),
}  # fmt: skip

REFUSED = {
    "nothing ends": "no notes", "no tracks": "no notes", "empty tracks": "no notes", "SMPTE": "SMPTE",
    "no ticks": "no ticks", "waits that look negative": "hours long",
}  # fmt: skip
"""What holds no music that can be read, and a word of why."""


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", MIDI)
def test_odd_midi_is_features_and_reasons(name: str) -> None:
    if name in REFUSED:
        with pytest.raises(FileRefused, match=REFUSED[name]):
            extract_midi_features(MIDI[name])
        return
    analysis = analyse(read_midi(MIDI[name]))
    features = extract_midi_features(analysis.score)
    assert len(features.feature_vector) == 117
    assert np.isfinite(features.feature_vector).all()
    assert np.isfinite(np.hstack([value for value in features.columns().values() if not isinstance(value, str)])).all()
    labels = labels_of(analysis)
    for field, (_, found) in analysis.detections.items():
        if field not in labels:
            assert len(found.why) > 10, field
            continue
        assert check_value(FIELDS[field], labels[field].value) == labels[field].value
        assert 0 <= labels[field].confidence <= 1


def test_what_is_odd_is_read_as_it_sounds() -> None:
    for name in ("format 0", "RIFF", "running status", "velocity 0 ends", "no end of track", "format 2"):
        assert len(read_midi(MIDI[name]).notes) > 1, name
    assert len(read_midi(MIDI["sixteen channels"]).drums) == 64
    assert "tempo_bpm" not in labels_of(analyse(read_midi(MIDI["a tempo of 0 us"])))
    assert "time_signature" not in labels_of(analyse(read_midi(MIDI["no meter"])))
    for name in ("all at tick 0", "ten thousand at tick 0"):
        assert {"tempo_bpm", "time_signature", "groove_type"}.isdisjoint(labels_of(analyse(read_midi(MIDI[name]))))
    assert read_midi(MIDI["ten hours"]).duration == pytest.approx(36_000)
    assert extract_midi_features(MIDI["ten hours of drums at the end"], max_duration_sec=30).note_count == 1
    assert extract_midi_features(MIDI["a hundred thousand notes"]).note_count == 100_000


def test_what_is_too_long_for_a_label_is_in_the_features() -> None:
    score = read_midi(smf(track(*(note(60 + at % 12, 0, 240) for at in range(100_001)))))
    analysis = analyse(score)
    assert "timing_offsets_ms" not in labels_of(analysis)
    assert "100,001 values" in analysis.detections["timing_offsets_ms"][1].why
    assert len(features_of(analysis).timing_offsets_ms) == 100_001


# -- sound

RATE = 22_050


def tone(seconds: float, hertz: float = 220.0) -> np.ndarray:
    """A struck chord every half second."""
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.2 * sum(np.sin(2 * np.pi * hertz * part * time) for part in (1, 1.25, 1.5)) * np.exp(-4 * (time % 0.5))


def spoilt(value: float) -> np.ndarray:
    sound = tone(2)
    sound[RATE] = value
    return sound


SOUND = {
    "a tenth of a second": tone(0.1), "one sample": np.array([0.5]), "clipped": np.clip(tone(8) * 40, -1, 1),
    "square": np.sign(tone(8)), "dc": np.full(RATE * 4, 0.5), "dc under music": tone(8) + 0.4,
    "one click": np.eye(1, RATE * 4, RATE)[0], "very quiet": tone(4) * 0.01, "over full scale": tone(4) * 100,
    "stereo against itself": np.column_stack((tone(4), -tone(4))),
    "noise": np.random.default_rng(0).uniform(-1, 1, RATE * 4),
    "long": np.tile(tone(1), 200), "short silence between": np.concatenate([tone(1), np.zeros(RATE * 5), tone(1)]),
}  # fmt: skip
BAD_SOUND = {
    "nan": (spoilt(np.nan), "not finite"), "inf": (spoilt(np.inf), "not finite"),
    "minus inf": (spoilt(-np.inf), "not finite"),
    "silence": (np.zeros(RATE * 2), "silent"), "nothing": (np.zeros(0), "empty|no sound"),
    "dither": (np.random.default_rng(0).integers(-1, 2, RATE * 2) / 32768, "silent"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SOUND)
def test_what_is_no_sound_is_refused(name: str) -> None:
    sound, why = BAD_SOUND[name]
    with pytest.raises(FileRefused, match=why):
        extract_audio_features((sound, RATE))


def test_a_long_sound_is_analysed_to_its_maximum() -> None:
    assert extract_audio_features((SOUND["long"], RATE)).duration_sec == 30
    config = DatasetConfig(dataset_id="d", max_duration_sec=4)
    assert extract_audio_features((SOUND["long"], RATE), config).duration_sec == 4


# -- all at once, through the stages


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of everything above, imported and extracted."""
    folder = tmp_path_factory.mktemp("odd")
    music = folder / "music"
    music.mkdir()
    for name, data in MIDI.items():
        (music / f"{name.replace(':', '')}.{'mid' if name != 'RIFF' else 'kar'}").write_bytes(data)
    for name, sound in {**SOUND, **{name: sound for name, (sound, _) in BAD_SOUND.items()}}.items():
        soundfile.write(music / f"{name}.wav", sound, RATE, subtype="FLOAT")
    root = folder / "d"
    create_dataset_structure(folder, DatasetConfig(dataset_id="d", min_duration_sec=1e-6))
    kelly_tui.import_files(root, [music], workers=1)
    kelly_tui.extract_features(root, workers=1)
    return root


def test_extract_sets_aside_with_a_reason_and_does_all_else(extracted: Path) -> None:
    with Catalogue.open(extracted) as catalogue:
        samples = {Path(sample.source or "").stem: sample for sample in catalogue.samples()}
        failures = {Path(failure.path).stem: failure for failure in catalogue.failures()}
    for name in (*MIDI, *SOUND, *BAD_SOUND):
        if name in REFUSED or name in BAD_SOUND:
            assert failures[name].reason, name
            assert "Error" not in failures[name].reason, failures[name]
            assert "line " not in failures[name].reason
            continue
        assert name not in failures, failures.get(name)
        sample = samples[name]
        path = extracted / (sample.features_path or "none")
        if sample.file_type == "midi":
            vector = json.loads(path.read_bytes())["feature_vector"]
        else:
            vector = np.load(path)["feature_vector"]
        assert np.isfinite(vector).all(), name
        for field, label in sample.labels.items():
            assert check_value(FIELDS[field], label.value) == label.value
            assert label.source == "detector"


def test_a_second_extract_has_nothing_to_do(extracted: Path) -> None:
    outcome = kelly_tui.extract_features(extracted, workers=1)
    assert (outcome.done, outcome.failures) == (0, []), outcome

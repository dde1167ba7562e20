"""A folder of music as it comes from strangers: real scores and sound, and everything that can be wrong with files."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import kelly_tui
from kelly_tui.paths import soundfont

SCORES = {"happy": ("bwv66.6", "bwv57.8"), "sad": ("bwv65.2", "bwv269")}
"""Chorales of music21's corpus, by the folder they are put into."""

SOURCES = {
    "happy/song_1.mid": "happy",
    "happy/song_2.MID": "happy",
    "happy/tone.wav": "happy",
    "sad/song_1.mid": "sad",
    "sad/song_2.mid": "sad",
    "sad/tone.flac": "sad",
    "other/tone.ogg": None,
}
"""The good files, and the emotion that their folder says."""

DUPLICATE = "other/again.mid"
"""Has the content of happy/song_1.mid."""

BAD = {
    "happy/empty.wav": "empty",
    "sad/truncated.mid": "",
    "sad/text.mid": "",
    "other/no_notes.mid": "",
    "other/silent.wav": "silent",
}
"""The bad files, and a word of why."""

IGNORED = "other/readme.txt"


MULTIPLIER, COUNT = 2, 8
"""Variants and generated samples of the datasets that are made of it."""


def write_music(folder: Path, corpus_midi: Callable[[str], bytes]) -> Path:
    """Write the folder and return it."""
    import soundfile

    scores = {
        f"{label}/{place}": corpus_midi(name) for label, names in SCORES.items() for place, name in enumerate(names)
    }
    files = {
        "happy/song_1.mid": scores["happy/0"],
        "happy/song_2.MID": scores["happy/1"],
        "sad/song_1.mid": scores["sad/0"],
        "sad/song_2.mid": scores["sad/1"],
        DUPLICATE: scores["happy/0"],
        "happy/empty.wav": b"",
        "sad/truncated.mid": scores["sad/0"][:200],
        "sad/text.mid": b"this is no music\n",
        "other/no_notes.mid": no_notes(),
        IGNORED: b"about these files",
    }
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for number, name in enumerate(("happy/tone.wav", "sad/tone.flac", "other/tone.ogg")):
        soundfile.write(folder / name, tone(220.0 * (number + 1)), 22_050)
    soundfile.write(folder / "other/silent.wav", np.zeros(44_100), 22_050)
    return folder


def tone(frequency: float, seconds: float = 3.0, rate: int = 22_050) -> np.ndarray:
    """A chord with an attack every half second."""
    time = np.arange(int(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * frequency * ratio * time) for ratio in (1, 5 / 4, 3 / 2))
    return 0.2 * chord * np.exp(-4 * (time % 0.5))


def no_notes() -> bytes:
    """A correct MIDI file in which nothing sounds."""
    track = b"\x00\xff\x51\x03\x07\xa1\x20\x83\x60\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 1, 1, 480) + b"MTrk" + struct.pack(">I", len(track)) + track


def put_other_soundfont(path: Path) -> Path:
    """The usual SoundFont with another name inside: other content of the same size."""
    font = bytearray(soundfont().read_bytes())
    place = font.index(b"INAM") + 8
    font[place : place + 4] = b"Kell"
    path.write_bytes(font)
    return path


def create(folder: Path, **config: Any) -> Path:
    """A dataset `d` in `folder`."""
    kelly_tui.create_dataset_structure(folder, kelly_tui.DatasetConfig(dataset_id="d", **config))
    return folder / "d"


def files(root: Path) -> dict[str, str]:
    """A hash of each file of a dataset but the catalogue and the configuration, whose times of day left aside."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(".kelly/") and name != "config.json":
            data = path.read_bytes()
            if name == "manifest.json" or name.startswith("annotations/"):
                data = msgspec.json.encode(_timeless(json.loads(data)), order="sorted")
            found[name] = hashlib.sha256(data).hexdigest()
    return found


def _timeless(data: Any) -> Any:
    """Without when it was done, and without how often rows were touched on the way."""
    if isinstance(data, dict):
        times = (
            "created_at",
            "updated_at",
            "modified_at",
            "at",
            "rev",
            "catalogue_rev",
            "catalogue",
            "changes",
            "mark",
        )
        return {key: _timeless(value) for key, value in data.items() if key not in times}
    return [_timeless(value) for value in data] if isinstance(data, list) else data

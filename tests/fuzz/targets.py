"""What is fuzzed: each reads bytes, may raise `KellyError` and nothing else, and keeps what it promises."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from kelly_tui.augment.messages import is_plain, read_messages
from kelly_tui.errors import KellyError
from kelly_tui.export.shards import bytes_of, members
from kelly_tui.features.npz import read_npz
from kelly_tui.features.reasons import read_reasons
from kelly_tui.model.annotation import FIELDS, check_value
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.music.notes import read_midi
from kelly_tui.music.smf import check_chunks, count_dropped
from kelly_tui.music.soundform import whole_sound
from kelly_tui.music.theory import chord_pitches, numeral_of, transpose_chord
from kelly_tui.plots.outline import unpack
from kelly_tui.render.events import read_events
from kelly_tui.settings import load_settings
from kelly_tui.store import annotation_file
from kelly_tui.store.filters import parse
from kelly_tui.store.manifest import load_manifest
from kelly_tui.text import is_safe, safe_text
from tests.nasty import audio, midi, records, shards, soundfonts

Target = Callable[[bytes], object]

_CONFIG = DatasetConfig(dataset_id="d")
_FOLDER = Path(tempfile.mkdtemp(prefix="kelly-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))


def _file(data: bytes, name: str) -> Path:
    path = _FOLDER / f"{os.getpid()}{name}"
    path.write_bytes(data)
    return path


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def outer_form(data: bytes) -> None:
    smf = check_chunks(data, "f.mid")
    assert all(count > 0 for count in count_dropped(smf).values())


def messages(data: bytes) -> None:
    """Of a file that can be read at all."""
    read_midi(data)
    smf = check_chunks(data)
    is_plain(smf)
    found = read_messages(smf)
    assert (found.start + found.size <= len(found.data)).all()


def events(data: bytes) -> None:
    read_events(data)


def score(data: bytes) -> None:
    """The native parser and all that is drawn from it: times are finite, ordered and within a day."""
    table = read_midi(data)
    notes = table.notes
    assert np.isfinite([table.duration, *notes["onset"], *notes["duration"]]).all()
    assert (np.diff(notes["onset"]) >= 0).all()
    assert 0 <= table.duration <= 24 * 3600
    assert notes["pitch"].max(initial=0) < 128


def sound_form(data: bytes) -> None:
    form = whole_sound(_file(data, ".wav"), "f.wav")
    assert form.frames >= 0


def annotation(data: bytes) -> None:
    said = annotation_file.read(data)
    for name, value in said.values.items():
        if name in FIELDS and value is not None:
            with suppress(KellyError):
                taken = check_value(FIELDS[name], value)
                assert check_value(FIELDS[name], taken) == taken


def manifest(data: bytes) -> None:
    folder = _FOLDER / f"{os.getpid()}"
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_bytes(data)
    load_manifest(folder)


def arrays(data: bytes) -> None:
    path = _file(data, ".npz")
    read_reasons(path.parent, path.name)
    read_npz(path, ("x", "feature_vector"))


def tar_shard(data: bytes) -> None:
    with _file(data, ".tar").open("rb") as shard:
        for member in members(shard):
            assert len(bytes_of(shard, member)) == member.size


def reasons(data: bytes) -> None:
    path = _file(data, ".json")
    read_reasons(path.parent, path.name)


def outline(data: bytes) -> None:
    unpack(data)


def filter_line(data: bytes) -> None:
    parse(_text(data), _CONFIG)


def chord(data: bytes) -> None:
    name = _text(data)
    pitches = chord_pitches(name)
    if pitches is not None and not set(name) & {"\n"}:
        assert chord_pitches(transpose_chord(transpose_chord(name, 5), -5)) == pitches
        numeral_of(name, "C", "major")


def shown(data: bytes) -> None:
    """What is shown of any text has no control, no direction and no half of a pair."""
    said = safe_text(_text(data), limit=None)
    said.encode("utf-8")
    assert is_safe(said)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in said), ascii(said)
    assert not set(said) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def settings(data: bytes) -> None:
    load_settings(_file(data, ".toml"))


def _midi() -> Iterable[bytes]:
    return [data for data in midi.NASTY.values() if len(data) < 5000]


TARGETS: dict[str, tuple[Target, Callable[[], Iterable[bytes]]]] = {
    "outer form": (outer_form, _midi),
    "messages": (messages, _midi),
    "events": (events, _midi),
    "score": (score, _midi),
    "sound form": (sound_form, lambda: [data for data in audio.NASTY.values() if len(data) < 100_000]),
    "annotation": (annotation, lambda: [json.dumps({"annotations": dict.fromkeys(FIELDS, 1)}).encode()]),
    "manifest": (manifest, lambda: [data for data in records.BODIES.values() if len(data) < 5000]),
    "arrays": (arrays, lambda: [data for data in records.ARRAYS.values() if len(data) < 5000]),
    "tar shard": (tar_shard, lambda: [data for data in shards.SHARDS.values() if len(data) < 9000]),
    "reasons": (reasons, lambda: [b'{"why": {"key": "C"}}']),
    "outline": (outline, lambda: [bytes(64)]),
    "filter line": (
        filter_line,
        lambda: [b'emotion:sad key:Am|C bpm:80..100 conf<.6 -is:root text:"rain"'],
    ),
    "chord": (chord, lambda: [b"C", b"F#m7b5/A", b"Bbsus4", b"N"]),
    "shown": (shown, lambda: [records.ESCAPES.encode(), soundfonts.name(b"\x1b[2J")]),
    "settings": (settings, lambda: [b'workers = 2\nsoundfont = "x"\n']),
}
"""By name: what reads, and what it is first given."""


def holds(target: Target, data: bytes) -> None:
    """Run `target`; what it refuses is refused in one line."""
    said = ""
    try:
        target(data)
    except KellyError as error:
        said = str(error)
    assert "\n" not in said, said

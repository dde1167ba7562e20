"""MIDI rendered to sound: whole, or as a file for a stage.

A new synthesizer for each file, effects set explicitly: the same file gives the same bytes every time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kelly_tui.errors import FileRefused, SoundError
from kelly_tui.music.soundform import libsndfile
from kelly_tui.paths import soundfont as find_soundfont
from kelly_tui.render.blocks import MidiBlocks, Samples
from kelly_tui.render.events import Events, read_events
from kelly_tui.render.font import USUAL, Font
from kelly_tui.render.synth import GAIN, Synth
from kelly_tui.settings import limits
from kelly_tui.store.inside import inside, no_folder_there
from kelly_tui.store.intact import intact
from kelly_tui.store.layout import dataset_errors, disk_errors, make_folder, sync_folder
from kelly_tui.store.partial import partials, put

LONGEST_TAIL = 4.0
"""Seconds after the last note, at most."""

QUIET = 10 ** (-70 / 20)
"""-70 dBFS: when a tail is below this, it has ended."""

_BLOCK = 1 << 14
_CHANNELS = 2


def render_midi(
    data: Path | bytes, sample_rate: int = 44100, soundfont: Path | str | None = None, gain: float = GAIN
) -> Samples:
    """The sound of a MIDI file, float32 of shape (frames, 2), with the tail of its last notes.

    `soundfont` None means `paths.soundfont`'s choice. Loud music may pass full scale.
    Raises `FileRefused`, `LibraryMissing`, `SoundError`.
    """
    return np.concatenate(list(rendered_blocks(data, sample_rate, soundfont, gain)))


def rendered_blocks(
    data: Path | bytes, sample_rate: int = 44100, soundfont: Path | str | None = None, gain: float = GAIN
) -> Iterator[Samples]:
    """`render_midi` block by block: only as much is held."""
    events = read_events(data)
    _check_length(events, sample_rate, data)
    with Synth(find_soundfont(str(soundfont or "")), sample_rate, gain, piecemeal=True) as synth:
        blocks = MidiBlocks(events, synth)
        left = round(events.duration * sample_rate)
        while left > 0:
            yield (block := blocks.read(min(left, _BLOCK)))
            left -= len(block)
        for _ in range(0, round(LONGEST_TAIL * sample_rate), _BLOCK):
            yield (block := blocks.read(_BLOCK))
            if np.abs(block[-_BLOCK // 4 :]).max() < QUIET:
                return


def _check_length(events: Events, rate: int, data: Path | bytes) -> None:
    """Raise `FileRefused` for music whose sound could not be decoded again.

    Its length is no sign of its size: two notes a day apart are 45 bytes, and the silence between them is gigabytes.
    """
    if events.duration * rate * _CHANNELS > limits().sound_values:
        minutes = events.duration / 60
        path = data if isinstance(data, Path) else None
        raise FileRefused(f"too long to render ({minutes:,.0f} minutes; sound_values)", path=path)


def render_item(item: dict[str, Any]) -> dict[str, Any]:
    """A stage's item: root/parent_path (MIDI) becomes root/target (`render_file`), flushed to the disk.

    `item`: root, parent_path, parent_sha256, target, sample_rate, soundfont, soundfont_sha256. Returns sha256,
    file_size_bytes, duration_sec.
    """
    root = Path(item["root"])
    source = intact(root, item["parent_path"], item["parent_sha256"])
    target = inside(root, item["target"])
    with dataset_errors(root, target):
        make_folder(root, target.parent)
        return _render(source, target, int(item["sample_rate"]), _font(item))


def export_item(item: dict[str, Any]) -> dict[str, Any]:
    """`render_item` with a target that lies anywhere: an absolute path."""
    source = intact(Path(item["root"]), item["parent_path"], item["parent_sha256"])
    return render_file(source, Path(item["target"]), int(item["sample_rate"]), _font(item))


def _font(item: dict[str, Any]) -> Font:
    return Font(item.get("soundfont", ""), item.get("soundfont_sha256", ""))


def render_file(source: Path, target: Path, rate: int, font: Font = USUAL) -> dict[str, Any]:
    """A MIDI file as sound, PCM 16, in a WAV or FLAC file by `target`'s suffix, in a folder that is there.

    It is written whole, or not at all.

    Returns sha256, file_size_bytes, duration_sec. Music that passes full scale is turned down as a whole, never
    clipped. Raises `FileRefused`, `LibraryMissing`, `SoundError`, `DatasetError` (`DiskFull`).
    """
    with disk_errors(target):
        return _render(source, target, rate, font)


def _render(source: Path, target: Path, rate: int, font: Font) -> dict[str, Any]:
    """`render_file`, which raises also `OSError`."""
    kind = _FORMATS.get(target.suffix.lower())
    if kind is None:
        raise SoundError("sound is written as WAV or FLAC", path=target, hint="Let its name end in .wav or .flac.")
    with partials(target.parent) as new, no_folder_there(target):
        partial = new()
        with font.held():
            frames = _write_sound(partial, kind, source, rate, font.path)
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = partial.stat().st_size
        put(partial, target)
    sync_folder(target.parent)
    return {"sha256": digest, "file_size_bytes": size, "duration_sec": frames / rate}


_FORMATS = {".wav": "WAV", ".flac": "FLAC"}


def _pcm16(samples: Samples) -> np.ndarray[Any, np.dtype[np.int16]]:
    """To the nearest step: libsndfile rounds down for WAV and to the nearest for FLAC."""
    return np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)


def _write_sound(path: Path, kind: str, source: Path, rate: int, soundfont: str | None) -> int:
    """Render `source` into a new file; how many frames it has. Rendered once more, softer, if it passed full scale."""
    soundfile, gain = libsndfile(), GAIN
    while True:
        frames, peak = 0, 0.0
        try:
            with soundfile.SoundFile(os.fsencode(path), "w", rate, _CHANNELS, "PCM_16", format=kind) as file:
                for block in rendered_blocks(source, rate, soundfont, gain):
                    peak = max(peak, float(np.abs(block).max()))
                    frames += len(block)
                    file.write(_pcm16(block))
        except soundfile.LibsndfileError:  # it does not say that the disk is full; Python's own write does
            with path.open("ab") as again:
                again.write(bytes(2**20))
            raise
        if peak <= 1.0:
            return frames
        gain *= 0.98 / peak

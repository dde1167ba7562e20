"""Small music files that the tests of import and views write."""

from __future__ import annotations

import io
from pathlib import Path

import mido
import numpy as np
import soundfile


def midi(number: int, beats: int = 8) -> bytes:
    """A melody of `beats` quarter notes at 120 BPM; another for each number."""
    track = mido.MidiTrack()
    for beat in range(beats):
        pitch = 40 + (number * 7 + beat * (number % 5 + 1)) % 48
        track.append(mido.Message("note_on", note=pitch, velocity=64 + number % 60, time=0))
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=480))
    track.insert(0, mido.MetaMessage("track_name", name=f"piece {number}"))
    file = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(file=file)
    return file.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def put_wav(path: Path, seconds: float = 2.0, hertz: float = 440.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(8000 * seconds)) / 8000)
    soundfile.write(path, wave.astype(np.float32), 8000, format="WAV")
    return path


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below `root` but the catalogue's own: (time of change, bytes)."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".kelly" not in path.parts
    }

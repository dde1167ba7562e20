"""The one door through which sound comes in: a file or an array becomes checked float32 samples.

What passes is not empty, finite, loud enough to be sound and small enough to hold in memory.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kelly_tui.errors import FileRefused
from kelly_tui.music.soundform import opened, refusals, whole_sound
from kelly_tui.settings import limits

Samples = NDArray[np.float32]
Sound = Path | str | tuple[ArrayLike, float]
"""A file, or ``(samples, rate)`` with samples of shape (n,) or (n, channels) and the rate in Hz."""

SILENCE = 10 ** (-70 / 20)
"""A peak under -70 dBFS is silence: what lossy coding makes of it reaches -78, the noise of 16 bits -90."""
MAX_PEAK = 1e6
"""120 dB over full scale is no sound but a file misread."""
RATES = (1_000, 768_000)
"""Sample rates that are believed, Hz."""


def valid_audio(path: Path | str, max_seconds: float | None = None) -> tuple[Samples, int]:
    """The file's samples, (n, channels) in -1..1, and its rate in Hz; only the first `max_seconds` where given.

    Raises `FileRefused` for what is missing, unreadable, cut short, empty, silent, not finite or too long to decode.
    """
    path = Path(path)
    with refusals(path), _opened(path) as sound:
        frames = sound.frames if max_seconds is None else min(sound.frames, round(max_seconds * sound.samplerate))
        if frames * sound.channels > limits().sound_values:
            minutes = sound.frames / sound.samplerate / 60
            raise FileRefused(
                f"too long to decode ({minutes:,.0f} minutes; sound_values)", path=path, hint="Cut it into pieces."
            )
        samples = sound.read(frames, dtype="float32", always_2d=True)
        if frames < sound.frames and not samples.any():
            raise FileRefused(f"silent in its first {max_seconds:g} s", path=path)
        return checked(samples, sound.samplerate, path), sound.samplerate


def sound_of(source: Sound, max_seconds: float | None = None) -> tuple[Samples, int]:
    """As `valid_audio`, for a file or for ``(samples, rate)``."""
    if isinstance(source, (str, Path)):
        return valid_audio(source, max_seconds)
    samples, rate = np.asarray(source[0], dtype=np.float32), round(source[1])
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2:
        raise FileRefused(f"samples have {samples.ndim} dimensions", hint="Wanted: (n,) or (n, channels).")
    if max_seconds is not None:
        samples = samples[: round(max_seconds * rate)]
    return checked(samples, rate), rate


def audio_seconds(path: Path | str) -> float:
    """How long the whole file is, by its header."""
    with refusals(path), _opened(Path(path)) as sound:
        return float(sound.frames / sound.samplerate)


def checked(samples: Samples, rate: int, path: Path | None = None) -> Samples:
    """`samples` themselves, or `FileRefused` where they can't be used as sound at `rate` Hz."""
    if not RATES[0] <= rate <= RATES[1]:
        raise FileRefused(f"a sample rate of {rate} Hz can't be right", path=path)
    if samples.size == 0:
        raise FileRefused("empty", path=path)
    peak = float(np.max(np.abs(samples)))
    if not np.isfinite(peak):
        raise FileRefused("has samples that are not finite numbers", path=path)
    if peak < SILENCE:
        raise FileRefused("silent", path=path)
    if peak > MAX_PEAK:
        raise FileRefused("levels are a million times over full scale", path=path)
    return samples


def _opened(path: Path) -> Any:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device would wait for ever
        raise FileRefused("not a file", path=path)
    if status.st_size == 0:
        raise FileRefused("empty", path=path)
    whole_sound(path, path)
    return opened(path)

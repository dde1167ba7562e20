"""Variants of audio: another pitch, another speed, noise, another level.

Pitch and speed go through one time stretch, `kelly_tui.augment.stretch`; the pitch is then that of a band-limited
resampling, exactly.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kelly_tui.augment.recipe import Limits, Recipe
from kelly_tui.augment.stretch import stretched_parts
from kelly_tui.features.sound_file import Samples, Sound, sound_of
from kelly_tui.music.soundform import libsndfile
from kelly_tui.store.layout import write_atomic

CEILING = 1 - 3 / 32768
"""Peaks stay under this: full scale of 16 bits less the dither."""
_LOOK_AHEAD = 0.0015
"""Seconds in which the level goes back before a peak, and returns after it: longer costs level, shorter rasps."""
_AT_ONCE = 1 << 18
"""Frames."""


class AudioVariant(NamedTuple):
    """Samples (n, channels) float32 within full scale, and their rate in Hz."""

    samples: Samples
    rate: int

    def to_bytes(self, suffix: str = ".wav", seed: int = 0) -> bytes:
        """A 16-bit WAV or FLAC file, with triangular dither of one step (seeded, so the bytes are always the same)."""
        soundfile = libsndfile()
        kind = "FLAC" if suffix.lower() == ".flac" else "WAV"
        count, channels = self.samples.shape
        one, other = _uniform(seed, 0), _uniform(seed, count * channels)
        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", self.rate, channels, format=kind, subtype="PCM_16") as sound:
            for part in _parts(count):
                shape = self.samples[part].shape
                dither = one.random(shape, np.float32) - other.random(shape, np.float32)
                steps = np.rint(self.samples[part] * np.float32(32768) + dither)
                sound.write(np.clip(steps, -32768, 32767).astype(np.int16))
        return file.getvalue()

    def save(self, path: Path | str, seed: int = 0) -> Path:
        """Write the file, whole or not at all; FLAC where the name says so, WAV otherwise."""
        path = Path(path)
        write_atomic(path, self.to_bytes(path.suffix, seed))
        return path


def _uniform(seed: int, drawn: int) -> np.random.Generator:
    """Numbers of 32 bits, two to each step of the generator, after so many were drawn."""
    rng = np.random.Generator(np.random.PCG64(seed).advance(drawn // 2))
    rng.random(drawn % 2, np.float32)
    return rng


def _parts(count: int) -> Iterator[slice]:
    """So many frames in turn: what is held beside a long sound is to be little."""
    return (slice(first, first + _AT_ONCE) for first in range(0, count, _AT_ONCE))


def augment_audio(
    source: Sound,
    pitch_shift: float = 0.0,
    time_stretch: float = 1.0,
    noise: float = 0.0,
    gain: float = 1.0,
    seed: int = 0,
) -> AudioVariant:
    """A changed copy of a sound file or of ``(samples, rate)``; samples (n,) or (n, channels).

    `pitch_shift`: semitones. `time_stretch`: of the speed, 1.1 is faster. `noise`: standard deviation of Gaussian
    noise, of full scale. `gain`: a factor. Level and channels are kept, nothing goes over full scale, and the length is
    that of the source divided by the speed. Raises `FileRefused` for what is no sound.
    """
    recipe = Recipe(pitch_shift=pitch_shift, time_stretch=time_stretch, noise=noise, gain=gain)
    return vary_audio(*sound_of(source), recipe, seed)


def vary_audio(samples: Samples, rate: int, recipe: Recipe, seed: int) -> AudioVariant:
    """`recipe` applied to `samples`, (n, channels), which stay as they are."""
    given = samples
    if (peak := _peak(samples)) > 1:  # a file over full scale comes down to it
        samples = samples / np.float32(peak)
    if recipe.pitch_shift or recipe.time_stretch != 1:
        samples = change_pitch_and_speed(samples, rate, recipe.pitch_shift, recipe.time_stretch)
    if recipe.gain != 1:
        samples = samples * np.float32(recipe.gain)
    if recipe.noise:
        rng = np.random.Generator(np.random.PCG64(seed))
        samples = samples.copy() if samples is given else samples
        for part in _parts(len(samples)):
            samples[part] += rng.standard_normal(samples[part].shape, np.float32) * np.float32(recipe.noise)
    hold_below(samples := samples.copy() if samples is given else samples, rate, CEILING)
    return AudioVariant(samples, rate)


def audio_limits(samples: Samples) -> Limits:
    """What `choose_recipes` must know about a sound."""
    return Limits(peak=_peak(samples))


def change_pitch_and_speed(samples: Samples, rate: int, semitones: float, speed: float) -> Samples:
    """(round(n / speed), channels), `semitones` higher, at the level of `samples`."""
    ratio = 2 ** (semitones / 12)
    given = (samples[part] for part in _parts(len(samples)))
    parts = given if speed == ratio else stretched_parts(samples, rate, speed / ratio)
    if ratio != 1:
        parts = _resampled(parts, rate * ratio, rate, samples.shape[1])
    changed: Samples = np.zeros((round(len(samples) / speed), samples.shape[1]), np.float32)
    filled = 0
    for part in parts:
        there = changed[filled : filled + len(part)]
        there[:] = part[: len(there)]
        filled += len(there)
    before, after = _level(samples), _level(changed)
    changed *= np.float32(before / after if after > 0 else 1)
    return changed


def _resampled(parts: Iterable[Samples], rate: float, wanted: int, channels: int) -> Iterator[Samples]:
    """What `soxr.resample` makes of all of it at once."""
    import soxr

    stream = soxr.ResampleStream(rate, wanted, channels, dtype="float32")
    for part in parts:
        yield stream.resample_chunk(np.ascontiguousarray(part))
    yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)


def _peak(samples: Samples) -> float:
    return max(float(samples.max()), -float(samples.min()))


def _level(samples: Samples) -> float:
    """Root of the mean square."""
    powers = [float(np.square(samples[part], dtype=np.float64).sum()) for part in _parts(len(samples))]
    return math.sqrt(math.fsum(powers) / samples.size)


def hold_below(samples: Samples, rate: int, ceiling: float) -> None:
    """Take the level of `samples` back around peaks over `ceiling`, all channels alike, and nowhere else."""
    if _peak(samples) <= ceiling:
        return
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    width = 2 * round(rate * _LOOK_AHEAD) + 1
    before = samples[:0].copy()
    for part in _parts(len(samples)):
        near = np.concatenate((before, samples[part.start : part.stop + 2 * width]))
        needed = np.minimum(1.0, ceiling / np.maximum(np.abs(near).max(axis=1), 1e-9))
        # The least gain within reach, smoothed over that reach: nowhere more than what is needed, without a jump.
        gain = uniform_filter1d(minimum_filter1d(needed, width, mode="nearest"), width, mode="nearest")
        first, end = len(before), len(before) + len(samples[part])
        samples[part] *= gain[first:end, None]
        before = near[max(0, end - 2 * width) : end]
    np.clip(samples, -ceiling, ceiling, out=samples)  # float32 may round a hair over

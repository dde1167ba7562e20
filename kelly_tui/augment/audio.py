"""Variants of audio: another pitch, another speed, noise, another level.

Pitch and speed go through one time stretch, `kelly_tui.augment.stretch`; the pitch is then that of a band-limited
resampling, exactly.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kelly_tui.augment.recipe import Limits, Recipe
from kelly_tui.augment.stretch import stretched
from kelly_tui.features.sound_file import Samples, Sound, sound_of
from kelly_tui.store.layout import write_atomic

CEILING = 1 - 3 / 32768
"""Peaks stay under this: full scale of 16 bits less the dither."""
_LOOK_AHEAD = 0.0015
"""Seconds in which the level goes back before a peak, and returns after it: longer costs level, shorter rasps."""


class AudioVariant(NamedTuple):
    """Samples (n, channels) float32 within full scale, and their rate in Hz."""

    samples: Samples
    rate: int

    def to_bytes(self, suffix: str = ".wav", seed: int = 0) -> bytes:
        """A 16-bit WAV or FLAC file, with triangular dither of one step (seeded, so the bytes are always the same)."""
        import soundfile

        rng = np.random.Generator(np.random.PCG64(seed))
        dither = rng.random(self.samples.shape, np.float32) - rng.random(self.samples.shape, np.float32)
        steps = np.clip(np.rint(self.samples * np.float32(32768) + dither), -32768, 32767).astype(np.int16)
        file = io.BytesIO()
        kind = "FLAC" if suffix.lower() == ".flac" else "WAV"
        soundfile.write(file, steps, self.rate, format=kind, subtype="PCM_16")
        return file.getvalue()

    def save(self, path: Path | str, seed: int = 0) -> Path:
        """Write the file, whole or not at all; FLAC where the name says so, WAV otherwise."""
        path = Path(path)
        write_atomic(path, self.to_bytes(path.suffix, seed))
        return path


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
    """`recipe` applied to `samples`, (n, channels)."""
    samples = samples / np.float32(max(1.0, float(np.abs(samples).max())))  # a file over full scale comes down to it
    if recipe.pitch_shift or recipe.time_stretch != 1:
        samples = change_pitch_and_speed(samples, rate, recipe.pitch_shift, recipe.time_stretch)
    if recipe.gain != 1:
        samples = samples * np.float32(recipe.gain)
    if recipe.noise:
        rng = np.random.Generator(np.random.PCG64(seed))
        samples = samples + rng.standard_normal(samples.shape, np.float32) * np.float32(recipe.noise)
    return AudioVariant(held_below(samples, rate, CEILING), rate)


def audio_limits(samples: Samples) -> Limits:
    """What `choose_recipes` must know about a sound."""
    return Limits(peak=float(np.abs(samples).max()))


def change_pitch_and_speed(samples: Samples, rate: int, semitones: float, speed: float) -> Samples:
    """(round(n / speed), channels), `semitones` higher, at the level of `samples`."""
    import soxr

    count = round(len(samples) / speed)
    ratio = 2 ** (semitones / 12)
    changed: Samples = samples if speed == ratio else stretched(samples, rate, speed / ratio)
    if ratio != 1:
        changed = soxr.resample(changed, rate * ratio, rate)
    changed = np.pad(changed[:count], ((0, max(0, count - len(changed))), (0, 0)))
    before, after = (float(np.sqrt(np.mean(np.square(part, dtype=np.float64)))) for part in (samples, changed))
    level = np.float32(before / after if after > 0 else 1)
    changed *= level
    return changed


def held_below(samples: Samples, rate: int, ceiling: float) -> Samples:
    """`samples` with their level taken back around peaks over `ceiling`, all channels alike, and nowhere else."""
    peaks = np.abs(samples).max(axis=1)
    if peaks.max() <= ceiling:
        return samples
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    width = 2 * round(rate * _LOOK_AHEAD) + 1
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9)).astype(np.float64)
    # The least gain within reach, smoothed over that reach: nowhere more than what is needed, without a jump.
    gain = uniform_filter1d(minimum_filter1d(needed, width, mode="nearest"), width, mode="nearest")
    held: Samples = samples * gain[:, None].astype(np.float32)
    return np.clip(held, -ceiling, ceiling, out=held)  # float32 may round a hair over

"""Audio of any length, streamed: decoded, made stereo, resampled and stretched a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kelly_tui.errors import FileRefused
from kelly_tui.music.soundform import streamed
from kelly_tui.playback.source import Samples
from kelly_tui.playback.stretch import stretched
from kelly_tui.render.lens import Lens

_BLOCK = 4096

_LEAD = {"MP3": 9216, "OGG": 9216}
"""Frames before a place that must have been decoded for it: eight of MPEG's, which hold what it borrows, or as many as
Vorbis overlaps."""

_SURROUND = np.array([[1, 0], [0, 1], [0.707, 0.707], [0, 0], [0.707, 0], [0, 0.707]], np.float32) / 2.414
"""5.1 (L R C LFE Ls Rs) to stereo by ITU-R BS.775, scaled so that nothing can clip."""


def downmix(channels: int) -> Samples:
    """The matrix, shape (channels, 2), that makes stereo of `channels`."""
    if channels == 2:
        return np.eye(2, dtype=np.float32)
    if channels == 6:
        return _SURROUND
    return np.full((channels, 2), 1 / channels, np.float32)


class AudioSource:
    """A `Source` from a file that libsndfile reads. Raises `FileRefused`."""

    def __init__(self, path: Path, rate: int) -> None:
        self._file = streamed(path)
        if not self._file.frames:
            self._file.close()
            raise FileRefused("no sound in it", path=path)
        self.duration = self._file.frames / self._file.samplerate
        self._rate = rate
        self._downmix = downmix(self._file.channels)
        self.seek(0.0)

    @property
    def position(self) -> float:
        return self._origin + self._frame * self._speed / self._rate

    def seek(self, seconds: float, speed: float = 1.0) -> None:
        place = min(round(seconds * self._file.samplerate), self._file.frames)
        lead = min(place, _LEAD.get(self._file.format, 0))
        self._file.seek(place - lead)
        self._origin, self._speed, self._frame = seconds, speed, 0
        self._left = np.zeros((0, 2), np.float32)
        stream = self._resampled(self._decoded(lead))
        self._stream = stream if speed == 1.0 else stretched(stream, speed, self._rate)

    def see_through(self, lens: Lens) -> None:
        """Recorded sound stays as it is."""

    def read(self, frames: int) -> Samples:
        parts, there = [self._left], len(self._left)
        while there < frames and (more := next(self._stream, None)) is not None:
            parts.append(more)
            there += len(more)
        whole = np.concatenate(parts)
        self._left = whole[frames:]
        self._frame += min(there, frames)
        return whole[:frames]

    def close(self) -> None:
        self._file.close()

    def _decoded(self, lead: int) -> Iterator[Samples]:
        """The sound after so many frames, which are read unheard."""
        import soundfile

        while True:
            try:
                block = self._file.read(lead or _BLOCK, dtype="float32", always_2d=True)
            except soundfile.SoundFileError:
                return  # damaged from here on: what came before was heard
            if not len(block):
                return
            if lead:
                lead = 0
                continue
            yield np.nan_to_num(block, posinf=0.0, neginf=0.0) @ self._downmix

    def _resampled(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        import soxr

        if self._file.samplerate == self._rate:
            yield from blocks
            return
        stream = soxr.ResampleStream(self._file.samplerate, self._rate, 2, dtype="float32")
        for block in blocks:
            yield stream.resample_chunk(block)
        yield stream.resample_chunk(np.zeros((0, 2), np.float32), last=True)

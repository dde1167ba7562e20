"""What the music view draws: a sample's notes or its sound, read once, off the app's thread."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kelly_tui.errors import FileRefused, KellyError
from kelly_tui.features.npz import read_npz
from kelly_tui.model.sample import Sample
from kelly_tui.music.beats import find_clock
from kelly_tui.music.hook import hook
from kelly_tui.music.meter import counted, find_bars
from kelly_tui.music.modulation import detect_keys
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.tempo import detect_tempo
from kelly_tui.plots.cells import Cells
from kelly_tui.plots.lines import Lines
from kelly_tui.plots.outline import LARGEST, Outline, outline_of, pack, unpack
from kelly_tui.plots.pianoroll import PianoRoll
from kelly_tui.plots.ruler import beats_and_bars
from kelly_tui.plots.spectrogram import spectrogram
from kelly_tui.plots.waveform import waveform
from kelly_tui.render.events import read_events
from kelly_tui.render.lens import Part, parts
from kelly_tui.store.durable import write_inside
from kelly_tui.store.inside import inside, read_inside

BAR_CELLS = 8
"""A bar of a piano roll is at least so wide."""

NEAREST, FURTHEST = 5, -3
"""Bounds of the zoom."""

BELIEVED = 0.5
"""How sure found beats must be to be drawn in the place of a file's nominal ones."""

SHORT = 10.0
"""Seconds of sound whose outline is found again sooner than it is read."""

FEATURE_RATE = 22_050
"""Hz of the frames that features count in."""

_MOST_BEATS = 1 << 20
"""Of a sound: a hundred hours have fewer."""


class View(NamedTuple):
    """What of a picture is drawn. Times are seconds."""

    start: float
    end: float
    playhead: float | None = None
    loop: tuple[float, float] | None = None
    spectrum: bool = False
    """Of sound: its spectrogram, not its waveform."""


class Picture(Protocol):
    """A piece of music, ready to be drawn again and again. Times are seconds."""

    duration: float
    beats: Sequence[float]
    """Starts of beats; empty where they are not known."""
    bars: Sequence[float]
    keys: Sequence[tuple[float, str]]
    """Where each key starts, and its name as a chord's: ``Am``; empty where it stays in one."""
    parts: list[Part]
    """Of notes, what each player has; none of recorded sound."""

    def hook(self) -> tuple[float, float]:
        """The start and end of what tells most about it."""
        ...

    def stretch(self, width: int, playhead: float, zoom: int = 0) -> tuple[float, float]:
        """The start and end of what is shown in `width` cells while the playhead is there; each `zoom` halves it."""
        ...

    def cells(self, width: int, height: int, view: View) -> Cells:
        """That view in `width` x `height` cells."""
        ...


class MidiPicture:
    """Notes in pages of whole bars."""

    def __init__(self, score: Score, parts: Sequence[Part] = ()) -> None:
        self.duration = score.duration
        self.parts = list(parts)
        beats, bars = beats_and_bars(_on_its_beats(score))
        self.beats, self.bars = beats.tolist(), bars.tolist() or [0.0]
        self.keys: Sequence[tuple[float, str]] = _changing_keys(score)
        self._notes = score.notes
        self._roll = PianoRoll(score.notes)

    def hook(self) -> tuple[float, float]:
        pitches = np.where(self._notes["is_drum"], -1, self._notes["pitch"].astype(np.int64))
        start, end = hook(self._notes["onset"], self._notes["velocity"], self.duration, pitches=pitches)
        bar = min(self.bars, key=lambda line: abs(line - start))  # a bar is heard better from its start
        return bar, min(bar + end - start, self.duration)

    def stretch(self, width: int, playhead: float, zoom: int = 0) -> tuple[float, float]:
        shown = max(int(width / (BAR_CELLS * 2.0**zoom)), 1)
        bar = int(np.searchsorted(self.bars, playhead, "right")) - 1
        first = max(bar, 0) // shown * shown
        last = first + shown
        start = self.bars[first]
        if last < len(self.bars):
            return start, self.bars[last]
        bar_length = self.bars[-1] - self.bars[-2] if len(self.bars) > 1 else self.duration
        return start, self.bars[-1] + max(bar_length, 0.1) * (last - len(self.bars) + 1)

    def cells(self, width: int, height: int, view: View) -> Cells:
        lines = Lines(self.beats, self.bars, view.playhead, view.loop)
        return self._roll.cells(width, height, view.start, view.end, lines)


def _on_its_beats(score: Score) -> Score:
    """The score, where it was played without a clock or names no meter on the beats and bars that are heard."""
    if not len(score.notes):
        return score
    clock = find_clock(score, detect_tempo(score))
    return counted(score, clock, find_bars(clock)) if clock.confidence >= BELIEVED else score


def _changing_keys(score: Score) -> list[tuple[float, str]]:
    """The keys over time, if there is more than one."""
    regions = detect_keys(score)[1]
    signs = {"major": "", "minor": "m"}
    names = [(region.start, region.tonic + signs.get(region.mode, f" {region.mode}")) for region in regions]
    return names if len(names) > 1 else []


class AudioPicture:
    """Sound, whole or in pages, as a waveform or a spectrogram, on the beats that its features found."""

    keys: Sequence[tuple[float, str]] = ()

    def __init__(self, outline: Outline, beats: Sequence[float] = (), bars: Sequence[float] = ()) -> None:
        self.duration = outline.duration
        self.parts: list[Part] = []
        self.beats, self.bars = beats, bars
        self._outline = outline
        self._loudest = float(np.abs(outline.peaks).max())
        self._fullest = float(outline.levels.max())

    def hook(self) -> tuple[float, float]:
        level = self._outline.peaks[:, 1] - self._outline.peaks[:, 0]
        times = np.arange(len(level)) / max(len(level), 1) * self.duration
        return hook(times, np.maximum(np.diff(level, prepend=0.0), 0.0), self.duration)

    def stretch(self, width: int, playhead: float, zoom: int = 0) -> tuple[float, float]:
        page = self.duration / 2 ** max(zoom, 0)
        start = min(int(playhead / page), 2 ** max(zoom, 0) - 1) * page
        return start, start + page

    def cells(self, width: int, height: int, view: View) -> Cells:
        """Beyond the end of the sound there is nothing."""
        there = min(view.end, self.duration)
        own = max(round(width * (there - view.start) / (view.end - view.start)), 1)
        span, outline = (view.start, there), self._outline
        lines = Lines(self.beats, self.bars, view.playhead, view.loop)
        if view.spectrum:
            return spectrogram(outline.levels_of(*span), own, height, span, lines, self._fullest)
        return waveform(outline.peaks_of(*span), own, height, span, lines, self._loudest)


def read_picture(root: Path, sample: Sample) -> Picture:
    """The picture of a dataset's sample. Raises `FileRefused` for a file that can't be read."""
    try:
        path = inside(root, sample.file_path)
        if sample.file_type == "midi":
            return MidiPicture(read_midi(path), parts(read_events(path)))
        return AudioPicture(kept_outline(root, sample.file_path), *_found_beats(root, sample))
    except OSError as error:  # also of a sound whose dataset is away
        raise FileRefused(f"can't be read ({error.strerror})", path=sample.file_path) from error


def kept_outline(root: Path, file_path: str) -> Outline:
    """A sound's outline: found once, and from then on read from a file in the dataset's ``.kelly/outlines``.

    That file is named by where the sound lies, how large it is and when it was changed, so that another sound in its
    place is not drawn as the one before. Where it can't be written, the outline is found again the next time.
    """
    path = root / file_path
    found = path.stat()
    known_by = f"{file_path} {found.st_size} {found.st_mtime_ns}".encode("utf-8", "surrogatepass")
    name = hashlib.sha256(known_by).hexdigest()
    kept = f".kelly/outlines/{name[:2]}/{name[2:18]}"
    with suppress(FileRefused, OSError):
        if (outline := unpack(read_inside(root, root / kept, LARGEST))) is not None:
            return outline
    outline = outline_of(path)
    if outline.duration >= SHORT:
        with suppress(KellyError, OSError):
            write_inside(root, kept, pack(outline))
    return outline


def _found_beats(root: Path, sample: Sample) -> tuple[list[float], list[float]]:
    """Seconds of beats and bars, as the sample's features have them; none where there are none, or no times."""
    if sample.features_path is None:
        return [], []
    with suppress(TypeError, ValueError, KeyError, KellyError):  # features can be made again, and drawn without
        features = read_npz(inside(root, sample.features_path), ("hop_length", "beat_frames", "bar_frames"))
        seconds = float(features["hop_length"]) / FEATURE_RATE
        return _times(features["beat_frames"], seconds), _times(features["bar_frames"], seconds)
    return [], []


def _times(frames: NDArray[np.generic], seconds: float) -> list[float]:
    """Raises `ValueError` for what are no numbers of frames, one after another."""
    if frames.ndim != 1 or frames.size > _MOST_BEATS or frames.dtype.kind not in "iuf":
        raise ValueError(frames)
    with np.errstate(over="ignore", invalid="ignore"):
        times: NDArray[np.float64] = frames.astype(np.float64) * seconds
    if not np.isfinite(times).all():
        raise ValueError(frames)
    found: list[float] = times.tolist()
    return found

"""What the detectors say with weights that never saw the music they are asked about.

What is judged on the music that it was fitted on looks better than it is. So the songs of the sets are parted into
halves, a song into one half in all of them; the weights are fitted on one half alone and judged on the other. They are
fitted as those of the program were, maximum likelihood with a quadratic penalty (kinds of evidence in units of their
spread), but on less: the program's have all of these sets, so that it is right about as often as the one figure or the
other says, or between them. Keys of notes are learnt from other music too, in either fold: `tests.accuracy.keys`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import symusic
from numpy.typing import NDArray
from scipy.optimize import minimize

from kelly_tui.features import audio, audio_rhythm
from kelly_tui.features.pulses import above_their_mean
from kelly_tui.features.sound_file import sound_of
from kelly_tui.features.spectrum import Spectrum
from kelly_tui.music.notes import read_midi
from kelly_tui.music.tempi import BPM
from kelly_tui.paths import PROJECT
from kelly_tui.render.midi import rendered_blocks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Learnt = list[tuple[ModuleType, dict[str, Any]]]
"""Modules, and what their weights are to be."""
Annotated = Sequence[tuple[Path, Mapping[str, Any]]]
"""Files with their labels."""


APART = "songs apart"
"""Instead of a set's name: songs that lie beside the sets and are in none."""


def songs_apart(judged: set[str]) -> list[tuple[Path, Mapping[str, Any]]]:
    """Those whose names are not among the `judged`; what a file says of itself is its label."""
    songs = (PROJECT.parent / "shared" / "music" / "pop").glob("*/*.mid")
    return [(song, {}) for song in sorted(songs) if song.stem not in judged]


def half_of(file: str | Path) -> int:
    """0 or 1, by the name of the song alone."""
    return zlib.crc32(Path(file).stem.encode()) % 2


@contextmanager
def using(learnt: Learnt) -> Iterator[None]:
    """The program with other weights."""
    with ExitStack() as stack:
        for module, values in learnt:
            stack.enter_context(patch.multiple(module, **values))
        yield


class Choice(NamedTuple):
    """One of many is right."""

    evidence: Floats
    """(options, kinds)"""
    right: Flags
    """(options,) any of these."""
    counts: float = 1.0


def fit(choices: Sequence[Choice], penalty: float, held: Mapping[int, float] | None = None) -> Floats:
    """(kinds,) the weights of a multinomial logit; `held`: those that are set, not fitted."""
    evidence = np.array([choice.evidence for choice in choices])
    right = np.array([choice.right for choice in choices], np.float64)
    counts = np.array([choice.counts for choice in choices])
    weights = np.zeros(evidence.shape[2])
    for kind, weight in (held or {}).items():
        weights[kind] = weight
    fixed = evidence @ weights
    free = np.array([kind for kind in range(len(weights)) if kind not in (held or {})])
    tried = evidence[:, :, free]
    spread = np.maximum(np.sqrt(tried.var(axis=1).mean(axis=0)), 1e-9)
    tried /= spread
    rows = tried.reshape(-1, len(free))

    def cost(weights: Floats) -> tuple[float, Floats]:
        odds = (rows @ weights).reshape(fixed.shape) + fixed
        likely = np.exp(odds - odds.max(axis=1, keepdims=True))
        of_right = likely * right
        among, those = likely.sum(axis=1), np.maximum(of_right.sum(axis=1), 1e-300)
        apart = (counts / among)[:, None] * likely - (counts / those)[:, None] * of_right
        slope = apart.ravel() @ rows + penalty * weights
        return float(counts @ np.log(among / those)) + penalty / 2 * float(weights @ weights), slope

    weights[free] = minimize(cost, np.zeros(len(free)), jac=True, method="L-BFGS-B").x / spread
    return weights


def is_near(tempi: Floats, bpm: float) -> Flags:
    """Those within 2 %."""
    near: Flags = np.abs(np.log2(tempi / float(bpm))) < 0.03
    return near


def tempi_of_audio(pieces: Annotated) -> Learnt:
    """The weights of pulses of bands; what there is as notes is played by the program, a song in two sets once."""
    choices = []
    for path, label in {path.name: (path, label) for path, label in pieces}.values():
        spectrum = spectrum_of(path)
        curves = audio_rhythm._onset_curves(spectrum.mel_db(audio._HEARD_MELS), audio.RATE)
        rate = audio.RATE / audio._HEARD_HOP
        evidence = audio_rhythm.tempo_evidence(curves, above_their_mean(curves, rate), rate)
        bpm = label["bpm"] if "bpm" in label else read_midi(path).tempo_bpm
        choices.append(Choice(evidence, is_near(BPM, bpm)))
    return [(audio_rhythm, {"_WEIGHTS": fit(choices, 3.0)})]


_TO_GENERAL_MIDI = {22: 42, 26: 46, 58: 43}
"""The electronic kit of the drum takes has three notes elsewhere."""
_PLAYED, _OF = 45, 30
"""Of so many seconds that are played the last ones: a song's beginning may have no beat."""


def played(notes: Path | bytes) -> NDArray[np.float32]:
    """(samples,) half a minute of a file's notes."""
    midi = symusic.Score(notes) if isinstance(notes, Path) else symusic.Score.from_midi(notes)
    for track in midi.tracks:
        for note in track.notes if track.is_drum else ():
            note.pitch = _TO_GENERAL_MIDI.get(note.pitch, note.pitch)
    blocks, count = [], 0
    for block in rendered_blocks(midi.dumps_midi(), audio.RATE):
        blocks.append(block.mean(axis=1))
        count += len(block)
        if count > _PLAYED * audio.RATE:
            break
    sound = np.concatenate(blocks)[: _PLAYED * audio.RATE][-_OF * audio.RATE :]
    return (0.8 * sound / max(float(np.abs(sound).max()), 1e-6)).astype(np.float32)


def spectrum_of(path: Path | bytes) -> Spectrum:
    """As the program hears it, and plays it if it is notes."""
    if isinstance(path, bytes) or path.suffix == ".mid":
        return Spectrum(played(path), audio.RATE, audio._HEARD_HOP)
    samples, rate = sound_of(path, LISTENED.max_duration_sec)
    return Spectrum(audio.analysed(samples, rate), audio.RATE, audio._HEARD_HOP)


LISTENED = audio.AudioConfig(max_duration_sec=60)
"""Of chords a minute is annotated."""

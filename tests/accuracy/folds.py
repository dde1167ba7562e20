"""What the detectors say with weights that never saw the music they are asked about.

What is judged on the music that it was fitted on looks better than it is. So the songs of the sets are parted into
halves, a song into one half in all of them; the weights are fitted on one half alone and judged on the other. They are
fitted as those of the program were, maximum likelihood with a quadratic penalty (kinds of evidence in units of their
spread), but on less: the program's have all of these sets, and other music too, so that it is right about as often as
the one figure or the other says, or between them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import symusic
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from kelly_tui.features import audio, audio_key, audio_rhythm
from kelly_tui.features.sound_file import sound_of
from kelly_tui.features.spectrum import Spectrum
from kelly_tui.model.labels import KEYS, parse_key
from kelly_tui.music import key, tempo
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.tempi import BPM
from kelly_tui.music.theory import SCALES
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
    wrong = np.where([choice.right for choice in choices], 0.0, -np.inf)
    counts = np.array([choice.counts for choice in choices])
    weights = np.zeros(evidence.shape[2])
    for kind, weight in (held or {}).items():
        weights[kind] = weight
    fixed = evidence @ weights
    free = np.array([kind for kind in range(len(weights)) if kind not in (held or {})])
    tried = evidence[:, :, free]
    spread = np.maximum(np.sqrt(tried.var(axis=1).mean(axis=0)), 1e-9)
    tried /= spread

    def cost(weights: Floats) -> tuple[float, Floats]:
        odds = tried @ weights + fixed
        among, of_right = logsumexp(odds, axis=1), logsumexp(odds + wrong, axis=1)
        apart = np.exp(odds - among[:, None]) - np.exp(odds + wrong - of_right[:, None])
        slope = np.einsum("co,cok->k", counts[:, None] * apart, tried, optimize=True) + penalty * weights
        return float(counts @ (among - of_right)) + penalty / 2 * float(weights @ weights), slope

    weights[free] = minimize(cost, np.zeros(len(free)), jac=True, method="L-BFGS-B").x / spread
    return weights


_MOVED = 2
"""How many copies of a piece are moved to other modes, to teach those that few pieces are in; each counts a half."""
_ABSENT = 6
"""The kind of evidence for keys whose weight is set."""


def keys(pieces: Annotated) -> Learnt:
    """The weights of lines and of harmony; those of voices from before tonality saw none of these sets."""
    chance = np.random.default_rng(1)
    modes = [mode for mode in key.MODES if mode not in key.FORMS[1:]]
    choices: dict[str, list[Choice]] = {"melody": [], "harmony": []}
    for path, label in pieces:
        score, tonic, mode = read_midi(path), KEYS.index(parse_key(label["tonic"])[0]), label["mode"]
        others = chance.choice([other for other in modes if other != mode], _MOVED, replace=False)
        for to in (mode, *others):
            evidence, texture = key.key_evidence(in_mode(score, tonic, mode, to))
            of_mode = np.tile(np.eye(len(key.MODES))[:, 1:], (12, 1))
            right = np.zeros((12, len(key.MODES)), np.bool_)
            right[tonic, [key.MODES.index(form) for form in (key.FORMS if to == "minor" else (to,))]] = True
            counts = 1.0 if to == mode else 0.5
            choices[texture].append(Choice(np.hstack((evidence, of_mode)), right.reshape(-1), counts))
    weights, priors = dict(key.WEIGHTS), dict(key._PRIOR_ROWS)
    for texture, those in choices.items():
        learnt = fit(those, 3.0, {_ABSENT: key.WEIGHTS[texture][_ABSENT]})
        kinds = len(key.WEIGHTS[texture])
        weights[texture] = tuple(learnt[:kinds])
        priors[texture] = np.tile(np.append(0.0, learnt[kinds:]), 12)
    return [(key, {"WEIGHTS": weights, "_PRIOR_ROWS": priors})]


def in_mode(score: Score, tonic: int, mode: str, to: str) -> Score:
    """A piece moved to another mode, degree by degree."""
    shift = np.zeros(12, np.int64)
    for step, other in zip(SCALES[mode], SCALES[to]):
        shift[step] = other - step
    notes = score.notes.copy()
    pitches = notes["pitch"].astype(np.int64)
    notes["pitch"] = np.where(notes["is_drum"], pitches, pitches + shift[(pitches - tonic) % 12])
    return replace(score, notes=notes)


def tempi(pieces: Annotated) -> Learnt:
    """The weights of pulses of notes; a jazz solo counts less than other music, a song in two sets once.

    The penalty is what cross-validation within either half chooses.
    """
    choices = []
    for path, label in {path.stem: (path, label) for path, label in pieces}.values():
        score = read_midi(path)
        right = is_near(BPM, label.get("bpm", score.tempo_bpm))
        choices.append(Choice(tempo.pulse_evidence(score), right, 0.25 if path.parent.name == "wjd" else 1.0))
    return [(tempo, {"_WEIGHTS": tuple(fit(choices, 12.0, {-1 % len(tempo._WEIGHTS): tempo._WEIGHTS[-1]}))})]


def is_near(tempi: Floats, bpm: float) -> Flags:
    """Those within 2 %."""
    near: Flags = np.abs(np.log2(tempi / float(bpm))) < 0.03
    return near


def keys_of_audio(pieces: Annotated) -> Learnt:
    """The weights of what is heard for each key."""
    choices = []
    for path, label in pieces:
        spectrum = spectrum_of(path)
        heard = audio_key.hear(audio_key.pitch_strengths(spectrum)[0], spectrum.rate / spectrum.hop)
        ends = audio_key._begins_and_ends(spectrum.samples, spectrum.rate)
        right = np.zeros(24, np.bool_)
        right[2 * KEYS.index(parse_key(label["tonic"])[0]) + (label["mode"] == "minor")] = True
        choices.append(Choice(audio_key.key_evidence(heard, *ends), right))
    return [(audio_key, {"_WEIGHTS": fit(choices, 1.0)})]


def tempi_of_audio(pieces: Annotated) -> Learnt:
    """The weights of pulses of bands; what there is as notes is played by the program, a song in two sets once."""
    choices = []
    for path, label in {path.name: (path, label) for path, label in pieces}.values():
        is_midi = path.suffix == ".mid"
        spectrum = Spectrum(played(path), audio.RATE, audio._HEARD_HOP) if is_midi else spectrum_of(path)
        curves = audio_rhythm._onset_curves(spectrum.mel_db(audio._HEARD_MELS), audio.RATE)
        rate = audio.RATE / audio._HEARD_HOP
        evidence = audio_rhythm.tempo_evidence(curves, audio_rhythm._above_their_mean(curves, rate), rate)
        bpm = label["bpm"] if "bpm" in label else read_midi(path).tempo_bpm
        choices.append(Choice(evidence, is_near(BPM, bpm)))
    return [(audio_rhythm, {"_WEIGHTS": fit(choices, 3.0)})]


_TO_GENERAL_MIDI = {22: 42, 26: 46, 58: 43}
"""The electronic kit of the drum takes has three notes elsewhere."""
_PLAYED, _OF = 45, 30
"""Of so many seconds that are played the last ones: a song's beginning may have no beat."""


def played(path: Path) -> NDArray[np.float32]:
    """(samples,) half a minute of a file's notes."""
    midi = symusic.Score(path)
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


def spectrum_of(path: Path) -> Spectrum:
    """As the program hears it."""
    samples, rate = sound_of(path, LISTENED.max_duration_sec)
    return Spectrum(audio.analysed(samples, rate), audio.RATE, audio._HEARD_HOP)


LISTENED = audio.AudioConfig(max_duration_sec=60)
"""Of chords a minute is annotated."""

"""Variants of MIDI: transposed, at another speed, louder or softer, looser, thinner.

The work is done in ticks on a `symusic.Score`. What symusic does not carry is not in a variant: sysex, aftertouch,
text other than track names, lyrics and markers; channels may be renumbered, drums stay drums.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import symusic
from numpy.typing import NDArray

from kelly_tui.augment.ranges import range_of
from kelly_tui.augment.recipe import Limits, Recipe
from kelly_tui.errors import KellyError
from kelly_tui.music.notes import parse_midi, read_bytes
from kelly_tui.store.layout import write_atomic

if TYPE_CHECKING:
    import pretty_midi

MidiSource = Path | str | bytes | Any  # or a symusic.Score, or a pretty_midi.PrettyMIDI

_NOTE = np.dtype(
    [("time", "i8"), ("duration", "i8"), ("pitch", "i8"), ("velocity", "i8"), ("track", "i8"), ("is_drum", "?")],
    align=True,  # a fifth faster than where numbers straddle words
)
Notes = NDArray[np.void]
Floats = NDArray[np.float64]
_TIME_BITS = 31
"""Ticks fit into these: sorting by one number is several times faster than by two."""


class MidiVariant(bytes):
    """A standard MIDI file."""

    def save(self, path: Path | str) -> Path:
        """Write the file, whole or not at all."""
        write_atomic(Path(path), self)
        return Path(path)

    def pretty_midi(self) -> pretty_midi.PrettyMIDI:
        """As the object that many programs work with."""
        import pretty_midi

        return pretty_midi.PrettyMIDI(io.BytesIO(self))


def augment_midi(
    source: MidiSource,
    transpose: int = 0,
    time_stretch: float = 1.0,
    velocity_scale: float = 1.0,
    jitter_ms: float = 0.0,
    dropout: float = 0.0,
    seed: int = 0,
) -> MidiVariant:
    """A changed copy of a MIDI file, of its bytes, or of a `PrettyMIDI` or `symusic.Score`.

    `transpose`: semitones; drums stay. `time_stretch`: of the speed, 1.1 is faster; beats stay beats. `velocity_scale`:
    clipped to 1..127. `jitter_ms`: the most by which an onset moves, at most 5. `dropout`: the share of notes left out.
    The same arguments give the same bytes. Raises `FileRefused` for what is no music.
    """
    recipe = Recipe(
        transpose=transpose,
        time_stretch=time_stretch,
        velocity_scale=velocity_scale,
        jitter_ms=jitter_ms,
        dropout=dropout,
    )
    return vary_midi(read_score(source), recipe, seed)


def vary_midi(score: symusic.Score, recipe: Recipe, seed: int) -> MidiVariant:
    """`recipe` applied to a copy of `score`."""
    return timed_variant(score, recipe, seed)[0]


def timed_variant(score: symusic.Score, recipe: Recipe, seed: int) -> tuple[MidiVariant, float]:
    """`recipe` applied to a copy of `score`, and when its last note ends, in seconds."""
    varied = score.copy()
    rng = np.random.Generator(np.random.PCG64(seed))
    notes = _notes_of(varied)
    if recipe.dropout:
        notes = _dropped(notes, recipe.dropout, rng)
    if recipe.velocity_scale != 1:
        notes["velocity"] = np.clip(np.rint(notes["velocity"] * recipe.velocity_scale), 1, 127)
    if recipe.transpose:
        _transpose(varied, notes, recipe.transpose)
    if recipe.time_stretch != 1:
        _change_speed(varied, recipe.time_stretch)
    clock = _Clock.of(varied)
    if recipe.jitter_ms:
        moved = jitter(notes, clock, recipe.jitter_ms / 1000, rng)
        notes["time"] += moved
        notes["duration"] -= moved  # ends stay
    _put_notes(varied, notes)
    end = float(clock.seconds(notes["time"] + notes["duration"]).max(initial=0.0))
    return MidiVariant(varied.dumps_midi()), end


class _Clock(NamedTuple):
    """A tempo map as a line through points: ticks, and the seconds at which they come."""

    at_ticks: Floats
    at_seconds: Floats

    @classmethod
    def of(cls, score: symusic.Score) -> _Clock:
        ticks, mspq = _tempi(score)
        at = np.append(ticks, 1 << _TIME_BITS).astype(np.float64)
        return cls(at, np.append(0.0, np.cumsum(np.diff(at) * mspq)) / (score.tpq * 1e6))

    def seconds(self, ticks: NDArray[Any]) -> Floats:
        seconds: Floats = np.interp(ticks, self.at_ticks, self.at_seconds)
        return seconds

    def ticks(self, seconds: Floats) -> Floats:
        ticks: Floats = np.interp(seconds, self.at_seconds, self.at_ticks)
        return ticks


def read_score(source: MidiSource) -> symusic.Score:
    """A score in ticks, of whatever is given. Raises `FileRefused`."""
    if isinstance(source, (str, Path)):
        return parse_midi(read_bytes(Path(source)), str(source))
    if isinstance(source, bytes):
        return parse_midi(source)
    if hasattr(source, "get_tempo_changes"):
        file = io.BytesIO()
        source.write(file)
        return parse_midi(file.getvalue())
    return parse_midi(source.to("tick").dumps_midi())


def midi_limits(score: symusic.Score) -> Limits:
    """What `choose_recipes` must know about a score."""
    notes = _notes_of(score)
    down, up = _room(score)
    struck = notes["velocity"][notes["velocity"] >= 10]
    bpm = 6e7 / _tempi(score)[1]
    return Limits(
        down=down,
        up=up,
        notes=min(len(notes), int(np.count_nonzero(_may_go(notes)))),
        softest=int(struck.min(initial=127)) if len(struck) else 0,
        slowest_bpm=float(bpm.min()),
        fastest_bpm=float(bpm.max()),
        tick_ms=float(60_000 / bpm.min() / score.tpq),
    )


def _room(score: symusic.Score) -> tuple[int, int]:
    """By how many semitones all parts can go down and up: a part that has left its range goes no further out."""
    room = []
    for track in score.tracks:
        if len(track.notes) and not track.is_drum:
            pitches = track.notes.numpy()["pitch"]
            lowest, highest = range_of(track.program)
            room.append((max(0, int(pitches.min()) - lowest), max(0, highest - int(pitches.max()))))
    return (min(down for down, _ in room), min(up for _, up in room)) if room else (0, 0)


def jitter(notes: Notes, clock: _Clock, most: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """By how many ticks each onset moves: at most `most` seconds from where it is in `notes`, by the tempo map.

    An onset stays before its own end and after the end of the note before it on the same key, and the lowest note of a
    chord stays its first. Its end is the first note-off of its key: some readers go by the order of notes, some by
    that. Rounded towards where it was: never past `most`.
    """
    time, end = notes["time"], notes["time"] + notes["duration"]
    target = clock.seconds(time) + rng.uniform(-most, most, len(notes))
    moved: NDArray[np.int64] = np.trunc(clock.ticks(target) - time).astype(np.int64)

    key = ((notes["track"] << 7) | notes["pitch"]) << _TIME_BITS
    offs = np.sort(key | end)
    off = offs[np.searchsorted(offs, key | time, side="right") % len(offs)] - key
    earliest, latest = -time, np.maximum(np.where(end > time, off, end) - 1 - time, 0)
    order = np.argsort(key | time, kind="stable")
    same_key = np.diff(key[order]) == 0
    first, then = order[:-1][same_key], order[1:][same_key]
    earliest[then] = np.maximum(earliest[then], np.minimum(end[first] - time[then], 0))
    latest[first] = np.minimum(latest[first], np.maximum(time[then] - time[first], 0))
    moved = np.clip(moved, earliest, latest)

    pitched = np.flatnonzero(~notes["is_drum"])
    pitched = pitched[np.argsort((time[pitched] << 7) | notes["pitch"][pitched], kind="stable")]
    starts = np.flatnonzero(np.diff(time[pitched], prepend=-1))  # where a chord starts, its bass first
    if len(starts):
        bass = pitched[starts]
        moved[bass] = np.maximum(np.minimum.reduceat(moved[pitched], starts), earliest[bass])
        chord_size = np.diff(np.append(starts, len(pitched)))
        moved[pitched] = np.maximum(moved[pitched], np.repeat(moved[bass], chord_size))
    return moved


def _dropped(notes: Notes, share: float, rng: np.random.Generator) -> Notes:
    """Without `share` of the notes, rounded down: never the last of a track, nor the one that ends the piece."""
    candidates = np.flatnonzero(_may_go(notes))
    count = min(int(len(notes) * share + 1e-9), len(candidates))
    return np.delete(notes, rng.choice(candidates, count, replace=False))


def _may_go(notes: Notes) -> NDArray[np.bool_]:
    may_go = np.ones(len(notes), dtype=bool)
    order = np.argsort((notes["track"] << _TIME_BITS) | notes["time"], kind="stable")
    may_go[order[np.flatnonzero(np.diff(notes["track"][order], append=-1))]] = False
    may_go[np.argmax(notes["time"] + notes["duration"])] = False
    return may_go


def _transpose(score: symusic.Score, notes: Notes, semitones: int) -> None:
    notes["pitch"][~notes["is_drum"]] += semitones
    if notes["pitch"].min() < 0 or notes["pitch"].max() > 127:
        raise KellyError(f"transposing by {semitones:+d} leaves the range of MIDI", hint="Transpose by less.")
    for signature in score.key_signatures:
        signature.key = (signature.key + 7 * semitones + 5) % 12 - 5  # sharps: a semitone up is seven fifths


def _change_speed(score: symusic.Score, speed: float) -> None:
    """Scale the tempo map: beats stay beats."""
    ticks, mspq = _tempi(score)
    slower = np.clip(np.rint(mspq / speed), 1, 0xFFFFFF)
    score.tempos = symusic.Tempo.from_numpy(ticks, slower.astype(np.int32), "tick")


def _tempi(score: symusic.Score) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Ticks, and microseconds a quarter note; with MIDI's default of 120 BPM where the file starts without one."""
    found = score.tempos.numpy()
    ticks, mspq = found["time"], found["mspq"]
    if not len(ticks) or ticks.min() > 0:
        ticks, mspq = np.insert(ticks, 0, 0), np.insert(mspq, 0, 500_000)
    return ticks.astype(np.int32), mspq.astype(np.int32)


def _notes_of(score: symusic.Score) -> Notes:
    """All notes of all tracks, in the tracks' order."""
    counts = [len(track.notes) for track in score.tracks]
    notes = np.empty(sum(counts), _NOTE)
    columns = [track.notes.numpy() for track in score.tracks]
    for name in ("time", "duration", "pitch", "velocity"):
        notes[name] = np.concatenate([column[name] for column in columns])
    notes["track"] = np.repeat(np.arange(len(counts)), counts)
    notes["is_drum"] = np.repeat([track.is_drum for track in score.tracks], counts)
    return notes


def _put_notes(score: symusic.Score, notes: Notes) -> None:
    order = (((notes["track"] << _TIME_BITS) | notes["time"]) << 7) | notes["pitch"]
    notes = notes[np.argsort(order, kind="stable")]
    edges = np.searchsorted(notes["track"], np.arange(len(score.tracks) + 1))
    for index, track in enumerate(score.tracks):
        part = notes[edges[index] : edges[index + 1]]
        track.notes = symusic.Note.from_numpy(
            part["time"].astype(np.int32),
            part["duration"].astype(np.int32),
            part["pitch"].astype(np.int8),
            part["velocity"].astype(np.int8),
            "tick",
        )

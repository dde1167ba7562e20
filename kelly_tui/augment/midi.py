"""Variants of MIDI: transposed, at another speed, louder or softer, looser, thinner.

The work is done in ticks on a table of notes. What is no note stays as it is: a file with more than symusic can carry
is written from its own messages. In plain ones channels may be renumbered, drums stay drums.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.augment.messages import Messages, is_plain, read_messages
from kelly_tui.augment.plain import PlainSong
from kelly_tui.augment.recipe import Limits, Recipe
from kelly_tui.errors import FileRefused, KellyError
from kelly_tui.music.notes import parse_midi, read_bytes
from kelly_tui.music.smf import check_chunks
from kelly_tui.store.layout import write_atomic

if TYPE_CHECKING:
    import pretty_midi

MidiSource = Path | str | bytes | Any  # or a symusic.Score, or a pretty_midi.PrettyMIDI

Song = PlainSong | Messages
Notes = NDArray[np.void]
Ints = NDArray[np.int64]
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
    return vary_midi(read_song(source), recipe, seed)


def vary_midi(song: Song, recipe: Recipe, seed: int) -> MidiVariant:
    """`recipe` applied to a copy of `song`."""
    return timed_variant(song, recipe, seed)[0]


def timed_variant(song: Song, recipe: Recipe, seed: int) -> tuple[MidiVariant, float]:
    """`recipe` applied to a copy of `song`, and when its last note ends, in seconds."""
    rng = np.random.Generator(np.random.PCG64(seed))
    notes = song.notes()
    if recipe.dropout:
        notes = _dropped(notes, recipe.dropout, rng)
    if recipe.velocity_scale != 1:
        notes["velocity"] = np.clip(np.rint(notes["velocity"] * recipe.velocity_scale), 1, 127)
    if recipe.transpose:
        _transpose(notes, recipe.transpose)
    ticks, mspq = _tempi(song)
    if recipe.time_stretch != 1:  # of the tempo map: beats stay beats
        mspq = np.clip(np.rint(mspq / recipe.time_stretch), 1, 0xFFFFFF).astype(np.int64)
    clock = _Clock.of(ticks, mspq, song.tpq)
    if recipe.jitter_ms:
        moved = jitter(notes, song.leeway(notes), clock, recipe.jitter_ms / 1000, rng)
        notes["time"] += moved
        notes["duration"] -= moved  # ends stay
    end = float(clock.seconds(notes["time"] + notes["duration"]).max(initial=0.0))
    data = song.changed(notes, recipe.transpose, mspq if recipe.time_stretch != 1 else None)
    return MidiVariant(data), end


class _Clock(NamedTuple):
    """A tempo map as a line through points: ticks, and the seconds at which they come."""

    at_ticks: Floats
    at_seconds: Floats

    @classmethod
    def of(cls, ticks: Ints, mspq: Ints, tpq: int) -> _Clock:
        at = np.append(ticks, 1 << _TIME_BITS).astype(np.float64)
        return cls(at, np.append(0.0, np.cumsum(np.diff(at) * mspq)) / (tpq * 1e6))

    def seconds(self, ticks: NDArray[Any]) -> Floats:
        seconds: Floats = np.interp(ticks, self.at_ticks, self.at_seconds)
        return seconds

    def ticks(self, seconds: Floats) -> Floats:
        ticks: Floats = np.interp(seconds, self.at_seconds, self.at_ticks)
        return ticks


def read_song(source: MidiSource) -> Song:
    """What variants are made of, of whatever is given. Raises `FileRefused`."""
    name = ""
    if isinstance(source, (str, Path)):
        data, name = read_bytes(Path(source)), str(source)
    elif isinstance(source, bytes):
        data = source
    elif hasattr(source, "get_tempo_changes"):
        file = io.BytesIO()
        source.write(file)
        data = file.getvalue()
    else:
        data = source.to("tick").dumps_midi()
    score = parse_midi(data, name)
    smf = check_chunks(data, name)
    if is_plain(smf):
        return PlainSong(score)
    song = read_messages(smf)
    if not len(song.notes()):  # where the parser found one in what is damaged
        raise FileRefused("no notes", path=name or None)
    return song


def midi_limits(song: Song) -> Limits:
    """What `choose_recipes` must know about a song."""
    notes = song.notes()
    down, up = _room(song)
    struck = notes["velocity"][notes["velocity"] >= 10]
    bpm = 6e7 / _tempi(song)[1]
    return Limits(
        down=down,
        up=up,
        notes=min(len(notes), int(np.count_nonzero(_may_go(notes)))),
        softest=int(struck.min(initial=127)) if len(struck) else 0,
        slowest_bpm=float(bpm.min()),
        fastest_bpm=float(bpm.max()),
        tick_ms=float(60_000 / bpm.min() / song.tpq),
    )


def _room(song: Song) -> tuple[int, int]:
    """By how many semitones all parts can go down and up: a part that has left its range goes no further out."""
    room = [(max(0, low - lowest), max(0, highest - high)) for (lowest, highest), low, high in song.parts()]
    return (min(down for down, _ in room), min(up for _, up in room)) if room else (0, 0)


def jitter(
    notes: Notes, leeway: tuple[Ints, Ints], clock: _Clock, most: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """By how many ticks each onset moves: at most `most` seconds from where it is in `notes`, by the tempo map.

    An onset stays within `leeway` (ticks back and on), before its own end and after the end of the note before it on
    the same key, and the lowest note of a chord stays its first. Its end is the first note-off of its key: some readers
    go by the order of notes, some by that. Rounded towards where it was: never past `most`.
    """
    time, end = notes["time"], notes["time"] + notes["duration"]
    target = clock.seconds(time) + rng.uniform(-most, most, len(notes))
    moved: NDArray[np.int64] = np.trunc(clock.ticks(target) - time).astype(np.int64)

    key = ((notes["channel"] << 7) | notes["pitch"]) << _TIME_BITS
    offs = np.sort(key | end)
    onset = key | time
    following = np.searchsorted(offs, onset, side="right")
    off = offs[following % len(offs)] - key
    before = np.concatenate(([-1 << 62], offs))[following] - key  # far below 0 where there is none on this key
    earliest = np.maximum(leeway[0], np.minimum(before + 1 - time, 0))
    latest = np.minimum(leeway[1], np.maximum(np.where(end > time, off, end) - 1 - time, 0))
    order = np.argsort(onset, kind="stable")
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


def _transpose(notes: Notes, semitones: int) -> None:
    notes["pitch"][~notes["is_drum"]] += semitones
    if notes["pitch"].min() < 0 or notes["pitch"].max() > 127:
        raise KellyError(f"transposing by {semitones:+d} leaves the range of MIDI", hint="Transpose by less.")


def _tempi(song: Song) -> tuple[Ints, Ints]:
    """Ticks, and microseconds a quarter note; with MIDI's default of 120 BPM where the file starts without one."""
    ticks, mspq = song.tempi()
    if not len(ticks) or ticks.min() > 0:
        ticks, mspq = np.insert(ticks, 0, 0), np.insert(mspq, 0, 500_000)
    return ticks, mspq

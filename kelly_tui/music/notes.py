"""The note table: every note of a MIDI file in seconds and in beats, with its tempo map, meters and keys.

Bytes come in by one door. A chunk walk in plain Python sees that the file is whole before the native parser does,
plausibility is checked after it, and what can't become music raises `FileRefused` with the reason. symusic reads in
ticks; the tempo map is applied here in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import symusic
from numpy.typing import NDArray

from kelly_tui.errors import FileRefused
from kelly_tui.music import note_offs
from kelly_tui.music.runs import begins_of
from kelly_tui.music.smf import check_chunks, count_dropped
from kelly_tui.music.tempo_map import held_meters, main_tempo
from kelly_tui.settings import limits

if TYPE_CHECKING:
    import pretty_midi

Floats = NDArray[np.float64]

MAX_TICK = 1 << 30
SLOWEST_BPM, FASTEST_BPM = 3.5, 1000.0
"""The slowest is the slowest that a MIDI file can say."""
SHORTEST_BEAT = 60_000
"""Microseconds: a tempo that is faster than `FASTEST_BPM` is left out."""

NOTE = np.dtype(
    [
        ("onset", "f8"),  # seconds
        ("duration", "f8"),
        ("onset_beat", "f8"),  # quarter notes from the start
        ("duration_beat", "f8"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("program", "u1"),
        ("is_drum", "?"),
        ("track", "u2"),  # one for each track, channel and program
    ],
    align=True,  # a third faster to calculate with
)


class Meter(NamedTuple):
    """A time signature and where it starts, in seconds and in quarter notes."""

    time: float
    beat: float
    numerator: int
    denominator: int

    @property
    def is_compound(self) -> bool:
        """Whether its beat has three parts: 6/8, 9/8, 12/8."""
        return self.denominator >= 8 and self.numerator % 3 == 0


class KeySignature(NamedTuple):
    """A key that the file itself names, and where it starts."""

    time: float
    key: str
    mode: str


@dataclass(frozen=True, eq=False)
class Score:
    """A piece of music as arrays. `notes` has dtype `NOTE`, sorted by onset, then pitch."""

    notes: NDArray[np.void]
    tempi: Floats
    """(n, 2): time in seconds, BPM in quarter notes; the first at time 0."""
    meters: list[Meter]
    keys: list[KeySignature]
    ticks_per_beat: int
    duration: float
    """End of the last note, seconds."""
    pedal: Floats
    """(n, 3): track, time in seconds, value of the sustain pedal (controller 64)."""
    names: list[str]
    """The name of each track."""
    has_tempo: bool = True
    """False where the file states no tempo and MIDI's default of 120 stands in."""
    left_out: dict[str, int] = field(default_factory=dict)
    """What the file held and this does not: ``sysex``, ``aftertouch``, ``meter`` and ``tempo`` (impossible ones),
    ``track``."""

    @cached_property
    def pitched(self) -> NDArray[np.void]:
        """The notes that have a pitch: all but the drums."""
        drums = self.notes["is_drum"]
        return self.notes.compress(~drums) if drums.any() else self.notes  # an index is ten times as slow

    @cached_property
    def drums(self) -> NDArray[np.void]:
        """The notes on channel 10."""
        drums: NDArray[np.void] = self.notes.compress(self.notes["is_drum"])
        return drums

    @cached_property
    def pitches(self) -> NDArray[np.int64]:
        """Those of the pitched notes, to calculate with."""
        return self.pitched["pitch"].astype(np.int64)

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The pitch classes of the pitched notes."""
        return self.pitches % 12

    @cached_property
    def by_track(self) -> NDArray[np.int64]:
        """The pitched notes track after track, each in order."""
        return self.pitched["track"].argsort(kind="stable")

    @cached_property
    def strokes(self) -> NDArray[np.int64]:
        """Which of the pitched notes begin a stroke: more than a 16th of a beat after the note before."""
        return begins_of(self.pitched["onset_beat"], 1 / 16)

    @cached_property
    def lowest(self) -> NDArray[np.int64]:
        """The lowest pitch of each stroke."""
        return np.minimum.reduceat(self.pitches, self.strokes)

    @cached_property
    def pitch_counts(self) -> NDArray[np.int64]:
        """(132,) how many of the pitched notes have each pitch: eleven octaves."""
        return np.bincount(self.pitches, minlength=132)

    @cached_property
    def class_counts(self) -> NDArray[np.int64]:
        """(12,) how many of the pitched notes have each pitch class, from C."""
        counts: NDArray[np.int64] = self.pitch_counts.reshape(-1, 12).sum(axis=0)
        return counts

    @cached_property
    def velocity_counts(self) -> NDArray[np.int64]:
        """(128,) how many of the notes have each velocity."""
        return np.bincount(self.notes["velocity"], minlength=128)

    @cached_property
    def turns(self) -> NDArray[np.complex128]:
        """(4,) means of the onsets as turns about the beat, its half, third and quarter; 1 long if all lie alike."""
        turn: NDArray[np.complex128] = np.exp(2j * np.pi * self.notes["onset_beat"])
        half = turn * turn
        return np.array([turn.sum(), turn @ turn, half @ turn, half @ half]) / complex(len(turn))

    @cached_property
    def tempo_bpm(self) -> float:
        """The tempo that stands for the map."""
        return main_tempo(self.tempi, self.notes["onset"], self.duration).bpm

    @property
    def time_signature(self) -> str:
        """The first meter; MIDI's default, 4/4, where there is none."""
        return f"{self.meters[0].numerator}/{self.meters[0].denominator}" if self.meters else "4/4"

    @cached_property
    def main_meter(self) -> Meter | None:
        """The meter that holds for the longest; None where the file names none."""
        if len(self.meters) < 2:
            return self.meters[0] if self.meters else None
        meters = held_meters(self.meters)
        begins = [meter.time for meter in meters]
        held = [end - begin for begin, end in zip(begins, [*begins[1:], max(self.duration, begins[-1])])]
        return meters[held.index(max(held))]

    @cached_property
    def _corners(self) -> tuple[Floats, Floats]:
        """Beats and seconds at which the tempo changes, between two that are farther than any music."""
        times, speeds = self.tempi[:, 0], self.tempi[:, 1] / 60
        far = 10.0 * limits().music_seconds
        seconds = np.concatenate(([times[0] - far], times, [times[-1] + far]))
        passed = ((seconds[2:] - times) * speeds).cumsum()
        return np.concatenate(([-far * speeds[0], 0.0], passed)), seconds

    def beat_to_time(self, beats: Floats) -> Floats:
        """Seconds at `beats` (quarter notes from the start)."""
        one = len(self.tempi) == 1
        times: Floats = beats * 60 / self.tempi[0, 1] if one else np.interp(beats, *self._corners)
        return times

    def time_to_beat(self, times: Floats) -> Floats:
        """Quarter notes from the start at `times` (seconds)."""
        one = len(self.tempi) == 1
        beats: Floats = times * self.tempi[0, 1] / 60 if one else np.interp(times, *self._corners[::-1])
        return beats

    def head(self, seconds: float) -> Score:
        """The first `seconds`: notes that start in them, cut where they sound on."""
        if self.duration <= seconds:
            return self
        notes = self.notes.compress(self.notes["onset"] < seconds)
        ends = np.minimum(notes["onset"] + notes["duration"], seconds)
        notes["duration"] = ends - notes["onset"]
        notes["duration_beat"] = self.time_to_beat(ends) - notes["onset_beat"]
        return replace(
            self,
            notes=notes,
            tempi=self.tempi[self.tempi[:, 0] < seconds],
            meters=[meter for meter in self.meters if meter.time < seconds],
            keys=[key for key in self.keys if key.time < seconds],
            pedal=self.pedal[self.pedal[:, 1] < seconds],
            duration=float(ends.max(initial=0.0)),
        )


def copy_notes(notes: NDArray[np.void]) -> NDArray[np.void]:
    """The same notes to change, in a sixth of the time of their own `copy`."""
    return notes.repeat(1)


def parse_midi(data: bytes, name: str = "") -> Any:
    """A `symusic.Score` in ticks from the bytes of a standard MIDI file (RIFF RMID is unwrapped).

    Raises `FileRefused` for what is no MIDI, is cut short or damaged, has no notes, or is implausible.
    """
    return _parse(data, name)[1]


def midi_seconds(data: bytes, name: str = "") -> float:
    """When the last note of a MIDI file ends: seconds from the start, through its tempo map. Raises `FileRefused`."""
    _, score, tempi, _ = _parse(data, name)
    end = 0
    for track in score.tracks:
        if track.end() > end and track.note_num():  # an end of its notes and all else
            table = track.notes.numpy()
            end = max(end, int((table["time"] + table["duration"]).max()))
    return _seconds_at(end, tempi, int(score.tpq))


def read_midi(source: Path | str | bytes | symusic.Score | pretty_midi.PrettyMIDI) -> Score:
    """The note table of a file, of its bytes, or of another library's object. Raises `FileRefused`."""
    if isinstance(source, (str, Path)):
        return read_midi_bytes(read_bytes(Path(source)), str(source))
    if isinstance(source, bytes):
        return read_midi_bytes(source)
    if hasattr(source, "get_tempo_changes"):
        from kelly_tui.music.prettymidi import from_pretty_midi  # ours is thin, theirs loads for half a second

        return from_pretty_midi(source)
    score = source if str(source.ttype) in ("Tick", "TimeUnit.Tick") else source.to("tick")
    return _score(score, _plausible_tempi(score, ""), {})


def read_midi_bytes(data: bytes, name: str = "") -> Score:
    """The note table of a file's content; `name` is for the message of a refusal."""
    smf, score, tempi, odd = _parse(data, name)
    return _score(score, tempi, count_dropped(smf) | ({"tempo": odd} if odd else {}), name)


def read_bytes(path: Path) -> bytes:
    """A file's content, cut where it is larger than is believed. Raises `FileRefused`."""
    try:
        with path.open("rb") as file:
            data = file.read(limits().midi_bytes + 1)
    except OSError as error:
        raise FileRefused(f"can't be read ({error.strerror})", path=path) from error
    return data


def _parse(data: bytes, name: str) -> tuple[bytes, Any, Floats, int]:
    """The file without its wrapping, the parsed score, its tempo map, and how many impossible tempi were left out."""
    if len(data) > limits().midi_bytes:
        raise FileRefused(f"larger than {limits().midi_bytes / 2**20:,.3g} MB (midi_bytes)", path=name or None)
    smf = check_chunks(data, name)
    try:
        score = note_offs.parse(smf)
    except Exception as error:  # the binding raises RuntimeError, ValueError and MemoryError for damaged events
        reason = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise FileRefused(f"damaged MIDI file ({reason})", path=name or None) from error
    odd = int(np.count_nonzero(score.tempos.numpy()["mspq"] < SHORTEST_BEAT))
    if odd:
        score.tempos = [tempo for tempo in score.tempos if tempo.mspq >= SHORTEST_BEAT]
    return smf, score, _plausible_tempi(score, name), odd


def _plausible_tempi(score: Any, name: str) -> Floats:
    """The tempo map, after a look for what the parser reads without complaint and no music has."""
    path = name or None
    check_notes(score.note_num(), path)
    if score.tpq <= 0:
        raise FileRefused("the clock has no ticks per quarter note", path=path)
    if score.start() < 0 or not 0 <= score.end() <= MAX_TICK:
        raise FileRefused("its clock overflows", path=path)
    tempi = _tempo_map(score)
    check_seconds(_seconds_at(score.end(), tempi, score.tpq), path)
    return tempi


def check_notes(notes: int, path: Path | str | None = None) -> None:
    """Raises `FileRefused` for music of no notes, or of more than is believed."""
    if not notes:
        raise FileRefused("no notes", path=path)
    if notes > limits().midi_notes:
        raise FileRefused(f"more than {limits().midi_notes:,} notes (midi_notes)", path=path)


def check_seconds(seconds: float, path: Path | str | None = None) -> None:
    """Raises `FileRefused` for music that is longer than is believed."""
    if not seconds <= limits().music_seconds:
        long = f"{seconds / 3600:.0f} hours" if seconds > 2 * 3600 else f"{seconds:.1f} s"
        raise FileRefused(f"{long} long (music_seconds)", path=path)


def _tempo_map(score: Any) -> Floats:
    """(n, 3) of tick, seconds and BPM: the last tempo at each tick, MIDI's 120 before the first."""
    tempos = score.tempos
    if len(tempos) == 1 and tempos[0].time == 0:  # most files
        return np.array([[0.0, 0.0, 6e7 / max(tempos[0].mspq, SHORTEST_BEAT)]])
    found = tempos.numpy()
    ticks = found["time"].astype(np.float64)
    bpm = 6e7 / np.maximum(found["mspq"], SHORTEST_BEAT)
    if (ticks[1:] <= ticks[:-1]).any():
        order = np.argsort(ticks, kind="stable")
        ticks, bpm = ticks[order], bpm[order]
        last = np.append(np.diff(ticks) > 0, True)
        ticks, bpm = ticks[last], bpm[last]
    if len(ticks) == 0 or ticks[0] > 0:
        ticks, bpm = np.insert(ticks, 0, 0.0), np.insert(bpm, 0, 120.0)
    lengths = (ticks[1:] - ticks[:-1]) * 60 / (bpm[:-1] * score.tpq)
    return np.array((ticks, np.concatenate(([0.0], lengths.cumsum())), bpm)).T


def _seconds(ticks: Floats, tempi: Floats, ticks_per_beat: int) -> Floats:
    where = np.searchsorted(tempi[:, 0], ticks, side="right") - 1 if len(tempi) > 1 else 0
    seconds: Floats = tempi[where, 1] + (ticks - tempi[where, 0]) * (60 / (tempi[where, 2] * ticks_per_beat))
    return seconds


def _seconds_at(tick: int, tempi: Floats, ticks_per_beat: int) -> float:
    """As `_seconds`, for one tick; a tenth of the time."""
    begin, seconds, bpm = tempi[tempi[:, 0].searchsorted(tick, side="right") - 1].tolist()
    return float(seconds + (tick - begin) * (60 / (bpm * ticks_per_beat)))


def _score(score: Any, tempi: Floats, left_out: dict[str, int], name: str = "") -> Score:
    tpq, tracks = int(score.tpq), list(score.tracks)
    where, (begin, pitch, length, velocity) = _columns(
        [track.notes for track in tracks], ("time", "pitch", "duration", "velocity")
    )
    order = (begin * 128.0 + pitch).argsort(kind="stable")
    begin, pitch, where = begin[order], pitch[order], where[order]
    start = begin.astype(np.float64)
    end = _until_first_off(where * 128 + pitch, begin, length[order]).astype(np.float64)
    if end.max() > MAX_TICK:  # which the parser adds up in 32 bits
        raise FileRefused("its clock overflows", path=name or None)
    notes = np.empty(len(order), NOTE)
    notes["onset"] = onset = _seconds(start, tempi, tpq)
    notes["duration"] = _seconds(end, tempi, tpq) - onset
    notes["onset_beat"] = start / tpq
    notes["duration_beat"] = (end - start) / tpq
    notes["pitch"] = pitch
    notes["velocity"] = velocity[order]
    notes["track"] = where
    notes["program"] = np.array([track.program for track in tracks], np.uint8)[where]
    notes["is_drum"] = np.array([track.is_drum for track in tracks])[where]
    meters, impossible = _meters(score, tempi, tpq)
    if impossible:
        left_out = {**left_out, "meter": impossible}
    return Score(
        notes=notes,
        tempi=tempi[:, 1:],
        meters=meters,
        keys=_keys(score, tempi, tpq),
        ticks_per_beat=tpq,
        duration=float((notes["onset"] + notes["duration"]).max()),
        pedal=_pedal([track.controls for track in tracks], tempi, tpq),
        names=[track.name for track in tracks],
        has_tempo=len(score.tempos) > 0,
        left_out=left_out,
    )


def _columns(events: Sequence[Any], names: Sequence[str]) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
    """Of the events of each track, one after another: whose they are, and the columns of these names."""
    tables = [of_track.numpy() for of_track in events]
    whose = np.arange(len(tables)).repeat([len(of_track) for of_track in events])
    return whose, [np.concatenate([table[name] for table in tables]) for name in names]


def _pedal(controls: Sequence[Any], tempi: Floats, tpq: int) -> Floats:
    """(n, 3): track, seconds, value of the sustain pedal."""
    if not any(map(len, controls)):
        return np.empty((0, 3))
    track, (number, ticks, value) = _columns(controls, ("number", "time", "value"))
    sustain = number == 64
    times = _seconds(ticks[sustain].astype(np.float64), tempi, tpq)
    return np.array((track[sustain], times, value[sustain])).T


def _until_first_off(keys: NDArray[np.int64], begin: NDArray[Any], length: NDArray[Any]) -> NDArray[np.int64]:
    """The tick at which each note ends: a note-off ends every note of its track and pitch (its key) that sounds.

    Notes are in order of their `begin`. So synthesizers play it, and so pretty_midi reads it. The parser gives the
    first note-off to the first note-on: two of one pitch that overlap would make all that follow too long.
    """
    ends = begin + length.astype(np.int64)
    by_key = keys.astype(np.min_scalar_type(keys.max())).argsort(kind="stable")
    of_key, ons, offs = keys[by_key], begin[by_key], ends[by_key]
    overlap = ((of_key[1:] == of_key[:-1]) & (offs[:-1] >= ons[1:])).nonzero()[0]
    if len(overlap):
        overlaps = np.zeros(of_key[-1] + 1, np.bool_)
        overlaps[of_key[overlap]] = True
        notes = by_key[overlaps[of_key]]  # in this order they are found faster
        offs = np.sort((keys[notes] << 31) + ends[notes])
        notes = notes[ends[notes] > begin[notes]]
        first = keys[notes] << 31
        ends[notes] = offs[offs.searchsorted(first + begin[notes], side="right")] - first
    return ends


def _meters(score: Any, tempi: Floats, tpq: int) -> tuple[list[Meter], int]:
    """The meters that music can have, and how many others there were (0/0, a denominator of 2^200)."""
    meters = []
    for signature in score.time_signatures:
        numerator, denominator = int(signature.numerator), int(signature.denominator)
        if is_meter(numerator, denominator) and signature.time >= 0:
            time = _seconds_at(signature.time, tempi, tpq)
            meters.append(Meter(time, signature.time / tpq, numerator, denominator))
    return sorted(meters, key=lambda meter: meter.time), len(score.time_signatures) - len(meters)


def is_meter(numerator: int, denominator: int) -> bool:
    """Whether this can be a meter that music is written in."""
    return 1 <= numerator <= 99 and denominator in (1, 2, 4, 8, 16, 32, 64)


_FIFTHS = ("C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#", "F")


def _keys(score: Any, tempi: Floats, tpq: int) -> list[KeySignature]:
    keys = []
    for signature in score.key_signatures:
        if -7 <= signature.key <= 7 and signature.tonality in (0, 1) and signature.time >= 0:
            time = _seconds_at(signature.time, tempi, tpq)
            minor = signature.tonality == 1
            tonic = _FIFTHS[(signature.key + (3 if minor else 0)) % 12]
            keys.append(KeySignature(time, tonic, "minor" if minor else "major"))
    return sorted(keys, key=lambda key: key.time)

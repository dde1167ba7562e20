"""The note table of a `pretty_midi.PrettyMIDI` object, as the public API accepts one."""

from __future__ import annotations

from typing import Any

import numpy as np

from kelly_tui.errors import FileRefused
from kelly_tui.model.labels import KEYS
from kelly_tui.music.notes import (
    FASTEST_BPM,
    NOTE,
    SLOWEST_BPM,
    KeySignature,
    Meter,
    Score,
    check_notes,
    check_seconds,
    is_meter,
)


def from_pretty_midi(song: Any) -> Score:
    """The note table of `song`: its seconds as they are, its beats through its tempo map. Raises `FileRefused`."""
    rows = [
        (note.start, note.end, note.pitch, note.velocity, instrument.program, instrument.is_drum, track)
        for track, instrument in enumerate(song.instruments)
        for note in instrument.notes
    ]
    check_notes(len(rows))
    start, end, pitch, velocity, program, is_drum, track_of = (np.array(column) for column in zip(*rows))
    times, bpm = song.get_tempo_changes()
    tempi = np.column_stack((times, bpm)).astype(np.float64)
    _check_plausible(start, end, np.concatenate((pitch, velocity, program)), tempi)
    order = np.lexsort((pitch, start))
    notes = np.zeros(len(order), NOTE)
    score = Score(
        notes=notes,
        tempi=tempi,
        meters=[],
        keys=[
            KeySignature(float(key.time), KEYS[key.key_number % 12], "minor" if key.key_number >= 12 else "major")
            for key in sorted(song.key_signature_changes, key=lambda key: key.time)
        ],
        ticks_per_beat=int(song.resolution),
        duration=float(end.max()),
        pedal=_pedal(song),
        names=[instrument.name for instrument in song.instruments],
    )
    notes["onset"] = start[order]
    notes["duration"] = end[order] - start[order]
    notes["onset_beat"] = score.time_to_beat(notes["onset"])
    notes["duration_beat"] = score.time_to_beat(end[order]) - notes["onset_beat"]
    for name, column in (("pitch", pitch), ("velocity", velocity), ("program", program), ("is_drum", is_drum)):
        notes[name] = column[order]
    notes["track"] = track_of[order]
    for meter in sorted(song.time_signature_changes, key=lambda meter: meter.time):
        if is_meter(meter.numerator, meter.denominator):
            beat = float(score.time_to_beat(np.array([meter.time]))[0])
            score.meters.append(Meter(float(meter.time), beat, meter.numerator, meter.denominator))
        else:
            score.left_out["meter"] = score.left_out.get("meter", 0) + 1
    return score


def _check_plausible(start: Any, end: Any, data: Any, tempi: Any) -> None:
    """An object that a program made may hold anything."""
    if not (np.isfinite(start).all() and np.isfinite(end).all()) or start.min() < 0 or (end < start).any():
        raise FileRefused("a note that ends before it starts, or starts before the piece")
    check_seconds(end.max())
    if data.min() < 0 or data.max() > 127:
        raise FileRefused("a pitch, velocity or program outside 0..127")
    bpm = tempi[:, 1]
    if not np.isfinite(bpm).all() or bpm.min() < SLOWEST_BPM or bpm.max() > FASTEST_BPM:
        raise FileRefused(f"a tempo of {bpm[0]:.3g} BPM", hint="Between 3.5 and 1000 is music.")


def _pedal(song: Any) -> Any:
    rows = [
        (track, change.time, change.value)
        for track, instrument in enumerate(song.instruments)
        for change in instrument.control_changes
        if change.number == 64
    ]
    return np.array(rows, np.float64).reshape(-1, 3)

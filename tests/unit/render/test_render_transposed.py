"""Events heard higher or lower, against what mido says of the same file."""

from __future__ import annotations

import io

import mido
import numpy as np

from kelly_tui.render.events import NOTE_ON, read_events, transposed


def song() -> bytes:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack([mido.Message("program_change", program=5)])
    for channel, pitch in ((0, 60), (0, 127), (9, 36), (3, 0)):
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=90, time=100))
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=100))
    file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def notes(events) -> list[tuple[int, int]]:
    on = events.kind == NOTE_ON
    return list(zip(events.channel[on].tolist(), events.first[on].tolist()))


def test_notes_move_drums_stay_and_what_has_no_key_is_left_out() -> None:
    events = read_events(song())
    assert notes(transposed(events, 1)) == [(0, 61), (9, 36), (3, 1)]
    assert notes(transposed(events, -1)) == [(0, 59), (0, 126), (9, 36)]
    assert notes(transposed(events, 0)) == notes(events)


def test_everything_else_is_as_it_was() -> None:
    events = read_events(song())
    higher = transposed(events, 1)
    assert higher.duration == events.duration
    kept = np.flatnonzero(events.first != 127)
    np.testing.assert_array_equal(higher.time, events.time[kept])
    np.testing.assert_array_equal(higher.kind, events.kind[kept])
    np.testing.assert_array_equal(higher.second, events.second[kept])
    assert higher.first[higher.kind == 0xC0].tolist() == [5]

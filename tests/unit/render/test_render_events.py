"""The messages of a file against mido, and their times against pretty_midi and the note table."""

from __future__ import annotations

import io

import mido
import numpy as np
import pretty_midi
import pytest

from kelly_tui.errors import FileRefused
from kelly_tui.music.notes import read_midi
from kelly_tui.render.events import NOTE_ON, read_events

SCORES = ["bwv66.6", "schoenberg/opus19/movement2"]


def mixed() -> bytes:
    """Running status, tempo changes, two tracks, bends, pressure, sysex and a note-on that ends a note."""
    song = mido.MidiFile(ticks_per_beat=480)
    lead, bass = mido.MidiTrack(), mido.MidiTrack()
    song.tracks += [lead, bass]
    lead += [
        mido.MetaMessage("set_tempo", tempo=500_000),
        mido.Message("control_change", channel=3, control=7, value=30),
        mido.Message("program_change", channel=3, program=40),
        mido.Message("note_on", channel=3, note=60, velocity=80),
        mido.Message("sysex", data=(1, 2, 3), time=10),
        mido.Message("pitchwheel", channel=3, pitch=-3000, time=230),
        mido.MetaMessage("set_tempo", tempo=250_000, time=240),
        mido.Message("note_on", channel=3, note=60, velocity=0, time=480),
        mido.Message("aftertouch", channel=3, value=70),
        mido.Message("polytouch", channel=3, note=60, value=71),
    ]
    bass += [
        mido.Message("note_on", channel=9, note=36, velocity=99, time=960),
        mido.Message("note_off", channel=9, note=36, time=480),
    ]
    data = io.BytesIO()
    song.save(file=data)
    return data.getvalue()


def by_mido(data: bytes) -> list[tuple[float, list[int]]]:
    """Absolute seconds and bytes of the channel messages of a file."""
    now, found = 0.0, []
    for message in mido.MidiFile(file=io.BytesIO(data)):
        now += message.time
        if not message.is_meta and message.type != "sysex":
            found.append((now, message.bytes()))
    return found


def as_bytes(kind: int, channel: int, first: int, second: int) -> list[int]:
    return [kind | channel, first] if kind in (0xC0, 0xD0) else [kind | channel, first, second]


def same(ours: list[int], theirs: list[int]) -> bool:
    if theirs[0] & 0xF0 == 0x90 and theirs[2] == 0:
        theirs = [theirs[0] - 0x10, *theirs[1:]]
    return ours == theirs


@pytest.mark.parametrize("name", ["mixed", *SCORES])
def test_messages_are_midos(name, corpus_midi):
    data = mixed() if name == "mixed" else corpus_midi(name)
    events = read_events(data)
    judge = by_mido(data)
    assert len(events) == len(judge)
    np.testing.assert_allclose(events.time, [time for time, _ in judge], atol=1e-9)
    ours = map(as_bytes, events.kind.tolist(), events.channel.tolist(), events.first.tolist(), events.second.tolist())
    assert all(same(one, two) for one, (_, two) in zip(ours, judge))


@pytest.mark.parametrize("name", SCORES)
def test_onsets_and_end_are_those_of_the_note_table(name, corpus_midi):
    data = corpus_midi(name)
    events, score = read_events(data), read_midi(data)
    struck = np.unique(events.time[events.kind == NOTE_ON].round(9))
    onsets = np.unique(score.notes["onset"].round(9))
    np.testing.assert_allclose(struck[np.searchsorted(struck, onsets - 1e-8)], onsets, atol=1e-8)
    assert len(struck) - len(onsets) <= 1  # the table has no notes of no length
    assert events.duration == pytest.approx(score.duration)
    assert events.duration == pytest.approx(pretty_midi.PrettyMIDI(io.BytesIO(data)).get_end_time(), abs=1e-4)


def test_a_note_that_is_never_let_go_is_left_out():
    file = mido.MidiFile(ticks_per_beat=480)
    on, off = mido.Message("note_on", note=60, velocity=80), mido.Message("note_off", note=60, time=480)
    backwards = [mido.Message("note_off", note=72), mido.Message("note_on", note=72, velocity=80)]  # as a grace note
    file.tracks.append(mido.MidiTrack([on, off, *backwards, on, off, on]))
    data = io.BytesIO()
    file.save(file=data)
    events = read_events(data.getvalue())
    assert (
        events.time[events.kind == NOTE_ON].tolist() == read_midi(data.getvalue()).notes["onset"].tolist() == [0, 0.5]
    )
    assert events.duration == 1.0


def test_what_follows_a_status_that_no_file_may_hold_is_not_read():
    """Found by fuzzing: a real-time message, and after it a time that no integer of the machine holds."""
    told = [(0xF6, 1), (0x90, 25), (0x4D, 78), (0x78, 66), (0xFF, 26), (0xFA, 7), (0xE0, 3), (0xD2, 14)]
    events = b"\0" + b"".join(bytes([byte]) + b"\0" * silent for byte, silent in told) + b"\xd2" * 9 + b"\0\x80\0\0"
    header = b"MThd\0\0\0\x06\0\x01\0\x01\x01\xe0MTrk"
    assert len(read_events(header + len(events).to_bytes(4, "big") + events)) == 0


def test_a_file_is_read_as_its_bytes_are(tmp_path):
    (tmp_path / "song.mid").write_bytes(mixed())
    np.testing.assert_array_equal(read_events(tmp_path / "song.mid").time, read_events(mixed()).time)


def test_what_is_no_music_is_refused_by_name(tmp_path):
    (tmp_path / "words.mid").write_text("no notes in here")
    with pytest.raises(FileRefused, match=r"words\.mid"):
        read_events(tmp_path / "words.mid")

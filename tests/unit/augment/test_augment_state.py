"""What sounds besides notes: each note of a variant finds its channel as the original's did, as mido reads both."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelly_tui.augment.messages import is_plain, read_messages
from kelly_tui.augment.midi import midi_limits, read_song, vary_midi
from kelly_tui.augment.plain import PlainSong
from kelly_tui.augment.recipe import Recipe
from kelly_tui.music.smf import check_chunks

SHARED = Path(__file__).resolve().parents[4] / "shared"
REAL = [
    *sorted((SHARED / "music").rglob("*.mid"))[::12],
    *sorted(path for path in (SHARED / "eval" / "midi").rglob("*.mid") if path.stat().st_size < 60_000)[::60],
]
"""Where they lie beside the checkout."""
ALL_BUT_DROPOUT = Recipe(transpose=1, time_stretch=1.1, velocity_scale=0.9, jitter_ms=5)
State = tuple[tuple[object, object], ...]


def heard(file: bytes, up: int = 0) -> Counter[tuple[object, ...]]:
    """For each note its drum-ness, pitch (less `up`), end, the state of its channel when it is struck, and what changes
    of it until its end, as (tick, what, value). Tracks that share a channel share its state, as on an instrument.
    """
    song = mido.MidiFile(file=io.BytesIO(file))
    events = []
    for number, track in enumerate(song.tracks):
        tick = 0
        for place, message in enumerate(track):
            tick += message.time
            events.append((tick, number, place, message))
    states: dict[int, dict[object, object]] = {channel: {} for channel in range(16)}
    sounding: dict[tuple[int, int], list[tuple[State, list[tuple[object, ...]]]]] = {}
    found: Counter[tuple[object, ...]] = Counter()
    for tick, _, _, message in sorted(events, key=lambda one: one[:3]):
        kind = message.type
        if kind in ("note_on", "note_off"):
            key = (message.channel, message.note)
            drum = message.channel == 9
            if kind == "note_on" and message.velocity:
                state = tuple(sorted(states[message.channel].items(), key=repr))
                sounding.setdefault(key, []).append((state, []))
            else:
                for state, changes in sounding.pop(key, []):
                    found[drum, message.note - (0 if drum else up), tick, state, tuple(changes)] += 1
        elif kind in ("control_change", "program_change", "pitchwheel", "aftertouch"):
            what = (kind, message.control) if kind == "control_change" else kind
            value = {"program_change": "program", "pitchwheel": "pitch"}.get(kind, "value")
            states[message.channel][what] = getattr(message, value)
            for (channel, _), notes in sounding.items():
                if channel == message.channel and kind != "program_change":
                    for _, changes in notes:
                        changes.append((tick, what, getattr(message, value)))
    return found


def all_else(file: bytes) -> list[list[tuple[object, ...]]]:
    """By track: all messages but notes, tempi and keys, with their ticks."""
    tracks = []
    for track in mido.MidiFile(file=io.BytesIO(file)).tracks:
        tick, found = 0, []
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off", "set_tempo", "key_signature", "polytouch"):
                found.append((tick, str(message.copy(time=0))))
        tracks.append(found)
    return tracks


def assert_carried(data: bytes) -> None:
    song = read_song(data)
    limits = midi_limits(song)
    recipe = ALL_BUT_DROPOUT if limits.up else Recipe(time_stretch=1.1, velocity_scale=0.9, jitter_ms=5)
    varied = bytes(vary_midi(song, recipe, 3))
    assert sum(heard(data).values()) > 0
    if not isinstance(song, PlainSong):  # there a program comes with each track, and a note-off before a note-on
        assert all_else(varied) == all_else(data)
    assert without_default_program(heard(varied, recipe.transpose)) == without_default_program(heard(data))
    thinner = heard(bytes(vary_midi(song, Recipe(dropout=0.1), 3)))
    assert set(without_default_program(thinner)) <= set(without_default_program(heard(data))) or overlaps(data)


def without_default_program(notes: Counter[tuple[object, ...]]) -> Counter[tuple[object, ...]]:
    """Program 0 is what an instrument starts with."""
    found: Counter[tuple[object, ...]] = Counter()
    for (drum, pitch, end, state, changes), count in notes.items():
        found[drum, pitch, end, tuple(one for one in state if one != ("program_change", 0)), changes] += count
    return found


def overlaps(data: bytes) -> bool:
    """Whether a key is struck while it sounds: without one of its notes another's end is the first."""
    sounding: set[tuple[int, int]] = set()
    for message in mido.merge_tracks(mido.MidiFile(file=io.BytesIO(data)).tracks):
        if message.type == "note_on" and message.velocity:
            if (message.channel, message.note) in sounding:
                return True
            sounding.add((message.channel, message.note))
        elif message.type in ("note_on", "note_off"):
            sounding.discard((message.channel, message.note))
    return False


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Tracks that share channels, and channels that change all they can between and under their notes."""
    channel, data = st.integers(0, 11), st.integers(0, 127)
    kinds = st.one_of(
        st.builds(mido.Message, st.just("program_change"), channel=channel, program=data),
        st.builds(
            mido.Message, st.just("control_change"), channel=channel, value=data,
            control=st.sampled_from([0, 6, 7, 64, 101]),
        ),
        st.builds(mido.Message, st.just("pitchwheel"), channel=channel, pitch=st.integers(-8192, 8191)),
        st.builds(mido.Message, st.just("aftertouch"), channel=channel, value=data),
        st.builds(mido.Message, st.just("sysex"), data=st.lists(data, max_size=4).map(tuple)),
        st.builds(
            mido.MetaMessage, st.sampled_from(["marker", "lyrics", "text"]), text=st.sampled_from(["", "la", "é"])
        ),
        st.builds(mido.MetaMessage, st.just("set_tempo"), tempo=st.integers(300_000, 900_000)),
    )  # fmt: skip
    note = st.tuples(channel, st.integers(40, 80), st.integers(1, 127), st.sampled_from([1, 30, 480, 3000]))
    song = mido.MidiFile(type=1, ticks_per_beat=480)
    for _ in range(draw(st.integers(1, 4))):
        track = mido.MidiTrack()
        for one in draw(st.lists(st.one_of(kinds, note, note), min_size=1, max_size=25)):
            gap = draw(st.sampled_from([0, 0, 1, 5, 240, 20_000]))
            if isinstance(one, tuple):
                on = mido.Message("note_on", channel=one[0], note=one[1], velocity=one[2], time=gap)
                track += [on, mido.Message("note_off", channel=one[0], note=one[1], time=one[3])]
            else:
                track.append(one.copy(time=gap))
        song.tracks.append(track)
    first = mido.Message("note_on", note=60, velocity=64)
    song.tracks[0] += [first, mido.Message("note_off", note=60, time=480)]
    out = io.BytesIO()
    song.save(file=out)
    return out.getvalue()


@settings(max_examples=150, deadline=None)
@given(files())
def test_each_note_finds_its_channel_as_it_was(data: bytes) -> None:
    assert_carried(data)


def saved(*tracks: list[mido.Message]) -> bytes:
    out = io.BytesIO()
    mido.MidiFile(tracks=[mido.MidiTrack(track) for track in tracks]).save(file=out)
    return out.getvalue()


def note(channel: int, pitch: int = 60) -> list[mido.Message]:
    on, off = (mido.Message(kind, channel=channel, note=pitch) for kind in ("note_on", "note_off"))
    return [on, off.copy(time=480)]


def program(channel: int, number: int) -> mido.Message:
    return mido.Message("program_change", channel=channel, program=number)


def control(channel: int, number: int, value: int) -> mido.Message:
    return mido.Message("control_change", channel=channel, control=number, value=value)


ODD = {
    "ten channels with two programs each": saved(
        *[[program(c, c), *note(c), program(c, 50 + c), *note(c)] for c in (*range(9), 10)]
    ),
    "a bend and a pedal before a new program": saved(
        [program(0, 1), mido.Message("pitchwheel", pitch=900), control(0, 64, 99), *note(0), program(0, 2), *note(0)]
    ),
    "the program in another track": saved([program(3, 40)], note(3)),
    "a pedal in a track without notes": saved([program(0, 5), *note(0)], [control(0, 64, 127)]),
    "two tracks on a channel": saved([program(0, 5), control(0, 64, 127), *note(0)], note(0, 72)),
    "an empty marker": saved([mido.MetaMessage("marker", text=""), *note(0)]),
    "a program after its notes began": saved([*note(2), program(2, 8), *note(2)]),
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_what_the_native_parser_would_change_is_carried(data: bytes) -> None:
    assert not is_plain(data)
    assert_carried(data)


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_files_keep_all_that_is_no_note(path: Path) -> None:
    data = path.read_bytes()
    assert_carried(data)
    assert read_messages(check_chunks(data)).changed(read_messages(check_chunks(data)).notes(), 0, None)


def test_a_plain_file_is_known_as_one_and_made_of_it_either_way_sounds_the_same() -> None:
    """The fast way and the slow one, and mido's reading of both."""
    data = saved(*[[program(c, 10 * c), *note(c, 60 + c), *note(c, 50 + c)] for c in (0, 1, 2, 9)])
    song = read_song(data)
    assert isinstance(song, PlainSong)
    assert_carried(data)
    slow = vary_midi(read_messages(data), ALL_BUT_DROPOUT, 3)
    assert heard(bytes(slow)) == heard(bytes(vary_midi(song, ALL_BUT_DROPOUT, 3)))


def test_the_range_is_that_of_the_program_that_sounds() -> None:
    violin = saved([program(3, 40)], note(3, 57))
    assert midi_limits(read_song(violin)).down == 2


def test_a_track_that_is_damaged_at_its_end_is_carried_up_to_there() -> None:
    data = saved([control(0, 64, 127), *note(0)])
    track = data[22:-4] + b"\x00\xb0\x40"  # a pedal without its value, and no end of the track
    cut = data[:18] + len(track).to_bytes(4, "big") + track
    assert heard(bytes(vary_midi(read_messages(cut), ALL_BUT_DROPOUT, 3)), up=1) == heard(data)

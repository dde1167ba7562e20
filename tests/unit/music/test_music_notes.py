"""The note table against pretty_midi and mido, and what is refused at the door."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from kelly_tui.errors import FileRefused
from kelly_tui.music.notes import Meter, midi_seconds, parse_midi, read_midi
from kelly_tui.music.tempo import detect_tempo
from kelly_tui.plots.ruler import beats_and_bars
from kelly_tui.render.events import read_events

SHARED_MUSIC = Path(__file__).parents[3].parent / "shared" / "music"


def midi_bytes(*tracks: list[mido.Message | mido.MetaMessage], ticks: int = 480, kind: int = 1) -> bytes:
    song = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    song.tracks.extend(mido.MidiTrack(track) for track in tracks)
    file = io.BytesIO()
    song.save(file=file)
    return file.getvalue()


def note(pitch: int, length: int, channel: int = 0, velocity: int = 80, rest: int = 0) -> list[mido.Message]:
    return [
        mido.Message("note_on", note=pitch, velocity=velocity, channel=channel, time=rest),
        mido.Message("note_off", note=pitch, channel=channel, time=length),
    ]


def tempo(bpm: float, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=round(6e7 / bpm), time=time)


THREE_TEMPI = midi_bytes(
    [tempo(120), tempo(60, 960), tempo(200, 480)],
    [*note(60, 480), *note(62, 480), *note(64, 480), *note(65, 480), *note(67, 960)],
)


def test_seconds_come_through_every_tempo() -> None:
    score = read_midi(THREE_TEMPI)
    np.testing.assert_allclose(score.notes["onset"], [0, 0.5, 1.0, 2.0, 2.3], atol=1e-9)
    np.testing.assert_allclose(score.notes["duration"], [0.5, 0.5, 1.0, 0.3, 0.6], atol=1e-9)
    np.testing.assert_allclose(score.notes["onset_beat"], [0, 1, 2, 3, 4])
    assert score.duration == pytest.approx(2.9)


def test_seconds_until_the_last_note_ends_whatever_comes_after_it() -> None:
    pedal = mido.Message("control_change", control=64, value=0, time=9600)
    score = midi_bytes([tempo(60), tempo(240, 960)], [*note(60, 480), pedal], [*note(50, 3000)], [*note(40, 1000)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        judge = pretty_midi.PrettyMIDI(io.BytesIO(score))
    end = max(one.end for instrument in judge.instruments for one in instrument.notes)
    assert midi_seconds(score) == pytest.approx(end) == pytest.approx(2 + 2040 / 480 / 4)
    assert midi_seconds(THREE_TEMPI) == pytest.approx(2.9)


def test_the_tempo_is_the_one_that_holds_longest() -> None:
    score = read_midi(midi_bytes([tempo(180), tempo(90, 480), tempo(150, 1440)], [*note(60, 2400)]))
    assert score.tempo_bpm == pytest.approx(90)


def test_beats_and_seconds_are_each_others_inverse() -> None:
    score = read_midi(THREE_TEMPI)
    beats = np.linspace(0, 9, 50)
    np.testing.assert_allclose(score.time_to_beat(score.beat_to_time(beats)), beats, atol=1e-9)
    np.testing.assert_allclose(score.beat_to_time(score.notes["onset_beat"]), score.notes["onset"], atol=1e-9)


def as_pretty_midi(data: bytes) -> pretty_midi.PrettyMIDI:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pretty_midi.PrettyMIDI(io.BytesIO(data))


def columns(song: pretty_midi.PrettyMIDI) -> np.ndarray:
    rows = [(n.start, n.pitch, n.velocity, i.program, i.is_drum) for i in song.instruments for n in i.notes]
    return np.array(sorted(rows), float)


def our_columns(score) -> np.ndarray:
    names = ["onset", "pitch", "velocity", "program", "is_drum"]
    return np.array(sorted(zip(*(score.notes[name].tolist() for name in names))), float)


REAL = sorted(SHARED_MUSIC.rglob("*.mid"))[::17] if SHARED_MUSIC.is_dir() else []


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_files_as_pretty_midi_reads_them(path: Path) -> None:
    np.testing.assert_allclose(our_columns(read_midi(path)), columns(as_pretty_midi(path.read_bytes())), atol=1e-6)


@pytest.mark.parametrize("name", ["bwv66.6", "bwv7.7", "schoenberg/opus19", "joplin/maple_leaf_rag"])
def test_corpus_scores_as_pretty_midi_reads_them(name: str, corpus_midi) -> None:
    data = corpus_midi(name)
    np.testing.assert_allclose(our_columns(read_midi(data)), columns(as_pretty_midi(data)), atol=1e-6)


def test_a_pretty_midi_object_gives_the_same_table(corpus_midi) -> None:
    data = corpus_midi("bwv66.6")
    ours, theirs = read_midi(data), read_midi(as_pretty_midi(data))
    for column in ("onset", "duration", "onset_beat", "duration_beat"):
        np.testing.assert_allclose(theirs.notes[column], ours.notes[column], atol=1e-6)
    assert (theirs.time_signature, theirs.tempo_bpm) == (ours.time_signature, pytest.approx(ours.tempo_bpm))


def test_channels_and_programs_of_one_track_stay_apart() -> None:
    program = mido.Message("program_change", channel=1, program=40)
    score = read_midi(midi_bytes([tempo(100), *note(60, 100), program, *note(64, 100, 1), *note(38, 100, 9)], kind=0))
    assert len(set(score.notes["track"])) == 3
    assert score.pitched["program"].tolist() == [0, 40]
    assert score.drums["pitch"].tolist() == [38]


def test_meters_keys_and_pedal() -> None:
    score = read_midi(
        midi_bytes(
            [
                tempo(60),
                mido.MetaMessage("time_signature", numerator=3, denominator=4),
                mido.MetaMessage("key_signature", key="Bbm"),
                mido.MetaMessage("time_signature", numerator=6, denominator=8, time=1440),
            ],
            [mido.Message("control_change", control=64, value=127, time=240), *note(60, 480)],
        )
    )
    assert score.meters == [Meter(0, 0, 3, 4), Meter(3, 3, 6, 8)]
    assert [(key.key, key.mode) for key in score.keys] == [("A#", "minor")]
    assert score.pedal[:, 1:].tolist() == [[0.5, 127]]


def test_meters_and_keys_at_one_time_are_in_pretty_midis_order_and_the_longest_bar_holds() -> None:
    """Read in reverse, a file's meter was 4/4, and that of pretty_midi's reading of it 2/4."""
    meters = [mido.MetaMessage("time_signature", numerator=of, denominator=4) for of in (4, 2, 1)]
    keys = [mido.MetaMessage("key_signature", key=key) for key in ("G", "C")]
    data = midi_bytes([tempo(60), *meters, *keys, *note(60, 4800)])
    song = pretty_midi.PrettyMIDI(io.BytesIO(data))
    for score in (read_midi(data), read_midi(song)):
        assert [(meter.numerator, meter.denominator) for meter in score.meters] == [(4, 4), (2, 4), (1, 4)]
        assert [key.key for key in score.keys] == ["G", "C"]
        assert score.main_meter == Meter(0, 0, 4, 4)
        _, bars = beats_and_bars(score)
        assert bars.tolist() == [0, 4, 8]


def test_the_head_of_a_piece_is_cut_where_notes_sound_on() -> None:
    head = read_midi(THREE_TEMPI).head(1.5)
    assert (len(head.notes), head.duration) == (3, 1.5)
    assert head.notes["duration_beat"].tolist() == [1, 1, 0.5]


SYSEX = mido.Message("sysex", data=(1, 2, 3))


AFTERTOUCH, POLYTOUCH = mido.Message("aftertouch", value=3), mido.Message("polytouch", note=3)


@pytest.mark.parametrize(
    ("messages", "left_out"),
    [
        ([SYSEX, AFTERTOUCH, POLYTOUCH], {"sysex": 1, "aftertouch": 2}),
        ([SYSEX], {"sysex": 1}),
        ([AFTERTOUCH], {"aftertouch": 1}),
        ([POLYTOUCH, POLYTOUCH], {"aftertouch": 2}),
    ],
)
def test_what_the_parser_drops_is_counted(messages: list[mido.Message], left_out: dict[str, int]) -> None:
    name = mido.MetaMessage("track_name", name="touched")
    program = mido.Message("program_change", program=5)
    assert read_midi(midi_bytes([name, program, *note(60, 9), *messages, *note(60, 9)])).left_out == left_out


def test_long_rests_are_not_aftertouch() -> None:
    # 0x20 << 7 and more ticks: the first byte of the delta looks like a status byte.
    rests = [message for ticks in range(4096, 16384, 256) for message in note(60, 10, rest=ticks)]
    assert read_midi(midi_bytes(rests)).left_out == {}


def test_riff_midi_is_unwrapped() -> None:
    riff = b"RIFF" + struct.pack("<I", len(THREE_TEMPI) + 12) + b"RMIDdata" + struct.pack("<I", len(THREE_TEMPI))
    assert len(read_midi(riff + THREE_TEMPI).notes) == 5


def header(form: int = 1, tracks: int = 1, division: int = 480) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, form, tracks, division)


def track(events: bytes) -> bytes:
    events += b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(events)) + events


NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x40"
LONGEST = b"\xff\xff\xff\x7f"
REFUSED = {
    "empty file": b"",
    "not a MIDI file": b"these are words, not music\n" * 9,
    "truncated in its header": header()[:10],
    "truncated in a track": (header() + track(NOTE))[:-3],
    "truncated: 5 tracks announced, 1 there": header(tracks=5) + track(NOTE),
    "no notes": header() + track(b""),
    "ticks per quarter note": header(division=0) + track(NOTE),
    "SMPTE": header(division=0xE728) + track(NOTE),
    "unknown MIDI format 9": header(form=9) + track(NOTE),
    "a tempo of 1 bytes": header() + track(b"\x00\xff\x51\x01\x07" + NOTE),
    "its clock overflows": header() + track(16 * (LONGEST + b"\xff\x01\x00") + NOTE),
    "a time of more than four bytes": header() + track(b"\x81\x80\x80\x80\x00" + NOTE[1:]),
    "hours long": header() + track(LONGEST + NOTE[1:]),
    "damaged MIDI file": header() + track(b"\x00\x3c\x40\x40"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_with_the_reason(reason: str) -> None:
    with pytest.raises(FileRefused, match=f"(?i){reason.replace('+', '.')}"):
        parse_midi(REFUSED[reason], "song.mid")


@pytest.mark.parametrize("delta", [b"\xff\x7f", b"\xff\xff\x7f", b"\xff\xff\xff\x7f"])
def test_a_clock_that_goes_all_the_way_round_is_noticed(delta: bytes) -> None:
    """After 2**32 ticks the native parser is at 0 again, and the note at the end seems to be near the beginning."""
    steps = -(-(1 << 32) // ((1 << 7 * len(delta)) - 1))
    program_change = delta + b"\x00"  # by running status the shortest event there is
    data = header() + track(delta + b"\xc0\x00" + steps * program_change + NOTE)
    assert 0 < symusic.Score.from_midi(data).end() < 1 << 30
    with pytest.raises(FileRefused, match="its clock overflows"):
        parse_midi(data)


def test_a_clock_that_runs_over_within_a_note_is_noticed() -> None:
    """The parser adds up onset and length in 32 bits, and tells an end at 0."""
    wait = b"\xff\xff\xff\x7f\x80\x01\x00"
    data = header() + track(3 * wait + b"\x00\x90\x3c\x50" + 5 * wait + b"\x7f\x80\x3c\x00")
    assert symusic.Score.from_midi(data).end() <= 0
    with pytest.raises(FileRefused, match="its clock overflows"):
        parse_midi(data)


def test_a_name_whose_letters_may_be_times_costs_no_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "小步舞曲".encode()
    monkeypatch.delattr("kelly_tui.music.smf._walk")
    parse_midi(header() + track(b"\x00\xff\x03" + bytes([len(name)]) + name + NOTE))


def test_no_file_and_no_access_are_refusals(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="No such file"):
        read_midi(tmp_path / "none.mid")
    with pytest.raises(FileRefused, match="directory"):
        read_midi(tmp_path)


def test_impossible_meters_are_left_out_and_counted() -> None:
    meter = b"\x00\xff\x58\x04\x00\x00\x18\x08" + b"\x00\xff\x58\x04\x04\xff\x18\x08"
    score = read_midi(header() + track(meter + NOTE))
    assert (score.meters, score.left_out) == ([], {"meter": 2})


@pytest.mark.parametrize(
    "beat", [b"\x00\x00\x00", b"\x00\x00\x3c", b"\x00\x03\xe8"], ids=["0 us", "10^6 BPM", "60000 BPM"]
)
def test_impossible_tempi_are_left_out_and_counted(beat: bytes) -> None:
    """The others hold, MIDI's 120 where there is none; the synthesizer reads the same clock."""
    odd = b"\x00\xff\x51\x03" + beat
    alone, after = (
        header() + track(odd + NOTE * 3),
        header() + track(b"\x00\xff\x51\x03\x0f\x42\x40" + NOTE + odd + NOTE),
    )
    for data, second in ((alone, 0.1), (after, 0.2)):
        score = read_midi(data)
        assert score.left_out == {"tempo": 1}
        assert score.notes["onset"].tolist() == pytest.approx([second * at for at in range(len(score.notes))])
        assert read_events(data).time.max() == pytest.approx(score.duration) == pytest.approx(midi_seconds(data))
    assert not read_midi(alone).has_tempo
    assert detect_tempo(read_midi(alone)).why == "the file's tempo is impossible"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for candidate in (data, header() + data, header() + track(data)):
        try:
            read_midi(candidate)
        except FileRefused:
            continue


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(THREE_TEMPI) - 1), st.integers(0, 255)), max_size=8))
def test_mutated_files_are_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(THREE_TEMPI)
    for place, byte in changes:
        data[place] = byte
    try:
        score = read_midi(bytes(data))
    except FileRefused:
        return
    assert np.isfinite(score.notes["onset"]).all()
    assert (score.notes["duration"] >= 0).all()


def struck(*events: tuple[int, str, int], others: Sequence[mido.Message] = ()) -> bytes:
    """A file of one part, of (tick, ``on`` or ``off``, pitch), and another track before it."""
    track: list[mido.Message] = [mido.Message("program_change", program=5)]
    now = 0
    for tick, what, pitch in events:
        track.append(mido.Message(f"note_{what}", note=pitch, velocity=60 + tick % 50, time=tick - now))
        now = tick
    return midi_bytes([tempo(60), *note(50, 480)], [*track, *others])


STRUCK_AGAIN = {
    "eight times and let go once": [*((480 * k, "on", 60) for k in range(8)), (3840, "off", 60)],
    "twice, and another key between": [
        (0, "on", 60), (100, "on", 62), (200, "on", 60), (300, "off", 62), (480, "off", 60), (500, "on", 60),
        (600, "off", 60),
    ],
    "as it is let go": [(0, "on", 60), (100, "on", 60), (480, "on", 60), (480, "off", 60), (960, "off", 60)],
    "and never let go after": [(0, "on", 60), (100, "on", 60), (480, "off", 60), (960, "on", 60)],
}  # fmt: skip
LYRICS_AND_TOUCH = [mido.MetaMessage("lyrics", text="la", time=9), mido.Message("aftertouch", value=3, time=9)]


@pytest.mark.parametrize("others", [(), LYRICS_AND_TOUCH], ids=["", "among others"])
@pytest.mark.parametrize("events", STRUCK_AGAIN.values(), ids=STRUCK_AGAIN)
def test_a_key_struck_again_before_it_is_let_go_is_as_many_notes(events: list, others: list[mido.Message]) -> None:
    data = struck(*events, others=others)
    song = as_pretty_midi(data)
    np.testing.assert_allclose(our_columns(read_midi(data)), columns(song), atol=1e-6)
    ends = sorted((one.start, one.pitch, one.end) for instrument in song.instruments for one in instrument.notes)
    notes = read_midi(data).notes
    ours = sorted(zip(notes["onset"], notes["pitch"], notes["onset"] + notes["duration"]))
    np.testing.assert_allclose(ours, ends, atol=1e-6)

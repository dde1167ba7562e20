"""Lenses and companions by their messages, and by the sound that is made of them."""

from __future__ import annotations

import io
from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelly_tui.music.click import clicks
from kelly_tui.music.notes import read_midi
from kelly_tui.paths import soundfont
from kelly_tui.render.blocks import MidiBlocks
from kelly_tui.render.companion import Companion, companion_events
from kelly_tui.render.events import CONTROLLER, NOTE_OFF, NOTE_ON, Events, read_events
from kelly_tui.render.lens import Lens, flattened, muted, parts, quantised, seen_through
from kelly_tui.render.synth import Synth

RATE = 44100
FLUTE, BASS = 73, 32
Note = tuple[float, float, int, int]
"""Beats from the start, length in beats, pitch, velocity."""


def track(notes: list[Note], program: int = FLUTE, channel: int = 0, *more: mido.Message) -> mido.MidiTrack:
    """Notes at 120 BPM: a beat is half a second."""
    timed = [(0.0, mido.Message("program_change", channel=channel, program=program)), *((0.0, one) for one in more)]
    for start, length, pitch, velocity in notes:
        timed.append((start, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        timed.append((start + length, mido.Message("note_off", channel=channel, note=pitch)))
    timed.sort(key=lambda one: (round(one[0] * 480), one[1].type == "note_on"))
    made, at = mido.MidiTrack(), 0
    for beat, message in timed:
        made.append(message.copy(time=round(beat * 480) - at))
        at = round(beat * 480)
    return made


def file(*tracks: mido.MidiTrack) -> bytes:
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.extend(tracks)
    data = io.BytesIO()
    song.save(file=data)
    return data.getvalue()


def onsets(events: Events) -> np.ndarray:
    return events.time[events.kind == NOTE_ON]


def heard(events: Events, seconds: float) -> np.ndarray:
    with Synth(soundfont(), RATE) as synth:
        return MidiBlocks(events, synth).read(round(seconds * RATE)).mean(axis=1)


def partials(sound: np.ndarray, pitches: list[int]) -> dict[int, float]:
    """The level of each pitch's fundamental, dB."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
    found = {}
    for pitch in pitches:
        middle = 440 * 2 ** ((pitch - 69) / 12) / RATE * (1 << 18)
        found[pitch] = 20 * np.log10(spectrum[round(middle * 0.99) : round(middle * 1.01) + 1].max() + 1e-9)
    return found


def attacks(sound: np.ndarray, expected: list[float]) -> list[float]:
    """Where the sound rises to a tenth of its peak near each of the times that are expected."""
    level, found = np.abs(sound), []
    for time in expected:
        near = level[round((time - 0.1) * RATE) if time > 0.1 else 0 : round((time + 0.1) * RATE)]
        found.append(max(time - 0.1, 0.0) + int(np.argmax(near > near.max() / 10)) / RATE)
    return found


BAND = file(
    track([(0, 4, 81, 100)], FLUTE, 0),
    track([(0, 4, 45, 100)], BASS, 1),
    track([(beat, 0.5, 36, 110) for beat in range(4)], 0, 9),
)


def test_a_lens_that_does_nothing_changes_nothing():
    events = read_events(BAND)
    assert seen_through(events, Lens()) is events


def test_parts_are_told_by_track_and_instrument():
    assert [(part.name, part.notes) for part in parts(read_events(BAND))] == [("pipe", 1), ("bass", 1), ("drums", 4)]


def test_a_part_has_its_tracks_name_if_that_is_its_own():
    named, shared = track([(0, 1, 60, 90)]), track([(0, 1, 60, 90)])
    named.insert(0, mido.MetaMessage("track_name", name="\x1b]0;Melody of the very long song"))
    shared.insert(0, mido.MetaMessage("track_name", name="both hands"))
    shared.extend(track([(0, 1, 50, 90)], BASS, 1))
    assert [part.name for part in parts(read_events(file(named, shared)))] == ["␛]0;Melody of…", "pipe", "bass"]


def test_parts_on_one_channel_of_two_tracks_are_two():
    data = file(track([(0, 1, 60, 90)]), track([(1, 1, 64, 90), (2, 1, 65, 90)]))
    assert [part.notes for part in parts(read_events(data))] == [1, 2]
    assert onsets(muted(read_events(data), [0])).tolist() == [0.5, 1.0]


def test_a_silent_part_is_not_heard_and_the_others_are_as_they_were():
    events = read_events(BAND)
    with_all = partials(heard(events, 2.0), [81, 45])
    without = partials(heard(muted(events, [1, 2]), 2.0), [81, 45])
    assert without[81] == pytest.approx(with_all[81], abs=1.0)
    assert without[45] < with_all[45] - 30
    assert not len(onsets(muted(events, [0, 1, 2])))
    assert len(muted(events, [7])) == len(events)


def test_flat_notes_are_equally_loud():
    swell = [mido.Message("control_change", control=11, value=20), mido.Message("control_change", control=7, value=90)]
    events = read_events(file(track([(0, 2, 69, 30), (2, 2, 69, 120)], FLUTE, 0, *swell)))
    flat = flattened(events)
    assert set(flat.second[flat.kind == NOTE_ON].tolist()) == {75}
    assert flat.first[flat.kind == CONTROLLER].tolist() == [7]
    levels = []
    for one in (events, flat):
        sound = heard(one, 2.0)
        halves = [np.sqrt(np.mean(sound[start : start + RATE // 2] ** 2)) for start in (RATE // 4, RATE * 5 // 4)]
        levels.append(20 * np.log10(halves[1] / halves[0]))
    assert levels[0] > 6
    assert abs(levels[1]) < 1


@pytest.mark.parametrize(
    ("played", "written"),
    [
        ([0, 0.667, 1, 1.64, 2, 2.66], [0, 0.5, 1, 1.5, 2, 2.5]),  # swing
        ([0, 0.75, 1, 1.75], [0, 0.5, 1, 1.5]),  # dotted
        ([0.04, 0.54, 1.05, 1.53], [0, 0.5, 1, 1.5]),  # laid back
        ([0.96, 1.46, 1.95], [1, 1.5, 2]),  # rushed: before the beat that it means
        ([0, 1 / 3, 2 / 3, 1.02, 1.35, 1.66], [0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3]),  # triplets
        ([0.01, 0.26, 0.49, 0.76], [0, 0.25, 0.5, 0.75]),  # sixteenths
        ([0, 0.26, 0.51], [0, 0.25, 0.5]),
    ],
)
def test_what_groove_there_is_goes(played, written):
    events = read_events(file(track([(start, 0.1, 60 + n, 90) for n, start in enumerate(played)])))
    moved = quantised(events, [0.5 * beat for beat in range(5)])
    assert onsets(moved) == pytest.approx(0.5 * np.array(written))


def test_groove_that_goes_is_heard_to_go():
    swing = [0, 0.667, 1, 1.667, 2, 2.667, 3, 3.667]
    wood = file(track([(start, 0.1, 72, 110) for start in swing], 115))
    even = [0.25 * n for n in range(8)]
    straight = heard(quantised(read_events(wood), [0.5 * beat for beat in range(5)]), 2.5)
    assert attacks(straight, even) == pytest.approx(even, abs=0.005)
    played = [0.5 * beat for beat in swing]
    assert attacks(heard(read_events(wood), 2.5), played) == pytest.approx(played, abs=0.005)


def test_notes_keep_their_length_and_end_where_their_key_is_struck_again():
    events = read_events(file(track([(0.1, 0.8, 60, 90), (0.94, 0.5, 60, 90), (2.2, 1.5, 62, 90)])))
    moved = quantised(events, [0.0, 0.5, 1.0, 1.5, 2.0])
    on, off = moved.time[moved.kind == NOTE_ON], moved.time[moved.kind == NOTE_OFF]
    assert on == pytest.approx([0.0, 0.5, 1.0])
    assert off == pytest.approx([0.4, 0.75, 1.75], abs=1e-3)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.05, 3), st.integers(40, 60), st.integers(1, 127)), min_size=1),
    st.lists(st.floats(0.2, 1.5), min_size=1, max_size=30),
)
def test_every_note_is_still_there_and_ends_after_it_begins(notes, steps):
    events = read_events(file(track(notes)))
    moved = quantised(events, np.cumsum([0.3, *steps]).tolist())
    assert np.all(np.diff(moved.time) >= 0)
    assert sorted(moved.first[moved.kind == NOTE_ON]) == sorted(events.first[events.kind == NOTE_ON])
    sounding = np.zeros(128, int)
    for kind, pitch in zip(moved.kind.tolist(), moved.first.tolist(), strict=True):
        sounding[pitch] = 1 if kind == NOTE_ON else 0 if kind == NOTE_OFF else sounding[pitch]
    assert not sounding.any()


def test_real_music_on_its_own_beats_stays_what_it_is(corpus_midi):
    data = corpus_midi("bwv66.6")
    events, score = read_events(data), read_midi(data)
    beats = score.beat_to_time(np.arange(0.0, 40.0)).tolist()
    assert onsets(quantised(events, beats)) == pytest.approx(onsets(events), abs=1e-6)


def test_lenses_add_up():
    events = read_events(BAND)
    both = seen_through(events, Lens(silent=(2,), flat=True, beats=(0.0, 0.5), semitones=-12))
    assert both.first[both.kind == NOTE_ON].tolist() == [69, 33]
    assert set(both.second[both.kind == NOTE_ON].tolist()) == {100}  # the mean of what is heard


def test_the_drone_is_the_labelled_key():
    sound = heard(companion_events(Companion(drone="A", mode="minor"), 3.0), 3.0)[RATE // 2 :]
    level = partials(sound, [45, 46, 52, 51, 57, 58])
    assert level[45] > level[46] + 20
    assert level[52] > level[51] + 15
    assert level[57] > level[58] + 20


def test_chords_sound_when_and_as_they_are_labelled():
    companion = Companion(chords=((0.0, "Am"), (2.0, "N"), (3.0, "F#maj7/A#"), (5.0, "nonsense")))
    sound = heard(companion_events(companion, 6.0), 6.0)
    first = partials(sound[RATE // 2 : 2 * RATE], list(range(55, 67)))
    assert {pitch % 12 for pitch in sorted(first, key=first.__getitem__)[-3:]} == {9, 0, 4}
    second = partials(sound[7 * RATE // 2 : 5 * RATE], list(range(55, 67)))
    assert {pitch % 12 for pitch in sorted(second, key=second.__getitem__)[-4:]} == {6, 10, 1, 5}
    assert partials(sound[7 * RATE // 2 : 5 * RATE], [46])[46] > partials(sound[RATE // 2 : 2 * RATE], [46])[46] + 20
    for start, end in ((2.7, 3.0), (5.7, 6.0)):
        assert np.abs(sound[round(start * RATE) : round(end * RATE)]).max() < 0.1 * np.abs(sound).max()


def test_the_click_is_heard_on_the_beats_and_accents_are_louder():
    beats = [0.25 + 0.5 * n for n in range(8)]
    companion = Companion(clicks=clicks(4.5, beats, [0.25, 2.25], meter="4/4"))
    sound = heard(companion_events(companion, 4.5), 4.5)
    assert attacks(sound, beats) == pytest.approx(beats, abs=0.005)
    peaks = [np.abs(sound[round(beat * RATE) : round((beat + 0.2) * RATE)]).max() for beat in beats]
    assert min(peaks[0], peaks[4]) > 1.3 * max(peaks[1:4] + peaks[5:])


def test_a_companion_of_nothing_or_of_names_that_mean_nothing_is_silent():
    assert len(companion_events(Companion(), 10.0)) == 0
    odd = companion_events(Companion(drone="H", chords=((0.0, "?"),)), 10.0)
    assert not (odd.kind == NOTE_ON).any()
    assert replace(odd, duration=0.0).duration == 0.0

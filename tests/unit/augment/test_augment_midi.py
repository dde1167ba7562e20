"""MIDI variants: the stated change and no other, as pretty_midi, mido and symusic read it."""

from __future__ import annotations

import io
from collections.abc import Callable

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from kelly_tui.augment.midi import augment_midi, midi_limits, read_song, vary_midi
from kelly_tui.augment.ranges import range_of
from kelly_tui.augment.recipe import Recipe, choose_recipes
from kelly_tui.errors import FileRefused, KellyError
from kelly_tui.music.notes import parse_midi, read_midi


def smf(score: symusic.Score) -> bytes:
    return score.dumps_midi()


def build(
    notes: list[tuple[int, int, int, int, int]], tpq: int = 480, tempi: tuple[tuple[int, int], ...] = ()
) -> bytes:
    """A file of (track, start, duration, pitch, velocity) in ticks; track 2 is drums. `tempi`: (tick, µs a quarter)."""
    score = symusic.Score(tpq)
    for time, mspq in tempi:
        score.tempos.append(symusic.Tempo(time, mspq=mspq))
    for index in range(3):
        track = symusic.Track(name=f"part {index}", program=index * 10, is_drum=index == 2)
        for number, start, duration, pitch, velocity in notes:
            if number == index:
                track.notes.append(symusic.Note(start, duration, pitch, velocity))
        track.notes.sort()
        score.tracks.append(track)
    return smf(score)


def heard(data: bytes) -> dict[tuple[int, bool], np.ndarray]:
    """By program and drums: rows of pitch, start, end, velocity, sorted by pitch and end, as pretty_midi reads them."""
    song = pretty_midi.PrettyMIDI(io.BytesIO(data))
    return {
        (part.program, part.is_drum): np.array(
            sorted((note.pitch, note.end, note.start, note.velocity) for note in part.notes)
        )[:, [0, 2, 1, 3]]
        for part in song.instruments
        if part.notes
    }


def note_ons(data: bytes) -> int:
    return sum(message.type == "note_on" and message.velocity > 0 for message in mido.MidiFile(file=io.BytesIO(data)))


@st.composite
def scores(draw: st.DrawFn) -> bytes:
    note = st.tuples(
        st.integers(0, 2), st.integers(0, 20_000), st.integers(1, 3000), st.integers(30, 90), st.integers(1, 127)
    )
    drawn = draw(st.lists(note, min_size=1, max_size=80))
    taken: dict[tuple[int, int], list[tuple[int, int]]] = {}
    notes = []
    for number, start, duration, pitch, velocity in sorted(drawn, key=lambda one: one[1]):
        before = taken.setdefault((number, pitch), [])
        if all(start >= end for _, end in before):  # the same key struck while it sounds: pretty_midi cuts it
            before.append((start, start + duration))
            notes.append((number, start, duration, pitch, velocity))
    tempi = draw(st.lists(st.tuples(st.integers(0, 15_000), st.integers(200_000, 1_500_000)), max_size=4))
    return build(notes, draw(st.sampled_from([24, 96, 220, 480, 960])), tuple(sorted(dict(tempi).items())))


recipes = st.builds(
    Recipe,
    transpose=st.integers(-6, 6),
    time_stretch=st.sampled_from([0.9, 0.95, 1.0, 1.05, 1.1]),
    velocity_scale=st.sampled_from([0.8, 0.9, 1.0, 1.1, 1.2]),
    jitter_ms=st.sampled_from([0.0, 5.0]),
)


@settings(max_examples=150)
@given(scores(), recipes, st.integers(0, 1000))
def test_the_stated_change_and_no_other(data: bytes, recipe: Recipe, seed: int) -> None:
    varied = vary_midi(read_song(data), recipe, seed)
    before, after = heard(smf(parse_midi(data))), heard(varied)
    assert before.keys() == after.keys()
    for part, was in before.items():
        now = after[part]
        shift = 0 if part[1] else recipe.transpose
        assert (now[:, 0] == was[:, 0] + shift).all()
        start, end = (was[:, column] / recipe.time_stretch for column in (1, 2))
        rounding = 5e-6 * end + 1e-6  # a tempo is written in whole microseconds a quarter
        assert (np.abs(now[:, 2] - end) <= rounding).all()
        assert (np.abs(now[:, 1] - start) <= recipe.jitter_ms / 1000 + rounding).all()
        assert (now[:, 3] == np.clip(np.rint(was[:, 3] * recipe.velocity_scale), 1, 127)).all()
        assert (now[:, 1] < now[:, 2]).all()
    assert note_ons(varied) == sum(len(rows) for rows in before.values()) == parse_midi(bytes(varied)).note_num()
    assert vary_midi(read_song(data), recipe, seed) == varied


def test_drums_are_never_transposed() -> None:
    data = build([(0, 0, 480, 60, 80), (2, 0, 100, 36, 90), (2, 480, 100, 42, 90)])
    after = heard(augment_midi(data, transpose=5))
    assert after[(0, False)][:, 0].tolist() == [65]
    assert after[(20, True)][:, 0].tolist() == [36, 42]
    limits = midi_limits(read_song(build([(2, 0, 100, 36, 90)])))
    assert (limits.down, limits.up) == (0, 0)


def test_jitter_of_100_000_notes_stays_within_5_ms() -> None:
    """Jitter once added up to 0.81 s. Ticks as symusic reads them, the clock a straight line between tempi."""
    rng = np.random.default_rng(4)
    start = np.sort(rng.integers(0, 3_000_000, 100_000))
    notes = [
        (int(index % 2), int(tick), int(length), 30 + index % 70, 64)
        for index, (tick, length) in enumerate(zip(start, rng.integers(1, 1000, len(start)), strict=True))
    ]
    tempi = ((0, 500_000), (700_000, 300_000), (1_500_000, 1_000_000), (2_000_001, 434_783), (4_000_000, 500_000))
    data = build(notes, 480, tempi)
    knots = np.array([tick for tick, _ in tempi])
    steps = np.diff(knots) * np.array([mspq for _, mspq in tempi[:-1]]) / 480e6
    seconds = np.concatenate(([0.0], np.cumsum(steps)))

    def read(file: bytes) -> tuple[np.ndarray, np.ndarray]:
        found = [track.notes.numpy() for track in symusic.Score.from_midi(file).tracks]
        rows = [
            np.stack([one["pitch"], one["time"] + one["duration"], one["time"]]) for one in found if len(one["time"])
        ]
        by_key_and_end = np.concatenate([one[:, np.lexsort(one[1::-1])] for one in rows], axis=1)
        return by_key_and_end[1], np.interp(by_key_and_end[2], knots, seconds)

    (ends, onsets), (new_ends, new_onsets) = read(data), read(bytes(augment_midi(data, jitter_ms=5, seed=9)))
    moved = new_onsets - onsets
    assert len(moved) == 100_000
    assert np.abs(moved).max() <= 0.005 + 1e-9
    assert np.abs(moved).mean() > 0.001
    assert abs(moved.mean()) < 1e-4
    assert (new_ends == ends).all()


def test_jitter_keeps_the_bass_of_a_chord_first_and_notes_before_their_ends() -> None:
    notes = [
        (0, beat * 240, 3 if beat % 3 else 200, 40 + beat % 5 + 4 * voice, 80)
        for beat in range(300)
        for voice in range(4)
    ]
    data = build(notes)
    for seed in range(5):
        found = read_midi(bytes(augment_midi(data, jitter_ms=5, seed=seed))).notes
        assert (found["duration"] > 0).all()
        chord = np.round(found["onset_beat"] * 2).astype(int)
        for number in range(300):
            struck = found[chord == number]
            assert len(struck) == 4
            assert struck["pitch"][0] == struck["pitch"].min()


def test_a_note_never_starts_before_the_last_one_on_its_key_ends() -> None:
    data = build([(0, beat * 4, 4, 60, 80) for beat in range(500)])  # repeated without a gap, 4 ms each
    was, now = heard(data)[(0, False)], heard(augment_midi(data, jitter_ms=5))[(0, False)]
    assert (now[:, 2] == was[:, 2]).all()
    assert (now[1:, 1] >= now[:-1, 2] - 1e-9).all()
    assert np.abs(now[:, 1] - was[:, 1]).max() > 0


def test_a_clock_coarser_than_5_ms_moves_nothing() -> None:
    data = build([(0, beat * 24, 12, 60 + beat % 7, 80) for beat in range(100)], tpq=24)
    assert augment_midi(data, jitter_ms=5) == augment_midi(data)
    assert {one.jitter_ms for one in choose_recipes("midi", 500, "a", 0, midi_limits(read_song(data)))} == {0}


@pytest.mark.parametrize("tempi", [(), ((960, 400_000),), ((0, 600_000), (960, 400_000))])
def test_stretch_scales_the_tempo_map(tempi: tuple[tuple[int, int], ...]) -> None:
    data = build([(0, beat * 480, 480, 60, 80) for beat in range(16)], tempi=tempi)
    varied = augment_midi(data, time_stretch=1.1)
    was, now = read_midi(data), read_midi(bytes(varied))
    assert now.has_tempo
    assert (now.notes["onset_beat"] == was.notes["onset_beat"]).all()
    assert now.duration == pytest.approx(was.duration / 1.1, rel=1e-5)
    assert now.tempo_bpm == pytest.approx(was.tempo_bpm * 1.1, rel=1e-5)
    song = pretty_midi.PrettyMIDI(io.BytesIO(varied))
    assert song.get_tempo_changes()[1][0] == pytest.approx(
        (6e7 / tempi[0][1] if tempi and not tempi[0][0] else 120) * 1.1, rel=1e-5
    )


def test_velocities_stop_at_127() -> None:
    """symusic's own shift runs past it."""
    data = build([(0, index * 100, 90, 60, velocity) for index, velocity in enumerate((1, 3, 64, 110, 127))])
    assert heard(augment_midi(data, velocity_scale=1.2))[(0, False)][:, 3].tolist() == [1, 4, 77, 127, 127]
    assert heard(augment_midi(data, velocity_scale=0.8))[(0, False)][:, 3].tolist() == [1, 2, 51, 88, 102]


@pytest.mark.parametrize(("count", "gone"), [(1, 0), (49, 0), (50, 1), (149, 2), (1000, 20)])
def test_dropout_never_more_than_stated_and_never_the_last(count: int, gone: int) -> None:
    data = build([(index % 3, index * 100, 90, 60, 80) for index in range(count)])
    for seed in range(6):
        varied = read_midi(bytes(augment_midi(data, dropout=0.02, seed=seed)))
        was = read_midi(data)
        assert len(varied.notes) == count - gone
        assert varied.duration == was.duration
        assert set(varied.notes["track"]) == set(was.notes["track"])
    lone = build([(0, 0, 100, 60, 80), (1, 0, 100, 60, 80)])
    assert len(read_midi(bytes(augment_midi(lone, dropout=0.5))).notes) == 2


def rich_file() -> bytes:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    meta, message = mido.MetaMessage, mido.Message
    track += [
        meta("track_name", name="Klavier"),
        meta("key_signature", key="Ebm"),
        meta("time_signature", numerator=3, denominator=4),
        meta("marker", text="Anfang"),
        message("program_change", program=5),
        message("control_change", control=7, value=90),
        message("control_change", control=64, value=127, time=10),
        message("pitchwheel", pitch=2000),
        meta("lyrics", text="la"),
        message("note_on", note=60, velocity=80),
        message("note_off", note=60, time=480),
        message("control_change", control=64, value=0),
        message("note_on", note=64, velocity=90),
        message("note_off", note=64, time=480),
        message("note_on", channel=9, note=36, velocity=99),
        message("note_off", channel=9, note=36, time=100),
    ]
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def test_all_else_survives() -> None:
    varied = augment_midi(rich_file(), transpose=2, time_stretch=0.9, velocity_scale=0.9, jitter_ms=5)
    found = [message for track in mido.MidiFile(file=io.BytesIO(varied)).tracks for message in track]

    def values(kind: str, *names: str) -> list[tuple[object, ...]]:
        return [tuple(getattr(one, name) for name in names) for one in found if one.type == kind]

    assert values("control_change", "control", "value") == [(7, 90), (64, 127), (64, 0)]
    assert values("pitchwheel", "pitch") == [(2000,)]
    assert ("la",) in values("lyrics", "text")
    assert values("marker", "text") == [("Anfang",)]
    assert (5,) in values("program_change", "program")
    assert ("Klavier",) in values("track_name", "name")
    assert values("time_signature", "numerator", "denominator") == [(3, 4)]
    assert values("key_signature", "key") == [("Fm",)]  # two semitones over E flat minor
    assert {(36, 9)} == {(note, channel) for note, channel in values("note_on", "note", "channel") if channel == 9}


@pytest.mark.parametrize("semitones", range(-6, 7))
def test_the_key_signature_moves_along(semitones: int) -> None:
    score = parse_midi(build([(0, 0, 480, 60, 80)]))
    for sharps in range(-7, 8):
        score.key_signatures.append(symusic.KeySignature(0, sharps, 0))
    was = [key.key for key in read_midi(smf(score)).keys]
    now = [key.key for key in read_midi(bytes(augment_midi(score, transpose=semitones))).keys]
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    assert now == sorted(names[(names.index(key) + semitones) % 12] for key in was) or len(now) == len(was)
    assert {names[(names.index(key) + semitones) % 12] for key in was} == set(now)


@pytest.mark.parametrize("name", ["bwv66.6", "schoenberg/opus19/movement2", "bwv7.7"])
def test_real_music_in_ten_different_variants(name: str, corpus_midi: Callable[[str], bytes]) -> None:
    """Once 157 parameter draws changed nothing, and unmodified copies were marked as variants."""
    data = corpus_midi(name)
    score = parse_midi(data)
    original = read_song(data)
    chosen = choose_recipes("midi", 20, name, 1, midi_limits(original))
    made = {vary_midi(original, recipe, 3) for recipe in chosen}
    assert len(made) == 20
    assert vary_midi(original, Recipe(), 3) not in made
    for one in made:
        song = pretty_midi.PrettyMIDI(io.BytesIO(one))
        pitches = [note.pitch for part in song.instruments if not part.is_drum for note in part.notes]
        assert min(pitches) >= 21
        assert max(pitches) <= 108
        assert note_ons(one) == parse_midi(bytes(one)).note_num() >= 0.98 * score.note_num()


@pytest.mark.parametrize(
    ("program", "pitches", "down", "up"),
    [
        (0, (23, 105), 2, 3),  # a piano
        (0, (10, 60), 0, 48),  # already below it
        (40, (57, 100), 2, 3),  # a violin: G3 is its lowest string
        (33, (28, 40), 5, 27),
    ],
)
def test_every_part_stays_in_its_range(program: int, pitches: tuple[int, int], down: int, up: int) -> None:
    score = parse_midi(build([(0, 0, 480, pitches[0], 80), (0, 480, 480, pitches[1], 80), (1, 0, 480, 60, 80)]))
    score.tracks[0].program = program
    score.tracks[1].program = 0
    limits = midi_limits(read_song(score))
    assert (limits.down, limits.up) == (down, up)
    chosen = {one.transpose for one in choose_recipes("midi", 10_000, "a", 0, limits)}
    assert chosen == set(range(-min(6, down), min(6, up) + 1))


def test_ranges_hold_the_lowest_notes_that_music21_knows() -> None:
    """It has written notes for the instruments that transpose, and one for all saxophones: these are left out."""
    from music21 import instrument

    strings = (instrument.Violin, instrument.Viola, instrument.Violoncello, instrument.Harp)
    winds = (instrument.Oboe, instrument.Bassoon, instrument.Tuba, instrument.Flute, instrument.ElectricBass)
    for kind in (*strings, *winds, instrument.Piano):
        one = kind()
        lowest, highest = range_of(one.midiProgram)
        assert one.lowestNote.midi - 5 <= lowest <= one.lowestNote.midi, kind
        assert lowest + 24 <= highest <= 108


def test_tiny_files_get_what_they_can_bear() -> None:
    for notes in ([(0, 0, 480, 60, 127)], [(2, 0, 480, 36, 5)], [(0, 0, 1, 21, 1), (0, 0, 1, 108, 1)]):
        original = read_song(build(notes))
        chosen = choose_recipes("midi", 500, "tiny", 0, midi_limits(original))
        made = {vary_midi(original, recipe, 0) for recipe in chosen}
        assert len(made) == len(chosen) >= 4
        assert vary_midi(original, Recipe(), 0) not in made


def test_sources_of_every_kind_give_the_same(tmp_path) -> None:
    data = build([(0, beat * 480, 400, 60 + beat, 80) for beat in range(8)], tempi=((0, 500_000),))
    path = tmp_path / "song.mid"
    path.write_bytes(data)
    expected = heard(augment_midi(data, transpose=2))[(0, False)]
    for source in (path, str(path), parse_midi(data), pretty_midi.PrettyMIDI(str(path))):
        assert heard(augment_midi(source, transpose=2))[(0, False)] == pytest.approx(expected, abs=1e-3)
    saved = augment_midi(path, transpose=2).save(tmp_path / "new" / "up.mid")
    assert saved.read_bytes() == augment_midi(data, transpose=2)
    assert augment_midi(path, transpose=2).pretty_midi().instruments[0].notes[0].pitch == 62
    assert path.read_bytes() == data


def test_refusals_say_why(tmp_path) -> None:
    with pytest.raises(FileRefused, match="no notes"):
        augment_midi(smf(symusic.Score(480)), transpose=1)
    with pytest.raises(FileRefused, match="no notes"):
        augment_midi(symusic.Score(480), transpose=1)
    with pytest.raises(FileRefused):
        augment_midi(b"this is text", transpose=1)
    with pytest.raises(FileRefused, match="can't be read"):
        augment_midi(tmp_path / "gone.mid", transpose=1)
    with pytest.raises(KellyError, match="leaves the range of MIDI"):
        augment_midi(build([(0, 0, 480, 120, 80)]), transpose=12)
    with pytest.raises(KellyError, match="jitter_ms"):
        augment_midi(build([(0, 0, 480, 60, 80)]), jitter_ms=50)

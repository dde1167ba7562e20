"""The arrays of the five models: as stated, finite, and what is asked for is in no feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pretty_midi
import pytest

from kelly_tui.errors import FileRefused
from kelly_tui.export.arrays import dynamics, emotion, groove, harmony, melody
from kelly_tui.export.arrays.examples import FORMS, asked, labelled
from kelly_tui.export.arrays.normal import Sums
from kelly_tui.export.arrays.rows import Form, Rows
from kelly_tui.export.options import Options
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import TARGET_MODELS, DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.music.notes import Meter, Score, read_midi
from kelly_tui.music.theory import QUALITIES

BEAT = 0.5


def score(notes: list[tuple[float, float, int, int]], *, drums: bool = False, program: int = 0) -> Score:
    """Of onsets and ends in seconds, pitches and velocities, at 120 BPM in 4/4."""
    song = pretty_midi.PrettyMIDI(initial_tempo=120, resolution=960)
    song.time_signature_changes.append(pretty_midi.TimeSignature(4, 4, 0))
    part = pretty_midi.Instrument(program, is_drum=drums)
    part.notes = [pretty_midi.Note(velocity, pitch, start, end) for start, end, pitch, velocity in notes]
    song.instruments.append(part)
    return read_midi(song)


def tune(pitches: list[int], velocities: list[int] | None = None) -> Score:
    """A note a beat."""
    loud = velocities or [60 + place % 40 for place in range(len(pitches))]
    return score([(BEAT * n, BEAT * n + 0.4, pitch, loud[n]) for n, pitch in enumerate(pitches)])


def walk(count: int, seed: int = 0) -> list[int]:
    return (60 + np.random.default_rng(seed).integers(-12, 13, count)).tolist()


def grooving(ratio: float, push: float, jitter: float = 0.0, beats: int = 64) -> Score:
    """Eighths, the second of two at `ratio` of the beat, all `push` seconds late."""
    random = np.random.default_rng(3)
    notes = []
    for eighth in range(2 * beats):
        onset = BEAT * (eighth // 2 + (ratio if eighth % 2 else 0.0)) + push + random.normal(0, 1) * jitter
        notes.append((max(onset, 0.0) + 1.0, max(onset, 0.0) + 1.1, 60 + eighth * 7 % 12, 70 + eighth * 11 % 30))
    return score(notes)


# -- the table ---------------------------------------------------------------------------------------------------------

TABLE: dict[str, tuple[Any, ...]] = {  # data-model.md, "What trainers read"
    "emotionrecognizer": ((64, 313), np.float32, (), np.int64),
    "melodytransformer": ((32,), np.int64, (), np.int64),
    "harmonypredictor": ((128,), np.float32, (), np.int64),
    "dynamicsengine": ((32,), np.float32, (16,), np.float32),
    "groovepredictor": ((32, 64), np.float32, (32,), np.float32),
}


def some(model: str) -> Rows:
    """Rows of ordinary music."""
    return {
        "emotionrecognizer": lambda: emotion.rows((np.random.default_rng(0).normal(0, 0.1, 16_000 * 7), 16_000)),
        "melodytransformer": lambda: melody.rows(tune(walk(100))),
        "harmonypredictor": lambda: harmony.rows(["C", "Am", "F", "G7", "C", "Dm/F", "G", "N", "Csus4", "C"]),
        "dynamicsengine": lambda: dynamics.rows(tune(walk(100))),
        "groovepredictor": lambda: groove.rows(grooving(0.5, 0.0, 0.004)),
    }[model]()


@pytest.mark.parametrize("model", TARGET_MODELS)
def test_shapes_and_types_are_those_of_the_table(model: str) -> None:
    rows, form = some(model), FORMS[model]
    x, x_type, y, y_type = TABLE[model]
    count = len(rows.x)
    assert count > 1
    assert (rows.x.shape, rows.x.dtype) == ((count, *x), x_type)
    assert (rows.y.shape, rows.y.dtype) == ((count, *y), y_type)
    assert (rows.mask.shape, rows.mask.dtype) == ((count, *form.mask), np.bool_)
    assert (rows.start.shape, rows.start.dtype) == ((count,), np.float32)
    assert all(np.isfinite(part).all() for part in rows)
    assert (form.x, form.y, form.x_type, form.y_type) == (x, y, np.dtype(x_type).name, np.dtype(y_type).name)
    assert np.broadcast_to(form.spread(rows.mask), rows.x.shape).shape == rows.x.shape
    assert (np.diff(rows.start) >= 0).all()


# -- each model --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_mel_windows_are_librosas_of_each_five_seconds(librosa: Any, rate: int) -> None:
    import soxr

    sound = np.random.default_rng(1).normal(0, 0.1, (rate * 12, 2)).astype(np.float32)
    rows = emotion.rows((sound, rate))
    mono = sound.mean(axis=1)
    mono = mono if rate == 16_000 else soxr.resample(mono, rate, 16_000)
    assert rows.start.tolist() == [0, 5, 10]
    assert rows.mask.sum(axis=1).tolist() == [313, 313, 1 + 32_000 // 256]
    for row, start in enumerate((0, 80_000, 160_000)):
        part = np.pad(mono[start : start + 80_000], (0, max(0, start + 80_000 - len(mono))))
        bands = librosa.feature.melspectrogram(y=part, sr=16_000, n_fft=1024, hop_length=256, n_mels=64)
        np.testing.assert_allclose(rows.x[row], librosa.power_to_db(bands), atol=1e-3)
    assert rows.x[2][:, 140:].max() == rows.x[2].min(), "padding is silence"


def test_a_melody_is_followed_by_its_next_note() -> None:
    pitches = walk(70)
    rows = melody.rows(tune(pitches))
    assert rows.x.tolist() == [pitches[start : start + 32] for start in (0, 16, 32)]
    assert rows.y.tolist() == [pitches[place] for place in (32, 48, 64)]
    assert rows.start.tolist() == [0.0, 8.0, 16.0]
    short = melody.rows(tune(pitches[:6]))
    assert short.x[0, -5:].tolist() == pitches[:5]
    assert short.y.tolist() == [pitches[5]]
    assert short.mask.sum() == 5
    assert not short.x[0, :-5].any()


def test_the_melody_is_the_line_not_its_accompaniment() -> None:
    song = pretty_midi.PrettyMIDI(initial_tempo=120)
    for name, pitches in (("Melody", walk(40)), ("Piano", [48] * 40)):
        part = pretty_midi.Instrument(0, name=name)
        part.notes = [pretty_midi.Note(80, pitch, BEAT * n, BEAT * n + 0.4) for n, pitch in enumerate(pitches)]
        song.instruments.append(part)
    assert melody.rows(read_midi(song)).x[0].tolist() == walk(40)[:32]


def test_the_vocabulary_is_four_kinds_on_twelve_roots_and_every_quality_has_its_place() -> None:
    assert len(harmony.CHORDS) == len(set(harmony.CHORDS)) == 48
    assert [harmony.chord_id(harmony.chord_pitches(name)) for name in harmony.CHORDS] == list(range(48))
    kinds: dict[str, set[str]] = {"": set(), "m": set(), "dim": set(), "7": set(), "-": set()}
    for quality in QUALITIES:
        found = harmony.chord_id(harmony.chord_pitches(f"D{quality}"))
        kinds["-" if found is None else harmony.CHORDS[found].removeprefix("D")].add(quality)
    assert kinds == {
        "": {"", "aug", "maj7", "augmaj7", "6", "add9", "maj9", "69"},
        "m": {"m", "m7", "mmaj7", "m6", "madd9", "m9"},
        "dim": {"dim", "m7b5", "dim7"},
        "7": {"7", "aug7", "7b5", "9", "7b9", "11", "13"},
        "-": {"sus4", "sus2", "7sus4", "5"},
    }


def test_a_chord_is_described_by_its_tones_bass_kind_and_time() -> None:
    rows = harmony.rows(["C/E", "Am", "N", "Gsus4", "F"], [0.0, 1.0, 4.0, 5.0, 10.0])
    assert [harmony.CHORDS[place] for place in rows.y] == ["Am", "F"], "N and Gsus4 are not asked for"
    first, last = rows.x.reshape(-1, 4, 32)
    assert rows.mask.tolist() == [[False, False, False, True], [True] * 4]
    assert not first[:3].any()
    assert np.flatnonzero(first[3]).tolist() == [0, 4, 7, 12 + 4, 24, 30, 31]
    assert last[:, 30].tolist() == pytest.approx([0.1, 0.3, 0.1, 0.5])
    assert np.flatnonzero(last[2]).tolist() == [29, 30, 31]
    assert np.flatnonzero(last[3]).tolist() == [0, 2, 7, 12 + 7, 28, 30, 31]
    untimed = harmony.rows(["C", "Am", "F"]).x.reshape(-1, 4, 32)
    assert untimed[1, :, 30].tolist() == [0, 0, 0.5, 0.5]


def test_chords_that_sound_the_same_pitches_are_one() -> None:
    assert [harmony.CHORDS[place] for place in harmony.rows(["C", "C/E", "C/G", "F", "Fmaj7"]).y] == ["F", "F"]


@pytest.mark.parametrize(
    ("key", "mode", "name"),
    [
        ("A", "minor", "A minor"),
        ("C#", "mixolydian", "C# major"),
        ("D", "dorian", "D minor"),
        ("B", "major", "B major"),
    ],
)
def test_keys_are_of_24_by_the_third(key: str, mode: str, name: str) -> None:
    assert harmony.KEYS_24[harmony.key_id(key, mode)] == name
    assert harmony.key_id(key, None) == harmony.key_id(None, mode) == -1


def test_dynamics_are_of_each_beat() -> None:
    notes = [(BEAT * (4 + beat), BEAT * (4 + beat) + 0.2, 60, 40 + beat) for beat in range(24) if beat != 3]
    notes += [(BEAT * 4 + 0.1, BEAT * 4 + 0.2, 72, 60)]
    rows = dynamics.rows(score(notes))
    assert rows.start.tolist() == [2.0, 10.0]
    assert rows.mask[0].tolist() == [beat != 3 for beat in range(16)]
    assert rows.mask[1].tolist() == [True] * 8 + [False] * 8
    assert rows.x[0, :5].tolist() == pytest.approx([np.log(3), np.log(2), np.log(2), 0, np.log(2)])
    assert rows.x[0, 16:18].tolist() == pytest.approx([66 / 127, 60 / 127])
    assert rows.y[0, :5].tolist() == pytest.approx([50 / 127, 41 / 127, 42 / 127, 0, 44 / 127])


def test_groove_is_ms_from_the_swung_grid() -> None:
    rows = groove.rows(grooving(0.6, 0.02))
    assert rows.mask.all()
    assert rows.y == pytest.approx(20.0, abs=1.0)
    points, beats = rows.x[..., 0:4], rows.x[..., 4:12]
    assert points[0].argmax(axis=1).tolist() == [0, 2] * 16
    assert beats[0, :12].argmax(axis=1).tolist() == [2, 2, 3, 3, 0, 0, 1, 1, 2, 2, 3, 3], "it begins on the third beat"
    assert rows.x.sum(axis=2) == pytest.approx(7 + rows.x[..., 63]), "seven groups, one of each, and the velocity"


def test_the_beats_of_a_jig_are_counted_from_after_its_pickup() -> None:
    eighth = BEAT / 2
    jig = score([(eighth * n, eighth * n + 0.2, 60 + n % 5, 80) for n in range(97)])
    rows = groove.rows(replace(jig, meters=[Meter(0.0, 0.0, 1, 8), Meter(eighth, 0.5, 6, 8)]))
    assert rows.x[0, :8, 4:12].argmax(axis=1).tolist() == [1, 0, 0, 0, 1, 1, 1, 0]
    assert rows.x[0, 1:7, 0].tolist() == [1, 0, 0, 1, 0, 0]


def test_drums_are_told_by_their_kind() -> None:
    hats = [(BEAT * n / 2, BEAT * n / 2 + 0.1, 42, 80 + n % 9) for n in range(40)]
    kicks = [(BEAT * 2 * n, BEAT * 2 * n + 0.1, 36, 100 + n % 7) for n in range(10)]
    rows = groove.rows(score(hats + kicks, drums=True))
    assert not rows.x[..., 12:35].any()
    kinds = rows.x[0, :, 35:43].argmax(axis=1)
    assert set(kinds.tolist()) == {0, 2}
    assert rows.mask.sum() == 50
    assert not rows.x[1, 18:].any()


# -- nothing that is asked for is given -------------------------------------------------------------------------------


def test_the_next_note_is_in_no_window() -> None:
    pitches = walk(49)
    one, other = melody.rows(tune(pitches)), melody.rows(tune([*pitches[:-1], pitches[-1] + 1]))
    assert np.array_equal(one.x[-1], other.x[-1])
    assert one.y[-1] + 1 == other.y[-1]


@pytest.mark.parametrize("last", ["C", "Em", "G7", "Bdim/D"])
def test_the_next_chord_and_the_key_are_in_no_context(last: str) -> None:
    before, times = ["Am", "F", "C", "G"], [0.0, 1.0, 2.0, 3.0, 4.0]
    base, other = harmony.rows([*before, "D"], times), harmony.rows([*before, last], times)
    assert np.array_equal(base.x[-1], other.x[-1])
    assert base.y[-1] != other.y[-1]


def test_no_velocity_is_in_the_features_of_dynamics() -> None:
    random = np.random.default_rng(5)
    pitches = walk(64)
    one, other = (dynamics.rows(tune(pitches, random.integers(1, 128, 64).tolist())) for _ in range(2))
    assert np.array_equal(one.x, other.x)
    assert not np.array_equal(one.y, other.y)


@pytest.mark.parametrize(("ratio", "push"), [(0.6, 0), (0.667, 0), (0.75, 0), (0.5, 0.02), (0.5, -0.02), (0.52, 0.015)])
def test_no_swing_and_no_push_is_in_the_features_of_groove(ratio: float, push: float) -> None:
    straight, other = groove.rows(grooving(0.5, 0.0)), groove.rows(grooving(ratio, push))
    assert np.array_equal(straight.x, other.x)


def test_no_offset_is_in_the_features_of_groove() -> None:
    even, played = groove.rows(grooving(0.5, 0.0)), groove.rows(grooving(0.5, 0.0, 0.012))
    assert np.array_equal(even.x, played.x)
    assert played.y.std() > 8 > even.y.std()


# -- what gives no example ---------------------------------------------------------------------------------------------

DRUMS = [(BEAT * n, BEAT * n + 0.1, 36, 60 + n) for n in range(40)]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (lambda: emotion.rows((np.ones(1600) * 0.1, 16_000)), "no second of sound"),
        (lambda: emotion.rows((np.zeros(160_000), 16_000)), "silent"),
        (lambda: emotion.rows((np.array([]), 16_000)), "empty"),
        (lambda: melody.rows(score(DRUMS, drums=True)), "no pitched notes"),
        (lambda: melody.rows(tune(walk(4))), "4 notes make no melody"),
        (lambda: harmony.rows([]), "0 chords make no progression"),
        (lambda: harmony.rows(["C", "C/E"]), "1 chords make no progression"),
        (lambda: harmony.rows(["C", "Gsus4", "N"]), "no chord of its progression"),
        (lambda: dynamics.rows(score(DRUMS, drums=True)), "no pitched notes"),
        (lambda: dynamics.rows(tune(walk(40), [100] * 40)), "all velocities are 100"),
        (lambda: dynamics.rows(tune(walk(5))), "no sixteen beats"),
        (lambda: groove.rows(tune(walk(3))), "3 notes make no groove"),
        (lambda: groove.rows(tune(walk(6))), "6 notes make no groove"),
    ],
)
def test_hostile_music_is_refused_with_the_reason(rows: Callable[[], Rows], why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        rows()


CONFIG = DatasetConfig(dataset_id="d")


@pytest.mark.parametrize(
    ("model", "sample", "why"),
    [
        ("emotionrecognizer", Sample(sample_id="a", file_path="a.mid", file_type="midi"), "reads sound"),
        ("emotionrecognizer", Sample(sample_id="a", file_path="a.wav", file_type="audio"), "no emotion is labelled"),
        ("harmonypredictor", Sample(sample_id="a", file_path="a.mid", file_type="midi"), "kelly extract"),
        ("groovepredictor", Sample(sample_id="a", file_path="a.wav", file_type="audio"), "reads MIDI"),
    ],
)
def test_what_a_sample_lacks_is_said(model: str, sample: Sample, why: str) -> None:
    assert why in asked(model, sample, Options(), CONFIG)["why"]


# -- labels and normalisation ------------------------------------------------------------------------------------------


def test_labels_go_with_each_row_as_ids_numbers_and_whose_guess_they_are() -> None:
    labels = {
        "emotion": Label("sad"),
        "valence": Label(-0.5, "detector"),
        "key": Label("A"),
        "mode": Label("minor", "detector"),
    }
    sample = Sample(sample_id="abc", file_path="a.wav", file_type="audio", labels=labels)
    found = labelled("emotionrecognizer", sample, some("emotionrecognizer"), Options(), CONFIG)
    assert found["y"].tolist() == [1, 1]
    assert (found["valence"].tolist(), found["valence_known"].tolist()) == ([-0.5] * 2, [True] * 2)
    assert (found["arousal"].tolist(), found["arousal_known"].tolist()) == ([0.0] * 2, [False] * 2)
    assert (found["valence_guessed"].any(), found["y_guessed"].any()) == (True, False)
    chords = labelled("harmonypredictor", sample, some("harmonypredictor"), Options(), CONFIG)
    assert set(chords["key"].tolist()) == {harmony.KEYS_24.index("A minor")}
    tunes = labelled("melodytransformer", sample, some("melodytransformer"), Options(), CONFIG)
    assert (set(tunes["key"].tolist()), set(tunes["melodic_contour"].tolist())) == ({9}, {-1})


@pytest.mark.parametrize("form", [form for form in FORMS.values() if form.channels], ids=lambda form: form.model)
def test_mean_and_std_are_numpys_of_the_steps_that_there_are(form: Form) -> None:
    random = np.random.default_rng(9)
    parts = []
    for count in (3, 1, 6):
        mask = random.random((count, *form.mask)) < 0.7
        x = random.normal(1000, 3, (count, *form.x)).astype(np.float32)
        parts.append(Rows(np.where(form.spread(mask), x, 5e5), mask, np.zeros(count), np.zeros(count)))
    whole = Sums.together(Sums.of(part.x, part.mask, form) for part in parts)
    assert whole is not None
    x, mask = (np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "mask"))
    hidden = np.ma.array(x.astype(np.float64), mask=~np.broadcast_to(form.spread(mask), x.shape))
    axes = tuple(axis for axis in range(x.ndim) if axis not in form.channels)
    arrays = whole.arrays
    np.testing.assert_allclose(np.squeeze(arrays["mean"]), hidden.mean(axis=axes), rtol=1e-6)
    np.testing.assert_allclose(np.squeeze(arrays["std"]), hidden.std(axis=axes), rtol=1e-4)
    assert ((x - arrays["mean"]) / arrays["std"]).shape == x.shape
    assert Sums.together([]) is None


def test_what_never_varies_is_divided_by_one() -> None:
    rows = some("groovepredictor")
    arrays = Sums.of(rows.x, rows.mask, FORMS["groovepredictor"]).arrays
    assert (arrays["std"] > 0).all()
    assert (arrays["std"][0, 35:43] == 1).all(), "no drums"

"""Beats, meters and bars of music recorded without them: played here, or with its time signature taken away."""

from __future__ import annotations

import io
from dataclasses import replace

import mir_eval
import numpy as np
import pretty_midi
import pytest
from numpy.typing import NDArray

from kelly_tui.features.midi import analyse, labels_of
from kelly_tui.music.beats import Clock, find_beats, find_clock, on_beats
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.meter import find_bars, hear_bars
from kelly_tui.music.notes import NOTE, Meter, Score, read_midi
from kelly_tui.music.tempo import detect_tempo

Floats = NDArray[np.float64]
CHORALES = ("bwv66.6", "bwv7.7", "bwv10.7", "bwv13.6", "bwv14.5", "bwv16.6", "bwv17.7", "bwv20.7")
TUNES = {
    "OldDutchChurnJig": "9/8", "LarkInTheMorningJig": "6/8", "DoubleHeadJig": "6/8", "KatyIsWaitingJig": "6/8",
    "DiamondJig": "6/8", "HuntTheFoxJig": "9/8", "PaddysTheBoyJig": "6/8", "7thRegimentReel": "2/4",
    "BlanchardsHornpipe": "2/4", "DimenDruDeelishReel": "2/4", "ManchesterReel": "2/4", "PeepODayReel": "4/4",
    "AllyCroakersFavoriteReel": "4/4", "FlowersOfMichiganReel": "4/4",
}  # fmt: skip


def recorded(beats: Floats, pitches: Floats, seconds: Floats, lengths: Floats) -> Score:
    """Notes on `beats`, heard at `seconds` of each whole beat, as a recorder writes them that knows no tempo."""
    rng = np.random.default_rng(5)
    onsets = np.interp(beats, np.arange(len(seconds)), seconds) + rng.normal(0, 0.008, len(beats))
    ends = np.interp(beats + lengths, np.arange(len(seconds)), seconds)
    notes = np.zeros(len(beats), NOTE)
    notes["onset"], notes["duration"] = onsets, np.maximum(ends - onsets, 0.02)
    notes["onset_beat"], notes["duration_beat"] = onsets * 2, notes["duration"] * 2
    notes["pitch"], notes["velocity"] = pitches, 70
    notes = notes[np.argsort(notes["onset"])]
    ending = float((notes["onset"] + notes["duration"]).max())
    return Score(notes, np.array([[0.0, 120.0]]), [], [], 480, ending, np.empty((0, 3)), ["piano"], has_tempo=False)


def rubato(count: int, bpm: float) -> Floats:
    """Seconds of `count` beats whose tempo wanders, and yields every sixteenth."""
    rng = np.random.default_rng(9)
    steps = 60 / bpm * np.exp(np.cumsum(rng.normal(0, 0.01, count)) + 0.15 * (np.arange(count) % 16 == 15))
    return 0.4 + np.concatenate(([0.0], np.cumsum(steps)))


def performed(score: Score, bpm: float) -> tuple[Score, Floats]:
    """A score played freely, and when its beats are."""
    notes = score.notes
    seconds = rubato(int((notes["onset_beat"] + notes["duration_beat"]).max()) + 2, bpm)
    played = recorded(notes["onset_beat"], notes["pitch"], seconds, notes["duration_beat"])
    return played, seconds[seconds < played.notes["onset"][-1] + 0.1]


@pytest.mark.slow
def test_beats_of_chorales_played_freely_are_found(corpus_midi) -> None:
    scores = []
    for name in CHORALES:
        played, truth = performed(read_midi(corpus_midi(name)), 84)
        beats = find_beats(played, Detection(84.0, 0.9, "told")).value
        scores.append(mir_eval.beat.f_measure(truth, beats))
    assert np.mean(scores) > 0.95
    assert min(scores) > 0.85


@pytest.mark.parametrize("bpm", [66, 97, 133, 187])
@pytest.mark.parametrize("ratio", [0.5, 0.58, 2 / 3])
def test_swing_without_a_clock_is_measured_on_the_found_beats(bpm: float, ratio: float) -> None:
    tune = [(beat + place, 60 + (7 * beat) % 12) for beat in range(64) for place in ((0, ratio) if beat % 4 else (0,))]
    bass = [(beat, 36 + beat % 5) for beat in range(0, 64, 2)]
    beats, pitches = np.array([*tune, *bass], np.float64).T
    analysis = analyse(recorded(beats, pitches, 0.4 + np.arange(66) * 60 / bpm, np.full(len(beats), 0.4)))
    assert analysis.groove.swing_ratio.value == pytest.approx(ratio, abs=0.015)
    assert analysis.meter.value in ("2/4", "4/4")
    assert len(analysis.groove.timing_offsets.value) == len(beats)


def test_chords_of_a_performance_are_those_of_its_score(corpus_midi) -> None:
    shares: list[float] = []
    for name in CHORALES:
        written = read_midi(corpus_midi(name))
        played, seconds = performed(written, 91)
        beats = np.arange(len(seconds) - 1) + 0.25
        there = chords_at(written, written.beat_to_time(beats))
        here = chords_at(played, seconds[:-1] + np.diff(seconds) / 4)
        shares.append(float(np.mean([one == other for one, other in zip(there, here)])))
    assert np.mean(shares) > 0.9  # 0.88 on the recorder's own beats, 0.74 on slow ones


def chords_at(score: Score, times: Floats) -> list[str]:
    chords = analyse(score).chords.value
    places = np.searchsorted([time for time, _ in chords], times, side="right") - 1
    return [chords[place][1] for place in places]


def test_a_true_clock_is_kept(corpus_midi) -> None:
    for name in CHORALES[:3]:
        score = read_midi(corpus_midi(name))
        assert find_clock(score, detect_tempo(score)).score is score
    mapped = on_beats(*performed(score, 90))
    assert find_clock(mapped, detect_tempo(mapped)).score is mapped


def test_a_clock_whose_beats_lie_beside_the_notes_is_moved(corpus_midi) -> None:
    score = read_midi(corpus_midi("bwv66.6"))
    for shift, moved in ((0.02, False), (0.19, True), (0.3, True)):
        notes = score.notes.copy()
        notes["onset_beat"] += shift
        late = replace(score, notes=notes)
        notes["onset"] = late.beat_to_time(notes["onset_beat"])
        clock = find_clock(late, detect_tempo(late))
        assert (clock.score is not late) == moved
        phase = clock.score.notes["onset_beat"] * 2 % 1
        assert moved == (np.minimum(phase, 1 - phase).max() < 0.02)


@pytest.mark.parametrize("shift", [0.25, 0.75])
def test_a_clock_is_moved_to_eighths_that_lie_between_its_own(shift: float) -> None:
    """By the sixteenths among them they kept it; few notes on the other side of it leave it alone."""
    places = ((0, 0.5), (0, 0.25, 0.5, 0.75), (0, 0.5), (0, 0.5))
    beats = np.array([beat + place for beat in range(4, 68) for place in places[beat % 4]])
    low = beats % 1 == 0
    for beside, moved in ((shift, True), (0.0, False)):
        score = recorded(beats + beside, np.where(low, 40.0, 67.0), np.arange(80) * 0.75, np.full(len(beats), 0.2))
        notes = score.notes.copy()
        notes["onset_beat"] = notes["onset"] / 0.75
        timed = replace(score, notes=notes, tempi=np.array([[0.0, 80.0]]), has_tempo=True)
        clock = find_clock(timed, detect_tempo(timed))
        assert (clock.score is not timed) == moved
        phase = clock.score.notes["onset_beat"][clock.score.notes["pitch"] == 40] % 1
        assert np.minimum(phase, 1 - phase).max() < 0.05  # the bass is on the beats


@pytest.mark.parametrize("bpm", [60, 90, 120])
@pytest.mark.parametrize("ratio", [0.55, 0.6, 0.64, 2 / 3])
def test_a_swung_line_on_the_files_beats_stays_there(bpm: float, ratio: float) -> None:
    """Eighths that are late by a fifth of a beat and less look like notes beside their clock, or like another tempo."""
    rng = np.random.default_rng(5)
    beats = np.array([beat + place for beat in range(4, 68) for place in (0, ratio) if place or beat % 7])
    for push in (0.0, 0.03):
        seconds = push + np.arange(80) * 60 / bpm
        score = recorded(beats, 60.0 + rng.integers(0, 12, len(beats)), seconds, np.full(len(beats), 0.3))
        notes = score.notes.copy()
        notes["onset_beat"] = notes["onset"] * bpm / 60
        timed = replace(score, notes=notes, tempi=np.array([[0.0, bpm]]), has_tempo=True)
        assert find_clock(timed, detect_tempo(timed)).score is timed
        assert analyse(timed).groove.swing_ratio.value == pytest.approx(ratio, abs=0.01)


def test_found_beats_are_the_quarter_notes_of_the_score_on_them(corpus_midi) -> None:
    played, truth = performed(read_midi(corpus_midi("bwv66.6")), 100)
    timed = on_beats(played, truth)
    beats = timed.time_to_beat(truth)
    np.testing.assert_allclose(beats, np.rint(beats), atol=1e-9)
    np.testing.assert_allclose(np.diff(beats), 1.0)
    np.testing.assert_allclose(timed.beat_to_time(timed.notes["onset_beat"]), played.notes["onset"], atol=1e-9)
    assert timed.tempi[0, 0] == 0.0


@pytest.mark.slow
def test_meters_of_tunes_are_heard(corpus_midi) -> None:
    scores = {name: replace(read_midi(corpus_midi(f"ryansMammoth/{name}")), meters=[]) for name in TUNES}
    heard = {name: analyse(score).meter for name, score in scores.items()}
    assert sum(heard[name].value == meter for name, meter in TUNES.items()) >= 12
    assert all(found.confidence <= 0.9 and "by the accents" in found.why for found in heard.values())


@pytest.mark.parametrize("bar", [3, 4])
@pytest.mark.parametrize("lead", [0, 1, 2])
def test_bars_of_a_performance_begin_with_its_bass(bar: int, lead: int) -> None:
    """A waltz or a march, played freely, with an upbeat of `lead` beats."""
    roots = [0, 5, 7, 0, 9, 2, 7, 0] * 4
    rows = [(float(beat), 67.0) for beat in range(lead)]
    for number, root in enumerate(roots):
        start = lead + number * bar
        rows.append((start, 36.0 + root))
        rows += [(start + beat, 60.0 + (root + step) % 12) for beat in range(1, bar) for step in (0, 4, 7)]
        rows += [(start, 72.0 + (root + 4) % 12), (start + bar - 0.5, 72.0 + root)]
    beats, pitches = np.array(rows, np.float64).T
    seconds = rubato(140, 104)
    timed = on_beats(recorded(beats, pitches, seconds, np.full(len(beats), 0.8)), seconds[:130])
    bars = hear_bars(timed)
    assert bars.meter.value == f"{bar}/4"
    first = float(timed.time_to_beat(seconds[lead : lead + 1])[0])
    assert (bars.score.meters[0].beat - first) % bar == pytest.approx(0, abs=1e-6)


def patterned(groups: tuple[int, ...], unit: float, bars: int = 20) -> tuple[Floats, Floats]:
    """Beats and pitches of bars of groups of units: a bass and a chord on each group, a tune that runs over them."""
    rng = np.random.default_rng(sum(groups))
    rows = []
    for bar in range(bars):
        start, root = bar * sum(groups) * unit, (0, 5, 7, 0)[bar % 4]
        for number, group in enumerate(groups):
            rows += [(start, 36.0 + root + 7 * (number > 0))] + [(start, 60.0 + root + step) for step in (0, 4, 7)]
            rows += [(start + place * unit, 72.0 + root + rng.choice((0, 2, 4))) for place in range(group)]
            start += group * unit
    beats, pitches = np.array(rows).T
    return beats, pitches


def written(beats: Floats, pitches: Floats, bpm: float, *meters: pretty_midi.TimeSignature) -> bytes:
    """A file of pretty_midi's with these meters, or what it writes where it is told none."""
    song = pretty_midi.PrettyMIDI(initial_tempo=bpm)
    song.time_signature_changes = list(meters)
    notes = [
        pretty_midi.Note(80, int(pitch), beat * 60 / bpm, (beat + 0.4) * 60 / bpm)
        for beat, pitch in zip(beats, pitches)
    ]
    song.instruments = [pretty_midi.Instrument(0)]
    song.instruments[0].notes = notes
    data = io.BytesIO()
    song.write(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "groups", "unit"),
    [
        ("5/4", (3, 2), 1.0), ("5/4", (2, 3), 1.0), ("7/4", (4, 3), 1.0), ("7/4", (3, 4), 1.0),
        ("7/8", (2, 2, 3), 0.5), ("7/8", (3, 2, 2), 0.5), ("3/4", (3,), 1.0), ("4/4", (2, 2), 1.0),
    ],
)  # fmt: skip
def test_fives_and_sevens_are_heard_however_they_are_counted(name: str, groups: tuple[int, ...], unit: float) -> None:
    score = replace(read_midi(written(*patterned(groups, unit), 100)), meters=[])
    assert analyse(score).meter.value == name


@pytest.mark.parametrize(("bpm", "ticks"), [(120, 220), (93, 220), (93, 480)])
def test_a_44_at_the_start_is_no_surer_than_the_notes_let_it_be(bpm: float, ticks: int) -> None:
    """Waltzes were 4/4 at .9: pretty_midi, as many programs, writes that where it is told no meter."""
    waltz, march = patterned((1, 1, 1), 1.0), patterned((2, 2), 1.0)
    score = replace(read_midi(written(*waltz, bpm)), ticks_per_beat=ticks)
    found = analyse(score).meter
    assert found.value == "3/4"
    assert found.why.endswith("next 4/4; the file's 4/4 is what programs write unasked")
    assert analyse(read_midi(written(*march, bpm))).meter == Detection("4/4", 0.9, "4/4 in the file")
    told = read_midi(written(*waltz, bpm, pretty_midi.TimeSignature(6, 4, 0.0)))
    assert analyse(told).meter == Detection("6/4", 0.9, "6/4 in the file")


@pytest.mark.parametrize("first", [(3, 4), (4, 4)])
def test_a_44_after_another_meter_was_chosen(first: tuple[int, int]) -> None:
    waltz = read_midi(written(*patterned((1, 1, 1), 1.0), 93))
    bars = [Meter(0.0, 0.0, *first), Meter(240 / 93, 4.0, 4, 4)]
    assert analyse(replace(waltz, meters=bars)).meter.value == "4/4"


def test_a_44_stays_where_the_notes_are_unclear_and_is_less_sure() -> None:
    """Even strokes on one pitch go in six, nine or four alike."""
    score = replace(read_midi(written(np.arange(40) / 2, np.full(40, 60.0), 93)), ticks_per_beat=480)
    heard, found = (analyse(one).meter for one in (replace(score, meters=[]), score))
    assert heard.value != "4/4"
    assert heard.confidence < found.confidence < 0.85
    assert found.value == "4/4"
    assert found.why.endswith("by the accents")


def test_what_the_file_names_stands_and_what_a_recorder_writes_does_not(corpus_midi) -> None:
    tune = read_midi(corpus_midi("ryansMammoth/DoubleHeadJig"))
    wrong = replace(tune, meters=[Meter(0.0, 0.0, 3, 4)])
    assert analyse(wrong).meter.value == "3/4"
    played, _ = performed(tune, 97)
    default = replace(played, meters=[Meter(0.0, 0.0, 4, 4)])
    assert analyse(default).meter.why != "4/4 in the file"


@pytest.mark.parametrize("name", ["7thRegimentReel", "PaddysTheBoyJig", "FlowersOfMichiganReel"])
def test_a_file_that_counts_beats_names_no_meter(name: str, corpus_midi) -> None:
    """1/4 throughout, as in the files of POP909: it was told at .9 sure."""
    tune = read_midi(corpus_midi(f"ryansMammoth/{name}"))
    found = analyse(replace(tune, meters=[Meter(0.0, 0.0, 1, 4)])).meter
    assert found.value == TUNES[name]
    assert "the file's 1/4 counts beats" in found.why


def test_a_meter_says_how_likely_it_is_as_its_label_does(corpus_midi) -> None:
    """It said what the accents alone do, 72 %, where the label was capped by the beats', .60."""
    score = replace(read_midi(corpus_midi("ryansMammoth/DoubleHeadJig")), meters=[])
    for surety in (1.0, 0.4):
        meter = find_bars(Clock(score, surety, "")).meter
        assert meter.why.startswith(f"{meter.confidence:.0%} likely")
        assert (meter.confidence, "no surer than its beats" in meter.why) == (
            (0.4, True) if surety == 0.4 else (hear_bars(score).meter.confidence, False)
        )


def test_what_has_no_beat_says_why() -> None:
    rng = np.random.default_rng(1)
    for count, length in ((1, 1.0), (2, 1.0), (7, 4.0), (40, 0.01), (300, 9000.0), (20_000, 60.0), (3000, 36_000.0)):
        notes = np.zeros(count, NOTE)
        notes["onset"] = np.sort(rng.uniform(0, length, count))
        notes["duration"], notes["pitch"], notes["velocity"] = 0.1, rng.integers(30, 90, count), 80
        notes["onset_beat"], notes["duration_beat"] = notes["onset"] * 2, 0.2
        score = recorded(np.zeros(1), np.full(1, 60), np.arange(3.0), np.ones(1))
        score = replace(score, notes=notes, duration=length + 0.1)
        for tempo in (unknown("none"), Detection(30.0, 1.0, ""), Detection(299.0, 1.0, "")):
            clock = find_clock(score, tempo)
            assert clock.why
            assert np.isfinite(clock.score.notes["onset_beat"]).all()
            assert (clock.score.tempi[:, 1] > 0).all()
        analysis = analyse(score)
        assert analysis.meter.why
        assert all(0 <= label.confidence <= 1 for label in labels_of(analysis).values())


def test_labels_on_found_beats_are_no_surer_than_the_beats(corpus_midi) -> None:
    played, _ = performed(read_midi(corpus_midi("bwv66.6")), 84)
    analysis = analyse(played)
    sure = find_clock(played, analysis.tempo).confidence
    assert 0 < analysis.groove.timing_offsets.confidence <= sure < 1
    assert analysis.meter.confidence <= sure

"""Where clicks fall, on beats that are known, that are other than labelled, and that are not known."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pretty_midi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.features.midi import analyse
from kelly_tui.music.click import beats_in_bar, clicks
from kelly_tui.music.notes import read_midi
from kelly_tui.plots.ruler import beats_and_bars
from kelly_tui.ui.picture import MidiPicture

BEATS = [0.5 * n for n in range(16)]
BARS = [2.0 * n for n in range(4)]


def times(found) -> list[float]:
    return [time for time, _ in found]


def accents(found) -> list[float]:
    return [time for time, accent in found if accent]


def test_without_labels_the_music_is_clicked():
    found = clicks(8.0, BEATS, BARS)
    assert times(found) == BEATS
    assert accents(found) == BARS


def test_beats_that_breathe_are_followed():
    beats = np.cumsum([0.0, *np.tile([0.48, 0.52, 0.5, 0.51], 5)]).tolist()
    assert times(clicks(20.0, beats, [], bpm=120)) == pytest.approx(beats)
    halves = times(clicks(20.0, beats, [], bpm=240))
    assert halves[::2] == pytest.approx(beats)
    assert halves[1] == pytest.approx(0.24)


def test_half_the_tempo_falls_on_the_bars():
    assert times(clicks(8.0, BEATS, [0.5, 2.5], bpm=60)) == [0.5 + n for n in range(8)]


def test_a_wrong_tempo_runs_away_from_the_music():
    found = times(clicks(8.0, BEATS, BARS, bpm=100))
    assert np.diff(found) == pytest.approx(0.6)
    assert found[0] == 0.0
    assert max(np.min(np.abs(np.subtract.outer(found, BEATS)), axis=1)) > 0.2


def test_a_wrong_meter_puts_its_accents_elsewhere():
    assert accents(clicks(8.0, BEATS, BARS, meter="4/4")) == BARS
    assert accents(clicks(8.0, BEATS, BARS, meter="3/4")) == [0.0, 1.5, 3.0, 4.5, 6.0, 7.5]


def test_a_pickup_has_no_accent():
    assert accents(clicks(4.0, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5], [0.5, 2.0], meter="3/4")) == [0.5, 2.0]


def test_without_beats_the_label_alone_is_clicked():
    found = clicks(4.0, bpm=90, meter="3/4")
    assert np.diff(times(found)) == pytest.approx(60 / 90)
    assert accents(found) == pytest.approx([0.0, 2.0])
    assert clicks(4.0) == ()


@pytest.mark.parametrize(
    ("meter", "taps"), [("4/4", 4), ("3/4", 3), ("6/8", 2), ("12/8", 4), ("7/8", 7), (None, 0), ("?", 0), ("0/4", 0)]
)
def test_what_one_taps_in_a_bar(meter, taps):
    assert beats_in_bar(meter) == taps


def eighths(meter: tuple[int, int], quarters: float, bars: int = 16) -> bytes:
    """Bars of eighth notes, of whose first beat the bass sounds too, in a file of so many quarters a minute."""
    song = pretty_midi.PrettyMIDI(initial_tempo=quarters)
    song.time_signature_changes = [pretty_midi.TimeSignature(*meter, 0.0)]
    step, each = 30 / quarters, meter[0] * 8 // meter[1]
    piano = pretty_midi.Instrument(0)
    for place in range(each * bars):
        for pitch in (60 + place * 5 % 12,) if place % each else (72, 36):
            piano.notes.append(pretty_midi.Note(80, pitch, step * place, step * (place + 1)))
    song.instruments = [piano]
    data = io.BytesIO()
    song.write(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("meter", "quarters", "tapped"),
    [
        ((6, 8), 180, 120),
        ((9, 8), 165, 110),
        ((12, 8), 99, 66),
        ((3, 4), 100, 100),
        ((7, 8), 140, 140),
        ((2, 2), 96, 96),
    ],
)
def test_the_click_of_what_is_heard_runs_with_the_bars_of_the_file(meter, quarters, tapped):
    data = eighths(meter, quarters)
    said = analyse(read_midi(data)).detections
    bpm, name = said["tempo_bpm"][1].value, said["time_signature"][1].value
    assert name == f"{meter[0]}/{meter[1]}"
    assert bpm == pytest.approx(tapped, rel=1e-3)
    beats, bars = beats_and_bars(read_midi(data))
    found = clicks(60 / quarters * 4 * meter[0] / meter[1] * 16, beats.tolist(), bars.tolist(), bpm, name)
    assert times(found) == pytest.approx(beats[: len(found)].tolist())
    downbeats = pretty_midi.PrettyMIDI(io.BytesIO(data)).get_downbeats()
    assert accents(found)[:16] == pytest.approx(downbeats[:16].tolist(), abs=2e-3)


def test_a_jig_whose_file_names_no_meter_is_counted_and_drawn_in_dotted_quarters(corpus_midi):
    named = read_midi(corpus_midi("ryansMammoth/HuntTheFoxJig"))
    said = analyse(replace(named, meters=[]))
    assert (said.meter.value, named.time_signature) == ("9/8", "9/8")
    assert said.tempo.value == pytest.approx(named.tempo_bpm / 1.5)
    assert said.tempo.confidence == said.meter.confidence
    assert np.diff(MidiPicture(replace(named, meters=[])).beats) == pytest.approx(60 / said.tempo.value)


def test_a_tempo_is_no_surer_than_what_beat_it_counts(corpus_midi):
    said = analyse(replace(read_midi(corpus_midi("ryansMammoth/DiamondJig")), meters=[]))
    assert (said.meter.value, said.tempo.value) == ("6/8", pytest.approx(120))
    assert said.meter.confidence < 0.75
    assert said.tempo.confidence == pytest.approx(1 - said.meter.confidence)
    assert said.tempo.why.endswith("if this is no 6/8")


@given(
    st.floats(0, 5000),
    st.lists(st.floats(0, 4000), max_size=40, unique=True).map(sorted),
    st.lists(st.floats(0, 4000), max_size=10, unique=True).map(sorted),
    st.none() | st.floats(1e-3, 1e9),
    st.sampled_from([None, "4/4", "3/4", "6/8", "5/8"]),
)
def test_clicks_rise_and_lie_within_the_music(duration, beats, bars, bpm, meter):
    found = times(clicks(duration, beats, bars, bpm, meter))
    assert all(0 <= time < duration for time in found)
    assert np.all(np.diff(found) >= 0)

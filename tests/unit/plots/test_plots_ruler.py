"""Beats and bars against pretty_midi, which counts them on its own."""

from __future__ import annotations

import io

import numpy as np
import pretty_midi
import pytest

from kelly_tui.music.notes import read_midi
from kelly_tui.plots.ruler import beats_and_bars


def midi(*meters: tuple[int, int, float], tempo: float = 120.0, length: float = 24.0) -> bytes:
    song = pretty_midi.PrettyMIDI(initial_tempo=tempo)
    song.time_signature_changes = [pretty_midi.TimeSignature(*meter) for meter in meters]
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(80, 60, 0.0, length)]
    song.instruments = [piano]
    data = io.BytesIO()
    song.write(data)
    return data.getvalue()


@pytest.mark.parametrize("meters", [[(4, 4, 0.0)], [(3, 4, 0.0)], [(6, 8, 0.0)], [(4, 4, 0.0), (3, 4, 8.0)]])
@pytest.mark.parametrize("tempo", [60.0, 120.0])
def test_beats_and_bars_are_pretty_midis(meters, tempo):
    data = midi(*meters, tempo=tempo)
    beats, bars = beats_and_bars(read_midi(data))
    judge = pretty_midi.PrettyMIDI(io.BytesIO(data))
    np.testing.assert_allclose(beats[:12], judge.get_beats()[:12], atol=1e-3)
    np.testing.assert_allclose(bars[:4], judge.get_downbeats()[:4], atol=1e-3)


def test_no_meter_is_common_time():
    beats, bars = beats_and_bars(read_midi(midi()))
    assert bars[1] == pytest.approx(4 * (beats[1] - beats[0]))
    assert beats[-1] < 24 <= beats[-1] + 0.5 + 1e-6

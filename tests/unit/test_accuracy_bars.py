"""What meters of audio are learnt from: a few clips made by rule, of the instruments and meters that they say."""

from __future__ import annotations

import re

import numpy as np
import symusic

from kelly_tui.features.audio_meter import METERS
from kelly_tui.features.meter_weights import WEIGHTS
from tests.accuracy import bands, bars


def test_clips_teach_their_own_meter() -> None:
    seen = list(bars.examples(range(6), range(2000, 2003)))
    assert {one.kind for one in seen} == {"song", "line"}
    assert {one.meter for one in seen} >= {"3/4", "4/4"}
    weights = bars.weigh(seen)
    assert weights.shape == WEIGHTS.shape
    told = [METERS[int((one.evidence @ weights).argmax())] for one in seen]
    assert np.mean([name == one.meter for name, one in zip(told, seen)]) > 0.8
    rows = [re.findall(r"-?\d+\.\d\d", line.split("#")[0]) for line in bars.in_source(weights).splitlines()]
    assert np.allclose(np.array(rows, float), weights, atol=0.006)


def test_songs_last_half_a_minute_at_the_tempo_they_say() -> None:
    for seed in range(24):
        song = bands.song(seed)
        score = symusic.Score.from_midi(song.midi)
        assert song.meter in METERS
        assert 25 < score.to("second").end() < 45
        assert abs(score.tempos[0].qpm / song.bpm - 1) < 1e-3

"""What tempo and bars of held music are learnt from: a few clips made by rule teach what they are."""

from __future__ import annotations

import re

import numpy as np
import symusic

from kelly_tui.features import audio_rhythm
from kelly_tui.music.tempi import likeliest_tempo
from tests.accuracy import held


def test_clips_teach_their_own_tempo() -> None:
    seen = list(held.examples(range(3), range(1000, 1001), iter(())))
    assert len(seen) >= 3
    weights = held.weigh(seen)
    assert weights.shape == audio_rhythm._HELD_WEIGHTS.shape
    for one in seen:
        assert abs(likeliest_tempo(one.evidence @ weights)[0] / one.bpm - 1) < 0.04, one.group
    printed = [float(one) for one in re.findall(r"-?\d+\.\d\d", held.in_source(weights))]
    assert np.allclose(printed, weights, atol=0.006)


def test_a_louder_first_beat_teaches_bars() -> None:
    choices = held.marks(range(2000, 2008))
    assert len(choices) >= 3
    assert 0.05 < held.by_marks(choices) < 2.0


def test_lines_are_of_the_beats_they_say() -> None:
    for seed in range(40):
        made = held.line(seed)
        score = symusic.Score.from_midi(made.midi)
        seconds = score.to("second").end()
        assert 10 < seconds < 40
        assert abs(score.tempos[0].qpm / made.bpm - 1) < 1e-3
        assert made.kind in held.RHYTHMS

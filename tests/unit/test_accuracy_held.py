"""What tempo of lines and chords is learnt from: a few clips made by rule teach what they are."""

from __future__ import annotations

import re

import numpy as np
import pytest
import symusic

from kelly_tui.features import audio_rhythm
from kelly_tui.music.tempi import likeliest_tempo
from tests.accuracy import held


@pytest.mark.slow
def test_clips_teach_their_own_tempo() -> None:
    seen = list(held.examples(range(3), range(1000, 1001), range(8)))
    assert {one.texture for one in seen} == {"held", "held chords", "chords"}
    weights = held.weigh(seen)
    assert weights["held"].shape == audio_rhythm._HELD_WEIGHTS.shape
    assert weights["held chords"].shape == audio_rhythm._HELD_CHORD_WEIGHTS.shape
    assert weights["chords"].shape == audio_rhythm._CHORD_WEIGHTS.shape
    for one in seen:
        if one.texture == "held" and one.kind == "band":
            continue  # it is like a line, and teaches chords alone
        assert abs(likeliest_tempo(one.evidence @ weights[one.texture])[0] / one.bpm - 1) < 0.04, one.group
    for of_texture in weights.values():
        printed = [float(one) for one in re.findall(r"-?\d+\.\d\d", held.in_source(of_texture))]
        assert np.allclose(printed, of_texture, atol=0.006)


def test_lines_are_of_the_beats_they_say() -> None:
    for seed in range(40):
        made = held.line(seed)
        score = symusic.Score.from_midi(made.midi)
        seconds = score.to("second").end()
        assert 10 < seconds < 40
        assert abs(score.tempos[0].qpm / made.bpm - 1) < 1e-3
        assert made.kind in held.RHYTHMS

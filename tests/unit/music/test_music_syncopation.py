"""Syncopation of rhythms made by rule, by hand and by Longuet-Higgins and Lee's own words over a tree of the bar."""

from __future__ import annotations

import io
from itertools import pairwise

import mido
import numpy as np
import pytest

from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.syncopation import levels_of, syncopation

Part = list[float]
"""Beats at which it strikes."""


def score_of(*parts: Part, meters: tuple[tuple[float, int, int], ...] = ((0, 4, 4),)) -> Score:
    """Each part on a channel; the last of ten or more would be drums. `meters`: beat, numerator, denominator."""
    events = [(beat, 0, mido.MetaMessage("time_signature", numerator=of, denominator=by)) for beat, of, by in meters]
    for channel, part in enumerate(parts):
        for beat in part:
            events.append((beat, 2, mido.Message("note_on", note=60 + channel, channel=channel, velocity=80)))
            events.append((beat + 0.1, 1, mido.Message("note_off", note=60 + channel, channel=channel)))
    track, now = mido.MidiTrack(), 0
    for beat, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=round(beat * 480) - now))
        now = round(beat * 480)
    file = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(file=file)
    return read_midi(file.getvalue())


TREES = {
    (4, 4): (16, 8, 4, 2, 1), (3, 4): (12, 4, 2, 1), (2, 4): (8, 4, 2, 1), (6, 8): (12, 6, 2, 1), (5, 4): (20, 4, 2, 1),
    (9, 8): (18, 6, 2, 1), (12, 8): (24, 12, 6, 2, 1), (7, 8): (14, 2, 1), (2, 2): (16, 8, 4, 2, 1), (3, 8): (6, 2, 1),
}  # fmt: skip
"""Sixteenths of the bar and its parts."""


def by_their_words(onsets: list[int], tree: tuple[int, ...]) -> float:
    """A note's weight, and the heaviest place that it is held over: the mean difference, of the tree's height."""

    def weight(place: int) -> int:
        return max(height for height, unit in enumerate(reversed(tree)) if place % unit == 0)

    above = []
    for note, following in pairwise(onsets):
        heaviest = max((weight(place) for place in range(note + 1, following)), default=0)
        above.append(max(0, heaviest - weight(note)))
    return sum(above) / len(above) / (len(tree) - 1)


@pytest.mark.parametrize("meter", TREES)
def test_it_is_longuet_higgins_and_lees_in_every_meter(meter: tuple[int, int]) -> None:
    assert tuple(levels_of(*meter)) == TREES[meter]
    rng = np.random.default_rng(8)
    for share in (0.1, 0.3, 0.6):
        onsets = np.flatnonzero(rng.random(200) < share).tolist()
        score = score_of([at / 4 for at in onsets], meters=((0, *meter),))
        assert syncopation(score) == pytest.approx(by_their_words(onsets, TREES[meter]), abs=1e-9)


@pytest.mark.parametrize("meter", TREES)
def test_what_strikes_every_bar_or_beat_has_none(meter: tuple[int, int]) -> None:
    bar, beat = TREES[meter][0] / 4, 4 / meter[1]
    for step in (bar, beat, bar / 2 if meter[0] % 2 == 0 else bar):
        assert syncopation(score_of([step * number for number in range(40)], meters=((0, *meter),))) == 0


def test_each_part_is_measured_by_itself_and_weighs_by_its_strokes() -> None:
    bass, off = [float(beat) for beat in range(17)], [beat + 0.5 for beat in range(17)]
    alone = syncopation(score_of(off))
    assert alone == pytest.approx((1 + 2 + 1 + 3) / 4 / 4)  # an eighth over beats two, three, four and one
    assert syncopation(score_of(bass, off)) == pytest.approx(alone / 2)
    assert syncopation(score_of([beat / 4 for beat in range(49)], off)) == pytest.approx(alone / 4)


def test_bars_begin_where_their_meter_does() -> None:
    line = [0.0] + [1 + 3.0 * bar for bar in range(12)]  # a pickup of one quarter, then dotted halves
    assert syncopation(score_of(line, meters=((0, 1, 4), (1, 3, 4)))) == 0
    assert syncopation(score_of(line, meters=((0, 3, 4),))) > 0.1
    changing = [4.0 * bar for bar in range(5)] + [16 + 3.0 * bar for bar in range(1, 6)]
    assert syncopation(score_of(changing, meters=((0, 4, 4), (16, 3, 4)))) == 0
    assert syncopation(score_of(changing)) > 0.1


def test_chords_one_note_and_uneven_meters_are_measured_too() -> None:
    assert syncopation(score_of([1.5])) == 0
    assert syncopation(score_of([0, 0.01, 1, 1.01, 2])) == 0
    assert 0 <= syncopation(score_of([beat * 0.37 for beat in range(40)], meters=((0, 5, 32), (2, 11, 64)))) <= 1
    # Bars of one beat say nothing, and are taken for 4/4.
    off = [beat + 0.5 for beat in range(17)]
    assert syncopation(score_of(off, meters=((0, 1, 4),))) == syncopation(score_of(off))

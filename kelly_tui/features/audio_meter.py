"""Meter and bars of audio, from its beats: what accents, bass and new harmony say of which beat is the first.

How like each other beats are that lie three, or two and four, apart (Foote and Uchihashi, 2001, the beat spectrum;
Gouyon and Herrera, 2003), how much the best one of three or of four stands out, whether the beat itself has two parts
or three, and what returns after parts of the beat and after many: the beat that was found may be a part of the music's,
or its bar. How much each says is learnt at the beats that are found, right or wrong.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.audio_notes import has_chords
from kelly_tui.features.meter_weights import WEIGHTS
from kelly_tui.features.returns import BASS_BANDS, odd_bar, returns
from kelly_tui.features.spectrum import Floats
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.text import agree, count

Doubles = NDArray[np.float64]

METERS = ("4/4", "3/4", "6/8")
"""2/4 is a 4/4 to the ear, and a 6/8's beat is its dotted quarter. Bars of five and seven are heard, and told none."""
_BEATS_A_BAR = {"4/4": 4, "3/4": 3, "6/8": 2}
_FEWEST, _SHORTEST = 12, 6.0
"""Beats that tell a meter, and seconds of them: in less it may be their halves that are heard as beats."""
_SUREST = 0.92
_CLEAR = 0.36
"""Confidence of the tempo below which its beats tell no meter: of 8 s of noise it is 0.35 at most in 40; 9 of 286 clips
of music have less. Above it the meter is not held down by the beat: of 79 fiddle tunes what says 0.88 is right for 0.92
where the beat is 0.5 to 0.6 sure, and 0.83 for 0.95 where it is 0.85 and more."""

_STILL = 0.65
"""The change of harmony within a beat, as a part of that at beats, below which the beat has no parts: of 147 lines in
quarters 137, of 118 songs on a piano 9, of 79 fiddle tunes 5."""
_MARKED = 5.0
"""Beats of accents, bass or new harmony that the places of a bar must explain then: chance does in one of five."""
_LIKELIER_THAN_NOT = 0.5
_ODD = 0.1
"""How much more may return after bars of five or seven than of others: of 229 clips of songs, tunes and drums in
other meters 0.05 at most does; of 84 of drums in 5/4, 7/4 and 7/8 less does where a quarter of the bar is the beat that
is heard: four, which are told 4/4 surely, 34 before."""


class Beats(NamedTuple):
    """What is heard at each beat."""

    chroma: Doubles
    """(beats, 12) about its mean."""
    timbre: Doubles
    """(beats, bands) about its mean."""
    accent: Doubles
    """(beats,) the onset, dB; this and what follows standardised."""
    bass: Doubles
    """(beats,) the rise of the lowest bands."""
    new: Doubles
    """(beats,) how far the harmony is from the beat before."""


class Bars(NamedTuple):
    """A meter, and its first beats."""

    meter: Detection[str]
    first_beats: NDArray[np.int64]
    """Numbers of the beats on which bars begin; none where the meter can't be told."""


def find_bars(
    beats: NDArray[np.int64],
    strength: Floats,
    mel_db: Floats,
    chroma: Floats,
    tempo: Detection[float],
    frame_rate: float,
) -> Bars:
    """Meter and bars, by beats in frames, and onset strength, mel spectrogram and chroma (frames first)."""
    beats = beats[beats < len(strength)]
    if tempo.value is None or not len(beats):
        return _no_bars("no beat, and so no meter")
    if len(beats) <= _FEWEST:
        return _no_bars(f"{count(len(beats), 'beat')} {agree(len(beats), 'tells', 'tell')} no meter")
    if (seconds := float(beats[-1] - beats[0]) / frame_rate) < _SHORTEST:
        return _no_bars(f"{seconds:.1f} s of beats tell no meter")
    if tempo.confidence < _CLEAR:
        return _no_bars(f"the beat is too unsure, {tempo.confidence:.0%}, to tell a meter")
    heard = hear_beats(beats, strength, mel_db, chroma)
    found = evidence(beats, heard, strength, mel_db, chroma, tempo.value, frame_rate)
    if found is None:
        return _no_bars("nothing marks the bars: accents, bass and harmony hardly differ from beat to beat")
    bar, more = odd_bar(strength, mel_db, chroma, 60 * frame_rate / tempo.value, frame_rate)
    if more > _ODD:
        return _no_bars(f"bars of {bar:g} beats: more returns after them than after 2, 3 or 4")
    odds = found @ WEIGHTS
    chances = np.exp(odds - odds.max())
    chances /= chances.sum()
    rival, best = np.argsort(chances)[-2:]
    next_best = f"{METERS[rival]}, {chances[rival]:.0%}"
    if chances[best] < _LIKELIER_THAN_NOT:
        return _no_bars(f"no meter is likelier than not: {METERS[best]}, {chances[best]:.0%}; {next_best}")
    sure = min(_SUREST, float(chances[best]))
    why = f"{sure:.0%} likely; next {next_best}: by accents and what returns"
    bar = _BEATS_A_BAR[METERS[best]]
    weight = heard.accent + heard.bass + heard.new
    start = int(np.argmax([weight[first::bar].mean() for first in range(bar)]))
    return Bars(Detection(METERS[best], sure, why), np.arange(start, len(beats), bar))


def evidence(
    beats: NDArray[np.int64],
    heard: Beats,
    strength: Floats,
    mel_db: Floats,
    chroma: Floats,
    bpm: float,
    frame_rate: float,
) -> Doubles | None:
    """(85,) what `WEIGHTS` weigh; None where the beats have no parts, and nothing marks bars either."""
    still = within(beats, chroma) < _STILL
    marks = np.array([marked(heard, 3), marked(heard, 4)])
    if still and marks.max() < _MARKED:
        return None
    octaves = np.log2(bpm / 110)
    kind = [1.0, octaves, octaves**2, not has_chords(mel_db, chroma), still]
    returning = returns(strength, mel_db, chroma, 60 * frame_rate / bpm, frame_rate)
    explained = np.sign(marks) * np.log1p(np.abs(marks))
    return np.concatenate((kind, beat_evidence(beats, heard, strength), explained, returning))


def _no_bars(why: str) -> Bars:
    return Bars(unknown(why), np.empty(0, np.int64))


def hear_beats(beats: NDArray[np.int64], strength: Floats, mel_db: Floats, chroma: Floats) -> Beats:
    """What is heard from each beat to the next; the last beat only ends the one before."""
    spans = [slice(a, max(b, a + 1)) for a, b in pairwise(beats.tolist())]
    harmony = np.array([chroma[span].mean(axis=0) for span in spans], np.float64)
    timbre = np.array([mel_db[span].mean(axis=0) for span in spans], np.float64)
    around = [slice(max(0, beat - 2), beat + 3) for beat in beats[:-1]]
    wider = [slice(max(0, beat - 3), beat + 4) for beat in beats[:-1]]
    bass = [np.maximum(np.diff(mel_db[span, :BASS_BANDS], axis=0), 0).sum() for span in wider]
    new = np.linalg.norm(np.diff(harmony, axis=0), axis=1)
    return Beats(
        harmony - harmony.mean(axis=0),
        timbre - timbre.mean(axis=0),
        _standard(np.array([strength[span].max() for span in around], np.float64)),
        _standard(np.array(bass, np.float64)),
        _standard(np.concatenate((new[:1], new))),
    )


def within(beats: NDArray[np.int64], chroma: Floats) -> float:
    """How far the harmony of a beat's second half is from its first, as a part of how far that is from the one before:
    about 1 where it moves within the beat as it does on it."""
    middles = (beats[:-1] + beats[1:]) // 2
    edges = np.sort(np.concatenate((beats, middles))).tolist()
    halves = np.array([chroma[a : max(b, a + 1)].mean(axis=0) for a, b in pairwise(edges)], np.float64)
    changes = np.linalg.norm(np.diff(halves, axis=0), axis=1)
    return float(changes[::2].mean() / (changes[1::2].mean() + 1e-9))


def marked(heard: Beats, bar: int) -> float:
    """How many beats' worth of the spread of accents, bass or new harmony the places of a bar explain.

    Of what they explain most of; of each alone it is 0 on average by chance.
    """
    return max(_explained(signal, bar) for signal in (heard.accent, heard.bass, heard.new))


def _explained(signal: Doubles, bar: int) -> float:
    places = [signal[first::bar] for first in range(bar)]
    between = sum(len(place) * float(place.mean() - signal.mean()) ** 2 for place in places)
    count = len(signal)
    return between / (float(signal.var()) + 1e-9) - (bar - 1) * count / (count - 1)


def beat_evidence(beats: NDArray[np.int64], heard: Beats, strength: Floats) -> Doubles:
    """(10,): for bars of three rather than two or four, and for three parts of a beat rather than two."""
    alike = [_three_not_two(signal) for signal in heard]
    stands_out = [_stands_out(signal, 3) - _stands_out(signal, 4) for signal in (heard.accent, heard.bass, heard.new)]
    on, quarter, third, half = (_inside(beats, strength, part) for part in (0, 1 / 4, 1 / 3, 1 / 2))
    thirds = (third + _inside(beats, strength, 2 / 3)) / 2
    quarters = (quarter + _inside(beats, strength, 3 / 4)) / 2
    parts = [(thirds - half) / (on + 1e-9), (thirds - quarters) / (on + 1e-9)]
    return np.array([*alike, *stands_out, *parts])


def _standard(values: Doubles) -> Doubles:
    standard: Doubles = (values - values.mean()) / (values.std() + 1e-9)
    return standard


def _three_not_two(signal: Doubles) -> float:
    """How much more alike beats are 3, 6 and 9 apart than 2, 4 and 8."""
    alike = {lag: _alike(signal, lag) for lag in (2, 3, 4, 6, 8, 9)}
    one_bar = alike[3] - (alike[2] + alike[4]) / 2
    return one_bar + (alike[6] + alike[9]) / 2 - (alike[4] + alike[8]) / 2


def _alike(signal: Doubles, lag: int) -> float:
    """Autocorrelation, each product of beats counting the same at every lag."""
    count = len(signal)
    return float(np.vdot(signal[:-lag], signal[lag:]) / (np.vdot(signal, signal) + 1e-9) * count / (count - lag))


def _stands_out(signal: Doubles, bar: int) -> float:
    return float(max(signal[first::bar].mean() for first in range(bar)))


def _inside(beats: NDArray[np.int64], strength: Floats, part: float) -> float:
    """Mean onset strength at that part of the beats."""
    places = np.rint(beats[:-1] + np.diff(beats) * part).astype(np.int64)
    near = np.minimum(np.maximum(places[:, None] + (-1, 0, 1), 0), len(strength) - 1)
    return float(strength[near].max(axis=1).mean())

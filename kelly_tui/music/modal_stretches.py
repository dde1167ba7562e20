"""Where music is in another mode than the whole, which windows that know major and minor alone can't say.

A stretch is weighed by itself, by all that tells the key of a whole piece, and by what its groups of four bars begin
and close on: eight bars in D dorian after eight in C major have the same notes, but come home to another. Asked about
are the regions of major and minor keys; runs of groups that have more of what another mode of the tonic has; and in
harmony runs of groups that begin and close on another note of the scale. What a stretch alone says is believed where it
is far likelier than the key of the whole and the one that it was heard in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.labels import KEYS
from kelly_tui.music.key import (
    FORMS,
    MODES,
    Key,
    as_keys,
    bar_of,
    chances_of_keys,
    is_single_line,
    key_of_row,
    why_no_key,
)
from kelly_tui.music.theory import SCALES

if TYPE_CHECKING:
    from kelly_tui.music.notes import Score  # features of audio need no reader of MIDI

Floats = NDArray[np.float64]


class Stretch(NamedTuple):
    """Quarter notes from the start, and the key that holds."""

    start: float
    end: float
    key: Key
    confidence: float


class Groups(NamedTuple):
    """Groups of four bars, the last one maybe begun only."""

    edges: Floats
    """(groups + 1,) quarter notes."""
    begins: NDArray[np.bool_]
    """(groups, 12) the lowest pitch class at the start."""
    closes: NDArray[np.bool_]
    """(groups, 12) those on the downbeat of the last bar and in its second half."""

    @property
    def both(self) -> NDArray[np.int64]:
        """(groups, 12) how often each begins and closes on a pitch class: 2 where it does both."""
        return self.begins.astype(np.int64) + self.closes


_BARS, _FEWEST = 4, 2
"""Of a group, and how many groups are a run."""
_REGION, _RUN = 16.0, 12.0
"""Seconds of a region that is asked about, eight bars at 120 BPM, and of a run of groups; the least."""
_COMES_HOME = 2.0
"""How much each group that begins on a tonic says for it, and each that closes there, of a logarithm of chances."""
_AT_HOME, _SOMETIMES = 1.5, 1.0
"""How often a group begins and closes on the tonic of its own, of two, where the scale stays; and where it changes."""
_AHEAD, _AHEAD_IN_PLACE, _AHEAD_ON_SCALE = 4.0, 2.0, 3.5
"""How much likelier a stretch is in a key than in that of the whole, and than in the one it was heard in, and than in
either where the scale stays. Logarithms; chosen on pieces made by rule and on tunes joined."""
_TONICS = np.repeat(np.arange(12), len(MODES))


def modal_stretches(score: Score, home: Key, regions: Sequence[Stretch]) -> list[Stretch]:
    """Those in another mode than `regions`, which follow each other, have them in; `home` is the key of the whole."""
    groups = groups_of_bars(score)
    found: list[Stretch] = []
    asked = list(_asked(score, groups, home, regions))
    edges = score.beat_to_time(np.array([span for *span, _, _ in asked]).reshape(-1, 2))
    for (start, end, heard, near), lasting in zip(asked, (edges[:, 1] - edges[:, 0]).tolist()):
        if lasting < (_REGION if near else _RUN) or any(one.start < end and start < one.end for one in found):
            continue
        homing = _homing(groups, start, end)
        if near and _is_at_home(homing, heard, home):
            continue
        chances = _said_alone(score, start, end, homing)
        if chances is None:
            continue
        best = int(chances.argmax())
        key, is_other = key_of_row(best), best != _plain_row(key_of_row(best))
        if key == home or not (is_other or (near is not None and best == _plain_row(home))):
            continue
        ahead, in_place = (float(chances[best] - chances[_row(other)]) for other in (home, heard))
        comes_home = float(homing[KEYS.index(key[0])])
        if near is None or any(_classes(key) == _classes(other) for other in near):
            believed = min(ahead, in_place) >= _AHEAD_ON_SCALE and comes_home >= _AT_HOME
        else:
            believed = in_place >= _AHEAD_IN_PLACE and (heard == home or ahead >= _AHEAD)
            believed &= bool(comes_home >= _SOMETIMES or not is_other)
        if believed:
            share = 1.0 / float(np.exp(chances - chances[best]).sum())
            found.append(Stretch(start, end, key, round(0.3 + 0.55 * share, 3)))
    return found


def _asked(
    score: Score, groups: Groups, home: Key, regions: Sequence[Stretch]
) -> Iterator[tuple[float, float, Key, list[Key] | None]]:
    """Start, end, the key that is heard, and those beside it; None of what is on the scale of the whole."""
    if len(regions) > 1:
        for at, one in enumerate(regions):
            beside = [*regions[max(at - 1, 0) : at], *regions[at + 1 : at + 2]]
            yield one.start, one.end, one.key, [other.key for other in beside]
    elsewhere = () if is_single_line(score) else _runs_elsewhere(groups, home)  # a tune closes where it likes
    for stays, spans in ((False, _runs_in_place(score, groups, home)), (True, elsewhere)):
        for start, end in spans:
            heard = max(regions, key=lambda one: min(one.end, end) - max(one.start, start))
            yield start, end, heard.key, None if stays else []


def _runs_elsewhere(groups: Groups, home: Key) -> Iterator[tuple[float, float]]:
    """Runs of groups that begin and close on another degree of the scale than the tonic, more than on that."""
    both = groups.both
    tonic, *others = ((KEYS.index(home[0]) + step) % 12 for step in SCALES[home[1]])
    for number, start, end in _runs_of(both[:, others] > both[:, tonic, None]):
        degree = others[number]
        begun = groups.begins[start:end, degree].nonzero()[0]
        closed = groups.closes[start:end, degree].nonzero()[0]
        if len(begun) and len(closed) and closed[-1] - begun[0] + 1 >= _FEWEST:
            first, last = start + int(begun[0]), start + int(closed[-1]) + 1
            if last - first <= len(both) - _FEWEST and both[first:last, degree].mean() >= _AT_HOME:
                yield float(groups.edges[first]), float(groups.edges[last])


def _runs_in_place(score: Score, groups: Groups, home: Key) -> Iterator[tuple[float, float]]:
    """Runs of groups that have more of what another mode of the same tonic and third has than of what it has not."""
    count = len(groups.begins)
    group = np.clip(groups.edges.searchsorted(score.pitched["onset_beat"] + 1e-2, "right") - 1, 0, count - 1)
    lengths = score.pitched["duration_beat"]
    sounding = np.bincount(group * 12 + (score.classes - KEYS.index(home[0])) % 12, lengths, 12 * count)
    sounding = sounding.reshape(-1, 12)
    ours = set(SCALES["minor" if home[1] in FORMS else home[1]])
    on = []
    for mode in MODES:
        theirs = set(SCALES[mode])
        if (4 in theirs) == (4 in ours) and (7 in theirs) == (7 in ours) and theirs != ours:
            on.append(sounding[:, [*(theirs - ours)]].sum(axis=1) > sounding[:, [*(ours - theirs)]].sum(axis=1))
    for _, start, end in _runs_of(np.array(on).reshape(-1, count).T):
        if end - start <= count - _FEWEST:
            yield float(groups.edges[start]), float(groups.edges[end])


def _runs_of(on: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Column, start and end of the runs of groups that are `on` in each column, of those that are long enough."""
    padded = np.zeros((on.shape[1], len(on) + 2), np.int8)
    padded[:, 1:-1] = on.T
    steps = padded[:, 1:] - padded[:, :-1]
    column, starts = (steps > 0).nonzero()
    ends = (steps < 0).nonzero()[1]
    long = ends - starts >= _FEWEST
    return zip(column[long].tolist(), starts[long].tolist(), ends[long].tolist())


def groups_of_bars(score: Score) -> Groups:
    """Of a score with pitched notes, from the bar on in which they begin."""
    bar, start = bar_of(score)
    at, low = score.pitched["onset_beat"][score.strokes], score.lowest
    first = start + math.floor((at[0] - start) / bar + 1e-3) * bar
    count = max(1, round((float(at[-1]) + 1 - first) / (_BARS * bar) + 0.2))
    edges = first + _BARS * bar * np.arange(count + 1)
    begins, closes = np.zeros((2, count, 12), np.bool_)
    every = np.arange(count)
    since = at.searchsorted(np.array((edges[:-1], edges[1:] - bar)) + 0.1) - 1
    sounding = low[np.maximum(since, 0)] % 12
    begins[every, sounding[0]] = closes[every, sounding[1]] = True
    until = np.maximum(at.searchsorted(edges[1:] - 0.1), 1)
    since = np.minimum(at.searchsorted(edges[1:] - bar / 2 - 0.1), until - 1)
    lowest = np.minimum.reduceat(np.append(low, 127), np.array((since, until)).ravel("F"))[::2]
    closes[every, lowest % 12] = True
    return Groups(edges, begins, closes)


def _homing(groups: Groups, start: float, end: float) -> Floats:
    """(12,) how often the groups of a stretch begin and close on each pitch class: 2 where all do both."""
    bar = (groups.edges[1] - groups.edges[0]) / _BARS
    inside = (groups.edges[:-1] > start - 1.02 * bar) & (groups.edges[1:] < end + 1.02 * bar)
    often: Floats = groups.both[inside].sum(axis=0) / max(1, int(np.count_nonzero(inside)))
    return often


def _is_at_home(homing: Floats, heard: Key, home: Key) -> bool:
    """Whether a stretch comes home to no tonic but that of the key that it is heard in."""
    tonic = KEYS.index(heard[0])
    is_plain = _row(home) == _plain_row(home)
    return is_plain and bool(homing[tonic] >= _AT_HOME or homing.max(initial=0.0) < _SOMETIMES)


def _said_alone(score: Score, start: float, end: float, homing: Floats) -> Floats | None:
    """(keys,) logarithms of what a stretch says for each; None where it tells no key."""
    since, until = score.notes["onset_beat"].searchsorted((start - 1e-2, end - 1e-2)).tolist()
    stretch = replace(score, notes=score.notes[since:until])
    if why_no_key(stretch):
        return None
    said: Floats = np.log(as_keys(chances_of_keys(stretch)[0]) + 1e-6) + _COMES_HOME * homing[_TONICS]
    return said


def _row(key: Key) -> int:
    """That of `key_of_row`; minor's forms are minor."""
    return KEYS.index(key[0]) * len(MODES) + MODES.index("minor" if key[1] in FORMS else key[1])


def _plain_row(key: Key) -> int:
    """Of major or minor with its tonic and third."""
    return _row((key[0], "major" if 4 in SCALES[key[1]] else "minor"))


def _classes(key: Key) -> frozenset[int]:
    tonic, mode = KEYS.index(key[0]), "minor" if key[1] in FORMS else key[1]
    return frozenset((tonic + step) % 12 for step in SCALES[mode])

"""Keys over time: where the music is in another key than its own.

Half bars are compared with the same pitch-class profiles as the whole piece, and by which pitch classes are there at
all; where the harmony changes with each beat, as in hymns, half a bar says more. To change key costs, the more the
further away, and Viterbi's path through 24 keys gives the regions; of them those that are brief must be worth more. The
piece's own key stands with its mode, and how likely a key is for the whole counts at both ends, where pieces are at
home. The key that holds longest is likelier that of the whole; where that is sure, others are told where there is more
of them than elsewhere, and where something leads away (`music.at_home`). Which stretches are in other modes than major,
minor and the whole's `music.modal_stretches` says. After Temperley (2007), "Music and Probability", and Napoles Lopez,
Arthur and Fujinaga (2019), "Key-finding based on a hidden Markov model and key profiles"; the distance counts steps to
a fifth, the relative and the parallel key, as Weber's chart of keys does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.labels import KEYS
from kelly_tui.music.at_home import at_home
from kelly_tui.music.detection import Detection
from kelly_tui.music.key import LONGEST_BEATS, MODES, Key, key_profile, weigh_keys
from kelly_tui.music.modal_stretches import Stretch, groups_of_bars, modal_stretches
from kelly_tui.music.runs import runs
from kelly_tui.music.theory import SCALES

if TYPE_CHECKING:
    from kelly_tui.music.notes import Score  # features of audio need no reader of MIDI

Floats = NDArray[np.float64]


class Region(NamedTuple):
    """A stretch of one key; seconds."""

    start: float
    end: float
    tonic: str
    mode: str
    confidence: float


NOTES, BASS, PRESENT = 3.0, 1.0, 0.1
"""What a quarter note of sound says for a key, and its lowest notes once more, of a correlation; and what says that a
pitch class is there, or is not, of a logarithm of chances."""
CHANGE, FURTHER = 2.5, 1.0
"""What a change to the next key costs, and each step further."""
BRIEF, DEARER = 16.0, 1.5
"""Seconds below which a key is brief, eight bars at 120 BPM; and how much dearer changes from and to such a key are."""
TRIAD, PER_CLASS = 3.0, 3.5
"""A half bar with more pitch classes than a triad's, in notes that last, holds more chords than one: how much more it
says for each further class. Either half of 19 chorales with annotated keys chooses 3.5 for itself. Their half bars hold
3.4 to 4.2, those of all songs, madrigals and folk tunes of the sets fewer than 3: nothing changes there."""
_LASTS = 0.7
"""Quarter notes: a note a beat long, played a little short."""
AT_HOME = 0.3
"""How much of the logarithm of a key's chance for the whole counts at both ends. Chosen on folk tunes, annotated
chorales and madrigals."""
FOR_HOME = 0.1
"""What each window says more for the key of the whole at first, doubled until the path comes by it: a piece is told by
its final, bass and cadences to be in a key, and then is in it somewhere."""
ALL_ALONG = 1.0
"""What a key says for the whole by holding all along, of a logarithm of chances, and by its share if it holds for a
part. Major and minor only: windows know no other mode. Of harmony either half of what is annotated chooses 1 to 2.5 for
itself, of lines 0 to 1.2, of clips 1."""
PHRASE = 16
"""Windows of eight bars: by so many together a key is ahead of home, or is not."""
STAYING = 0.3
"""What a window says more for the key of the whole while nothing leads away, by the fourth power of how sure that is:
of 0.9, less than half. Of loops made by rule one in 22 is then away from home for a part, by 0.2 one in 15, without it
one in 6; what is joined of phrases of songs is as right by 0.3 as by 0.2."""
_SURENESS = 0.2
"""By which the scores of a region are a logarithm of chances; those are drawn in by what is right on the music above:
0.51 is right for 0.57 of a region's time, 0.69 for 0.74, 0.82 for 0.80."""
_REST = 8.0
"""Seconds: what a stretch in another mode leaves of a region for less goes with it."""
_OVER_TIME = 0.4
"""How likely the key of the whole is where only those over time tell it."""
_RAREST = 0.004
"""Added to the profiles, so that a foreign note is not the end of a key."""
MOST_WINDOWS, LONGEST_WINDOW = 5_000, 8.0
"""Longer music has longer windows, which say no more than two bars do."""


_THERE = np.array(
    [  # Temperley (2007), of major and minor, from Kostka and Payne's examples
        (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    ]
)
"""The chance that a pitch class is there in a stretch of a key."""


def _logs(profile: Floats) -> Floats:
    """What each pitch class says for a key: the logarithm of its share, about zero, of length 1."""
    said = np.log(profile + _RAREST)
    said -= said.mean()
    unit: Floats = said / np.linalg.norm(said)
    return unit


SAID = np.array([np.roll(_logs(key_profile(mode)), tonic) for tonic in range(12) for mode in ("major", "minor")])
_CHANCES = np.array([np.roll(chances, tonic) for tonic in range(12) for chances in _THERE])
_IF_THERE, _IF_NOT = np.log(_CHANCES / (1 - _CHANCES)), np.log(1 - _CHANCES).sum(axis=1)


def _distances() -> Floats:
    """(24, 24) steps between major and minor of C, of C sharp and so on."""
    steps = np.full((24, 24), 99.0)
    np.fill_diagonal(steps, 0.0)
    for tonic in range(12):
        major, relative = 2 * tonic, 2 * ((tonic + 9) % 12) + 1
        for near in (2 * ((tonic + 7) % 12), major + 1, relative):
            steps[major, near] = steps[near, major] = 1.0
        fifth = 2 * ((tonic + 7) % 12) + 1
        steps[major + 1, fifth] = steps[fifth, major + 1] = 1.0
    for middle in range(24):
        steps = np.minimum(steps, steps[:, middle, None] + steps[middle])
    return steps


COSTS = np.where(np.eye(24) > 0, 0.0, CHANGE + FURTHER * (_distances() - 1))
"""Of a change from a key to another."""
_CHARGES = COSTS.tolist()
_DEAR = COSTS.T - 1e-9 * np.eye(24)
"""Of a key from each other, to and from: of ways as good the one that stays longer is the path."""


def state_of(key: Key) -> int:
    """Which of the 24 keys it is, or is nearest to."""
    tonic, mode = key
    return 2 * KEYS.index(tonic) + (4 not in SCALES[mode])


_STATES = np.array([2 * tonic + (4 not in SCALES[mode]) for tonic in range(12) for mode in MODES])
"""Which of the 24 keys each of the whole's tonics and modes is nearest to."""


def _key(state: int) -> Key:
    return KEYS[state // 2], "minor" if state % 2 else "major"


@cache
def said_at_home(key: Key) -> Floats:
    """`SAID`, with what pitch classes say for this key in its own mode."""
    said = SAID.copy()
    said[state_of(key)] = np.roll(_logs(key_profile(key[1])), KEYS.index(key[0]))
    return said


def detect_keys(score: Score) -> tuple[Detection[Key], list[Region]]:
    """The key of the whole, and the keys one after another: a single one where nothing leads away, none if unknown."""
    whole, chances = weigh_keys(score)
    key = whole.value
    if key is None:
        return whole, []
    notes = score.pitched
    each = np.bincount(_STATES, chances, 24).astype(np.float64, copy=False)
    origin, step, sounding, basses, richer = _windows(score)
    scores: Floats = (NOTES * _shares(sounding) + BASS * _shares(basses)) @ said_at_home(key).T
    scores += PRESENT * (np.minimum(sounding, 1.0) @ _IF_THERE.T + sounding.any(axis=1, keepdims=True) * _IF_NOT)
    scores *= min(step, LONGEST_WINDOW) * richer
    times = score.beat_to_time(origin + step * np.arange(len(scores), dtype=np.float64))
    times[0] = notes["onset"][0]

    def staying() -> Floats:
        starts = origin + step * np.arange(len(scores), dtype=np.float64)
        return STAYING / richer * at_home(sounding, starts, groups_of_bars(score), key)

    return _in_their_modes(score, *regions_of(whole, each, scores, times, score.duration, _SURENESS / richer, staying))


def _in_their_modes(score: Score, whole: Detection[Key], regions: list[Region]) -> tuple[Detection[Key], list[Region]]:
    """The same, where stretches are in other modes than major, minor and the whole's."""
    if whole.value is None:
        return whole, regions
    edges = score.time_to_beat(np.array([*(one.start for one in regions), regions[-1].end])).tolist()
    heard = [
        Stretch(start, end, (one.tonic, one.mode), one.confidence) for one, start, end in zip(regions, edges, edges[1:])
    ]
    found = modal_stretches(score, whole.value, heard)
    for one in found:
        start, end = score.beat_to_time(np.array((one.start, one.end))).round(4).tolist()
        bounds = max(start, regions[0].start), min(end, regions[-1].end)
        with_it = laid_over(regions, Region(*bounds, *one.key, one.confidence))
        if whole.value in [(other.tonic, other.mode) for other in with_it]:  # it is somewhere
            regions = with_it
    return whole, regions


def laid_over(regions: Sequence[Region], other: Region) -> list[Region]:
    """`regions`, which follow each other, with another in the place of what it covers; brief rests go with it."""
    kept = []
    for one in regions:
        for start, end in ((one.start, min(one.end, other.start)), (max(one.start, other.end), one.end)):
            if end - start >= min(_REST, one.end - one.start):
                kept.append(one._replace(start=start, end=end))
            elif end > start:
                other = other._replace(start=min(start, other.start), end=max(end, other.end))
    joined: list[Region] = []
    for one in sorted([*kept, other]):
        if joined and (joined[-1].tonic, joined[-1].mode) == (one.tonic, one.mode):
            joined[-1] = joined[-1]._replace(end=one.end)
        else:
            joined.append(one)
    return joined


def regions_of(
    whole: Detection[Key],
    chances: Floats,
    scores: Floats,
    times: Floats,
    end: float,
    sureness: float = _SURENESS,
    staying: Callable[[], Floats] | None = None,
) -> tuple[Detection[Key], list[Region]]:
    """The key of the whole, judged by more than its regions are, and the regions, of which one at least is in it.

    `chances`: (24,) of the keys for the whole; `scores`: (n, 24) of what each window says; `times`: (n,) where they
    start, seconds; `sureness`: by which scores are a logarithm of chances beside those of the whole; `staying`: (n,)
    what they say more for the key of the whole where that is sure.
    """
    key = whole.value
    if key is None:
        return whole, []
    home = state_of(key)
    ends = AT_HOME * np.log(chances + 1e-3)
    lasting = max(1, int(len(times) * BRIEF / max(end - float(times[0]), BRIEF)))
    by_share = ALL_ALONG / sureness if key[1] in ("major", "minor") else 0.0
    likely, edges = np.log(chances + 1e-3) / sureness, np.concatenate((times, [end]))
    found, path = _with_home(scores, ends, likely, by_share, home, lasting, edges)
    if found != home:
        why = f"the likeliest of the keys over time; taken as one it is {' '.join(key)}"
        home, key = found, _key(found)
        whole = Detection(key, _OVER_TIME, why)
    elif (path != home).any():
        sure = max(0.0, 2 * whole.confidence - 1)
        beside = _none_ahead_of(scores, home, sure)
        if staying is not None:
            beside[:, home] += sure**4 * staying()
        if staying is not None or (beside[0, path] < scores[0, path]).any():  # else the path stays
            path_beside = _lasting_keys(beside, ends, home, lasting, edges)
            if (path_beside == home).any():
                scores, path = beside, path_beside
    if (path == home).all():
        return whole, [Region(round(float(times[0]), 4), round(end, 4), *key, round(whole.confidence, 3))]
    starts, _ = runs(path)
    sums = np.add.reduceat(scores, starts, axis=0) * _SURENESS
    sure = np.exp(sums - sums.max(axis=1, keepdims=True))
    sure /= sure.sum(axis=1, keepdims=True)
    begins = [*times[starts].round(4).tolist(), round(end, 4)]
    regions = []
    for at, state in enumerate(path[starts].tolist()):
        tonic, mode = key if state == home else _key(state)
        regions.append(Region(begins[at], begins[at + 1], tonic, mode, round(0.3 + 0.55 * float(sure[at, state]), 3)))
    return whole, regions


def _with_home(
    scores: Floats, ends: Floats, likely: Floats, by_share: float, home: int, lasting: int, edges: Floats
) -> tuple[int, NDArray[np.int64]]:
    """The key of the whole, `home` or another, and the path, which is in it somewhere.

    Where the best path is nowhere at home, each window says more for home until one is; if that path is worth less
    by more than home is likelier for the whole than the likeliest key of the best path, that is home. `likely`: (24,)
    for the whole, in the unit of scores; `by_share`: what the share of the time that a key holds says, in the same.
    """
    best = path = _lasting_keys(scores, ends, home, lasting, edges)
    more = FOR_HOME
    while not (path == home).any():
        nearer = scores.copy()
        nearer[:, home] += more
        path = _lasting_keys(nearer, ends, home, lasting, edges)
        more *= 2
    if path is not best or (by_share and (best != home).any()):
        likely = likely + by_share * np.bincount(best, np.diff(edges), 24) / (edges[-1] - edges[0])
        other = max(set(best.tolist()), key=lambda key: float(likely[key]))
        if _worth_of(best, scores, ends) - _worth_of(path, scores, ends) > likely[home] - likely[other]:
            return other, best
    return home, path


def _none_ahead_of(scores: Floats, home: int, sure: float) -> Floats:
    """`scores` (n, 24), of which no key has more than home in most phrases, as far as home is `sure`.

    Pitch classes alone are nearer to the relative major of i VI III VII all along; that the whole is in minor was told
    by its bass, cadences and final too. So windows tell only where there is more of a key than elsewhere.
    """
    phrase = min(PHRASE, len(scores))
    sums = np.zeros((len(scores) + 1, scores.shape[1]))
    np.cumsum(scores - scores[:, home, None], axis=0, out=sums[1:])
    ahead = (sums[phrase:] - sums[:-phrase]).T.copy()
    ahead.sort()
    usual = (ahead[:, (ahead.shape[1] - 1) // 2] + ahead[:, ahead.shape[1] // 2]) / 2 / phrase  # the medians
    none_ahead: Floats = scores - sure * np.maximum(usual, 0.0)
    return none_ahead


def _lasting_keys(scores: Floats, ends: Floats, home: int, lasting: int, edges: Floats) -> NDArray[np.int64]:
    path = best_keys(scores, ends, home, lasting)
    return without_brief(path, scores, ends, edges) if (path != home).any() else path


def _worth_of(path: NDArray[np.int64], scores: Floats, ends: Floats) -> float:
    said = scores[np.arange(len(path)), path].sum() + ends[path[0]] + ends[path[-1]]
    return float(said - COSTS[path[:-1], path[1:]].sum())


def _windows(score: Score) -> tuple[float, float, Floats, Floats, float]:
    """The beat of the first, quarter notes of each, (n, 12) how many the pitch classes sound, and the lowest ones.

    Last how much more each says than one that holds a single chord, 1 or more. Half bars, or bars of three; two quarter
    notes where the meter is unknown. A note counts where it starts.
    """
    notes = score.pitched
    meter = score.main_meter
    bar, offset = (4.0 * meter.numerator / meter.denominator, meter.beat) if meter else (4.0, 0.0)
    onsets = notes["onset_beat"]
    step = max(bar / (bar // 2) if bar >= 2 else 2.0, float(onsets[-1] - onsets[0]) / MOST_WINDOWS)
    window = np.floor((onsets - offset) / step + 1e-6)
    first = window[0]
    place = (window - first).astype(np.int64) * 12
    size = int(place[-1]) + 12
    lengths = np.minimum(notes["duration_beat"], LONGEST_BEATS) + 1e-6
    strokes = score.strokes
    low = place[strokes] + score.lowest % 12
    edges = np.concatenate((onsets[strokes], [onsets[-1] + lengths[-1]]))
    apart = np.minimum(edges[1:] - edges[:-1], LONGEST_BEATS)
    place += score.classes
    return (
        float(offset + first * step),
        step,
        np.bincount(place, lengths, size).astype(np.float64, copy=False).reshape(-1, 12),
        np.bincount(low, apart, size).astype(np.float64, copy=False).reshape(-1, 12),
        _richness(place, lengths, size),
    )


def _richness(place: NDArray[np.int64], lengths: Floats, size: int) -> float:
    """1 where windows hold a triad or less in notes that last, more where they hold more, on average.

    `place`: 12 times each note's window and its pitch class, below `size`. Classes are counted as Simpson (1949) does.
    """
    lasting = lengths >= _LASTS
    if 12 * np.count_nonzero(lasting) <= TRIAD * size:
        return 1.0
    held = np.bincount(place[lasting], lengths[lasting], size).reshape(-1, 12)
    classes = held.sum(axis=1) ** 2 / np.maximum((held * held).sum(axis=1), 1e-9)
    return 1.0 + PER_CLASS * max(0.0, float(classes.mean()) - TRIAD)


def _shares(table: Floats) -> Floats:
    shares: Floats = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-9)
    return shares


def best_keys(scores: Floats, ends: Floats, home: int, lasting: int = 1) -> NDArray[np.int64]:
    """(n,): the key of each window, by Viterbi's path.

    `scores`: (n, 24) for each window and key; `ends`: (24,) more at the first and at the last; a key is brief
    for less than `lasting` windows. A key that is nowhere ahead of home by what a change costs is left out.
    """
    ahead = np.zeros((len(scores) + 1, 24))
    np.cumsum(scores - scores[:, home, None], axis=0, out=ahead[1:])
    least = np.minimum.accumulate(ahead)
    brief = (ahead - least).max(axis=0)
    long = (ahead[lasting:] - least[:-lasting]).max(axis=0) if len(scores) >= lasting else np.zeros(24)
    behind = ends - ends[home]
    at_an_end = np.maximum(ahead.max(axis=0), ahead[-1] - least[-1]) + behind
    path = np.full(len(scores), home)
    cost, dearer = COSTS[home], COSTS[home] + DEARER
    if ((brief > 2 * dearer) | (long > 2 * cost) | (at_an_end > cost)).any():  # never for home itself
        hopeful = (brief > dearer) | (long > cost)
        hopeful[home] = True
        keys = hopeful.nonzero()[0]
        path = keys[_path(scores[:, keys], _DEAR[keys[:, None], keys], ends[keys])]
        if (path == path[0]).all():
            path[:] = home  # the whole is judged by more than this
    return path


def without_brief(path: NDArray[np.int64], scores: Floats, ends: Floats, edges: Floats) -> NDArray[np.int64]:
    """The path without the brief keys that are not worth dearer changes; the least worth goes first.

    A key that lasts is told by little in each bar, one that does not by much: half a cadence is no modulation.
    `edges`: (n + 1,) seconds.
    """
    starts, _ = runs(path)
    keys, sums = path[starts].tolist(), np.add.reduceat(scores, starts, axis=0).tolist()
    first, bounds = starts.tolist(), [*edges[starts].tolist(), float(edges[-1])]
    at_end = ends.tolist()
    while len(keys) > 1:
        least, place, instead = 0.0, -1, -1
        for at, key in enumerate(keys):
            if bounds[at + 1] - bounds[at] < BRIEF:
                near = [keys[other] if 0 <= other < len(keys) else None for other in (at - 1, at + 1)]
                worth = _worth(key, near, sums[at], at_end)
                for other in near:
                    if other is not None and worth - (more := _worth(other, near, sums[at], at_end)) < least:
                        least, place, instead = worth - more, at, other
        if place < 0:
            break
        keys[place] = instead
        for at in (place + 1, place):  # it is one with neighbours of that key
            if 0 < at < len(keys) and keys[at] == keys[at - 1]:
                sums[at - 1] = [one + other for one, other in zip(sums[at - 1], sums[at])]
                del keys[at], sums[at], first[at], bounds[at]
    kept = path.copy()
    for start, key in zip(first, keys):
        kept[start:] = key
    return kept


def _worth(key: int, near: Sequence[int | None], sums: Sequence[float], at_end: Sequence[float]) -> float:
    """What a brief region says for a key, less what it costs to come from what is near and go to it."""
    worth = sums[key]
    for other in near:
        if other is None:
            worth += at_end[key]
        elif other != key:
            worth -= _CHARGES[other][key] + DEARER
    return worth


def _path(scores: Floats, dear: Floats, ends: Floats) -> list[int]:
    """Viterbi's path; `dear`: what it costs to come to a key from each."""
    count, keys = scores.shape
    places = np.arange(0, keys * keys, keys)
    came = np.empty((count, keys), np.int64)
    best = scores[0] + ends
    for row, origin in zip(scores[1:], came[1:]):
        worth = best - dear
        worth.argmax(1, origin)
        best = worth.take(origin + places)
        best += row
    path = [int((best + ends).argmax())]
    for into in came[:0:-1].tolist():
        path.append(into[path[-1]])
    return path[::-1]

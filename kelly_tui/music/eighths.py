"""Eighths: where strokes lie in the beat, and which of them divide it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.averages import Middle, median, spread
from kelly_tui.music.notes import Score
from kelly_tui.music.runs import begins_of, lengths_of, runs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_PAIRS = 4
"""Pairs of eighths that tell a swing ratio."""
_TOGETHER = 0.03
"""Seconds within which onsets are one stroke."""
NEAR_BEAT = 0.15
"""Beats from the beat within which a stroke is on it."""
_EARLY = 0.03
"""Seconds before the beat from which a soloist's stroke belongs to it (FlexQ's): he is late more often than early."""
_EARLY_BEATS = 0.08
"""Beats before it from which one does whose push was taken off."""
_LATEST = 0.78
"""Where the second of two eighths can lie at most."""
_LONE = (9 / 32, 3 / 4 - 1e-6)
"""Where a lone stroke costs least as the second eighth of its beat."""
_PARTS, _COSTS, _WHICH = np.array([[(2.0,), (3.0,), (4.0,)], [(0.0,), (1.5,), (2.0,)], [(0.0,), (1.0,), (2.0,)]])
"""In how many parts a beat may be, what these cost, and which of the three they are."""
_NEARER = 0.45
"""Of what lies between two parts, the share from which it is of the later one, less than half: players are late."""
EVEN_MS = 12.0
"""Strokes on the beat that vary less than this are pushed as one, and a drummer's are his beat."""
_SOLOIST_MS, _STEEP, _UNKNOWN = 18.0, 8.0, 10.0
"""Those that vary more may be a soloist's, whose lateness on the beat is no push of his eighths (Friberg and Sundström,
2002: late downbeats, eighths in time). His vary by 32 ms (Weimar Jazz Database), those of players at a click by 10
(Hellmer and Madison, 2015), by a good third more or less: at the first number both are as likely, and the odds are a
power of the ratio to it, the second number; half of it where as few strokes as the third tell the spread.
"""
_LATE_MS, _LATE_BY = 11.0, 18.0
"""How late he is then, and its standard deviation."""


class Division(NamedTuple):
    """How strokes divide the beat, or its half."""

    ratios: Floats
    """(n,) share of the beat that the first of two eighths takes."""
    pairs: int
    """Beats of which both eighths are struck."""
    on: int
    """Beats with a stroke on them, and those of triplets of quarters; what follows counts these."""
    divided: int
    """Beats with a stroke inside."""
    straight: int
    """Beats with a stroke on the half."""
    skipping: int
    """Beats with a stroke at about two thirds and none on the half."""
    triplets: int
    """Beats with strokes at a third and at two thirds; of triplets of quarters at either."""
    skipping_evenly: float
    """0..1: the share of beats that skip, in the half of the beats (every other) that skip less."""
    halved: int = 0
    """Of the ratios those that are the halves of beats of sixteenths: with three strokes or four."""
    rival: float = 0.5
    """What the ratio is if others of the beats tell it."""
    doubt: float = 0.0
    """0..1: that they do."""


class Strokes(NamedTuple):
    """The onsets in beats, without what each player is early or late altogether."""

    beats: Floats
    push: Floats
    """(notes,) what was taken off, in beats."""
    error: float
    """Its standard error, in beats."""
    of_note: Ints
    """The stroke of each note."""
    late: NDArray[np.bool_]
    """(notes,) whether it is a soloist's, who isn't pushed as one: of his nothing was taken off."""
    early: float
    """Beats before a beat from which a stroke belongs to it."""
    sure: float = 1.0
    """0..1: that the strokes taken for those on the beat are; of fast notes late ones may be early next ones."""
    rival: float = 0.0
    """What the push is if they aren't, in beats."""
    doubt: float = 0.0
    """0..1: that who was taken for a soloist isn't one, or who wasn't is."""
    otherwise: float = 0.0
    """By how much the eighths, in beats, are later then."""


class _Push(NamedTuple):
    """How late the strokes of a part are together, in beats; the rest as in `Strokes`."""

    at: float = 0.0
    error: float = 0.0
    soloist: float = 0.0
    """0..1: that lateness on the beat is no push of the eighths."""
    sure: float = 1.0
    rival: float = 0.0


def find_strokes(score: Score) -> Strokes:
    """What starts within 30 ms of a stroke belongs to it, at the mean, once the push of each player is taken off: who
    is late on a drummer's beat swings as he does.

    Beats are rounded to far less than a tick: on which side of an edge a stroke lies is not for its last bits to say.
    """
    times, beats = score.notes["onset"], score.notes["onset_beat"].round(9)
    push, late = np.zeros(len(beats)), np.zeros(len(beats), np.bool_)
    error, sure, rival, doubt, otherwise = 0.0, 1.0, 0.0, 0.0, 0.0
    for player, drummer, heard in _players(score):
        found = _push_of(score, _together(times[heard], beats[heard])[0], drummer)
        share = np.count_nonzero(player) / len(player)
        if found.soloist > 0.5:
            late[player] = True
            otherwise -= share * found.at
        else:
            push[player] = found.at
            otherwise += share * found.at
            error += share * found.error
        doubt = max(doubt, min(found.soloist, 1 - found.soloist))
        sure, rival = sure * found.sure, found.rival if found.sure < 1 else rival
    times, beats = times - push * 60 / score.tempo_bpm, beats - push
    order = times.argsort(kind="stable")
    of_note = np.empty(len(times), np.int64)
    strokes, of_note[order] = _together(times[order], beats[order])
    early = min(_EARLY * score.tempo_bpm / 60, NEAR_BEAT) if late.any() else _EARLY_BEATS
    return Strokes(strokes, push, error, of_note, late, early, sure, rival, doubt, otherwise)


def _players(score: Score) -> list[tuple[NDArray[np.bool_], bool, NDArray[np.bool_]]]:
    """Whose notes which are, whether it is the drummer, and the notes that tell his push: his own, or, of a track with
    few notes on the beat, those of all but the drummer.
    """
    track, drums, beats = score.notes["track"], score.notes["is_drum"], score.notes["onset_beat"]
    others = ~drums
    on_beat = others & (np.abs(beats - np.rint(beats)) < NEAR_BEAT)
    tracks = (np.bincount(track[on_beat]) >= _FEWEST_ON_BEAT).nonzero()[0].tolist()
    owners = [others & (track == each) for each in tracks] if len(tracks) > 1 else []
    rest = others & ~np.logical_or.reduce(owners) if owners else others
    players = [(drums, True, drums), *((own, False, own) for own in owners), (rest, False, others)]
    return [player for player in players if player[0].any()]


_FEWEST_ON_BEAT = 24
"""Notes on the beat that tell the push of a track by itself."""


def _together(times: Floats, beats: Floats) -> tuple[Floats, Ints]:
    """The strokes that notes at rising times make, in beats, and which of these each note belongs to."""
    starts = begins_of(times, _TOGETHER)
    counts = lengths_of(starts, len(times))
    of_note = np.arange(len(starts)).repeat(counts)
    return np.bincount(of_note, beats) / counts, of_note


def _push_of(score: Score, strokes: Floats, drummer: bool) -> _Push:
    """Of the strokes of one part. They are on the beat that lie about the place where most near it do."""
    tick, ms = 1 / score.ticks_per_beat, 60_000 / score.tempo_bpm
    phase, late_ms = _near(score, strokes, 0.0)
    if len(phase) == 0:
        return _Push()
    coarse = 1.5 * tick * ms  # the spread of values of which half are no more than one tick from their median
    dense, sure, rival = _densest(phase, ms)
    if np.count_nonzero(dense) > 0.4 * len(phase) and spread(late_ms[dense]) < max(EVEN_MS * 2 / 3, coarse):
        push, error = Middle.of(phase[dense], EVEN_MS / ms, 0.5 / ms, tick)
        return _Push(push, error, 0.0, sure, rival)
    if not drummer:
        phase, late_ms = _near(score, strokes, median(phase))
    varied = spread(late_ms)
    soloist = 0.0 if drummer or varied < max(EVEN_MS, coarse) else _soloist(varied, median(late_ms), len(late_ms))
    push, error = Middle.of(phase, EVEN_MS / ms, 0.5 / ms, tick)
    return _Push(push, error, soloist)


def _near(score: Score, strokes: Floats, push: float) -> tuple[Floats, Floats]:
    """Of the strokes that are on the beat if they are pushed so, how late they are, in beats and in ms."""
    whole = np.floor(strokes - push + NEAR_BEAT)
    on = (strokes - whole - push < NEAR_BEAT).nonzero()[0]
    late_ms: Floats = (score.beat_to_time(strokes[on]) - score.beat_to_time(whole[on])) * 1000
    return (strokes - whole)[on], late_ms


def _soloist(varied: float, late: float, strokes: int) -> float:
    """How probably a soloist plays, by how much his strokes on the beat vary and how late they are, in ms."""
    steep = _STEEP / (1 + _UNKNOWN / strokes)
    of_late = (late / _PUSH_MS) ** 2 / 2 - ((late - _LATE_MS) / _LATE_BY) ** 2 / 2 + math.log(_PUSH_MS / _LATE_BY)
    logit = steep * math.log(varied / _SOLOIST_MS) + of_late
    return 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))


_PLACES: Floats = np.linspace(-NEAR_BEAT, NEAR_BEAT, 61)
_PUSH_MS = 30.0
"""How far music is pushed, two times of three."""
_LIKELY: Floats = np.exp(-0.5 * (_PLACES / 0.1) ** 2)


def _densest(phases: Floats, ms: float) -> tuple[NDArray[np.bool_], float, float]:
    """Which of the phases lie about the place where most do, the nearer to the beat, of so many `ms`, the likelier; how
    likely those are on the beat, against others of them, by how many they are and how far pushed; and where these lie.
    """
    ordered = np.sort(phases)
    near = (ordered.searchsorted(_PLACES + 0.04) - ordered.searchsorted(_PLACES - 0.04)) * _LIKELY
    centre = _PLACES[near.argmax()]
    dense: NDArray[np.bool_] = np.abs(phases - centre) < 0.07
    place = _PLACES[np.where(np.abs(_PLACES - centre) < 0.12, 0.0, near).argmax()]
    others = phases[(np.abs(phases - place) < 0.07) & ~dense]
    if not len(others) or not dense.any():
        return dense, 1.0, 0.0
    own, rival = median(phases[dense]), median(others)
    ours = np.count_nonzero(dense) * math.exp(-0.5 * (own * ms / _PUSH_MS) ** 2)
    theirs = len(others) * math.exp(-0.5 * (rival * ms / _PUSH_MS) ** 2)
    return dense, float(ours / max(ours + theirs, 1e-9)), rival


def is_drummer(score: Score) -> bool:
    """Whether most of the notes are drums."""
    return len(score.pitched) * 2 < len(score.notes)


_HALF, _THIRD, _TWO_THIRDS, _INSIDE = (1 << bit for bit in range(4))
"""Where in a beat a stroke is; one can be in several of these places."""
_EDGES: Floats = np.array([0.18, 1 / 3 - 0.075, 1 / 3 + 0.075, 0.44, 0.56, _LATEST, 0.86])
_PLACES_OF = np.array([0, 0, _THIRD, 0, _HALF, _TWO_THIRDS, 0, 0]) + _INSIDE * np.array([0, 1, 1, 1, 1, 1, 1, 0])
"""Phases, and the places that a stroke is in before, between and after them."""
_DOUBLE_TIME, _SHARPLY = 3.0, 3.0
"""How many times as many beats of sixteenths as pairs of eighths tell as much, where a soloist plays: those who swing
play in double time, and blur, in up to twice as many. And how sharply which of them tells turns with their numbers."""
_ALL = np.arange(16)
_ALONE_AT = np.select([place == _ALL & (_HALF | _THIRD | _TWO_THIRDS) for place in (_THIRD, _TWO_THIRDS)], [1, 2])
"""(16,) 1 where of these places a beat is struck at a third alone, 2 where at two thirds."""
_SKIPS = _ALL & (_HALF | _TWO_THIRDS) == _TWO_THIRDS
_KINDS = np.array([_ALL >= 0, _ALL & _INSIDE > 0, _ALL & _HALF > 0, _SKIPS, _SKIPS & (_ALL & _THIRD > 0)]).T
"""(16, kinds) whether a beat whose strokes are in these places is a beat, divided, straight, skipping, of triplets."""


def divide(strokes: Floats, early: float, by_soloist: bool = False) -> Division:
    """How `strokes`, in beats, divide the beats that have one on them, or `early` before them.

    The ratios are those of pairs of eighths, or, where there are more beats of sixteenths, of both: a few dotted
    figures among these don't swing.
    """
    beat = np.floor(strokes + early)
    phase = strokes - beat
    starts, counts = runs(beat)
    places = _PLACES_OF[_EDGES.searchsorted(phase, "right")]
    of_beat = np.bitwise_or.reduceat(places, starts)
    in_triplets, share = _quarter_triplets(of_beat, beat[starts])
    if share > 0.5:
        rest = divide(strokes[~in_triplets.repeat(counts)], early, by_soloist)
        those = int(np.count_nonzero(in_triplets))
        return rest._replace(on=rest.on + those, divided=rest.divided + those, triplets=rest.triplets + those)
    of_beat += 16 * (beat[starts] % 2 == 0)
    every_other = np.bincount(of_beat[phase[starts] < NEAR_BEAT], minlength=32).reshape(2, 16) @ _KINDS
    on, divided, straight, skipping, triplets = every_other.sum(axis=0).tolist()
    if not on:
        return Division(np.empty(0), 0, 0, 0, 0, 0, 0, 0.0)
    ratios, pairs = second_eighths(phase, starts, counts)
    of_more, rival, doubt = 0, 0.5, share**_SHARPLY / (share**_SHARPLY + (1 - share) ** _SHARPLY)
    if len(ratios) < FEWEST_PAIRS:  # few beats of two strokes, but others that say where the half lies
        told, rival = (_HALF, 2 / 3) if straight >= skipping else (_TWO_THIRDS, 0.5)
        ratios = phase[(places & told > 0) & (of_beat & _HALF == told & _HALF).repeat(counts)]
        odds = (min(straight, skipping) / max(straight, skipping, 1)) ** _SHARPLY
        doubt = odds / (1 + odds)
    elif straight and (more := (counts == 3) | (counts == 4)).any():
        on_half = places & _HALF > 0
        halves = phase[on_half & (more & (np.add.reduceat(on_half, starts, dtype=np.int64) == 1)).repeat(counts)]
        odds = (len(halves) / len(ratios) / (_DOUBLE_TIME if by_soloist else 1.0)) ** _SHARPLY
        if odds > 1:
            of_more, rival, doubt = len(halves), median(ratios), 1 / (1 + odds)
            ratios = np.concatenate((ratios, halves))
        elif odds / (1 + odds) > doubt:
            rival, doubt = median(halves), odds / (1 + odds)
    evenly = min(skips / max(beats, 1) for beats, _, _, skips, _ in every_other.tolist())
    return Division(ratios, pairs, on, divided, straight, skipping, triplets, evenly, of_more, rival, doubt)


def _quarter_triplets(of_beat: Ints, beat: Floats) -> tuple[NDArray[np.bool_], float]:
    """Which beats are of triplets of quarters or halves, by the places that the strokes of each `beat` are in; and of
    those that skip, the share that is.

    Such triplets strike two thirds of one beat and a third of the next, or the other way round. Who swings strikes two
    thirds alone.
    """
    alone = _ALONE_AT[of_beat]
    both = np.zeros(len(beat), np.bool_)
    turned = (alone[1:] + alone[:-1] == 3) & (beat[1:] - beat[:-1] == 1)
    if not turned.any():
        return both, 0.0
    both[1:] = turned
    both[:-1] |= turned
    return both, float(np.count_nonzero(both & (alone == 2)) / np.count_nonzero(alone == 2))


def most_pairs(strokes: Strokes, parts: int) -> int:
    """How many pairs `divide` can find at most in the `parts` of beats: so many of them have two strokes."""
    _, counts = runs(np.floor(strokes.beats * parts + strokes.early * parts))
    return int(np.count_nonzero(counts == 2))


def second_eighths(phase: Floats, starts: Ints, counts: Ints) -> tuple[Floats, int]:
    """Where in their beats the second of two eighths come, and of how many the first is struck too.

    By the `phase` of strokes, the beats of which begin at `starts` and have `counts`. A beat is parted as the Weimar
    Jazz Database parts it (FlexQ; Frieler, "Computational melody analysis", in Pfleiderer et al., 2017): into the two,
    three or four parts that cost least. Parts that are not struck cost, the strokes' distance from them, its spread,
    and three a little. Second eighths are the second of two parts, and the third of three if only the first is struck
    too. A stroke on the last of four makes a dotted figure; where eighths swing by two thirds or more it is one.
    """
    alone = phase[starts[counts == 1]]
    alone = alone[(alone > _LONE[0]) & (alone < _LONE[1])]
    two = starts[counts == 2]
    first, second = phase[two], phase[two + 1]
    at = np.maximum(np.floor(_PARTS * first + _NEARER), 0.0)
    then = np.maximum(np.floor(_PARTS * second + _NEARER), at + 1)
    off, by = at / _PARTS - first, then / _PARTS - second
    cost = _COSTS + 8 * np.sqrt(off * off + by * by) + 10 * np.abs(off - by) / math.sqrt(2)
    cost[then >= _PARTS] = np.inf
    in_two, in_three, in_four = (at == 0) & (then == _PARTS - 1) & (cost.argmin(axis=0) == _WHICH)
    pairs, dotted = second[in_two | in_three], second[in_four]
    eighths = np.concatenate((alone, pairs))
    if len(dotted) > len(eighths) or (len(eighths) and median(eighths) > 2 / 3 + 1e-6):
        return np.concatenate((eighths, dotted)), len(pairs) + len(dotted)
    return eighths, len(pairs)

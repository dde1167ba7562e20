"""Chords at beat resolution: a conditional random field over what sounds in each half beat.

A window says how long each pitch class sounds in it, which is the bass, which notes are ornaments left by step, and
how many start with it. A linear model weighs that by the part that a pitch class has in a chord (root, third, fifth,
seventh, a semitone from one of them, none); a change of chord costs, and less so where a bar or many notes start;
Viterbi's path is the progression. After Raphael and Stoddard (2004), "Functional harmonic analysis using probabilistic
models", and Masada and Bunescu (2019), "Chord recognition in symbolic music: a segmental CRF model".
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui import text
from kelly_tui.music.chord_bars import cut_at_bars
from kelly_tui.music.chord_stretches import IS_TONE, Second, content, second_look
from kelly_tui.music.chord_stretches import NONE as NO_CHORD
from kelly_tui.music.chord_stretches import STATES as HEARD_STATES
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.runs import lengths_of, runs
from kelly_tui.music.theory import QUALITIES, chord_name

if TYPE_CHECKING:
    from kelly_tui.music.notes import Score  # features of audio need no reader of MIDI
from kelly_tui.music.tempo_map import held_meters

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

# Weights of maximum likelihood with a quadratic penalty, on 40 songs of POP909, 37 chorales by Bach and 20 madrigals by
# Monteverdi in two folds; out of fold 95 % of the songs' and of the chorales' time is named right.
_PRIORS = {
    "": 1.49,
    "m": 1.31,
    "7": -0.38,
    "m7": -0.83,
    "maj7": -0.96,
    "dim": 0.88,
    "m7b5": -0.99,
    "dim7": -1.54,
    "sus4": -0.40,
    "sus2": 0.26,
    "aug": -1.03,
}
_PARTS = np.array(
    [  # root, third, fifth, seventh, a semitone from a chord tone, farther
        [1.88, 1.28, 1.85, 2.02, -1.54, -1.18],  # share of the window that the pitch class sounds
        [1.05, 0.68, -0.29, 0.02, -0.04, 0.12],  # it is the bass
        [0.22, 0.39, -0.50, 0.79, 0.44, 0.40],  # share that it sounds as an ornament
    ]
)
_NO_CHORD, _NO_CHORD_FULL, _NO_CHORD_ONE, _NO_CHORD_TWO = 2.22, -0.60, 1.18, 1.13
"""For no chord: always, in a window that is full, that holds one pitch class, that holds two."""
_CHANGE = np.array([6.35, 5.30, 4.37, 3.63])
"""Cost of a change of chord between beats, on a beat, in the middle of a bar, at its start."""
_CHANGE_STRUCK = 0.65
"""By how much each pitch class that is struck then, up to four, lowers it."""
STATES = [(root, quality) for root in range(12) for quality in _PRIORS]
NONE = len(STATES)
"""The state after those of the chords: no chord."""
STRETCH_STATE = np.array([*map(HEARD_STATES.index, STATES), NO_CHORD])
"""Of each state and of no chord: what `chord_stretches` calls it."""

MOST_WINDOWS = 20_000
MOST_PAIRS = 4_000_000
"""In longer music, or with more notes at once, the windows grow; pairs are of a note and a window."""


def evidence(parts: Floats) -> Singles:
    """(kinds * 12, states): what each kind of evidence for each pitch class says for each chord.

    `parts`: (kinds, 6) weights for a root, third, fifth, seventh, a semitone from a chord tone, and farther.
    """
    table = np.empty((len(parts), 12, len(STATES)))
    for state, (root, quality) in enumerate(STATES):
        steps = QUALITIES[quality]
        for step in range(12):
            near = any((step - tone) % 12 in (1, 11) for tone in steps)
            part = steps.index(step) if step in steps else 4 if near else 5
            table[:, (root + step) % 12, state] = parts[:, part]
    return table.reshape(-1, len(STATES)).astype(np.float32)


_WEIGHTS = np.zeros((40, NONE + 1), np.float32)
"""What each number that is heard in a window, of `_scores`, says for each chord and for none."""
_WEIGHTS[:36, :NONE] = evidence(_PARTS)
_WEIGHTS[36, :NONE] = [_PRIORS[quality] for _, quality in STATES]
_WEIGHTS[36:, NONE] = _NO_CHORD, _NO_CHORD_FULL, _NO_CHORD_ONE, _NO_CHORD_TWO


class Windows(NamedTuple):
    """What sounds in each half or third of a beat."""

    beats: Floats
    """(n,) where each starts, quarter notes."""
    sounding: Floats
    """(n, 12) share of the window that each pitch class sounds, at most 1."""
    bass: Ints
    """(n,) pitch class of the lowest note; -1 in silence."""
    ornaments: Floats
    """(n, 12) share that it sounds as a short note off the beat that is left by step."""
    struck: Floats
    """(n,) pitch classes that start with the window."""
    strong: Ints
    """(n,) 3 at the start of a bar, 2 in the middle of an even one, 1 on another beat, 0 between beats."""
    full: Floats
    """(n,) quarter notes that all notes sound in it, at most 1."""
    lowest: Ints
    """(n,) pitch of the lowest note; -1 in silence."""


_EACH_CLASS = np.ones(12)
"""A product with it is the sum over the pitch classes, in a third of the time."""


def beat_windows(score: Score) -> Windows:
    """The pitched notes of `score` cut into half beats of its meter, or thirds where that has three."""
    notes = score.pitched
    beat, parts, bar, offset = _grid(score)
    onsets, lengths = notes["onset_beat"], notes["duration_beat"]
    ends = onsets + lengths
    step = max(beat / parts, float(ends.max()) / MOST_WINDOWS, float(lengths.sum()) / MOST_PAIRS)
    origin = offset - parts * step * math.ceil(offset / (parts * step))
    starts, ends = (onsets - origin) / step, (ends - origin) / step
    pitches = score.pitches
    first = (starts + 1e-6).astype(np.int64)
    spanned = np.maximum(np.ceil(ends - 1e-6).astype(np.int64) - first, 1)
    note = np.arange(len(notes)).repeat(spanned)
    window = (first + spanned - spanned.cumsum())[note] + np.arange(len(note))
    overlap = np.minimum(ends[note], window + 1) - np.maximum(starts[note], window)
    overlap = np.minimum(np.maximum(overlap, 1 / 16), 1.0)
    count = int(window.max()) + 1
    classes = score.classes
    place = window * 12 + classes[note]
    sounding = np.bincount(place, overlap, 12 * count).reshape(count, 12)
    left = _left_by_step(starts, ends, pitches, parts)[note]
    ornaments = np.bincount(place[left], overlap[left], 12 * count).reshape(count, 12)
    low = np.full(count, 255)
    held = overlap > 0.25  # a bass that has just been left is not the bass
    np.minimum.at(low, window, np.where(held, pitches[note], 255))
    with_window = starts - first < 0.3
    struck = np.zeros((count, 12), np.bool_)
    struck[np.minimum(first[with_window], count - 1), classes[with_window]] = True
    beats: Floats = origin + step * np.arange(count, dtype=np.float64)
    even = round(bar / beat) % 2 == 0
    divisions = (beat, bar / 2, bar) if even else (beat, bar, bar)
    phases = (beats - offset) / np.array(divisions)[:, None]
    strong = (np.abs(phases - np.rint(phases)) < 1e-6).sum(axis=0)
    full = np.minimum(sounding @ _EACH_CLASS * step, 1.0)
    return Windows(
        beats,
        np.minimum(sounding, 1.0),
        np.where(low == 255, -1, low % 12),
        np.minimum(ornaments, 1.0),
        struck @ _EACH_CLASS,
        strong,
        full,
        np.where(low == 255, -1, low),
    )


def _left_by_step(starts: Floats, ends: Floats, pitches: Ints, parts: int) -> NDArray[np.bool_]:
    """Notes of at most a window that start off the beat, and whose end another a step away takes over."""
    beats = starts / parts
    short = (ends - starts <= 1.1) & (np.abs(beats - np.rint(beats)) > 0.1)
    first, last = np.rint(2 * starts).astype(np.int64), np.rint(2 * ends).astype(np.int64)
    begins = np.zeros(132 * (int(last.max()) + 1), np.bool_)
    begins[132 * first + pitches + 2] = True
    passing = short.nonzero()[0]
    below = 132 * last[passing] + pitches[passing]  # by a whole tone; the note itself is two on
    short[passing] = begins[below] | begins[below + 1] | begins[below + 3] | begins[below + 4]
    return short


def _grid(score: Score) -> tuple[float, int, float, float]:
    """Quarter notes of a beat, its parts, quarter notes of a bar, and where one starts, by the longest-held meter."""
    if not score.meters:
        return 1.0, 2, 4.0, 0.0
    meters = held_meters(score.meters)
    starts = [meter.beat for meter in meters]
    ends = [*starts[1:], max(float(score.notes["onset_beat"][-1]), starts[-1])]
    meter = max(zip(meters, starts, ends), key=lambda held: held[2] - held[1])[0]
    unit = 4.0 / meter.denominator
    compound = meter.denominator >= 8 and meter.numerator % 3 == 0 and meter.numerator > 3
    beat = 3 * unit if compound else min(unit, 1.0)
    return beat, 3 if compound else 2, meter.numerator * unit, meter.beat


def detect_chords(score: Score) -> Detection[list[tuple[float, str]]]:
    """(time in seconds, name) of each chord; ``N`` where nothing sounds for longer than a beat, or no chord."""
    notes = score.pitched
    if len(notes) < 3:
        return unknown("no pitched notes" if len(notes) == 0 else f"{len(notes)} notes make no progression")
    windows = beat_windows(score)
    scores = _scores(windows)
    costs = _CHANGE[windows.strong] - _CHANGE_STRUCK * np.minimum(windows.struck, 4.0)
    path = best_path(scores, costs.astype(np.float32))
    starts, states = cut_at_bars(
        *first_look(windows, path), windows.strong == 3, windows.sounding, windows.ornaments, windows.lowest
    )
    lengths = lengths_of(starts, len(path))
    held = content(windows.sounding, windows.ornaments, windows.lowest, lengths)
    second = second_look(states, held)
    chords = named(starts, second.states, second.bass)
    if all(name == "N" for _, name in chords):
        return unknown("no chord lasts")
    times = score.beat_to_time(windows.beats[[window for window, _ in chords]]).clip(0.0)
    progression = [(time, name) for time, (_, name) in zip(times.round(4).tolist(), chords)]
    explained = float(held.total[IS_TONE[second.states]].sum() / max(held.total.sum(), 1e-9))
    sample = 1 + len(path) // 128
    share = f"chord tones are {explained:.0%} of what sounds, octaves as one"
    why = f"{text.count(len(progression), 'chord')}, {share}"
    return Detection(progression, _confidence(lead(scores[::sample], path[::sample]), second, held.lengths), why)


_SURE, _SURE_AHEAD, _SURE_DOUBTED, _SURE_AGAIN = -0.22, 1.45, -5.92, 8.78
"""The logit of the share of the time that is right: always, by how far its chords are ahead, by the share of the time
that the second look doubted, and by how sure that was then.

Maximum likelihood on the songs and chorales above and on them reduced to the melody, with half their notes left out,
with a quarter and more than half of them moved by a step: what says 0.18 is right for 0.19 of the time, 0.40 for 0.36,
0.59 for 0.60, 0.79 for 0.73, 0.90 for 0.95."""


def _confidence(ahead: float, second: Second, lengths: Ints) -> float:
    """The share of the time that is right."""
    doubted = second.doubted * lengths / lengths.sum()
    logit = _SURE + _SURE_AHEAD * ahead + float((doubted * (_SURE_DOUBTED + _SURE_AGAIN * second.sure)).sum())
    return min(0.97, max(0.05, 1 / (1 + math.exp(-logit))))


def lead(scores: Singles, path: Ints) -> float:
    """How far the chords of a path are ahead of those on other roots in its windows, each from -4 to 4, on average."""
    count, root = np.arange(len(path)), np.minimum(path, NONE - 1) // len(_PRIORS)
    others = scores[:, :NONE].reshape(len(path), 12, -1).transpose(2, 0, 1).copy().max(axis=0)  # as max(axis=2), faster
    others[count, root] = scores[:, NONE]
    ahead = scores[count, path] - others.max(axis=1)
    return float(np.minimum(np.maximum(ahead, -4.0), 4.0).sum()) / len(path)


def _scores(windows: Windows) -> Singles:
    """(n, states and no chord): how well each chord fits each window."""
    scores: Singles = heard_in(windows) @ _WEIGHTS
    return scores


def heard_in(windows: Windows) -> Singles:
    """(n, 40): what each window says, as `_WEIGHTS` weighs it."""
    heard = np.zeros((len(windows.full), len(_WEIGHTS)), np.float32)
    held = (windows.bass >= 0).nonzero()[0]
    heard[:, :12] = windows.sounding
    heard[held, 12 + windows.bass[held]] = windows.full[held]
    heard[:, 24:36] = windows.ornaments
    classes = (heard[:, :12] > 0.1) @ _EACH_CLASS
    if np.count_nonzero(classes <= 1) >= _ALONE * len(classes) and _leaps(windows.lowest):
        heard[:, :12], heard[:, 24:36] = _ringing(heard[:, :12]), 0.0
        classes = (heard[:, :12] > 0.1) @ _EACH_CLASS
    heard[:, 36] = 1.0
    heard[:, 37] = windows.full
    heard[:, 38] = classes == 1
    heard[:, 39] = classes == 2
    return heard


_ALONE, _LEAP = 0.8, 3
"""Share of windows with one pitch class or none, and the semitones of most moves, from which notes that come one by one
are broken chords. Of a tune that goes by step no chords are told."""
_RINGS = 3
"""Windows in which such a note still counts, and already does: a chord is broken over a bar of eighths or less."""


def _leaps(pitches: Ints) -> bool:
    """Whether notes that follow one another, -1 in silence, mostly leap."""
    moves = np.abs(np.diff(pitches[pitches >= 0]))
    return bool(2 * np.count_nonzero(moves >= _LEAP) > np.count_nonzero(moves))


def _ringing(sounding: Singles) -> Singles:
    """(n, 12): the notes of broken chords, as if each were held while its neighbours sound."""
    rings = sounding.copy()
    for away in range(1, _RINGS + 1):
        np.maximum(rings[away:], sounding[:-away], out=rings[away:])
        np.maximum(rings[:-away], sounding[away:], out=rings[:-away])
    return rings


_BLOCK, _RUN_IN = 24, 12
"""Windows that are decoded side by side, and before and after them until the paths agree."""


def best_path(scores: Singles, costs: Singles) -> Ints:
    """(n,): Viterbi's path where every change costs the same, in blocks side by side.

    What came a few changes ago no longer decides between chords, so a block that begins `_RUN_IN` windows early and
    ends as much late has the path of the whole. A chord that is best in no window, nor in any two, four or eight
    together, is left out: such chords are in no path of 120 tunes, songs and chorales.
    """
    hopeful = _hopeful(scores)
    count, states = len(scores), len(hopeful)
    blocks = max(1, count // _BLOCK)
    length = -(-count // blocks)
    steps = length + 2 * _RUN_IN
    # Before the start and after the end nothing speaks for a chord, or against a change.
    wide = np.zeros((blocks * length + 2 * _RUN_IN, states), np.float32)
    wide[_RUN_IN : _RUN_IN + count] = scores.take(hopeful, axis=1)
    charges = np.zeros(len(wide), np.float32)
    charges[_RUN_IN + 1 : _RUN_IN + count] = costs[1:]
    window = np.arange(steps)[:, None] + length * np.arange(blocks)
    best, dear = wide.take(window, axis=0), charges.take(window)  # the score of the best path to each state
    reached = np.empty((blocks, states), np.float32)
    leader = np.empty((steps, blocks), np.int64)
    worth = np.empty((steps, blocks), np.float32)  # of the best path, less the cost of leaving it
    rows, block = list(best), np.arange(0, blocks * states, states)
    for row, later, first, least, all_least, charge in zip(rows, rows[1:], leader, worth, worth[:, :, None], dear[1:]):
        row.argmax(1, first)
        np.add(first, block, first)
        np.subtract(row.take(first), charge, least)
        np.maximum(row, all_least, out=reached)
        np.add(later, reached, later)
    path = np.empty((steps, blocks), np.int64)
    path[-1] = state = rows[-1].argmax(axis=1) + block
    for step in range(steps - 2, _RUN_IN - 1, -1):
        path[step] = state = np.where(rows[step].take(state) < worth[step], leader[step], state)
    found: Ints = hopeful[(path[_RUN_IN : _RUN_IN + length] - block).T.reshape(-1)[:count]]
    return found


def _hopeful(scores: Singles) -> Ints:
    """The chords that are best in a window, or in 2, 4 or 8 together: of a line none sounds as a whole in one."""
    together, best = scores, [scores.argmax(axis=1)]
    for _ in range(3):
        even = len(together) // 2 * 2
        together = together[:even:2] + together[1::2]
        best.append(together.argmax(axis=1))
    hopeful: Ints = np.bincount(np.concatenate(best)).nonzero()[0]
    return hopeful


_SILENCE = 4
"""Windows without a note after which there is no chord any more."""
_LONE = 4
"""Windows in which one pitch class alone, a bass before its chord, may be part of the chord beside it."""


def first_look(windows: Windows, path: Ints) -> tuple[Ints, Ints]:
    """The first window and the state, of `chord_stretches.STATES`, of each stretch of one chord."""
    silent = windows.full <= 0
    _, lengths = runs(silent)
    silent &= (lengths >= _SILENCE).repeat(lengths)
    states = np.where(silent, NO_CHORD, STRETCH_STATE[path])
    starts, lengths = runs(states)
    sounds = np.add.reduceat(windows.sounding, starts) > 0
    states = np.where(sounds.sum(axis=1) < 2, NO_CHORD, states[starts])  # one pitch class is no chord
    strong = windows.strong[starts]
    for lone in ((states == NO_CHORD) & (lengths <= _LONE) & sounds.any(axis=1)).nonzero()[0].tolist():
        after, before = states[lone + 1 : lone + 2], states[max(lone - 1, 0) : lone]
        if len(after) and strong[lone] > strong[lone + 1]:  # the bass, then its chord
            states[lone] = after[0]
        elif len(before) and not (sounds[lone] & ~IS_TONE[before[0]]).any():
            states[lone] = before[0]
    changes = np.concatenate(([True], states[1:] != states[:-1]))
    return starts[changes], states[changes]


def named(starts: Ints, states: Ints, bass: Ints) -> list[tuple[int, str]]:
    """First window and name of each stretch; `bass` is its pitch class, -1 where there is none."""
    names = list(map(_name, states.tolist(), bass.tolist()))
    return [(start, name) for start, name, before in zip(starts.tolist(), names, ["", *names]) if name != before]


@lru_cache(maxsize=4096)
def _name(state: int, bass: int) -> str:
    """The chord's name, with its bass where that is one of its tones."""
    if state == NO_CHORD:
        return "N"
    return chord_name(*HEARD_STATES[state], bass if bass >= 0 and IS_TONE[state, bass] else None)

"""Where a click falls that says what tempo and meter are labelled: on the music's beats, if these are what is labelled.

A wrong label then sounds wrong: a click of another tempo runs away from the music, one of another meter puts its accent
where no bar begins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.notes import Meter, is_meter

Floats = NDArray[np.float64]
Clicks = tuple[tuple[float, bool], ...]
"""Seconds, rising, and whether it is an accent."""

SAME = 0.04
"""Share by which a tempo may differ from that of the beats and still be theirs."""
ON_THE_BAR = 0.05
"""Seconds between a beat and a bar line that are one."""
MOST = 100_000
"""A tempo of a billion can't ask for more clicks than anyone could hear."""


def clicks(
    duration: float,
    beats: Sequence[float] = (),
    bars: Sequence[float] = (),
    bpm: float | None = None,
    meter: str | None = None,
) -> Clicks:
    """Clicks at the labelled tempo and meter over `duration` seconds.

    `beats`, `bars`: the music's own, in seconds; empty where they are not known. At their tempo, or twice or half of
    it, the click lies on them, whatever they do; at another it is even, from the first bar, or beat, on. Without a
    label (`bpm`, `meter` None) the beats and bars are the music's. Accents are every `meter` clicks ("6/8": two a bar,
    dotted quarters, which are its tempo's; "7/8": seven, eighths, two to a quarter of its tempo), from a bar on; none
    without meter and bars. Empty where neither beats nor tempo are known.
    """
    at = np.asarray(beats, np.float64)
    start = bars[0] if len(bars) else at[0] if len(at) else 0.0
    times = at if bpm is None else _at_tempo(at, bpm * clicks_in_beat(meter), start, duration)
    times = times[(times >= 0) & (times < duration)][:MOST]
    accents = np.zeros(len(times), bool)
    if len(times) and (in_a_bar := beats_in_bar(meter)):
        start = int(np.abs(times - (bars[0] if len(bars) else times[0])).argmin())
        accents = (np.arange(len(times)) - start) % in_a_bar == 0
    elif len(times) and len(bars):
        lines = np.asarray(bars, np.float64)
        accents = np.abs(times - lines[_nearest(lines, times)]) < ON_THE_BAR
    return tuple(zip(times.tolist(), accents.tolist(), strict=True))


def beats_in_bar(meter: str | None) -> int:
    """What one taps in a bar: 4 in 4/4, 2 in 6/8; 0 where no meter is known."""
    number, note = _parts(meter)
    return number // 3 if _is_compound(number, note) else number


def clicks_in_beat(meter: str | None) -> float:
    """What one taps in a beat of the tempo: of quarters two in 7/8, one of two in 2/2; 1 of dotted ones in 6/8."""
    number, note = _parts(meter)
    return 1.0 if number == 0 or _is_compound(number, note) else note / 4


def _parts(meter: str | None) -> tuple[int, int]:
    """The two numbers of a meter; zeros where it is none."""
    above, slash, below = (meter or "").partition("/")
    if not slash or not above.isdecimal() or not below.isdecimal():
        return 0, 0
    number, note = int(above), int(below)
    return (number, note) if is_meter(number, note) else (0, 0)


def _is_compound(number: int, note: int) -> bool:
    return Meter(0.0, 0.0, number, note).is_compound


def _at_tempo(beats: Floats, bpm: float, start: float, duration: float) -> Floats:
    """Times at `bpm`: the beats, each second one, with halves between, or even ones from `start` on."""
    period = 60 / bpm
    if len(beats) > 1:
        own = float(np.median(np.diff(beats)))
        if abs(own / period - 1) <= SAME:
            return beats
        if abs(own / period - 2) <= 2 * SAME:
            places = np.arange(0, len(beats) - 0.5, 0.5)
            return np.asarray(np.interp(places, np.arange(len(beats)), beats))
        if abs(own / period - 0.5) <= SAME / 2:
            first = int(np.abs(beats - start).argmin()) % 2
            return beats[first::2]
    before, after = np.ceil(-start / period), np.floor((duration - start) / period)
    count = int(min(after - before + 1, MOST))
    return np.asarray(start + period * (before + np.arange(max(count, 0))))


def _nearest(values: Floats, at: Floats) -> NDArray[np.int64]:
    """Index of the value, of rising ones, that is nearest to each of `at`."""
    right = np.clip(np.searchsorted(values, at), 0, len(values) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(np.abs(values[left] - at) <= np.abs(values[right] - at), left, right)

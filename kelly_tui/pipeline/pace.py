"""How long work takes, learnt while it is done: so that chunks are even and the time left can be said.

A recording takes a thousand times as long as a score that is a tenth of its size, so each kind of file is reckoned
for itself.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping

from kelly_tui.model.sample import file_type_of
from kelly_tui.pipeline.stage import Item

_USUAL_RATE, _CHANNELS = 44_100, 2
_USUAL_VALUES = 10 * 60 * _USUAL_RATE * _CHANNELS
"""Of sound, frames times channels, that the usual time limit is meant for: ten minutes."""

_RECENT = 64
"""Answers over which the rate is reckoned."""

_LATEST = 0.2
"""How much of a kind's mean the latest item is."""


def kind_of(item: Item) -> str:
    """What is reckoned together: ``midi``, ``audio``, or what is neither."""
    return file_type_of(item.name) or ""


def patience(seconds: float | None, most: int, rate: int = _USUAL_RATE) -> float:
    """How many times the usual limit an item may take that makes so much sound.

    `most`: the setting ``sound_values``. Sound of more is refused, so a header or a row that claims it gets no time.
    """
    return max(1.0, min((seconds or 0.0) * rate * _CHANNELS, most) / _USUAL_VALUES)


_SHARE, _MANY, _TIMES = 0.05, 50, 4.0
"""The time left is told by bytes once such a share of each kind is done; before, after so many items, where it is not
so many times what their mean says. A few small files tell nothing of large ones, nor any of a hole of terabytes."""


class Pace:
    """What was done, in what time, and what is left."""

    def __init__(self, bytes_by_kind: Mapping[str, int], items: int, workers: int) -> None:
        self._left = Counter(bytes_by_kind)
        self._total = items
        self._workers = workers
        self._item_seconds: dict[str, float] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._bytes: Counter[str] = Counter()
        self._items = self._good = 0
        self._moments: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=_RECENT)

    def note(self, item: Item, seconds: float, *, failed: bool = False) -> None:
        """An item took a worker so long. One that `failed` tells nothing of its size: it may never have been read."""
        kind = kind_of(item)
        mean = self._item_seconds.get(kind, seconds)
        self._item_seconds[kind] = mean + _LATEST * (seconds - mean)
        if not failed:
            self._seconds[kind] += seconds
            self._bytes[kind] += item.size
            self._good += 1
        self._left[kind] -= item.size
        self._items += 1
        self._moments.append((time.monotonic(), self._items))

    def guess(self, item: Item, unknown: float) -> float:
        """Seconds that an item will take; `unknown` before the first of its kind."""
        return self._item_seconds.get(kind_of(item), unknown)

    @property
    def rate(self) -> float:
        """Items a second, lately."""
        then, items = self._moments[0]
        return (self._items - items) / max(time.monotonic() - then, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        """By the bytes left of each kind; None as long as it can't be told."""
        left = {kind: size for kind, size in self._left.items() if size > 0}
        if any(not self._bytes[kind] for kind in left) or not self._items:
            return None
        seconds = sum(size * self._seconds[kind] / self._bytes[kind] for kind, size in left.items())
        if any(self._bytes[kind] < _SHARE * (self._bytes[kind] + size) for kind, size in left.items()):
            by_mean = (self._total - self._items) * sum(self._seconds.values()) / self._good
            if self._good < _MANY or seconds > _TIMES * by_mean:
                return None
        return seconds / self._workers

"""How much one person has labelled: today, by the hour, and on how many days of the last week."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

BREAK = timedelta(minutes=5)
"""Who does nothing for longer is not at work."""

ENOUGH = timedelta(minutes=2)
"""Of work, before a rate is told."""

WEEK = 7
"""Days."""


class Progress(msgspec.Struct, frozen=True):
    """What one person has done."""

    today: int
    """Samples that this person has given the main label since midnight here."""
    per_hour: float | None
    """Decisions in an hour of work today, without the breaks; one on many samples is one. None after too little."""

    def hours_left(self, lacking: int) -> float | None:
        """Hours of work until that many more are labelled."""
        return lacking / self.per_hour if self.per_hour else None


def progress(catalogue: Catalogue, by: str, now: datetime) -> Progress:
    """Of `by`, at the moment `now`. A few milliseconds for a day of labels."""
    midnight = datetime.combine(now.astimezone().date(), datetime.min.time()).astimezone(UTC)
    labelled = (
        "SELECT count(DISTINCT sample_id) FROM events WHERE step = ? AND field = ? AND new IS NOT NULL"
        " AND json_extract(new, '$.source') IS NULL"
    )
    times: list[datetime] = []
    today = 0
    for step, at in catalogue.db.execute(_STEPS, (by,)):
        when = datetime.fromisoformat(at)
        if when < midnight:
            break
        (samples,) = catalogue.db.execute(labelled, (step, catalogue.config.model.main_label)).fetchone()
        if samples:
            today += samples
            times.append(when)
    gaps = [later - earlier for later, earlier in pairwise(times) if later - earlier <= BREAK]
    worked = sum(gaps, timedelta())
    return Progress(today, len(gaps) / (worked / timedelta(hours=1)) if worked >= ENOUGH else None)


def days_worked(catalogue: Catalogue, by: str, now: datetime) -> int:
    """On how many of the last seven days `by` has edited something: a day off costs nothing but itself."""
    last = now.astimezone().date()
    days: set[date] = set()
    for _, at in catalogue.db.execute(_STEPS, (by,)):
        day = datetime.fromisoformat(at).astimezone().date()
        if (last - day).days >= WEEK:
            break
        days.add(day)
    return len(days)


_STEPS = "SELECT step, at FROM steps WHERE actor = ? AND kind = 'edit' AND state = 'done' ORDER BY step DESC"

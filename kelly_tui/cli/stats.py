"""``kelly stats``: how much there is, what the targets will take, and how far one has come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kelly_tui.text import hours_in_words

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line
    from kelly_tui.store.progress import Progress


def progress_in_words(done: Progress, days: int, lacking: int) -> str:
    """``312 labelled today, 187 an hour, 4 h 10 min to the target, on 5 of the last 7 days``."""
    parts = [f"{done.today:,} labelled today"]
    if done.per_hour is not None:
        parts.append(f"{done.per_hour:.0f} an hour")
    if (hours := done.hours_left(lacking)) is not None and lacking:
        parts.append(f"{hours_in_words(hours)} to the target")
    return ", ".join([*parts, f"on {days} of the last 7 days"])


def stats(line: Line) -> int:
    import msgspec

    from kelly_tui.pipeline.standing import stage_standings
    from kelly_tui.store.progress import days_worked, progress
    from kelly_tui.store.waiting import waiting
    from kelly_tui.validate.agreement import agreement as agreed
    from kelly_tui.validate.stats import measured

    root, me = line.root, line.settings.annotator
    is_past = line.arguments.as_of is not None
    with line.looking() as catalogue:
        figures, done = measured(catalogue), None if is_past else progress(catalogue, me, datetime.now(UTC))
        days = days_worked(catalogue, me, datetime.now(UTC))
        own = agreed(catalogue).own
        hint = "" if is_past else waiting(catalogue)
    stages = {} if is_past else stage_standings(root)  # of now
    lines = figures.lines()
    if done is not None and (done.today or days):
        lines += ["", f"{me}: {progress_in_words(done, days, figures.scores.lacks)}"]
    for who, fields in own.items():
        lines += ["", f"{who}, asked again:", *(f"  {one.words()}" for one in fields)]
    for said in [
        *lines,
        *(["", "Stages:"] if stages else []),
        *(f"  {one.line(name)}" for name, one in stages.items()),
    ]:
        line.voice.say(said)
    if hint:
        line.voice.notice(hint)
    line.voice.give({
        **figures.to_dict(), "progress": done and {**msgspec.to_builtins(done), "days_of_week": days},
        "own_agreement": msgspec.to_builtins(own), "stages": {name: one.to_dict() for name, one in stages.items()},
    })  # fmt: skip
    return 0

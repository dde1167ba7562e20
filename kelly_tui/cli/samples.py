"""The commands that look at samples and label them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kelly_tui.errors import LabelError

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.query import Row

PAGE = 500
"""Rows that are read at once."""


class _TakenBack(Exception):
    """Ends the transaction of a dry run."""


@contextmanager
def _edited(line: Line) -> Iterator[Catalogue]:
    """The open catalogue; outside edits are taken in before, and views written after.

    A dry run makes the edit as well, so that it says what would come of it, in a transaction that is rolled back.
    """
    from kelly_tui.pipeline.dataset import opened
    from kelly_tui.pipeline.stage import Run

    with opened(line.root, Run(dry_run=line.dry_run, notice=line.voice.notice)) as catalogue:
        if not line.dry_run:
            yield catalogue
            return
        with suppress(_TakenBack), catalogue.writing():
            yield catalogue
            raise _TakenBack


def _dry(line: Line) -> str:
    return "dry run: " if line.dry_run else ""


def label(line: Line) -> int:
    from kelly_tui.model.annotation import Label
    from kelly_tui.model.edit import Edit
    from kelly_tui.store.history import edit

    with _edited(line) as catalogue:
        sample = catalogue.find(line.arguments.sample)
        edits = []
        for given in line.arguments.labels:
            field, equals, value = given.partition("=")
            if not equals:
                raise LabelError(f"{given!r} is no FIELD=VALUE", hint="emotion=sad sets, emotion= clears.")
            edits.append(Edit(sample.sample_id, field, Label(value) if value else None))
        step = edit(catalogue, edits, line.settings.annotator)
    changed = {event.field: event.new and event.new.value for event in step.events}
    line.voice.say(f"{_dry(line)}{sample.file_path}: {_changes(changed) or 'said so already'}")
    line.voice.give({"sample_id": sample.sample_id, "changed": changed, "dry_run": line.dry_run})
    return 0


def _changes(changed: dict[str, Any]) -> str:
    return ", ".join(f"{field} cleared" if value is None else f"{field} {value}" for field, value in changed.items())


def undo(line: Line) -> int:
    from kelly_tui.store.history import undo as take_back

    return _turn(line, take_back)


def redo(line: Line) -> int:
    from kelly_tui.store.history import redo as make_again

    return _turn(line, make_again)


def _turn(line: Line, turn: Callable[[Catalogue, str], Any]) -> int:
    with _edited(line) as catalogue:
        step = turn(catalogue, line.settings.annotator)
        touched = {event.sample_id for event in (*step.events, *step.left_alone)} if step else set()
        only = catalogue.get(touched.pop()) if len(touched) == 1 else None
    if step is None:
        line.voice.say(f"there is nothing to {line.arguments.command}")
    else:
        where = f": {only.file_path}" if only else ""
        left = f"; {len(step.left_alone)} left alone, changed since" if step.left_alone else ""
        line.voice.say(f"{_dry(line)}{step.words}{where}{left}")
    changed = len(step.events) if step else 0
    line.voice.give({"words": step and step.words, "changed": changed, "dry_run": line.dry_run})
    return 0


def history(line: Line) -> int:
    from kelly_tui.store import history as store_history
    from kelly_tui.store.catalogue import Catalogue

    with Catalogue.open(line.root) as catalogue:
        wanted = catalogue.find(line.arguments.sample).sample_id if line.arguments.sample else None
        events = store_history.history(catalogue, wanted, line.arguments.limit)
    rows = [
        [event.at[:19].replace("T", " "), event.actor, event.kind, event.sample_id, event.field,
         _value(event.old), _value(event.new)]
        for event in events
    ]  # fmt: skip
    line.voice.table(rows, ["when (UTC)", "who", "how", "sample", "field", "before", "after"])
    line.voice.give({"events": [_event(event) for event in events]})
    return 0


def _value(label: Any) -> str:
    return "·" if label is None else str(label.value)


def _event(event: Any) -> dict[str, Any]:
    import msgspec

    return dict(msgspec.to_builtins(event))


def list_samples(line: Line) -> int:
    from kelly_tui.store import query
    from kelly_tui.store.catalogue import Catalogue

    with Catalogue.open(line.root) as catalogue:
        wanted = query.parse(filter_text(line.arguments.filter), catalogue.config)
        if line.voice.as_json:
            for sample in catalogue.samples(wanted):
                line.voice.give(_sample(sample))
            return 0
        main = catalogue.config.model.main_label
        rowids = query.order(catalogue, wanted)
        rows = (
            _cells(row, main)
            for start in range(0, len(rowids), PAGE)
            for row in query.rows(catalogue, rowids[start : start + PAGE])
        )
        count = line.voice.table(rows, ["id", "file", "origin", main, "key", "bpm", "split", ""], right=frozenset({5}))
    line.voice.notice(f"{count:,} sample{'' if count == 1 else 's'}")
    return 0


def _cells(row: Row, main: str) -> list[str]:
    return [
        row.sample_id,
        row.file_path,
        row.origin,
        str(getattr(row, main, None) or "·"),
        f"{row.key or '·'} {row.mode or ''}".strip(),
        f"{row.tempo_bpm:.0f}" if row.tempo_bpm else "·",
        row.split or "·",
        "" if row.status == "ok" else row.status,
    ]


def _sample(sample: Any) -> dict[str, Any]:
    return {
        "sample_id": sample.sample_id,
        "file_path": sample.file_path,
        "file_type": sample.file_type,
        "origin": sample.origin,
        "status": sample.status,
        "decision": sample.decision,
        "split": sample.split,
        "duration_sec": sample.duration_sec,
        "parent_id": sample.parent_id,
        "augmentation_type": sample.augmentation_type,
        "source": sample.source,
        "annotations": sample.annotations,
    }


def filter_text(words: list[str]) -> str:
    """A filter as the shell gives it: ``text:"rain song"`` comes without its quotes, and gets them back."""
    quoted = []
    for word in words:
        name, colon, value = word.partition(":")
        spaced = colon and " " in value and '"' not in word and " " not in name
        quoted.append(f'{name}:"{value}"' if spaced else word)
    return " ".join(quoted)


def conflicts(line: Line) -> int:
    from kelly_tui.store import views

    take = line.arguments.take
    with _edited(line) as catalogue:
        taken = None
        if take == "theirs" and not line.dry_run:  # it sets files aside, which no rollback brings back
            taken = views.take_outside_edits(catalogue)
        decided = views.resolve(catalogue, take) if take else 0
        still_open = views.conflicts(catalogue)
        refused = views.refused_edits(catalogue)
    for said in taken.words().splitlines() if taken is not None else []:
        line.voice.say(said)
    if take:
        line.voice.say(f"{_dry(line)}{decided:,} decided for {take}")
    elif not still_open:
        line.voice.say("no conflict is open")
    if still_open:
        rows = [
            [one.file_path, one.field, _value(one.base), _value(one.ours), _value(one.theirs), one.origin]
            for one in still_open
        ]
        line.voice.table(rows, ["file", "field", "base", "ours", "theirs", "from"])
    for said in refused:
        line.voice.say(f"not taken: {said}")
    listed = [
        {"sample_id": one.sample_id, "file_path": one.file_path, "field": one.field, "base": _value(one.base),
         "ours": _value(one.ours), "theirs": _value(one.theirs), "origin": one.origin}
        for one in still_open
    ]  # fmt: skip
    line.voice.give({"decided": decided, "open": listed, "not_taken": refused, "dry_run": line.dry_run})
    return 0

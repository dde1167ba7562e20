"""The commands that look at samples and label them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kelly_tui.errors import DatasetError, LabelError, StageAtWork
from kelly_tui.text import count, shell_word, storable

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.outside import Merge
    from kelly_tui.store.query import Row

SHOWN = 20
"""Outside edits that are shown; ``--json`` has all."""

AT_ONCE = 5_000
"""Samples whose manifest and lists are written after each label: a tenth of a second."""

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


@contextmanager
def _labelled(line: Line) -> Iterator[Catalogue]:
    """As `_edited`; of a large dataset, and beside a stage, only the annotation files of what is edited are written.

    So does the app. The next stage, or the app when it is left, writes the rest. An edit is done when the catalogue
    has it: what keeps its views from being written is said, and is no failure of it.
    """
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.runs import last_step
    from kelly_tui.store.views import write_edited

    with Catalogue.open(line.root) as alone, ExitStack() as stack:
        edited, before = None, last_step(alone)
        if line.dry_run or alone.counts().in_catalogue <= AT_ONCE:
            with suppress(StageAtWork):
                edited = stack.enter_context(_edited(line))
        yield alone if edited is None else edited
        try:
            stack.close()
            merge = write_edited(alone, before) if edited is None else None
        except DatasetError as error:
            line.voice.notice(f"saved; its views are written when they can be: {error}")
            return
        for said in merge.words().splitlines() if merge is not None else ():
            line.voice.notice(said)


def _dry(line: Line) -> str:
    return "dry run: " if line.dry_run else ""


def label(line: Line) -> int:
    from kelly_tui.model.annotation import Label
    from kelly_tui.model.edit import Edit
    from kelly_tui.store.history import edit
    from kelly_tui.store.opinions import give_opinion

    given = dict(map(_field_and_value, line.arguments.labels))
    if len(given) < len(line.arguments.labels):
        raise LabelError("a field is given twice", hint="One value a field.")
    with _labelled(line) as catalogue:
        sample = catalogue.find(line.arguments.sample)
        if line.arguments.blind:
            step = give_opinion(catalogue, sample.sample_id, given, line.settings.annotator)
        else:
            edits = [Edit(sample.sample_id, field, Label(value) if value else None) for field, value in given.items()]
            step = edit(catalogue, edits, line.settings.annotator)
    own = [event for event in step.events if event.sample_id == sample.sample_id]
    changed = {event.field: event.new and event.new.value for event in own}
    line.voice.say(f"{_dry(line)}{sample.file_path}: {_changes(changed) or 'said so already'}")
    line.voice.give({"sample_id": sample.sample_id, "changed": changed, "dry_run": line.dry_run})
    if changed.get("refused") and None in changed.values():
        line.voice.notice("what is cleared no stage fills again; undo, or refused= in place of a label, lets them")
    return 0


def _field_and_value(given: str) -> tuple[str, str]:
    field, equals, value = given.partition("=")
    if not equals:
        raise LabelError(f"{given!r} is no FIELD=VALUE", hint="emotion=sad sets, emotion= clears.")
    return field, value


def _changes(changed: dict[str, Any]) -> str:
    return ", ".join(f"{field} {'cleared' if value is None else _said(value)}" for field, value in changed.items())


def undo(line: Line) -> int:
    from kelly_tui.store.history import undo as take_back

    return _turn(line, take_back)


def redo(line: Line) -> int:
    from kelly_tui.store.history import redo as make_again

    return _turn(line, make_again)


def _turn(line: Line, turn: Callable[[Catalogue, str], Any]) -> int:
    with _labelled(line) as catalogue:
        step = turn(catalogue, line.settings.annotator)
        touched = {event.sample_id for event in (*step.events, *step.left_alone)} if step else set()
        # Variants follow what they were made of, and need not be named.
        named = [one for one in map(catalogue.get, touched) if one and one.parent_id not in touched]
        only = named[0] if len(named) == 1 else None
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

    with line.looking() as catalogue:
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
    return "·" if label is None else _said(label.value)


def _said(value: Any) -> str:
    """A value as it is typed: chords as ``C G Am``."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _event(event: Any) -> dict[str, Any]:
    import msgspec

    return dict(msgspec.to_builtins(event))


def list_samples(line: Line) -> int:
    from msgspec import to_builtins

    from kelly_tui.store import query
    from kelly_tui.store.issues import issue
    from kelly_tui.store.suggestions import suggestion
    from kelly_tui.store.waiting import waiting

    with line.looking() as catalogue:
        wanted = query.parse(filter_text(line.arguments.filter), catalogue.config)
        rowids = query.order(catalogue, wanted, line.arguments.sort)
        found = (
            row for start in range(0, len(rowids), PAGE) for row in query.rows(catalogue, rowids[start : start + PAGE])
        )
        if line.voice.as_json:
            for sample in (catalogue.get(row.sample_id) for row in found):
                if sample is None:  # gone since
                    continue
                heard = suggestion(catalogue, sample.sample_id)
                wrong = issue(catalogue, sample.sample_id)
                more = {"suggestion": heard and to_builtins(heard), "issue": wrong and to_builtins(wrong)}
                line.voice.give({**sample_object(sample), **more})
            return 0
        main = catalogue.config.model.main_label
        rows = (_cells(row, main) for row in found)
        number = line.voice.table(rows, ["id", "file", "origin", main, "key", "bpm", "split", ""], right=frozenset({5}))
        hint = waiting(catalogue)
    line.voice.notice(count(number, "sample"))
    if hint:
        line.voice.notice(hint)
    return 0


def _cells(row: Row, main: str) -> list[str]:
    return [
        row.sample_id,
        row.file_path,
        row.origin,
        str(getattr(row, main, None) or (f"{row.suggested}?" if main == "emotion" and row.suggested else "·")),
        f"{row.key or '·'} {row.mode or ''}".strip(),
        f"{row.tempo_bpm:.0f}" if row.tempo_bpm else "·",
        row.split or "·",
        "" if row.status == "ok" else row.status,
    ]


def sample_object(sample: Any) -> dict[str, Any]:
    """A sample as ``--json`` has it."""
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


def suggest(line: Line) -> int:
    """Beside a stage that is at work too: what is suggested is in nobody's way."""
    from kelly_tui.learn.suggest import suggest_for
    from kelly_tui.learn.suspects import suspect_for
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.scratch import scratch_copy

    with scratch_copy(line.root) if line.dry_run else Catalogue.open(line.root) as catalogue:
        found, suspects = suggest_for(catalogue), suspect_for(catalogue)
    suggested = found.words() or "no emotion can be suggested: features lack (kelly extract), or labels of more pieces"
    line.voice.say(_dry(line) + "; ".join(part for part in (suggested, suspects.words()) if part))
    line.voice.give({**found._asdict(), "suspects": suspects._asdict(), "dry_run": line.dry_run})
    return 0


def filter_text(words: list[str]) -> str:
    """A filter as the shell gives it: ``text:"rain song"`` comes without its quotes, and gets them back.

    A whole filter in one word, ``'emotion:sad bpm:80..100'``, stays as it is. A name that is not UTF-8 becomes what
    import made of it.
    """
    text = " ".join(f'{one[1]}:"{one[2]}"' if (one := _SPACED.fullmatch(word)) else word for word in words)
    return storable(text, "_")


_SPACED = re.compile(r'(-?(?:text|name|path|notes|key)):((?!.*\s-?[\w.]+[:<>=])[^"]*\s[^"]*)', re.IGNORECASE)
"""A condition whose value has spaces, and no other condition after it."""


def conflicts(line: Line) -> int:
    """Outside edits that wait because they are many, and conflicts: show them, or decide what was there to be shown.

    While outside edits wait, ``--take`` is about these alone. A conflict that comes to light by this very command was
    never seen, and is left open.
    """
    from kelly_tui.store import views
    from kelly_tui.store.catalogue import Catalogue

    take = line.arguments.take
    with Catalogue.open(line.root) as catalogue:
        seen = {(one.sample_id, one.field) for one in views.conflicts(catalogue)}
        only_looks = catalogue.is_for_reading and not take
    if only_looks:
        line.voice.notice("the dataset can't be written: outside edits are not looked for")
    with line.looking() if only_looks else _edited(line) as catalogue:
        # A dry run looks at no file: those that are broken would be set aside, which no rollback brings back.
        outside = (
            views.Merge()
            if line.dry_run or only_looks
            else views.read_back(catalogue, None if line.voice.as_json else views.LISTED)
        )
        decided: Counter[str] = Counter()
        if take and outside.pending:
            _take_outside(line, catalogue, outside)
        elif take:
            shown = [one for one in views.conflicts(catalogue) if (one.sample_id, one.field) in seen]
            views.resolve(catalogue, take, line.settings.annotator, shown)
            decided = Counter(one.field for one in shown)
            line.voice.say(f"{_dry(line)}{decided.total():,} decided for {take}{_by_field(decided)}")
        still_open = views.conflicts(catalogue)
        refused = views.refused_edits(catalogue)
    if outside.pending and not take:
        _show_outside(line, outside)
    elif not take and not still_open:
        line.voice.say("no conflict is open")
    if still_open:
        if take:
            line.voice.say(f"{count(len(still_open), 'conflict')} left open:")
        rows = [
            [one.file_path, one.field, _value(one.base), _value(one.ours), _value(one.theirs), one.origin]
            for one in still_open
        ]
        line.voice.table(rows, ["file", "field", "base", "ours", "theirs", "from"])
    for said in refused:
        line.voice.say(f"not taken: {said}")
    if refused:
        kept = shell_word(str(line.root / ".kelly/set-aside"))
        line.voice.say(f"delete a file in {kept} once you have looked at it, and its line is gone")
    listed = [
        {"sample_id": one.sample_id, "file_path": one.file_path, "field": one.field, "base": _value(one.base),
         "ours": _value(one.ours), "theirs": _value(one.theirs), "origin": one.origin}
        for one in still_open
    ]  # fmt: skip
    line.voice.give(
        {
            "decided": decided.total(),
            "open": listed,
            "outside": {
                "samples": outside.pending_samples,
                "fields": outside.pending_fields,
                "changes": [one._asdict() for one in outside.pending],
                "state": {None: "waiting", "ours": "declined", "theirs": "taken"}[take],
            },
            "not_taken": refused,
            "dry_run": line.dry_run,
        }
    )
    return 0


def _take_outside(line: Line, catalogue: Catalogue, outside: Merge) -> None:
    """Settle the outside edits that wait, and nothing else."""
    from kelly_tui.store import views

    shown = f"{count(outside.pending_fields.total(), 'outside edit')} of {count(outside.pending_samples, 'sample')}"
    by_field = _by_field(outside.pending_fields)
    if line.arguments.take == "ours":
        views.decline_outside_edits(catalogue)
        line.voice.say(f"declined: {shown}{by_field}; the edited files are kept in .kelly/set-aside")
        return
    new = set(views.take_outside_edits(catalogue).conflicts)
    met = [one for one in views.conflicts(catalogue) if (one.sample_id, one.field) in new]
    views.resolve(catalogue, "theirs", line.settings.annotator, met)
    line.voice.say(f"taken in: {shown}{by_field}")


def _show_outside(line: Line, outside: Merge) -> None:
    samples = count(outside.pending_samples, "sample was", "samples were")
    line.voice.say(
        f"{samples} edited outside Kelly, so many that nothing was taken in yet{_by_field(outside.pending_fields)}"
    )
    rows = [[one.file_path, one.field, _plain(one.ours), _plain(one.theirs)] for one in outside.pending[:SHOWN]]
    line.voice.table(rows, ["file", "field", "ours", "theirs"])
    if (more := outside.pending_fields.total() - SHOWN) > 0:
        line.voice.say(f"… and {more:,} more; --json names all")
    name = shell_word(line.arguments.dataset)
    line.voice.say(f"kelly conflicts {name} --take theirs takes these in, --take ours declines them")


def _by_field(fields: Counter[str]) -> str:
    """``: emotion 80, key 2``; nothing for nothing."""
    named = ", ".join(f"{name} {number:,}" for name, number in fields.most_common())
    return f": {named}" if named else ""


def _plain(value: Any) -> str:
    return "·" if value is None else _said(value)

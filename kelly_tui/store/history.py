"""Edits, undo and redo, and the events in which all of them are remembered.

A step is what one key press, one command or one stage did to any number of samples. Undo takes back the last step of
one person; it is itself a step with events, so history is never rewritten and survives a restart. Where one person has
two apps open, each takes back its own steps, and then older ones that are not the other's.

Steps on many samples are committed a few at a time, so that nobody waits long for the lock; one that was cut short
can be undone like any other.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from kelly_tui.model.annotation import FIELDS, Label, check_value, field_named
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import STATE_FIELDS, Edit, Event, Step, check_state, state_label
from kelly_tui.model.tonality import said_at_once
from kelly_tui.model.variation import changes_of
from kelly_tui.store.layout import utc_now
from kelly_tui.store.schema import label_from_json
from kelly_tui.store.steps import Labels, Recorder, Wanted, changed_beside, settled_by, undone
from kelly_tui.text import count

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

AT_ONCE = 200
"""Samples in one transaction: some 20 ms, the longest that another writer has to wait."""

_FOLLOWING = ("decision", "skip_reason")
"""What an edit of the main label sets besides."""


def edit(catalogue: Catalogue, edits: Sequence[Edit], by: str, words: str | None = None) -> Step:
    """Make a person's edits, as one step; return when they are durable.

    A label gets `by`, unless it says whose it is, and the time. Setting the dataset's main label decides the sample as
    ``labelled``, clearing it as ``pending``, in the same step. What is cleared nobody but a person fills again, unless
    that is undone or `refused` is cleared too. A key may name its mode, and sets it too. Where chords are set, the
    times of other ones are cleared; where the key is, the mode that a detector heard of another one, and the other way
    round. What is there already is no change, unless it decides a conflict; a step without any change has no events.
    Raises `LabelError` for a field or a value that can't be, `DatasetError` for a sample that is not there.
    """
    at = utc_now()
    given: dict[str, dict[str, Label | None]] = {}
    for one in edits:
        given.setdefault(one.sample_id, {})[_field_of(one)] = one.label
    wanted = {sample_id: _human(labels, catalogue.config, by, at) for sample_id, labels in given.items()}
    words = words or _words(wanted)
    for fields in wanted.values():
        if (main_label := catalogue.config.model.main_label) in fields:
            fields.setdefault("decision", Label("pending" if fields[main_label] is None else "labelled"))
        needs_no_reason(fields)
    step = Recorder(catalogue, by, "edit", words, at)
    for chunk in _chunks(wanted.items(), _at_once(catalogue)):
        with catalogue.writing() as db:
            for sample_id, fields in chunk:
                now = Labels.of(db, sample_id, settled_by(fields))
                asked = _asked(db, sample_id)
                new = {field: label for field, label in fields.items() if field in asked or not now.says(field, label)}
                settled = now.in_one(new if "refused" in fields else now.decided(new))
                step.change(db, now, settled)
                _hand_down(db, step, sample_id, settled, _asked_in(wanted))
    return step.done()


def undo(catalogue: Catalogue, by: str) -> Step | None:
    """Take back the last step of `by` that is not undone; None if there is none.

    In a session that is the last step of its own; when it has none, the last one that no other living session made.
    A field that another has changed since is left alone, and listed in `Step.left_alone`.
    """
    return _turn(catalogue, by, "undo", _last_step(catalogue, by))


def redo(catalogue: Catalogue, by: str) -> Step | None:
    """Make the step again that `by` undid last; None if there is none, or if `by` has edited since.

    In a session, what another living session undid is left to that one.
    """
    return _turn(catalogue, by, "redo", _lastundone(catalogue, by))


def history(catalogue: Catalogue, sample_id: str | None = None, limit: int = 100) -> list[Event]:
    """The last events, of one sample or of all, newest first."""
    where, parameters = ("WHERE sample_id = ?", (sample_id,)) if sample_id else ("", ())
    return [
        _event(row)
        for row in catalogue.db.execute(f"{_EVENTS} {where} ORDER BY seq DESC LIMIT ?", (*parameters, limit))
    ]


def put_labels(
    catalogue: Catalogue, labels: Mapping[str, Wanted], kind: str, actor: str,
    step: Recorder | None = None, asked: Asked | None = None,
) -> int:  # fmt: skip
    """Set labels that no key press made, by sample and field, as one step; return how many changed.

    A weaker source never replaces a stronger one (`may_replace`). Of more than can be held, `step` is begun by the
    first call, and `asked` tells the fields of a sample that all calls together are to set. Raises `LabelError` for
    what can't be.
    """
    config = catalogue.config
    step = step or begun(catalogue, kind, actor)
    asked = asked or _asked_in(labels)
    changed = 0
    for chunk in _chunks(labels.items(), AT_ONCE if kind == "stage" else _at_once(catalogue)):
        checked = [(sample_id, {name: _checked(name, label, config) for name, label in given.items()})
                   for sample_id, given in chunk]  # fmt: skip
        with catalogue.writing() as db:
            for sample_id, fields in checked:
                now = Labels.of(db, sample_id, settled_by(fields))
                new = {name: label for name, label in fields.items() if now.yields_to(name, label)}
                changed += len(new)
                settled = now.in_one(new if kind == "stage" or "refused" in fields else now.decided(new))
                step.change(db, now, settled)
                if kind != "stage":  # after a stage all variants are brought up to date at once
                    _hand_down(db, step, sample_id, settled, asked)
    return changed


def begun(catalogue: Catalogue, kind: str, actor: str) -> Recorder:
    """A step that `put_labels` fills."""
    return Recorder(catalogue, actor, kind, f"labels by {actor}", utc_now())


Asked = Callable[[str], Collection[str]]
"""The fields of a sample that are to be set."""


def _asked_in(labels: Mapping[str, Wanted]) -> Asked:
    return lambda sample_id: labels.get(sample_id, {}).keys()


def _hand_down(db: sqlite3.Connection, step: Recorder, parent_id: str, changed: Iterable[str], asked: Asked) -> None:
    """Let the variants of a sample say what it says now, as a part of the step: undo takes it back from them too.

    What `asked` wants of a variant itself stands, and so does what a stronger source says.
    """
    waiting = deque([(parent_id, FIELDS.keys() & changed)])
    done = {parent_id}  # nobody follows itself, whatever a stranger's catalogue says
    while waiting:
        parent_id, fields = waiting.popleft()
        if not fields:
            continue
        for variant_id, handed in _handed(db, step, parent_id, fields, asked, done):
            waiting.append((variant_id, FIELDS.keys() & handed))  # a variant may have been rendered


def _handed(
    db: sqlite3.Connection, step: Recorder, parent_id: str, fields: Collection[str], asked: Asked, done: set[str]
) -> Iterator[tuple[str, Wanted]]:
    """Let those say it who are made of that sample, and are not `done`: each, with what changed."""
    heirs = db.execute(
        "SELECT sample_id, augmentation, conflicts FROM samples WHERE parent_id = ? AND augmentation IS NOT NULL",
        (parent_id,),
    ).fetchall()
    if not heirs:
        return
    from kelly_tui.music.label_rules import fields_read_for, fields_that_follow, inherited_label

    following = fields_that_follow(fields)
    parent = Labels.of(db, parent_id, fields_read_for(following))
    labels = {field: label for field, label in parent.labels.items() if label is not None}
    for variant_id, augmentation, conflicts in heirs:
        if variant_id in done:
            continue
        done.add(variant_id)
        changes = changes_of(msgspec.json.decode(augmentation))
        settled = following - {*asked(variant_id)}
        if conflicts:  # someone is to decide these
            settled -= _asked(db, variant_id)
        now = Labels.of(db, variant_id, settled_by(settled))
        new = {field: inherited_label(field, labels, changes) for field in settled}
        handed = now.in_one({field: label for field, label in new.items() if now.inherits(field, label)})
        step.change(db, now, handed)
        yield variant_id, handed


def _asked(db: sqlite3.Connection, sample_id: str) -> set[str]:
    """Fields of a sample about which a conflict is open."""
    asked = "SELECT field FROM conflicts WHERE sample_id = ? AND resolved_at IS NULL"
    return {field for (field,) in db.execute(asked, (sample_id,))}


def _checked(name: str, label: Label | None, config: DatasetConfig) -> Label | None:
    if name in STATE_FIELDS:
        decided = state_label(name, check_state(name, label and label.value))
        return decided if decided is None or label is None else msgspec.structs.replace(decided, at=label.at)
    if label is None:
        return None
    value = check_value(FIELDS[name], label.value, config.choices(name))
    return msgspec.structs.replace(label, value=value) if value not in ("", []) else None


def _field_of(one: Edit) -> str:
    return one.field if one.field in STATE_FIELDS else field_named(one.field).name


def _human(given: Wanted, config: DatasetConfig, by: str, at: str) -> dict[str, Label | None]:
    """The labels that a person's edits of one sample set, checked; an empty text or list clears."""
    found: dict[str, Label | None] = {}
    for name, raw in said_at_once({name: label and label.value for name, label in given.items()}).items():
        label = given[name if name in given else "key"]
        if name in STATE_FIELDS:
            found[name] = state_label(name, check_state(name, raw))
        elif label is None or (value := check_value(FIELDS[name], raw, config.choices(name))) in ("", []):
            found[name] = None
        else:
            found[name] = Label(value, by=label.by or by, at=at, unsure=label.unsure)
    return found


def needs_no_reason(fields: dict[str, Label | None]) -> None:
    """Add what follows from a decision: a sample that is not skipped has no reason to be."""
    decision = fields.get("decision")
    if decision is not None and decision.value != "skipped":
        fields.setdefault("skip_reason", None)


def _words(wanted: Mapping[str, Mapping[str, Label | None]]) -> str:
    """What an edit does, as it is stored: the first field, and on how many samples."""
    if not wanted:
        return "nothing"
    field, label = next(iter(next(iter(wanted.values())).items()))
    said = "cleared" if label is None else label.value
    value = " ".join(map(str, said))[:40] if isinstance(said, list) else str(said)[:40]
    return f"{field} {value}" + (f" on {count(len(wanted), 'sample')}" if len(wanted) > 1 else "")


def _last_step(catalogue: Catalogue, by: str) -> int | None:
    """The step that an undo takes back: our session's own, else one that is no other living session's."""
    done = "SELECT step FROM steps WHERE {} AND kind = 'edit' AND state = 'done' {} ORDER BY step DESC LIMIT 1"
    found = None
    theirs: list[str] = []
    if catalogue.session is not None:
        own = done.format("+actor = ?", "AND session = ?")  # + lets it read the index of sessions
        found = catalogue.db.execute(own, (by, catalogue.session.name)).fetchone()
        theirs = catalogue.others()
    if found is None:
        but = f"AND ifnull(session, '') NOT IN ({', '.join('?' * len(theirs))})"
        found = catalogue.db.execute(done.format("actor = ?", but), (by, *theirs)).fetchone()
    return None if found is None else int(found[0])


def _lastundone(catalogue: Catalogue, by: str) -> int | None:
    """The step that a redo makes again."""
    return next(undone(catalogue.db, by, catalogue.others if catalogue.session else list), None)


def _turn(catalogue: Catalogue, by: str, kind: Literal["undo", "redo"], target: int | None) -> Step | None:
    if target is None:
        return None
    back = kind == "undo"
    words, at = catalogue.db.execute("SELECT words, at FROM steps WHERE step = ?", (target,)).fetchone()
    step = Recorder(catalogue, by, kind, f"{kind} {words}", utc_now(), target)
    left_alone: list[Event] = []
    events = [_event(row) for row in catalogue.db.execute(f"{_EVENTS} WHERE step = ? ORDER BY seq", (target,))]
    by_sample = ((sample_id, list(group)) for sample_id, group in groupby(events, lambda event: event.sample_id))
    chunks = list(_chunks(by_sample))
    decided = _conflicts(catalogue.db, at if back else None)
    main_label = catalogue.config.model.main_label
    for chunk in chunks:
        with catalogue.writing() as db:
            step.begin(db)
            for sample_id, changed in chunk:
                now = Labels.find(db, sample_id, [event.field for event in changed])
                if now is None:  # the sample is gone
                    left_alone += changed
                    continue
                untouched = [e for e in changed if now.labels[e.field] == (e.new if back else e.old)]
                left = [event for event in changed if event not in untouched]
                left_alone += left
                if any(event.field == main_label for event in left):  # what follows from it is by now that label's
                    untouched = [event for event in untouched if event.field not in _FOLLOWING]
                step.change(db, now, {event.field: event.old if back else event.new for event in untouched})
                for event in untouched:
                    if number := decided.get((sample_id, event.field)):
                        turn_conflict(db, number, None if back else at)
            if chunk is chunks[-1]:  # not before: one that was cut short is still to be undone
                _turned(db, target, back=back)
    if not chunks:
        return _turn_opinions(catalogue, step, target, back=back)
    return step.done(left_alone)


def _turned(db: sqlite3.Connection, target: int, *, back: bool) -> None:
    db.execute("UPDATE steps SET state = ? WHERE step = ?", ("undone" if back else "done", target))


def _turn_opinions(catalogue: Catalogue, step: Recorder, target: int, *, back: bool) -> Step:
    """Take back what was said blind, or say it again: the state of its step tells. So with the conflict it made."""
    with catalogue.writing() as db:
        step.begin(db)
        _turned(db, target, back=back)
        said = db.execute(
            "SELECT sample_id, field, opinions.at, value, conflict, resolved_at FROM opinions"
            " LEFT JOIN conflicts USING (sample_id, field, at)"
            " WHERE step = ? AND annotator = (SELECT actor FROM steps WHERE step = ?)",
            (target, target),
        ).fetchall()
        changed_beside(db, (sample_id for sample_id, *_ in said))
        for sample_id, field, at, value, conflict, resolved_at in said:
            step.mention(sample_id, field, Label(msgspec.json.decode(value), at=at), back=back)
            if conflict is not None and (resolved_at is None) is back:
                turn_conflict(db, conflict, utc_now() if back else None)
    return step.done()


def _conflicts(db: sqlite3.Connection, decided_at: str | None) -> dict[tuple[str, str], int]:
    """Numbers of the conflicts that a step of that moment decided, or of those that are open, by sample and field."""
    rows = db.execute("SELECT sample_id, field, conflict FROM conflicts WHERE resolved_at IS ?", (decided_at,))
    return {(sample_id, field): number for sample_id, field, number in rows}


def turn_conflict(db: sqlite3.Connection, number: int, decided_at: str | None) -> None:
    """Decide a conflict, or open it again if no other of its field is open."""
    another = (
        "SELECT 1 FROM conflicts AS o WHERE o.sample_id = c.sample_id AND o.field = c.field AND resolved_at IS NULL"
    )
    done = db.execute(
        "UPDATE conflicts AS c SET resolved_at = ?1 WHERE conflict = ?2"
        f" AND (?1 IS NOT NULL OR NOT EXISTS ({another}))",
        (decided_at, number),
    )
    if decided_at is None and done.rowcount:
        db.execute(
            "UPDATE samples SET conflicts = conflicts + 1"
            " WHERE sample_id = (SELECT sample_id FROM conflicts WHERE conflict = ?)",
            (number,),
        )


_EVENTS = "SELECT seq, step, at, actor, kind, sample_id, field, old, new FROM events JOIN steps USING (step)"


def _event(row: tuple[int, int, str, str, str, str, str, str | None, str | None]) -> Event:
    seq, step, at, actor, kind, sample_id, field, old, new = row
    return Event(seq, step, at, actor, kind, sample_id, field, label_from_json(old), label_from_json(new))


_T = TypeVar("_T")


def _at_once(catalogue: Catalogue) -> int:
    """How many samples a person's edit changes in one transaction: fewer where their variants follow."""
    has_variants = catalogue.db.execute("SELECT 1 FROM samples WHERE parent_id IS NOT NULL LIMIT 1").fetchone()
    return AT_ONCE // 10 if has_variants else AT_ONCE


def _chunks(items: Iterable[_T], size: int = AT_ONCE) -> Iterator[list[_T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk

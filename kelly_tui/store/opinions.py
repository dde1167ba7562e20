"""What each person said of a sample, and which samples wait to be decided.

A label has one value. What people said of it is kept three ways: the edits in the events; *opinions*, which are said
blind, and change no label; and conflicts, which are closed by what a person says of the field. An opinion that differs
from the label of a person opens a conflict, so that somebody decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Field, Label, Value, check_value, field_named
from kelly_tui.model.edit import Edit, Step
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.tonality import said_at_once
from kelly_tui.store.conflicts import OUTSIDE, put_conflict
from kelly_tui.store.history import edit
from kelly_tui.store.layout import utc_now
from kelly_tui.store.schema import label_from_json
from kelly_tui.store.steps import Labels, Recorder, changed_beside

if TYPE_CHECKING:
    import sqlite3

    from kelly_tui.model.sample import Sample
    from kelly_tui.store.catalogue import Catalogue

ENOUGH = 2
"""Opinions of others that make a third one worth asking for."""

ORIGIN = "opinions"
"""Where a conflict comes from that an opinion opened."""

APART = 50
"""So many of one's own edits lie between a label and the second look at it, so that it is not remembered."""

MAJORITY = "majority"
"""Whose label it is that most opinions decided."""

_TRIED = 500
"""Labels that are considered for a second look at once."""


class Said(NamedTuple):
    """Who said what, and when, as it is shown."""

    by: str
    value: str
    at: str


_EDITED = (
    "SELECT sample_id, actor, new, at, max(seq) FROM events JOIN steps USING (step)"
    " WHERE field = ? AND new IS NOT NULL AND (kind = 'outside' OR kind = 'edit' AND state = 'done')"
)
"""The last word of each person on a field; what was undone was not said."""

_SIDES = (
    "SELECT ours, theirs, at FROM conflicts"
    " WHERE field = ? AND sample_id = ? AND origin <> 'opinions' ORDER BY conflict"
)
_OPEN = "SELECT sample_id FROM conflicts WHERE field = ? AND resolved_at IS NULL"
_BLIND = (
    "SELECT sample_id, field, annotator, round, value, opinions.at FROM opinions LEFT JOIN steps USING (step)"
    " WHERE ifnull(state, 'done') = 'done'"
)


# -- saying ------------------------------------------------------------------------------------------------------------


def give_opinion(catalogue: Catalogue, sample_id: str, said: Mapping[str, object], by: str) -> Step:
    """Keep what `by` says of a sample without knowing its labels, {field: value}, as one step that can be undone.

    Labels stay as they are. With it goes what the label's author said, if nobody had said it before. Where a person's
    label differs a conflict opens. Raises `LabelError`, `DatasetError`.
    """
    if not said:
        raise LabelError("no opinion was given", hint="Say FIELD=VALUE.")
    config, at = catalogue.config, utc_now()
    checked: dict[str, Value] = {}
    for name, raw in said_at_once({field_named(name).name: raw for name, raw in said.items()}).items():
        checked[name] = check_value(FIELDS[name], raw, config.choices(name))
    words = "opinion " + ", ".join(f"{field} {value}" for field, value in checked.items())
    step = Recorder(catalogue, by, "edit", words[:200], at)
    with catalogue.writing() as db:
        step.begin(db)
        changed_beside(db, [sample_id])
        now = Labels.of(db, sample_id, checked)
        for field, value in checked.items():
            label = now.labels[field]
            _keep(db, step.step.step, sample_id, field, label, Opinion(sample_id, field, by, 0, value, at))
            step.mention(sample_id, field, Label(value, by=by, at=at))
            if label is not None and label.source == "human" and differ(FIELDS[field], label.value, value):
                ask(catalogue, sample_id, field, label, Label(value, by=by, at=at))
    return step.done()


def _keep(db: sqlite3.Connection, step: int, sample_id: str, field: str, label: Label | None, opinion: Opinion) -> None:
    """Store the opinion, after that of the label's author where it was the first word on the field."""
    rounds: Counter[str] = Counter(
        who for (who,) in db.execute(
            "SELECT annotator FROM opinions LEFT JOIN steps USING (step)"
            " WHERE sample_id = ? AND field = ? AND ifnull(state, 'done') = 'done'", (sample_id, field))
    )  # fmt: skip
    row = "INSERT INTO opinions (step, sample_id, field, annotator, round, value, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
    author = label.by if label is not None and label.source == "human" else None
    if (
        label is not None
        and author not in (None, MAJORITY)
        and not rounds[author]
        and _first_word(db, sample_id, field, author)
    ):
        db.execute(row, (step, sample_id, field, author, 1, msgspec.json.encode(label.value).decode(), label.at or ""))
        rounds[author] += 1
    number, value = rounds[opinion.annotator] + 1, msgspec.json.encode(opinion.value).decode()
    db.execute(row, (step, sample_id, field, opinion.annotator, number, value, opinion.at))


def _first_word(db: sqlite3.Connection, sample_id: str, field: str, author: str) -> bool:
    """Whether no other person had labelled the field before: who corrects a label has seen it."""
    others = (
        "SELECT 1 FROM events JOIN steps USING (step) WHERE sample_id = ? AND field = ? AND new IS NOT NULL"
        " AND kind = 'edit' AND state = 'done' AND actor <> ?"
    )
    return db.execute(others, (sample_id, field, author)).fetchone() is None


def ask(catalogue: Catalogue, sample_id: str, field: str, ours: Label, theirs: Label) -> bool:
    """Open a conflict, unless one is open: it lists all opinions anyway. False where nothing is to be decided anew."""
    there = "SELECT 1 FROM conflicts WHERE sample_id = ? AND field = ? AND resolved_at IS NULL"
    if catalogue.db.execute(there, (sample_id, field)).fetchone() is not None:
        return False
    return put_conflict(catalogue, sample_id, field, None, ours, theirs, ORIGIN, theirs.at)


def differ(field: Field, one: Value, other: Value) -> bool:
    """Whether two values are far enough apart for somebody to decide: numbers by a quarter of their range.

    People who rate the same music twice come back within a tenth or so of the scale (doi 10.1177/0305735611430079).
    """
    if isinstance(one, float) and isinstance(other, float):
        room = field.high - field.low if field.high <= 1 else 0.2 * max(one, other)
        return abs(one - other) > room / 4
    return one != other


# -- asking ------------------------------------------------------------------------------------------------------------


def second_look(catalogue: Catalogue, by: str, fields: Sequence[str], drawn: Random) -> str | None:
    """An earlier sample of which `by` labelled one of `fields`, to be asked about again; None where there is none.

    It stands as it was labelled, is no variant, and was not asked about again before. A few milliseconds at any size.
    """
    marks = ", ".join("?" * len(fields))
    db = catalogue.db
    edits = "FROM steps WHERE actor = ? AND kind = 'edit' AND state = 'done'"
    last = db.execute(f"SELECT step {edits} ORDER BY step DESC LIMIT 1 OFFSET ?", (by, APART - 1)).fetchone()
    if last is None:
        return None
    first = db.execute(f"SELECT step {edits} ORDER BY step LIMIT 1", (by,)).fetchone()[0]
    start = drawn.randint(first, last[0])
    for low, high in ((start, last[0]), (first, start - 1)):
        found = db.execute(
            f"SELECT sample_id, field, new FROM (SELECT step {edits} AND step BETWEEN ? AND ? ORDER BY step LIMIT ?)"
            f" JOIN events USING (step) WHERE field IN ({marks}) AND new IS NOT NULL",
            (by, low, high, _TRIED, *fields),
        )
        for sample_id, field, new in found:
            if _worth_asking(db, sample_id, field, label_from_json(new), by):
                return str(sample_id)
    return None


def _worth_asking(db: sqlite3.Connection, sample_id: str, field: str, label: Label | None, by: str) -> bool:
    now = Labels.find(db, sample_id, (field,))
    if now is None or label is None or now.labels[field] != label:
        return False
    fit = "SELECT 1 FROM samples WHERE sample_id = ? AND status = 'ok' AND parent_id IS NULL AND NOT conflicts"
    asked = f"{_BLIND} AND sample_id = ? AND field = ? AND annotator = ?"
    return (
        db.execute(fit, (sample_id,)).fetchone() is not None
        and db.execute(asked, (sample_id, field, by)).fetchone() is None
    )


def to_judge(catalogue: Catalogue, sample: Sample, fields: Sequence[str], by: str, *, own: bool) -> list[str]:
    """Of `fields` those that `by` has labelled, or others where it is not `own`, and `by` has not judged blind yet."""
    mine = f"SELECT field FROM ({_BLIND}) WHERE sample_id = ? AND annotator = ?"
    judged = {field for (field,) in catalogue.db.execute(mine, (sample.sample_id, by))}
    labels = {field: label for field, label in sample.labels.items() if label.source == "human"}
    return [field for field in fields if field in labels.keys() - judged and (labels[field].by == by) is own]


def to_hear(catalogue: Catalogue, field: str, by: str, limit: int = 1000) -> list[str]:
    """Samples that another person has labelled and of which `by` has said nothing, in the order they were added.

    Reads all samples: a second at a million. Call it off the app's thread.
    """
    labelled = f"json_extract(provenance, '$.{field}')"
    rows = catalogue.db.execute(
        f"SELECT sample_id FROM samples WHERE {field} IS NOT NULL AND parent_id IS NULL AND status = 'ok'"
        f" AND NOT rejected AND {labelled} ->> 'source' IS NULL AND {labelled} ->> 'by' NOT IN (?, ?)"
        " AND NOT EXISTS (SELECT 1 FROM opinions LEFT JOIN steps USING (step) WHERE opinions.sample_id ="
        " samples.sample_id AND field = ? AND annotator = ? AND ifnull(state, 'done') = 'done')"
        " AND NOT EXISTS (SELECT 1 FROM events JOIN steps USING (step) WHERE events.sample_id = samples.sample_id"
        " AND field = ? AND actor = ? AND kind = 'edit' AND state = 'done') ORDER BY rowid LIMIT ?",
        (by, MAJORITY, field, by, field, by, limit),
    )
    return [sample_id for (sample_id,) in rows]


def to_review(catalogue: Catalogue, field: str, by: str) -> list[str]:
    """Samples of which two or more others have said something and `by` has not, or on which two sides disagree.

    Reads all events: seconds at a million. Call it off the app's thread.
    """
    asked = dict.fromkeys(sample_id for (sample_id,) in catalogue.db.execute(_OPEN, (field,)))
    people: dict[str, set[str]] = {}
    for sample_id, actor, *_ in catalogue.db.execute(f"{_EDITED} GROUP BY sample_id, actor", (field,)):
        people.setdefault(sample_id, set()).add(actor)
    asked |= dict.fromkeys(one for one, actors in people.items() if by not in actors and len(actors) >= ENOUGH)
    return list(asked)


def to_decide(catalogue: Catalogue, field: str, by: str) -> list[tuple[str, str]]:
    """What waits for the word of `by`, each as a sample and a field: all of `to_review`, then open conflicts on others.

    Reads all events, as `to_review` does.
    """
    rows = catalogue.db.execute(
        "SELECT sample_id, field FROM conflicts WHERE resolved_at IS NULL AND field <> ? GROUP BY sample_id, field"
        " ORDER BY min(conflict)",
        (field,),
    )
    others = [(sample_id, other) for sample_id, other in rows if other in FIELDS]
    return [*((sample_id, field) for sample_id in to_review(catalogue, field, by)), *others]


# -- what was said -----------------------------------------------------------------------------------------------------


def is_asked(catalogue: Catalogue, sample_id: str, field: str) -> bool:
    """Whether a field of a sample waits to be decided."""
    return catalogue.db.execute(f"{_OPEN} AND sample_id = ?", (field, sample_id)).fetchone() is not None


def opinions(catalogue: Catalogue, sample_id: str, field: str) -> list[Said]:
    """What has been said of a field of a sample: by people, oldest first, then by the sides of a conflict."""
    said = [
        Said(actor, _value(new), at)
        for _, actor, new, at, _ in catalogue.db.execute(
            f"{_EDITED} AND sample_id = ? GROUP BY actor ORDER BY max(seq)", (field, sample_id)
        )
    ]
    blind = catalogue.db.execute(f"{_BLIND} AND sample_id = ? AND field = ? ORDER BY opinion", (sample_id, field))
    more = [Said(who, str(msgspec.json.decode(value)), at) for _, _, who, _, value, at in blind]
    for ours, theirs, at in catalogue.db.execute(_SIDES, (field, sample_id)):
        sides = (label_from_json(ours), label_from_json(theirs))
        more += [Said(_who(side), str(side.value), side.at or at) for side in sides if side is not None]
    for one in more:
        if not any((one.by, one.value) == (other.by, other.value) for other in said):
            said.append(one)
    return said


def said_blind(catalogue: Catalogue) -> tuple[int, str]:
    """How much was said blind and not taken back, and when last: another, and they agree otherwise."""
    n, last = catalogue.db.execute(f"SELECT count(*), ifnull(max(at), '') FROM ({_BLIND})").fetchone()
    return n, last


def blind_opinions(catalogue: Catalogue) -> list[Opinion]:
    """All that was said blind and not taken back, oldest first."""
    rows = catalogue.db.execute(f"{_BLIND} ORDER BY opinion")
    return [
        Opinion(sample_id, field, who, number, msgspec.json.decode(value), at)
        for sample_id, field, who, number, value, at in rows
    ]


def add_opinions(catalogue: Catalogue, found: Iterable[Opinion]) -> None:
    """Keep opinions that a view tells of."""
    rows = [(*msgspec.structs.astuple(one)[:4], msgspec.json.encode(one.value).decode(), one.at) for one in found]
    with catalogue.writing() as db:
        db.executemany(
            "INSERT INTO opinions (sample_id, field, annotator, round, value, at) VALUES (?, ?, ?, ?, ?, ?)", rows
        )
        changed_beside(db, (sample_id for sample_id, *_ in rows))


# -- deciding ----------------------------------------------------------------------------------------------------------


def decide_by_majority(catalogue: Catalogue, by: str) -> Step:
    """Decide each open conflict between opinions for what more than half of at least three people said last.

    One step of `by`; the labels say that they are the majority's.
    """
    last: dict[tuple[str, str], dict[str, Value]] = {}
    for one in blind_opinions(catalogue):
        last.setdefault((one.sample_id, one.field), {})[one.annotator] = one.value
    edits = []
    asked = "SELECT sample_id, field FROM conflicts WHERE origin = ? AND resolved_at IS NULL ORDER BY conflict"
    for sample_id, field in catalogue.db.execute(asked, (ORIGIN,)).fetchall():
        values = list(last.get((sample_id, field), {}).values())
        for value in values:
            if len(values) > ENOUGH and 2 * values.count(value) > len(values):
                edits.append(Edit(sample_id, field, Label(value, by=MAJORITY)))
                break
    return edit(catalogue, edits, by, f"{MAJORITY} decided {len(edits)}")


def _value(label_json: str) -> str:
    label = label_from_json(label_json)
    return "" if label is None else str(label.value)


def _who(label: Label) -> str:
    return label.by or (OUTSIDE if label.source == "human" else label.source)

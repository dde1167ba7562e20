"""What people said blind of samples, and what they heard: as views have it beside the labels, and taken from views.

A view of another copy of the dataset tells what was said there. It is never a label, so that nothing can be in its way:
what is not known here yet is added. What was taken back here stays taken back.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import FIELDS, LONGEST, LONGEST_NAME, Label
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.tonality import apart
from kelly_tui.model.variation import impossible

if TYPE_CHECKING:
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.store.catalogue import Catalogue

OPINIONS, HEARD = "opinions", "blind_listening"
"""What the views call it."""

Blind = dict[str, list[Opinion] | list[Trial]]
"""By these two names; nothing where nothing was said."""

_Round = Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]


def said_of(db: sqlite3.Connection, sample_ids: Sequence[str]) -> dict[str, Blind]:
    """What was said blind of some samples and not taken back, by sample, oldest first."""
    marks = ", ".join("?" * len(sample_ids))
    found: dict[str, Blind] = {}
    opinions = db.execute(
        "SELECT sample_id, field, annotator, round, value, opinions.at FROM opinions LEFT JOIN steps USING (step)"
        f" WHERE sample_id IN ({marks}) AND ifnull(state, 'done') = 'done' ORDER BY opinion",
        sample_ids,
    )
    for sample_id, field, who, number, value, at in opinions:
        one = Opinion(sample_id, field, who, number, msgspec.json.decode(value), at)
        found.setdefault(sample_id, {}).setdefault(OPINIONS, []).append(one)  # type: ignore[arg-type]
    heard = db.execute(
        f"SELECT recipe, sample_id, correct, by, at FROM trials WHERE sample_id IN ({marks}) ORDER BY trial", sample_ids
    )
    for recipe, sample_id, correct, by, at in heard:
        trial = Trial(recipe, sample_id, bool(correct), by, at)
        found.setdefault(sample_id, {}).setdefault(HEARD, []).append(trial)  # type: ignore[arg-type]
    return found


class Taken(NamedTuple):
    """What became of what views tell."""

    opinions: list[Opinion]
    """New here, as they were added."""
    heard: list[Trial]
    impossible: list[Opinion | Trial]
    """What nobody can have said."""


def take_said(catalogue: Catalogue, opinions: Iterable[Opinion], heard: Iterable[Trial]) -> Taken:
    """Add what views tell and is not known here.

    Of an opinion the time tells whether it is known: the round counts in each copy of a dataset by itself, and begins
    behind those that are here.
    """
    from kelly_tui.store.opinions import add_opinions
    from kelly_tui.store.trials import add_trials, trials

    taken = Taken([], [], [])
    with catalogue.writing() as db:
        for one in chain.from_iterable(map(_halves, opinions)):
            if (said := possible(one, catalogue.config)) is None:
                taken.impossible.append(one)
            elif (new := _in_its_round(db, said)) is not None:
                add_opinions(catalogue, [new])
                taken.opinions.append(new)
        told: Counter[Trial] = Counter()
        for trial, times in Counter(heard).items():
            if possible(trial, catalogue.config) is None:
                taken.impossible.append(trial)
            else:
                told[trial] = times
        there = Counter(trials(catalogue)) if told else Counter()
        taken.heard.extend((told - there).elements())
        add_trials(catalogue, taken.heard)
    return taken


def _halves(one: Opinion) -> list[Opinion]:
    """One of a key that names its mode is two."""
    said: dict[str, Any] = apart({one.field: one.value})
    return [msgspec.structs.replace(one, field=field, value=value) for field, value in said.items()]


_Said = TypeVar("_Said", Opinion, Trial)


def possible(one: _Said, config: DatasetConfig) -> _Said | None:
    """As it is stored; None where nobody can have said so."""
    from kelly_tui.store.rows import checked

    who = one.by if isinstance(one, Trial) else one.annotator
    if max(len(who), len(one.at), len(one.sample_id)) > LONGEST_NAME:
        return None
    try:
        if isinstance(one, Trial):
            if len(one.recipe) > LONGEST or impossible(msgspec.json.decode(one.recipe, type=dict[str, object])):
                return None
            return one
        msgspec.convert(one.round, _Round)
        return msgspec.structs.replace(one, value=checked(one.field, one.value, config))
    except (LabelError, msgspec.MsgspecError, RecursionError):
        return None


def _in_its_round(db: sqlite3.Connection, one: Opinion) -> Opinion | None:
    """None where it is known, be it taken back."""
    value = msgspec.json.encode(one.value).decode()
    rows = db.execute(
        "SELECT round, value, at FROM opinions WHERE sample_id = ? AND field = ? AND annotator = ?",
        (one.sample_id, one.field, one.annotator),
    ).fetchall()
    if (value, one.at) in [row[1:] for row in rows]:
        return None
    rounds = [row[0] for row in rows]
    return msgspec.structs.replace(one, round=max(rounds) + 1) if one.round in rounds else one


def ask_where_they_differ(catalogue: Catalogue, said: Iterable[Opinion]) -> list[tuple[str, str]]:
    """Have somebody decide where a person's label that was given before differs: (sample_id, field) of each."""
    from kelly_tui.store.opinions import ask, differ

    asked = []
    for one in said:
        sample = catalogue.get(one.sample_id)
        label = None if sample is None else sample.labels.get(one.field)
        if label is None or label.source != "human" or (label.at or "") > one.at:
            continue
        theirs = Label(one.value, by=one.annotator, at=one.at)
        if differ(FIELDS[one.field], label.value, one.value) and ask(
            catalogue, one.sample_id, one.field, label, theirs
        ):
            asked.append((one.sample_id, one.field))
    return asked

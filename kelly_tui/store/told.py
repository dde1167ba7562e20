"""What a view says of one sample, merged with what it was written from, as far as that is known.

Another copy of the dataset has a history of its own. What of it can be told: a label by who gave it and when is the
same one there and here, so that one that was here before and is no more is no news; and which label was taken back
there last the file says, since a field that is missing says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from kelly_tui.model.annotation import FIELDS, Label, Value
from kelly_tui.model.edit import UNDECIDED, state_label
from kelly_tui.model.sample import Sample
from kelly_tui.store.annotation_file import AnnotationFile
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import OUTSIDE
from kelly_tui.store.merge import Disagreement, FieldMerge, hold_older, merge_fields, merge_state, values_of
from kelly_tui.store.outside import WhereFrom, by_hand, said_elsewhere, said_here
from kelly_tui.store.rows import checked
from kelly_tui.store.schema import Provenance, label_from_json, label_of
from kelly_tui.store.touched import exported_rev


class Told(NamedTuple):
    """What comes of one file, or one row."""

    base: dict[str, Label | None]
    merged: FieldMerge
    where: WhereFrom


def told_by_file(catalogue: Catalogue, sample: Sample, said: AnnotationFile, *, is_alone: bool) -> Told:
    """`is_alone`: not one of two versions in a file."""
    is_ours = wrote(catalogue, sample, said)
    rev = said.rev
    if is_alone and not is_ours:  # another program's, or another copy's
        rev = exported_rev(catalogue, sample.sample_id)
    values, back, again = said.values, dict[str, Label](), set[str]()
    if not is_ours:
        back = {name: label for name, label in sample.labels.items() if said.took_back(name, label)}
        again = {name for name in back if _was_given_again(catalogue, sample, name)}
        back = {name: label for name, label in back.items() if name not in again}
        news = _news(catalogue, sample, values, said.provenance, is_whole=is_alone)
        values = {**dict.fromkeys(back), **news}
    base = base_of(catalogue, sample, values.keys() & FIELDS.keys(), "rev", rev)
    base |= base_of(catalogue, sample, said.state, "rev", rev if said.rev is None or is_ours else None)
    base |= back
    merged = merged_with(catalogue, sample, base, values)
    hold_older(merged, {name: label for name, label in sample.labels.items() if name not in back}, said.provenance)
    for name in again - values.keys():
        now = sample.labels[name].value
        merged.conflicts[name] = Disagreement(now, now, None)
    merged.add(merge_state(values_of(base), sample.state, said.state))
    cleared = {name for name in back if merged.taken.get(name, "") is None}
    stands = {name for name, label in sample.labels.items() if label.source == "human" and name not in cleared}
    if not is_ours:
        if (both := merged.conflicts.pop("refused", None)) is not None:  # each is of its own field
            merged.taken["refused"] = list(dict.fromkeys([*_list(both.ours), *_list(both.theirs)]))
        _refuse_no(merged, stands)  # it was of another label than this
    if cleared:  # as before it was given: what is refused the file says itself
        merged.taken.setdefault("refused", sample.refused)
    main = catalogue.config.model.main_label
    if main in cleared and sample.decision == "labelled":
        merged.taken.setdefault("decision", "pending")
    has_main = merged.taken.get(main, sample.labels.get(main)) is not None
    if not is_ours and merged.taken.get("decision") == "labelled" and not has_main:
        del merged.taken["decision"]  # by a label that is no more
    return Told(base, merged, by_hand if is_ours else said_elsewhere(said, base))


def news_of_row(
    catalogue: Catalogue, sample: Sample, said: Mapping[str, Any], people: Mapping[str, Provenance], *, only: bool
) -> dict[str, Any]:
    """What a row that another copy wrote says and that was never said here; `only`: of `people`."""
    asked = {name: value for name, value in said.items() if name in people or not only}
    return _news(catalogue, sample, asked, people, is_whole=True)


def ask_of_cleared(merged: FieldMerge, sample: Sample, row: Mapping[str, Any], told: Mapping[str, object]) -> None:
    """Where a row of another copy says that a person cleared a field, make a conflict of a person's label that is here.

    `told`: what the sample's own file says, which says whose label it was.
    """
    said, refused = row.get("annotations"), merged.taken.get("refused")
    there = said if isinstance(said, dict) else {}
    asked = set()
    for name in _list(refused):
        label = sample.labels.get(name)
        if label is not None and label.source == "human" and there.get(name) is None and name not in told:
            merged.conflicts[name] = Disagreement(label.value, label.value, None)
            asked.add(name)
    _refuse_no(merged, asked)


def _list(value: Value | None) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _refuse_no(merged: FieldMerge, asked: Collection[str]) -> None:
    """Fields that a label stands in or about which somebody is asked: who decides for no label refuses it too."""
    refused = merged.taken.get("refused")
    if asked and refused is not None:
        merged.taken["refused"] = [name for name in _list(refused) if name not in asked]


def _news(
    catalogue: Catalogue,
    sample: Sample,
    said: Mapping[str, Any],
    where: Mapping[str, Provenance],
    *,
    is_whole: bool,
) -> dict[str, Any]:
    """`is_whole`: not put together of lines by git, which may part a value from who said it."""
    before = _labels_before(catalogue, sample) if said.keys() & where.keys() or not is_whole else ()
    values = [(field, label.value) for field, label in before] if not is_whole else ()
    return {
        name: value
        for name, value in said.items()
        if ((name, label_of(value, where[name])) not in before if name in where else (name, value) not in values)
    }


def _labels_before(catalogue: Catalogue, sample: Sample) -> Collection[tuple[str, Label]]:
    """Labels that a sample had and that somebody took back or said otherwise here; not those that went elsewhere,
    where they may be given again.
    """
    events = "SELECT field, old, kind FROM events JOIN steps USING (step) WHERE sample_id = ? ORDER BY seq"
    went = {(field, old): kind for field, old, kind in catalogue.db.execute(events, (sample.sample_id,))}
    had = [(field, label_from_json(old)) for (field, old), kind in went.items() if old and kind != OUTSIDE]
    return [(field, label) for field, label in had if label is not None and sample.labels.get(field) != label]


def _was_given_again(catalogue: Catalogue, sample: Sample, field: str) -> bool:
    """Whether a label was gone and came back by undo or redo: who says that it was taken back may mean that before."""
    last = "SELECT kind FROM events JOIN steps USING (step) WHERE sample_id = ? AND field = ? ORDER BY seq DESC LIMIT 1"
    found = catalogue.db.execute(last, (sample.sample_id, field)).fetchone()
    return found is not None and found[0] in ("undo", "redo")


def wrote(catalogue: Catalogue, sample: Sample, said: AnnotationFile) -> bool:
    """Whether this catalogue wrote the revision that a file has, as far as the time tells."""
    if said.rev == sample.rev:
        return said.modified_at == sample.modified_at
    changed = "SELECT 1 FROM events JOIN steps USING (step) WHERE sample_id = ? AND rev = ? AND at = ?"
    found = catalogue.db.execute(changed, (sample.sample_id, said.rev, said.modified_at)).fetchone()
    return found is not None


def base_of(
    catalogue: Catalogue, sample: Sample, fields: Iterable[str], column: str, since: int | None
) -> dict[str, Label | None]:
    """What the fields said when the view was written: as now, with later events taken back. Unknown: nothing.

    `since`: the last event that the view knows, by its ``seq``, or the revision, ``rev``: which is in `column`.
    """
    base: dict[str, Label | None] = {}
    for name in fields:
        if since is None:
            base[name] = state_label(name, UNDECIDED.get(name))
            continue
        first = catalogue.db.execute(
            f"SELECT old FROM events WHERE sample_id = ? AND field = ? AND {column} > ? ORDER BY seq LIMIT 1",
            (sample.sample_id, name, since),
        ).fetchone()
        base[name] = said_here(sample, name) if first is None else label_from_json(first[0])
    return base


def merged_with(
    catalogue: Catalogue, sample: Sample, base: Mapping[str, Label | None], said: Mapping[str, Any]
) -> FieldMerge:
    """What a view says, field by field."""
    config = catalogue.config
    now: dict[str, Value | None] = {**sample.annotations}
    return merge_fields(values_of(base), now, said, lambda name, value: checked(name, value, config))

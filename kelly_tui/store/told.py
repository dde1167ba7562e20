"""What a view says of one sample, merged with what it was written from, as far as that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kelly_tui.model.annotation import FIELDS, Label, Value
from kelly_tui.model.edit import UNDECIDED, state_label
from kelly_tui.model.sample import Sample
from kelly_tui.model.tonality import HALVES, apart, contradiction
from kelly_tui.store.annotation_file import AnnotationFile
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.merge import FieldMerge, hold_older, merge_fields, merge_state, other_than, values_of
from kelly_tui.store.outside import Told, said_here
from kelly_tui.store.rows import checked
from kelly_tui.store.schema import label_from_json


def wrote(catalogue: Catalogue, sample: Sample, said: AnnotationFile) -> bool:
    """Whether this catalogue wrote the revision that a file has, as far as the time tells."""
    if said.rev == sample.rev:
        return said.modified_at == sample.modified_at
    changed = "SELECT 1 FROM events JOIN steps USING (step) WHERE sample_id = ? AND rev = ? AND at = ?"
    found = catalogue.db.execute(changed, (sample.sample_id, said.rev, said.modified_at)).fetchone()
    return found is not None


def told_by_file(catalogue: Catalogue, sample: Sample, said: AnnotationFile) -> Told:
    """Of a file that this catalogue wrote, and that was edited since."""
    base = base_of(catalogue, sample, said.values.keys() & FIELDS.keys(), "rev", said.rev)
    base |= base_of(catalogue, sample, said.state, "rev", said.rev)
    merged = merged_with(catalogue, sample, base, said.values)
    hold_older(merged, sample.labels, said.provenance)
    merged.add(merge_state(values_of(base), sample.state, said.state))
    was_edited = merged.taken or merged.conflicts or merged.refused
    differs = said.values != sample.annotations or other_than(sample.state, said.state)
    return Told(base, merged, is_outdated=bool(said.rev != sample.rev and differs and not was_edited))


def base_of(
    catalogue: Catalogue, sample: Sample, fields: Iterable[str], column: str, since: int | None
) -> dict[str, Label | None]:
    """What the fields said when the view was written: as now, with later events taken back. Unknown: nothing.

    `since`: the last event that the view knows, by its ``seq``, or the revision, ``rev``: which is in `column`.
    """
    base: dict[str, Label | None] = {}
    asked = {*fields}
    if "key" in asked:  # which may name the mode
        asked.add("mode")
    for name in asked:
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
    """What a view says, field by field. A mode that a key names is taken where the mode's own line is as it was."""
    config = catalogue.config
    now: dict[str, Value | None] = {**sample.annotations}
    before = values_of(base)
    both = apart(said, before.get("mode"))
    merged = merge_fields(before, now, both, lambda name, value: checked(name, value, config))
    if both.get("key") != said.get("key"):
        _take_other_half(merged, sample, both)
    if why := contradiction(said, before.get("mode")):
        merged.refused["key"] = why
    return merged


def _take_other_half(merged: FieldMerge, sample: Sample, said: Mapping[str, Any]) -> None:
    """Who says a key with its mode also says the half that a detector hears likewise: it would go with its other."""
    for half, other in HALVES.items():
        is_news = half in merged.taken or half in merged.conflicts
        label = sample.labels.get(other)
        if is_news and label is not None and label.source != "human" and label.value == said[other]:
            merged.taken[other] = label.value

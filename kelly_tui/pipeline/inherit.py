"""Variants say what their parents say, as far as the change that made them allows."""

from __future__ import annotations

from collections.abc import Iterator

from kelly_tui.model.annotation import Label
from kelly_tui.model.sample import Sample
from kelly_tui.model.variation import changes_of
from kelly_tui.music.label_rules import inherited_label
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.descent import is_far
from kelly_tui.store.manifest import catalogue_rev

_BATCH = 500
_HANDED_DOWN = "handed down"


def inherited(variant: Sample, parent: Sample) -> dict[str, Label | None]:
    """The labels to set on a variant for it to say what `parent` says; None takes back what the parent took back."""
    if not variant.augmentation:
        return {}
    changes = changes_of(variant.augmentation)
    labels = {name: inherited_label(name, parent.labels, changes) for name in {**parent.labels, **variant.labels}}
    now = variant.labels
    return {
        name: label
        for name, label in labels.items()
        if label is not None or (name in now and now[name].source == "inherited")
    }


def hand_down(catalogue: Catalogue) -> int:
    """Bring the inherited labels of all variants up to date with their parents; how many changed."""
    changed = 0
    while (since := _handed_down(catalogue)) != (until := catalogue_rev(catalogue)):
        changed += _to_children(catalogue, since)  # who may have variants: their sound
        with catalogue.writing() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_HANDED_DOWN, str(until)))
    return changed


def _to_children(catalogue: Catalogue, since: int | None) -> int:
    """Hand down what changed since that event, one generation; how many labels that changed."""
    changed = 0
    wanted: dict[str, dict[str, Label | None]] = {}
    for variant_id in list(_behind(catalogue, since)):
        variant = catalogue.get(variant_id)
        parent = catalogue.get(variant.parent_id) if variant is not None and variant.parent_id else None
        if variant is None or parent is None:
            continue
        if parent.parent_id is not None and is_far(catalogue.db, variant_id):
            continue  # in a circle it would have no end
        wanted[variant_id] = inherited(variant, parent)
        if len(wanted) == _BATCH:
            changed += catalogue.put_labels(wanted, actor="augment")
            wanted.clear()
    return changed + catalogue.put_labels(wanted, actor="augment")


def _handed_down(catalogue: Catalogue) -> int | None:
    """The last event that variants know of; None in a catalogue that was never looked at, or was made of views."""
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_HANDED_DOWN,)).fetchone()
    return None if row is None else int(row[0])


def _behind(catalogue: Catalogue, since: int | None) -> Iterator[str]:
    """Variants whose parent has changed after them: by the history, since clocks are set back."""
    if since is None:
        rows = catalogue.db.execute(
            "SELECT variant.sample_id FROM samples AS variant JOIN samples AS parent"
            " ON parent.sample_id = variant.parent_id WHERE parent.modified_at >= variant.modified_at"
        )
    else:
        rows = catalogue.db.execute(
            "SELECT sample_id FROM samples WHERE parent_id IN (SELECT sample_id FROM events WHERE seq > ?)", (since,)
        )
    return (sample_id for (sample_id,) in rows)

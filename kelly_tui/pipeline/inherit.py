"""Variants say what their parents say, as far as the change that made them allows."""

from __future__ import annotations

from collections.abc import Iterator

from kelly_tui.augment.recipe import Recipe, variant_labels
from kelly_tui.model.annotation import Label
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue

_BATCH = 500


def inherited(variant: Sample, parent: Sample) -> dict[str, Label | None]:
    """The labels to set on a variant for it to say what `parent` says; None takes back what the parent took back."""
    if not variant.augmentation:
        return {}
    changes = {name: value for name, value in variant.augmentation.items() if name in Recipe.__struct_fields__}
    labels: dict[str, Label | None] = dict(variant_labels(parent.labels, Recipe(**changes)))
    gone = [name for name, label in variant.labels.items() if label.source == "inherited" and name not in labels]
    return labels | dict.fromkeys(gone)


def hand_down(catalogue: Catalogue) -> int:
    """Bring the inherited labels of all variants up to date with their parents; how many changed."""
    changed = 0
    wanted: dict[str, dict[str, Label | None]] = {}
    for variant_id in list(_behind(catalogue)):
        variant = catalogue.get(variant_id)
        parent = catalogue.get(variant.parent_id) if variant is not None and variant.parent_id else None
        if variant is not None and parent is not None:
            wanted[variant_id] = inherited(variant, parent)
        if len(wanted) == _BATCH:
            changed += catalogue.put_labels(wanted, actor="augment")
            wanted.clear()
    return changed + catalogue.put_labels(wanted, actor="augment")


def _behind(catalogue: Catalogue) -> Iterator[str]:
    """Variants whose parent has changed after them."""
    rows = catalogue.db.execute(
        "SELECT variant.sample_id FROM samples AS variant JOIN samples AS parent"
        " ON parent.sample_id = variant.parent_id WHERE parent.modified_at >= variant.modified_at"
    )
    return (sample_id for (sample_id,) in rows)

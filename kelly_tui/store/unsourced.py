"""Labels of which only a row of manifest.json tells, which says not who gave them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import msgspec

from kelly_tui.model.annotation import Label
from kelly_tui.model.sample import Sample
from kelly_tui.model.variation import changes_of
from kelly_tui.music.label_rules import inherited_label
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.folders import FolderWords, sources_say
from kelly_tui.store.rows import BY, provenance_of_row
from kelly_tui.store.schema import label_of


class Unsourced:
    """Finds who gave them. Where nothing else tells it was a person: that is what no stage may overwrite."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._vocabulary = FolderWords(catalogue.config)
        self.says_who = False
        """Whether the manifest says of each label that a person gave who did: the others are weaker."""
        self.unknown = 0
        """Samples with labels of which nothing told who gave them."""

    def settle(self, samples: Sequence[Sample], which: Container[str]) -> None:
        """Give the labels by `BY` of those of `samples` whose id is in `which` another source that says the very same.

        A variant is told by its parent, which is in the catalogue or among `samples`; an imported sample by its
        folders, and a generated one by its generator, unless a person decided or verified it.
        """
        by_id: dict[str, Sample] = {}
        for sample in samples:
            by_id[sample.sample_id] = sample
            unknown = [name for name, label in sample.labels.items() if label.by == BY and label.source == "human"]
            if unknown and sample.sample_id in which:
                said = self._said_of(sample, by_id)
                found = {
                    name: label
                    for name in unknown
                    if (label := said.get(name)) is not None and label.value == sample.labels[name].value
                }
                sample.labels |= found
                self.unknown += len(found) < len(unknown)

    def _said_of(self, sample: Sample, by_id: Mapping[str, Sample]) -> Mapping[str, Label | None]:
        if self.says_who:
            where = provenance_of_row({}, sample, {})
            return {name: label_of(label.value, where(name)) for name, label in sample.labels.items()}
        if sample.value("is_verified") is True or sample.decision != "pending":
            return {}
        if sample.origin == "imported":
            sources = [*([sample.source] if sample.source else []), *sample.other_sources]
            folders = sources_say(sources, self._vocabulary).labels
            return {name: Label(value, "folder", BY) for name, value in folders.items()}
        if sample.parent_id is None:
            return {name: msgspec.structs.replace(label, source="generator") for name, label in sample.labels.items()}
        parent = by_id.get(sample.parent_id) or self._catalogue.get(sample.parent_id)
        if parent is None:
            return {}
        changes = changes_of(sample.augmentation or {})
        return {name: inherited_label(name, parent.labels, changes) for name in sample.labels}

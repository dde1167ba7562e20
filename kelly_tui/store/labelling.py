"""The annotate stage: labels that the folders of a sample's sources give it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from kelly_tui.model.annotation import Label
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import put_conflicts
from kelly_tui.store.folders import FolderWords, sources_say
from kelly_tui.store.layout import utc_now
from kelly_tui.store.rows import BY as MANIFEST
from kelly_tui.store.schema import decode_provenance, label_of
from kelly_tui.store.steps import Wanted
from kelly_tui.text import agree, count

BY = "folders"


@dataclass
class FoldersRead:
    """What the folders said."""

    samples: int = 0
    """Imported samples that were asked."""
    labelled: Counter[str] = field(default_factory=Counter)
    """Field -> samples whose folders name it."""
    changed: int = 0
    """Labels that are new."""
    cleared: int = 0
    """Samples whose folder names the main label, which a person has cleared."""
    silent: list[str] = field(default_factory=list)
    """Files that still lack the dataset's main label, since no folder of theirs names one."""
    conflicts: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    """(file, field, labels): the same content lies in folders that disagree."""
    wanted: dict[str, Wanted] = field(default_factory=dict)
    """Sample -> the labels that its folders give it."""
    disagreements: list[tuple[str, str, Label, Label]] = field(default_factory=list)
    """(sample, field, label, other label): the conflicts that this opens."""

    def words(self) -> str:
        """``73 labelled (emotion 73, mode 2), 12 have no folder that is a label, 1 lies in folders that disagree``."""
        by = ", ".join(f"{name} {number:,}" for name, number in self.labelled.most_common())
        parts = [f"labels from folders: {by}" if by else "no folder is a label"]
        if self.silent:
            have = agree(len(self.silent), "has", "have")
            parts.append(f"{len(self.silent):,} of {self.samples:,} {have} no folder that is a label")
        if self.cleared:
            parts.append(f"{self.cleared:,} cleared by a person")
        if self.conflicts:
            parts.append(f"{count(len(self.conflicts), 'lies', 'lie')} in folders that disagree")
        return ", ".join(parts)


def annotate(catalogue: Catalogue) -> FoldersRead:
    """Label imported samples by their folders. What a person said stands; folders that disagree label nothing."""
    result = read_folders(catalogue)
    result.changed = catalogue.put_labels(result.wanted, kind="stage", actor=BY)
    put_conflicts(catalogue, result.disagreements, BY)
    return result


def read_folders(catalogue: Catalogue) -> FoldersRead:
    """What the folders of the imported samples say; nothing is written."""
    vocabulary = FolderWords(catalogue.config)
    main = catalogue.config.model.main_label
    result = FoldersRead()
    at = utc_now()
    rows = catalogue.db.execute(
        f"SELECT sample_id, file_path, source, other_sources, provenance, refused, {main} FROM samples"
        " WHERE origin = 'imported' ORDER BY rowid"
    )
    for sample_id, path, source, others, provenance, refused, main_value in rows:
        sources = [*([source] if source else []), *(msgspec.json.decode(others) if others else ())]
        says = sources_say(sources, vocabulary)
        there = decode_provenance(provenance)
        cleared = {*(msgspec.json.decode(refused) if refused else ())} & says.labels.keys() - there.keys()
        for name in cleared:
            del says.labels[name]
        result.cleared += main in cleared
        labels: dict[str, Label | None] = {name: Label(value, "folder", BY, at) for name, value in says.labels.items()}
        for name, values in says.disagree.items():
            if name in there and there[name].source != "folder":
                continue  # decided otherwise
            if name in there:
                labels[name] = None
            result.conflicts.append((path, name, values))
            ours, theirs = (Label(value, "folder", BY, at) for value in values[:2])
            result.disagreements.append((sample_id, name, ours, theirs))
        result.samples += 1
        result.labelled.update(says.labels.keys())
        if main_value is None and main not in says.labels and main not in says.disagree and main not in cleared:
            result.silent.append(path)
        if labels:
            result.wanted[sample_id] = labels
    _ask_where_manifest_differs(catalogue, result)
    return result


def _ask_where_manifest_differs(catalogue: Catalogue, result: FoldersRead) -> None:
    """A main label of which only the manifest told may be a person's, or what an earlier program made of the folder."""
    main = catalogue.config.model.main_label
    rows = catalogue.db.execute(
        f"SELECT sample_id, {main}, provenance FROM samples WHERE origin = 'imported' AND decision = 'pending'"
        f" AND provenance ->> '$.{main}.by' = ?",
        (MANIFEST,),
    )
    for sample_id, value, provenance in rows:
        label = result.wanted.get(sample_id, {}).get(main)
        if label is not None and label.value != value:
            ours = label_of(value, decode_provenance(provenance)[main])
            result.disagreements.append((sample_id, main, ours, label))
            result.wanted[sample_id] = {name: one for name, one in result.wanted[sample_id].items() if name != main}

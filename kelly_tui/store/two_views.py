"""What the manifest and an annotation file say of one sample where no catalogue tells what they were written from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from kelly_tui.model.annotation import Label
from kelly_tui.store.annotation_file import AnnotationFile


@dataclass
class BothSay:
    """What comes of it."""

    typed: dict[str, Label] = field(default_factory=dict)
    """What only the manifest says: somebody wrote it there."""
    undecided: list[tuple[str, Label | None, Label]] = field(default_factory=list)
    """(field, the annotation file's, the manifest's) where they differ and nothing tells which is of now."""
    outdated: list[str] = field(default_factory=list)
    """Fields of which the manifest says what was cleared or said otherwise since."""


def both_say(file: AnnotationFile, ours: Mapping[str, Label], row: Mapping[str, Label], row_at: str,
             cleared: Collection[str]) -> BothSay:  # fmt: skip
    """`ours`: the labels in `file`; `row`: those in the manifest, whose sample was changed last at `row_at`, UTC,
    or when its last label was given.

    `cleared`: fields that a person cleared. What the row says was outdated only where the file's is later.
    """
    latest = max([file.modified_at or "", *(label.at or "" for label in ours.values())])
    row_at = max([row_at, *(label.at or "" for label in row.values())])
    both, file_is_later = BothSay(), latest > row_at
    emptied = {name for name, value in file.values.items() if value in (None, "", [])}
    for name, theirs in row.items():
        label = ours.get(name)
        if label is not None and label.value == theirs.value:
            continue
        if (label is None and (name in cleared or name in emptied)) or file.had(name, theirs):
            both.outdated.append(name)
        elif label is None and not file_is_later:
            both.typed[name] = theirs
        elif file_is_later and label is not None and (label.at or "") > row_at:
            both.outdated.append(name)
        else:
            both.undecided.append((name, label, theirs))
    return both

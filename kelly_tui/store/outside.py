"""Outside edits that were found in views: what one says of a sample, and what became of all, in words too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import LONGEST_NAME, Label, Value
from kelly_tui.model.edit import STATE_FIELDS, state_label
from kelly_tui.model.labels import SOURCES
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.sample import Sample
from kelly_tui.model.tonality import author_of
from kelly_tui.store.annotation_file import AnnotationFile
from kelly_tui.store.conflicts import OUTSIDE
from kelly_tui.store.earlier import ToldElsewhere
from kelly_tui.store.merge import FieldMerge
from kelly_tui.store.schema import Provenance, label_of, provenance_of
from kelly_tui.store.viewstate import Stamp
from kelly_tui.text import agree, count

NAMED = 10
"""Edits that were not taken and are named at once; `refused_edits` has the others."""

NEW_SAMPLE = "new sample"
"""What stands for a field where a manifest brings a whole sample."""


class Pending(NamedTuple):
    """What an outside edit would change, if it were taken in. None stands for "no label"."""

    sample_id: str
    file_path: str
    field: str
    ours: Value | None
    theirs: Value | None


@dataclass
class Merge:
    """What became of the outside edits that were found."""

    taken: list[tuple[str, str]] = field(default_factory=list)
    """(sample_id, field), of as many as are listed."""
    taken_in_all: int = 0
    conflicts: list[tuple[str, str]] = field(default_factory=list)
    """(sample_id, field): both sides changed it; see `kelly_tui.store.conflicts`."""
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """(file, field, why): no label can be so; the file was kept."""
    lines: list[str] = field(default_factory=list)
    """What was refused or set aside, in words, with where it is kept."""
    set_aside: list[tuple[str, str, str]] = field(default_factory=list)
    """(file, why, where it was kept)."""
    outdated: int = 0
    """Annotation files put back as they were before: what was replaced since is not taken from them."""
    rows: list[tuple[str, str]] = field(default_factory=list)
    """(why, where it was kept) of rows of a manifest of which not all could be taken."""
    said: int = 0
    """Opinions and answers of blind listening that were not known here."""
    added: list[str] = field(default_factory=list)
    """Ids of samples that an edited manifest brought."""
    unknown: list[str] = field(default_factory=list)
    """Annotation files of samples that are not in the catalogue; left where they are."""
    gone: list[str] = field(default_factory=list)
    """Ids of samples whose annotation file is not there any more: it says nothing, and is written again."""
    pending: list[Pending] = field(default_factory=list)
    """Where so many samples were changed that nothing was taken, the first of it: `take_outside_edits` or
    `decline_outside_edits`."""
    pending_samples: int = 0
    pending_fields: Counter[str] = field(default_factory=Counter)
    """How many samples wait with a change of each field."""
    caught_up: str = ""
    """Where the catalogue was older than the views: what was taken from them."""

    def words(self) -> str:
        """``3 outside edits taken, 1 conflict``, and a line for each that was not; empty when there was nothing.

        The app shows the first line alone.
        """
        if self.pending_samples:
            by = ", ".join(f"{name} {number:,}" for name, number in self.pending_fields.most_common(5))
            samples = count(self.pending_samples, "sample was", "samples were")
            waits = f"{samples} edited outside ({by}) and not taken in yet: kelly conflicts shows them"
            return "\n".join(filter(None, [self.caught_up, waits]))
        counts = {
            ("outside edit taken", "outside edits taken"): self.taken_in_all,
            ("opinion added", "opinions added"): self.said,
            ("conflict", "conflicts"): len(self.conflicts),
            ("refused", "refused"): len(self.refused),
            ("file set aside", "files set aside"): len(self.set_aside),
            ("row in doubt", "rows in doubt"): len(self.rows),
            ("sample added", "samples added"): len(self.added),
            ("annotation file was gone and is written again", "annotation files were gone and are written again"): len(
                self.gone
            ),
        }
        summary = ", ".join(count(number, *words) for words, number in counts.items() if number)
        said = filter(None, [summary, self._outdated_in_words()])
        more = [f"and {len(self.lines) - NAMED:,} more: see kelly conflicts"] if len(self.lines) > NAMED else []
        return "\n".join(filter(None, [self.caught_up, "; ".join(said), *self.lines[:NAMED], *more]))

    def _outdated_in_words(self) -> str:
        files = count(self.outdated, "annotation file is", "annotation files are")
        anew = agree(self.outdated, "it is", "they are")
        words = f"{files} of before later changes, which stand: {anew} written anew, undo takes edits back"
        return words if self.outdated else ""


WhereFrom = Callable[[str], Provenance | None]
"""Where a label comes from by what the view says; None: it was edited by hand."""


def by_hand(field: str) -> Provenance | None:
    """Where what was edited in a view comes from: nothing says more."""
    return None


def said_elsewhere(said: AnnotationFile, base: Mapping[str, Label | None], state: Mapping[str, object]) -> WhereFrom:
    """The same of a file that another copy of the dataset wrote: who gave what there, and when which `state` of it was
    decided.

    Who edits it by hand leaves that as it is, so that what has the source of the label in `base` is nobody's else.
    """

    def where(field: str) -> Provenance | None:
        if field in state and (times := said.decisions.get(field)) and len(times[-1]) <= LONGEST_NAME:
            return Provenance("human", at=times[-1])
        if (author := author_of(field, said.values)) != field:
            return where(author)
        told, label = said.provenance.get(field), base.get(field)
        if told is None or (label is not None and told == provenance_of(label)):
            return None
        is_name = all(len(one or "") <= LONGEST_NAME for one in (told.by, told.at, told.source))
        return told if is_name and told.source in SOURCES else None

    return where


class Told(NamedTuple):
    """What comes of what one view says of one sample."""

    base: dict[str, Label | None]
    """What the view was made from, as far as that is known."""
    merged: FieldMerge
    where: WhereFrom = by_hand
    settled: Sequence[str] = ()
    """Fields whose open conflict was decided in another copy of the dataset."""
    is_outdated: bool = False
    """Whether this catalogue wrote all that it says, and says otherwise now."""


class Change(NamedTuple):
    """The same with where it stands, not yet taken."""

    sample: Sample
    told: Told
    path: Path
    stamp: Stamp
    """Of the file when it was read."""
    keep: str
    """Why the file is kept besides; empty where all that it holds is understood."""
    opinions: Sequence[Opinion] = ()
    heard: Sequence[Trial] = ()
    """What people said blind."""
    elsewhere: ToldElsewhere | None = None
    """What a file of another copy of the dataset tells besides."""
    goes_on: bool = False
    """Whether the next one is another version in the same file."""


def said_here(sample: Sample, field: str) -> Label | None:
    """What the catalogue says, as edits and history have it."""
    return state_label(field, sample.state[field]) if field in STATE_FIELDS else sample.labels.get(field)


def in_batches(changes: Iterable[Change], size: int) -> Iterator[list[Change]]:
    """About so many at once; none is looked for before all of an earlier batch are dealt with."""
    batch: list[Change] = []
    for change in changes:
        batch.append(change)
        if len(batch) >= size and not change.goes_on:
            yield batch
            batch = []
    yield batch


def as_label(field: str, value: Value | None, where: Provenance | None, at: str) -> Label | None:
    """What a view says, as edits and history have it: where nobody is named a person's who edits outside."""
    if field in STATE_FIELDS:
        decided = state_label(field, value)
        return decided if decided is None or where is None else Label(decided.value, at=where.at)
    if where is not None and value not in (None, "", []):
        return label_of(value, where)
    return None if value is None or value in ("", []) else Label(value, "human", OUTSIDE, at)

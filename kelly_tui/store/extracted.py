"""What extraction found of a file: as it travels from the worker that found it, and into the catalogue.

It travels as it will be stored, so that a list of thousands of numbers is written out once, where it was made, and
read by nobody on its way.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from kelly_tui.model.annotation import FIELDS, Label, check_value
from kelly_tui.model.tonality import beside
from kelly_tui.store.connection import AMONG, among
from kelly_tui.store.feature_files import Look
from kelly_tui.store.layout import utc_now
from kelly_tui.store.schema import INSERT_FINGERPRINT, LIST_FIELDS, Provenance, label_of
from kelly_tui.store.steps import NOTHING, Labels, Recorder, Wanted

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

STAGE = "extract"
_OURS = "kelly "
"""With this the names of our detectors begin."""

_SURE_OF = {"key": "key", "tempo_bpm": "tempo", "time_signature": "meter", "chord_progression": "chord"}
"""Labels of whose detectors the columns tell how sure they are, and as what: ``key_confidence``."""

_encode = msgspec.json.Encoder().encode


class Extracted(NamedTuple):
    """What was found of one sample."""

    sample_id: str
    key: str
    """What it was found under."""
    features_path: str
    duration_sec: float
    vector: bytes
    """float32."""
    columns: str
    """Numbers and words, JSON."""
    sketch: bytes
    """What the piece is recognised by; of variants, who have a root, none is kept."""
    labels: Wanted = NOTHING
    absent: Iterable[str] = ()
    """Labels that could be there and are not."""
    look: Look | None = None
    """How the file of features looked when it was whole."""


class _Carried(Provenance, frozen=True):
    """A `Label` whose value is not looked into."""

    value: msgspec.Raw = msgspec.Raw(b"null")


_decode_carried = msgspec.json.Decoder(dict[str, _Carried]).decode


def labels_to_carry(labels: Mapping[str, Label]) -> str:
    """Labels of detectors as JSON, by field. Raises `LabelError` for one that can't be."""
    for field, label in labels.items():
        check_value(FIELDS[field], label.value)
    return _encode(labels).decode()


def carried_labels(carried: str) -> dict[str, Label]:
    """The same as labels; a list is a `msgspec.Raw` of the JSON that will be stored."""
    labels = {}
    for field, one in _decode_carried(carried).items():
        value: Any = one.value if field in LIST_FIELDS else msgspec.json.decode(one.value)
        labels[field] = label_of(value, one)
    return labels


def columns_to_carry(columns: Mapping[str, Any], labels: Mapping[str, Label]) -> str:
    """The columns as JSON, with how sure the detectors are: kept also where a person's label stands."""
    sure = {
        f"{name}_confidence": label.confidence
        for field, name in _SURE_OF.items()
        if (label := labels.get(field)) is not None and label.confidence is not None
    }
    return _encode({**columns, **sure}).decode()


def vector_to_store(vector: Iterable[float]) -> bytes:
    return array("f", vector).tobytes()


def put_extracted(catalogue: Catalogue, rows: Sequence[Extracted]) -> None:
    """Store features and labels, and forget that they failed before: one transaction.

    What an older detector of ours said and the present one doesn't is cleared, as it would be replaced; so is its half
    of key and mode beside another's half that it did not hear.
    """
    step = Recorder(catalogue, STAGE, "stage", f"labels by {STAGE}", utc_now())
    with catalogue.writing() as db:
        numbers: dict[str, int] = {}
        for row in rows:
            now = Labels.of(db, row.sample_id, {**row.labels, **dict.fromkeys(row.absent)})
            found = beside(row.labels, now.labels)
            absent = [*row.absent, *(field for field in row.labels if field not in found)]
            gone = {field: None for field in absent if _is_ours(now.provenance.get(field))}
            wanted: Wanted = {**gone, **found}
            new = {field: label for field, label in wanted.items() if now.yields_to(field, label)}
            step.change(db, now, new, {"features_path": row.features_path, "duration_sec": row.duration_sec})
            numbers[row.sample_id] = now.number
        numbered = [(numbers[row.sample_id], row) for row in rows]
        db.executemany(
            "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)",
            ((number, row.key, row.vector, row.columns) for number, row in numbered),
        )
        db.executemany(INSERT_FINGERPRINT, ((row.sketch, number) for number, row in numbered))
        db.executemany(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?)", ((STAGE, number, row.key) for number, row in numbered)
        )
        db.executemany(
            "INSERT OR REPLACE INTO legible VALUES (?, ?, ?)",
            ((number, *row.look) for number, row in numbered if row.look is not None),
        )
        failed = db.execute(
            f"SELECT sample_id FROM failures WHERE stage = ? AND sample_id IN {AMONG}", (STAGE, among([*numbers]))
        )
        for (sample_id,) in failed.fetchall():
            catalogue.clear_failure(sample_id, STAGE)


def _is_ours(where_from: Provenance | None) -> bool:
    return where_from is not None and where_from.source == "detector" and (where_from.by or "").startswith(_OURS)

"""The tables of the catalogue, and a sample as a row of them.

`samples` is one wide table: a column for every field of a sample and of its annotation, what lists show first, long
lists last, so that pages of the list never read them. The fields of the annotation come from
`kelly_tui.model.annotation.FIELDS`; where a label came from lies in `provenance`, JSON by field. A field has
a value if and only if it has a provenance.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from kelly_tui.model.annotation import FIELDS, Label, Value
from kelly_tui.model.sample import Sample
from kelly_tui.store.migrations import LATER, STEP_INDEXES
from kelly_tui.store.unchanged import forgetting

LIST_KINDS = ("words", "chords", "numbers", "velocities")
LIST_FIELDS = frozenset(name for name, field in FIELDS.items() if field.kind in LIST_KINDS)
FLAG_FIELDS = frozenset(name for name, field in FIELDS.items() if field.kind == "flag")
_LONG = LIST_FIELDS | {"notes"}


def _column_type(field: str) -> str:
    return {"number": "REAL", "flag": "INTEGER"}.get(FIELDS[field].kind, "TEXT")


_ANNOTATION_COLUMNS = {name: _column_type(name) for name in sorted(FIELDS, key=_LONG.__contains__)}
"""Name and type, short ones first."""

_SHORT = ",\n  ".join(f"{name} {kind}" for name, kind in _ANNOTATION_COLUMNS.items() if name not in _LONG)
_SHORT_NAMES = ", ".join(name for name in _ANNOTATION_COLUMNS if name not in _LONG)
_LENGTHY = ",\n  ".join(f"{name} {kind}" for name, kind in _ANNOTATION_COLUMNS.items() if name in _LONG)

ORIGIN = "(CASE WHEN parent_id IS NOT NULL THEN 'augmented' WHEN is_synthetic THEN 'generated' ELSE 'imported' END)"
_SOUND_OF_ROOT = "(augmentation_type IS 'render' AND parent_id IS root_id)"
LISTED = f"(NOT rejected AND ({ORIGIN} = 'imported' OR {_SOUND_OF_ROOT} OR ifnull(split, '') NOT IN ('val', 'test')))"
"""Whether an export would hold the sample if its file were fine: val and test lists hold imported samples only, and
the sound of those that are MIDI, which is the same music, unchanged. (The sound of a generated one is in train too.)
"""
HELD = f"(status = 'ok' AND {LISTED})"
"""Whether an export would hold the sample.

The columns `origin`, `listed` and `held` are these; but SQLite reads the whole table for generated columns, where for
these expressions it reads `samples_short`.
"""

_GENERATED = {
    "listed": f"listed INTEGER GENERATED ALWAYS AS {LISTED} VIRTUAL",
    "held": f"held INTEGER GENERATED ALWAYS AS {HELD} VIRTUAL",
}

_INDEXES = {
    "samples_sha256": "(sha256) WHERE origin = 'imported'",
    "samples_root": "(root_id) WHERE parent_id IS NOT NULL",
    "samples_parent": "(parent_id) WHERE parent_id IS NOT NULL",
    "samples_outbox": "(rev) WHERE rev <> exported_rev",
    # All that is short, once more: a filter or an order reads this tenth of the table instead of all of it. It begins
    # with rowid so that new rows go to its end.
    "samples_short": f"""(
  rowid, file_type, status, decision, rejected, split, parent_id, is_synthetic, augmentation_type, duration_sec,
  file_size_bytes, conflicts, confidence, {_SHORT_NAMES}, file_path, root_id
)""",
}
"""Of `samples`, besides those that keep ids and paths apart; `missing` makes them."""

TABLES = f"""
CREATE TABLE samples (
  rowid INTEGER PRIMARY KEY,
  sample_id TEXT NOT NULL UNIQUE,
  file_path TEXT NOT NULL UNIQUE,
  file_type TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'ok',
  decision TEXT NOT NULL DEFAULT 'pending',
  rejected INTEGER NOT NULL DEFAULT 0,
  is_synthetic INTEGER NOT NULL DEFAULT 0,
  parent_id TEXT,
  augmentation_type TEXT,
  split TEXT,
  duration_sec REAL,
  features_path TEXT,
  conflicts INTEGER NOT NULL DEFAULT 0,
  confidence REAL,
  rev INTEGER NOT NULL DEFAULT 0,
  exported_rev INTEGER NOT NULL DEFAULT 0,
  {_SHORT},
  sha256 TEXT NOT NULL DEFAULT '',
  root_id TEXT NOT NULL,
  file_size_bytes INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL DEFAULT '',
  modified_at TEXT NOT NULL DEFAULT '',
  source TEXT,
  license TEXT NOT NULL DEFAULT '',
  skip_reason TEXT,
  refused TEXT,
  provenance TEXT NOT NULL DEFAULT '{{}}',
  other_sources TEXT,
  augmentation TEXT,
  extra TEXT,
  {_LENGTHY},
  origin TEXT GENERATED ALWAYS AS {ORIGIN} VIRTUAL,
  {_GENERATED["listed"]},
  {_GENERATED["held"]}
);

-- What `extract` found: the vector as float32, the numbers and words as JSON.
CREATE TABLE features (
  sample INTEGER PRIMARY KEY REFERENCES samples (rowid) ON DELETE CASCADE,
  key TEXT NOT NULL,
  vector BLOB NOT NULL,
  columns TEXT NOT NULL
);

-- Under which key the result of a stage is stored: what has the wanted key need not be done again.
CREATE TABLE results (
  stage TEXT NOT NULL,
  sample INTEGER NOT NULL REFERENCES samples (rowid) ON DELETE CASCADE,
  key TEXT NOT NULL,
  PRIMARY KEY (stage, sample)
) WITHOUT ROWID;

-- What could not be done, and why. A file that never became a sample has no sample_id.
CREATE TABLE failures (
  stage TEXT NOT NULL,
  path TEXT NOT NULL,
  sample_id TEXT,
  key TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (stage, path)
) WITHOUT ROWID;
CREATE INDEX failures_sample ON failures (sample_id) WHERE sample_id IS NOT NULL;

-- Both sides changed the same field: labels as JSON, null where there was none. Open until resolved_at is set.
CREATE TABLE conflicts (
  conflict INTEGER PRIMARY KEY,
  sample_id TEXT NOT NULL REFERENCES samples (sample_id) ON DELETE CASCADE,
  field TEXT NOT NULL,
  base TEXT,
  ours TEXT,
  theirs TEXT,
  origin TEXT NOT NULL DEFAULT '',
  at TEXT NOT NULL,
  resolved_at TEXT
);
CREATE UNIQUE INDEX conflicts_open ON conflicts (sample_id, field) WHERE resolved_at IS NULL;
CREATE TRIGGER conflict_opened AFTER INSERT ON conflicts WHEN NEW.resolved_at IS NULL BEGIN
  UPDATE samples SET conflicts = conflicts + 1 WHERE sample_id = NEW.sample_id;
END;
CREATE TRIGGER conflict_resolved AFTER UPDATE OF resolved_at ON conflicts
WHEN OLD.resolved_at IS NULL AND NEW.resolved_at IS NOT NULL BEGIN
  UPDATE samples SET conflicts = conflicts - 1 WHERE sample_id = NEW.sample_id;
END;
CREATE TRIGGER conflict_removed AFTER DELETE ON conflicts WHEN OLD.resolved_at IS NULL BEGIN
  UPDATE samples SET conflicts = conflicts - 1 WHERE sample_id = OLD.sample_id;
END;

-- The annotation files as they were last written: one that differs was changed by another.
CREATE TABLE exports (
  sample INTEGER PRIMARY KEY REFERENCES samples (rowid) ON DELETE CASCADE,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL
);

-- History. A step is what one key press or one stage did; `target` is the step that an undo or redo was about,
-- `session` the run of the app that made it.
CREATE TABLE steps (
  step INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  words TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'done',
  target INTEGER REFERENCES steps (step),
  session TEXT
);
CREATE INDEX steps_undo ON steps (actor, state, step) WHERE kind = 'edit';
{STEP_INDEXES}
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  step INTEGER NOT NULL REFERENCES steps (step),
  sample_id TEXT NOT NULL,
  rev INTEGER NOT NULL,
  field TEXT NOT NULL,
  old TEXT,
  new TEXT
);
CREATE INDEX events_step ON events (step);
CREATE INDEX events_sample ON events (sample_id);

-- What a person says about a field decides the conflict about it.
CREATE TRIGGER conflict_decided AFTER INSERT ON events
WHEN EXISTS (SELECT 1 FROM conflicts WHERE sample_id = NEW.sample_id AND field = NEW.field AND resolved_at IS NULL)
BEGIN
  UPDATE conflicts SET resolved_at = steps.at FROM steps
  WHERE sample_id = NEW.sample_id AND field = NEW.field AND resolved_at IS NULL
    AND steps.step = NEW.step AND steps.kind = 'edit';
END;

CREATE TABLE counts (
  facet TEXT NOT NULL,
  value TEXT NOT NULL,
  origin TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (facet, value, origin)
) WITHOUT ROWID;

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
{LATER}
"""

_PLAIN = (
    "sample_id",
    "file_path",
    "file_type",
    "sha256",
    "file_size_bytes",
    "duration_sec",
    "created_at",
    "modified_at",
    "split",
    "features_path",
    "source",
    "is_synthetic",
    "parent_id",
    "augmentation_type",
    "root_id",
    "license",
    "status",
    "decision",
    "skip_reason",
    "rejected",
    "rev",
)
_JSON = ("other_sources", "refused", "augmentation", "extra")
_ANNOTATIONS = tuple(_ANNOTATION_COLUMNS)
COLUMNS = ", ".join((*_PLAIN, *_JSON, "provenance", *_ANNOTATIONS, "confidence"))
"""What `to_row` gives and `from_row` takes, in this order."""


def _insert(columns: str) -> str:
    places = ", ".join("?" * (columns.count(",") + 1))
    return f"INSERT INTO samples ({columns}) VALUES ({places}) ON CONFLICT (sample_id) DO NOTHING"


INSERT = _insert(COLUMNS)
_INSERT_UNLABELLED = _insert(", ".join((*_PLAIN, *_JSON, "provenance")))
"""The sqlite3 module takes as long for an absent label's NULL as SQLite for the column of a label that is there."""


def insert(db: sqlite3.Connection, samples: Iterable[Sample]) -> int:
    """Add samples in this order, but those whose id is there already; how many."""
    added = 0
    for labelled, run in groupby(samples, lambda sample: bool(sample.labels)):
        if labelled:
            added += db.executemany(INSERT, map(to_row, run)).rowcount
        else:
            added += db.executemany(_INSERT_UNLABELLED, map(_to_plain_row, run)).rowcount
    return added


INSERT_FINGERPRINT = (
    "INSERT OR REPLACE INTO fingerprints SELECT rowid, NULL, ? FROM samples WHERE rowid = ? AND origin = 'imported'"
)
"""Sketch and number of a sample: of variants and generated music none is kept."""


SAID_BY = "said_by"
"""Key of a manifest's row: of the labels that a person gave, who did and when. The others are weaker."""


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """A `Label` without its value."""

    source: str = "human"
    by: str | None = None
    at: str | None = None
    confidence: float | None = None
    unsure: bool = False
    in_doubt: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
decode_provenance = msgspec.json.Decoder(dict[str, Provenance]).decode


def provenance_of(label: Label) -> Provenance:
    return Provenance(label.source, label.by, label.at, label.confidence, label.unsure, label.in_doubt)


def label_of(value: Value, where_from: Provenance) -> Label:
    return Label(
        value, where_from.source, where_from.by, where_from.at, where_from.confidence, where_from.unsure,
        where_from.in_doubt,
    )  # fmt: skip


def to_column(field: str, value: Value | None) -> str | float | int | None:
    """A label's value as its column holds it: lists as JSON text, which a `msgspec.Raw` is already."""
    return _encode(value).decode() if isinstance(value, (list, msgspec.Raw)) else value


def from_column(field: str, stored: Any) -> Value:
    if field in LIST_FIELDS:
        return _decode(stored)  # type: ignore[no-any-return]
    return bool(stored) if field in FLAG_FIELDS else stored


def label_to_json(label: Label | None, column: object = None) -> str | None:
    """`column`: what `to_column` made of its value, where that is known: a long list is not written out twice."""
    if label is None:
        return None
    if isinstance(label.value, list) and isinstance(column, str):
        label = msgspec.structs.replace(label, value=msgspec.Raw(column.encode()))
    return _encode(label).decode()


def label_from_json(stored: str | None) -> Label | None:
    return None if stored is None else Label(**_decode(stored))


def least_confidence(provenance: Iterable[Provenance]) -> float | None:
    """The `confidence` column: that of the least sure label; a person's has none."""
    return min((one.confidence for one in provenance if one.confidence is not None), default=None)


def provenance_to_json(provenance: dict[str, Provenance]) -> str:
    return _encode(provenance).decode()


def to_row(sample: Sample) -> tuple[Any, ...]:
    """The columns `COLUMNS`. A new sample with labels begins at revision 1, so that its view will be written."""
    labels = sample.labels
    provenance = {field: provenance_of(label) for field, label in labels.items()}
    return (
        *_to_plain_row(sample)[:-1],
        provenance_to_json(provenance),
        *(to_column(field, labels[field].value) if field in labels else None for field in _ANNOTATIONS),
        least_confidence(provenance.values()),
    )


def _to_plain_row(sample: Sample) -> tuple[Any, ...]:
    """The columns of a sample without labels, the provenance of none at the end."""
    return (
        sample.sample_id,
        sample.file_path,
        sample.file_type,
        sample.sha256,
        sample.file_size_bytes,
        sample.duration_sec,
        sample.created_at,
        sample.modified_at,
        sample.split,
        sample.features_path,
        sample.source,
        int(sample.is_synthetic),
        sample.parent_id,
        sample.augmentation_type,
        sample.root_id,
        sample.license,
        sample.status,
        sample.decision,
        sample.skip_reason,
        int(sample.rejected),
        sample.rev or int(bool(sample.labels)),
        _encode(sample.other_sources).decode() if sample.other_sources else None,
        _encode(sample.refused).decode() if sample.refused else None,
        _encode(sample.augmentation).decode() if sample.augmentation is not None else None,
        _encode(sample.extra).decode() if sample.extra else None,
        "{}",
    )


_PROVENANCE_AT = len(_PLAIN) + len(_JSON)
_VALUE_AT = {field: _PROVENANCE_AT + 1 + place for place, field in enumerate(_ANNOTATIONS)}


def from_row(row: tuple[Any, ...]) -> Sample:
    """The sample that `to_row` made this row of."""
    plain = dict(zip(_PLAIN, row, strict=False))
    plain |= {"is_synthetic": bool(plain["is_synthetic"]), "rejected": bool(plain["rejected"])}
    other_sources, refused, augmentation, extra, provenance = row[len(_PLAIN) : _PROVENANCE_AT + 1]
    labels = {
        field: label_of(from_column(field, row[_VALUE_AT[field]]), where_from)
        for field, where_from in decode_provenance(provenance).items()
    }
    return Sample(
        **plain,
        other_sources=_decode(other_sources) if other_sources else [],
        refused=_decode(refused) if refused else [],
        augmentation=_decode(augmentation) if augmentation else None,
        extra=_decode(extra) if extra else {},
        labels=labels,
    )


STORED_LABELS = ", ".join(("provenance", *_ANNOTATIONS))
"""The columns that `stored_labels` takes, in this order."""


def stored_labels(row: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Provenance]]:
    """Values and where they came from, to be written on: a list is a `msgspec.Raw` of the JSON that it is stored as."""
    stored, provenance = dict(zip(_ANNOTATIONS, row[1:], strict=True)), decode_provenance(row[0])
    return {field: _as_stored(field, stored[field]) for field in provenance}, provenance


def _as_stored(field: str, stored: Any) -> Any:
    return msgspec.Raw(stored.encode()) if field in LIST_FIELDS else from_column(field, stored)


def missing(db: sqlite3.Connection) -> Iterable[str]:
    """SQL that adds what came into the program, or into another form, after this catalogue was made."""
    there = {name for _, name, *_ in db.execute("PRAGMA table_xinfo(samples)")}
    for name, kind in {**_ANNOTATION_COLUMNS, "refused": "TEXT"}.items():
        if name not in there:
            yield f"ALTER TABLE samples ADD COLUMN {name} {kind}"
    for name, column in _GENERATED.items():
        if name not in there:
            yield f"ALTER TABLE samples ADD COLUMN {column}"
    indexes = {name for _, name, *_ in db.execute("PRAGMA index_list(samples)")}
    yield from (f"CREATE INDEX {name} ON samples {of}" for name, of in _INDEXES.items() if name not in indexes)
    if not any(name == "conflicts_sample" for _, name, *_ in db.execute("PRAGMA index_list(conflicts)")):
        yield "CREATE INDEX conflicts_sample ON conflicts (sample_id)"
    yield from forgetting(db)

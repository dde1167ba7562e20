"""Counts that are always right and never counted: triggers keep them in the transaction of each change.

Grouping a million rows takes most of a second; reading these takes a fraction of a millisecond, so every score on the
screen can follow every key. All are kept by origin (imported, augmented, generated); a root is an imported or a
generated sample, so counts by root need no tables of their own.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.dataset import DatasetConfig

ORIGINS = ("imported", "augmented", "generated")
METERS = ("2/4", "3/4", "4/4", "6/8", "other")
TEMPO_BANDS = tuple(range(40, 240, 20))
"""Lower edges of the ten bands of 20 BPM; the first and last are open downwards and upwards."""

_ORIGIN_COLUMNS = ("parent_id", "is_synthetic")
_HELD_COLUMNS = ("status", "rejected", "split", *_ORIGIN_COLUMNS)


class Facet(NamedTuple):
    """What is counted: `value` (SQL, ``{r}.`` before columns) of the samples that satisfy `scope`."""

    name: str
    value: str
    scope: str
    columns: tuple[str, ...]
    """The stored columns that both depend on."""

    def counted(self, row: str) -> str:
        """SQL: the value that `row` counts for, null if for none."""
        value = self.value.replace("{r}", row)
        return value if self.scope == "1" else f"CASE WHEN {self.scope.replace('{r}', row)} THEN {value} END"

    @property
    def trigger(self) -> str:
        return "count_" + "_".join((self.name, self.value.strip("'") if self.name == "quality" else "")).strip("_")


_TEMPO = " ".join(f"WHEN {{r}}.tempo_bpm < {low + 20} THEN '{low}'" for low in TEMPO_BANDS[:-1])
_METER = ", ".join(f"'{meter}'" for meter in METERS[:-1])


def facets(config: DatasetConfig) -> tuple[Facet, ...]:
    """Everything that is counted in a dataset of this configuration."""
    needs = config.model.needs
    has_labels = " AND ".join(f"{{r}}.{name} IS NOT NULL" for name in needs)
    good = f"{{r}}.held AND {{r}}.features_path IS NOT NULL AND {has_labels} AND {{r}}.conflicts = 0"
    choices = [name for name, one in FIELDS.items() if one.kind in ("choice", "key")]
    return (
        *(Facet(name, f"{{r}}.{name}", "{r}.held", (name, *_HELD_COLUMNS)) for name in choices),
        Facet("tempo", f"CASE {_TEMPO} WHEN {{r}}.tempo_bpm IS NOT NULL THEN '{TEMPO_BANDS[-1]}' END", "{r}.held",
              ("tempo_bpm", *_HELD_COLUMNS)),
        Facet("meter", f"CASE WHEN {{r}}.time_signature IN ({_METER}) THEN {{r}}.time_signature"
              " WHEN {r}.time_signature IS NOT NULL THEN 'other' END", "{r}.held", ("time_signature", *_HELD_COLUMNS)),
        Facet("split", "{r}.split", "{r}.held", _HELD_COLUMNS),
        Facet("decision", "{r}.decision", "{r}.held", ("decision", *_HELD_COLUMNS)),
        Facet("verified", "'yes'", "{r}.held AND {r}.is_verified", ("is_verified", *_HELD_COLUMNS)),
        Facet("file_type", "{r}.file_type", "{r}.held", ("file_type", *_HELD_COLUMNS)),
        Facet("held", "'yes'", "{r}.held", _HELD_COLUMNS),
        Facet("status", "CASE {r}.status WHEN 'ok' THEN 'ok' ELSE 'quarantined' END", "1",
              ("status", *_ORIGIN_COLUMNS)),
        Facet("rejected", "'yes'", "{r}.rejected", ("rejected", *_ORIGIN_COLUMNS)),
        Facet("quality", "'of'", "{r}.listed", _HELD_COLUMNS),
        Facet("quality", "'file'", "{r}.held", _HELD_COLUMNS),
        Facet("quality", "'features'", "{r}.listed AND {r}.features_path IS NOT NULL",
              ("features_path", *_HELD_COLUMNS)),
        Facet("quality", "'labels'", f"{{r}}.listed AND {has_labels}", (*needs, *_HELD_COLUMNS)),
        Facet("quality", "'agreed'", "{r}.listed AND {r}.conflicts = 0", ("conflicts", *_HELD_COLUMNS)),
        Facet("quality", "'good'", good, ("features_path", "conflicts", *needs, *_HELD_COLUMNS)),
    )  # fmt: skip


def triggers(config: DatasetConfig) -> list[str]:
    """The SQL that keeps the counts: one trigger for inserts, one for deletes, and one a facet for updates."""
    kept = facets(config)
    new = ", ".join(f"('{one.name}', {one.counted('NEW')})" for one in kept)
    old = ", ".join(f"('{one.name}', {one.counted('OLD')})" for one in kept)
    return [
        f"""CREATE TRIGGER count_insert AFTER INSERT ON samples BEGIN
  INSERT INTO counts SELECT column1, column2, NEW.origin, 1 FROM (VALUES {new}) WHERE column2 IS NOT NULL
  ON CONFLICT DO UPDATE SET n = n + 1;
END""",
        f"""CREATE TRIGGER count_delete AFTER DELETE ON samples BEGIN
  UPDATE counts SET n = n - 1 WHERE origin = OLD.origin AND (facet, value) IN (VALUES {old});
END""",
        *(_update_trigger(one) for one in kept),
    ]


def _update_trigger(one: Facet) -> str:
    old, new = one.counted("OLD"), one.counted("NEW")
    return f"""CREATE TRIGGER {one.trigger} AFTER UPDATE OF {", ".join(one.columns)} ON samples
WHEN ({old}) IS NOT ({new}) OR OLD.origin IS NOT NEW.origin BEGIN
  UPDATE counts SET n = n - 1 WHERE facet = '{one.name}' AND value = ({old}) AND origin = OLD.origin;
  INSERT INTO counts SELECT '{one.name}', {new}, NEW.origin, 1 WHERE ({new}) IS NOT NULL
  ON CONFLICT DO UPDATE SET n = n + 1;
END"""


def install(db: sqlite3.Connection, config: DatasetConfig) -> None:
    """Make the triggers that this configuration wants, and recount, unless they are there already.

    Inside a write transaction. What is counted changes with the target model, and with the program.
    """
    wanted = triggers(config)
    names = "name GLOB 'count_*' AND type = 'trigger'"
    if sorted(sql for (sql,) in db.execute(f"SELECT sql FROM sqlite_master WHERE {names}")) == sorted(wanted):
        return
    for (name,) in db.execute(f"SELECT name FROM sqlite_master WHERE {names}").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    for trigger in wanted:
        db.execute(trigger)
    recount(db, config)


def count(db: sqlite3.Connection, config: DatasetConfig) -> dict[tuple[str, str, str], int]:
    """The counts by (facet, value, origin), from the samples themselves: what the triggers must agree with."""
    kept = facets(config)
    columns = ", ".join(one.counted("samples") for one in kept)
    found: dict[tuple[str, str, str], int] = {}
    tallies: list[Counter[tuple[str | None, str]]] = [Counter() for _ in kept]
    rows = db.execute(f"SELECT origin, {columns} FROM samples")
    while chunk := rows.fetchmany(10_000):
        origins, *values = zip(*chunk, strict=True)
        for tally, of_facet in zip(tallies, values, strict=True):
            tally.update(zip(of_facet, origins, strict=True))
    for one, tally in zip(kept, tallies, strict=True):
        found |= {(one.name, value, origin): n for (value, origin), n in tally.items() if value is not None}
    return found


def recount(db: sqlite3.Connection, config: DatasetConfig) -> None:
    """Replace the kept counts by counting. Inside a write transaction."""
    counted = count(db, config)
    db.execute("DELETE FROM counts")
    db.executemany("INSERT INTO counts VALUES (?, ?, ?, ?)", ((*key, n) for key, n in counted.items()))


@dataclass(frozen=True)
class Counts:
    """What is in a dataset, as one reading of the counters.

    *Held* is what an export would hold: its file reads, nobody refused it, and it is no variant or generated sample
    of the val and test splits.
    """

    by_facet: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """{facet: {value: {origin: n}}}, without zeros."""

    def by_label(self, facet: str) -> dict[str, dict[str, int]]:
        """{value: {origin: n}} over held samples; ``tempo`` (bands by lower edge) and ``meter`` are facets too."""
        return {value: dict(by_origin) for value, by_origin in self.by_facet.get(facet, {}).items()}

    def of(self, facet: str, origin: str | None = None) -> dict[str, int]:
        """{value: n}, of all origins or of one; without zeros."""
        found = self.by_facet.get(facet, {})
        if origin is None:
            return {value: sum(by_origin.values()) for value, by_origin in found.items()}
        return {value: by_origin[origin] for value, by_origin in found.items() if origin in by_origin}

    def roots_by(self, facet: str) -> dict[str, int]:
        """{value: n} over held samples that are nobody's variant."""
        variants = self.of(facet, "augmented")
        return {value: roots for value, n in self.of(facet).items() if (roots := n - variants.get(value, 0))}

    def _origins(self, facet: str, value: str = "yes") -> dict[str, int]:
        return {**dict.fromkeys(ORIGINS, 0), **self.by_facet.get(facet, {}).get(value, {})}

    @property
    def origins(self) -> dict[str, int]:
        """{origin: n} of held samples."""
        return self._origins("held")

    @property
    def total(self) -> int:
        """Held samples."""
        return sum(self.origins.values())

    @property
    def roots(self) -> int:
        """Held samples that are nobody's variant."""
        return self.total - self.origins["augmented"]

    @property
    def in_catalogue(self) -> int:
        """Samples, held or not."""
        return sum(self.of("status").values())

    @property
    def splits(self) -> dict[str, int]:
        """{split: n}: samples on each list; unsplit ones are the rest of `total`."""
        return {**dict.fromkeys(("train", "val", "test"), 0), **self.of("split")}

    @property
    def status(self) -> dict[str, int]:
        """{``ok`` or ``quarantined``: n} of all samples."""
        return {"ok": 0, "quarantined": 0, **self.of("status")}

    @property
    def decisions(self) -> dict[str, int]:
        """{decision: n} of held samples."""
        return {**dict.fromkeys(("pending", "labelled", "skipped", "flagged"), 0), **self.of("decision")}

    @property
    def verified(self) -> dict[str, int]:
        """{origin: n} of held samples that a person confirmed."""
        return self._origins("verified")

    @property
    def rejected(self) -> int:
        return sum(self._origins("rejected").values())

    def quality(self, origin: str | None = None) -> dict[str, int]:
        """How many samples pass each part of quality, of all origins or of one.

        ``of``: nobody refused them and an export could list them; of these, ``file``: the file reads and has sound or
        notes; ``features``; ``labels``: those that the target model needs; ``agreed``: no open conflict; ``good``: all.
        """
        parts = ("of", "file", "features", "labels", "agreed", "good")
        return {**dict.fromkeys(parts, 0), **self.of("quality", origin)}


def read(db: sqlite3.Connection) -> Counts:
    by_facet: dict[str, dict[str, dict[str, int]]] = {}
    for facet, value, origin, n in db.execute("SELECT facet, value, origin, n FROM counts WHERE n > 0"):
        by_facet.setdefault(facet, {}).setdefault(value, {})[origin] = n
    return Counts(by_facet)

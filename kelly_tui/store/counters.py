"""Counts that are always right and never counted: triggers keep them in the transaction of each change.

Grouping a million rows takes most of a second; reading these takes a fraction of a millisecond, so every score on the
screen can follow every key. All are kept by origin (imported, augmented, generated); a root is an imported or a
generated sample, so counts by root need no tables of their own.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.dataset import DatasetConfig

ORIGINS = ("imported", "augmented", "generated")
METERS = ("2/4", "3/4", "4/4", "6/8", "other")
TEMPO_BANDS = tuple(range(40, 240, 20))
"""Lower edges of the ten bands of 20 BPM; the first and last are open downwards and upwards."""

_HELD_COLUMNS = ("status", "rejected", "split", "parent_id", "root_id", "augmentation_type", "is_synthetic")


class Facet(NamedTuple):
    """What is counted: `value`, SQL with ``{r}.`` before columns, null for samples that do not count."""

    name: str
    value: str
    columns: tuple[str, ...]
    """The stored columns on which the value depends."""

    def of(self, row: str) -> str:
        return self.value.replace("{r}", row)


_TEMPO = " ".join(f"WHEN {{r}}.tempo_bpm < {low + 20} THEN '{low}'" for low in TEMPO_BANDS[:-1])
_METER = ", ".join(f"'{meter}'" for meter in METERS[:-1])


def facets(config: DatasetConfig) -> tuple[Facet, ...]:
    """Everything that is counted in a dataset of this configuration."""
    labels = {name: f"{{r}}.{name}" for name, one in FIELDS.items() if one.kind in ("choice", "key")}
    tempo = f"CASE {_TEMPO} WHEN {{r}}.tempo_bpm IS NOT NULL THEN '{TEMPO_BANDS[-1]}' END"
    meter = f"CASE WHEN {{r}}.time_signature IN ({_METER}) THEN {{r}}.time_signature ELSE 'other' END"
    needs = config.model.needs
    # All that a sample is besides its labels is one value, a word for each state: one count instead of fifteen.
    state = (
        "CASE {r}.status WHEN 'ok' THEN 'ok' ELSE 'quarantined' END",
        "{r}.decision",
        "{r}.file_type",
        "{r}.split",
        "{r}.listed",
        "{r}.rejected",
        "ifnull({r}.is_verified, 0)",
        "{r}.features_path IS NOT NULL",
        " AND ".join(f"{{r}}.{name} IS NOT NULL" for name in needs),
        "{r}.conflicts = 0",
    )
    state_columns = ("decision", "file_type", "is_verified", "features_path", *needs, "conflicts", *_HELD_COLUMNS)
    further = [name for name in needs if name not in labels]
    return (
        *(_held(name, value, name) for name, value in labels.items()),
        *(_held(name, f"CASE WHEN {{r}}.{name} IS NOT NULL THEN 'yes' END", name) for name in further),
        _held("tempo", tempo, "tempo_bpm"),
        _held("meter", f"CASE WHEN {{r}}.time_signature IS NOT NULL THEN {meter} END", "time_signature"),
        Facet("state", f"json_array({', '.join(state)})", state_columns),
    )


def _held(name: str, value: str, column: str) -> Facet:
    return Facet(name, f"CASE WHEN {{r}}.held THEN {value} END", (column, *_HELD_COLUMNS))


def triggers(config: DatasetConfig) -> list[str]:
    """The SQL that keeps the counts: one trigger for inserts, one for deletes, and one a facet for updates."""
    kept = facets(config)
    new = ", ".join(f"('{one.name}', {one.of('NEW')})" for one in kept)
    old = ", ".join(f"('{one.name}', {one.of('OLD')})" for one in kept)
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
    old, new = one.of("OLD"), one.of("NEW")
    return f"""CREATE TRIGGER count_{one.name} AFTER UPDATE OF {", ".join(one.columns)} ON samples
WHEN ({old}) IS NOT ({new}) OR OLD.origin IS NOT NEW.origin BEGIN
  UPDATE counts SET n = n - 1 WHERE facet = '{one.name}' AND value = ({old}) AND origin = OLD.origin;
  INSERT INTO counts SELECT '{one.name}', {new}, NEW.origin, 1 WHERE ({new}) IS NOT NULL
  ON CONFLICT DO UPDATE SET n = n + 1;
END"""


def installed(db: sqlite3.Connection, config: DatasetConfig) -> bool:
    """Whether the triggers are there that this program and this configuration want."""
    return sorted(sql for _, sql in _there(db)) == sorted(triggers(config))


def install(db: sqlite3.Connection, config: DatasetConfig) -> None:
    """Make the wanted triggers and recount. Inside a write transaction."""
    uninstall(db)
    for trigger in triggers(config):
        db.execute(trigger)
    recount(db, config)


def uninstall(db: sqlite3.Connection) -> None:
    """Drop the triggers, before the columns that they read change; `installed` says that they are gone."""
    for name, _ in _there(db):
        db.execute('DROP TRIGGER "{}"'.format(name.replace('"', '""')))


def _there(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'count_*'").fetchall()


def count(db: sqlite3.Connection, config: DatasetConfig) -> dict[tuple[str, str, str], int]:
    """The counts by (facet, value, origin), from the samples themselves: what the triggers must agree with."""
    kept = facets(config)
    columns = ", ".join(one.of("samples") for one in kept)
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
    of the val and test splits, but for the sound of their MIDI.
    """

    by_facet: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """{facet: {value: {origin: n}}}, without zeros."""

    def by_label(self, facet: str) -> dict[str, dict[str, int]]:
        """{value: {origin: n}} over held samples, for choices and keys.

        ``tempo`` (bands by lower edge) and ``meter`` are facets too. Any other label that the target model needs
        counts as ``yes``.
        """
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
    return _counts(db.execute("SELECT facet, value, origin, n FROM counts WHERE n > 0"))


def states(db: sqlite3.Connection, config: DatasetConfig, sample_ids: Iterable[str]) -> Counts:
    """Of these samples alone what they count for besides their labels, as `Counts.quality` has it."""
    [state] = [facet.of("samples") for facet in facets(config) if facet.name == "state"]
    chosen = "sample_id IN (SELECT value FROM json_each(?))"
    query = f"SELECT 'state', {state}, origin, count(*) FROM samples WHERE {chosen} GROUP BY 2, 3"
    return _counts(db.execute(query, (msgspec.json.encode(sorted(sample_ids)).decode(),)))


def _counts(rows: Iterable[tuple[str, str, str, int]]) -> Counts:
    by_facet: dict[str, dict[str, dict[str, int]]] = {}
    for facet, value, origin, n in rows:
        for name, shown in _states(value) if facet == "state" else ((facet, value),):
            by_origin = by_facet.setdefault(name, {}).setdefault(shown, {})
            by_origin[origin] = by_origin.get(origin, 0) + n
    return Counts(by_facet)


def _states(packed: str) -> Iterator[tuple[str, str]]:
    """What samples of this ``state`` count for: (facet, value)."""
    status, decision, file_type, split, listed, rejected, verified, features, labels, agreed = msgspec.json.decode(
        packed
    )
    yield "status", status
    if rejected:
        yield "rejected", "yes"
    if not listed:
        return
    held = status == "ok"
    if held:
        yield from (("held", "yes"), ("decision", decision), ("file_type", file_type))
        if split is not None:
            yield "split", split
        if verified:
            yield "verified", "yes"
    parts = {"of": True, "file": held, "features": features, "labels": labels, "agreed": agreed}
    parts["good"] = all(parts.values())
    yield from (("quality", part) for part, passed in parts.items() if passed)

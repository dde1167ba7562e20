"""The catalogue of a dataset: one SQLite file that is the only truth about its samples and their labels.

Any number of processes may have it open. Readers never wait. Writers take turns by one lock on a file: SQLite's own
waiting sleeps in growing steps, so that the app beside a busy stage would wait a second for what the lock grants in
milliseconds. Checkpoints happen inside commits, so the lock covers them too, and two of them can't meet
(which corrupts catalogues of SQLite before 3.51.3).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice, starmap
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from kelly_tui.errors import DatasetError, KellyError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import nearest
from kelly_tui.model.sample import Sample
from kelly_tui.store import counters, damage, extracted, history, migrations, older, schema, steps
from kelly_tui.store.connection import back_up, connect, connect_as_guest, explained, file_at, is_writable, take
from kelly_tui.store.filters import Query, literal, parse
from kelly_tui.store.full_disk import connect_on_full_disk, not_written
from kelly_tui.store.layout import Layout, check_links, disk_errors, is_dataset, load_config, make_kelly_dir, utc_now
from kelly_tui.store.sessions import Session, living
from kelly_tui.store.whole import as_damage, check_schema
from kelly_tui.text import storable


class Failure(NamedTuple):
    """A file that a stage could not use, and why."""

    sample_id: str | None
    """None for a file that never became a sample."""
    path: str
    stage: str
    key: str
    """What it was tried with: under another key it is worth another try."""
    reason: str
    at: str


class FeatureRow(NamedTuple):
    """What `extract` found of one sample."""

    sample_id: str
    key: str
    features_path: str
    duration_sec: float
    vector: list[float]
    columns: dict[str, Any]
    fingerprint: bytes = b""
    """What the piece is recognised by; of variants, who have a root, none is kept."""

    def as_stored(self) -> extracted.Extracted:
        columns = msgspec.json.encode(self.columns).decode()
        vector = extracted.vector_to_store(self.vector)
        return extracted.Extracted(*self[:4], vector, columns, self.fingerprint)


def _replace_if_damaged(layout: Layout, config: DatasetConfig, lock: int) -> None:
    from kelly_tui.store.rebuild import replace_if_damaged  # late: seldom wanted, and it knows catalogues itself

    replace_if_damaged(layout, config, lock)


class Catalogue:
    """An open catalogue. For one thread; another thread opens its own.

    Read from `db` freely; write only inside of `writing`, which alone holds the lock.
    """

    def __init__(self, layout: Layout, config: DatasetConfig, db: sqlite3.Connection, lock: int | None) -> None:
        self.layout = layout
        self.config = config
        self.db = db
        self.session: Session | None = None
        """The run of the app that edits through this catalogue: undo begins with its own steps."""
        self._lock = lock
        self.is_for_reading = lock is None
        self._file = file_at(layout.catalogue_path)
        self._reopened = 0

    def begin_session(self) -> None:
        """From here on edits are those of one run of the app, until the catalogue is closed."""
        with disk_errors(self.layout.sessions):
            self.session = Session(self.layout.sessions)

    def others(self) -> list[str]:
        """The sessions that are alive besides our own."""
        return [name for name in living(self.layout.sessions) if name != (self.session and self.session.name)]

    @property
    def root(self) -> Path:
        return self.layout.root

    @classmethod
    def open(cls, root: Path | str) -> Catalogue:
        """Open the dataset at `root`; make its catalogue, from the views where there are any, if it has none.

        A damaged one is set aside, and another made: `kelly_tui.store.rebuild.untold` says what came of it.
        A folder or a disk that can't be written is opened for reading. Raises `DatasetError`.
        """
        root = Path(root)
        if not is_dataset(root):
            raise DatasetError("there is no dataset", path=root, hint="kelly create makes one.")
        layout = Layout(root)
        config = load_config(root)
        path = layout.catalogue_path
        check_links(layout)
        with explained(path):
            if not is_writable(path, layout.lock_path):
                return cls(layout, config, connect_as_guest(path), None)
            with disk_errors(path):
                make_kelly_dir(layout)
                lock = os.open(layout.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                if damage.is_suspected(layout):
                    _replace_if_damaged(layout, config, lock)
                try:
                    return cls._prepared(layout, config, lock)
                except sqlite3.DatabaseError as error:
                    if not damage.is_damage(error) and not damage.is_of_another_form(error):
                        raise
                    damage.suspect(path)
                _replace_if_damaged(layout, config, lock)
                return cls._prepared(layout, config, lock)
            except BaseException as error:
                os.close(lock)
                if (as_it_lies := connect_on_full_disk(error, path)) is None:
                    raise
                return cls(layout, config, as_it_lies, None)

    @classmethod
    def _prepared(cls, layout: Layout, config: DatasetConfig, lock: int) -> Catalogue:
        there = file_at(layout.catalogue_path)
        catalogue = cls(layout, config, connect(layout.catalogue_path), lock)
        if there not in (None, catalogue._file):  # replaced meanwhile: which of the two is open, nobody knows
            catalogue._reopen()
        try:
            catalogue._prepare()
        except BaseException:
            catalogue.db.close()
            raise
        return catalogue

    def _is_replaced(self) -> bool:
        """Whether another catalogue lies where this one was: what is written into this one, nobody will read."""
        return file_at(self.layout.catalogue_path) != self._file

    def _reopen(self) -> None:
        """Go on with the catalogue that lies there now. Only for an app, which may have labels to save, is one made."""
        if self.session is None or not is_dataset(self.root):
            self.layout.must_have_catalogue()
        again = Catalogue.open(self.root)
        self.db.close()
        self.db, self._file = again.db, again._file
        if again._lock is not None:
            os.close(again._lock)
        self._reopened += 1

    def _prepare(self) -> None:
        """Bring the tables to what this program and this configuration want."""
        check_schema(self.db)
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        if version > migrations.VERSION:
            raise DatasetError("a newer Kelly made this catalogue", path=self.root, hint="Update Kelly.")
        if version == 0:
            self._create()
        elif version < migrations.VERSION:
            self._migrate(version)
        if any(schema.missing(self.db)):
            with self.writing() as db:
                for statement in list(schema.missing(db)):  # another may have been faster
                    db.execute(statement)
        if not counters.installed(self.db, self.config):
            with self.writing() as db:
                counters.install(db, self.config)
        if self._half_built():
            self._rebuild()
        elif damage.kept_in(self.layout):  # it was made anew, and its maker killed before saying so
            damage.forget(self.layout)

    def _half_built(self) -> bool:
        return self.db.execute("SELECT 1 FROM meta WHERE name = 'building'").fetchone() is not None

    def _create(self) -> None:
        with self.writing() as db:
            if db.execute("PRAGMA user_version").fetchone()[0]:  # another was faster
                return
            migrations.run_script(db, schema.TABLES)
            db.execute("INSERT INTO meta VALUES ('identity', lower(hex(randomblob(8))))")
            older.give_name(db, self.root)
            if self.layout.has_views() or damage.kept_in(self.layout):
                db.execute("INSERT INTO meta VALUES ('building', ?)", (utc_now(),))
            db.execute(f"PRAGMA user_version = {migrations.VERSION}")

    def _migrate(self, version: int) -> None:
        backups = self.layout.catalogue_dir / "backups"
        backups.mkdir(exist_ok=True)
        back_up(self.db, backups / f"catalogue-v{version}.sqlite")
        with self.writing() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]  # another may have been faster
            counters.uninstall(db)
            for number in range(version + 1, migrations.VERSION + 1):
                migrations.run_script(db, migrations.MIGRATIONS[number])
            db.execute(f"PRAGMA user_version = {migrations.VERSION}")

    def _rebuild(self) -> None:
        """Fill an empty catalogue from the views. Until that is done it is marked; cut short, it begins again."""
        from kelly_tui.store import views  # late: it reads files into an open catalogue

        with self.layout.lock_path.with_name("rebuilding").open("wb") as turn:
            take(turn.fileno(), self.root)
            if not self._half_built():  # another did it meanwhile
                return
            with self.writing() as db:
                for table in ("samples", "failures", "opinions", "trials", "events", "steps"):
                    db.execute(f"DELETE FROM {table}")
            views.rebuild(self)
            with self.writing() as db:
                db.execute("DELETE FROM meta WHERE name = 'building'")
            damage.forget(self.layout)

    def close(self) -> None:
        """Carry the log into the catalogue, unless another is writing, and let go."""
        if self._lock is not None:
            with suppress(BlockingIOError, sqlite3.Error):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.db.execute("PRAGMA busy_timeout = 0")
                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.close()
        if self.session is not None:
            self.session.close()
            self.session = None
        if self._lock is not None:
            os.close(self._lock)  # lets go of the lock
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, Exception) and not isinstance(error, (KellyError, OSError)):
            found = as_damage(error, self.layout.catalogue_path)
            if isinstance(found, sqlite3.DatabaseError):
                with explained(self.layout.catalogue_path):
                    raise found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable when the block ends; nothing of it is there if the block raises.

        Inside another it becomes a part of that one. Keep it short: others wait. Raises `DatasetError`, `DiskFull`.
        """
        if self.is_for_reading:
            raise not_written(self.layout.catalogue_path)
        if self.db.in_transaction:
            yield self.db
            return
        with explained(self.layout.catalogue_path), self._turn():
            try:
                self.db.execute("BEGIN IMMEDIATE")
                yield self.db
                self.db.execute("COMMIT")
            finally:
                if self.db.in_transaction:  # a full disk has rolled back already, and a second time would hide it
                    self.db.execute("ROLLBACK")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        assert self._lock is not None
        take(self._lock, self.root)
        while self._is_replaced():
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._reopen()
            take(self._lock, self.root)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def add(self, samples: Iterable[Sample]) -> int:
        """Add samples that are not there yet, by id; return how many. A path that is taken is a `DatasetError`."""
        added = 0
        rest = iter(samples)
        while chunk := list(islice(rest, history.AT_ONCE)):
            with self.writing() as db:
                try:
                    added += schema.insert(db, chunk)
                except sqlite3.IntegrityError as error:
                    raise DatasetError("two samples can't have one file", path=self._path_taken(chunk)) from error
        return added

    def _path_taken(self, chunk: list[Sample]) -> str | None:
        """The path that a chunk which could not be added shares with another sample."""
        for sample in chunk:
            if self.db.execute(
                "SELECT 1 FROM samples WHERE file_path = ? AND sample_id <> ?", (sample.file_path, sample.sample_id)
            ).fetchone():
                return sample.file_path
        return None

    def put_labels(self, labels: Mapping[str, steps.Wanted], kind: str = "stage", actor: str = "kelly") -> int:
        """Set labels, {sample_id: {field: Label}}, that no key press made; return how many changed.

        None clears. A weaker source never replaces a stronger one; a newer detector replaces an older.
        """
        return history.put_labels(self, labels, kind, actor)

    def put_features(self, rows: Iterable[FeatureRow | tuple[Any, ...]]) -> None:
        """Store what `extract` found, and forget that it failed before."""
        rest = starmap(FeatureRow, rows)
        while chunk := list(islice(rest, history.AT_ONCE)):
            extracted.put_extracted(self, [row.as_stored() for row in chunk])

    def put_result(self, stage: str, sample_id: str, key: str) -> None:
        """Remember that `stage` is done for a sample, under `key`; forget that it failed before."""
        with self.writing() as db:
            db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", (stage, self._number(sample_id), key))
            self.clear_failure(sample_id, stage)

    def quarantine(self, sample_id: str, stage: str, key: str, reason: str) -> None:
        """Set a sample aside: no list, no score and no later stage takes it until it is tried again."""
        with self.writing() as db:
            path = db.execute("SELECT file_path FROM samples WHERE sample_id = ?", (sample_id,)).fetchone()
            if path is None:
                raise DatasetError(f"there is no sample {sample_id}")
            db.execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?)",
                (stage, path[0], sample_id, key, reason, utc_now()),
            )
            db.execute("UPDATE samples SET status = ? WHERE sample_id = ?", (reason or "failed", sample_id))

    def refuse(self, path: str, stage: str, key: str, reason: str) -> None:
        """Remember a file that could not become a sample."""
        with self.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, NULL, ?, ?, ?)", (stage, path, key, reason, utc_now())
            )

    def forget_refused(self, path: str, stage: str) -> None:
        """Forget that a file could not become a sample: it has, or it is gone."""
        with self.writing() as db:
            db.execute("DELETE FROM failures WHERE stage = ? AND path = ? AND sample_id IS NULL", (stage, path))

    def clear_failure(self, sample_id: str, stage: str) -> None:
        """Forget that `stage` failed; the sample is in order again if no other stage failed."""
        with self.writing() as db:
            if not db.execute("DELETE FROM failures WHERE sample_id = ? AND stage = ?", (sample_id, stage)).rowcount:
                return
            other = db.execute("SELECT reason FROM failures WHERE sample_id = ? LIMIT 1", (sample_id,)).fetchone()
            db.execute("UPDATE samples SET status = ? WHERE sample_id = ?", (other[0] if other else "ok", sample_id))

    def __len__(self) -> int:
        return int(self.db.execute("SELECT count(*) FROM samples").fetchone()[0])

    def get(self, sample_id: str) -> Sample | None:
        row = self.db.execute(f"SELECT {schema.COLUMNS} FROM samples WHERE sample_id = ?", (sample_id,)).fetchone()
        return None if row is None else schema.from_row(row)

    def find(self, text: str) -> Sample:
        """The one sample of that id, unique beginning of an id, path or file name.

        A name that is not UTF-8 is the one that import made of it. Raises `DatasetError` if there is none, naming the
        nearest, or more than one.
        """
        text = storable(text, "_")
        for where, value in (
            ("sample_id = ?", text),
            ("file_path = ?", text),
            ("sample_id >= ?1 AND sample_id < ?1 || 'g' AND length(?1) >= 4", text.lower()),
            ("file_path LIKE ? ESCAPE '\\'", f"%/{literal(text)}"),
            ("file_path LIKE ? ESCAPE '\\'", f"%/{literal(text)}.%"),
        ):
            rows = self.db.execute(f"SELECT {schema.COLUMNS} FROM samples WHERE {where} LIMIT 6", (value,)).fetchall()
            if len(rows) == 1:
                return schema.from_row(rows[0])
            if rows:
                ids = " ".join(row[0] for row in rows[:5])
                raise DatasetError(f"{text!r} is several samples", hint=f"Say which: {ids}.")
        like = self.db.execute(
            "SELECT file_path FROM samples WHERE file_path LIKE ? ESCAPE '\\' LIMIT 5000", (f"%/{literal(text[:2])}%",)
        )
        guess = nearest(text, {path.rpartition("/")[2] for (path,) in like})
        raise DatasetError(
            f"there is no sample {text!r}", hint=f"Did you mean {guess}?" if guess else "See kelly list."
        )

    def samples(self, where: Query | str | None = None, batch: int = 1000) -> Iterator[Sample]:
        """The samples that a filter finds, in the order in which they were added.

        No reading transaction is held between batches: what is changed meanwhile may be seen changed.
        """
        query = parse(where or "", self.config) if not isinstance(where, Query) else where
        last = 0
        statement = (
            f"SELECT rowid, {schema.COLUMNS} FROM samples WHERE rowid > ? AND {query.where} ORDER BY rowid LIMIT ?"
        )
        while rows := self.db.execute(statement, (last, *query.parameters, batch)).fetchall():
            for row in rows:
                yield schema.from_row(row[1:])
            last = rows[-1][0]

    def failures(self, stage: str | None = None) -> list[Failure]:
        """What could not be done, of one stage or of all, oldest first."""
        return [
            Failure(*row)
            for row in self.db.execute(
                "SELECT sample_id, path, stage, key, reason, at FROM failures"
                " WHERE ?1 IS NULL OR stage = ?1 ORDER BY at, path",
                (stage,),
            )
        ]

    def stage_keys(self, stage: str) -> Iterator[tuple[str, str]]:
        """(sample_id, key) of each stored result of a stage: ``dict(catalogue.stage_keys("extract"))``."""
        return iter(
            self.db.execute(
                "SELECT sample_id, results.key FROM results JOIN samples ON samples.rowid = sample WHERE stage = ?",
                (stage,),
            )
        )

    def counts(self) -> counters.Counts:
        """All counts, from the kept ones: well under a millisecond at any size."""
        return counters.read(self.db)

    def data_version(self) -> int:
        """A number that changes when another connection has changed the catalogue, or put another in its place."""
        if self._is_replaced():
            self._reopen()
        return int(self.db.execute("PRAGMA data_version").fetchone()[0]) + (self._reopened << 32)

    def _number(self, sample_id: str) -> int:
        found = self.db.execute("SELECT rowid FROM samples WHERE sample_id = ?", (sample_id,)).fetchone()
        if found is None:
            raise DatasetError(f"there is no sample {sample_id}")
        return int(found[0])

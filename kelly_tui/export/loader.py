"""A dataset as a sequence of samples, read when they are asked for: from the dataset itself, nothing is exported.

With PyTorch installed it is a ``torch.utils.data.Dataset`` and can be handed to a ``DataLoader``, with workers too;
without, everything else is the same.
"""

from __future__ import annotations

import operator
import os
import sqlite3
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.features.npz import read_npz
from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.labels import SPLITS, choose
from kelly_tui.model.sample import Sample
from kelly_tui.store import schema
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import connect_for_reading
from kelly_tui.store.feature_files import LARGEST
from kelly_tui.store.inside import inside, read_inside
from kelly_tui.store.layout import Layout, called, dataset_root
from kelly_tui.store.query import parse
from kelly_tui.text import agree, count

FIELDS_BY_DEFAULT = ("sample_id", "path", "features", "labels")

_OF_SAMPLES = tuple(name for name in Sample.__struct_fields__ if name not in ("labels", "extra", "rev"))
_NEED_FEATURES = ("features", "arrays")
_AT_ONCE = 200
"""Samples that are read together when all are gone through."""


def load(
    dataset: Path | str,
    split: str | None = None,
    fields: Sequence[str] = FIELDS_BY_DEFAULT,
    where: str = "",
) -> Samples:
    """The samples that an export would hold: of a split or of all, those that the filter `where` finds, by id.

    `dataset` is a name, as on the command line, or a path. Each sample is a dict of the chosen `fields`:

    - ``features``: the feature vector, float32, 117 numbers of MIDI or 128 of audio; ``arrays``: all features by name;
    - ``labels``: what is labelled, by field; or the name of a label, whose value is None where there is none;
    - ``music``: MIDI as a `kelly_tui.music.notes.Score`, sound as ``(samples, rate)``, (n, channels) float32 and Hz;
    - ``path``: of the file; or another field of the sample, such as ``sample_id``, ``root_id``, ``duration_sec``.

    Which samples there are is settled now; what is edited later is seen when they are read. Raises `DatasetError`
    where there is no dataset, no such split or no features, `LabelError` for a field or a split that there is not,
    `FilterError`.
    """
    from kelly_tui.settings import load_settings

    root = dataset_root(Path(load_settings().datasets).expanduser(), os.fspath(dataset))
    known = (*FIELDS_BY_DEFAULT, "arrays", "music", *_OF_SAMPLES, *FIELDS)
    chosen = tuple(choose(name, known, "field to load") for name in fields)
    with Catalogue.open(root) as catalogue:
        query = parse(where, catalogue.config)
        held, given = f"{schema.HELD} AND ({query.where})", list(query.parameters)
        if split is not None:
            held, given = f"split = ? AND {held}", [choose(split, SPLITS, "split"), *given]
        found = catalogue.db.execute(f"SELECT rowid FROM samples WHERE {held} ORDER BY sample_id", given)
        numbers = array("q", (number for (number,) in found))
        if not numbers and split is not None and not any(catalogue.counts().splits.values()):
            raise DatasetError("no sample is in a split", path=root, hint=f"Split first: kelly split {called(root)}.")
        if set(chosen) & set(_NEED_FEATURES):
            _check_features(catalogue, held, given)
    return _made(root, numbers, chosen)


def _check_features(catalogue: Catalogue, held: str, given: Sequence[Any]) -> None:
    statement = f"SELECT count(*) FROM samples WHERE {held} AND features_path IS NULL"
    if lacking := int(catalogue.db.execute(statement, given).fetchone()[0]):
        raise DatasetError(
            f"{count(lacking, 'sample')} {agree(lacking, 'has', 'have')} no features",
            path=catalogue.root,
            hint=f"Extract them: kelly extract {called(catalogue.root)}. Or load with where='has:features'.",
        )


class Samples:
    """Samples by place: ``len``, ``samples[3]``, ``samples[-1]``, ``samples[:10]``, and one after the other.

    It can be pickled, forked and used by several threads: each reads by a connection of its own.
    """

    def __init__(self, root: Path, numbers: array[int], fields: tuple[str, ...]) -> None:
        self.root = root
        self.fields = fields
        self._numbers = numbers
        self._local = threading.local()

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: Any) -> Any:
        """The sample at a place, a dict by field; of a slice, other `Samples`. Raises `IndexError`, `DatasetError`."""
        if isinstance(place, slice):
            return _made(self.root, self._numbers[place], self.fields)
        return self._read([self._numbers[operator.index(place)]])[0]

    def __getitems__(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Several at once, as PyTorch asks for a batch."""
        return self._read([self._numbers[operator.index(place)] for place in places])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._read(self._numbers[start : start + _AT_ONCE].tolist())

    def __repr__(self) -> str:
        return f"<{count(len(self), 'sample')} of {self.root.name}: {' '.join(self.fields)}>"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _made, (self.root, self._numbers, self.fields)

    def _read(self, numbers: list[int]) -> list[dict[str, Any]]:
        marks = ", ".join("?" * len(numbers))
        rows = self._db.execute(
            f"SELECT rowid, (SELECT vector FROM features WHERE sample = samples.rowid), {schema.COLUMNS}"
            f" FROM samples WHERE rowid IN ({marks})",
            numbers,
        )
        found = {number: self._item(schema.from_row(tuple(row)), vector) for number, vector, *row in rows}
        if gone := [number for number in numbers if number not in found]:
            raise DatasetError(f"{count(len(gone), 'sample')} that was loaded is gone", path=self.root)
        return [found[number] for number in numbers]

    @property
    def _db(self) -> sqlite3.Connection:
        """This thread's connection; what a parent process had opened is of no use here."""
        if getattr(self._local, "process", None) != os.getpid():
            self._local.db = connect_for_reading(Layout(self.root).catalogue_path)
            self._local.process = os.getpid()
        db: sqlite3.Connection = self._local.db
        return db

    def _item(self, sample: Sample, vector: bytes | None) -> dict[str, Any]:
        return {field: self._value(field, sample, vector) for field in self.fields}

    def _value(self, field: str, sample: Sample, vector: bytes | None) -> Any:
        if field == "features":
            return np.frombuffer(vector or b"", np.float32).copy()  # PyTorch wants arrays that can be written
        if field == "labels":
            return sample.annotations
        if field == "path":
            return str(inside(self.root, sample.file_path))
        if field == "arrays":
            return self._arrays(sample)
        if field == "music":
            return self._music(sample)
        return sample.value(field) if field in FIELDS else getattr(sample, field)

    def _arrays(self, sample: Sample) -> dict[str, Any]:
        path = inside(self.root, sample.features_path or "")
        if path.suffix == ".npz":
            return dict(read_npz(path))
        try:
            features: dict[str, Any] = msgspec.json.decode(read_inside(self.root, path, LARGEST))
        except (OSError, ValueError, RecursionError) as error:
            raise FileRefused(f"features can't be read ({error})", path=path, hint="kelly extract.") from error
        return features

    def _music(self, sample: Sample) -> Any:
        path = inside(self.root, sample.file_path)
        if sample.file_type == "midi":
            from kelly_tui.music.notes import read_midi

            return read_midi(path)
        from kelly_tui.features.sound_file import valid_audio

        return valid_audio(path)


@cache
def _class() -> type[Samples]:
    """`Samples`, with PyTorch's class below it where that is installed; it loads for seconds, so not before."""
    if find_spec("torch") is None:
        return Samples
    base = import_module("torch.utils.data").Dataset
    return type("Samples", (Samples, base), {"__module__": __name__, "__doc__": Samples.__doc__})


def _made(root: Path, numbers: array[int], fields: tuple[str, ...]) -> Samples:
    return _class()(root, numbers, fields)

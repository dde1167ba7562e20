"""Parquet with the column metadata that Hugging Face ``datasets`` reads: audio, class label, vectors of fixed size.

A row for each sample: its music (``audio`` or ``midi``), the label that the dataset is for, every other label under its
name, the feature vector; in ``sample`` all of it as JSON, and in ``features`` the file that extract wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kelly_tui.export.choice import Part, Record
from kelly_tui.export.formats import missing
from kelly_tui.export.lines import line_of
from kelly_tui.export.options import Options
from kelly_tui.export.target import Target
from kelly_tui.model.annotation import FIELDS, Field
from kelly_tui.model.dataset import DatasetConfig

VECTORS = {"midi": 117, "audio": 128}
"""Numbers in a feature vector."""

_ROWS, _BYTES = 500, 16 << 20
"""At most so much is a row group, or one sample: what is in memory, and what a reader reads at once."""

_LARGE = ("midi", "features", "sample")
"""Columns of files: to compare them took four times the memory that holds them."""


class Parquet:
    """The format ``parquet``."""

    part_samples = 50_000
    wants_features = True

    def __init__(self, config: DatasetConfig, options: Options) -> None:
        try:
            import pyarrow  # noqa: F401  # said before anything is written
        except ImportError:
            raise missing("pyarrow", "parquet") from None
        self.part_bytes = options.shard_mb << 20
        self._config, self._options = config, options
        self._classes = options.classes(config)
        self._encode = msgspec.json.Encoder(order="sorted").encode

    def write(self, part: Part, records: Iterable[Record], target: Target) -> None:
        import pyarrow
        from pyarrow import parquet

        schema = self._schema()
        packed = _packed(schema)
        with (
            target.file(f"data/{part.name}.parquet", columns={"sample_id": "sc:Text", "label": "sc:Integer"}) as file,
            parquet.ParquetWriter(
                file,
                schema,
                compression=dict.fromkeys(packed, "zstd"),
                compression_level=dict.fromkeys(packed, 3),
                use_dictionary=False,
                write_statistics=[path for path in packed if path not in _LARGE],  # no one asks for the least file
            ) as writer,
        ):
            for group in _groups(self._row(record, target) for record in records):
                writer.write_batch(pyarrow.RecordBatch.from_pylist(group, schema))

    def finish(self, parts: Sequence[Part], target: Target) -> dict[str, Any]:
        return {}

    def _row(self, record: Record, target: Target) -> dict[str, Any]:
        import numpy as np

        sample = record.sample
        name = f"{sample.sample_id}.{record.suffix}"
        row: dict[str, Any] = {"sample_id": sample.sample_id, "features": record.features}
        if self._options.paths:
            name = f"music/{sample.sample_id[:2]}/{name}"
            target.bring(name, record.music, record.root, sample.file_path)
        if sample.file_type == "audio":
            row["audio"] = {"bytes": None if self._options.paths else record.music, "path": name}
        else:
            row["midi"] = None if self._options.paths else record.music
        row["path"] = name
        label = self._options.label(sample, self._config)
        row["label"] = self._classes.index(label) if label in self._classes else None
        row |= sample.annotations
        row["emotion"], row["arousal"] = self._options.emotion(sample), self._options.arousal_of(sample)
        if record.extracted is not None:
            row[f"{sample.file_type}_features"] = np.frombuffer(record.extracted.vector, np.float32)
        row["sample"] = self._encode(line_of(record)).decode()
        return row

    def _schema(self) -> Any:
        """The columns, and in the metadata what ``datasets`` wants to know of them."""
        import pyarrow as pa

        types = {"string": pa.string(), "float64": pa.float64(), "bool": pa.bool_(), "int32": pa.int32(),
                 "float32": pa.float32(), "binary": pa.binary(), "int64": pa.int64()}  # fmt: skip

        def arrow(feature: dict[str, Any]) -> Any:
            kind = feature["_type"]
            if kind == "Audio":
                return pa.struct({"bytes": pa.binary(), "path": pa.string()})
            if kind == "ClassLabel":
                return pa.int64()
            if kind == "List":
                return pa.list_(arrow(feature["feature"]), feature["length"])
            return types[feature["dtype"]]

        features = self._features()
        schema = pa.schema([(name, arrow(feature)) for name, feature in features.items()])
        return schema.with_metadata({"huggingface": msgspec.json.encode({"info": {"features": features}})})

    def _features(self) -> dict[str, dict[str, Any]]:
        """The columns as ``datasets`` calls them."""
        return {
            "sample_id": _value("string"),
            "audio": {"_type": "Audio"},
            "midi": _value("binary"),
            "path": _value("string"),
            "label": {"names": self._classes, "_type": "ClassLabel"},
            **{name: _feature_of(field) for name, field in FIELDS.items()},
            **{f"{kind}_features": _list("float32", length) for kind, length in VECTORS.items()},
            "features": _value("binary"),
            "sample": _value("string"),
        }


def _groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows by row groups; a large one goes before the next is read."""
    group, size = list[dict[str, Any]](), 0
    for row in rows:
        more = sum(len(row.get(name) or b"") for name in _LARGE) + len(row.get("audio", {}).get("bytes") or b"")
        if group and (len(group) == _ROWS or size + more > _BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += more
        if size >= _BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _packed(schema: Any) -> list[str]:
    """The columns that are packed, as Parquet calls them: all but sound.

    Of that little is gained, and who reads it back need not believe that a kilobyte holds an hour of silence.
    """
    import pyarrow as pa

    paths = ["audio.path"]
    for column in schema:
        if pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
            paths.append(f"{column.name}.list.element")
        elif column.name != "audio":
            paths.append(column.name)
    return paths


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "_type": "Value"}


def _list(dtype: str, length: int = -1) -> dict[str, Any]:
    return {"feature": _value(dtype), "length": length, "_type": "List"}


def _feature_of(field: Field) -> dict[str, Any]:
    match field.kind:
        case "number":
            return _value("float64")
        case "flag":
            return _value("bool")
        case "words" | "chords":
            return _list("string")
        case "numbers":
            return _list("float64")
        case "velocities":
            return _list("int32", 32)
        case _:
            return _value("string")

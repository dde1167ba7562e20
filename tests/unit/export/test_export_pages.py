"""Parquet shards of strangers: what pyarrow would expand or stumble over is named, and little is believed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from export_samples import dataset, export, sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import kelly_tui
from kelly_tui.errors import FileRefused
from kelly_tui.export import pages
from kelly_tui.export.outside import LONGEST
from kelly_tui.model.dataset import DatasetConfig

AUDIO = pa.struct({"bytes": pa.binary(), "path": pa.string()})
SCHEMA = pa.schema(
    {"sample": pa.string(), "audio": AUDIO, "midi": pa.binary(), "path": pa.string(), "features": pa.binary()}
)
BINARY = st.none() | st.binary(max_size=40)

PEAK = """
import sys
import kelly_tui
outcome = kelly_tui.import_files(sys.argv[1], sys.argv[2:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
import json
print(json.dumps([int(peak.split()[1]) >> 10, outcome.done, outcome.failures]))
"""


@pytest.fixture
def out(tmp_path) -> Path:
    """An export of 30 samples; its train shard is there to be replaced."""
    export(dataset(tmp_path, [sample(n) for n in range(30)]), tmp_path / "out", "parquet")
    return tmp_path / "out"


def train(out: Path) -> Path:
    return next((out / "data").glob("train*"))


def kept(out: Path) -> int:
    """Samples in the other shards."""
    return sum(parquet.read_metadata(path).num_rows for path in (out / "data").iterdir() if path != train(out))


def new(tmp_path: Path) -> Path:
    kelly_tui.create_dataset_structure(tmp_path / "sets", DatasetConfig(dataset_id="new"))
    return tmp_path / "sets/new"


def table(number: int, **columns: Any) -> pa.Table:
    """Rows of nulls but for these columns."""
    return pa.table({field.name: columns.get(field.name, pa.nulls(number, field.type)) for field in SCHEMA})


def written(path: Path, what: pa.Table, **how: Any) -> Path:
    parquet.write_table(what, path, **{"compression": "zstd", **how})
    return path


def read(path: Path) -> list[tuple[bytes | None, ...]]:
    with path.open("rb") as file:
        return [row[1:] for row in pages.rows(file)]


def batches(rows: int, **columns: Any) -> Iterator[pa.RecordBatch]:
    """One row again and again."""
    for _ in range(rows):
        yield from table(1, **columns).cast(SCHEMA).to_batches()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**62, -(2**62)], pa.timestamp("us")),
        pa.array([2**31 - 1, -(2**31)], pa.date32()),
        pa.array([1, 2]),
        pa.array([["{}"], ["{}"]]),
        pa.array([{"a": "{}"}] * 2),
    ],
)
def test_a_column_of_another_type_is_named_and_the_other_shards_come_in(out, tmp_path, column):
    """An OverflowError of pyarrow was a fault of Kelly's, and ended the import."""
    others = kept(out)
    written(train(out), table(2, sample=column))
    outcome = kelly_tui.import_files(new(tmp_path), [out])
    assert outcome.done == others > 0
    told = dict(outcome.failures)
    assert told.pop(f"data/{train(out).name}") == "its column sample holds no text or bytes"
    assert list(told) == ["export.json"], "which tells how many are lacking"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are read from /proc")
def test_no_bomb_expands(out, tmp_path):
    """A dictionary, pages of zeros, one large value: kilobytes each, and each of them took gigabytes."""
    others = kept(out)
    place, lines = train(out), pa.array(["{}"] * 400)
    name = place.name.partition("-")[0]
    place.unlink()
    large = pa.array([bytes(20 << 20)], pa.binary())
    of_one = pa.DictionaryArray.from_arrays(pa.array([0] * 400, pa.int32()), large)
    bombs = {f"data/{name}-{kind}.parquet" for kind in ("dictionary", "zeros", "one")}
    how: dict[str, Any] = {"compression": "zstd", "store_schema": False}
    pads = pa.array([random.Random(n).randbytes(64) for n in range(400)])  # as many bytes as so many rows have
    told = table(400, sample=lines, midi=of_one, features=pads)
    written(out / f"data/{name}-dictionary.parquet", told, dictionary_pagesize_limit=1 << 30, store_schema=False)
    with parquet.ParquetWriter(out / f"data/{name}-zeros.parquet", SCHEMA, use_dictionary=False, **how) as writer:
        for batch in batches(40, sample=["{}"], midi=large):
            writer.write_batch(batch)
    written(
        out / f"data/{name}-one.parquet", table(1, sample=["{}"], audio=pa.array([{"bytes": bytes(140 << 20)}], AUDIO))
    )
    assert sum((out / bomb).stat().st_size for bomb in bombs) < 100_000

    command = [sys.executable, "-c", PEAK, str(new(tmp_path)), str(out)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    peak, done, failures = json.loads(said)
    assert peak < 300, "megabytes"
    assert done == others
    told = {where: why for where, why in failures if where in bombs}
    assert told.pop(f"data/{name}-one.parquet") == "can't be read on (it expands to 140 MB at once)"
    assert set(told.values()) == {"expands to more than 512 MB, and to 100 times its bytes"}
    assert len(told) == 2


def test_rows_of_nothing_are_not_counted_one_by_one(out, tmp_path):
    """Fifty million of them, in 646 kB, took longer than a minute, and each was a failure."""
    claims, holds = train(out), train(out).with_name(train(out).name.replace("-00000", "-00001"))
    written(claims, table(10_000))
    written(holds, table(20, features=[random.Random(n).randbytes(64) for n in range(20)]))
    told = dict(kelly_tui.import_files(new(tmp_path), [out]).failures)
    assert told.pop(f"data/{claims.name}") == f"claims 10,000 rows in {claims.stat().st_size:,} bytes"
    assert told.pop(f"data/{holds.name}") == "can't be read on (row 1 holds no sample)"
    assert list(told) == ["export.json"]


def test_a_line_that_is_too_long_is_named_and_the_rows_behind_it_come_in(tmp_path):
    lines = ["{}", "x" * (LONGEST + (3 << 20)), "[]"]
    path = written(tmp_path / "long.parquet", table(3, sample=lines), use_dictionary=False)
    assert [len(row[0]) for row in read(path)] == [2, LONGEST, 2]


@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=60), BINARY, BINARY, st.none() | st.text(max_size=9), BINARY), min_size=1),
    st.booleans(),
    st.sampled_from(["zstd", "none"]),
    st.sampled_from([1, 64, 1 << 20]),
    st.sampled_from([1, 3, 1000]),
)
def test_what_is_read_is_what_pyarrow_reads(tmp_path_factory, found, dictionary, packed, page, group):
    sample, audio, midi, path, features = zip(*found, strict=True)
    told = pa.table(
        [sample, [None if one is None else {"bytes": one, "path": None} for one in audio], midi, path, features],
        schema=SCHEMA,
    )
    shard = tmp_path_factory.mktemp("shard") / "shard.parquet"
    how = {"use_dictionary": dictionary, "compression": packed, "data_page_size": page, "row_group_size": group}
    parquet.write_table(told, shard, write_batch_size=2, **how)
    if len(found) * 32 > shard.stat().st_size:
        return
    assert read(shard) == [
        (one.encode(), sound or notes, None if name is None else name.encode(), numbers)
        for one, sound, notes, name, numbers in found
    ]


def test_a_shard_that_is_spoilt_anywhere_ends_in_a_line(out):
    whole, chance = train(out).read_bytes(), random.Random(1)
    for _ in range(400):
        spoilt = bytearray(whole)
        for _ in range(chance.choice([1, 2, 9])):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        train(out).write_bytes(spoilt[: chance.choice([len(spoilt), chance.randrange(len(spoilt))])])
        with suppress(FileRefused, OSError):  # zstd's are these, and nothing else is raised
            read(train(out))


def test_row_groups_that_lie_over_each_other_are_none(out):
    """A thousand of them could be the same megabytes."""
    shard = train(out)
    written(shard, table(2, sample=["{}", "{}"]), row_group_size=1, compression="none", use_dictionary=False)
    groups = parquet.read_metadata(shard)
    first, second = (groups.row_group(n).column(0).data_page_offset for n in range(2))
    assert len(read(shard)) == 2
    data = shard.read_bytes()
    footer = data[: len(data) - 8 - int.from_bytes(data[-8:-4], "little")]
    shard.write_bytes(footer + data[len(footer) :].replace(as_thrift(second), as_thrift(first)))
    with pytest.raises(FileRefused, match="where others are"):
        read(shard)


def as_thrift(number: int) -> bytes:
    """A number of two bytes, however small."""
    return bytes([number << 1 & 127 | 128, number << 1 >> 7])

"""WebDataset: tar shards that are read from end to end, a sample's files side by side under its id.

``<id>.json`` is all of the sample and its ``label``, ``<id>.mid`` (or another suffix) its music, ``<id>.features.json``
or ``<id>.features.npz`` what extract found. The same samples give the same bytes: names sorted, no times, no owners.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import msgspec

from kelly_tui.export.choice import Part, Record
from kelly_tui.export.lines import line_of
from kelly_tui.export.options import Options
from kelly_tui.export.target import Target
from kelly_tui.model.dataset import DatasetConfig

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_BLANK = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT)
_LONGEST = 100
"""Bytes of a name that fit in a header."""


class WebDataset:
    """The format ``webdataset``."""

    part_samples = 20_000
    wants_features = True

    def __init__(self, config: DatasetConfig, options: Options) -> None:
        self.part_bytes = options.shard_mb << 20
        self._config, self._options = config, options
        self._encode = msgspec.json.Encoder(order="sorted").encode

    def write(self, part: Part, records: Iterable[Record], target: Target) -> None:
        with target.file(f"{part.split}-{part.number:06}.tar") as shard:
            for record in records:
                for suffix, data in sorted(self._files(record).items()):
                    _add(shard, f"{record.sample.sample_id}.{suffix}", data)
            shard.write(_END)

    def finish(self, parts: Sequence[Part], target: Target) -> dict[str, Any]:
        return {}

    def _files(self, record: Record) -> dict[str, bytes]:
        """By suffix; what follows the first dot is the key that a reader gets."""
        sample = record.sample
        line = line_of(record)
        line["label"] = self._options.label(sample, self._config)
        line["for_trainers"] = {"emotion": self._options.emotion(sample), "arousal": self._options.arousal_of(sample)}
        files = {"json": self._encode(line), record.suffix: record.music}
        if record.features is not None:
            files[f"features{record.features_suffix}"] = record.features
        return files


def _add(shard: BinaryIO, name: str, data: bytes) -> None:
    """One file of a tar, with nothing in its header but its name and size."""
    shard.write(header(name, len(data)))
    shard.write(data)
    shard.write(bytes(-len(data) % _BLOCK))


def header(name: str, size: int) -> bytes:
    """What `tarfile` makes of a name of at most 100 bytes and a size, in a tenth of the time."""
    raw = name.encode()
    if len(raw) > _LONGEST:
        long = tarfile.TarInfo(name)
        long.size = size
        return long.tobuf(tarfile.USTAR_FORMAT)
    made = bytearray(_BLANK)
    made[: len(raw)] = raw
    made[124:135] = b"%011o" % size
    made[148:155] = b"%06o\0" % (sum(made[:148]) + sum(made[156:]) + 8 * ord(" "))  # the checksum counts as spaces
    return bytes(made)

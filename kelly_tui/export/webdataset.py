"""WebDataset: tar shards that are read from end to end, a sample's files side by side under its id.

``<id>.json`` is all of the sample and its ``label``, ``<id>.mid`` (or another suffix) its music, ``<id>.features.json``
or ``<id>.features.npz`` what extract found. The same samples give the same bytes: names sorted, no times, no owners.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from kelly_tui.export.choice import Part, Record
from kelly_tui.export.lines import line_of
from kelly_tui.export.options import Options
from kelly_tui.export.target import Target
from kelly_tui.model.dataset import DatasetConfig

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_BLANK = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT)
_SUM = sum(_BLANK[:124]) + sum(_BLANK[135:148]) + 8 * ord(" ") + sum(_BLANK[156:])
"""Of a header without name and size: its checksum counts as spaces."""

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
                pieces: list[bytes] = []
                for suffix, data in sorted(self._files(record).items()):
                    pieces += header(f"{record.sample.sample_id}.{suffix}", len(data)), data, bytes(-len(data) % _BLOCK)
                shard.write(b"".join(pieces))
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


def header(name: str, size: int) -> bytes:
    """What `tarfile` makes of a name of at most 100 bytes and a size, in a tenth of the time."""
    raw = name.encode()
    if len(raw) > _LONGEST:
        long = tarfile.TarInfo(name)
        long.size = size
        return long.tobuf(tarfile.USTAR_FORMAT)
    made = bytearray(_BLANK)
    made[: len(raw)] = raw
    made[124:135] = digits = b"%011o" % size
    made[148:155] = b"%06o\0" % (_SUM + sum(raw) + sum(digits))
    return bytes(made)

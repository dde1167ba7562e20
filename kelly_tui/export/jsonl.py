"""JSON Lines: a line for each sample, all of it; for simple trainers ``audio`` and ``label``, and metadata.json.

``train.jsonl`` ``val.jsonl`` ``test.jsonl`` are sorted by id, keys are sorted, so that git shows what changed. Music
and features lie beside them under the samples' ids, which say nothing of labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from kelly_tui.export.choice import Part, Record
from kelly_tui.export.lines import line_of
from kelly_tui.export.options import Options
from kelly_tui.export.target import Target
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.sample import Sample

_AT_A_TIME = 5_000
_LINES, _METADATA = "jsonl", "metadata.json"

COLUMNS = {"sample_id": "sc:Text", "file_type": "sc:Text", "split": "sc:Text", "label": "sc:Text"}
"""Those that Croissant names."""

_SAME = ("dominance", "tempo_bpm", "mode", "time_signature", "chord_progression", "groove_type", "swing_ratio",
         "articulation", "dynamic_range", "melodic_contour", "pitch_range", "quality_score", "tags")  # fmt: skip
"""Labels that stand in metadata.json as they are."""


class Jsonl:
    """The format ``jsonl``."""

    part_samples = _AT_A_TIME
    part_bytes = 1 << 30
    wants_features = True

    def __init__(self, config: DatasetConfig, options: Options) -> None:
        self._config, self._options = config, options
        self._encode = msgspec.json.Encoder(order="sorted").encode

    def write(self, part: Part, records: Iterable[Record], target: Target) -> None:
        with target.piece(part, _LINES) as lines, target.piece(part, _METADATA) as metadata:
            separator = b""
            for record in records:
                sample = record.sample
                shard = f"{sample.sample_id[:2]}/{sample.sample_id}"
                music = f"music/{shard}.{record.suffix}"
                target.bring(music, record.music, record.root, sample.file_path)
                line = line_of(record)
                line["audio" if sample.file_type == "audio" else "midi"] = music
                line["label"] = self._options.label(sample, self._config)
                if record.features is not None and sample.features_path is not None:
                    line["features"] = f"features/{shard}{record.features_suffix}"
                    target.bring(line["features"], record.features, record.root, sample.features_path)
                lines.write(self._encode(line) + b"\n")
                metadata.write(separator + self._encode(self._for_trainers(sample, music)))
                separator = b",\n"

    def finish(self, parts: Sequence[Part], target: Target) -> dict[str, Any]:
        for split in SPLITS:
            of_split = [part for part in parts if part.split == split]
            if of_split:
                with target.file(f"{split}.jsonl", columns=COLUMNS) as whole:
                    target.join(of_split, _LINES, whole)
        with target.file("metadata.json") as whole:
            whole.write(b'{"samples": [\n')
            target.join(parts, _METADATA, whole, between=b",\n")
            whole.write(b"\n]}\n")
        return {}

    def _for_trainers(self, sample: Sample, music: str) -> dict[str, Any]:
        """A sample as the trainer wants it that reads metadata.json: labels that are there, key and mode as one."""
        said = sample.annotations
        key, mode = said.get("key"), said.get("mode")
        labels: dict[str, Any] = {
            "emotion": self._options.emotion(sample),
            "valence": said.get("valence"),
            "arousal": self._options.arousal_of(sample),
            "key": f"{key} {mode}" if key and mode else key,
            **{name: said[name] for name in _SAME if name in said},
        }
        known = {name: value for name, value in labels.items() if value is not None}
        return {"file": music, "sample_id": sample.sample_id, "split": sample.split, **known}

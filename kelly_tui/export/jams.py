"""JAMS, a file for each sample, for the tools of music information retrieval.

What its namespaces hold is in them: mood (valence and arousal; emotion and tags as open tags), key and mode, tempo,
chords where their times are known. All of the sample is in ``sandbox.kelly`` besides; what is there alone, export.json
lists. https://jams.readthedocs.io
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kelly_tui.export.choice import Part, Record
from kelly_tui.export.lines import line_of
from kelly_tui.export.options import Options
from kelly_tui.export.target import Target
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.music.harte import harte

SCHEMA = "0.3.5"
"""Version of JAMS that the files are."""

_MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian")
"""Those that the namespace key_mode knows."""
_HELD = ("emotion", "tags", "valence", "arousal", "key", "mode", "tempo_bpm", "chord_progression", "chord_times")
_COUNTS = "not_held"


class Jams:
    """The format ``jams``."""

    part_samples = 2_000
    part_bytes = 1 << 30
    wants_features = True

    def __init__(self, config: DatasetConfig, options: Options) -> None:
        self._options = options
        self._encode = msgspec.json.Encoder(order="sorted").encode

    def write(self, part: Part, records: Iterable[Record], target: Target) -> None:
        not_held: Counter[str] = Counter()
        for record in records:
            sample = record.sample
            shard = f"{sample.sample_id[:2]}/{sample.sample_id}"
            music = f"music/{shard}.{record.suffix}"
            target.bring(music, record.music, record.root, sample.file_path)
            line = line_of(record)
            if record.features is not None and sample.features_path is not None:
                line["features"] = f"features/{shard}{record.features_suffix}"
                target.bring(line["features"], record.features, record.root, sample.features_path)
            data = msgspec.json.format(self._encode(self._jams(sample, music, line, not_held)), indent=2)
            target.put(f"{part.split}/{shard}.jams", data + b"\n")
        with target.piece(part, _COUNTS) as piece:
            piece.write(msgspec.json.encode(not_held) + b"\n")

    def finish(self, parts: Sequence[Part], target: Target) -> dict[str, Any]:
        total: Counter[str] = Counter()
        for part in parts:
            total.update(msgspec.json.decode(target.read_piece(part, _COUNTS), type=dict[str, int]))
        return {"only_in_sandbox": {what: number for what, number in sorted(total.items()) if number}}

    def _jams(self, sample: Sample, music: str, line: dict[str, Any], not_held: Counter[str]) -> dict[str, Any]:
        for name in sample.labels:
            if name not in _HELD:
                not_held[name] += 1
        duration = sample.duration_sec or 0.0
        return {
            "file_metadata": {
                "title": sample.name,
                "artist": "",
                "release": "",
                "duration": duration,
                "identifiers": {"sample_id": sample.sample_id, "file": music, "sha256": sample.sha256},
                "jams_version": SCHEMA,
            },
            "annotations": list(self._annotations(sample, duration, not_held)),
            "sandbox": {"kelly": line, "file": music},
        }

    def _annotations(self, sample: Sample, duration: float, not_held: Counter[str]) -> Iterator[dict[str, Any]]:
        labels = sample.labels
        whole = (0.0, duration)
        if (emotion := self._options.emotion(sample)) is not None:
            yield _annotation("tag_open", labels["emotion"], [(*whole, emotion)], whole, {"field": "emotion"})
        if "tags" in labels:
            tags = [(*whole, tag) for tag in labels["tags"].value]  # type: ignore[union-attr]
            yield _annotation("tag_open", labels["tags"], tags, whole, {"field": "tags"})
        if "valence" in labels and "arousal" in labels:
            mood = [labels["valence"].value, self._options.arousal_of(sample)]
            yield _annotation("mood_thayer", labels["valence"], [(*whole, mood)], whole, {"arousal": _said(labels)})
        else:
            for name in ("valence", "arousal"):
                not_held[f"{name} alone"] += name in labels
        yield from _key(labels, whole, not_held)
        if "tempo_bpm" in labels:
            tempo = labels["tempo_bpm"]
            sure = msgspec.structs.replace(tempo, confidence=1.0 if tempo.confidence is None else tempo.confidence)
            yield _annotation("tempo", sure, [(*whole, tempo.value)], whole)  # its namespace takes no null
        yield from _chords(labels, whole, not_held)


def _said(labels: dict[str, Label]) -> str:
    """Who said the arousal, which shares an observation with valence."""
    return labels["arousal"].source


def _key(labels: dict[str, Label], whole: tuple[float, float], not_held: Counter[str]) -> Iterator[dict[str, Any]]:
    if "key" not in labels:
        not_held["mode without key"] += "mode" in labels
        return
    key, mode = str(labels["key"].value), labels["mode"].value if "mode" in labels else None
    if mode is not None and mode not in _MODES:
        not_held[f"mode {mode}"] += 1
        mode = None
    yield _annotation("key_mode", labels["key"], [(*whole, key if mode is None else f"{key}:{mode}")], whole)


def _chords(labels: dict[str, Label], whole: tuple[float, float], not_held: Counter[str]) -> Iterator[dict[str, Any]]:
    if "chord_progression" not in labels:
        not_held["chord_times alone"] += "chord_times" in labels
        return
    names: list[str] = labels["chord_progression"].value  # type: ignore[assignment]
    times: list[float] = labels["chord_times"].value if "chord_times" in labels else []  # type: ignore[assignment]
    if len(times) != len(names) or times != sorted(times):
        not_held["chords without times"] += 1
        return
    spelt = [harte(name) for name in names]
    if unknown := spelt.count(None):
        not_held["chord names, there as X"] += unknown
    ends = [*times[1:], max(whole[1], *times)] if times else []
    data = [(time, end - time, name or "X") for time, end, name in zip(times, ends, spelt, strict=True)]
    yield _annotation("chord", labels["chord_progression"], data, whole)


def _annotation(
    namespace: str,
    label: Label,
    data: Sequence[tuple[float, float, Any]],
    whole: tuple[float, float],
    sandbox: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """`data` are (time, duration, value), seconds."""
    return {
        "namespace": namespace,
        "annotation_metadata": {
            "annotation_tools": "Kelly",
            "annotator": {"name": label.by or ""},
            "corpus": "",
            "curator": {"email": "", "name": ""},
            "annotation_rules": "",
            "data_source": label.source,
            "validation": "",
            "version": "",
        },
        "data": [
            {"time": time, "duration": duration, "value": value, "confidence": label.confidence}
            for time, duration, value in data
        ],
        "sandbox": sandbox or {},
        "time": whole[0],
        "duration": whole[1],
    }

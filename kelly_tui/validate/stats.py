"""How large a dataset is, of what, and how large it will be when its targets are met.

Sizes are what the disk gives away, in whole blocks: a million files of 2 kB take four gigabytes, not two.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.model.abx import Result, results
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.report import Scores, whole_percent
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import Layout
from kelly_tui.store.trials import trials
from kelly_tui.text import count
from kelly_tui.validate.scores import class_targets, live_scores

BUDGET = 3e12
"""Bytes: what a whole collection may take, three terabytes."""

USUAL_FEATURES = {"midi": 30_000.0, "audio": 330_000.0}
"""Bytes of one sample's features, where none is there yet to go by: of a piece of a minute, of a clip of 30 s."""

USUAL_MIDI = 12_000.0
"""Bytes of one MIDI file."""

USUAL_OTHER = 6_000.0
"""Bytes of one sample's annotation and its rows in catalogue and manifest."""

BLOCK = 4096
"""Bytes: the unit in which most disks are given away."""

_SPECS = (1_000, 10_000, 100_000)


class Stats(msgspec.Struct, frozen=True):
    """Counts and bytes, as they are."""

    dataset_id: str
    total: int
    """Samples in the catalogue, held or not."""
    samples: dict[str, int]
    """By origin and type: ``imported midi``."""
    sample_bytes: dict[str, int]
    """By type."""
    type_counts: dict[str, int]
    seconds: float
    """Of music, in all."""
    features: dict[str, int]
    """Feature files by type."""
    feature_bytes: dict[str, int]
    other_bytes: int
    """Annotations, manifest and catalogue."""
    labelled: dict[str, int]
    """Samples by label, of each field the target model needs."""
    wanted: int
    """Samples that meet the targets."""
    reads: str
    """``audio`` or ``midi``: what the target model reads."""
    audio_bytes_each: float
    """Of one audio clip: as those here, or as config.json says they are rendered."""
    midi_bytes_each: float
    scores: Scores
    held: int
    """Samples that an export would hold if all were labelled."""
    decisions: dict[str, int]
    """Of these, how many are pending, labelled, skipped, flagged: each is exactly one."""
    blind: tuple[Result, ...] = ()
    """What was heard blind, by recipe."""

    @property
    def total_bytes(self) -> int:
        return sum(self.sample_bytes.values()) + sum(self.feature_bytes.values()) + self.other_bytes

    def features_each(self, kind: str) -> float:
        """Bytes of one sample's features: as those here, else as usual."""
        count = self.features.get(kind, 0)
        return self.feature_bytes[kind] / count if count else USUAL_FEATURES[kind]

    @property
    def other_each(self) -> float:
        """Bytes of one sample's annotation and rows: as those here, else as usual."""
        return self.other_bytes / self.total if self.total else USUAL_OTHER

    def estimate(self, samples: int) -> dict[str, float]:
        """Bytes of that many samples: as MIDI, as audio, their features, their annotations and rows."""
        return {
            "midi": samples * self.midi_bytes_each,
            "audio": samples * self.audio_bytes_each,
            "features": samples * self.features_each(self.reads),
            "labels": samples * self.other_each,
        }

    @property
    def in_budget(self) -> dict[str, int]:
        """How many samples of either type fit into `BUDGET`, with their features and labels."""
        each = {"midi": self.midi_bytes_each, "audio": self.audio_bytes_each}
        return {kind: int(BUDGET / (size + self.features_each(kind) + self.other_each)) for kind, size in each.items()}

    def lines(self) -> list[str]:
        """What ``kelly stats`` prints."""
        samples = count(self.total, "sample")
        lines = [f"{self.dataset_id}: {samples}, {duration(self.seconds)} of music, {size(self.total_bytes)}"]
        lines += [f"  {number:>9,} {what}" for what, number in self.samples.items()]
        lines += ["", "On disk:"]
        for kind, total in self.sample_bytes.items():
            lines.append(_average(f"{kind} files", total, self.type_counts.get(kind, 0)))
        for kind, total in self.feature_bytes.items():
            lines.append(_average(f"{kind} features", total, self.features.get(kind, 0)))
        lines.append(f"  {size(self.other_bytes):>10}  annotations, manifest and catalogue")
        if self.blind:
            lines += ["", "Heard blind:", *(f"  {one.line()}" for one in self.blind)]
        books = " + ".join(f"{self.decisions[name]:,} {name}" for name in ("labelled", "skipped", "flagged", "pending"))
        lines += ["", f"Held: {self.held:,} = {books}"]
        if self.labelled:
            lines += ["Labelled: " + ", ".join(f"{field} {number:,}" for field, number in self.labelled.items())]
        lines += ["", ", ".join(
            f"{name} {whole_percent(score)}% (imported alone {whole_percent(alone)}%)"
            for name, (score, alone) in self.scores.beside.items()
        )]  # fmt: skip
        wanted = self.estimate(self.wanted)
        lines += ["", f"Targets ask for {count(self.wanted, f'{self.reads} sample')}: "
                  f"{size(wanted[self.reads])} and {size(wanted['features'])} of features"]  # fmt: skip
        columns = {"midi": "as MIDI", "audio": "as audio", "features": "features", "labels": "labels"}
        lines.append(f"{'samples':>10}" + "".join(f"  {title:>10}" for title in columns.values()))
        for number in _SPECS:
            sizes = self.estimate(number)
            lines.append(f"{number:>10,}" + "".join(f"  {size(sizes[one]):>10}" for one in columns))
        fits = self.in_budget
        lines.append(
            f"Into 3 TB go {count(fits['audio'], 'audio sample')} or {count(fits['midi'], 'MIDI sample')}, "
            "with all that is theirs"
        )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        counts = (self.wanted, *_SPECS)
        estimates = {
            str(count): {kind: round(value) for kind, value in self.estimate(count).items()} for count in counts
        }
        return {
            **msgspec.to_builtins(self),
            "total_bytes": self.total_bytes,
            "estimates": estimates,
            "fits_into_3_tb": self.in_budget,
        }


def dataset_stats(root: Path | str) -> Stats:
    """Measure the dataset at `root`. Raises `DatasetError` if there is none."""
    with Catalogue.open(root) as catalogue:
        return measured(catalogue)


def measured(catalogue: Catalogue) -> Stats:
    """The same of an open dataset."""
    taken = f"(file_size_bytes + {BLOCK - 1}) / {BLOCK} * {BLOCK}"
    db, config = catalogue.db, catalogue.config
    rows = db.execute(
        f"SELECT origin, file_type, count(*), sum({taken}), ifnull(sum(duration_sec), 0),"
        " sum(features_path IS NOT NULL) FROM samples GROUP BY 1, 2 ORDER BY 1 DESC, 2"
    ).fetchall()
    needs = config.model.needs
    labelled = db.execute(f"SELECT {', '.join(f'count({name})' for name in needs)} FROM samples").fetchone()
    feature_bytes = _feature_bytes(catalogue.layout)
    counted = catalogue.counts()
    sample_bytes: dict[str, int] = {}
    counts: dict[str, int] = {}
    features: dict[str, int] = {}
    for _, kind, number, total, _, with_features in rows:
        sample_bytes[kind] = sample_bytes.get(kind, 0) + total
        counts[kind] = counts.get(kind, 0) + number
        features[kind] = features.get(kind, 0) + with_features
    return Stats(
        dataset_id=config.dataset_id,
        total=sum(counts.values()),
        samples={f"{origin} {kind}": number for origin, kind, number, *_ in rows},
        sample_bytes=sample_bytes,
        type_counts=counts,
        seconds=sum(row[4] for row in rows),
        features=features,
        feature_bytes={kind: total for kind, total in feature_bytes.items() if features.get(kind)},
        other_bytes=_other_bytes(catalogue.layout),
        labelled=dict(zip(needs, labelled, strict=True)),
        wanted=sum(class_targets(config).values()),
        reads=config.model.reads,
        audio_bytes_each=sample_bytes["audio"] / counts["audio"] if counts.get("audio") else _rendered_bytes(config),
        midi_bytes_each=sample_bytes["midi"] / counts["midi"] if counts.get("midi") else USUAL_MIDI,
        scores=live_scores(counted, config),
        held=counted.total,
        decisions=counted.decisions,
        blind=tuple(results(trials(catalogue))),
    )


def _rendered_bytes(config: DatasetConfig) -> float:
    """Of a clip of the longest that is analysed, as WAV: stereo, 16 bits."""
    return config.max_duration_sec * config.sample_rate * 2 * 2


def _feature_bytes(layout: Layout) -> dict[str, int]:
    found = {"midi": 0, "audio": 0}
    for name, bytes_ in _files(layout.features):
        found["audio" if name.endswith(".npz") else "midi"] += bytes_
    return found


def _other_bytes(layout: Layout) -> int:
    folders = (layout.annotations, layout.catalogue_dir, layout.splits)
    files = (layout.manifest_path, layout.config_path)
    return sum(bytes_ for folder in folders for _, bytes_ in _files(folder)) + sum(
        _taken(path.stat()) for path in files if path.exists()
    )


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Name of every file below `folder`, and the bytes it takes."""
    for path, _, names in os.walk(folder):
        for name in names:
            yield name, _taken(os.stat(os.path.join(path, name), follow_symlinks=False))


def _taken(stat: os.stat_result) -> int:
    """Bytes that a file takes on the disk."""
    return -(-stat.st_size // BLOCK) * BLOCK


def _average(what: str, total: int, count: int) -> str:
    each = f", {size(total / count)} each" if count else ""
    return f"  {size(total):>10}  {what}{each}"


def size(count: float) -> str:
    """Bytes for people: ``12.3 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def duration(seconds: float) -> str:
    """``3 h 20 min``, ``4 min``, ``12 s``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"

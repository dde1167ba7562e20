"""The extract stage: features of every file, and the labels that detectors read from them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kelly_tui.learn.suggest import suggest_for
from kelly_tui.learn.suspects import suspect_for
from kelly_tui.model.annotation import Label
from kelly_tui.model.sample import Sample
from kelly_tui.pipeline.inherit import inherited
from kelly_tui.pipeline.keys import Parameters
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.durable import make_durable
from kelly_tui.store.feature_files import FeatureFiles, look, put_looks
from kelly_tui.store.importer import apply_min_duration
from kelly_tui.store.layout import Layout, disk_errors

STAGE = "extract"
VERSIONS = {"midi": 15, "audio": 15}
"""Raised when the same file and parameters would give other features."""

_FUNCTIONS = {"midi": "kelly_tui.features.midi:extract_item", "audio": "kelly_tui.features.audio:extract_item"}
_SUFFIXES = {"midi": ".json", "audio": ".npz"}
_PARAMETERS = {
    "midi": (),
    "audio": (
        "max_duration_sec",
        "n_mels",
        "n_mfcc",
        "hop_length",
        "extract_mel_spectrogram",
        "extract_mfcc",
        "extract_chroma",
    ),
}
"""What of the configuration each kind of features depends on: changing n_mels leaves MIDI alone."""


@recorded(STAGE)
def extract(catalogue: Catalogue, run: Run) -> Outcome:
    """Extract the features that are missing or made from other content or parameters; set aside what can't be used.

    At the end emotion, valence and arousal are suggested and labels judged anew, also where no file is new: labels
    may be.
    What ``min_duration_sec`` calls too short is judged again first: config.json may have been changed.
    """
    if not run.dry_run:
        apply_min_duration(catalogue)
    extraction = _Extraction(catalogue)
    plan = Plan()
    for item, why in extraction.stale(plan):
        plan.add(item, why)
    if run.dry_run:
        return plan.outcome(STAGE)
    extraction.files.remember()
    for parameters in extraction.parameters.values():
        parameters.remember()
    items = (item for item, _ in extraction.stale(Plan()))
    work = Work(STAGE, items, plan, room=Room(catalogue))
    outcome = run_items(work, extraction.commit, run)
    began = time.monotonic()
    suggested = suggest_for(catalogue)
    suspects = suspect_for(catalogue)
    looks_wrong = suspects.words() if suspects.likely or suspects.broken else ""
    outcome.words = "; ".join(part for part in (outcome.words, suggested.words(), looks_wrong) if part)
    outcome.details |= {"suggested": suggested._asdict(), "suspects": suspects._asdict()}
    outcome.seconds += time.monotonic() - began
    return outcome


def wanted_parameters(catalogue: Catalogue) -> dict[str, Parameters]:
    """What features depend on as the configuration is now, by type of file."""
    config = catalogue.config.to_dict()
    return {
        kind: Parameters(catalogue, STAGE, VERSIONS[kind], {name: config[name] for name in names})
        for kind, names in _PARAMETERS.items()
    }


def feature_item(layout: Layout, config: Mapping[str, Any], sample: Sample, key: str = "") -> Item:
    """What a worker needs to extract the features of `sample`; `config` as config.json has it."""
    target = layout.features_path(sample.sample_id, _SUFFIXES[sample.file_type]).relative_to(layout.root)
    data = {
        "root": str(layout.root),
        "sample_id": sample.sample_id,
        "file_path": sample.file_path,
        "target": target.as_posix(),
        "config": {name: config[name] for name in _PARAMETERS["audio"]},
    }
    return Item(sample.sample_id, sample.file_path, key, sample.file_size_bytes, _FUNCTIONS[sample.file_type], data)


class _Extraction:
    """Which samples want features, and where these go."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._config = catalogue.config.to_dict()
        self.parameters = wanted_parameters(catalogue)
        self._keys = dict(catalogue.stage_keys(STAGE))
        self.files = FeatureFiles(catalogue)
        self._failures = {one.sample_id: one for one in catalogue.failures(STAGE) if one.sample_id is not None}

    def stale(self, plan: Plan) -> Iterator[tuple[Item, str]]:
        """Items to do, with the reason; `plan` counts the others."""
        for sample in self._catalogue.samples("-is:rejected"):
            parameters = self.parameters[sample.file_type]
            key = parameters.key(sample.sha256 or sample.sample_id)
            failure = self._failures.get(sample.sample_id)
            before = failure.key if failure is not None else self._keys.get(sample.sample_id)
            if failure is not None and before == key:
                plan.failed_before.append((sample.file_path, failure.reason))
            elif failure is None and sample.status != "ok":
                continue  # another stage set it aside
            elif before != key:
                yield feature_item(self._catalogue.layout, self._config, sample, key), parameters.why(before, key)
            elif (state := self.files.of(sample.sample_id)) != "whole":
                yield feature_item(self._catalogue.layout, self._config, sample, key), f"features {state}"
            else:
                plan.skipped += 1

    def commit(self, results: list[tuple[Item, Result]]) -> None:
        """Store features and labels of the good ones, set the bad ones aside: one transaction.

        The files are durable before the rows that name them: flushed together, since each by itself takes longer than
        a small piece's features.
        """
        catalogue = self._catalogue
        rows: list[FeatureRow] = []
        labels: dict[str, dict[str, Label | None]] = {}
        failed: list[tuple[Item, Failed]] = []
        for item, result in results:
            if isinstance(result, Failed):
                failed.append((item, result))
                continue
            rows.append(
                FeatureRow(
                    item.item_id,
                    item.key,
                    item.data["target"],
                    result["duration_sec"],
                    result["vector"],
                    {**result["columns"], **_sure_of_key(result["labels"])},
                    bytes.fromhex(result["fingerprint"]),
                )
            )
            labels[item.item_id] = {
                **self._no_longer_said(item.item_id, result["absent"]),
                **{name: msgspec.convert(label, Label) for name, label in result["labels"].items()},
                **self._inherited(item.item_id),
            }
        with disk_errors(catalogue.root):
            paths = [catalogue.root / row.features_path for row in rows]
            make_durable(paths)
            looks = {row.sample_id: look(str(path)) for row, path in zip(rows, paths, strict=True)}
        with catalogue.writing():
            catalogue.put_features(rows)
            put_looks(catalogue, looks)
            catalogue.put_labels(labels, actor=STAGE)
            for item, failure in failed:
                catalogue.quarantine(item.item_id, STAGE, item.key, failure.reason)

    def _inherited(self, sample_id: str) -> dict[str, Label | None]:
        """What a variant's parent says already: a variant that is committed later is not behind, nor told again."""
        row = self._catalogue.db.execute("SELECT parent_id FROM samples WHERE sample_id = ?", (sample_id,)).fetchone()
        if row is None or row[0] is None:  # of most
            return {}
        variant, parent = self._catalogue.get(sample_id), self._catalogue.get(row[0])
        return inherited(variant, parent) if variant is not None and parent is not None else {}

    def _no_longer_said(self, sample_id: str, absent: Iterable[str]) -> dict[str, None]:
        """What an older detector of ours said and the present one doesn't: cleared, as it would be replaced."""
        sample = self._catalogue.get(sample_id) if sample_id in self._keys else None
        said = sample.labels if sample is not None else {}
        return {
            name: None
            for name in absent
            if name in said and said[name].source == "detector" and (said[name].by or "").startswith("kelly ")
        }


def _sure_of_key(labels: Mapping[str, Any]) -> dict[str, float]:
    """How sure the detector of keys is, which is kept also where a person's key stands instead of its own."""
    sure = labels.get("key", {}).get("confidence")
    return {} if sure is None else {"key_confidence": float(sure)}

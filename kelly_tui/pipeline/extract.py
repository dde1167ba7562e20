"""The extract stage: features of every file, and the labels that detectors read from them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any, NamedTuple

from kelly_tui.errors import FileRefused
from kelly_tui.learn.suggest import suggest_for
from kelly_tui.learn.suspects import suspect_for
from kelly_tui.model.sample import Sample
from kelly_tui.model.tonality import HALVES, beside
from kelly_tui.pipeline.inherit import inherited
from kelly_tui.pipeline.keys import Parameters
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import AMONG, among
from kelly_tui.store.durable import make_durable
from kelly_tui.store.extracted import STAGE, Extracted, carried_labels, put_extracted
from kelly_tui.store.feature_files import FeatureFiles, look
from kelly_tui.store.importer import apply_min_duration
from kelly_tui.store.intact import IntactFiles, Known
from kelly_tui.store.layout import Layout, dataset_errors, features_name, make_music_folders
from kelly_tui.store.steps import Wanted

VERSIONS = {"midi": 29, "audio": 26}
"""Raised when the same file and parameters would give other features."""

_AT_ONCE = 1000
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
    extraction.music.remember()
    for parameters in extraction.parameters.values():
        parameters.remember()
    make_music_folders(catalogue.root, "processed/features")
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


class _Asked(NamedTuple):
    """What decides whether a sample's features are to be extracted."""

    number: int
    sample_id: str
    file_path: str
    file_type: str
    sha256: str
    file_size_bytes: int
    status: str
    key: str | None
    """What it has features under."""
    features_path: str | None
    size: int | None
    mtime_ns: int | None
    """How their file looked when it was whole."""
    created_at: str
    intact_mtime_ns: int | None
    intact_ctime_ns: int | None
    """How the music looked when its hash was right last."""

    @property
    def known(self) -> Known:
        intact = self.intact_mtime_ns, self.intact_ctime_ns
        return Known(self.number, self.file_path, self.file_size_bytes, self.sha256, self.created_at, *intact)


_ASKED = f"""
SELECT samples.rowid, sample_id, file_path, file_type, sha256, file_size_bytes, status, results.key, features_path,
  legible.size, legible.mtime_ns, created_at, intact.mtime_ns, intact.ctime_ns
FROM samples LEFT JOIN results ON stage = '{STAGE}' AND results.sample = samples.rowid
LEFT JOIN legible ON legible.sample = samples.rowid LEFT JOIN intact ON intact.sample = samples.rowid
WHERE NOT rejected AND samples.rowid > ? ORDER BY samples.rowid LIMIT {_AT_ONCE}
"""


def feature_item(layout: Layout, config: Mapping[str, Any], sample: Sample | _Asked, key: str = "") -> Item:
    """What a worker needs to extract the features of `sample`; `config` as `audio_config` has it."""
    data = {
        "root": str(layout.root),
        "sample_id": sample.sample_id,
        "file_path": sample.file_path,
        "sha256": sample.sha256,
        "target": features_name(sample.sample_id, _SUFFIXES[sample.file_type]),
        "config": config,
    }
    return Item(sample.sample_id, sample.file_path, key, sample.file_size_bytes, _FUNCTIONS[sample.file_type], data)


def audio_config(catalogue: Catalogue) -> dict[str, Any]:
    """What of config.json a worker heeds."""
    config = catalogue.config.to_dict()
    return {name: config[name] for name in _PARAMETERS["audio"]}


class _Extraction:
    """Which samples want features, and where these go."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._config = audio_config(catalogue)
        self.parameters = wanted_parameters(catalogue)
        self.music, self.files = IntactFiles(catalogue), FeatureFiles(catalogue)
        self._failures = {one.sample_id: one for one in catalogue.failures(STAGE) if one.sample_id is not None}

    def stale(self, plan: Plan) -> Iterator[tuple[Item, str]]:
        """Items to do, with the reason; `plan` counts the others."""
        last = 0
        while rows := self._catalogue.db.execute(_ASKED, (last,)).fetchall():
            last = rows[-1][0]
            for sample in starmap(_Asked, rows):
                key = self.parameters[sample.file_type].key(sample.sha256 or sample.sample_id)
                if why := self._why(sample, key, plan):
                    yield feature_item(self._catalogue.layout, self._config, sample, key), why

    def _why(self, sample: _Asked, key: str, plan: Plan) -> str:
        """Why it is to be done; nothing where it is not, which `plan` counts."""
        failure = self._failures.get(sample.sample_id)
        before = failure.key if failure is not None else sample.key
        if failure is not None and before == key:
            plan.failed_before.append((sample.file_path, failure.reason))
            return ""
        if failure is None and sample.status != "ok":
            return ""  # another stage set it aside
        if before != key:
            return self.parameters[sample.file_type].why(before, key)
        state = "gone"
        if sample.features_path is not None:
            known = None if sample.size is None or sample.mtime_ns is None else (sample.size, sample.mtime_ns)
            state = self.files.state(sample.sample_id, sample.features_path, known)
        if state != "whole":
            return f"features {state}"
        if not self._is_same(sample.known):
            return "the file is another"  # which a worker finds too, and refuses
        plan.skipped += 1
        return ""

    def _is_same(self, known: Known) -> bool:
        """Whether a file is what its features were made of; of one that is gone or closed others speak."""
        try:
            return self.music.is_same(known)
        except (FileRefused, OSError):
            return True

    def commit(self, results: list[tuple[Item, Result]]) -> None:
        """Store features and labels of the good ones, set the bad ones aside: one transaction.

        The files are durable before the rows that name them: flushed together, since each by itself takes longer than
        a small piece's features.
        """
        catalogue = self._catalogue
        good = [(item, result) for item, result in results if not isinstance(result, Failed)]
        with dataset_errors(catalogue.root):
            make_durable([f"{catalogue.root}/{item.data['target']}" for item, _ in good])
            parents = self._parents([item.item_id for item, _ in good])
            rows = [self._extracted(item, result, parents.get(item.item_id)) for item, result in good]
        with catalogue.writing():
            put_extracted(catalogue, rows)
            for item, result in results:
                if isinstance(result, Failed):
                    catalogue.quarantine(item.item_id, STAGE, item.key, result.reason)

    def _extracted(self, item: Item, result: Mapping[str, Any], parent_id: str | None) -> Extracted:
        target = item.data["target"]
        heard = carried_labels(result["labels"])
        labels = self._labels(item.item_id, parent_id, heard)
        return Extracted(
            item.item_id,
            item.key,
            target,
            result["duration_sec"],
            bytes.fromhex(result["vector"]),
            result["columns"],
            bytes.fromhex(result["fingerprint"]),
            labels,
            [*result["absent"], *(half for half in HALVES if half in heard and half not in labels)],
            look(f"{self._catalogue.root}/{target}"),
        )

    def _labels(self, sample_id: str, parent_id: str | None, heard: Wanted) -> Wanted:
        """What was heard, but for what a person cleared of a variant's parent, and what that says already: a variant
        that is committed later is not behind, nor told again.
        """
        if parent_id is None:  # of most
            return heard
        variant, parent = self._catalogue.get(sample_id), self._catalogue.get(parent_id)
        if variant is None or parent is None:
            return heard
        cleared = {*parent.refused} - parent.labels.keys()
        told = inherited(variant, parent)
        kept = beside(heard, {**variant.labels, **told})
        return {**{name: kept[name] for name in kept.keys() - cleared}, **told}

    def _parents(self, sample_ids: Sequence[str]) -> dict[str, str]:
        """Those of the variants among these samples."""
        asked = "SELECT sample_id, parent_id FROM samples WHERE parent_id IS NOT NULL AND sample_id IN {}"
        return dict(self._catalogue.db.execute(asked.format(AMONG), (among(sample_ids),)))

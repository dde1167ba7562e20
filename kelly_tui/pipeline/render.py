"""The render stage: MIDI samples as sound, each a variant of the sample whose music it is; or as files elsewhere.

A rendering says nothing new of the music, so it has its sample's split, whose list has it too if the sample is a root,
and by the rules for variants its labels. One sample may have several: one for each SoundFont and sample rate.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.errors import SoundError
from kelly_tui.model.sample import Sample
from kelly_tui.model.variation import RENDER
from kelly_tui.music.label_rules import inherited_label
from kelly_tui.paths import soundfont as find_soundfont
from kelly_tui.pipeline.pace import patience
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.pipeline.synthesize import rendered_with
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import disk_errors, make_music_folders, utc_now
from kelly_tui.store.partial import sweep

STAGE = "render"
VERSION = 1

FORMATS = ("wav", "flac")

ROOTS, ALL = "is:midi is:ok is:root -is:rejected", "is:midi is:ok -is:rejected"
"""What is rendered when no sample is named: imported and generated samples, or their variants too."""

_ITEM = "kelly_tui.render.midi:render_item"
_EXPORT = "kelly_tui.render.midi:export_item"

Named = Sequence[str]
"""Samples by id, its beginning, path or file name; none for all."""


@recorded(STAGE)
def render(
    catalogue: Catalogue,
    run: Run,
    named: Named = (),
    *,
    variants: bool = False,
    format: str = "wav",
    soundfont: str = "",
) -> Outcome:
    """Add the sound of MIDI samples that lack it: of `named`, else of all roots, with `variants` of all.

    `soundfont`: by default that of the dataset, else of the settings.
    Raises `SoundError` for a sample that is no MIDI, an unknown format, a SoundFont that can't be read.
    """
    rendering = _Rendering(catalogue, run, format, soundfont)
    plan = Plan()
    for item in rendering.missing(chosen(catalogue, named, variants=variants), plan):
        plan.add(item, "to render")
    if run.dry_run:
        return plan.outcome(STAGE)
    make_music_folders(catalogue.root, "processed/augmented/audio")
    items = rendering.missing(chosen(catalogue, named, variants=variants), Plan())
    return run_items(Work(STAGE, items, plan, room=Room(catalogue)), rendering.commit, run)


def export_sound(
    catalogue: Catalogue,
    run: Run,
    folder: Path,
    named: Named = (),
    *,
    variants: bool = False,
    format: str = "wav",
    soundfont: str = "",
) -> Outcome:
    """Write the sound of MIDI samples into `folder`, which is made, under their names; the dataset is not touched.

    Files of the same names are replaced. `Outcome.details` has the paths. Raises what `render` raises.
    """
    rendering = _Rendering(catalogue, run, format, soundfont)
    samples = list(chosen(catalogue, named, variants=variants))
    stems = Counter(sample.name.casefold() for sample in samples)
    plan, items = Plan(), []
    for sample in samples:
        alone = stems[sample.name.casefold()] == 1
        name = f"{sample.name}{'' if alone else '_' + sample.sample_id[:8]}.{format}"
        items.append(rendering.item(sample, os.fspath(folder.absolute() / name), _EXPORT))
        plan.add(items[-1], "to render")
    if run.dry_run:
        return plan.outcome(STAGE)
    written: list[str] = []

    def note(results: list[tuple[Item, Result]]) -> None:
        for item, result in results:
            if not isinstance(result, Failed):
                written.append(item.data["target"])

    with _swept(folder):
        work = Work(STAGE, items, plan, room=Room(catalogue, folder), written=lambda *_: None, reads=[catalogue.root])
        outcome = run_items(work, note, run)
    outcome.words = f"in {folder}"
    outcome.details = {"written": written}
    return outcome


@contextmanager
def _swept(folder: Path) -> Iterator[None]:
    """Make the folder, and leave nothing half written in it: of a killed run before, or of a worker killed in this."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    try:
        yield
    finally:
        with suppress(OSError):  # what ended the run is told, and the next run sweeps
            sweep(folder)


def chosen(catalogue: Catalogue, named: Named, *, variants: bool = False) -> Iterator[Sample]:
    """The MIDI samples that are meant. Raises `SoundError`, `DatasetError`."""
    if not named:
        yield from catalogue.samples(ALL if variants else ROOTS)
        return
    for sample in {one.sample_id: one for one in map(catalogue.find, named)}.values():
        if sample.file_type != "midi":
            raise SoundError(f"{sample.file_path} is sound already", hint="Name MIDI samples; kelly list has is:midi.")
        if sample.status != "ok":
            raise SoundError(f"{sample.file_path} is set aside: {sample.status}", hint="Mend it, then kelly retry.")
        yield sample


def rendering_id(parent_sha256: str, made_with: dict[str, Any]) -> str:
    """16 hex digits: of the music, and of all that its sound depends on."""
    made_of = [STAGE, VERSION, parent_sha256, made_with["soundfont_sha256"], made_with["sample_rate"]]
    return hashlib.sha256(msgspec.json.encode(made_of)).hexdigest()[:16]


class _Rendering:
    """Which samples lack their sound, and how it becomes samples."""

    def __init__(self, catalogue: Catalogue, run: Run, format: str, font: str) -> None:
        if format not in FORMATS:
            raise SoundError(f"sound is written as {' or '.join(FORMATS)}, not {format}")
        self._catalogue, self._format = catalogue, format
        config = catalogue.config
        self._most = run.settings.sound_values
        self._soundfont = os.fspath(find_soundfont(font or config.soundfont or run.settings.soundfont).absolute())
        self._made_with = rendered_with(self._soundfont, config.sample_rate)

    def missing(self, samples: Iterator[Sample], plan: Plan) -> Iterator[Item]:
        """An item for each that has no rendering of this kind; `plan` counts the others."""
        there = {
            sample_id
            for (sample_id,) in self._catalogue.db.execute(
                "SELECT sample_id FROM samples WHERE parent_id IS NOT NULL AND augmentation_type = ?", (RENDER,)
            )
        }
        failed = {one.path: one for one in self._catalogue.failures(STAGE)}
        for sample in samples:
            name = rendering_id(sample.sha256, self._made_with)
            failure = failed.get(sample.file_path)
            if name in there:
                plan.skipped += 1
            elif failure is not None and failure.key == name:
                plan.failed_before.append((sample.file_path, failure.reason))
            else:
                there.add(name)  # equal content under two samples is rendered once
                yield self.item(sample, f"processed/augmented/audio/{name[:2]}/{name}.{self._format}", _ITEM)

    def item(self, sample: Sample, target: str, function: str) -> Item:
        data = {
            "root": os.fspath(self._catalogue.root),
            "parent_path": sample.file_path,
            "parent_sha256": sample.sha256,
            "target": target,
            "sample_rate": self._made_with["sample_rate"],
            "soundfont": self._soundfont,
            "soundfont_sha256": self._made_with["soundfont_sha256"],
        }
        rate = self._made_with["sample_rate"]
        size = round((sample.duration_sec or 0.0) * rate * 4) or sample.file_size_bytes
        key = rendering_id(sample.sha256, self._made_with)
        limit = patience(sample.duration_sec, self._most, rate)
        return Item(sample.sample_id, sample.file_path, key, size, function, data, limit)

    def commit(self, results: list[tuple[Item, Result]]) -> None:
        """Add the renderings, whose files are durable: one transaction."""
        now, catalogue = utc_now(), self._catalogue
        new: list[Sample] = []
        with catalogue.writing():
            for item, result in results:
                if isinstance(result, Failed):
                    catalogue.refuse(item.name, STAGE, item.key, result.reason)
                elif (parent := catalogue.get(item.item_id)) is not None:
                    new.append(self._sample(item, parent, result, now))
                    catalogue.forget_refused(item.name, STAGE)
            catalogue.add(new)

    def _sample(self, item: Item, parent: Sample, made: dict[str, Any], now: str) -> Sample:
        changes = {RENDER: 1.0}
        labels = {field: inherited_label(field, parent.labels, changes) for field in parent.labels}
        return Sample(
            sample_id=item.key,
            file_path=item.data["target"],
            file_type="audio",
            sha256=made["sha256"],
            file_size_bytes=made["file_size_bytes"],
            duration_sec=made["duration_sec"],
            created_at=now,
            modified_at=now,
            split=parent.split,
            parent_id=parent.sample_id,
            root_id=parent.root_id,
            augmentation_type=RENDER,
            augmentation={RENDER: 1, **self._made_with},
            license=parent.license,
            labels={field: label for field, label in labels.items() if label is not None},
        )

"""The synthesize stage: generated samples, so many in the end, as MIDI or rendered as sound."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count as numbers
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from kelly_tui.errors import SoundError
from kelly_tui.model.annotation import Label
from kelly_tui.model.sample import Sample
from kelly_tui.paths import ANOTHER_SOUNDFONT, is_soundfont, soundfont
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.raw import GENERATED, IMPORTED, must_have_raw
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.durable import make_durable
from kelly_tui.store.layout import dataset_errors, make_music_folders, utc_now
from kelly_tui.synth.item import KIND_OF_MODEL, classes_of, unplayable
from kelly_tui.synth.sample import sample_id

STAGE = "synthesize"

_GENERATE = "kelly_tui.synth.item:generate_item"
_RENDER = "kelly_tui.render.midi:render_item"
_GUESSED_BYTES = {False: 4_000, True: 3_000_000}
"""Of one generated sample, as MIDI and as sound: for the time left, before any is made."""


@recorded(STAGE)
def synthesize(catalogue: Catalogue, run: Run, count: int, *, audio: bool = False) -> Outcome:
    """Generate samples until the dataset has `count`; with `audio`, render these and those it has as MIDI."""
    synthesis = _Synthesis(catalogue, run, count, audio)
    plan = Plan(skipped=synthesis.there)
    for item in synthesis.missing():
        plan.add(item, "to render" if item.function == _RENDER else "new")
    if run.dry_run:
        return plan.outcome(STAGE)
    must_have_raw(catalogue, *IMPORTED, GENERATED)
    make_music_folders(catalogue.root, GENERATED)
    work = Work(
        STAGE, synthesis.missing(), plan,
        room=Room(catalogue), written=lambda item, _: f"{catalogue.root}/{synthesis.target(item)}",
    )  # fmt: skip
    return run_items(work, synthesis.commit, run)


def rendered_with(font: str, sample_rate: int) -> dict[str, Any]:
    """What the sound of a generated sample depends on besides its MIDI; kept in its row.

    Raises `SoundError` for what is no SoundFont.
    """
    if not is_soundfont(Path(font)):
        raise SoundError("the file is no SoundFont", path=font, hint=ANOTHER_SOUNDFONT)
    with open(font, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sample_rate": sample_rate, "soundfont": Path(font).name, "soundfont_sha256": digest}


def generate_sound_item(item: dict[str, Any]) -> dict[str, Any]:
    """In a worker: generate a sample and render it; what is known of the music, and of the sound file."""
    from kelly_tui.render.midi import render_item
    from kelly_tui.synth.item import generate_item

    return {**generate_item(item["midi"]), **render_item(item["sound"])}


class _Synthesis:
    """What is missing, and how it becomes samples."""

    def __init__(self, catalogue: Catalogue, run: Run, count: int, audio: bool) -> None:
        self._catalogue, self._seed, self._count, self._audio = catalogue, run.seed, count, audio
        config = catalogue.config
        self._kind = KIND_OF_MODEL[config.target_model]
        self._labels = {"emotion_labels": config.emotion_labels, "groove_labels": config.groove_labels}
        classes_of(self._kind, self._labels)  # says at once when there is nothing to generate
        if skipped := unplayable(self._kind, self._labels):
            run.notice(str(skipped))
        self._soundfont = str(soundfont(config.soundfont or run.settings.soundfont).absolute()) if audio else ""
        self._rendered_with = rendered_with(self._soundfont, config.sample_rate) if audio else {}
        rows = catalogue.db.execute("SELECT file_type, count(*) FROM samples WHERE origin = 'generated' GROUP BY 1")
        by_type = dict(rows.fetchall())
        self._total = sum(by_type.values())
        self.there = by_type.get("audio", 0) if audio else self._total
        """Generated samples that need nothing."""

    def missing(self) -> Iterator[Item]:
        """Samples to render, then samples to make, in the order of their numbers."""
        if self._audio:
            for sample in self._catalogue.samples("is:generated is:midi"):
                yield self._render(sample)
        wanted = self._count - self._total
        for index in numbers():
            if wanted <= 0:
                return
            name = sample_id(self._kind, self._seed, index)
            if self._catalogue.get(name) is None:
                wanted -= 1
                yield self._generate(name, index)

    def _generate(self, name: str, index: int) -> Item:
        target = f"raw/synthetic/{name[:2]}/{name}.mid"
        data: dict[str, Any] = {
            "root": str(self._catalogue.root),
            "sample_id": name,
            "kind": self._kind,
            "index": index,
            "seed": self._seed,
            "config": self._labels,
            "target": target,
        }
        function = _GENERATE
        if self._audio:
            data = {"midi": data, "sound": self._sound(name, target, "")}
            function = f"{generate_sound_item.__module__}:{generate_sound_item.__name__}"
        return Item(name, f"{self._kind} {index}", "", _GUESSED_BYTES[self._audio], function, data)

    def _render(self, sample: Sample) -> Item:
        data = self._sound(sample.sample_id, sample.file_path, sample.sha256)
        return Item(sample.sample_id, sample.file_path, "", _GUESSED_BYTES[True], _RENDER, data)

    def _sound(self, name: str, midi_path: str, sha256: str) -> dict[str, Any]:
        return {
            "root": str(self._catalogue.root),
            "sample_id": name,
            "parent_path": midi_path,
            "parent_sha256": sha256,
            "target": PurePosixPath(midi_path).with_suffix(".wav").as_posix(),
            "sample_rate": self._catalogue.config.sample_rate,
            "soundfont": self._soundfont,
            "soundfont_sha256": self._rendered_with["soundfont_sha256"],
        }

    def target(self, item: Item) -> str:
        """The file that becomes the sample's."""
        return str(item.data.get("sound", item.data)["target"])

    def commit(self, results: list[tuple[Item, Result]]) -> None:
        """Add what was generated, and put sound in the place of MIDI: one transaction, once the files are durable."""
        catalogue = self._catalogue
        now = utc_now()
        with dataset_errors(catalogue.root):
            make_durable([f"{catalogue.root}/{self.target(item)}" for item, made in results if isinstance(made, dict)])
        new: list[Sample] = []
        with catalogue.writing():
            for item, result in results:
                if isinstance(result, Failed):
                    catalogue.refuse(self.target(item), STAGE, item.key, result.reason)
                elif item.function == _RENDER:
                    self._becomes_sound(item, result, now)
                else:
                    new.append(self._sample(item, result, now))
            catalogue.add(new)

    def _sample(self, item: Item, made: dict[str, Any], now: str) -> Sample:
        labels = {name: msgspec.convert(label, Label) for name, label in made["labels"].items()}
        extra: dict[str, Any] = {"generator": {"kind": self._kind, "seed": self._seed, **made["parameters"]}}
        if self._audio:
            extra |= {"rendered_from": item.data["midi"]["target"], "rendered_with": self._rendered_with}
        return Sample(
            sample_id=item.item_id,
            file_path=self.target(item),
            file_type="audio" if self._audio else "midi",
            sha256=made["sha256"],
            file_size_bytes=made["file_size_bytes"],
            duration_sec=made["duration_sec"],
            created_at=now,
            modified_at=now,
            is_synthetic=True,
            license=self._catalogue.config.license,
            labels=labels,
            extra=extra,
        )

    def _becomes_sound(self, item: Item, made: dict[str, Any], now: str) -> None:
        """The sample's file is now the rendered one; its features, which were those of the MIDI, are gone."""
        sample = self._catalogue.get(item.item_id)
        if sample is None:
            return
        extra = {**sample.extra, "rendered_from": sample.file_path, "rendered_with": self._rendered_with}
        self._catalogue.db.execute(
            "UPDATE samples SET file_path = ?, file_type = 'audio', sha256 = ?, file_size_bytes = ?, duration_sec = ?,"
            " features_path = NULL, modified_at = ?, extra = ? WHERE sample_id = ?",
            (item.data["target"], made["sha256"], made["file_size_bytes"], made["duration_sec"], now,
             msgspec.json.encode(extra).decode(), item.item_id),
        )  # fmt: skip

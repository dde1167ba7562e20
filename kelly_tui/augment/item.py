"""The augment stage, as it runs in a worker: first which variants a root gets, then each of them.

A worker makes the variants of a root one after another: what it planned and read for the first serves the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kelly_tui.augment.recipe import FileType, Limits, Recipe, choose_recipes, variant_id, variant_seed
from kelly_tui.store.durable import write_inside
from kelly_tui.store.inside import inside

if TYPE_CHECKING:
    from kelly_tui.augment.midi import Song


def plan_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Which variants a root gets. Raises `FileRefused` for a root that can't be read.

    `item`: root, parent_path, file_type, parent_sha256, root_id, n (variants in all), seed (of the run). Returns
    ``{"variants": [{sample_id, recipe, augmentation_type, seed}, …]}``, fewer than `n` where there are no more
    different ones.
    """
    song = _Song(item["root"], item["parent_path"], item["parent_sha256"])
    return {"variants": list(_planned(song, item["file_type"], item["root_id"], item["n"], item["seed"]))}


class _Song(NamedTuple):
    """A file that gets variants: dataset, path in it, and the hash of the content that is meant."""

    root: str
    path: str
    sha256: str

    @property
    def file(self) -> Path:
        return inside(Path(self.root), self.path)


@lru_cache(maxsize=1)
def _planned(song: _Song, file_type: FileType, root_id: str, n: int, run_seed: int) -> tuple[dict[str, Any], ...]:
    variants = []
    for recipe in choose_recipes(file_type, n, root_id, run_seed, _limits_of(song, file_type)):
        seed = variant_seed(run_seed, root_id, recipe)
        variants.append(
            {
                "sample_id": variant_id(song.sha256, recipe, seed),
                "recipe": recipe.changes,
                "augmentation_type": recipe.name,
                "seed": seed,
            }
        )
    return tuple(variants)


def augment_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Write one variant. Raises `FileRefused` and nothing else for a root that can't be read.

    `item`: root, parent_path, parent_sha256, file_type, target (relative), recipe (what changes), seed. Returns sha256,
    file_size_bytes and duration_sec of what was written, which is not yet flushed to the disk, and how many events of
    the root a variant can't carry.
    """
    data, seconds = variant_bytes(item)
    write_inside(Path(item["root"]), item["target"], data)
    made = {"sha256": hashlib.sha256(data).hexdigest(), "file_size_bytes": len(data), "duration_sec": seconds}
    if item["file_type"] == "midi":
        made["left_out"] = _left_out(_Song(item["root"], item["parent_path"], item["parent_sha256"]))
    return made


def variant_bytes(item: Mapping[str, Any]) -> tuple[bytes, float]:
    """The file of the variant that `augment_item` would write, and its seconds."""
    song = _Song(item["root"], item["parent_path"], item["parent_sha256"])
    recipe = Recipe(**item["recipe"])
    if item["file_type"] == "midi":
        from kelly_tui.augment.midi import timed_variant

        return timed_variant(_midi(song), recipe, item["seed"])
    return _audio(song.file, Path(item["target"]).suffix, recipe, item["seed"])


def _limits_of(song: _Song, file_type: FileType) -> Limits:
    if file_type == "midi":
        from kelly_tui.augment.midi import midi_limits

        return midi_limits(_midi(song))
    from kelly_tui.augment.audio import audio_limits
    from kelly_tui.features.sound_file import valid_audio

    return audio_limits(valid_audio(song.file)[0])


@lru_cache(maxsize=1)
def _midi(song: _Song) -> Song:
    """Not to be changed: it serves all variants."""
    from kelly_tui.augment.midi import read_song

    return read_song(song.file)


@lru_cache(maxsize=1)
def _left_out(song: _Song) -> dict[str, int]:
    """So many tracks more than the header says; all else is carried."""
    from kelly_tui.music.notes import read_bytes
    from kelly_tui.music.smf import check_chunks, count_dropped

    dropped = count_dropped(check_chunks(read_bytes(song.file), song.path))
    return {kind: count for kind, count in dropped.items() if kind == "track"}


def _audio(file: Path, suffix: str, recipe: Recipe, seed: int) -> tuple[bytes, float]:
    from kelly_tui.augment.audio import vary_audio
    from kelly_tui.features.sound_file import valid_audio

    variant = vary_audio(*valid_audio(file), recipe, seed)
    return variant.to_bytes(suffix, seed), len(variant.samples) / variant.rate

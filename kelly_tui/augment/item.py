"""The augment stage, as it runs in a worker: first which variants a root gets, then each of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kelly_tui.augment.recipe import Limits, Recipe, choose_recipes, variant_id, variant_seed
from kelly_tui.store.layout import inside, write_atomic


def plan_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Which variants a root gets. Raises `FileRefused` for a root that can't be read.

    `item`: root, parent_path, file_type, parent_sha256, root_id, n (variants in all), seed (of the run). Returns
    ``{"variants": [{sample_id, recipe, augmentation_type, seed}, …]}``, fewer than `n` where there are no more
    different ones.
    """
    path = inside(Path(item["root"]), item["parent_path"])
    recipes = choose_recipes(item["file_type"], item["n"], item["root_id"], item["seed"], limits_of(path, item))
    variants = []
    for recipe in recipes:
        seed = variant_seed(item["seed"], item["root_id"], recipe)
        variants.append(
            {
                "sample_id": variant_id(item["parent_sha256"], recipe, seed),
                "recipe": recipe.changes,
                "augmentation_type": recipe.name,
                "seed": seed,
            }
        )
    return {"variants": variants}


def augment_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Write one variant. Raises `FileRefused` and nothing else for a root that can't be read.

    `item`: root, parent_path, file_type, target (relative), recipe (what changes), seed. Returns sha256,
    file_size_bytes and duration_sec of what was written.
    """
    root = Path(item["root"])
    parent, target = inside(root, item["parent_path"]), inside(root, item["target"])
    recipe = Recipe(**item["recipe"])
    if item["file_type"] == "midi":
        data, seconds = _midi(parent, recipe, item["seed"])
    else:
        data, seconds = _audio(parent, target.suffix, recipe, item["seed"])
    write_atomic(target, data)
    return {"sha256": hashlib.sha256(data).hexdigest(), "file_size_bytes": len(data), "duration_sec": seconds}


def limits_of(path: Path, item: Mapping[str, Any]) -> Limits:
    """What the file at `path` bears."""
    if item["file_type"] == "midi":
        from kelly_tui.augment.midi import midi_limits, read_score

        return midi_limits(read_score(path))
    from kelly_tui.augment.audio import audio_limits
    from kelly_tui.features.sound_file import valid_audio

    return audio_limits(valid_audio(path)[0])


def _midi(parent: Path, recipe: Recipe, seed: int) -> tuple[bytes, float]:
    from kelly_tui.augment.midi import read_score, vary_midi
    from kelly_tui.music.notes import read_midi

    data = vary_midi(read_score(parent), recipe, seed)
    return data, read_midi(bytes(data)).duration  # of what was written, read again


def _audio(parent: Path, suffix: str, recipe: Recipe, seed: int) -> tuple[bytes, float]:
    from kelly_tui.augment.audio import vary_audio
    from kelly_tui.features.sound_file import valid_audio

    variant = vary_audio(*valid_audio(parent), recipe, seed)
    return variant.to_bytes(suffix, seed), len(variant.samples) / variant.rate

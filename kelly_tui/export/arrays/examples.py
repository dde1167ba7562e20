"""The examples that a sample gives each of the five models, with the labels that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from kelly_tui.errors import FileRefused, LabelError
from kelly_tui.export.arrays import dynamics, emotion, groove, harmony, melody
from kelly_tui.export.arrays.rows import Array, Form, Rows
from kelly_tui.export.choice import Files
from kelly_tui.export.options import Options
from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.dataset import TARGET_MODELS, DatasetConfig
from kelly_tui.model.labels import GUESSED
from kelly_tui.model.sample import Sample
from kelly_tui.music.notes import read_midi_bytes

_MODULES: dict[str, ModuleType] = {
    "emotionrecognizer": emotion,
    "melodytransformer": melody,
    "harmonypredictor": harmony,
    "dynamicsengine": dynamics,
    "groovepredictor": groove,
}
FORMS: dict[str, Form] = {name: module.FORM for name, module in _MODULES.items()}
"""By target model."""


def asked(model: str, sample: Sample, options: Options, config: DatasetConfig) -> dict[str, Any]:
    """What `rows_of` must know of a sample besides ``root``; in ``why`` the reason, if it can give no example."""
    reads, why = TARGET_MODELS[model].reads, ""
    chords, times = sample.value("chord_progression") or [], sample.value("chord_times") or []
    if sample.file_type != reads:
        why = f"sound, where {model} reads MIDI" if reads == "midi" else f"MIDI, where {model} reads sound"
    elif model == "emotionrecognizer" and options.emotion(sample) is None:
        why = "no emotion is labelled"
    elif model == "harmonypredictor" and not chords:
        why = "no chords are heard in it" if sample.features_path else "no chords; `kelly extract` hears them"
    return {
        "model": model, "file": sample.file_path, "sha256": sample.sha256, "seconds": config.max_duration_sec,
        "chords": chords, "times": times, "why": why,
    }  # fmt: skip


def rows_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The examples of one sample, by what `asked` gives of it: `Rows` by their names, or ``why`` there are none.

    Raises `FileRefused` for a file that is gone, or another than it was.
    """
    music = Files(Path(given["root"])).music(given["file"], given["sha256"])
    try:
        if given["why"]:
            raise FileRefused(given["why"])
        return _rows(given, music)._asdict()
    except (FileRefused, LabelError) as refused:
        return {"why": refused.what}


def _rows(given: Mapping[str, Any], music: bytes) -> Rows:
    model = given["model"]
    if model == "emotionrecognizer":
        return emotion.rows(Path(given["root"], given["file"]), given["seconds"])
    if model == "harmonypredictor":
        return harmony.rows(given["chords"], given["times"])
    found: Rows = _MODULES[model].rows(read_midi_bytes(music))
    return found


def names_of(model: str, options: Options, config: DatasetConfig) -> dict[str, tuple[str, ...]]:
    """The label maps by the array's name: values in order of their ids."""
    names = {field: config.choices(field) for field in FORMS[model].labels if FIELDS[field].kind != "number"}
    emotions = [options.emotions.get(one, one) for one in config.emotion_labels]
    heard = tuple(dict.fromkeys(one for one in emotions if one is not None))
    if "emotion" in names:
        names["emotion"] = heard
    if model == "emotionrecognizer":
        names["y"] = heard
    if model == "harmonypredictor":
        names["key"] = harmony.KEYS_24
    return names | ({"y": FORMS[model].names} if FORMS[model].names else {})


def labelled(model: str, sample: Sample, rows: Rows, options: Options, config: DatasetConfig) -> dict[str, Array]:
    """The arrays of a sample's examples by name: its rows, and its labels once for each.

    A class is an id of its label map, -1 where there is none; a number is float32, 0 where there is none, beside
    ``<field>_known``. ``<field>_guessed`` tells what a detector or a model says.
    """
    count = len(rows.x)
    arrays: dict[str, Array] = {"start": rows.start, "x": rows.x, "mask": rows.mask, "y": rows.y}
    names = names_of(model, options, config)
    named = [(field, field) for field in FORMS[model].labels]
    for field, name in [*named, *([("emotion", "y")] if model == "emotionrecognizer" else [])]:
        value, label = _said(sample, field, options), sample.labels.get(field)
        if name not in names:
            arrays[name] = np.full(count, 0.0 if value is None else value, np.float32)
            arrays[f"{name}_known"] = np.full(count, value is not None)
        elif names[name] is harmony.KEYS_24:
            arrays[name] = np.full(count, harmony.key_id(sample.value("key"), sample.value("mode")), np.int64)
        else:
            arrays[name] = np.full(count, names[name].index(str(value)) if value in names[name] else -1, np.int64)
        arrays[f"{name}_guessed"] = np.full(count, label is not None and label.source in GUESSED)
    return arrays


def _said(sample: Sample, field: str, options: Options) -> Any:
    """The value of a label as trainers get it."""
    if field == "emotion":
        return options.emotion(sample)
    return options.arousal_of(sample) if field == "arousal" else sample.value(field)

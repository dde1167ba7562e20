"""The examples that a sample gives each of the five models, with the labels that go with them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from kelly_tui.errors import FileRefused, LabelError
from kelly_tui.export.arrays import dynamics, emotion, groove, harmony, melody
from kelly_tui.export.arrays.rows import Array, Form, Rows
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


def rows_of(model: str, sample: Sample, music: bytes, path: Path, options: Options, config: DatasetConfig) -> Rows:
    """The examples of one sample, whose file at `path` holds `music`.

    Raises `FileRefused` with the reason why there are none, and with the stage that would help.
    """
    reads = TARGET_MODELS[model].reads
    if sample.file_type != reads:
        raise FileRefused(f"sound: {model} reads MIDI" if reads == "midi" else f"MIDI: {model} reads sound")
    if model == "emotionrecognizer":
        if options.emotion(sample) is None:
            raise FileRefused("no emotion is labelled")
        return emotion.rows(path, config.max_duration_sec)
    if model == "harmonypredictor":
        return _harmony(sample)
    found: Rows = _MODULES[model].rows(read_midi_bytes(music))
    return found


def _harmony(sample: Sample) -> Rows:
    chords, times = sample.value("chord_progression"), sample.value("chord_times")
    if not isinstance(chords, list) or not chords:
        raise FileRefused("no chords are heard in it" if sample.features_path else "no chords: kelly extract")
    try:
        return harmony.rows(list(map(str, chords)), list(map(float, times)) if isinstance(times, list) else ())
    except LabelError as error:
        raise FileRefused(error.what) from None


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

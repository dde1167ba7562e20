"""The examples that a sample gives each of the five models, with the labels that go with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from kelly_tui.errors import FileRefused, LabelError
from kelly_tui.export.arrays import dynamics, emotion, groove, harmony, melody
from kelly_tui.export.arrays.rows import Array, Form, Rows
from kelly_tui.model.annotation import FIELDS, Value
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

Said = Callable[[Sample, str], Value | None]
"""The value of a label of a sample, as trainers get it."""


def rows_of(model: str, sample: Sample, music: bytes, path: Path, config: DatasetConfig) -> Rows:
    """The examples of one sample, whose file at `path` holds `music`.

    Raises `FileRefused` with the reason why there are none, and with the stage that would help.
    """
    reads = TARGET_MODELS[model].reads
    if sample.file_type != reads:
        raise FileRefused("MIDI without sound: kelly render" if reads == "audio" else f"sound, and {model} reads MIDI")
    if model == "emotionrecognizer":
        if sample.value("emotion") is None:
            raise FileRefused("no emotion is labelled")
        return emotion.rows(path, config.max_duration_sec)
    if model == "harmonypredictor":
        return _harmony(sample)
    found: Rows = _MODULES[model].rows(read_midi_bytes(music))
    return found


def _harmony(sample: Sample) -> Rows:
    chords, times = sample.value("chord_progression"), sample.value("chord_times")
    if not isinstance(chords, list) or not chords:
        raise FileRefused("no chords: kelly extract")
    try:
        return harmony.rows(list(map(str, chords)), list(map(float, times)) if isinstance(times, list) else ())
    except LabelError as error:
        raise FileRefused(error.what) from None


def names_of(model: str, field: str, config: DatasetConfig) -> tuple[str, ...]:
    """The label map of a field: its values in order of ids; empty for numbers."""
    if field == "key" and model == "harmonypredictor":
        return harmony.KEYS_24
    return config.choices(field)


def labelled(model: str, sample: Sample, rows: Rows, said: Said, config: DatasetConfig) -> dict[str, Array]:
    """The arrays of a sample's examples by name: its rows, its id, and its labels once for each.

    A class is an id of its label map, -1 where there is none; a number is float32, 0 where there is none, beside
    ``<field>_known``. ``<field>_guessed`` tells what a detector or a model says.
    """
    count = len(rows.x)
    arrays: dict[str, Any] = {
        "sample_id": np.full(count, sample.sample_id),
        "start": rows.start,
        "x": rows.x,
        "mask": rows.mask,
        "y": rows.y,
    }
    named = [(field, field) for field in FORMS[model].labels]
    for field, name in [*named, *([("emotion", "y")] if model == "emotionrecognizer" else [])]:
        value, label = said(sample, field), sample.labels.get(field)
        names = names_of(model, field, config)
        if field == "key" and names is harmony.KEYS_24:
            mode = said(sample, "mode")
            arrays[name] = np.full(count, harmony.key_id(_text(value), _text(mode)), np.int64)
        elif FIELDS[field].kind == "number":
            arrays[name] = np.full(count, 0.0 if value is None else value, np.float32)
            arrays[f"{name}_known"] = np.full(count, value is not None)
        else:
            arrays[name] = np.full(count, names.index(str(value)) if value in names else -1, np.int64)
        arrays[f"{name}_guessed"] = np.full(count, label is not None and label.source in GUESSED)
    return arrays


def _text(value: Value | None) -> str | None:
    return value if isinstance(value, str) else None

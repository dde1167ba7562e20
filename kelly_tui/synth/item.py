"""One generated sample as an item of a stage: which kind and classes a dataset asks for, and the file written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.model.labels import DYNAMIC_RANGES
from kelly_tui.store.durable import write_inside
from kelly_tui.synth.affect import AFFECTS
from kelly_tui.synth.dynamics import dynamics_piece
from kelly_tui.synth.emotion import emotion_piece
from kelly_tui.synth.groove import FEELS, groove_piece
from kelly_tui.synth.harmony import harmony_piece
from kelly_tui.synth.melody import melody_piece
from kelly_tui.synth.sample import GeneratedSample, Piece, generated

KIND_OF_MODEL = {
    "emotionrecognizer": "emotion",
    "melodytransformer": "melody",
    "harmonypredictor": "harmony",
    "dynamicsengine": "dynamics",
    "groovepredictor": "groove",
}

_PIECES: dict[str, Piece] = {
    "emotion": emotion_piece,
    "melody": melody_piece,
    "harmony": harmony_piece,
    "dynamics": dynamics_piece,
    "groove": groove_piece,
}


def generate_sample(kind: str, seed: int, index: int, classes: Sequence[str]) -> GeneratedSample:
    """The `index`-th sample of a kind; `classes` take turns."""
    return generated(kind, _PIECES[kind], seed, index, classes)


def generate_item(item: dict[str, Any]) -> dict[str, Any]:
    """One item of the stage, in a worker: writes ``root/target`` and says what it wrote.

    `item`: root, sample_id, kind, index, seed, target, config with ``emotion_labels`` and ``groove_labels``.
    """
    sample = generate_sample(item["kind"], item["seed"], item["index"], classes_of(item["kind"], item["config"]))
    write_inside(Path(item["root"]), item["target"], sample.midi)
    return {
        "sha256": hashlib.sha256(sample.midi).hexdigest(),
        "file_size_bytes": len(sample.midi),
        "duration_sec": sample.duration_sec,
        "labels": msgspec.to_builtins(sample.labels),
        "parameters": sample.parameters,
    }


def classes_of(kind: str, config: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The declared classes that the generator knows; the others are `unplayable`. `LabelError` if none is left."""
    if kind == "dynamics":
        return DYNAMIC_RANGES
    declared, known = _declared(kind, config)
    classes = tuple(label for label in declared if label in known)
    if not classes:
        raise LabelError(f"no generator knows {_listed(declared)}", hint=f"Known: {' '.join(known)}.")
    return classes


def is_known(kind: str, classes: Sequence[str]) -> bool:
    """Whether `generate_sample` can make this kind and all of these classes."""
    known = DYNAMIC_RANGES if kind == "dynamics" else FEELS if kind == "groove" else AFFECTS
    return kind in _PIECES and bool(classes) and all(one in known for one in classes)


def unplayable(kind: str, config: Mapping[str, Sequence[str]]) -> LabelError | None:
    """What to tell a person of declared classes that no generator knows and that are therefore skipped."""
    if kind == "dynamics":
        return None
    declared, known = _declared(kind, config)
    strange = [label for label in declared if label not in known]
    if not strange:
        return None
    return LabelError(
        f"no generator knows {_listed(strange)}: no samples are made for it",
        hint=f"Known: {' '.join(known)}.",
    )


def _declared(kind: str, config: Mapping[str, Sequence[str]]) -> tuple[Sequence[str], tuple[str, ...]]:
    if kind == "groove":
        return config["groove_labels"], tuple(FEELS)
    return config["emotion_labels"], tuple(AFFECTS)


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(repr(label) for label in labels) or "an empty list of labels"

"""A generated sample: its file, what is true of it, and what was chosen to make it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kelly_tui.model.annotation import Label, Value
from kelly_tui.store.durable import write_whole

VERSION = 8
"""Raised whenever the same seed would give other bytes; part of every sample's id."""


class Draft(NamedTuple):
    """What a generator returns: a file, labels, and the choices behind them (JSON values)."""

    midi: bytes
    duration_sec: float
    labels: Mapping[str, Value]
    parameters: dict[str, Any]


class GeneratedSample(msgspec.Struct, frozen=True, kw_only=True):
    """One generated piece, not yet in any dataset."""

    sample_id: str
    kind: str
    """``emotion``, ``melody``, ``harmony``, ``dynamics`` or ``groove``."""
    index: int
    midi: bytes
    labels: dict[str, Label]
    parameters: dict[str, Any]
    duration_sec: float
    """To the end of the last note."""

    def write(self, folder: Path | str) -> Path:
        """Write ``<sample_id>.mid`` into `folder`, whole or not at all, and return its path."""
        return write_whole(Path(folder, f"{self.sample_id}.mid"), self.midi)


Piece = Callable[[int, int, Sequence[str]], Draft]
"""What a generator is: seed, index and the classes that take turns, to a draft."""


def generated(kind: str, piece: Piece, seed: int, index: int, classes: Sequence[str]) -> GeneratedSample:
    """The `index`-th sample of a kind: what `piece` drafts, named, its labels signed by the generator."""
    draft = piece(seed, index, classes)
    by = f"kelly {kind} {VERSION}"
    origin = {"generator": kind, "version": VERSION, "seed": seed, "index": index, "classes": list(classes)}
    return GeneratedSample(
        sample_id=sample_id(kind, seed, index),
        kind=kind,
        index=index,
        midi=draft.midi,
        labels={field: Label(value, source="generator", by=by) for field, value in draft.labels.items()},
        parameters=origin | draft.parameters,
        duration_sec=draft.duration_sec,
    )


def sample_id(kind: str, seed: int, index: int) -> str:
    """The id of a generated sample: 16 hex digits."""
    return hashlib.sha256(f"generator:{kind}:{VERSION}:{seed}:{index}".encode()).hexdigest()[:16]

"""A sample: one file, where it came from, and what is known about it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.variation import changes_of

MIDI_SUFFIXES = (".mid", ".midi", ".kar")
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")
Origin = Literal["imported", "augmented", "generated"]

MOST = {"file_size_bytes": 1 << 40, "duration_sec": 1e9}
"""What no file is above: a terabyte, thirty years. The sum over millions of samples can still be told."""


def file_type_of(name: str) -> Literal["midi", "audio"] | None:
    """``midi`` or ``audio`` by the suffix, in any case; None for anything else."""
    suffix = "." + name.rpartition(".")[2].casefold()
    if suffix in MIDI_SUFFIXES:
        return "midi"
    return "audio" if suffix in AUDIO_SUFFIXES else None


class Sample(msgspec.Struct, kw_only=True):
    """One row of the catalogue. Every label is absent until someone or something sets it."""

    sample_id: str
    """16 hex digits: of the content's SHA-256; of parent, parameters and seed; of generator, seed and index."""
    file_path: str
    """Relative to the dataset, POSIX."""
    file_type: str
    sha256: str = ""
    file_size_bytes: int = 0
    duration_sec: float | None = None
    created_at: str = ""
    modified_at: str = ""
    split: str | None = None
    features_path: str | None = None
    source: str | None = None
    """The relative path it was imported from; None if generated. Further ones are in `other_sources`."""
    other_sources: list[str] = msgspec.field(default_factory=list)
    """Where the same content was met again."""
    is_synthetic: bool = False
    """Generated; never true of a variant."""
    parent_id: str | None = None
    augmentation_type: str | None = None
    augmentation: dict[str, Any] | None = None
    """The exact parameters and seed; None for one that nobody can tell any more."""
    root_id: str = ""
    """The ancestor that was imported or generated; itself for those."""
    license: str = ""
    status: str = "ok"
    """``ok``, or why it is quarantined."""
    decision: str = "pending"
    skip_reason: str | None = None
    rejected: bool = False
    """A variant that a person refused."""
    refused: list[str] = msgspec.field(default_factory=list)
    """Guesses that a person refused, as a filter names them: ``emotion:sad`` that one, ``valence`` any."""
    labels: dict[str, Label] = msgspec.field(default_factory=dict)
    extra: dict[str, Any] = msgspec.field(default_factory=dict)
    """Unknown keys of a manifest that was read; kept and written back."""
    rev: int = 0
    """Counts the changes to this row."""

    def __post_init__(self) -> None:
        self.root_id = self.root_id or self.sample_id

    @property
    def origin(self) -> Origin:
        if self.parent_id is not None:
            return "augmented"
        return "generated" if self.is_synthetic else "imported"

    @property
    def pace(self) -> float:
        """How many times as fast as its root the music goes: a beat of it is at `seconds / pace` of the root's."""
        return changes_of(self.augmentation or {}).get("time_stretch") or 1.0

    @property
    def name(self) -> str:
        """The file's name without folders and suffix."""
        stem = self.file_path.rpartition("/")[2]
        return stem.rpartition(".")[0] or stem

    @property
    def annotations(self) -> dict[str, Value]:
        """The labels' values alone, as manifest.json has them."""
        return {field: label.value for field, label in self.labels.items()}

    @property
    def state(self) -> dict[str, Value | None]:
        """What a person decided of it besides its labels, by the names that edits have for it."""
        return {
            "decision": self.decision,
            "skip_reason": self.skip_reason,
            "rejected": self.rejected,
            "refused": self.refused or None,
        }

    def value(self, field: str) -> Value | None:
        label = self.labels.get(field)
        return None if label is None else label.value

"""A dataset's configuration, and the five models that datasets are made for."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

from kelly_tui.errors import DatasetError
from kelly_tui.model import labels
from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.labels import choose
from kelly_tui.text import no_number


class TargetModel(msgspec.Struct, frozen=True):
    """A model to be trained, and what it asks of a dataset."""

    name: str
    title: str
    reads: Literal["audio", "midi"]
    data: str
    needs: tuple[str, ...]
    """The labels that a sample must have to be of use; the first is the one that classes are balanced over."""
    target: int
    per_class: bool
    """Whether `target` is wanted of each class, or in all."""
    dataset_id: str
    """The usual name of its dataset."""

    @property
    def main_label(self) -> str:
        return self.needs[0]


TARGET_MODELS: dict[str, TargetModel] = {
    model.name: model
    for model in (
        TargetModel("emotionrecognizer", "EmotionRecognizer", "audio", "audio clips",
                    ("emotion", "valence", "arousal"), 1000, True, "emotion_dataset_v1"),
        TargetModel("melodytransformer", "MelodyTransformer", "midi", "MIDI melodies",
                    ("emotion", "melodic_contour", "key"), 5000, False, "melody_dataset_v1"),
        TargetModel("harmonypredictor", "HarmonyPredictor", "midi", "chord progressions",
                    ("emotion", "key", "chord_progression"), 2000, False, "harmony_dataset_v1"),
        TargetModel("dynamicsengine", "DynamicsEngine", "midi", "velocity curves",
                    ("dynamic_range", "velocity_curve", "articulation"), 1000, False, "dynamics_dataset_v1"),
        TargetModel("groovepredictor", "GroovePredictor", "midi", "timing data",
                    ("groove_type", "swing_ratio"), 1000, True, "groove_dataset_v1"),
    )
}  # fmt: skip


def target_model(name: str) -> TargetModel:
    """The target model of that name or alias (``emotion_recognizer``, ``EmotionRecognizer``), in any case."""
    return TARGET_MODELS[choose(name.replace("_", ""), TARGET_MODELS, "target model")]


_RANGE = {
    "sample_rate": (8000, 96_000),  # what FluidSynth renders at
    "n_mels": (1, 1024),
    "n_mfcc": (1, 1024),
    "hop_length": (1, 1 << 16),
    "target_samples_per_category": (1, 1_000_000_000),
}
"""What numbers of a configuration may be; beyond, each item of a stage would fail, with words that name no setting."""

_MOST_LABELS = 1000
"""Classes, each of which is counted and shown."""


class DatasetConfig(msgspec.Struct, kw_only=True):
    """What config.json holds. Unknown keys are kept in `extra` and written back."""

    dataset_id: str
    version: str = "1.0.0"
    description: str = ""
    target_model: str = "emotionrecognizer"
    sample_type: str = ""
    """``audio`` or ``midi``; by default what the target model reads."""
    sample_rate: int = 44100
    """Of rendered sound and of audio exports, Hz."""
    min_duration_sec: float = 1.0
    """Shorter samples are quarantined."""
    max_duration_sec: float = 30.0
    """Longer samples are analysed up to here."""
    train_ratio: float = 0.8
    val_ratio: float = 0.1
    test_ratio: float = 0.1
    target_samples_per_category: int = 1000
    max_total_size_gb: float = 100.0
    """A stage that would pass it stops before."""
    extract_mel_spectrogram: bool = True
    extract_mfcc: bool = True
    extract_chroma: bool = True
    n_mels: int = 64
    n_mfcc: int = 20
    hop_length: int = 512
    emotion_labels: list[str] = msgspec.field(default_factory=lambda: list(labels.EMOTIONS))
    groove_labels: list[str] = msgspec.field(default_factory=lambda: list(labels.DEFAULT_GROOVES))
    soundfont: str = ""
    """Path, or name, of the SoundFont that MIDI is heard and rendered with; empty means that of the settings."""
    group_by: str = "none"
    """What a song is: ``folder``, ``prefix`` (the name before the last ``_``) or ``none``."""
    license: str = ""
    source: str = ""
    author: str = ""
    created_at: str = ""
    extra: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.target_model = target_model(self.target_model).name
        self.sample_type = self.sample_type or self.model.reads
        if self.group_by not in ("folder", "prefix", "none"):
            raise DatasetError(f"group_by is {self.group_by!r}", hint="Use folder, prefix or none in config.json.")
        ratios = (self.train_ratio, self.val_ratio, self.test_ratio)
        if min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-6:
            raise DatasetError(f"the split ratios {ratios} do not add up to 1", hint="Mend them in config.json.")
        if not 0 < self.min_duration_sec <= self.max_duration_sec:
            raise DatasetError("min_duration_sec must be over 0 and at most max_duration_sec",
                               hint="Mend them in config.json.")  # fmt: skip
        for name, (least, most) in _RANGE.items():
            if not least <= (value := getattr(self, name)) <= most:
                said = value if abs(value) < 1 << 62 else "a number beyond all bounds"
                raise DatasetError(f"{name} is {said}", hint=f"Use a number {least:,}..{most:,} in config.json.")
        if not 0 < self.max_total_size_gb < math.inf:
            raise DatasetError(f"max_total_size_gb is {self.max_total_size_gb}",
                               hint="Use a number over 0 in config.json.")  # fmt: skip
        for name in ("emotion_labels", "groove_labels"):
            declared = getattr(self, name)
            if len(set(declared)) < len(declared) or "" in declared:
                raise DatasetError(f"{name} has a label twice, or an empty one", hint="Mend it in config.json.")
            if len(declared) > _MOST_LABELS:
                raise DatasetError(f"{name} has more than {_MOST_LABELS:,} of them", hint="Mend it in config.json.")
        if not self.main_choices:
            raise DatasetError(f"no {self.model.main_label} is declared", hint="Name the labels in config.json.")

    @property
    def model(self) -> TargetModel:
        return TARGET_MODELS[self.target_model]

    @property
    def main_choices(self) -> tuple[str, ...]:
        """The declared classes of the main label, which the dataset is balanced over, empty ones included."""
        main = self.model.main_label
        return tuple(self.groove_labels) if main == "groove_type" else self.choices(main)

    def choices(self, field: str) -> tuple[str, ...]:
        """The values that `field` may take in this dataset; empty where it is not a choice."""
        if field == "emotion":
            return tuple(self.emotion_labels)
        if field == "groove_type":
            # A label outside the declared ones is still a groove: balance counts the declared, labelling allows all.
            return tuple(dict.fromkeys((*self.groove_labels, *labels.GROOVES)))
        return FIELDS[field].choices

    @classmethod
    def from_json(cls, raw: bytes) -> DatasetConfig:
        """Read config.json; raises `DatasetError` with the reason. A setting that is `no_number` is as by default."""
        try:
            data = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise DatasetError(f"config.json can't be read ({error})", hint="Mend it, or restore it.") from None
        if not isinstance(data, dict):
            raise DatasetError("config.json is no object", hint="Mend it, or restore it.")
        known = {name: data.pop(name) for name in cls.__struct_fields__ if name in data and name != "extra"}
        data = {name: value for name, value in data.items() if not no_number(value)}
        said = {name: value for name, value in known.items() if not no_number(value)}
        try:
            return msgspec.convert({**said, "extra": data}, cls)
        except msgspec.ValidationError as error:
            raise DatasetError(f"config.json: {error}", hint="Mend that value.") from None
        except DatasetError as error:
            if not (none := [f"{name} is {no_number(value)}" for name, value in known.items() if name not in said]):
                raise
            why = f"{', '.join(none)} in manifest.json, and by default {error.what}"
            raise DatasetError(why, hint="Write a number there.") from None

    def to_dict(self) -> dict[str, Any]:
        """As config.json has it, unknown keys last."""
        known = msgspec.to_builtins(self)
        return {**{name: value for name, value in known.items() if name != "extra"}, **self.extra}

"""What a person may say about an export besides which samples it holds; all of it stands in export.json."""

from __future__ import annotations

from typing import Any

import msgspec

from kelly_tui.errors import StageError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import choose
from kelly_tui.model.sample import Sample

SEVEN = {"melancholic": "sad"}
"""For models that know seven emotions: the nearest on the plane of valence and arousal."""

AROUSALS = ("-1..1", "0..1")


class Options(msgspec.Struct, frozen=True):
    """How samples are written. The lossless part of an export is the same whatever these are."""

    emotions: dict[str, str | None] = {}
    """What an emotion is called for trainers, where that is another one; None for no label."""
    arousal: str = "-1..1"
    """The range of arousal for trainers: that, or ``0..1``."""
    shard_mb: int = 256
    """Of parquet files, tar shards and arrays: megabytes of music in one."""
    paths: bool = False
    """Parquet names the music's files, which lie beside it, instead of holding their bytes."""
    model: str = ""
    """Whose arrays are wanted, of the five; empty for the one that the dataset is made for."""

    def emotion(self, sample: Sample) -> str | None:
        """The emotion as trainers get it."""
        value = sample.value("emotion")
        return None if value is None else self.emotions.get(str(value), str(value))

    def label(self, sample: Sample, config: DatasetConfig) -> Any:
        """The label that the dataset is for, as trainers get it."""
        main = config.model.main_label
        return self.emotion(sample) if main == "emotion" else sample.value(main)

    def classes(self, config: DatasetConfig) -> list[str]:
        """The classes of that label, in their order, as trainers get them."""
        if config.model.main_label != "emotion":
            return list(config.main_choices)
        called = (self.emotions.get(one, one) for one in config.main_choices)
        return list(dict.fromkeys(one for one in called if one is not None))

    def arousal_of(self, sample: Sample) -> float | None:
        """Arousal in the range that trainers want."""
        value = sample.value("arousal")
        if value is None:
            return None
        return (float(value) + 1) / 2 if self.arousal == "0..1" else float(value)  # type: ignore[arg-type]

    def mappings(self, config: DatasetConfig) -> dict[str, Any]:
        """What was mapped, whole: for export.json and the card. Empty where nothing was."""
        found: dict[str, Any] = {}
        if self.emotions:
            found["emotion"] = {one: self.emotions.get(one, one) for one in config.emotion_labels}
        if self.arousal != AROUSALS[0]:
            found["arousal"] = {"from": [-1, 1], "to": [0, 1], "by": "(arousal + 1) / 2"}
        return found


def emotions_named(text: str, config: DatasetConfig) -> dict[str, str | None]:
    """``melancholic=sad,neutral=`` as a table; ``7`` is `SEVEN`. Raises `LabelError`, `StageError`."""
    if text.strip() == "7":
        return {one: to for one, to in SEVEN.items() if one in config.emotion_labels}
    table: dict[str, str | None] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        one, equals, to = pair.partition("=")
        if not equals:
            raise StageError(f"{pair!r} maps nothing", hint="Write melancholic=sad, neutral= for none, or 7.")
        table[choose(one, config.emotion_labels, "emotion of this dataset")] = to.strip() or None
    return table

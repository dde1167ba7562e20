"""Kelly: a terminal workstation for making music training data.

The names below are the public API. Each is imported when it is first used, so that ``import kelly_tui`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kelly_tui.version import VERSION

__version__ = VERSION

__all__ = [
    "DatasetConfig",
    "annotate_dataset",
    "augment_audio",
    "augment_dataset",
    "augment_midi",
    "create_dataset_structure",
    "export_dataset",
    "extract_audio_features",
    "extract_features",
    "extract_midi_features",
    "generate_dynamics_samples",
    "generate_emotion_samples",
    "generate_groove_samples",
    "generate_harmony_samples",
    "generate_melody_samples",
    "import_files",
    "load",
    "load_manifest",
    "rebuild_dataset",
    "render_dataset",
    "render_midi",
    "retry_failures",
    "run_pipeline",
    "split_dataset",
    "stage_standings",
    "suggest_emotion",
    "synthesize_dataset",
    "validate_dataset",
]

if TYPE_CHECKING:
    from kelly_tui.augment.audio import augment_audio
    from kelly_tui.augment.midi import augment_midi
    from kelly_tui.export.loader import load
    from kelly_tui.features.audio import extract_audio_features
    from kelly_tui.features.midi import extract_midi_features
    from kelly_tui.learn.suggest import suggest_emotion
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.pipeline.stages import (
        annotate_dataset,
        augment_dataset,
        export_dataset,
        extract_features,
        import_files,
        rebuild_dataset,
        render_dataset,
        retry_failures,
        run_pipeline,
        split_dataset,
        synthesize_dataset,
    )
    from kelly_tui.pipeline.standing import stage_standings
    from kelly_tui.render.midi import render_midi
    from kelly_tui.store.layout import create_dataset_structure
    from kelly_tui.store.views import load_manifest
    from kelly_tui.synth.dynamics import generate_dynamics_samples
    from kelly_tui.synth.emotion import generate_emotion_samples
    from kelly_tui.synth.groove import generate_groove_samples
    from kelly_tui.synth.harmony import generate_harmony_samples
    from kelly_tui.synth.melody import generate_melody_samples
    from kelly_tui.validate.report import validate_dataset

_HOMES: dict[str, tuple[str, ...]] = {
    "kelly_tui.augment.audio": ("augment_audio",),
    "kelly_tui.augment.midi": ("augment_midi",),
    "kelly_tui.export.loader": ("load",),
    "kelly_tui.features.audio": ("extract_audio_features",),
    "kelly_tui.features.midi": ("extract_midi_features",),
    "kelly_tui.learn.suggest": ("suggest_emotion",),
    "kelly_tui.model.dataset": ("DatasetConfig",),
    "kelly_tui.pipeline.stages": (
        "annotate_dataset",
        "augment_dataset",
        "export_dataset",
        "extract_features",
        "import_files",
        "rebuild_dataset",
        "render_dataset",
        "retry_failures",
        "run_pipeline",
        "split_dataset",
        "synthesize_dataset",
    ),
    "kelly_tui.pipeline.standing": ("stage_standings",),
    "kelly_tui.render.midi": ("render_midi",),
    "kelly_tui.store.layout": ("create_dataset_structure",),
    "kelly_tui.store.views": ("load_manifest",),
    "kelly_tui.synth.dynamics": ("generate_dynamics_samples",),
    "kelly_tui.synth.emotion": ("generate_emotion_samples",),
    "kelly_tui.synth.groove": ("generate_groove_samples",),
    "kelly_tui.synth.harmony": ("generate_harmony_samples",),
    "kelly_tui.synth.melody": ("generate_melody_samples",),
    "kelly_tui.validate.report": ("validate_dataset",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})

"""The sets that are judged: where they lie, and what was annotated."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from kelly_tui.paths import PROJECT

EVAL = PROJECT.parent / "shared" / "eval"
KEY_SETS = ("key_midi", "key_midi2", "key_essen", "mode_midi")
"""Those of keys of notes."""


def annotated(name: str) -> dict[str, Any]:
    """The label of each file of a task."""
    manifest = EVAL / "manifests" / f"{name}.dev.json"
    return {item["file"]: item["label"] for item in json.loads(manifest.read_text())["items"]}


def folder_of(name: str) -> Path:
    return Path(os.environ.get("KELLY_EVAL_AUDIO", EVAL / "audio")) if name.endswith("_audio") else EVAL / "midi"

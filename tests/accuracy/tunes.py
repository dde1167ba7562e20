"""Contours of whole songs whose melody is a part of its own, judged by that part, when no part has a name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from kelly_tui.music.contour import contour_of, detect_contour, melody
from kelly_tui.music.notes import read_midi


def contours(evaluation: Path) -> str:
    """A line each: the share that is right, beside that of the skyline, as parts and as a single one."""
    right = []
    for item in json.loads((evaluation / "manifests" / "key_midi.dev.json").read_text())["items"]:
        score = read_midi(evaluation / "midi" / item["file"])
        part = score.notes[score.notes["track"] == [name.upper() for name in score.names].index("MELODY")]
        truth = detect_contour(melody(replace(score, notes=part))).value
        notes = score.notes.copy()
        notes["track"] = 0
        for one in (score, replace(score, notes=notes)):
            unnamed = replace(one, names=[])
            skyline = melody(unnamed)
            right.append((contour_of(unnamed, skyline).value == truth, detect_contour(skyline).value == truth))
    shares = 100 * np.array(right, np.float64).reshape(-1, 2, 2).mean(axis=0)
    return "\n".join(
        f"{'contour_song':14} {f'the melody among {what}, without names':46} {our:7.1f} {their:10.1f}"
        for what, (our, their) in zip(("parts", "all in one part"), shares)
    )

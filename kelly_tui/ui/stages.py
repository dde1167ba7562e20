"""The stages as the app offers them: in words, with what may be said to them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NamedTuple

from kelly_tui.errors import StageError


class Stage(NamedTuple):
    """A stage of the pipeline, and how its command line is made of what a person types."""

    name: str
    words: str
    wants: str = ""
    """What may be typed after its name, in words; empty for nothing."""
    option: str = ""
    """The option that takes it; empty where it follows the dataset."""
    usual: str = ""
    """What is taken where nothing is typed."""


STAGES = (
    Stage("import", "take in MIDI and audio, in the folders they are in", "a folder or files"),
    Stage("annotate", "label by the names of folders"),
    Stage("extract", "find features, and labels that detectors can hear"),
    Stage("split", "put songs into train, val and test; no song into two"),
    Stage("augment", "make variants of imported samples", "how many of each", "--multiplier", "10"),
    Stage("synthesize", "generate samples with known labels", "how many in all", "--count", "1000"),
    Stage("validate", "check all of it, down to the files"),
)

BY_NAME = {stage.name: stage for stage in STAGES}


def arguments(stage: Stage, root: Path, text: str = "") -> list[str]:
    """The command line of a stage: ``["augment", "/d/x", "--multiplier", "10"]``. Raises `StageError`."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise StageError(f"{text!r} can't be read ({error})") from None
    words = words or ([stage.usual] if stage.usual else [])
    if stage.wants and not words:
        raise StageError(f"{stage.name} wants {stage.wants}", hint=f"Write :{stage.name} ~/Music.")
    if words and not stage.wants:
        raise StageError(f"{stage.name} takes nothing more", hint=f"Write :{stage.name}.")
    if stage.option:
        if len(words) != 1 or not words[0].isdecimal():
            raise StageError(f"{stage.name} wants a number: {stage.wants}", hint=f"Write :{stage.name} {stage.usual}.")
        return [stage.name, str(root), stage.option, words[0]]
    if stage.name == "import":
        words = [str(Path(word).expanduser()) for word in words]
        for word in words:
            if not Path(word).exists():
                raise StageError("there is nothing to import", path=word)
    return [stage.name, str(root), *words]

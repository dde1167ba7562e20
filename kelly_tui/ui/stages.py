"""The stages as the app offers them: in words, with what may be said to them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kelly_tui.errors import StageError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.pipeline.parameters import PARAMETERS, Parameter, parameters_of
from kelly_tui.store.remote import is_address

if TYPE_CHECKING:
    from kelly_tui.pipeline.job import Job
    from kelly_tui.ui.paint import Span


class Stage(NamedTuple):
    """A stage of the pipeline, and how its command line is made of what a person types."""

    name: str
    words: str
    wants: str = ""
    """What may be typed after its name, in words; empty for nothing."""
    asks: tuple[str, ...] = ()
    """The parameters that are typed there, in this order, and asked for before the stage starts."""

    @property
    def asked(self) -> list[Parameter]:
        return [one for name in self.asks for one in PARAMETERS[self.name] if one.name == name]


STAGES = (
    Stage("import", "take in MIDI and audio, in the folders they are in", "a folder or files"),
    Stage("annotate", "label by the names of folders"),
    Stage("extract", "find features, and labels that detectors can hear"),
    Stage("split", "put songs into train, val and test; no song into two"),
    Stage("augment", "make variants of imported samples", "a number: how many of each", ("multiplier",)),
    Stage("synthesize", "generate samples with known labels", "a number: how many in all", ("count",)),
    Stage("render", "add the sound of MIDI, for a model that reads audio"),
    Stage("validate", "check all of it, down to the files"),
    Stage("export", "write it as trainers read it", "a format and a folder: jsonl ~/songs_jsonl", ("format", "out")),
    Stage("retry", "try again what was set aside, once its cause is mended"),
)

BY_NAME = {stage.name: stage for stage in STAGES}


def parameters(stage: Stage, config: DatasetConfig) -> list[str]:
    """What a stage will do with this dataset's configuration, in plain words, a line each."""
    arrays = [f"{words}" for wanted, words in (
        (config.extract_mel_spectrogram, f"mel {config.n_mels}"),
        (config.extract_mfcc, f"MFCC {config.n_mfcc}"),
        (config.extract_chroma, "chroma"),
    ) if wanted]  # fmt: skip
    songs = {
        "folder": "files of one folder are one song",
        "prefix": "names that are equal up to the last _ are one song",
        "none": "every file is a song of its own",
    }
    lines = {
        "import": [f"shorter than {config.min_duration_sec:g} s is set aside", "equal content is one sample"],
        "annotate": [f"folders named {' '.join(config.main_choices)}", "whole words; the innermost folder decides"],
        "extract": [f"the first {config.max_duration_sec:g} s", f"of audio {', '.join(arrays) or 'no arrays'}"],
        "split": [
            f"train {config.train_ratio:.0%}, val {config.val_ratio:.0%}, test {config.test_ratio:.0%}",
            songs[config.group_by],
        ],
        "augment": ["of MIDI: transpose, stretch, loudness, timing, dropout", "of audio: pitch, stretch, noise, gain"],
        "synthesize": [f"evenly over {' '.join(config.main_choices)}", "a total: a second run adds none"],
        "render": [
            f"a WAV at {config.sample_rate:,} Hz for each imported and generated sample",
            "a variant: its labels and split are those of its MIDI",
        ],
        "validate": ["structure, files, labels, splits; the report is gv"],
        "export": [
            "unknown licence, missing features, leak, stale proof stop it, but for force",
            "stopped at any moment, the same goes on where it was",
        ],
        "retry": ["samples are extracted again", "what import refused lies elsewhere: import it again"],
    }
    return lines[stage.name]


def ended(job: Job) -> Span:
    """How a stage ended, in its own words."""
    words = job.last_words or "ended"
    stage = "" if words.startswith(job.stage) else f"{job.stage}: "
    return f"{stage}{words}", "accent" if job.exit_code == 0 else "broken"


Said = Mapping[str, str]
"""What was typed for a stage's parameters, by name; the usual is taken of those that are not there."""


def arguments(stage: Stage, root: Path, text: str = "", said: Said | None = None) -> list[str]:
    """The command line of a stage: ``["augment", "/d/x", "--multiplier", "10"]``. Raises `StageError`."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise StageError(f"{text!r} can't be read ({error})") from None
    if words and not stage.wants:
        raise StageError(f"{stage.name} takes nothing more", hint=f"Write :{stage.name}.")
    if stage.asks:
        now, more = typed(stage, words)
        return [stage.name, str(root), *_options(stage, {**(said or {}), **now}), *more]
    if stage.wants and not words:
        raise StageError(f"{stage.name} wants {stage.wants}", hint=f"Write :{stage.name} ~/Music.")
    if stage.name == "import":
        words = [_local(word) for word in words]
        for word in words:
            if not is_address(word) and not Path(word).exists():
                raise StageError("there is nothing to import", path=word)
    return [stage.name, str(root), *words, *_options(stage, said or {})]


def typed(stage: Stage, words: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    """What is typed after a stage's name: the parameters that it asks for, the last ones where they are few; options.

    ``~/songs`` is a folder, ``jsonl ~/songs --force`` a format, a folder and an option. Raises `StageError`.
    """
    end = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    words, more = words[:end], words[end:]
    asked = stage.asked[len(stage.asked) - len(words) :] if len(words) <= len(stage.asked) else []
    try:
        if len(words) == len(asked) and not (words and asked != stage.asked and words[0] in stage.asked[0].choices):
            return {one.name: one.check(word) for one, word in zip(asked, words)}, more
    except StageError as error:
        raise StageError(f"{stage.name} wants {stage.wants}", hint=error.hint) from None
    raise StageError(f"{stage.name} wants {stage.wants}", hint="The form of the pipeline takes the rest.")


def _local(word: str) -> str:
    """A path or an address as the command line takes it."""
    return word if is_address(word) else str(Path(word).expanduser())


def _options(stage: Stage, said: Said) -> list[str]:
    lacking = [one for one in parameters_of(stage.name) if one.required and not said.get(one.name)]
    if lacking:
        raise StageError(f"{stage.name} wants {stage.wants}", hint=f"{lacking[0].name}: {lacking[0].meaning}.")
    return [word for one in parameters_of(stage.name) for word in one.words(said.get(one.name, ""))]

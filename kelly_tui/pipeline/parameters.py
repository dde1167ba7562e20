"""What may be said to each stage, in one table: the options of the command line and the app's forms are made of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from kelly_tui.errors import StageError
from kelly_tui.export.formats import FORMATS
from kelly_tui.export.options import AROUSALS
from kelly_tui.model.dataset import TARGET_MODELS
from kelly_tui.model.labels import suggestion

MOST = (1 << 63) - 1
"""No number is larger: the catalogue could not hold it."""

Kind = Literal["number", "flag", "choice", "text", "filter"]


class Parameter(NamedTuple):
    """One thing that may be said to a stage: ``--multiplier 10``."""

    name: str
    kind: Kind
    meaning: str
    usual: str = ""
    """What is taken where nothing is said; empty for what the stage finds out itself, ``no`` for a flag."""
    choices: tuple[str, ...] = ()
    """All that it can be, through which a form turns; of a text the command line takes other spellings too."""
    low: int = 0
    high: int = MOST
    """So far goes a number: what would take years to count up to is a slip of the hand."""
    word: str = "N"
    """What stands for a value in a help."""
    required: bool = False
    """Whether nothing can be taken where nothing is said."""

    @property
    def option(self) -> str:
        return f"--{self.name}"

    def check(self, text: str) -> str:
        """`text` as the command line takes it; empty for the usual. Raises `StageError`."""
        said = text.strip()
        if said in ("", self.usual):
            return ""
        if self.kind == "flag":
            if said.casefold() not in ("yes", "no"):
                raise StageError(f"{self.name} can't be {said!r}", hint="It is yes or no.")
            return said.casefold() if said.casefold() == "yes" else ""
        if self.kind == "number":
            if not (said.isdecimal() and len(said) < 20):
                raise StageError(
                    f"{self.name} can't be {said[:20]!r}", hint=f"It is a whole number, {self.low} or more."
                )
            self.must_be(int(said))
        if self.choices and said not in self.choices:
            raise StageError(f"{self.name} can't be {said!r}", hint=suggestion(said, self.choices))
        return said

    def must_be(self, number: int) -> None:
        """Raises `StageError` for a number that this can't be."""
        if number < self.low:
            raise StageError(f"{self.name} can't be less than {self.low:,}")
        if number > self.high:
            raise StageError(f"{self.name} can't be more than {self.high:,}")

    def words(self, text: str) -> list[str]:
        """Its part of a command line, where it is not the usual. Raises `StageError`."""
        said = self.check(text)
        return [] if not said else [self.option] if self.kind == "flag" else [self.option, said]


def _flag(name: str, meaning: str) -> Parameter:
    return Parameter(name, "flag", meaning, "no", ("no", "yes"))


LINK = _flag("link", "share the files' bytes where the disk can, do not copy")
DEEP = _flag("deep", "hash every file again")
AUGMENTATION = (
    Parameter("multiplier", "number", "variants that each imported sample has in the end", "10", high=100_000),
    _flag("generated", "variants of generated samples too"),
    _flag("balance", "more of the classes that lack, up to five times as many a sample"),
)
GENERATION = (
    Parameter("count", "number", "generated samples that the dataset has in the end", "5000", high=100_000_000),
    _flag("audio", "render them as sound"),
)
SPLITTING = (_flag("reshuffle", "assign every sample anew; lists change"),)
RENDERING = (
    _flag("variants", "the sound of MIDI variants too"),
    Parameter("format", "choice", "of the files", "wav", ("wav", "flac")),
    Parameter("soundfont", "text", "an .sf2 or .sf3; by default as kelly doctor says", word="FILE"),
)
EXPORTING = (
    Parameter("format", "text", "jsonl by default; parquet, webdataset, jams, npz", "jsonl", tuple(FORMATS), word="F"),
    Parameter("out", "text", "an empty folder, or one not there yet; also s3://…", word="DIR", required=True),
    Parameter("filter", "filter", "which samples, as in kelly list", word="FILTER"),
    Parameter("splits", "text", "of train,val,test; all of them by default", word="S,S"),
    _flag("verified-only", "what a person confirmed, and its variants"),
    _flag("no-generated", "no generated samples, nor variants of them"),
    Parameter("emotions", "text", "for trainers: melancholic=sad,neutral=, or 7 for that", word="TABLE"),
    Parameter("arousal", "choice", "its range for trainers", AROUSALS[0], AROUSALS),
    Parameter("shard-mb", "number", "megabytes of music in one shard", "256", low=1),
    _flag("paths", "parquet names music files instead of holding them"),
    Parameter("model", "text", "npz for another model than the dataset is for", "", ("", *TARGET_MODELS), word="M"),
    _flag("force", "although something stands in the way"),
    _flag("anew", "in place of one that was interrupted there, or left samples out"),
    LINK,
)
WORKING = (
    Parameter("workers", "number", "processes; one a core by default", low=1),
    Parameter("seed", "number", "of everything drawn", "0"),
    Parameter("cluster", "text", "a Dask cluster: tcp://HOST:PORT, tls://HOST:PORT, local:N", word="URL"),
)
"""What may be said to every stage whose work is done by other processes."""

PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "import": (LINK,),
    "augment": AUGMENTATION,
    "synthesize": GENERATION,
    "split": SPLITTING,
    "render": RENDERING,
    "validate": (DEEP,),
    "export": EXPORTING,
}
"""By stage. Those that are not here take none of their own."""

_WITHOUT_WORKERS = ("annotate", "split", "validate", "retry")


def parameters_of(stage: str) -> tuple[Parameter, ...]:
    """All that may be said to a stage, its own first."""
    return (*PARAMETERS.get(stage, ()), *(() if stage in _WITHOUT_WORKERS else WORKING))

"""The formats by name, and what one module for each of them provides.

A format writes an export part by part, by nothing but the samples and the options, so that a part that was cut short is
simply written again. `finish` puts together what goes over all parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from kelly_tui.errors import LibraryMissing, StageError
from kelly_tui.model.labels import suggestion

if TYPE_CHECKING:
    from kelly_tui.export.choice import Part, Record
    from kelly_tui.export.options import Options
    from kelly_tui.export.target import Target
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.model.sample import Sample

FORMATS = {
    "jsonl": "kelly_tui.export.jsonl:Jsonl",
    "parquet": "kelly_tui.export.parquet:Parquet",
    "jams": "kelly_tui.export.jams:Jams",
    "webdataset": "kelly_tui.export.webdataset:WebDataset",
    "npz": "kelly_tui.export.npz:Npz",
}
"""Name and class, ``module:class``; made with (config, options) when it is wanted."""


class Format(Protocol):
    """One format, with its options chosen: a `Writes` or a `Gathers`."""

    part_samples: int
    """At most so many samples are a part."""
    part_bytes: int
    """At most so many bytes of music, but for one large sample."""
    wants_features: bool
    """Whether features, or labels that come with them, are in it."""

    def finish(self, parts: Sequence[Part], target: Target) -> dict[str, Any]:
        """Write what goes over all parts; what export.json shall say besides, such as fields that were not held.

        Raises `StageError` where there is nothing to write.
        """


class Writes(Format, Protocol):
    """A format of the samples as they are."""

    def write(self, part: Part, records: Iterable[Record], target: Target) -> None:
        """Write the files of a part. Every record must be taken from `records`, in order."""


@runtime_checkable
class Gathers(Format, Protocol):
    """A format of what is made of each sample, which takes longer than to write it: workers make it."""

    function: str
    """Dotted path, ``module:name``, of the function that workers call with what `ask` gives."""

    def ask(self, sample: Sample) -> dict[str, Any]:
        """What a worker must know of a sample besides ``root``, the dataset's folder; builtins only."""

    def gathering(self, part: Part, target: Target) -> AbstractContextManager[Gathered]:
        """Takes what was made of the samples of a part, in order; its files are whole when the block ends."""


class Gathered(Protocol):
    """What was made of the samples of a part."""

    def add(self, sample: Sample, made: dict[str, Any]) -> None:
        """The next sample, and what a worker gave."""


def open_format(name: str, config: DatasetConfig, options: Options) -> Writes | Gathers:
    """The format `name`. Raises `StageError` that names the nearest, `LibraryMissing` that names the extra."""
    if name not in FORMATS:
        raise StageError(f"there is no format {name!r}", hint=suggestion(name, FORMATS))
    module, _, made_by = FORMATS[name].partition(":")
    made: Writes | Gathers = getattr(import_module(module), made_by)(config, options)
    return made


def missing(library: str, extra: str) -> LibraryMissing:
    """What a format raises whose library is not installed."""
    return LibraryMissing(f"{library} is not installed", hint=f"Install it: pip install 'kelly-tui[{extra}]'.")

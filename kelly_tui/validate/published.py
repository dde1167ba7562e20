"""What hubs want to know of a file or a number in their own words: media types, splits, sizes, licences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kelly_tui.model.report import ExportedFile, Facts

UNKNOWN = "unknown"
"""What a card calls a licence that nobody has named."""

_MEDIA_TYPES = {
    "jsonl": "application/jsonlines",
    "parquet": "application/x-parquet",
    "webdataset": "application/x-tar",
    "jams": "application/json",
    "json": "application/json",
    "npz": "application/octet-stream",
    "midi": "audio/midi",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp3": "audio/mpeg",
    "aiff": "audio/aiff",
    "txt": "text/plain",
    "md": "text/markdown",
}
_FORMATS = {"tar": "webdataset", "mid": "midi", "kar": "midi", "aif": "aiff", "jsonlines": "jsonl", "ndjson": "jsonl"}
_SPLIT = re.compile(r"(?:^|[/_.-])(train|val|validation|test)(?=[/_.-]|$)")
_HUB_LICENSES = (
    "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0",
    "cc-by-nd-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "mit", "apache-2.0",
    "bsd-2-clause", "bsd-3-clause", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "odbl", "odc-by",
    "pddl", "unlicense", "wtfpl", "isc", "zlib", "artistic-2.0", "mpl-2.0",
)  # fmt: skip
"""Identifiers that the Hugging Face hub knows."""


def format_of(file: ExportedFile) -> str:
    """What the file says it is, else what its suffix says; empty for neither."""
    suffix = file.path.rpartition("/")[2].rpartition(".")[2].casefold()
    return file.format or _FORMATS.get(suffix, suffix)


def media_type(format: str) -> str:
    """The media type of a format by its short name."""
    return _MEDIA_TYPES.get(format, "application/octet-stream")


def split_of(file: ExportedFile) -> str:
    """``train`` ``val`` ``test``, by what the file or its path says; empty for neither."""
    found = _SPLIT.search(file.path)
    name = file.split or (found[1] if found else "")
    return "val" if name == "validation" else name


def pattern_of(paths: Iterable[str]) -> list[str]:
    """The paths, those that differ by a long number as one pattern: ``data/train-*.parquet``."""
    return list(dict.fromkeys(re.sub(r"\d{3,}", "*", path) for path in paths))


def hub_license(name: str) -> str:
    """The hub's identifier for a licence as people write it, ``CC BY 4.0``; ``other`` for what it does not know."""
    if not name.strip():
        return UNKNOWN
    words = re.sub(r"[\s_/]+", "-", name.strip().casefold()).removesuffix("-international")
    words = re.sub(r"^(creative-commons|cc)-", "cc-", words)
    return words if words in _HUB_LICENSES else "other"


def licenses_of(facts: Facts) -> dict[str, int]:
    """Samples by licence; that of the whole where no sample is another's."""
    return facts.licenses or {facts.license: facts.total}


def size_category(total: int) -> str:
    """``1K<n<10K``, as hubs sort data sets by the number of samples."""
    steps: Sequence[tuple[int, str]] = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"),
                                        (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))  # fmt: skip
    return next((name for most, name in steps if total < most), "10M<n<100M")

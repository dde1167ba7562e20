"""The same facts for machines: Croissant 1.0, JSON-LD that search engines and loaders of data sets read.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kelly_tui.model.report import ExportedFile, Facts
from kelly_tui.text import count, safe_text
from kelly_tui.validate.published import UNKNOWN, format_of, licenses_of, media_type, pattern_of

MOST_FILES = 500
"""Files that are named one by one; more are named by the pattern of their names."""

_CR = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    **{name: f"cr:{name}" for name in _CR},
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
}


def croissant(facts: Facts, files: Sequence[ExportedFile] = (), notes: Sequence[str] = ()) -> dict[str, Any]:
    """JSON-LD, ready for ``json.dumps``: of an export where there are `files`, else of the dataset's folder.

    The dataset's own files may be among `files`, with their hashes; what is a table says so by its columns.
    """
    named = " and ".join(f"{number:,} {origin}" for origin, number in facts.origins.items() if number) or "no"
    words = [
        facts.description,
        f"{named} samples of music, labelled by {facts.main_label}: {count(len(facts.classes), 'class', 'classes')}.",
        *notes,
    ]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": _name(facts.dataset_id),
        "description": _text(" ".join(filter(None, words))),
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "citeAs": _text(f"{facts.author + ': ' if facts.author else ''}{facts.dataset_id}, version {facts.version}"),
        "license": [_text(name) or UNKNOWN for name in licenses_of(facts)],
        "version": facts.version,
        "dateCreated": facts.created_at[:10],
        "datePublished": facts.changed_at[:10],
        "isLiveDataset": False,
        **({"creator": {"@type": "sc:Person", "name": _text(facts.author)}} if facts.author else {}),
        **({"url": facts.source} if facts.source.startswith(("https://", "http://")) else {}),
        "keywords": ["music", facts.target_model, facts.main_label, *sorted(facts.file_types)],
        "rai:dataAnnotationProtocol": _text(_annotation(facts)),
        "rai:dataCollection": _text(facts.source or "imported files"),
        "distribution": list(_distribution(files)),
        "recordSet": [_splits(facts), _classes(facts), *_tables(files)],
    }


def _annotation(facts: Facts) -> str:
    given = (
        f"{field}: " + ", ".join(f"{source} {number}" for source, number in by_source.items())
        for field, by_source in facts.label_sources.items()
        if by_source
    )
    return "; ".join(given) or "no labels"


def _distribution(files: Sequence[ExportedFile]) -> Iterator[dict[str, Any]]:
    if len(files) <= MOST_FILES:
        for file in files:
            yield {
                "@type": "cr:FileObject",
                "@id": file.path,
                "name": _text(file.path),
                "contentUrl": file.path,
                "contentSize": f"{file.size} B",
                "encodingFormat": media_type(format_of(file)),
                "sha256": file.sha256,
            }
    for kind, of_kind in _by_format(files).items():
        tables = [file for file in of_kind if file.columns]
        if len(files) > MOST_FILES or (kind != "json" and tables):
            of_kind = tables or of_kind  # noqa: PLW2901  # what is beside them is none
            yield {
                "@type": "cr:FileSet",
                "@id": f"{kind}-files",
                "name": f"{kind}-files",
                "description": f"{count(len(of_kind), 'file')}, {sum(file.size for file in of_kind)} B",
                "encodingFormat": media_type(kind),
                "includes": pattern_of(file.path for file in of_kind),
            }


def _by_format(files: Sequence[ExportedFile]) -> dict[str, list[ExportedFile]]:
    by_format: dict[str, list[ExportedFile]] = {}
    for file in files:
        by_format.setdefault(format_of(file) or "other", []).append(file)
    return by_format


def _splits(facts: Facts) -> dict[str, Any]:
    """Which splits there are, and how large."""
    return _inline("splits", "cr:Split", [(name, number) for name, number in facts.splits.items()])


def _classes(facts: Facts) -> dict[str, Any]:
    return _inline(facts.main_label, "sc:Enumeration", [(_text(one.label), one.total) for one in facts.classes])


def _inline(name: str, kind: str, rows: Sequence[tuple[str, int]]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "dataType": kind,
        "key": {"@id": f"{name}/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": f"{name}/samples", "name": "samples", "dataType": "sc:Integer"},
        ],
        "data": [{f"{name}/name": label, f"{name}/samples": number} for label, number in rows],
    }


def _tables(files: Sequence[ExportedFile]) -> Iterator[dict[str, Any]]:
    """A record set for each format whose files are tables; of a JSON file, of its list of samples."""
    for kind, of_kind in _by_format(files).items():
        columns = {name: holds for file in of_kind for name, holds in file.columns.items()}
        if columns:
            table = f"samples-{kind}"
            path = next(file.path for file in of_kind if file.columns)
            yield {
                "@type": "cr:RecordSet",
                "@id": table,
                "name": table,
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"{table}/{name}",
                        "name": name,
                        "dataType": holds,
                        "source": {"fileObject": {"@id": path}, "extract": {"jsonPath": f"$.samples[*].{name}"}}
                        if kind == "json"
                        else {"fileSet": {"@id": f"{kind}-files"}, "extract": {"column": name}},
                    }
                    for name, holds in columns.items()
                ],
            }


def _name(text: str) -> str:
    return _text(text).replace("/", "-") or "dataset"


def _text(text: str) -> str:
    return safe_text(" ".join(text.split()), limit=None)

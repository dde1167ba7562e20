"""One odd value in a file of a dataset: where it can stand, and what of the dataset must be as before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ODD = {
    "NaN": "NaN",
    "too large": "-1e999",
    "null": "null",
    "no text": '""',
    "zero": "0",
    "negative": "-1",
    "half": "0.5",
    "true": "true",
    "huge": "1" + "0" * 30,
    "text": '"zz"',
    "a way out": '"../../etc/passwd"',
    "control": '"\\u001b[31mx\\u202e\\u0000"',
    "half a letter": '"\\ud83dx"',
    "long": f'"{"q" * 5000}"',
    "list": "[]",
    "list of none": "[null]",
    "object": "{}",
    "object with NaN": '{"a": [NaN, "\\udc01"]}',
    "deep": "[" * 60 + "]" * 60,
}
"""JSON of values that nobody means, by name."""

Way = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a value stands: in which file, in which of its lines (None: the file is one object), and there."""

    file: str
    line: int | None
    way: Way


def places(root: Path) -> Iterator[Place]:
    """Each kind of value that the files tell of samples, once: of lists and of objects by name the first."""
    seen = set()
    for path in [root / "manifest.json", *sorted((root / "annotations").rglob("*.json"))]:
        file = path.relative_to(root).as_posix()
        for line, said in _objects(path):
            kind = ("annotation",) if "annotations/" in file else (file, *sorted(said)[:3], said.get("is_synthetic"))
            for way in _ways(said):
                named = (*kind, *(0 if isinstance(step, int) else step for step in way))
                if named not in seen:
                    seen.add(named)
                    yield Place(file, line, way)


def _objects(path: Path) -> Iterator[tuple[int | None, dict[str, Any]]]:
    if path.name != "manifest.json":
        yield None, json.loads(path.read_text())
        return
    for number, line in enumerate(path.read_text().splitlines()):
        if line.startswith('{"') and line.rstrip(",").endswith("}") and not line.startswith('{"config"'):
            yield number, json.loads(line.rstrip(","))


def _ways(said: object, way: Way = ()) -> Iterator[Way]:
    if way:
        yield way
    steps = said.items() if isinstance(said, dict) else enumerate(said[:1]) if isinstance(said, list) else ()
    for step, inner in steps:
        yield from _ways(inner, (*way, step))


def put(root: Path, place: Place, written: str) -> None:
    """Write `written` in that place, as a text editor would."""
    path = root / place.file
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    said = text if place.line is None else lines[place.line]
    end = said[len(said.rstrip("\n").rstrip(",")) :]
    found = json.loads(said.rstrip("\n").rstrip(","))
    inner = found
    for step in place.way[:-1]:
        inner = inner[step]
    inner[place.way[-1]] = "<here>"
    made = json.dumps(found).replace('"<here>"', written) + end
    path.write_text(made if place.line is None else "".join([*lines[: place.line], made, *lines[place.line + 1 :]]))


_OF_THE_KEY = ("key", "mode", "chord_progression", "chord_times")


def labels_but(place: Place, root: Path, labels: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Those of `labels`, by sample and field, that a value in this place says nothing of.

    Variants have their labels of their parent, and chords theirs of the key.
    """
    if place.way[0] not in (*_WHICH, "annotations", "provenance", "said_by"):
        return labels
    if place.way[0] in _WHICH or len(place.way) == 1:  # of another sample, or of none
        named = _sample_at(place, root)
        return {key: one for key, one in labels.items() if key[0] != named and "inherited" not in one}
    fields = _OF_THE_KEY if place.way[1] in _OF_THE_KEY else place.way[1:2]
    return {key: one for key, one in labels.items() if key[1] not in fields}


_WHICH = ("sample_id", "file_path", "file_type", "sha256", "root_id", "parent_id")


def _sample_at(place: Place, root: Path) -> str:
    text = (root / place.file).read_text()
    said = json.loads(text if place.line is None else text.splitlines()[place.line].rstrip(","))
    return str(said["sample_id"])

"""manifest.json: the index of a dataset, one sample a line, written and read without holding it all as objects."""

from __future__ import annotations

import filecmp
import hashlib
import os
import re
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import WrittenConflict, written_conflicts
from kelly_tui.store.elements import Elements, all_of, too_many
from kelly_tui.store.inside import open_inside, read_inside
from kelly_tui.store.layout import LARGEST_CONFIG, LARGEST_MANIFEST, disk_errors, sync_folder
from kelly_tui.store.markers import versions
from kelly_tui.store.older import Lineage, lineage
from kelly_tui.store.opinions import blind_opinions
from kelly_tui.store.partial import partials, put
from kelly_tui.store.schema import FLAG_FIELDS, LIST_FIELDS, SAID_BY, decode_provenance
from kelly_tui.store.trials import trials
from kelly_tui.text import no_number, of_json

NAME = "manifest.json"

_T = TypeVar("_T")

_PLAIN = (
    "sample_id", "file_path", "file_type", "sha256", "file_size_bytes", "duration_sec", "created_at", "modified_at",
    "split", "features_path", "source", "is_synthetic", "parent_id", "augmentation_type", "root_id", "license",
    "status", "decision", "skip_reason", "rejected",
)  # fmt: skip
_JSON = ("other_sources", "refused", "augmentation", "extra")
_FIELDS = tuple(FIELDS)
_FIELDS_AT = len(_PLAIN) + len(_JSON)
_SELECT = f"SELECT provenance, {', '.join((*_PLAIN, *_JSON, *_FIELDS))} FROM samples ORDER BY rowid"

Place = Callable[[Path], object] | None

TOP_LEVEL = ("config", "created_at", "updated_at", "samples", "stats")


def write_manifest_file(catalogue: Catalogue, path: Path, place: Place = None) -> str:
    """Write the manifest row by row; the SHA-256 of its bytes. `place` as in `replacing`.

    One statement reads one state of the catalogue, however long the disk takes. A reader finds the old file or the
    new one, each whole. Raises `DatasetError`, `DiskFull`.
    """
    db = catalogue.db
    seq, come_to = catalogue_rev(catalogue), lineage(db)
    changed = db.execute("SELECT max(modified_at) FROM samples").fetchone()[0]
    decided = db.execute("SELECT max(at) FROM steps").fetchone()[0]
    created = _meta(catalogue, "created_at") or catalogue.config.created_at
    encode = msgspec.json.encode
    with replacing(path, place) as file:
        digest = hashlib.sha256()

        def put(data: bytes) -> None:
            digest.update(data)
            file.write(data)

        put(b'{"config": ' + encode(catalogue.config.to_dict()))
        put(b',\n"created_at": ' + encode(created))
        put(b',\n"updated_at": ' + encode(max(filter(None, (changed, decided, created)), default="")))
        put(b',\n"samples": [')
        separator = b"\n"
        for chunk in _lines(db.execute(_SELECT)):
            put(separator + chunk)
            separator = b",\n"
        if heard := trials(catalogue):
            put(b'\n],\n"blind_listening": [\n' + b",\n".join(map(encode, heard)))
        if said := blind_opinions(catalogue):
            put(b'\n],\n"opinions": [\n' + b",\n".join(map(encode, said)))
        if undecided := written_conflicts(catalogue):
            put(b'\n],\n"conflicts": [\n' + b",\n".join(map(encode, undecided)))
        put(b'\n],\n"stats": ' + encode(stats(catalogue)))
        kelly = {"catalogue": come_to.catalogue, "catalogue_rev": seq, "changes": come_to.changes}
        put(b"," + _KELLY + encode({**kelly, "mark": mark(catalogue, seq), "complete": True}) + b"}\n")
    return digest.hexdigest()


def catalogue_rev(catalogue: Catalogue) -> int:
    """The number of the last event in the history."""
    return int(catalogue.db.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0])


def mark(catalogue: Catalogue, seq: int) -> str:
    """What tells the history up to an event from that of any other catalogue, were it a copy of this one.

    A manifest has it beside the event's number, which another catalogue counts by itself.
    """
    event = catalogue.db.execute(
        "SELECT seq, at, actor, sample_id, field, old, new FROM events JOIN steps USING (step) WHERE seq = ?", (seq,)
    ).fetchone()
    identity = _meta(catalogue, "identity")
    if identity is None and event is None:  # an earlier version made it, and nothing has happened since
        return ""
    return hashlib.sha256(repr((identity, event)).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _meta(catalogue: Catalogue, name: str) -> str | None:
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _lines(rows: Any) -> Iterator[bytes]:
    """The samples' lines, some hundred at a time."""
    encode = msgspec.json.Encoder().encode
    while chunk := rows.fetchmany(500):
        yield b",\n".join(encode(_sample_line(row[1:], row[0])) for row in chunk)


def _sample_line(row: tuple[Any, ...], provenance: str) -> dict[str, Any]:
    line = dict(zip(_PLAIN, row, strict=False))
    line["is_synthetic"] = bool(line["is_synthetic"])
    line["rejected"] = bool(line["rejected"])
    others, refused, augmentation, extra = row[len(_PLAIN) : _FIELDS_AT]
    line["augmentation"] = None if augmentation is None else msgspec.Raw(augmentation.encode())
    annotations = {name: value for name, value in zip(_FIELDS, row[_FIELDS_AT:], strict=True) if value is not None}
    for name in annotations.keys() & LIST_FIELDS:
        annotations[name] = msgspec.Raw(annotations[name].encode())  # it is JSON already
    for name in annotations.keys() & FLAG_FIELDS:
        annotations[name] = bool(annotations[name])
    line["annotations"] = annotations
    if annotations:
        where = decode_provenance(provenance).items()
        if people := {name: one for name, one in where if one.source == "human"}:
            line[SAID_BY] = people
    if others is not None:
        line["other_sources"] = msgspec.Raw(others.encode())
    if refused is not None:
        line["refused"] = msgspec.Raw(refused.encode())
    if extra is not None:
        line |= {name: value for name, value in msgspec.json.decode(extra).items() if name not in line}
    return line


def stats(catalogue: Catalogue) -> dict[str, Any]:
    """What a reader wants to know before reading the samples."""
    counts = catalogue.counts()
    main = catalogue.config.model.main_label
    return {
        "total_samples": counts.in_catalogue,
        "held": counts.total,
        "by_origin": counts.origins,
        "by_split": counts.splits,
        "by_status": counts.status,
        f"by_{main}": counts.of(main),
    }


@contextmanager
def replacing(path: Path, place: Place = None) -> Iterator[BinaryIO]:
    """A file to write in pieces, which takes the place of `path` when the block ends and its bytes are others.

    Its folder is there. `place` is told where it lies until then, and does it. As
    `kelly_tui.store.layout.write_atomic`, for what is too large to hold. Raises `DatasetError`, `DiskFull`.
    """
    with disk_errors(path):
        with partials(path.parent) as new:
            partial = new()
            with partial.open("xb", buffering=1 << 20) as file:
                yield file
                file.flush()
                if path.exists() and filecmp.cmp(partial, path, shallow=False):
                    return
                os.fsync(file.fileno())
            if place is None:
                put(partial, path)
            else:
                place(partial)
        sync_folder(path.parent)


_NONE, _NULL = msgspec.Raw(b"[]"), msgspec.Raw(b"null")


class _File(msgspec.Struct):
    """A manifest as it lies."""

    samples: msgspec.Raw
    config: msgspec.Raw = _NULL
    created_at: msgspec.Raw = _NULL
    updated_at: msgspec.Raw = _NULL
    stats: msgspec.Raw = _NULL
    kelly: msgspec.Raw = _NULL
    blind_listening: msgspec.Raw = _NONE
    opinions: msgspec.Raw = _NONE
    conflicts: msgspec.Raw = _NONE


@dataclass
class RawManifest:
    """A manifest whose samples are read one at a time."""

    config: dict[str, Any]
    created_at: str
    updated_at: str
    stats: dict[str, Any]
    catalogue_rev: int | None
    """None where another program wrote it."""
    mark: str
    """See `mark`; empty where an earlier version or another program wrote it."""
    lines: Collection[bytes]
    """Of each sample, not yet decoded."""
    heard: list[Trial]
    """Answers of blind listening; what is none is left out."""
    opinions: list[Opinion]
    """What was said blind; what is none is left out."""
    conflicts: list[WrittenConflict]
    """What nobody has decided; what is none is left out."""
    lineage: Lineage
    """Whose it is, as far as it tells."""
    findings: list[str]
    """What is left out, or read otherwise than it stands there."""
    disputed: int = 0
    """So many of the last lines only one side of a merge has that git left to people."""

    def rows(self) -> Iterator[dict[str, Any] | bytes]:
        """Each sample's object; the bytes of what is none, or too long for one."""
        for line in self.lines:
            try:
                row = of_json(line, object, _LONGEST) if len(line) <= _LONGEST else None
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                row = None
            if isinstance(row, dict) and self.findings and "\ufffd" in f"{row.get('sample_id')}{row.get('file_path')}":
                row = None  # what is read otherwise than it stands there may name another file
            yield row if isinstance(row, dict) else line

    def add(self, other: RawManifest) -> None:
        """Take over what only the other side of a merge says; its lines and those of this one alone come last."""
        agreed = {*self.lines} & {*other.lines}
        alone = [line for line in (*self.lines, *other.lines) if line not in agreed]
        self.lines = [line for line in self.lines if line in agreed] + alone
        self.disputed = len(alone)
        self.heard += [one for one in other.heard if one not in self.heard]
        self.opinions += [one for one in other.opinions if one not in self.opinions]
        self.conflicts += [one for one in other.conflicts if one not in self.conflicts]
        self.findings += [one for one in other.findings if one not in self.findings]


class _Lines:
    """The samples of a manifest that has one on each line: read from the file each time, and not kept."""

    def __init__(self, file: BinaryIO, begin: int, count: int) -> None:
        self._file, self._begin, self._count = file, begin, count
        weakref.finalize(self, file.close)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, line: object) -> bool:
        return any(line == one for one in self)

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._begin)
        return (_without_comma(line) for line in islice(self._file, self._count))


def read_manifest_file(path: Path) -> RawManifest:
    """Read a manifest, ours or the earlier pipeline's. `FileRefused` with the reason for anything else.

    Of one that has a sample on each line, as ours have, little is held however long it is.
    """
    try:
        by_line = _by_line(path)
        raw = read_inside(path.parent, path, LARGEST_MANIFEST) if by_line is None else b""
    except OSError as error:
        raise FileRefused(f"can't be read ({error.strerror})", path=path) from error
    if by_line is not None:
        without, lines, findings = by_line
        found = _decoded(without, path)
        return replace(found, lines=lines, findings=found.findings + findings)
    first, *others = [_decoded(one, path) for one in versions(raw)]
    for other in others:
        first.add(other)
    return first


def lineage_told(path: Path) -> Lineage:
    """Whose a manifest of ours is, by its last line alone, however long it is; nameless where that does not tell."""
    with (
        suppress(FileRefused, OSError, msgspec.MsgspecError, UnicodeDecodeError),
        open_inside(path.parent, path) as file,
    ):
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _LAST_LINE))
        last = file.read(_LAST_LINE).rpartition(_KELLY)[2]
        return msgspec.json.decode(last.rstrip().removesuffix(b"}"), type=Lineage)
    return Lineage()


def _decoded(raw: bytes, path: Path) -> RawManifest:
    findings: list[str] = []
    try:
        found = of_json(raw.removeprefix(b"\xef\xbb\xbf"), _File, findings=findings)
        lines = Elements(found.samples, "samples")
    except FileRefused as error:
        raise FileRefused(f"no manifest ({error.what})", path=path) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise FileRefused(f"no manifest ({error}{_near(raw, str(error))})", path=path) from None
    kelly = _said(found.kelly, dict, "kelly", findings) or {}
    rev, said = kelly.get("catalogue_rev"), kelly.get("mark")
    come_to = Lineage()
    with suppress(msgspec.ValidationError):
        come_to = msgspec.convert(kelly, Lineage)
    return RawManifest(
        _said(found.config, dict, "config", findings) or {},
        _said(found.created_at, str, "created_at", findings) or "",
        _said(found.updated_at, str, "updated_at", findings) or "",
        _said(found.stats, dict, "stats", findings) or {},
        rev if isinstance(rev, int) else None,
        said if isinstance(said, str) else "",
        lines,
        all_of(found.blind_listening, Trial, "blind_listening", findings),
        all_of(found.opinions, Opinion, "opinions", findings),
        all_of(found.conflicts, WrittenConflict, "conflicts", findings),
        come_to,
        findings,
    )


def _said(raw: msgspec.Raw, kind: type[_T], name: str, findings: list[str]) -> _T | None:
    """What stands under `name`, where it is of that kind and no larger than a configuration is."""
    said: object = raw
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        if len(memoryview(raw)) <= LARGEST_CONFIG:
            said = of_json(bytes(raw), object)
    if said is None or (isinstance(said, kind) and not no_number(said)):
        return said
    begin = bytes(memoryview(raw)[:16]).decode("utf-8", "replace")
    findings.append(f"{name} is {no_number(said) or begin}: left out")
    return None


def _by_line(path: Path) -> tuple[bytes, _Lines, list[str]] | None:
    """A manifest without its samples; these, where each is a line; what was mended in them. None if it is not so."""
    file = open_inside(path.parent, path)
    findings: list[str] = []
    head = list(islice(_lines_of(file), _BEFORE))
    begin = file.tell()
    if head[-1:] == [_SAMPLES] and (found := _count_lines(file, findings)) is not None:
        number, end = found
        left = os.fstat(file.fileno()).st_size - file.tell()
        without = b"".join(head) + end + file.read(max(0, min(left, LARGEST_MANIFEST)))
        with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            of_json(without.removeprefix(b"\xef\xbb\xbf"), _File)
            return without, _Lines(file, begin, number), findings
    file.close()
    return None


_LONGEST = 32 << 20
"""Bytes of a line: a sample's, or all that is said before and after them. One that is longer is cut, and no JSON."""


def _lines_of(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(_LONGEST), b"")


_KELLY, _LAST_LINE = b'\n"kelly": ', 1 << 12
"""How the last line begins, and how many bytes it has at most."""

_BEFORE, _SAMPLES = 4, b'"samples": [\n'
"""How many lines there are before the samples, and the last of them."""


def _count_lines(file: BinaryIO, findings: list[str]) -> tuple[int, bytes] | None:
    """How many lines are samples, and the line after them; None where they are no JSON with commas between."""
    number, goes_on, size = 0, True, 0
    for line in _lines_of(file):
        if line.lstrip().startswith(b"]"):
            return (number, line) if not number or not goes_on else None
        text = _without_comma(line)
        size += len(line)
        with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            of_json(text, msgspec.Raw, findings=findings)
            if goes_on and not too_many(number, size):
                number, goes_on = number + 1, line.rstrip() != text
                continue
        return None
    return None


def _without_comma(line: bytes) -> bytes:
    return line.strip().removesuffix(b",").rstrip()


def _near(raw: bytes, error: str) -> str:
    """What stands where the decoder stopped: ``, at 'NaN, "source"'``."""
    place = re.search(r"\(byte (\d+)\)", error)
    if place is None:
        return ""
    return f", at {raw[int(place[1]) :][:16].decode('utf-8', 'replace')!r}"


@dataclass
class Manifest:
    """A dataset as its manifest says it is. Also read as ``manifest["samples"]``."""

    config: DatasetConfig
    created_at: str
    updated_at: str
    samples: list[Sample] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    """What is left out, or read otherwise than it stands there."""

    def __getitem__(self, name: str) -> Any:
        if name not in TOP_LEVEL:
            raise KeyError(name)
        return getattr(self, name)

    def __len__(self) -> int:
        return len(self.samples)


def load_manifest(path: Path | str) -> Manifest:
    """The manifest of a dataset, given its folder or the file itself. Raises `DatasetError` with the reason."""
    path = Path(path)
    file = path / NAME if path.is_dir() else Path(os.path.realpath(path))  # what one names oneself may be a link
    if not os.path.lexists(file):
        raise DatasetError("there is no manifest", path=file, hint="Is this a dataset? kelly create makes one.")
    from kelly_tui.store.rows import read_row  # here: reading rows checks labels, which writing needs not

    try:
        raw = read_manifest_file(file)
    except FileRefused as error:
        raise DatasetError(error.what, path=file, hint="Restore it, or let kelly write it anew.") from None
    config = DatasetConfig.from_json(msgspec.json.encode({"dataset_id": file.parent.name, **raw.config}))
    samples = [read_row(row, config).sample for row in raw.rows() if isinstance(row, dict)]
    return Manifest(config, raw.created_at, raw.updated_at, samples, raw.stats, raw.findings)

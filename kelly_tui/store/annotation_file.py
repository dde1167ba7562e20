"""annotations/<ab>/<id>.json: what is known of one sample, each value with where it came from.

With it stands what a person decided of the sample, see `written_state`, and what `said_beside` gives.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET

from kelly_tui.errors import FileRefused
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.edit import STATE_FIELDS, UNDECIDED
from kelly_tui.model.labels import SHOWN
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.sample import Sample
from kelly_tui.store.blind import HEARD, OPINIONS, said_of
from kelly_tui.store.decisions import decision_times
from kelly_tui.store.earlier import Earlier, ToldElsewhere, as_earlier, as_told, decided_conflicts, earlier_labels
from kelly_tui.store.inside import read_inside
from kelly_tui.store.markers import versions
from kelly_tui.store.provenance import odd_parts, provenance_in
from kelly_tui.store.schema import Provenance, provenance_of
from kelly_tui.text import DEEPEST, mended, no_number, of_json

LARGEST = 32 << 20
"""Bytes: what `kelly_tui.model.annotation.LONGEST` allows in every field, and most of a stranger's."""

_T = TypeVar("_T")

_DECIDED, _EARLIER, _AS_IT_WAS_CALLED = "decided", "earlier", "taken_back"
_DECISIONS = "decisions"
_MARK = b"\xef\xbb\xbf"
_encode = msgspec.json.Encoder(order="sorted").encode


def said_beside(db: sqlite3.Connection, sample_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What files of some samples say besides, by id, where anything: what was said blind, as `said_of` gives it; the
    conflicts that were decided, by field when each came up; the labels of people that were there, by field; and when
    what was decided was.

    A manifest in which they are open, or stand, is written much later, and would bring them up again where the
    catalogue is lost; so would another copy of the dataset, which has them still: a field that is missing says nothing.
    """
    found: dict[str, dict[str, Any]] = {sample_id: {**said} for sample_id, said in said_of(db, sample_ids).items()}
    for sample_id, decided in decided_conflicts(db, sample_ids).items():
        found.setdefault(sample_id, {})[_DECIDED] = decided
    for sample_id, labels in earlier_labels(db, sample_ids).items():
        found.setdefault(sample_id, {})[_EARLIER] = labels
    for sample_id, times in decision_times(db, sample_ids).items():
        found.setdefault(sample_id, {})[_DECISIONS] = times
    return found


def render(sample: Sample, said: Mapping[str, Any]) -> bytes:
    """The file's bytes: the same for the same labels. `said`: beside them."""
    return _render_labels(sample, {**written_state(sample.state, sample.modified_at), **said})


def _render_labels(sample: Sample, beside: Mapping[str, Any]) -> bytes:
    provenance = {name: provenance_of(label) for name, label in sample.labels.items()}
    return render_stored(sample.sample_id, sample.rev, sample.annotations, provenance, beside)


def render_stored(
    sample_id: str,
    rev: int,
    values: Mapping[str, Any],
    provenance: Mapping[str, Provenance],
    beside: Mapping[str, Any],
) -> bytes:
    """The same of what `kelly_tui.store.schema.stored_labels` gives; `beside`: what stands there besides labels."""
    said = {"annotations": values, "provenance": provenance, "rev": rev, "sample_id": sample_id, **beside}
    lines = [b'  "%s": %s' % (name.encode(), _on_a_line(said[name])) for name in sorted(said, key=_place)]
    return b"{\n%s\n}\n" % b",\n".join(lines)


_ORDER = ("annotations", "provenance", "rev", _EARLIER, "modified_at", _DECIDED)
"""Git merges by lines, and leaves to people at once those that lie side by side. With each edit `rev` and `modified_at`
change: what lies beside them comes whole from the one side or the other, never a chord from either.
"""


def _place(name: str) -> tuple[int, str]:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER), name


def _on_a_line(value: object) -> bytes:
    return msgspec.json.format(_encode(value), indent=0)


def _as_laid_out_before(data: bytes) -> bytes:
    """What `render_stored` gave, as it was until each element of a list had a line."""
    return msgspec.json.format(_encode(msgspec.json.decode(data)), indent=2) + b"\n"


def written_state(state: Mapping[str, Any], modified_at: str) -> dict[str, Any]:
    """What such a file says besides labels: the decision, when the sample was changed last, and what else was decided
    that is not as of itself.

    The time tells which of file and manifest is later where the catalogue is lost, and with the revision the files of
    this catalogue from those of another copy of the dataset, which counts revisions by itself.
    """
    written = {name: value for name, value in state.items() if value != UNDECIDED[name]}
    return {"decision": state["decision"], **written, "modified_at": modified_at}


def raw(root: Path, path: Path) -> bytes:
    """The bytes of such a file in the dataset at `root`. Raises `FileRefused`, `OSError`."""
    return read_inside(root, path, LARGEST)


def is_of(sample: Sample, db: sqlite3.Connection, root: Path, path: Path) -> bool:
    """Whether such a file says what the catalogue does, and nothing else. Raises `OSError`.

    Another copy of the dataset wrote it of another revision. One that an earlier version wrote says nothing of
    decisions, nor of what was said blind.
    """
    said = said_beside(db, [sample.sample_id]).get(sample.sample_id, {})
    try:
        data = raw(root, path)
        file = read(data)
    except FileRefused:
        return False
    same = msgspec.structs.replace(sample, rev=file.rev or 0, modified_at=file.modified_at or "")
    written = render(same, said), _render_labels(same, {})
    return data in written or data in map(_as_laid_out_before, written)


@dataclass
class AnnotationFile:
    """What such a file says, whoever wrote it."""

    values: dict[str, object]
    """By field; None clears. As written: not yet checked."""
    provenance: dict[str, Provenance] = field(default_factory=dict)
    rev: int | None = None
    """The sample's revision from which Kelly wrote it; None if another wrote it."""
    state: dict[str, object] = field(default_factory=dict)
    """What was decided, by names of `STATE_FIELDS`. As written: not yet checked."""
    modified_at: str | None = None
    """When the sample was changed last before it was written; None where another wrote it, or an earlier version."""
    opinions: list[Opinion] = field(default_factory=list)
    heard: list[Trial] = field(default_factory=list)
    decided: dict[str, list[str]] = field(default_factory=dict)
    """The conflicts that were decided: by field, when each came up."""
    earlier: dict[str, list[Earlier]] = field(default_factory=dict)
    """By field, the labels of people that were there."""
    decisions: dict[str, list[str]] = field(default_factory=dict)
    """By name, when it was decided so or otherwise; what stands at the end."""
    unknown: dict[str, Any] = field(default_factory=dict)
    """What is no part of the format."""
    sample_id: str = ""
    """Of which sample it says it is, if it says so."""
    findings: list[str] = field(default_factory=list)
    """What is read otherwise than it stands there."""

    @property
    def told(self) -> ToldElsewhere:
        """What is to be told on."""
        return ToldElsewhere(self.earlier, self.decided, self.decisions)

    def told_beside(self, asked: Container[str]) -> ToldElsewhere:
        """The same where the catalogue is there: of fields about which somebody is `asked` here the label that stands
        is by nobody who knew of those that were there.
        """
        return ToldElsewhere({name: told for name, told in self.earlier.items() if name not in asked}, self.decided)

    def had(self, field_: str, label: Label | None) -> bool:
        """Whether it says that this very label was there, and something else after it."""
        return label is not None and as_earlier(label) in self.earlier.get(field_, ())

    def had_value(self, field_: str, value: object) -> bool:
        """The same of a label of which nothing tells whose it was."""
        return any(gone.value == as_told(value) for gone in self.earlier.get(field_, ()))


class _Own(msgspec.Struct, forbid_unknown_fields=True):
    """As `render` writes it, and most are."""

    annotations: dict[str, Any]
    provenance: dict[str, Provenance]
    rev: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    sample_id: str
    decision: Any = UNSET
    skip_reason: Any = UNSET
    rejected: Any = UNSET
    refused: Any = UNSET
    modified_at: str | None = None
    opinions: list[Opinion] = []
    blind_listening: list[Trial] = []
    decided: dict[str, list[str]] = {}
    earlier: dict[str, list[Earlier]] = {}
    decisions: dict[str, list[str]] = {}


_decode_own = msgspec.json.Decoder(_Own).decode


def read(raw: bytes) -> AnnotationFile:
    """Read an annotation file, or `FileRefused` with the reason: cut short, no JSON, no object, too large or deep.

    An object without ``annotations`` is taken for the annotations themselves where it has any of their fields.
    """
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        own = _decode_own(raw)
        if len(raw) <= LARGEST and (_is_flat(raw) or _depth(own.annotations) < DEEPEST):
            state = {name: said for name in STATE_FIELDS if (said := getattr(own, name)) is not UNSET}
            said = own.opinions, own.blind_listening, own.decided
            file = AnnotationFile(own.annotations, own.provenance, own.rev, state, own.modified_at, *said)
            return replace(file, sample_id=own.sample_id, earlier=own.earlier, decisions=own.decisions)
    findings: list[str] = []
    data = _decode_object(raw, findings)
    values = data.pop("annotations", None)
    if values is None and data.keys() & FIELDS.keys():
        values = {name: data.pop(name) for name in list(data) if name in FIELDS}
    if not isinstance(values, dict) or no_number(values):
        raise FileRefused("there are no annotations in it")
    provenance = data.pop("provenance", {})
    findings += [f"the {part} of its {name[:SHOWN]} can't be read" for name, part in odd_parts(provenance)]
    rev = data.pop("rev", None)
    sample_id = str(data.pop("sample_id", None) or "")
    state = {name: data.pop(name) for name in STATE_FIELDS if name in data}
    modified_at = data.pop("modified_at", None)
    known = isinstance(rev, int) and 0 <= rev < 1 << 63  # SQLite's integers are no larger
    file = AnnotationFile(values, provenance_in(provenance), rev if known else None, state)
    file.modified_at = modified_at if isinstance(modified_at, str) else None
    file.opinions, file.heard = _taken_from(data, OPINIONS, Opinion), _taken_from(data, HEARD, Trial)
    file.decided, file.decisions = _told_in(data, _DECIDED, str), _told_in(data, _DECISIONS, str)
    file.earlier = _told_in(data, _EARLIER if _EARLIER in data else _AS_IT_WAS_CALLED, Earlier)
    file.unknown = data
    return replace(file, sample_id=sample_id, findings=findings)


def read_versions(raw: bytes, sample_id: str) -> list[AnnotationFile]:
    """As `read`; of a file in which git left a merge to people both versions, neither with a revision that is ours.

    So of one in which a merge left a field twice. One that says that it is of another sample than
    `sample_id` is refused too: somebody copied it here.
    """
    found = [read(one) for one in versions(raw)]
    if len(found) == 1 and (first := _said_first(raw)):
        found.insert(0, read(first))
    for one in found:
        if one.sample_id not in ("", sample_id):
            raise FileRefused(f"it says that it is of {one.sample_id[:40]}")
    return found if len(found) == 1 else [replace(one, rev=None) for one in found]


def _said_first(raw: bytes) -> bytes:
    """A file in which a field stands more than once, as it is by the first of them; readers take the last.

    Nothing where none does, as ever: no field's name is a key more often than for value and provenance.
    """
    keys = Counter(_KEY.findall(raw))
    most = dict.fromkeys(_FIELDS, 1 + keys[b"provenance"]) | _ONCE
    if all(keys[key] <= often for key, often in most.items()):
        return b""
    again = False

    def first_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal again
        said = dict(reversed(pairs))
        again |= len(said) < len(pairs)
        return said

    said = json.loads(mended(raw.removeprefix(_MARK), []), object_pairs_hook=first_of)
    return json.dumps(said).encode() if again else b""


_KEY = re.compile(rb'"(\w+)"\s*:')
_FIELDS = [name.encode() for name in FIELDS]
_ONCE = dict.fromkeys([b"annotations", b"provenance", b"rev", *(name.encode() for name in STATE_FIELDS)], 1)


def _decode_object(raw: bytes, findings: list[str]) -> dict[str, Any]:
    """The JSON object in `raw`, with or without a byte order mark, `mended`; `FileRefused` for anything else."""
    if len(raw) > LARGEST:
        raise FileRefused(f"larger than {LARGEST >> 20} MB")
    raw = raw.removeprefix(_MARK)
    try:
        data = of_json(raw, object, LARGEST, findings)
        if isinstance(data, dict) and not _is_flat(raw) and _depth(data) > DEEPEST:
            data = msgspec.json.decode(mended(raw, findings))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise FileRefused(f"no JSON ({error})") from None
    if not isinstance(data, dict):
        raise FileRefused("no JSON object")
    if not _is_flat(raw) and _depth(data) > DEEPEST:
        raise FileRefused("nested too deep")
    return data


def _is_flat(raw: bytes) -> bool:
    """Whether there are too few brackets to nest deep."""
    return raw.count(b"[") + raw.count(b"{") <= DEEPEST


def _depth(data: dict[str, Any]) -> int:
    deepest, level = 0, list[Any]([data])
    while level and deepest <= DEEPEST:
        deepest += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return deepest


def _taken_from(data: dict[str, Any], name: str, kind: type[_T]) -> list[_T]:
    """Those of a list that are of this kind; what is not stays where it is."""
    found, others = [], []
    said = data.pop(name, [])
    for one in said if isinstance(said, list) else [said]:
        try:
            found.append(msgspec.convert(one, kind))
        except msgspec.ValidationError:
            others.append(one)
    if others:
        data[name] = others
    return found


def _told_in(data: dict[str, Any], name: str, kind: type[_T]) -> dict[str, list[_T]]:
    """The same of lists by field."""
    fields = data.pop(name, {})
    found = {field_: _taken_from(fields, field_, kind) for field_ in fields.copy()} if isinstance(fields, dict) else {}
    if fields:
        data[name] = fields
    return found

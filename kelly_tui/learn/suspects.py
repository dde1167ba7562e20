"""Which labels of a dataset are probably wrong: the main label of its model, key and mode.

Judged is what persons and folders say of imported samples, and only they teach (as in `kelly_tui.learn.suggest`). The
main label is judged by the committee, key and mode by what the detector hears. What a person has verified is settled,
until that is taken back or somebody else gives one of these labels.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from kelly_tui.learn import cues, emotion
from kelly_tui.learn.committee import Flags, Floats, Ints, Known
from kelly_tui.learn.suspicion import agreed, contradicted, judge, reason_not_to, well_known
from kelly_tui.model.issue import Issue
from kelly_tui.model.labels import EMOTION_PLACES, KEYS, MODES
from kelly_tui.store.issues import JUDGED, LIKELY, drop_other_issues, put_issues
from kelly_tui.store.members import Column, Ids
from kelly_tui.store.splits import Groups, groups
from kelly_tui.text import agree, count

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

KINDS = ("midi", "audio")

_SURE = 0.8
"""How sure the detector of keys is where that was not kept."""
_MAJOR_THIRD = frozenset({"major", "lydian", "mixolydian"})
_WORDS = {"emotion": "sounds", "groove_type": "moves like", "dynamic_range": "is played like"}

_GIVEN = "iif(ifnull(json_extract(provenance, '$.{0}.source'), 'human') NOT IN ({1}), samples.{0}, NULL)"
_NOT_SAID = "'detector', 'model', 'generator', 'inherited'"
"""Sources whose labels are neither judged nor believed."""

_ROWS = """
SELECT samples.rowid, sample_id, file_type, vector, {main}, {key}, {mode}, ifnull(samples.mode, columns ->> '$.mode'),
  ifnull(tempo_bpm, columns ->> '$.tempo_bpm'), columns ->> '$.onset_rate', columns ->> '$.groove_type',
  columns ->> '$.key_signature', columns ->> '$.mode', columns ->> '$.key_confidence', is_verified, provenance,
  {judged}, origin
FROM json_each(?) AS chosen JOIN samples ON samples.rowid = chosen.value
JOIN features ON features.sample = samples.rowid ORDER BY chosen.key
"""
_LABELLED = """
SELECT samples.rowid, sample_id, file_type, vector, {main}, {key} IS NOT NULL OR {mode} IS NOT NULL
FROM features JOIN samples ON samples.rowid = features.sample
WHERE status = 'ok' AND {where} AND NOT rejected ORDER BY features.sample
"""
_AT_ONCE = 1000

TOGETHER = 10_000
"""Labels of one type of file that are judged together, at most about: memory is so many times some kilobytes."""
_A_PIECE_OF = 1000
"""So many samples of one piece stay together where there are more than `TOGETHER`."""
_KNOWN = 200
"""Samples of each label, if there are so many, that what is judged together is compared with."""


class _Row(NamedTuple):
    """What is known of one sample; labels are None where a detector or nobody gave them."""

    rowid: int
    sample_id: str
    file_type: str
    vector: bytes
    main: str | None
    key: str | None
    mode: str | None
    any_mode: str | None
    tempo_bpm: float | None
    onset_rate: float | None
    heard_groove: str | None
    heard_key: str | None
    heard_mode: str | None
    heard_sure: float | None
    is_verified: int | None
    provenance: str
    judged: str
    origin: str


class Suspects(NamedTuple):
    """What was judged in a dataset."""

    judged: int = 0
    """Samples with a label that was judged."""
    likely: int = 0
    """Those of which one is more likely wrong than right."""
    settled: int = 0
    """Those that a person has verified since."""
    broken: int = 0
    """Those whose features are no numbers."""
    why_not: str = ""
    """Why the main label was not judged."""

    def words(self) -> str:
        """``3 of 160 labelled samples look wrong``."""
        parts = []
        if self.judged:
            one = agree(self.likely, "looks", "look")
            parts.append(f"{self.likely:,} of {count(self.judged, 'labelled sample')} {one} wrong")
        if self.why_not:
            parts.append(self.why_not)
        if self.broken:
            parts.append(f"the features of {count(self.broken, 'sample')} are no numbers: kelly extract")
        return "; ".join(parts)


class Labelled(NamedTuple):
    """Samples of one type of file with the main label, as the committee sees them."""

    rows: list[_Row]
    known: Known
    heard: Floats
    """(n, cues)"""
    kind: str


def suspect_for(catalogue: Catalogue) -> Suspects:
    """Judge all labels anew; seconds at 10,000."""
    main = catalogue.config.model.main_label
    given = given_labels(catalogue)
    numbers = given.groups(groups(catalogue))
    why_not: dict[str, None] = {}
    counted = _Counted()
    for kind in KINDS:
        of_kind = np.flatnonzero((given.kind == KINDS.index(kind)) & (given.main >= 0))
        for own, beside in dealt(given.main[of_kind], numbers[of_kind]):
            asked = of_kind[np.sort(np.concatenate([own, beside]))]
            rows, places = rows_of(catalogue, given, asked)
            issues, reason = _judged(rows, numbers[places], catalogue) if rows else ({}, "")
            if reason:
                why_not[f"{main} of {kind} is not judged: {reason}"] = None
            asked_for = set(given.rowids[of_kind[own]].tolist())
            counted.put(catalogue, [row for row in rows if row.rowid in asked_for], issues)
    rest = np.flatnonzero(given.told & (given.main < 0))
    for start in range(0, len(rest), _AT_ONCE):
        counted.put(catalogue, rows_of(catalogue, given, rest[start : start + _AT_ONCE])[0], {})
    drop_other_issues(catalogue, np.array(counted.kept, np.int64))
    return Suspects(counted.judged, counted.likely, counted.settled, given.broken, "; ".join(why_not))


class _Counted:
    """Issues that were written, and how many."""

    def __init__(self) -> None:
        self.judged = self.likely = self.settled = 0
        self.kept = array("q")
        """Rowids of samples with an issue."""

    def put(self, catalogue: Catalogue, rows: Sequence[_Row], issues: Mapping[int, Issue]) -> None:
        """Write the issues of `rows`: what is graver, of what the committee found and what the detector hears."""
        main = catalogue.config.model.main_label
        wanted: dict[int, tuple[Issue, str]] = {}
        for row in rows:
            heard = heard_against(row.key, row.mode, row.heard_key, row.heard_mode, row.heard_sure)
            found = [one for one in (issues.get(row.rowid), heard) if one is not None]
            self.judged += bool(found)
            if found and _is_settled(row, main):
                self.settled += 1
            elif found:
                worst = max(found, key=lambda one: one.issue)  # the first of equal ones
                wanted[row.rowid] = worst, row.judged
                self.likely += worst.issue >= LIKELY
        put_issues(catalogue, wanted)
        self.kept.extend(wanted)


class Given(NamedTuple):
    """Who has labels that may be judged: n samples whose features are numbers, as columns, by id."""

    rowids: Ints
    ids: Ids
    kind: Ints
    """Places in `KINDS`."""
    main: Ints
    """The places of main labels among the choices; -1 where there is none of these."""
    told: Flags
    """Whether key or mode were given."""
    broken: int
    """Samples whose features are no numbers."""
    unsaid: str
    """Sources whose labels do not count, as SQL."""

    def groups(self, together: Groups) -> Ints:
        """(n,)"""
        return together.number[together.members.places(self.ids)]


def given_labels(catalogue: Catalogue, where: str = "origin = 'imported'", unsaid: str = _NOT_SAID) -> Given:
    """What was said of samples, but for what `unsaid` sources say."""
    place = {name: number for number, name in enumerate(catalogue.config.main_choices)}
    found = catalogue.db.execute(_LABELLED.format(**_fields(catalogue, unsaid), where=where))
    ids, columns, broken = Column(), [array("q") for _ in range(4)], 0
    while rows := found.fetchmany(_AT_ONCE):
        for rowid, sample_id, kind, vector, main, told in rows:
            if not cues.are_numbers(kind, vector):
                broken += 1
                continue
            ids.extend((sample_id.encode(),))
            for column, value in zip(columns, (rowid, KINDS.index(kind), place.get(main, -1), told), strict=True):
                column.append(value)
    names = ids.array()
    by_id = np.argsort(names)
    rowids, kinds, mains, tolds = (np.array(column, np.int64)[by_id] for column in columns)
    return Given(rowids, names[by_id], kinds, mains, tolds.astype(np.bool_), broken, unsaid)


def rows_of(catalogue: Catalogue, given: Given, places: Ints) -> tuple[list[_Row], Ints]:
    """What is known of some samples, and their places: of those that still have what they had when they were asked."""
    fields, choices = _fields(catalogue, given.unsaid), catalogue.config.main_choices
    asked = json.dumps(given.rowids[places].tolist())
    at = dict(zip(given.rowids[places].tolist(), places.tolist(), strict=True))
    found = map(_Row._make, catalogue.db.execute(_ROWS.format(**fields, judged=JUDGED), (asked,)))
    rows = [
        row
        for row in found
        if cues.are_numbers(row.file_type, row.vector) and (given.main[at[row.rowid]] < 0 or row.main in choices)
    ]
    return rows, np.array([at[row.rowid] for row in rows], np.int64)


def _fields(catalogue: Catalogue, unsaid: str) -> dict[str, str]:
    main = catalogue.config.model.main_label
    return {name: _GIVEN.format(field, unsaid) for name, field in (("main", main), ("key", "key"), ("mode", "mode"))}


def dealt(labels: Ints, groups: Ints) -> Iterator[tuple[Ints, Ints]]:
    """n labels dealt into parts that are judged by themselves: of each its places, and further ones to compare with.

    Each part has its share of every label, and of a rare one as many more as are wanted to know it. A group stays
    whole, unless it is very large; up to `TOGETHER` all is one part.
    """
    parts = -(-len(labels) // TOGETHER)
    if parts < 2:
        yield from [(np.arange(len(labels)), np.empty(0, np.int64))] * parts
        return
    by_group = np.argsort(groups, kind="stable")
    ordered = groups[by_group]
    starts = np.searchsorted(ordered, ordered)
    new = (np.arange(len(ordered)) - starts) % _A_PIECE_OF == 0  # each group begins one
    piece = np.empty(len(labels), np.int64)
    piece[by_group] = np.cumsum(new) - 1
    turn = np.empty(int(new.sum()), np.int64)
    turn[np.argsort(labels[by_group[new]], kind="stable")] = np.arange(len(turn)) % parts
    part = turn[piece]
    for number in range(parts):
        own = part == number
        beside = [
            _spread(np.flatnonzero(~own & (labels == one)), _KNOWN - int((own & (labels == one)).sum()))
            for one in np.unique(labels)
        ]
        yield np.flatnonzero(own), np.concatenate(beside)


def _spread(places: Ints, number: int) -> Ints:
    """At most so many of them, spread evenly."""
    number = min(max(number, 0), len(places))
    return places[np.linspace(0, max(len(places) - 1, 0), number).astype(np.int64)]


def seen(rows: Sequence[_Row], groups: Ints, labels: Ints, classes: int) -> Labelled:
    """Samples of one type of file as the committee sees them: by their cues, by all features, and by both."""
    kind = rows[0].file_type
    vectors = np.frombuffer(b"".join(row.vector for row in rows), np.float32).reshape(len(rows), -1).astype(np.float64)
    told = cues.Heard(
        vectors,
        [row.any_mode for row in rows],
        np.array([row.tempo_bpm or 0.0 for row in rows]),
        np.array([row.onset_rate or 0.0 for row in rows]),
    )
    heard = cues.among_others(cues.midi_cues(told) if kind == "midi" else cues.audio_cues(told))
    grooves = sorted({row.heard_groove for row in rows if row.heard_groove})
    detected = np.array([[row.heard_groove == groove for groove in grooves] for row in rows], np.float64)
    features = np.column_stack([vectors, detected.reshape(len(rows), -1)])
    known = Known((heard, features, np.column_stack([heard, features])), groups, labels, classes)
    return Labelled(list(rows), known, heard, kind)


def _judged(rows: Sequence[_Row], numbers: Ints, catalogue: Catalogue) -> tuple[dict[int, Issue], str]:
    """The issues of the main label, by rowid; and why none could be judged. `numbers` (n,) are those of groups."""
    field, choices = catalogue.config.model.main_label, catalogue.config.main_choices
    labels = np.array([choices.index(row.main or "") for row in rows], np.int64)
    if reason := reason_not_to(labels, numbers, choices):
        return {}, reason
    sure = well_known(labels, numbers)
    kept = [rows[place] for place in sure.tolist()]
    there, labels = np.unique(labels[sure], return_inverse=True)
    names = [choices[place] for place in there.tolist()]
    shown = seen(kept, numbers[sure], labels.astype(np.int64), len(names))

    def by_rules(known: Known) -> list[Floats]:
        nowhere = np.full((len(known.labels), 2), np.nan)
        told = emotion.Labelled(known.views[0], known.groups, known.labels, nowhere)
        return [emotion.suggest(told, names, shown.kind).probabilities]

    spoken = field == "emotion" and any(name in EMOTION_PLACES for name in names)
    judged = judge(shown.known, by_rules) if spoken else judge(shown.known)
    told = zip(kept, judged.wrong.round(3).tolist(), judged.forecasts.tolist(), shown.heard.tolist(), strict=True)
    return {
        row.rowid: Issue(wrong, field, _why(field, row, names, shares, heard)) for row, wrong, shares, heard in told
    }, ""


def _why(field: str, row: _Row, names: Sequence[str], shares: Sequence[float], heard: Sequence[float]) -> str:
    """``sounds happy .71, sad .06: major, 126 BPM, loud``."""
    likely = max(range(len(names)), key=shares.__getitem__)
    said = [likely, *([names.index(row.main)] if row.main in names and names[likely] != row.main else [])]
    words = ", ".join(f"{names[place].replace('_', ' ')} {shares[place]:.2f}".replace(" 0.", " .") for place in said)
    what = f": {cues.in_words(heard, row.any_mode, row.tempo_bpm or 0.0)}" if field == "emotion" else ""
    return f"{_WORDS.get(field, 'is like')} {words}{what}"


def heard_against(
    key: str | None, mode: str | None, heard_key: str | None, heard_mode: str | None, heard_sure: float | None
) -> Issue | None:
    """What the detector hears against the key or the mode that was given; None where nothing can be said.

    Modes with the same third are told apart by little: those do not contradict.
    """
    if heard_key not in KEYS or heard_mode not in MODES or (key is None and mode is None):
        return None
    sure = _SURE if heard_sure is None else heard_sure
    tonic = key is not None and key != heard_key
    third = mode is not None and (mode in _MAJOR_THIRD) != (heard_mode in _MAJOR_THIRD)
    field = "key" if tonic or (key is not None and not third) else "mode"
    heard = f"the detector hears {heard_key} {heard_mode.replace('_', ' ')} at {sure:.2f}".replace(" 0.", " .")
    return Issue(round(contradicted(sure) if tonic or third else agreed(sure), 3), field, heard)


def _is_settled(row: _Row, main: str) -> bool:
    """Whether a person has verified the sample, and nobody but a person has given such a label since."""
    if not row.is_verified:
        return False
    where_from = msgspec.json.decode(row.provenance)
    verified = (where_from.get("is_verified") or {}).get("at") or ""
    given = [where_from.get(field) or {} for field in (main, "key", "mode")]
    return not any(one.get("source", "human") != "human" and (one.get("at") or "") > verified > "" for one in given)

"""Which labels of a dataset are probably wrong: the main label of its model, key and mode.

Judged is what persons and folders say of imported samples, and only they teach (as in `kelly_tui.learn.suggest`). The
main label is judged by the committee, key and mode by what the detector hears. What a person has verified is settled,
until that is taken back or somebody else gives one of these labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from kelly_tui.learn import cues, emotion
from kelly_tui.learn.committee import Floats, Ints, Known
from kelly_tui.learn.suspicion import agreed, contradicted, judge, reason_not_to, well_known
from kelly_tui.model.issue import Issue
from kelly_tui.model.labels import EMOTION_PLACES, KEYS, MODES
from kelly_tui.store.issues import JUDGED, LIKELY, replace_issues
from kelly_tui.store.splits import Groups, groups
from kelly_tui.text import agree, count

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

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
FROM features JOIN samples ON samples.rowid = features.sample
WHERE status = 'ok' AND {where} AND NOT rejected ORDER BY sample_id
"""


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
    rows, broken = labelled_rows(catalogue)
    together = groups(catalogue)
    found: dict[int, Issue] = {}
    why_not: list[str] = []
    for kind in ("midi", "audio"):
        of_kind = [row for row in rows if row.file_type == kind and row.main in catalogue.config.main_choices]
        if of_kind:
            issues, reason = _judged(of_kind, together, catalogue)
            found |= issues
            why_not += [f"{main} of {kind} is not judged: {reason}"] if reason else []
    for row in rows:
        contradiction = heard_against(row.key, row.mode, row.heard_key, row.heard_mode, row.heard_sure)
        if contradiction is not None and (row.rowid not in found or found[row.rowid].issue < contradiction.issue):
            found[row.rowid] = contradiction
    by_id = {row.rowid: row for row in rows}
    open_ones = {rowid: one for rowid, one in found.items() if not _is_settled(by_id[rowid], main)}
    replace_issues(catalogue, {rowid: (one, by_id[rowid].judged) for rowid, one in open_ones.items()})
    likely = sum(one.issue >= LIKELY for one in open_ones.values())
    return Suspects(len(found), likely, len(found) - len(open_ones), broken, "; ".join(why_not))


def labelled_rows(
    catalogue: Catalogue, where: str = "origin = 'imported'", unsaid: str = _NOT_SAID
) -> tuple[list[_Row], int]:
    """What is known of samples whose features are numbers, but for what `unsaid` sources say; how many have others."""
    main = catalogue.config.model.main_label
    fields = {name: _GIVEN.format(field, unsaid) for name, field in (("main", main), ("key", "key"), ("mode", "mode"))}
    rows = [_Row._make(row) for row in catalogue.db.execute(_ROWS.format(**fields, judged=JUDGED, where=where))]
    sound = [row for row in rows if cues.are_numbers(row.file_type, row.vector)]
    return sound, len(rows) - len(sound)


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


def _judged(rows: Sequence[_Row], together: Groups, catalogue: Catalogue) -> tuple[dict[int, Issue], str]:
    """The issues of the main label, by rowid; and why none could be judged."""
    field, choices = catalogue.config.model.main_label, catalogue.config.main_choices
    labels = np.array([choices.index(row.main or "") for row in rows], np.int64)
    numbers = together.of(row.sample_id for row in rows)
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

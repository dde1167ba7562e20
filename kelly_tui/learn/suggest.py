"""Suggestions for every sample of a dataset that has features, and for a single file.

Learnt from what people and folders say of imported samples. Not from detectors and models, who only guess; not from
variants, who repeat; not from generated samples, whoever labelled them: they were made by such rules, and would teach
the rules to themselves. Generated samples get no suggestion.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from heapq import merge
from math import sqrt
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.learn import cues, emotion
from kelly_tui.learn.feature_words import feature_in_words
from kelly_tui.model.labels import EMOTIONS
from kelly_tui.model.suggestion import Suggestion
from kelly_tui.store.members import Column, Ints
from kelly_tui.store.splits import Groups, groups
from kelly_tui.store.suggestions import replace_suggestions
from kelly_tui.text import count

if TYPE_CHECKING:
    from kelly_tui.features.audio import AudioFeatures
    from kelly_tui.features.midi import MidiFeatures
    from kelly_tui.store.catalogue import Catalogue

FEWEST_NOTES = 8
"""Fewer are no music that could express something."""

RAREST_ONSETS = 0.2
"""A second: sound without key and beat that begins anything more rarely is no music either."""

_CUES = {"midi": cues.midi_cues, "audio": cues.audio_cues}
_LEAST = 0.01
"""Probabilities under this are left out."""

_TAUGHT = "iif(origin = 'imported' AND ifnull({source}, 'human') IN ('human', 'folder'), {field}, NULL)"
"""What teaches of a field; a provenance that names no source is a person's."""

_ROWS = """
SELECT samples.rowid, sample_id, file_type, vector, ifnull(mode, json_extract(columns, '$.mode')),
  ifnull(tempo_bpm, json_extract(columns, '$.tempo_bpm')), json_extract(columns, '$.onset_rate'),
  json_extract(columns, '$.note_count'), {}
FROM features JOIN samples ON samples.rowid = features.sample
WHERE status = 'ok' AND origin <> 'generated' AND file_type = ? ORDER BY features.sample
""".format(
    ", ".join(
        _TAUGHT.format(field=field, source=f"json_extract(provenance, '$.{field}.source')")
        for field in ("emotion", "valence", "arousal")
    )
)

_VECTORS = "SELECT features.sample, vector FROM json_each(?) AS asked JOIN features ON features.sample = asked.value"

_AT_ONCE = 1000
"""Samples whose vectors are in memory at the same time."""

_TELLING = 20
"""Labelled samples from which the share that is right says something."""


class Suggestions(NamedTuple):
    """What was suggested for a dataset."""

    samples: int = 0
    """With a suggestion."""
    changed: int = 0
    learnt: int = 0
    """Labelled samples that it was learnt from; 0: the rules alone."""
    right: float | None = None
    """The share of those whose suggestion, made without their group's labels, is their label."""
    pieces: int = 0
    """Groups that these are of: samples of one are right or wrong together, and say no more than one would."""

    def words(self) -> str:
        """``60 emotions suggested, learnt from 160 samples (69% right where held out, 60 to 76)``; of few no share."""
        if not self.samples:
            return ""
        how = f"learnt from {count(self.learnt, 'sample')}" if self.learnt else "by the rules"
        right = ""
        if self.right is not None and self.learnt >= _TELLING:
            low, high = wilson(self.right, self.pieces)
            right = f" ({self.right:.0%} right where held out, {100 * low:.0f} to {100 * high:.0f})"
        return f"{count(self.samples, 'emotion')} suggested, {how}{right}"


def wilson(share: float, of: int) -> tuple[float, float]:
    """The interval of 95 % around a share of so many: Wilson, "Probable inference" (1927)."""
    z = 1.959964
    middle, spread = share + z * z / (2 * of), z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max((middle - spread) / (1 + z * z / of), 0.0), min((middle + spread) / (1 + z * z / of), 1.0)


class _Row(NamedTuple):
    """What a suggestion for one sample is made of, beside its cues."""

    rowid: int
    mode: str | None
    tempo_bpm: float
    """0 where there is none."""
    onset_rate: float
    """nan where it is not known."""
    note_count: float
    """nan where there are no notes."""


class _Heard(NamedTuple):
    """Samples of one type of file, by id; a hundred and fifty bytes each. Their features are read when asked for."""

    kind: str
    known: emotion.Labelled
    rowids: Ints
    modes: NDArray[np.object_]
    told: emotion.Floats
    """(n, 3): the numbers of a `_Row`."""

    def rows(self, places: Ints) -> list[_Row]:
        told = zip(self.rowids[places].tolist(), self.modes[places], self.told[places].tolist(), strict=True)
        return [_Row(rowid, mode, *numbers) for rowid, mode, numbers in told]

    def with_features(self, catalogue: Catalogue, places: Ints) -> tuple[emotion.Labelled, Ints]:
        """What is known of some samples, features behind their cues, and their places: of those that still have any."""
        asked = json.dumps(self.rowids[places].tolist())
        found = dict(catalogue.db.execute(_VECTORS, (asked,)).fetchall())
        vectors = [found.get(rowid, b"") for rowid in self.rowids[places].tolist()]
        there = np.array([cues.are_numbers(self.kind, vector) for vector in vectors], np.bool_)
        numbers = np.frombuffer(b"".join(one for one, has in zip(vectors, there, strict=True) if has), "<f4")
        known = emotion.Labelled._make(column[places[there]] for column in self.known)
        features = numbers.reshape(-1, cues.SIZES[self.kind]).astype(np.float64)
        return known._replace(cues=np.column_stack([known.cues, features])), places[there]


def suggest_for(catalogue: Catalogue) -> Suggestions:
    """Suggest emotion, valence and arousal anew for all samples with features: some seconds for 100,000."""
    labels = catalogue.config.emotion_labels
    together = groups(catalogue)
    heard = {kind: one for kind in _CUES if (one := _heard_of(catalogue, kind, together)) is not None}
    del together
    taught = {}
    for kind, one in heard.items():
        known, _ = one.with_features(catalogue, emotion.teachers_of(one.known))
        taught[kind] = emotion.Forecaster(known, labels, kind)
    said = 0

    def wanted() -> Iterator[tuple[int, Suggestion]]:
        nonlocal said
        for rowid, one in merge(*(_asked(catalogue, heard[kind], taught[kind]) for kind in heard), key=itemgetter(0)):
            said += one.emotion is not None
            yield rowid, one

    changed = replace_suggestions(catalogue, wanted())
    learnt, named, right, pieces = (
        sum(getattr(one, what) for one in taught.values()) for what in ("learnt", "named", "right", "pieces")
    )
    return Suggestions(said, changed, learnt, round(right / named, 3) if named else None, pieces)


def _heard_of(catalogue: Catalogue, kind: str, together: Groups) -> _Heard | None:
    """All samples of a type of file whose features are numbers; None where there are none."""
    place = {label: number for number, label in enumerate(catalogue.config.emotion_labels)}
    ids = Column()
    blocks: list[tuple[NDArray[Any], ...]] = []
    modes: dict[str | None, str | None] = {}
    found = catalogue.db.execute(_ROWS, (kind,))
    while rows := found.fetchmany(_AT_ONCE):
        some = [row for row in rows if cues.are_numbers(kind, row[3])]
        if not some:
            continue
        numbers, names, _, vectors, said, tempi, rates, notes, emotions, *plane = zip(*some, strict=True)
        ids.extend(name.encode() for name in names)
        told = np.array([tempi, rates, notes, *plane], np.float64).T
        told[:, 0] = np.nan_to_num(told[:, 0])
        own = np.empty(len(some), np.object_)
        own[:] = [modes.setdefault(mode, mode) for mode in said]
        named = np.array([place.get(one or "", -1) for one in emotions], np.int64)
        blocks.append((np.array(numbers, np.int64), own, told, named, _cues(kind, vectors, said, told)))
    if not blocks:
        return None
    by_id = np.argsort(ids.array())
    columns = [np.concatenate(column)[by_id] for column in zip(*blocks, strict=True)]
    rowids, modes_of, told, named, all_cues = columns
    groups_of = together.number[together.members.places(ids.array()[by_id])]
    known = emotion.Labelled(cues.among_others(all_cues), groups_of, named, told[:, 3:])
    return _Heard(kind, known, rowids, modes_of, told[:, :3])


def _cues(kind: str, vectors: Sequence[bytes], modes: Sequence[str | None], told: emotion.Floats) -> emotion.Floats:
    """(n, cues), of vectors, modes and the numbers of `_Row`s."""
    numbers = np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1).astype(np.float64)
    return _CUES[kind](cues.Heard(numbers, modes, told[:, 0], np.nan_to_num(told[:, 1])))


def _asked(catalogue: Catalogue, heard: _Heard, taught: emotion.Forecaster) -> Iterator[tuple[int, Suggestion]]:
    """What is suggested for each, by rowid."""
    by_rowid = np.argsort(heard.rowids)
    for start in range(0, len(by_rowid), _AT_ONCE):
        known, places = heard.with_features(catalogue, by_rowid[start : start + _AT_ONCE])
        rows = heard.rows(places)
        told = taught.of(known.cues, known.groups)
        found = _suggestions(rows, heard.known.cues[places], told, catalogue.config.emotion_labels, heard.kind)
        yield from zip((row.rowid for row in rows), found, strict=True)


def _suggestions(
    rows: Sequence[_Row], heard: emotion.Floats, found: emotion.Forecast, labels: Sequence[str], kind: str
) -> list[Suggestion]:
    ranks = np.argsort(-found.probabilities, axis=1, kind="stable").tolist()
    said = [
        _why(decided, cues.in_words(each, row.mode, row.tempo_bpm), kind)
        for decided, each, row in zip(found.decided.tolist(), heard.tolist(), rows, strict=True)
    ]
    plane = np.column_stack([found.plane, found.spreads]).round(2).tolist()
    told = zip(rows, ranks, found.probabilities.round(3).tolist(), plane, said, strict=True)
    return [_suggestion(*one, labels) for one in told]


def _why(decided: Sequence[int], heard: str, kind: str) -> str:
    """``minor, 68 BPM, quiet``; where labels decided, ``high, wide range, as in others so labelled; minor, 68 BPM``."""
    words = dict.fromkeys(feature_in_words(kind, one) for one in decided if one)
    return f"{', '.join(words)}, as in others so labelled; {heard}" if words else heard


def _suggestion(
    row: _Row, ranked: list[int], probabilities: list[float], plane: list[float], why: str, labels: Sequence[str]
) -> Suggestion:
    if row.note_count < FEWEST_NOTES:
        return Suggestion(why=f"too few notes to say: {row.note_count:.0f}")
    if row.onset_rate < RAREST_ONSETS and row.mode is None and not row.tempo_bpm:
        return Suggestion(why="no key, no beat and hardly an onset is heard: nothing to go by")
    likely = {labels[place]: probabilities[place] for place in ranked if probabilities[place] >= _LEAST}
    if not likely:
        why += "; none of the emotions here is known until it has been given to a sample"
    valence, arousal, valence_spread, arousal_spread = plane
    return Suggestion(next(iter(likely), None), likely, valence, arousal, valence_spread, arousal_spread, why)


def suggest_emotion(
    source: Path | str | MidiFeatures | AudioFeatures, emotion_labels: Sequence[str] = EMOTIONS
) -> Suggestion:
    """What a file, or its features, suggests by the rules alone. Raises `FileRefused` for what is no music."""
    features: Any = _features(source) if isinstance(source, (Path, str)) else source
    kind = "midi" if hasattr(features, "note_count") else "audio"
    vector = np.asarray(features.feature_vector, "<f4").tobytes()
    numbers = [features.tempo_bpm or 0.0, getattr(features, "onset_rate", None), getattr(features, "note_count", None)]
    told = np.array([numbers], np.float64)
    heard = _cues(kind, [vector], [features.mode], told)
    nobody = emotion.Labelled(heard, np.zeros(1, np.int64), np.full(1, -1), np.full((1, 2), np.nan))
    found = emotion.Forecaster(nobody, emotion_labels, kind).of(heard, nobody.groups)
    return _suggestions([_Row(0, features.mode, *told[0].tolist())], heard, found, emotion_labels, kind)[0]


def _features(path: Path | str) -> MidiFeatures | AudioFeatures:
    from kelly_tui.model.sample import file_type_of

    if file_type_of(str(path)) == "midi":
        from kelly_tui.features.midi import extract_midi_features

        return extract_midi_features(path)
    from kelly_tui.features.audio import extract_audio_features

    return extract_audio_features(Path(path))

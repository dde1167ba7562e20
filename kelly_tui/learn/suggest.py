"""Suggestions for every sample of a dataset that has features, and for a single file.

Learnt from what people and folders say of imported samples. Not from detectors and models, who only guess; not from
variants, who repeat; not from generated samples, whoever labelled them: they were made by such rules, and would teach
the rules to themselves. Generated samples get no suggestion.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kelly_tui.learn import cues, emotion
from kelly_tui.model.labels import EMOTIONS
from kelly_tui.model.suggestion import Suggestion
from kelly_tui.store.splits import groups
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
WHERE status = 'ok' AND origin <> 'generated' ORDER BY sample_id
""".format(
    ", ".join(
        _TAUGHT.format(field=field, source=f"json_extract(provenance, '$.{field}.source')")
        for field in ("emotion", "valence", "arousal")
    )
)

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
    """What a suggestion for one sample is made of."""

    rowid: int
    sample_id: str
    file_type: str
    vector: bytes
    mode: str | None
    tempo_bpm: float | None
    onset_rate: float | None
    note_count: int | None
    emotion: str | None
    valence: float | None
    arousal: float | None


def suggest_for(catalogue: Catalogue) -> Suggestions:
    """Suggest emotion, valence and arousal anew for all samples with features; seconds at 100,000."""
    labels = catalogue.config.emotion_labels
    together = groups(catalogue)
    rows = [row for row in map(_Row._make, catalogue.db.execute(_ROWS)) if cues.are_numbers(row.file_type, row.vector)]
    wanted: dict[int, Suggestion] = {}
    learnt, named, right, pieces = 0, 0, 0, 0
    for kind in _CUES:
        of_kind = [row for row in rows if row.file_type == kind]
        if not of_kind:
            continue
        heard = cues.among_others(_heard(of_kind, kind))
        place = {label: number for number, label in enumerate(labels)}
        known = emotion.Labelled(
            heard,
            together.of(row.sample_id for row in of_kind),
            np.array([place.get(row.emotion or "", -1) for row in of_kind], np.int64),
            np.array([(row.valence, row.arousal) for row in of_kind], np.float64),
        )
        found = emotion.suggest(known, labels, kind)
        wanted |= dict(zip((row.rowid for row in of_kind), _suggestions(of_kind, heard, found, labels), strict=True))
        learnt, named, right = learnt + found.learnt, named + found.named, right + found.right
        pieces += found.pieces
    changed = replace_suggestions(catalogue, wanted)
    said = sum(one.emotion is not None for one in wanted.values())
    return Suggestions(said, changed, learnt, round(right / named, 3) if named else None, pieces)


def _heard(rows: Sequence[_Row], kind: str) -> emotion.Floats:
    vectors = np.frombuffer(b"".join(row.vector for row in rows), np.float32).reshape(len(rows), -1)
    tempi = np.array([row.tempo_bpm or 0.0 for row in rows])
    rates = np.array([row.onset_rate or 0.0 for row in rows])
    return _CUES[kind](cues.Heard(vectors.astype(np.float64), [row.mode for row in rows], tempi, rates))


def _suggestions(
    rows: Sequence[_Row], heard: emotion.Floats, found: emotion.Suggested, labels: Sequence[str]
) -> list[Suggestion]:
    ranks = np.argsort(-found.probabilities, axis=1, kind="stable").tolist()
    said = [cues.in_words(each, row.mode, row.tempo_bpm or 0.0) for each, row in zip(heard.tolist(), rows, strict=True)]
    plane = np.column_stack([found.plane, found.spreads]).round(2).tolist()
    told = zip(rows, ranks, found.probabilities.round(3).tolist(), plane, said, strict=True)
    return [_suggestion(*one, labels) for one in told]


def _suggestion(
    row: _Row, ranked: list[int], probabilities: list[float], plane: list[float], why: str, labels: Sequence[str]
) -> Suggestion:
    if row.note_count is not None and row.note_count < FEWEST_NOTES:
        return Suggestion(why=f"too few notes to say: {row.note_count}")
    heard_nothing = row.onset_rate is not None and row.onset_rate < RAREST_ONSETS
    if heard_nothing and row.mode is None and row.tempo_bpm is None:
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
    vector = np.asarray(features.feature_vector, np.float32).tobytes()
    rate, notes = getattr(features, "onset_rate", None), getattr(features, "note_count", None)
    row = _Row(0, "", kind, vector, features.mode, features.tempo_bpm, rate, notes, None, None, None)
    heard = _heard([row], kind)
    nobody = emotion.Labelled(heard, np.zeros(1, np.int64), np.full(1, -1), np.full((1, 2), np.nan))
    return _suggestions([row], heard, emotion.suggest(nobody, emotion_labels, kind), emotion_labels)[0]


def _features(path: Path | str) -> MidiFeatures | AudioFeatures:
    from kelly_tui.model.sample import file_type_of

    if file_type_of(str(path)) == "midi":
        from kelly_tui.features.midi import extract_midi_features

        return extract_midi_features(path)
    from kelly_tui.features.audio import extract_audio_features

    return extract_audio_features(Path(path))

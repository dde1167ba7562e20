"""A MIDI file's features: notes, pitches, harmony, time, loudness, and a vector of 117 numbers; and its labels.

Times are seconds through the tempo map. Drums have no pitch: they count for time and loudness only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kelly_tui.errors import FileRefused
from kelly_tui.features.fingerprint import midi_fingerprint
from kelly_tui.model.annotation import LONGEST, Label, Value
from kelly_tui.music.beats import find_clock, in_short_beats
from kelly_tui.music.blues import blues_key
from kelly_tui.music.chords import detect_chords
from kelly_tui.music.contour import contour_curve, contour_of, detect_range, melody
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.dynamics import (
    articulation_ratios,
    detect_articulation,
    detect_curve,
    detect_dynamics,
    held_shares,
)
from kelly_tui.music.groove import Groove, detect_groove, no_groove
from kelly_tui.music.meter import counted, find_bars
from kelly_tui.music.modulation import Region, detect_keys
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.numerals import keys_in_words, numerals, numerals_in_words
from kelly_tui.music.syncopation import syncopation
from kelly_tui.music.tempo import as_tapped, detect_tempo
from kelly_tui.store.durable import write_inside
from kelly_tui.store.extracted import columns_to_carry, labels_to_carry, vector_to_store
from kelly_tui.store.intact import intact

if TYPE_CHECKING:
    import pretty_midi

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Found = Detection[Any]

VECTOR_SIZE = 117
_VERSIONS = {"chords": 6, "tempo": 6, "groove": 8, "meter": 6, "key": 11, "contour": 4, "articulation": 6}
"""Of the detectors whose results have changed since their first."""
_WIDEST_STEP = 12


class MidiFeatures(msgspec.Struct, kw_only=True, frozen=True):
    """The features of the analysed part of a file. What can't be told is None, or an empty list.

    The four sequences and the offsets are of the same notes, in order of onset: the pitched ones, or the drums where
    there is nothing else (`pitch_sequence` is empty then).
    """

    duration_sec: float
    tempo_bpm: float | None
    time_signature: str
    note_count: int
    """All notes, drums too."""
    pitch_sequence: list[int]
    velocity_sequence: list[int]
    duration_sequence: list[float]
    """Seconds."""
    onset_times: list[float]
    """Seconds."""
    pitch_histogram: list[float]
    """12 shares from C; zeros without pitches."""
    pitch_range: int
    """Semitones."""
    avg_pitch: float
    pitch_std: float
    interval_histogram: list[float]
    """25 shares of the melody's steps from -12 to +12 semitones; wider ones count as an octave."""
    melodic_contour: list[float]
    """32 heights of the melody over time, 0 its lowest and 1 its highest."""
    chord_sequence: list[str]
    chord_times: list[float]
    """Seconds."""
    key_signature: str | None
    """The tonic that is heard."""
    mode: str | None
    key_sequence: list[str]
    """The keys one after another, ``C major``: one where nothing modulates, none where no key is heard."""
    key_times: list[float]
    """Seconds."""
    roman_sequence: list[str]
    """The numeral of each chord in the key that holds then, ``V7/ii``; empty where no key is heard."""
    timing_offsets_ms: list[float]
    push_ms: float | None
    """How late the notes on the beat are."""
    swing_ratio: float | None
    groove_type: str | None
    note_density: float
    """Notes a second."""
    syncopation_score: float
    """0..1: see `syncopation`"""
    avg_velocity: float
    velocity_std: float
    dynamic_range: int
    """Highest less lowest velocity."""
    velocity_curve: list[int]
    """32 velocities over time."""
    articulation_ratios: dict[str, float]
    """Shares of legato, staccato and normal notes."""
    feature_vector: list[float]
    """117, finite, as data-model.md lays it out."""
    why: dict[str, str]
    """For each label that could be there, what it rests on, or why there is none."""

    def to_json(self) -> bytes:
        """The same bytes for the same features."""
        return msgspec.json.encode(self)

    def columns(self) -> dict[str, float | str | list[float]]:
        """The single numbers and words, for the catalogue's filters, how many keys there are one after another, and the
        melody's curve; those that share a label's name have another.
        """
        named = {"pitch_range": "pitch_range_semitones", "dynamic_range": "dynamic_range_velocity"}
        values = {name: getattr(self, name) for name in self.__struct_fields__ if name != "duration_sec"}
        values |= self.articulation_ratios
        single = {named.get(name, name): one for name, one in values.items() if isinstance(one, (int, float, str))}
        return {**single, "key_count": len(self.key_sequence), "melodic_contour_curve": self.melodic_contour}


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that the detectors say about a score, each said once."""

    score: Score
    timed: Score
    """The same on the beats and bars of its music, where the file's are only nominal."""
    line: NDArray[np.void]
    """The melody."""
    shares: Floats
    """How long notes are held of the time to the next."""
    key: Detection[tuple[str, str]]
    keys: list[Region]
    """Over time."""
    tempo: Detection[float]
    meter: Detection[str]
    chords: Detection[list[tuple[float, str]]]
    groove: Groove
    dynamics: Detection[str]
    articulation: Detection[str]
    contour: Detection[str]
    pitch_range: Detection[str]
    velocity_curve: Detection[list[int]]

    @cached_property
    def offsets(self) -> Floats | None:
        """ms of the notes that the sequences describe."""
        ms = self.groove.timing_offsets.value
        return None if ms is None else ms.compress(_described(self.score))

    @cached_property
    def romans(self) -> list[str]:
        """The numeral of each chord in the key that holds then."""
        return numerals(self.chords.value or [], self.keys)

    @cached_property
    def detections(self) -> dict[str, tuple[str, Found]]:
        """For each label: the detector's name, and what it says."""
        offsets: Found = self.groove.timing_offsets
        if self.offsets is not None:
            offsets = _storable(Detection(self.offsets.round(1).tolist(), offsets.confidence, offsets.why))
        key = self.key.told(keys_in_words(self.keys))
        times = [time for time, _ in self.chords.value or []]
        chords = _storable(self.chords.told(numerals_in_words(self.romans, times, self.keys)))
        return {
            "key": ("key", _said(key, lambda key: key[0])),
            "mode": ("key", _said(key, lambda key: key[1])),
            "tempo_bpm": ("tempo", self.tempo),
            "time_signature": ("meter", self.meter),
            "chord_progression": ("chords", _said(chords, lambda chords: [name for _, name in chords])),
            "chord_times": ("chords", _said(chords, lambda _: times)),
            "groove_type": ("groove", self.groove.groove_type),
            "swing_ratio": ("groove", self.groove.swing_ratio),
            "timing_offsets_ms": ("groove", offsets),
            "articulation": ("articulation", self.articulation),
            "dynamic_range": ("dynamics", self.dynamics),
            "velocity_curve": ("dynamics", self.velocity_curve),
            "melodic_contour": ("contour", self.contour),
            "pitch_range": ("contour", self.pitch_range),
        }


def _said(found: Found, part: Any) -> Found:
    """A detection of one part of a value."""
    return found if found.value is None else Detection(part(found.value), found.confidence, found.why)


def _storable(found: Found) -> Found:
    """A list of many hours is in the features; a label of that length could not be stored."""
    if found.value is None or len(found.value) <= LONGEST:
        return found
    return unknown(f"{len(found.value):,} values, and a label holds {LONGEST:,}: they are in the features alone")


def _described(score: Score) -> NDArray[np.bool_]:
    """Which notes the sequences describe: the pitched ones, or the drums where there is nothing else."""
    drums: NDArray[np.bool_] = score.notes["is_drum"]
    return drums if drums.all() else ~drums


def analyse(score: Score) -> Analysis:
    """Ask every detector once."""
    line = melody(score)
    shares = held_shares(score)
    tempo = detect_tempo(score)
    clock = find_clock(score, tempo)
    bars = find_bars(clock)
    meter, barred = bars
    if clock.confidence > 0 and not clock.is_in_three:
        tempo = as_tapped(tempo, meter, counted(score, clock, bars).main_meter)
    timed = score if clock.score is score else barred
    groove = no_groove(tempo.why) if tempo.value is None else detect_groove(timed)
    key, keys = detect_keys(score)
    chords = detect_chords(timed if timed is score else in_short_beats(timed))
    blues = blues_key(chords.value or [], score.duration)
    if blues.value is not None and keys:
        key, keys = blues, [Region(keys[0].start, keys[-1].end, *blues.value, blues.confidence)]
    return Analysis(
        score=score,
        timed=timed,
        line=line,
        shares=shares,
        key=key,
        keys=keys,
        tempo=tempo,
        meter=meter,
        chords=chords,
        groove=groove if clock.score is score else groove.less_sure(clock.confidence),
        dynamics=detect_dynamics(score),
        articulation=detect_articulation(score, shares),
        contour=contour_of(score, line),
        pitch_range=detect_range(score),
        velocity_curve=detect_curve(score),
    )


def extract_midi_features(
    source: Path | str | bytes | pretty_midi.PrettyMIDI | Score, max_duration_sec: float | None = None
) -> MidiFeatures:
    """The features of a file, its bytes, a pretty_midi object or a score; of its first `max_duration_sec`, if given.

    Raises `FileRefused` for what is no music, and says why.
    """
    return features_of(analyse(_analysed_part(source, max_duration_sec)))


def _analysed_part(source: Any, max_duration_sec: float | None) -> Score:
    score = source if isinstance(source, Score) else read_midi(source)
    part = score if max_duration_sec is None else score.head(max_duration_sec)
    if len(part.notes) == 0:
        raise FileRefused("no notes" if len(score.notes) == 0 else f"no notes in its first {max_duration_sec:g} s")
    return part


def detect_labels(score: Score) -> dict[str, Label]:
    """The labels that can be told from the notes, each with its confidence; what can't be told is left out."""
    return labels_of(analyse(score))


def labels_of(analysis: Analysis) -> dict[str, Label]:
    """The detections that say something, as labels."""
    return {
        field: Label(
            _value(found.value),
            source="detector",
            by=f"kelly {name} {_VERSIONS.get(name, 1)}",
            confidence=round(float(found.confidence), 3),
        )
        for field, (name, found) in analysis.detections.items()
        if found.value is not None
    }


def _value(value: Any) -> Value:
    return round(value, 4) if isinstance(value, float) else value


def features_of(analysis: Analysis) -> MidiFeatures:
    """The features of an analysed score."""
    score, groove = analysis.score, analysis.groove
    notes = score.pitched if len(score.pitched) else score.notes
    heights = analysis.line["pitch"].astype(np.int64)
    steps = np.minimum(np.maximum(heights[1:] - heights[:-1], -_WIDEST_STEP), _WIDEST_STEP) + _WIDEST_STEP
    key = analysis.key.value or (None, None)
    chords = analysis.chords.value or []
    late, offsets = groove.timing_offsets.value, analysis.offsets
    tempo, curve = analysis.tempo.value, analysis.velocity_curve.value or []
    pitch_histogram = _shares(score.class_counts)
    interval_histogram = _shares(np.bincount(steps, minlength=2 * _WIDEST_STEP + 1))
    contour = contour_curve(analysis.line, score.duration)
    held = articulation_ratios(analysis.shares)
    syncopated = syncopation(analysis.timed)
    loud, loud_spread, loud_range = _mean_and_spread(score.velocity_counts)
    high, high_spread, span = _mean_and_spread(score.pitch_counts)
    # A single stroke lasts no time: its density is of a second at least.
    density = len(score.notes) / max(score.duration, 1.0)
    vector = np.concatenate(
        [
            pitch_histogram,
            [high / 127, high_spread / 20, span / 48, density / 8],
            interval_histogram,
            [groove.swing_ratio.value or 0.5, syncopated],
            [groove.groove_type.value == "swing", groove.groove_type.value == "straight"],
            [(tempo or 0.0) / 200, 0.0 if late is None else float(np.abs(late).sum()) / len(late) / 50],
            [loud / 127, loud_spread / 40, loud_range / 127],
            held,
            contour,
            np.array(curve) / 127,
        ]
    )
    return MidiFeatures(
        duration_sec=round(score.duration, 6),
        tempo_bpm=tempo and round(tempo, 4),
        time_signature=analysis.meter.value or score.time_signature,
        note_count=len(score.notes),
        pitch_sequence=score.pitched["pitch"].tolist(),
        velocity_sequence=notes["velocity"].tolist(),
        duration_sequence=notes["duration"].round(6).tolist(),
        onset_times=notes["onset"].round(6).tolist(),
        pitch_histogram=pitch_histogram.round(6).tolist(),
        pitch_range=span,
        avg_pitch=round(high, 4),
        pitch_std=round(high_spread, 4),
        interval_histogram=interval_histogram.round(6).tolist(),
        melodic_contour=contour.round(4).tolist(),
        chord_sequence=[name for _, name in chords],
        chord_times=[time for time, _ in chords],
        key_signature=key[0],
        mode=key[1],
        key_sequence=[f"{region.tonic} {region.mode}" for region in analysis.keys],
        key_times=[region.start for region in analysis.keys],
        roman_sequence=analysis.romans,
        timing_offsets_ms=[] if offsets is None else offsets.round(2).tolist(),
        push_ms=None if late is None else round(groove.push_ms, 2),
        swing_ratio=groove.swing_ratio.value,
        groove_type=groove.groove_type.value,
        note_density=round(density, 4),
        syncopation_score=round(syncopated, 4),
        avg_velocity=round(loud, 4),
        velocity_std=round(loud_spread, 4),
        dynamic_range=loud_range,
        velocity_curve=curve,
        articulation_ratios=dict(zip(("legato", "staccato", "normal"), (round(share, 4) for share in held))),
        feature_vector=vector.round(6).tolist(),
        why={field: found.why for field, (_, found) in analysis.detections.items()},
    )


def _shares(counts: Ints) -> Floats:
    shares: Floats = counts / max(counts.sum(), 1)
    return shares


def _mean_and_spread(counts: Ints) -> tuple[float, float, int]:
    """Mean, standard deviation, and highest less lowest of whole numbers of which there are so many; zeros of none."""
    found = counts.nonzero()[0]
    if len(found) == 0:
        return 0.0, 0.0, 0
    many = counts[found]
    mean = float(many @ found) / float(many.sum())
    away = found - mean
    return mean, math.sqrt(float(many @ (away * away)) / float(many.sum())), int(found[-1] - found[0])


def extract_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The extract stage for one MIDI file, run in a worker; raises `FileRefused` and nothing else for bad input.

    `item`: root, file_path, sha256, target (relative, where the .json goes), config. Returns what the catalogue stores,
    and which labels are absent.
    """
    root = Path(item["root"])
    score = read_midi(intact(root, item["file_path"], item["sha256"]))
    analysis = analyse(_analysed_part(score, None))  # whole: a key is told by its end, and a piece costs some ms
    features = features_of(analysis)
    write_inside(root, item["target"], features.to_json())
    labels = labels_of(analysis)
    return {
        "duration_sec": score.duration,
        "vector": vector_to_store(features.feature_vector).hex(),
        "columns": columns_to_carry(features.columns(), labels),
        "fingerprint": midi_fingerprint(score).hex(),
        "labels": labels_to_carry(labels),
        "absent": [field for field, (_, found) in analysis.detections.items() if found.value is None],
    }

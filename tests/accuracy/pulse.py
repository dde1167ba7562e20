"""Beats and meters: what is heard of music whose clock and meter were taken away, judged by what they were.

Beats: songs on a true grid, drum takes to a click, and jazz solos whose beats were annotated by hand, all written in
seconds at MIDI's nominal 120. Meters: fiddle tunes of music21's corpus without their time signatures.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import mir_eval
import numpy as np
from numpy.typing import NDArray

from kelly_tui.features import audio, audio_meter
from kelly_tui.features.midi import analyse
from kelly_tui.music.beats import find_beats
from kelly_tui.music.meter import METERS
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.tempo import detect_tempo
from kelly_tui.render.midi import render_midi

Floats = NDArray[np.float64]
SECONDS = 120.0
"""Of each piece."""
TUNES = 80


def without_clock(score: Score, nominal: float = 120.0) -> Score:
    """The same sound as a recorder writes it that knows no tempo, or believes in another."""
    notes = score.notes.copy()
    for beats, seconds in (("onset_beat", "onset"), ("duration_beat", "duration")):
        notes[beats] = notes[seconds] * nominal / 60
    return replace(score, notes=notes, tempi=np.array([[0.0, nominal]]), meters=[], has_tempo=nominal != 120.0)


NOMINAL = (100.0, 140.0)
"""Tempi at which a recorder may be set while someone plays at his own."""


def nominal_tempi(evaluation: Path) -> str:
    """The share of performances whose tempo is heard, or a simple multiple of it, whatever the recorder's is."""
    heard = []
    for source, score in pieces(evaluation):
        for nominal in NOMINAL if source != "wjd" else ():
            if abs(score.tempo_bpm / nominal - 1) > 0.05:
                ratio = (detect_tempo(without_clock(score, nominal)).value or 1.0) / score.tempo_bpm
                heard.append([min(abs(ratio / of - 1) for of in allowed) < 0.04 for allowed in ((1,), _RELATED)])
    exact, allowed = 100 * np.mean(heard, axis=0)
    names = ("Accuracy1", "Accuracy2")
    return "\n".join(f"{'tempo_nominal':14} {name:46} {value:7.1f}" for name, value in zip(names, (exact, allowed)))


_RELATED = (1, 2, 3, 1 / 2, 1 / 3)


def annotated_beats(score: Score) -> Floats:
    """Seconds of the beats of a file's tempo map."""
    return score.beat_to_time(np.arange(0.0, float(score.notes["onset_beat"][-1]) + 1))


def beat_figures(found: Floats, truth: Floats) -> tuple[float, float]:
    """F-measure, and the longest stretch in time at a simple multiple of the tempo (AMLt), as the field judges it."""
    found, truth = (mir_eval.beat.trim_beats(beats) for beats in (found, truth))
    if len(found) < 2 or len(truth) < 2:
        return 0.0, 0.0
    return mir_eval.beat.f_measure(truth, found), mir_eval.beat.continuity(truth, found)[3]


def heard_beats(score: Score) -> Floats:
    found = find_beats(score, detect_tempo(score))
    return np.empty(0) if found.value is None else found.value


def pieces(evaluation: Path) -> Iterator[tuple[str, Score]]:
    """Of each source, its pieces with true clocks."""
    for task in ("chords_midi", "groove_gmd", "swing_wjd"):
        for item in json.loads((evaluation / "manifests" / f"{task}.dev.json").read_text())["items"]:
            yield item["source"], read_midi(evaluation / "midi" / item["file"]).head(SECONDS)


def beats(evaluation: Path) -> str:
    """A line for each figure, the mean over the sources."""
    by_source: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for source, score in pieces(evaluation):
        by_source[source].append(beat_figures(heard_beats(without_clock(score)), annotated_beats(score)))
    means = {source: 100 * np.mean(figures, axis=0) for source, figures in by_source.items()}
    each = ", ".join(f"{source} {mean[0]:.0f}" for source, mean in means.items())
    f_measure, allowed = np.mean(list(means.values()), axis=0)
    return (
        f"{'beats_midi':14} {f'F-measure of {each}':46.46} {f_measure:7.1f} {'69.9':>10}\n"
        f"{'beats_midi':14} {'AMLt (other levels allowed)':46} {allowed:7.1f} {'70.3':>10}"
    )


def sure_of_beats(evaluation: Path) -> Iterator[tuple[float, float]]:
    """The confidence of each piece's beats, and whether their F-measure is above 0.8."""
    for _, score in pieces(evaluation):
        played = without_clock(score)
        found = find_beats(played, detect_tempo(played))
        if found.value is not None:
            yield found.confidence, beat_figures(found.value, annotated_beats(score))[0] > 0.8


Heard = tuple[str, float, bool]
"""A tune's meter, the detector's confidence, and whether what it says is right."""


@cache
def heard_meters() -> list[Heard]:
    """Of tunes whose time signature was taken away."""
    found = [(name, analyse(replace(score, meters=[])).meter) for name, score, _ in barred_tunes()]
    return [(name, meter.confidence, meter.value == name) for name, meter in found]


@cache
def heard_meters_audio() -> list[Heard]:
    """Of half a minute of each tune played; a 2/4 is a 4/4 to the ear, and 9/8 is not told."""
    heard = []
    for name, _, midi in barred_tunes():
        said = {"2/4": "4/4"}.get(name, name)
        if said in audio_meter.METERS:
            sound = render_midi(midi, audio.RATE)[: 30 * audio.RATE].mean(axis=1)
            found = audio.extract_audio_features((sound, audio.RATE))
            heard.append((said, found.meter_confidence, found.time_signature == said))
    return heard


def barred_tunes() -> Iterator[tuple[str, Score, bytes]]:
    """The meter above a fiddle tune, its notes, and its file."""
    from music21 import corpus
    from music21.repeat import ExpanderException

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in barred_paths():
            midi = Path(folder, "tune.mid")
            try:
                corpus.parse(path).write("midi", fp=midi)
            except ExpanderException:  # its repeats are ill-formed
                continue
            score = read_midi(midi)
            name = {"2/2": "4/4"}.get(score.time_signature, score.time_signature)
            if len({meter[2:] for meter in score.meters}) == 1 and name in METERS:
                yield name, score, midi.read_bytes()


def barred_paths() -> list[Path]:
    """Where the tunes of `barred_tunes` lie."""
    from music21 import corpus

    paths = sorted(Path(path) for path in corpus.getPaths() if "ryansMammoth" in str(path))
    return paths[:: len(paths) // TUNES]


def meters(task: str, heard: list[Heard], peer: str = "") -> str:
    """The share of tunes whose meter is heard, each meter worth the same."""
    by_name: dict[str, list[bool]] = defaultdict(list)
    for name, _, right in heard:
        by_name[name].append(right)
    each = ", ".join(f"{name} {np.mean(right):.0%} of {len(right)}" for name, right in sorted(by_name.items()))
    balanced = 100 * float(np.mean([np.mean(right) for right in by_name.values()]))
    return f"{task:14} {'balanced: ' + each:62.62} {balanced:7.1f} {peer:>10}"

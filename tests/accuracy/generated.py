"""``make generated``: generated music heard by tools that know nothing of the generators.

music21 names keys and counts voice-leading faults; templates over beats, written here, and the program's own detector
name chords; the swing of cymbals is measured from the notes that pretty_midi reads; scikit-learn learns emotions from
generated features and is asked about real music (`../shared/music`, where it is there). Then how evenly the choices
are spread, and whether any two of 5,000 are alike. ``python -m tests.accuracy.generated 100`` hears a hundred of each.
"""

from __future__ import annotations

import io
import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, lru_cache, partial
from multiprocessing import get_context
from typing import Any, NamedTuple

import mir_eval
import music21
import numpy as np
import pretty_midi
from music21.analysis import discrete

from kelly_tui.features.midi import analyse, extract_midi_features
from kelly_tui.model.labels import EMOTIONS, GROOVES, KEYS
from kelly_tui.music.notes import read_midi
from kelly_tui.music.theory import SCALES
from kelly_tui.paths import PROJECT
from kelly_tui.synth.item import classes_of, generate_sample
from kelly_tui.synth.sample import GeneratedSample
from tests.accuracy.chord_time import harte

MUSIC = PROJECT.parent / "shared" / "music" / "piano"
OTHER_PIANO = MUSIC.parent / "pop"
QUADRANTS = ("happy", "angry", "sad", "peaceful")
CONFIG = {"emotion_labels": list(EMOTIONS), "groove_labels": list(GROOVES)}
KINDS = ("emotion", "melody", "harmony", "dynamics", "groove")
CYMBALS = (42, 46, 51)
SPREAD = 0.011
"""Seconds by which players may be early or late."""


@lru_cache(maxsize=20_000)
def sample_at(kind: str, index: int, seed: int = 501) -> GeneratedSample:
    return generate_sample(kind, seed, index, classes_of(kind, CONFIG))


def value(sample: GeneratedSample, field: str) -> Any:
    return sample.labels[field].value


@lru_cache(maxsize=256)
def parts_of(midi: bytes) -> list[pretty_midi.Instrument]:
    return list(pretty_midi.PrettyMIDI(io.BytesIO(midi)).instruments)


def pitched(sample: GeneratedSample) -> list[pretty_midi.Note]:
    return [note for part in parts_of(sample.midi) if not part.is_drum for note in part.notes]


# --- keys

FINDERS = ("AardenEssen", "KrumhanslSchmuckler", "TemperleyKostkaPayne", "BellmanBudge", "SimpleWeights")
"""music21's; the first is what its ``analyze("key")`` uses. Neither it nor the last is known to the generators."""


def keys_named(sample: GeneratedSample, finders: Sequence[str] = FINDERS) -> list[bool]:
    """For each of music21's key finders, whether it names tonic and mode as labelled."""
    notes = music21.stream.Stream()
    for note in pitched(sample):
        one = music21.note.Note(note.pitch)
        one.quarterLength = max(0.02, note.end - note.start)
        notes.insert(note.start, one)
    major = 4 in SCALES[value(sample, "mode")]
    wanted = (KEYS.index(value(sample, "key")), "major" if major else "minor")
    found = [getattr(discrete, finder)().getSolution(notes) for finder in finders]
    return [(key.tonic.pitchClass, key.mode) == wanted for key in found]


# --- chords


class Spans(NamedTuple):
    """Chords in time: (n, 2) seconds, and a name for each."""

    times: np.ndarray
    names: list[str]


def spans(starts: Iterable[float], names: Iterable[str], end: float) -> Spans:
    edges = np.append(np.fromiter(starts, float), end)
    times = np.column_stack((edges[:-1], edges[1:]))
    return Spans(times, [harte(name) for name in names])


def labelled(sample: GeneratedSample) -> Spans:
    return spans(value(sample, "chord_times"), value(sample, "chord_progression"), sample.duration_sec)


def by_our_detector(sample: GeneratedSample) -> Spans:
    found = analyse(read_midi(sample.midi)).chords.value or []
    return spans([start for start, _ in found], [name for _, name in found], sample.duration_sec)


_TEMPLATES = {"maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8),
              "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10), "dim7": (0, 3, 6, 9)}  # fmt: skip


@cache
def templates() -> tuple[np.ndarray, list[str]]:
    rows, names = [], []
    for (quality, steps), root in itertools.product(_TEMPLATES.items(), range(12)):
        row = np.zeros(12)
        row[[(root + step) % 12 for step in steps]] = 1
        rows.append(row / np.linalg.norm(row))
        names.append(f"{KEYS[root]}:{quality}")
    return np.array(rows), names


def by_templates(sample: GeneratedSample) -> Spans:
    """Each beat's chord is the template nearest to how long each pitch class sounds in it (Fujishima, 1999).

    The lowest note counts twice.
    """
    music = pretty_midi.PrettyMIDI(io.BytesIO(sample.midi))
    notes = [note for part in music.instruments if not part.is_drum for note in part.notes]
    beats = np.append(music.get_beats(), sample.duration_sec)
    beats = beats[(beats < sample.duration_sec) | (beats == sample.duration_sec)]
    rows, names = templates()
    heard = []
    for start, end in itertools.pairwise(beats):
        inside = [n for n in notes if n.start < end - SPREAD and n.end > start + SPREAD]
        chroma = np.zeros(12)
        for note in inside:
            chroma[note.pitch % 12] += min(note.end, end) - max(note.start, start)
        if inside:
            chroma[min(note.pitch for note in inside) % 12] *= 2
        heard.append(names[int((rows @ chroma).argmax())] if chroma.any() else (heard[-1] if heard else "N"))
    return Spans(np.column_stack((beats[:-1], beats[1:])), heard)


METRICS: dict[str, Callable[[list[str], list[str]], np.ndarray]] = {
    "root": mir_eval.chord.root,
    "major or minor": mir_eval.chord.thirds,
    "three tones": mir_eval.chord.mirex,
}


def chord_time(sample: GeneratedSample, recogniser: Callable[[GeneratedSample], Spans]) -> list[float]:
    """The share of labelled time with the right root, with root and third, with three common tones."""
    wanted, found = labelled(sample), recogniser(sample)
    times, names = mir_eval.util.adjust_intervals(
        found.times, found.names, 0.0, float(wanted.times.max()), mir_eval.chord.NO_CHORD, mir_eval.chord.NO_CHORD
    )
    merged, ours, theirs = mir_eval.util.merge_labeled_intervals(wanted.times, wanted.names, times, names)
    lengths = mir_eval.util.intervals_to_durations(merged)
    return [mir_eval.chord.weighted_accuracy(metric(ours, theirs), lengths) for metric in METRICS.values()]


# --- swing


def swing_error(sample: GeneratedSample) -> float:
    """How far the mean place of the cymbals' off-beats is from the label, in beats."""
    beat = 60 / value(sample, "tempo_bpm")
    onsets = [
        n.start / beat for part in parts_of(sample.midi) if part.is_drum for n in part.notes if n.pitch in CYMBALS
    ]
    phase = (np.array(onsets) + 0.15) % 1 - 0.15
    if value(sample, "groove_type") == "triplet":  # the third of three
        return abs(float(phase[phase > 0.5].mean() - phase[phase < 0.15].mean()) - value(sample, "swing_ratio"))
    return abs(float(phase[phase > 0.3].mean() - phase[phase < 0.3].mean()) - value(sample, "swing_ratio"))


# --- voice leading


def outer_voices(sample: GeneratedSample) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """(bass, top) on leaving and on entering each chord. The top is the melody, or the chords' highest voice."""
    parts = parts_of(sample.midi)
    top, bass = (parts[0], parts[2]) if sample.kind == "emotion" else (parts[0], parts[1])
    times = [*value(sample, "chord_times"), sample.duration_sec]
    changes = []
    for since, start, end in zip(times, times[1:], times[2:]):
        before = [[n for n in part.notes if since - SPREAD <= n.start < start - SPREAD] for part in (bass, top)]
        after = [[n for n in part.notes if start - SPREAD <= n.start < end - SPREAD] for part in (bass, top)]
        if sample.kind == "emotion":  # melody and bass move on: their last notes, and those that meet the chord
            before = [sorted(notes, key=lambda n: n.start)[-1:] for notes in before]
            after = [[n for n in notes if abs(n.start - start) < SPREAD] for notes in after]
        if all((*before, *after)):
            pitches = [[n.pitch for n in notes] for notes in (*before, *after)]
            changes.append(((min(pitches[0]), max(pitches[1])), (min(pitches[2]), max(pitches[3]))))
    return changes


@cache
def note_at(pitch: int) -> music21.note.Note:
    return music21.note.Note(pitch)


def faults(sample: GeneratedSample) -> Counter[str]:
    """What music21 finds wrong between the outer voices; ``moves`` are the changes of chord looked at."""
    found: Counter[str] = Counter()
    for before, after in outer_voices(sample):
        (low, high), (next_low, next_high) = map(note_at, before), map(note_at, after)
        quartet = music21.voiceLeading.VoiceLeadingQuartet(high, next_high, low, next_low)
        found["moves"] += 1
        found["parallel fifths"] += quartet.parallelFifth()
        found["parallel octaves"] += quartet.parallelOctave()
        found["parallel unisons"] += quartet.parallelUnison()
        found["voices cross"] += quartet.voiceCrossing()
    return found


# --- emotions learnt


def features_of(sample: GeneratedSample) -> np.ndarray:
    with tempfile.NamedTemporaryFile(suffix=".mid") as file:
        file.write(sample.midi)
        file.flush()
        return np.asarray(extract_midi_features(file.name).feature_vector)


def real_music() -> tuple[np.ndarray, list[str]]:
    """Features and labels of the clips of piano that people put in quadrants of valence and arousal."""
    files = [(path, label) for label in QUADRANTS for path in sorted((MUSIC / label).rglob("*.mid"))]
    return np.array([extract_midi_features(path).feature_vector for path, _ in files]), [label for _, label in files]


def other_piano() -> np.ndarray:
    """Features of other piano music, which nobody has labelled."""
    return np.array([extract_midi_features(path).feature_vector for path in sorted(OTHER_PIANO.glob("*/*.mid"))])


class Told(NamedTuple):
    """What a forest grown on generated pieces alone says of real clips, against what people said."""

    said: np.ndarray
    wanted: np.ndarray

    def right(self, *together: str) -> tuple[int, int]:
        """How many of how many are put right: in the one of four, or on the side of those named `together`."""
        if together:
            return int(np.sum(np.isin(self.said, together) == np.isin(self.wanted, together))), len(self.wanted)
        return int(np.sum(self.said == self.wanted)), len(self.wanted)

    def line(self) -> str:
        return (
            f"of four (chance 25 %) {with_interval(*self.right())}; of two (chance 50 %)"
            f" arousal {with_interval(*self.right('happy', 'angry'))},"
            f" valence {with_interval(*self.right('happy', 'peaceful'))}"
        )


def interval(right: int, asked: int) -> tuple[float, float]:
    """The share that is right lies between these in 95 % of cases (Clopper and Pearson, 1934)."""
    from scipy.stats import binomtest

    found = binomtest(right, asked).proportion_ci()
    return float(found.low), float(found.high)


def with_interval(right: int, asked: int) -> str:
    low, high = interval(right, asked)
    return f"{right / asked:.1%} ({low:.0%} to {high:.0%})"


def told_of_real(generated: np.ndarray, labels: Sequence[str]) -> dict[str, Told]:
    """By what the real clips are measured by. No label of theirs is ever looked at.

    Generated pieces are loud and detached by data-model.md's table, pianists play nearly all legato: what is high or
    low must be told by the music's own kind. Corpora of speech are put on their own mean and deviation for the same
    reason (Schuller et al., "Cross-corpus acoustic emotion recognition", 2010).
    """
    from sklearn.ensemble import RandomForestClassifier

    real, wanted = real_music()

    def told(pieces: np.ndarray, clips: np.ndarray) -> Told:
        forest = RandomForestClassifier(300, random_state=0, n_jobs=2).fit(pieces, labels)
        return Told(forest.predict(clips), np.array(wanted))

    found = {"as they are": told(generated, real)}
    own = scaled(generated, generated)
    if OTHER_PIANO.is_dir():
        found["the real ones by the mean and deviation of other piano music"] = told(own, scaled(real, other_piano()))
    found["each by its own mean and deviation"] = told(own, scaled(real, real))
    return found


def scaled(table: np.ndarray, by: np.ndarray) -> np.ndarray:
    return np.asarray((table - by.mean(axis=0)) / (by.std(axis=0) + 1e-6))


# --- variety


def evenness(values: Iterable[object]) -> tuple[int, float]:
    """How many kinds there are, and their entropy as a share of what it would be if all were as many."""
    counts = np.array(list(Counter(values).values()), float)
    shares = counts / counts.sum()
    return len(counts), float(-(shares * np.log(shares)).sum() / np.log(len(counts))) if len(counts) > 1 else 1.0


def fingerprint(sample: GeneratedSample) -> tuple[tuple[int, int, int], ...]:
    """What is played, blind to key, tempo, loudness, touch and the players' timing: in each track what starts where,
    onsets in twelfths of a beat, pitches over the lowest."""
    notes = read_midi(sample.midi).notes
    lowest = int(notes["pitch"][~notes["is_drum"]].min())
    pushed = sample.parameters.get("push_ms", 0.0) * value(sample, "tempo_bpm") / 60_000
    grid = np.rint((notes["onset_beat"] - pushed) * 12).astype(int).tolist()
    pitches = np.where(notes["is_drum"], notes["pitch"], notes["pitch"].astype(int) - lowest).tolist()
    return tuple(sorted(zip(notes["track"].tolist(), grid, pitches)))


def spread(sample: GeneratedSample) -> dict[str, object]:
    """The choices whose variety is measured."""
    tempo = float(value(sample, "tempo_bpm"))
    found: dict[str, object] = {
        "key": value(sample, "key"),
        "meter": value(sample, "time_signature"),
        "tempo, tens": int(tempo // 10),
        "length, 2 s": int(sample.duration_sec // 2),
    }
    if "bars" in sample.parameters:
        found["bars"] = sample.parameters["bars"]
    if sample.kind in ("emotion", "harmony"):
        start, bass_and_chord = value(sample, "chord_times")[1], 1 if sample.kind == "emotion" else 0
        chord = [n.pitch for n in parts_of(sample.midi)[bass_and_chord].notes if abs(n.start - start) < SPREAD]
        found["voicing"] = tuple(np.diff(sorted(chord)).tolist())
    return found


def _choices(kind: str, index: int) -> tuple[dict[str, object], int]:
    sample = sample_at(kind, index)
    return spread(sample), hash(fingerprint(sample))


# --- the table


def _heard(kind: str, index: int) -> dict[str, Any]:
    """In a process: all that is asked of one sample."""
    sample = sample_at(kind, index)
    found: dict[str, Any] = {}
    if kind in ("emotion", "melody", "harmony"):
        found["keys"] = keys_named(sample)
    if kind in ("emotion", "harmony"):
        found["ours"], found["templates"] = chord_time(sample, by_our_detector), chord_time(sample, by_templates)
        found["faults"] = faults(sample)
    if kind == "groove":
        found["swing"] = swing_error(sample)
    return found


def report(each: int) -> Iterator[str]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for kind in KINDS:
            heard = list(pool.map(partial(_heard, kind), range(each), chunksize=10))
            yield f"{kind}: {each} samples"
            if "keys" in heard[0]:
                shares = np.mean([one["keys"] for one in heard], axis=0)
                named = " · ".join(f"{finder} {share:.1%}" for finder, share in zip(FINDERS, shares))
                yield f"  key named as labelled (goal 90 % by the first, music21's default): {named}"
            for who in ("ours", "templates"):
                if who in heard[0]:
                    shares = np.mean([one[who] for one in heard], axis=0)
                    named = " · ".join(f"{metric} {share:.1%}" for metric, share in zip(METRICS, shares))
                    yield f"  chord time recovered by {who} (goal 85 %): {named}"
            if "faults" in heard[0]:
                found: Counter[str] = Counter()
                for one in heard:
                    found.update(one["faults"])
                yield "  outer voices, by music21: " + " · ".join(f"{name} {count}" for name, count in found.items())
            if kind == "groove":
                errors = [one["swing"] for one in heard]
                yield f"  swing from the file against the label (goal 0.02): worst {max(errors):.4f}"
            many = list(pool.map(partial(_choices, kind), range(10 * each), chunksize=50))
            yield f"  {10 * each:,} samples, alike in any key and tempo: {10 * each - len({one for _, one in many})}"
            names = sorted(set().union(*(chosen for chosen, _ in many)))
            spreads = [(name, *evenness(chosen[name] for chosen, _ in many if name in chosen)) for name in names]
            yield "  evenness (entropy over the largest): " + " · ".join(
                f"{n} {k} kinds {e:.3f}" for n, k, e in spreads
            )
        if MUSIC.is_dir():
            samples = [sample_at("emotion", index) for index in range(4 * each)]
            own = [sample for sample in samples if value(sample, "emotion") in QUADRANTS]
            table = np.array(list(pool.map(features_of, own, chunksize=20)))
            labels = [str(value(sample, "emotion")) for sample in own]
            yield f"learnt from {len(own)} generated pieces, asked of real piano music (with 95 % intervals):"
            for how, told in told_of_real(table, labels).items():
                yield f"  {how}: {told.line()}"


if __name__ == "__main__":
    for line in report(int(sys.argv[1]) if len(sys.argv) > 1 else 500):
        print(line, flush=True)

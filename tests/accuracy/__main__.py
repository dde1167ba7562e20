"""``make accuracy``: what the detectors say of music that others annotated, beside the best peer and the goal.

The ground truth lies beside the project, in ``../shared/eval``, and has its own scorers; without it there is nothing to
measure. Its clips are rendered once by its ``render_audio.py``; ``KELLY_EVAL_AUDIO`` names their folder if they lie
elsewhere. ``python -m tests.accuracy key chords_audio`` measures those tasks only.

Where weights were fitted on these sets, the main figure is of weights fitted on one half of the songs and judged on the
other; that of the program's own, which saw them all, stands beside it, in brackets.

Below it stands how sure the detectors were, and how often they were right then: what says 0.9 should be right nine
times of ten.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from kelly_tui.features.audio import AudioFeatures, extract_audio_features
from kelly_tui.features.midi import Analysis, analyse
from kelly_tui.model.labels import KEYS, parse_key
from kelly_tui.music.key import detect_key
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.theory import SCALES
from kelly_tui.paths import PROJECT
from tests.accuracy import audio_keys, chord_fields, emotion, folds, keys, pulse, suspicion, tempi, trained, tunes
from tests.accuracy.chord_sure import annotated_chord, share_right
from tests.accuracy.chord_time import major_or_minor
from tests.accuracy.generated import sample_at
from tests.accuracy.judged import EVAL, KEY_SETS, annotated, folder_of
from tests.accuracy.over_time import SOURCES, over_time
from tests.made_chords import TEXTURES, table
from tests.modal_tunes import modal_piece, modal_tune

PIANO = PROJECT.parent / "shared" / "music" / "piano"


class Task(NamedTuple):
    """A set of annotated files, how it is scored, and where others stand."""

    name: str
    scorer: str
    predict: Callable[[Path], Any]
    figures: tuple[tuple[str, str, str], ...]
    """(beginning of the scorer's line, the best peer, the goal)."""


@cache
def heard(path: Path) -> Analysis:
    return analyse(read_midi(path))


@cache
def listened(path: Path) -> AudioFeatures:
    return extract_audio_features(path, folds.LISTENED)


def key(path: Path) -> Any:
    found = heard(path).key.value
    return found and {"tonic": found[0], "mode": found[1]}


def key_audio(path: Path) -> Any:
    features = listened(path)
    return features.key_signature and {"tonic": features.key_signature, "mode": features.mode}


def tempo(path: Path) -> Any:
    return heard(path).tempo.value


def tempo_audio(path: Path) -> Any:
    return listened(path).tempo_bpm


def chords(path: Path) -> Any:
    return spans(heard(path).chords.value or [], heard(path).score.duration)


def chords_audio(path: Path) -> Any:
    features = listened(path)
    return spans(list(zip(features.chord_times, features.chord_sequence)), features.duration_sec)


def spans(chords: list[tuple[float, str]], end: float) -> list[tuple[float, float, str]]:
    ends = [time for time, _ in chords[1:]] + [end]
    return [(time, until, name) for (time, name), until in zip(chords, ends)]


def groove(path: Path) -> Any:
    return heard(path).groove.groove_type.value


def swing(path: Path) -> Any:
    groove = heard(path).groove
    return {"swing_ratio": groove.swing_ratio.value, "timing_offset_ms": groove.push_ms}


def contour(path: Path) -> Any:
    return heard(path).contour.value


KEY, MIREX = "exact (macro", "MIREX weighted"
MAJMIN = "majmin WCSR"
NOTE_KEYS = KEY_SETS[:3]
TASKS = (
    Task("key_midi", "key", key, ((KEY, "97.5", ""), (MIREX, "98.2", ""))),
    Task("key_midi2", "key", key, ((KEY, "90.0", ""), (MIREX, "92.3", ""))),
    Task("key_essen", "key", key, ((KEY, "83.8", ""), (MIREX, "86.9", ""))),
    Task("mode_midi", "mode", key, (("tonic+mode accuracy", "74.2", "82"),)),
    Task("tempo_midi", "tempo", tempo, (("Accuracy1", "63.8", "80"), ("Accuracy2", "96.2", "98"))),
    Task("tempo_audio", "tempo", tempo_audio, (("Accuracy1", "66", "75"), ("Accuracy2", "100", "97"))),
    Task("chords_midi", "chords", chords, ((MAJMIN, "92.1", "94"),)),
    Task("chords_midi2", "chords", chords, ((MAJMIN, "90.3", "93"),)),
    Task("chords_audio", "chords", chords_audio, ((MAJMIN, "86.8", "82"),)),
    Task("key_audio", "key", key_audio, ((KEY, "84", "90"), (MIREX, "87.4", "93"))),
    Task("groove_gmd", "groove", groove, (("3-class balanced", "55.5", "70"), ("swung/straight", "78.7", "87"))),
    Task("swing_wjd", "swing", swing, (("MAE", "0.019", "0.012"), ("Spearman", "88.5", "92"))),
    Task("swing_wjd", "laidback", swing, (("Spearman", "57", "75"), ("late>=15ms", "78", "85"))),
    Task("contour", "contour", contour, (("balanced accuracy", "60.7", "98"),)),
)


Sure = tuple[float, float]
"""A confidence, and whether what was said with it is right, or how much of it."""


def sure_of_key(path: Path, label: dict[str, Any]) -> Sure | None:
    found = heard(path).key
    return None if found.value is None else (found.confidence, is_key(*found.value, label))


def sure_of_key_audio(path: Path, label: dict[str, Any]) -> Sure | None:
    features = listened(path)
    if features.key_signature is None or features.mode is None:
        return None
    return features.key_confidence, is_key(features.key_signature, features.mode, label)


def sure_of_mode(path: Path, label: dict[str, Any]) -> Sure | None:
    found = heard(path).detections["mode"][1]
    return None if found.value is None else (found.confidence, found.value == label["mode"])


def sure_of_mode_audio(path: Path, label: dict[str, Any]) -> Sure | None:
    features = listened(path)
    return None if features.mode is None else (features.key_confidence, features.mode == label["mode"])


def is_key(tonic: str, mode: str, label: dict[str, Any]) -> bool:
    return (tonic, mode) == (parse_key(label["tonic"])[0], label["mode"])


def sure_of_tempo(path: Path, label: dict[str, Any]) -> Sure | None:
    found = heard(path).tempo
    return None if found.value is None else (found.confidence, is_tempo(found.value, label))


def sure_of_tempo_audio(path: Path, label: dict[str, Any]) -> Sure | None:
    features = listened(path)
    return None if features.tempo_bpm is None else (features.tempo_confidence, is_tempo(features.tempo_bpm, label))


def is_tempo(bpm: float, label: dict[str, Any]) -> bool:
    return abs(bpm / float(label["bpm"]) - 1) <= 0.04


def sure_of_groove(path: Path, label: dict[str, Any]) -> Sure | None:
    found = heard(path).groove.groove_type
    return None if found.value is None else (found.confidence, found.value == label["groove"])


def sure_of_swing(path: Path, label: dict[str, Any]) -> Sure | None:
    found = heard(path).groove.swing_ratio
    return None if found.value is None else (found.confidence, abs(found.value - label["swing_ratio"]) <= 0.03)


def sure_of_lateness(path: Path, label: dict[str, Any]) -> Sure | None:
    groove = heard(path).groove
    if groove.timing_offsets.value is None:
        return None
    return groove.timing_offsets.confidence, abs(groove.push_ms - label["onbeat_offset_ms"]) <= 8


def sure_of_chords(path: Path, label: dict[str, Any]) -> Sure | None:
    return heard(path).chords.confidence, major_or_minor(chords(path), label["chords"])


def sure_of_chords_audio(path: Path, label: dict[str, Any]) -> Sure | None:
    found = listened(path)
    told = list(zip(found.chord_times, found.chord_sequence))
    return found.chord_confidence, share_right(told, [annotated_chord(*one) for one in label["chords"]])


def sure_of_contour(path: Path, label: dict[str, Any]) -> Sure | None:
    found = heard(path).contour
    return None if found.value is None else (found.confidence, found.value == label["contour"])


def sure_of_written(field: str, index: int) -> Sure | None:
    piece = sample_at("dynamics", index, UNSEEN)
    _, found = analyse(read_midi(piece.midi)).detections[field]
    return None if found.value is None else (found.confidence, found.value == piece.labels[field].value)


SURE: dict[str, tuple[tuple[str, ...], Callable[[Path, dict[str, Any]], Sure | None]]] = {
    "key of MIDI": ((*NOTE_KEYS, "mode_midi"), sure_of_key),
    "key of audio": (("key_audio",), sure_of_key_audio),
    "mode of MIDI": ((*NOTE_KEYS, "mode_midi"), sure_of_mode),
    "mode of audio": (("key_audio",), sure_of_mode_audio),
    "tempo of MIDI": (("tempo_midi",), sure_of_tempo),
    "tempo of audio": (("tempo_audio",), sure_of_tempo_audio),
    "chords of MIDI": (("chords_midi", "chords_midi2"), sure_of_chords),
    "chords of audio": (("chords_audio",), sure_of_chords_audio),
    "groove": (("groove_gmd",), sure_of_groove),
    "swing, ± 0.03": (("swing_wjd",), sure_of_swing),
    "lateness, ± 8 ms": (("swing_wjd",), sure_of_lateness),
    "contour": (("contour",), sure_of_contour),
}
EDGES = (0.0, 0.5, 0.7, 0.85, 0.95, 1.01)


def judged(name: str) -> list[Sure]:
    """All that a detector says of music that others annotated."""
    if name == BEATS:
        return list(pulse.sure_of_beats(EVAL))
    if name in WRITTEN:
        return [sure for index in range(PIECES) if (sure := sure_of_written(WRITTEN[name], index)) is not None]
    if name in EMOTIONS:
        return list(emotion.reliable(PIANO)[name])
    if name in METERS:
        return [(confidence, right) for _, confidence, right in METERS[name]()]
    tasks, judge = SURE[name]
    files = [(folder_of(task) / file, label) for task in tasks for file, label in annotated(task).items()]
    return [sure for path, label in files if path.exists() and (sure := judge(path, label)) is not None]


BEATS = "beats of MIDI"
WRITTEN = {"articulation": "articulation", "dynamics": "dynamic_range"}
"""What nobody annotated, by its label: judged on generated pieces, which were written to have it."""
PIECES, UNSEEN = 200, 777
"""So many, of a seed that no confidence was chosen on."""
EMOTIONS = [f"{what}, {how}" for how in ("by rules", "learnt") for what in emotion.SAID]
"""Of MIDI; signs, as annotators gave a quadrant."""
METERS = {"meter of MIDI": pulse.heard_meters, "meter of audio": pulse.heard_meters_audio}


def reliability(name: str) -> str:
    """``0.78 → 0.81 (58)`` for each range of confidence: its mean, the share that is right, and of how many; before
    it the expected calibration error, how far they are apart in ranges of a tenth (Naeini et al., 2015)."""
    found = judged(name)
    cells = []
    for low, high in pairwise(EDGES):
        inside = [(confidence, right) for confidence, right in found if low <= confidence < high]
        said, held = (sum(column) / max(1, len(inside)) for column in (zip(*inside) if inside else ((), ())))
        cells.append(f"{said:.2f} → {held:.2f} ({len(inside)})" if inside else "")
    return f"{name:25}{calibration_error(found):7.3f}" + "".join(f"{cell:>20}" for cell in cells)


def calibration_error(found: list[Sure]) -> float:
    tenths: dict[int, list[Sure]] = {}
    for one in found:
        tenths.setdefault(min(9, int(10 * one[0])), []).append(one)
    apart = [abs(sum(confidence - right for confidence, right in those)) for those in tenths.values()]
    return sum(apart) / max(1, len(found))


def modes_made(mode: str) -> tuple[str, float, float]:
    """The shares of 60 tunes and of 60 harmonised pieces in a mode that are heard so; aeolian ones as minor."""
    said = "minor" if mode == "aeolian" else mode

    def right(made: Callable[[int, str, int], Score]) -> float:
        keys = [(tonic, detect_key(made(tonic, mode, seed)).value) for tonic in range(12) for seed in range(5)]
        return sum(key == (KEYS[(tonic + 2) % 12], said) for tonic, key in keys) / len(keys)

    return mode, right(modal_tune), right(modal_piece)


_KEYS = (keys.learn, KEY_SETS)
_CHORDS = (chord_fields.of_notes, ("chords_midi", "chords_midi2"))
FITTED: dict[str, tuple[Callable[[folds.Annotated], folds.Learnt], tuple[str, ...]]] = {
    **dict.fromkeys(_KEYS[1], _KEYS),
    **dict.fromkeys(_CHORDS[1], _CHORDS),
    "tempo_midi": (tempi.learn, ("tempo_midi", "groove_gmd", "swing_wjd", "key_midi", folds.APART)),
    "tempo_audio": (folds.tempi_of_audio, ("tempo_audio", "tempo_midi", "groove_gmd", "key_midi", folds.APART)),
    "chords_audio": (chord_fields.of_sound, ("chords_audio",)),
    "key_audio": (audio_keys.learn, ("key_audio", "key_midi", "key_midi2")),
}
"""By task how its weights are fitted, and on which sets."""


@cache
def learnt(fitted: Callable[[folds.Annotated], folds.Learnt], names: tuple[str, ...], half: int) -> folds.Learnt:
    """The weights that this half of the songs teaches, and, if they are named, the songs that no set has."""
    sets = [name for name in names if name != folds.APART]
    pieces = [(folder_of(name) / file, label) for name in sets for file, label in annotated(name).items()]
    songs = folds.songs_apart({path.stem for path, _ in pieces}) if folds.APART in names else []
    return fitted([piece for piece in pieces if folds.half_of(piece[0]) == half] + songs)


def figures(task: Task) -> tuple[str, str]:
    """What the scorer prints of our predictions; and of those out of fold, if the task's weights were fitted on it."""
    files, root = list(annotated(task.name)), folder_of(task.name)
    if not all((root / file).exists() for file in files):
        return "", ""
    said = scored(task, {file: task.predict(root / file) for file in files})
    if task.name not in FITTED:
        return said, ""
    unseen = {}
    for half in (0, 1):
        with folds.using(learnt(*FITTED[task.name], 1 - half)):
            forget()
            unseen |= {file: task.predict(root / file) for file in files if folds.half_of(file) == half}
    forget()
    return said, scored(task, unseen)


def forget() -> None:
    heard.cache_clear()
    listened.cache_clear()


def scored(task: Task, predictions: dict[str, Any]) -> str:
    """What the scorer prints."""
    manifest, root = EVAL / "manifests" / f"{task.name}.dev.json", folder_of(task.name)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as saved:
        json.dump(predictions, saved)
        saved.flush()
        command = [sys.executable, EVAL / "score" / f"{task.scorer}.py", manifest, "--pred", saved.name]
        return subprocess.run([*command, "--root", root], capture_output=True, text=True, check=True).stdout


def figure_in(said: str, name: str) -> tuple[str, str]:
    """What a scorer calls its figure whose line begins so, and the figure."""
    line = next(line for line in said.splitlines() if line.startswith(name))
    number = re.search(r"[:A-Za-z] (-?\d+\.?\d*)", line.removeprefix("late>=15ms"))
    assert number is not None, line
    return line.split(":")[0] if ":" in line else name, number[1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="task", help="beginnings of names; all of them otherwise")
    wanted = tuple(parser.parse_args().which)
    if not EVAL.exists():
        print(f"there is no ground truth at {EVAL}", file=sys.stderr)
        return 2
    tasks = [task for task in TASKS if not wanted or task.name.startswith(wanted)]
    print(f"{'task':14} {'figure':46} {'Kelly':>7} {'(fitted)':>8} {'best peer':>10} {'goal':>12}")
    together: dict[str, list[tuple[float, float]]] = {KEY: [], MIREX: []}
    with ProcessPoolExecutor(2) as workers:
        for task, (said, unseen) in zip(tasks, workers.map(figures, tasks)):
            if not said:
                print(f"{task.name:14} no clips: render them with {EVAL / 'render_audio.py'}")
            for name, peer, goal in task.figures if said else ():
                what, fitted = figure_in(said, name)
                number, beside = (figure_in(unseen, name)[1], f"({fitted})") if unseen else (fitted, "")
                what = f"{task.scorer}: {what}"
                print(f"{task.name:14} {what:46.46} {number:>7} {beside:>8} {peer:>10} {goal:>12}", flush=True)
                if task.name in NOTE_KEYS:
                    together[name].append((float(number), float(fitted)))
            if task.name == NOTE_KEYS[-1] and len(together[KEY]) == len(NOTE_KEYS):
                for name, peer, goal in ((KEY, "90.4", "93"), (MIREX, "92.5", "95")):
                    number, fitted = (f"{sum(column) / len(column):.1f}" for column in zip(*together[name]))
                    what = f"the three together: {name.strip('(')}"
                    print(f"{'keys of notes':14} {what:46.46} {number:>7} {f'({fitted})':>8} {peer:>10} {goal:>12}")
        if not wanted or "contour_song".startswith(wanted):
            print(tunes.contours(EVAL), flush=True)
        if not wanted or "beats_midi".startswith(wanted):
            print(pulse.beats(EVAL), flush=True)
        if not wanted or "tempo_nominal".startswith(wanted):
            print(pulse.nominal_tempi(EVAL), flush=True)
        if not wanted or "meter_midi".startswith(wanted):
            print(pulse.meters("meter_midi", pulse.heard_meters(), "38"), flush=True)
        if not wanted or "meter_audio".startswith(wanted):
            print(pulse.meters("meter_audio", pulse.heard_meters_audio()), flush=True)
        if PIANO.exists() and (not wanted or "emotion".startswith(wanted)):
            print(emotion.table(PIANO), flush=True)
        if PIANO.exists() and (not wanted or "trained".startswith(wanted)):
            print(trained.table(PIANO), flush=True)
        if not wanted or "suspicion".startswith(wanted):
            print(suspicion.table(PIANO, EVAL), flush=True)
        if not wanted or "key_over_time".startswith(wanted):
            for rows in workers.map(over_time, SOURCES):
                for name, our, their in rows:
                    print(f"{'key_over_time':14} {name:46.46} {our:7.1f} {'':8} {their:10.1f}", flush=True)
        if not wanted or "mode_made".startswith(wanted):
            for mode, *shares in workers.map(modes_made, SCALES):
                for what, right in zip(("tunes", "harmonised"), shares):
                    print(f"{'mode_made':14} {f'made by rule, {what}: {mode}':46.46} {right * 100:7.1f}", flush=True)
        if not wanted or "chords_made".startswith(wanted):
            for quality, shares in table():
                each = ", ".join(f"{texture} {share:.0%}" for texture, share in zip(TEXTURES, shares))
                figure = f"{quality or 'major'}: {each}"
                print(f"{'chords_made':14} {figure:46.64} {100 * sum(shares) / len(shares):7.1f}", flush=True)
        if not wanted or "reliability".startswith(wanted):
            print("\nhow sure → how often right (of how many); first the expected calibration error")
            for line in workers.map(
                reliability, (*SURE, BEATS, *METERS, *WRITTEN, *(EMOTIONS if PIANO.exists() else ()))
            ):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

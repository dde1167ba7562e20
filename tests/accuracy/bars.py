"""What speaks for a meter of audio is weighed; ``python -m tests.accuracy.bars`` prints the weights for the program.

Learnt from songs made by rule, with drums and without (`tests.accuracy.bands`), lines in quarters with accents
(`tests.accuracy.held`), fiddle tunes and folk songs that `meter_audio` has not, and drum takes where they lie beside
the project. Each at the tempo that the program hears, which may be half of the music's, or a bar: then what is said of
its meter must be unsure too. Out of fold, songs and the instruments of their chords are in one of two halves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import symusic
from numpy.typing import NDArray
from scipy.optimize import minimize

from kelly_tui.features import audio, audio_meter
from kelly_tui.features.audio_meter import METERS
from kelly_tui.features.audio_rhythm import find_tempo, onset_strength
from kelly_tui.features.returns import LAGS, OF
from kelly_tui.features.spectrum import Spectrum
from kelly_tui.music.notes import read_midi
from tests.accuracy import bands, held
from tests.accuracy.folds import played
from tests.accuracy.folk import folk

Floats = NDArray[np.float64]

_PENALTY = 30.0
_WORTH = {"tune": 2.0}
_FOLDS = 2
_EDGES = (0.0, 0.5, 0.7, 0.85, 0.91, 1.01)


class Example(NamedTuple):
    kind: str
    fold: int
    evidence: Floats
    meter: str


def examples(songs: range, lines: range) -> Iterator[Example]:
    """Of those made by rule whose meter the program would tell."""
    for seed in songs:
        song = bands.song(seed)
        of_chords = symusic.Score.from_midi(song.midi).tracks[0].program
        yield from of_sound("song", of_chords % _FOLDS, held.spectrum(song.midi, seed), song.meter)
    for seed in lines:
        made = held.bars(seed)
        yield from of_sound("line", _fold(f"line {seed}"), held.spectrum(made.midi, seed), f"{made.bar}/4")


def of_others() -> Iterator[Example]:
    """Tunes and drum takes."""
    for tune in folk():
        yield from of_sound("tune", _fold(tune.group), held.spectrum(tune.midi, tune.seed), tune.meter)
    for path in held.takes():
        heard = Spectrum(played(path), audio.RATE, audio._HEARD_HOP)
        yield from of_sound("drums", _fold(path.stem), heard, read_midi(path).time_signature)


def _fold(group: str) -> int:
    return zlib.crc32(group.encode()) % _FOLDS


def of_sound(kind: str, fold: int, heard: Spectrum, meter: str) -> Iterator[Example]:
    """What `audio_meter.find_bars` weighs of a clip, if anything."""
    mel, rate = heard.mel_db(audio._HEARD_MELS), audio.RATE / audio._HEARD_HOP
    tempo = find_tempo(mel, heard.chroma, audio.RATE, audio._HEARD_HOP)
    if tempo.value is None or tempo.confidence < audio_meter._CLEAR or meter not in METERS:
        return
    strength, beats = onset_strength(mel, audio._HEARD_HOP), audio._beats(mel, tempo.value)
    beats = beats[beats < len(strength)]
    if len(beats) <= audio_meter._FEWEST:
        return
    at_beats = audio_meter.hear_beats(beats, strength, mel, heard.chroma)
    evidence = audio_meter.evidence(beats, at_beats, strength, mel, heard.chroma, tempo.value, rate)
    if evidence is not None:
        yield Example(kind, fold, evidence, meter)


def weigh(seen: Sequence[Example]) -> Floats:
    """(kinds, meters): a multinomial logit with a quadratic penalty; kinds of evidence in units of their spread."""
    heard = np.array([one.evidence for one in seen])
    spread = np.where(heard.std(axis=0) > 1e-9, heard.std(axis=0), 1.0)
    right = np.array([[one.meter == meter for meter in METERS] for one in seen], np.float64)
    counts = np.array([[_WORTH.get(one.kind, 1.0)] for one in seen])
    rows = heard / spread

    def cost(weights: Floats) -> tuple[float, Floats]:
        odds = rows @ weights.reshape(rows.shape[1], len(METERS))
        likely = np.exp(odds - odds.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        loss = -float((counts[:, 0] * np.log((likely * right).sum(axis=1) + 1e-300)).sum())
        slope = (rows.T @ (counts * (likely - right))).ravel() + _PENALTY * weights
        return loss + _PENALTY / 2 * float(weights @ weights), slope

    start = np.zeros(rows.shape[1] * len(METERS))
    weights = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    fitted: Floats = weights.reshape(-1, len(METERS)) / spread[:, None]
    return fitted


def out_of_fold(seen: Sequence[Example]) -> list[Floats]:
    """For each the log odds of `METERS` by the weights that the other fold teaches."""
    weights = [weigh([one for one in seen if one.fold != left]) for left in range(_FOLDS)]
    return [one.evidence @ weights[one.fold] for one in seen]


def reliability(seen: Sequence[Example], odds: Sequence[Floats], kind: str, told: str = "") -> str:
    """``0.78 → 0.81 (58)``: how sure, how often right, of how many; of those that are `told` a meter, or of all."""
    found = []
    for one, those in zip(seen, odds):
        said = METERS[int(those.argmax())]
        if one.kind == kind and told in ("", said):
            sure = min(audio_meter._SUREST, 1 / float(np.exp(those - those.max()).sum()))
            found.append((sure, said == one.meter))
    cells = []
    for low, high in pairwise(_EDGES):
        inside = [(sure, right) for sure, right in found if low <= sure < high]
        if inside:
            sure, right = np.mean(inside, axis=0)
            cells.append(f"{sure:.2f} → {right:.2f} ({len(inside)})")
    share = 100 * np.mean([right for _, right in found]) if found else 0.0
    return f"{kind:6}{told or 'all':4}{share:5.0f}  " + "  ".join(cells)


_ROWS = (
    *("always", "octaves from 110 BPM", "their square", "no chords", "a beat has no parts"),
    *(f"{what} after three beats rather than two or four" for what in ("harmony", "timbre", "accents", "bass")),
    "new harmony after three beats rather than two or four",
    *(f"one {what} of three stands out rather than one of four" for what in ("accent", "bass", "new harmony")),
    *("beats in thirds rather than halves", "beats in thirds rather than quarters"),
    *("a bar of three explains accents, bass or harmony", "a bar of four"),
    *(f"{what} after {lag:.2f} beats" for what in OF for lag in LAGS),
)


def in_source(weights: Floats) -> str:
    """As they stand in `kelly_tui.features.meter_weights`."""
    rows = (", ".join(f"{weight:.2f}" for weight in row) for row in weights)
    return "\n".join(f"        ({row}),  # {name}" for row, name in zip(rows, _ROWS, strict=True))


def main() -> None:
    seen = [*examples(held.SONGS, held.BARS), *of_others()]
    print(in_source(weigh(seen)), flush=True)
    odds = out_of_fold(seen)
    for kind in dict.fromkeys(one.kind for one in seen):
        for told in ("", *METERS):
            print(reliability(seen, odds, kind, told), flush=True)


if __name__ == "__main__":
    main()

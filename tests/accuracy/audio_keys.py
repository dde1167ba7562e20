"""What speaks for a key of sound is weighed; ``python -m tests.accuracy.audio_keys`` prints the weights.

Major and minor by clips and played pieces that are annotated. There is nearly no annotated sound in other modes:
whether it is one of them is learnt from loops of chords in every mode, made by rule, beside all that is annotated.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kelly_tui.features import audio_key
from kelly_tui.model.labels import KEYS, parse_key
from tests.accuracy.folds import Annotated, Choice, Floats, Learnt, fit, spectrum_of
from tests.accuracy.judged import annotated, folder_of
from tests.accuracy.modal_sound import loops

_MODES = audio_key._MODES
_PENALTY = 1.0
_LOOPS = range(40)
_LOOP = 0.14
"""What one of those counts beside an annotated piece: by more, annotated pieces are lost to other modes."""
_SETS = ("key_audio", "key_midi", "key_midi2")


class Sound(NamedTuple):
    """What is heard, and the tonic and mode it is in."""

    heard: audio_key.Heard
    begins: bool
    ends: bool
    tonic: int
    mode: str


@cache
def sound(notes: Path | bytes, tonic: int, mode: str) -> Sound:
    spectrum = spectrum_of(notes)
    heard = audio_key.hear(audio_key.pitch_strengths(spectrum)[0], spectrum.rate / spectrum.hop)
    return Sound(heard, *audio_key._begins_and_ends(spectrum.samples, spectrum.rate), tonic, mode)


def learn(pieces: Annotated) -> Learnt:
    """The weights of what is heard for each key, of clips and of what the program plays."""
    plain = [sound(path, KEYS.index(parse_key(label["tonic"])[0]), label["mode"]) for path, label in pieces]
    weights = fit([_plain(one) for one in plain], _PENALTY)
    counted = [*((one, 1.0) for one in plain), *((sound(*loop), _LOOP) for loop in loops(_LOOPS))]
    choices = [_of_all(one, weights, counts) for one, counts in counted]
    evidence, priors = np.split(fit(choices, _PENALTY, {0: 1.0})[1:], [len(audio_key._MODE_WEIGHTS)])
    return [(audio_key, {"_WEIGHTS": weights, "_MODE_WEIGHTS": evidence, "_MODE_PRIORS": np.tile(priors, 12)})]


def _plain(one: Sound) -> Choice:
    """Of major and minor."""
    right = np.zeros(24, np.bool_)
    right[2 * one.tonic + (one.mode == "minor")] = True
    return Choice(audio_key.key_evidence(one.heard, one.begins, one.ends), right)


def _of_all(one: Sound, weights: Floats, counts: float) -> Choice:
    """Of all modes: what major and minor are weighed, as it is, and beside it what other modes have."""
    odds = audio_key.key_evidence(one.heard, one.begins, one.ends) @ weights
    more = audio_key.mode_evidence(one.heard, one.ends, int(odds.argmax()))
    modes = np.tile(np.eye(len(_MODES) - 2), (12, 1))
    evidence = np.zeros((12 * len(_MODES), 1 + more.shape[1] + modes.shape[1]))
    evidence[audio_key._PLAIN, 0] = odds - odds.max()
    evidence[audio_key._OTHERS, 1:] = np.hstack((more, modes))
    right = np.zeros(len(evidence), np.bool_)
    right[len(_MODES) * one.tonic + _MODES.index(one.mode)] = True
    return Choice(evidence, right, counts)


def main() -> None:
    """To three figures, each by the name that it has in the program."""
    pieces = [(folder_of(name) / file, label) for name in _SETS for file, label in annotated(name).items()]
    for _, values in learn(pieces):
        for name, weights in values.items():
            shown = weights[: len(_MODES) - 2] if name == "_MODE_PRIORS" else weights
            print(name, "=", ", ".join(f"{weight:.3g}" for weight in shown.tolist()))


if __name__ == "__main__":
    main()

"""A blues is in the key of its first degree, though each of its sevenths leads elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from kelly_tui.features.midi import analyse
from kelly_tui.model.labels import KEYS
from kelly_tui.music.blues import blues_key
from kelly_tui.music.theory import transpose_chord
from tests.unit.music.test_music_chord_bars import played
from tests.unit.music.test_music_detectors import score_of

TWELVE_BARS = "C7 C7 C7 C7 F7 F7 C7 C7 G7 F7 C7 C7"
QUICK = "C7 F7 C7 C7 F7 F7 C7 C7 G7 F7 C7 G7 C7"


@pytest.mark.parametrize("texture", ["held", "struck", "comped"])
@pytest.mark.parametrize("form", [TWELVE_BARS, QUICK])
def test_a_blues_is_in_the_key_of_its_first_degree(form: str, texture: str) -> None:
    for up in (0, 4, 7):
        names = [transpose_chord(name, up) for name in form.split()]
        heard = analyse(score_of([note for at, name in enumerate(names) for note in played(name, 4 * at, 4, texture)]))
        assert heard.key.value == (KEYS[up], "mixolydian")
        assert [(one.tonic, one.mode) for one in heard.keys] == [heard.key.value]
        assert set(heard.romans) == {"I7", "IV7", "V7"}


@pytest.mark.parametrize(
    "progression",
    [
        pytest.param("C C F C G7 C", id="one seventh"),
        pytest.param("A7 D7 G7 C7 A7 D7 G7 C7", id="a round of dominants"),
        pytest.param("C G7 C C7 F G7 C", id="no seventh on the fourth degree"),
        pytest.param("C7 Dm G7 Em F7 Am Dm G7 C7", id="other chords among them"),
        pytest.param("N N N", id="no chord"),
    ],
)
def test_other_music_with_sevenths_is_no_blues(progression: str) -> None:
    names = progression.split()
    chords = list(zip(np.arange(len(names)).tolist(), names))
    assert blues_key(chords, len(names)).value is None
    assert blues_key([], 0.0).value is None

"""Which part is the melody: what its name says of it, and what its notes do."""

from __future__ import annotations

import io

import numpy as np
import pretty_midi
import pytest

from kelly_tui.music.contour import Tune, find_tune, melody
from kelly_tui.music.notes import read_midi
from kelly_tui.music.part_names import speaks_for_melody

SAYS = {
    2: ["MELODY", "Melodie", "Vocals 1", "LeadVox", "lead vocal", "vox", "Theme"],
    1: ["Lead", "Lead 1", "Lead Guitar", "Voice", "Voice 2", "Solo"],
    -1: ["Backing Vocals", "backingVocals", "BGVs", "Vocal Harmony", "Lead Guitar Chords", "Voice pad", "Bass"],
}
ALL_NAMES = [(name, says) for says, names in SAYS.items() for name in names]


@pytest.mark.parametrize(("name", "says"), ALL_NAMES)
def test_words_of_a_name_speak_for_the_melody_or_against_it(name: str, says: int) -> None:
    assert speaks_for_melody(name) == says


@pytest.mark.parametrize(
    "name", [*pretty_midi.constants.INSTRUMENT_MAP, "Voice Oohs 2", "Single Coil Gtr", "Leader", ""]
)
def test_the_name_of_a_sound_is_no_part_of_a_song(name: str) -> None:
    assert speaks_for_melody(name) == (-1 if "Bass" in name and "lead" not in name and "Bassoon" not in name else 0)


CHORDS = [[60, 64, 67], [57, 60, 64], [65, 69, 72], [67, 71, 74]]
TUNE = [76, 77, 79, 81, 79, 77, 76, 74, 72, 74, 76, 77, 79, 77, 76, 72]


def song(chords: str, tune: str, tune_is: tuple[int, ...] = (0,)) -> Tune:
    """The tune that is told of one in quarters (`tune_is`: intervals at which it is doubled) above chords in wholes."""
    written = pretty_midi.PrettyMIDI(initial_tempo=60)
    written.instruments = [pretty_midi.Instrument(0, name=name) for name in (chords, tune)]
    for turn in range(16):
        for pitch in CHORDS[turn % 4]:
            written.instruments[0].notes.append(pretty_midi.Note(60, pitch, 4 * turn, 4 * turn + 3.9))
        for beat in range(4):
            at = 4 * turn + beat
            for interval in tune_is:
                pitch = TUNE[at % 16] + interval
                written.instruments[1].notes.append(pretty_midi.Note(90, pitch, at, at + 0.9))
    file = io.BytesIO()
    written.write(file)
    score = read_midi(file.getvalue())
    return find_tune(score, melody(score))


def is_the_tune(told: Tune) -> bool:
    return bool(np.array_equal(told.line["pitch"], np.resize(TUNE, 64)))


@pytest.mark.parametrize(
    "chords", ["Voice Oohs", "Synth Voice", "Backing Vocals", "Lead Guitar Chords", "Single Coil Gtr"]
)
@pytest.mark.parametrize("tune", ["Flute", ""])
def test_chords_are_not_the_melody_for_a_word_in_the_name_of_their_sound(chords: str, tune: str) -> None:
    told = song(chords, tune)
    assert is_the_tune(told)
    assert told.surety == pytest.approx(0.95)


@pytest.mark.parametrize("chords", ["Vocals", "Lead Guitar", "Voice"])
def test_a_name_does_not_make_chords_a_tune_but_leaves_doubt(chords: str) -> None:
    told = song(chords, "Flute")
    assert is_the_tune(told)
    assert told.surety <= 0.7
    assert told.what == f"'{chords}' is chords or short, above it the single line 'Flute'"


def test_a_tune_in_octaves_is_what_its_name_says_and_in_thirds_perhaps() -> None:
    assert song("Piano", "Vocals", (0, -12)).surety == 1
    thirds = song("Piano", "Vocals", (0, -4))
    assert is_the_tune(thirds)
    assert 0.5 < thirds.surety < 0.95


def test_a_single_line_that_its_name_says_is_a_harmony_is_passed_over() -> None:
    assert song("Piano", "Vocal Harmony").what.startswith("the highest notes")

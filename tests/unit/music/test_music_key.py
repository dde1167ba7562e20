"""Ten modes: tunes and pieces made in each by rule, the forms of minor, and real music that mixes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kelly_tui.model.labels import KEYS, MODES
from kelly_tui.music.key import (
    FORMS,
    are_modal_voices,
    as_keys,
    detect_key,
    form_of_minor,
    how_sure,
    is_loop,
    weigh_keys,
)
from kelly_tui.music.key_weights import SURE
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.theory import SCALES
from tests.keys_over_time import score_of_notes
from tests.modal_tunes import modal_piece, modal_tune
from tests.unit.music.test_music_detectors import CHORALES, line, score_of

REACHED = {  # shares of tunes and of harmonised pieces, a little under what is reached
    "dorian": (0.92, 0.95),
    "phrygian": (0.9, 0.75),
    "lydian": (0.88, 0.95),
    "mixolydian": (0.94, 0.92),
    "locrian": (0.86, 0.95),
    "harmonic_minor": (0.9, 0.7),  # the others are heard as minor
    "melodic_minor": (0.9, 0.67),
}


@pytest.mark.parametrize("mode", MODES)
def test_music_made_in_a_mode_has_it(mode: str) -> None:
    said = "minor" if mode == "aeolian" else mode
    for made, bound in zip((modal_tune, modal_piece), REACHED.get(mode, (0.92, 0.97))):
        found = [(tonic, detect_key(made(tonic, mode, seed)).value) for tonic in range(12) for seed in range(11, 21)]
        right = [key == (KEYS[(tonic + 2) % 12], said) for tonic, key in found]
        assert np.mean(right) >= bound, (mode, made.__name__, np.mean(right), found)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in ("aeolian", "locrian")])
def test_a_tune_up_and_down_a_scale_has_its_mode(mode: str) -> None:
    steps = SCALES[mode]
    degrees = [0, 2, 4, 2, 3, 5, 4, 6, 7, 6, 7, 4, 2, 1, 0, 6, 5, 3, 1, 2, 4, 5, 6, 7, 5, 4, 0, 1, 0, 4, 0]
    pitches = [62 + 12 * (degree // 7) + steps[degree % 7] for degree in degrees]
    lengths = [(index, 2.0 if pitch % 12 == 2 else 0.9, pitch, 80) for index, pitch in enumerate(pitches)]
    assert detect_key(score_of(lengths)).value == ("D", mode)


@pytest.mark.parametrize("of_half", [0, 5])
def test_a_tune_that_closes_on_its_third_is_in_the_key_that_its_first_half_closes_in(of_half: int) -> None:
    """Its last note alone says phrygian, of the same scale. Its highest note is the tonic."""
    halves = (
        [69, 72, 70, 69, 67, 69, 70, 72, 69, 72, 70, 69, 65],
        [69, 72, 74, 77, 72, 70, 69, 67, 69, 72, 70, 67, 69],
    )
    notes = [
        (16 * half + at, 3.8 if at == 12 else 0.95, pitch + of_half, 80)
        for half, pitches in enumerate(halves)
        for at, pitch in enumerate(pitches)
    ]
    assert detect_key(score_of(notes)).value == (KEYS[(5 + of_half) % 12], "major")


@pytest.mark.parametrize("length", [0.0, 1e-6, 1.0])
def test_notes_struck_at_once_have_no_half_to_close(length: float) -> None:
    score = score_of_notes([(0.0, length, pitch) for pitch in (60, 64, 67, 71, 74)])
    assert detect_key(score).value is not None


@pytest.mark.parametrize("start", [0.0, 0.3, 2.0])
def test_a_loop_of_four_chords_is_in_the_key_that_it_begins_in(start: float) -> None:
    """I V vi IV, on its downbeats or between them; it was lydian, of the chord that it stops on."""
    for tonic in range(12):
        notes = []
        for number, steps in enumerate(8 * ((0, 4, 7), (7, 11, 2), (9, 0, 4), (5, 9, 0))):
            at = start + 2 * number
            notes += [(at, 1.9, 36 + (tonic + steps[0]) % 12), *((at, 1.9, 60 + (tonic + step) % 12) for step in steps)]
        assert detect_key(score_of_notes(notes)).value == (KEYS[tonic], "major")


def bars_of(chords: list[tuple[int, ...]]) -> Score:
    """A bar of each: its first pitch class low, all of them above."""
    return score_of_notes(
        [(4.0 * bar, 3.8, pitch) for bar, classes in enumerate(chords)
         for pitch in (36 + classes[0] % 12, *(60 + one % 12 for one in classes))]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("chords", "mode"),
    [
        (((0, 3, 7, 10), (5, 9, 0, 3)), "dorian"),
        (((0, 3, 7), (0, 3, 7), (0, 3, 7), (5, 9, 0)), "dorian"),
        (((0, 4, 7), (10, 2, 5)), "mixolydian"),
        (((0, 4, 7), (5, 9, 0), (5, 8, 0), (0, 4, 7)), "major"),
    ],
)
def test_a_vamp_is_in_the_key_that_its_bars_come_home_to(chords: tuple[tuple[int, ...], ...], mode: str) -> None:
    """The second chord of i7 IV7 was mixolydian's tonic at 1.00: half of all moves of the bass go to it by a fifth."""
    for tonic in range(12):
        around = [tuple(tonic + one for one in chord) for chord in 4 * chords + chords[:1]]
        assert detect_key(bars_of(around)).value == (KEYS[tonic], mode)


@pytest.mark.parametrize(("late", "spread"), [(1.0, 0.0), (0.0, 0.03)])
def test_a_loop_is_one_between_downbeats_and_by_hand(late: float, spread: float) -> None:
    """I vi V IV, all of it a beat late, or each note by itself some 15 ms off; it was lydian, of its last chord."""
    for tonic in range(12):
        chance = np.random.default_rng(tonic)
        chords = ((0, 4, 7), (9, 0, 4), (7, 11, 2), (5, 9, 0))
        notes = [
            (max(0.0, 4.0 * bar + late + spread * chance.standard_normal()), 3.6, pitch)
            for bar, chord in enumerate(6 * chords + chords[-1:])
            for pitch in (36 + (tonic + chord[0]) % 12, *(60 + (tonic + one) % 12 for one in chord))
        ]
        assert detect_key(score_of_notes(sorted(notes))).value == (KEYS[tonic], "major")


def test_a_stroke_a_thirty_second_of_a_bar_late_is_no_downbeat_however_it_rounds() -> None:
    """An eighth of a quarter note: of a song by it, moved by 1e-13, the first downbeat and so the key was another."""
    chances = []
    for off in (-1e-13, 0.0, 1e-13):
        score = bars_of(4 * [(0, 4, 7), (5, 9, 0), (7, 11, 2), (0, 4, 7)])
        score.notes["onset_beat"][score.notes["onset_beat"] == 0] = 0.125 + off
        chances.append(weigh_keys(score)[1])
    np.testing.assert_allclose(chances[::2], [chances[1]] * 2, atol=1e-9)


def test_a_loop_of_two_chords_is_less_sure_than_the_same_chords_in_a_phrase_that_closes() -> None:
    first, fourth, fifth = (0, 4, 7), (5, 9, 0), (7, 11, 2)
    vamp = detect_key(bars_of(8 * [first, fourth]))
    closes = detect_key(bars_of([*(4 * [first, fourth]), first, fifth, first, fourth, fifth, first, fifth, first]))
    assert vamp.value == closes.value == ("C", "major")
    assert vamp.confidence < closes.confidence


@pytest.mark.parametrize(
    ("basses", "goes_around"),
    [
        ([0, 5] * 3, True),
        ([0, 7, 9, 5] * 3 + [0], True),
        ([0, 9, 2, 7, 4, 9, 5, 7] * 2, True),
        ([0, 5, 0], False),  # too short to say
        ([0, 5, 7, 0, 9, 2, 7, 0, 0, 2, 7, 9, 5, 2, 7, 0], False),
        ([], False),
    ],
)
def test_a_loop_is_what_goes_around(basses: list[int], goes_around: bool) -> None:
    assert is_loop(np.array(basses, np.int64)) == goes_around


def test_melodic_minor_is_also_raised_where_it_climbs_and_not_where_it_falls() -> None:
    up, down = [62, 64, 65, 67, 69, 71, 73, 74], [74, 72, 70, 69, 67, 65, 64, 62]
    assert detect_key(score_of(line(2 * (up + down)))).value == ("D", "melodic_minor")
    assert detect_key(score_of(line(up + down + down[::-1] + down))).value == ("D", "minor")  # once natural, climbing
    assert detect_key(score_of(line(up + down))).value == ("D", "minor")  # once is no habit


@pytest.mark.slow
def test_minor_that_mixes_its_forms_stays_minor(corpus_midi) -> None:
    """Chorales and fiddle tunes in minor: their leading tones are cadences, not a scale."""
    tunes = ["DarsSugarInDeGourdJig", "FrogsFrolicJig", "LarkInTheMorningJig", "OldDutchChurnJig"]
    scores = [read_midi(corpus_midi(name)) for name in (*CHORALES, *(f"ryansMammoth/{name}" for name in tunes))]
    keys = [detect_key(score).value for score in scores]
    assert all(mode not in FORMS[1:] for _, mode in keys), keys
    assert sum(mode == "minor" for _, mode in keys) >= 8


def test_a_leading_tone_in_dominants_alone_is_any_minors() -> None:
    chords = ((50, 62, 65, 69), (43, 62, 67, 70), (45, 61, 64, 69), (50, 62, 65, 69))
    notes = [(2 * at, 1.9, pitch, 80) for at, chord in enumerate(8 * chords) for pitch in chord]
    assert detect_key(score_of(notes)).value == ("D", "minor")


def test_a_form_is_of_the_notes_alone() -> None:
    def of(pitches: list[int]) -> str:
        return form_of_minor(score_of(line(pitches)), 9)

    harmonic = [69, 71, 72, 74, 76, 77, 80, 81]
    assert of(harmonic * 3) == "harmonic_minor"
    assert of(harmonic * 2) == "harmonic_minor"  # F G# is stepped
    assert of([69, 77, 76, 80, 81] * 2) == "minor"  # it is not, and twice is few
    assert of([*harmonic * 3, 79]) == "minor"
    assert of([69, 71, 72, 74, 76, 78, 80, 81] * 3) == "melodic_minor"
    assert of([69, 71, 72, 74, 76, 77, 79, 81] * 3) == "minor"
    assert of([69, 72, 76] * 9) == "minor"


def test_chances_of_the_forms_are_one_keys() -> None:
    _, chances = weigh_keys(modal_tune(3, "harmonic_minor", 1))
    together = as_keys(chances)
    assert together.sum() == pytest.approx(chances.sum()) == pytest.approx(1.0)
    sure = how_sure(together.max(), "melody")
    assert detect_key(modal_tune(3, "harmonic_minor", 1)).confidence == pytest.approx(sure)


def test_sureness_rises_with_the_chance_and_stays_inside() -> None:
    for texture in SURE:
        sure = [how_sure(chance, texture) for chance in np.linspace(0.01, 1, 50).tolist()]
        assert sure == sorted(sure)
        assert 0 < sure[0] < sure[-1] <= 1


TWINKLE = [60, 60, 67, 67, 69, 69, 67, 65, 65, 64, 64, 62, 62, 60]
MARY = [64, 62, 60, 62, 64, 64, 64, 62, 62, 62, 64, 67, 67, 64, 62, 60, 62, 64, 64, 64, 64, 62, 62, 64, 62, 60]


@pytest.mark.parametrize("pitches", [TWINKLE, MARY, TWINKLE + [67, 67, 65, 65, 64, 64, 62] * 2 + TWINKLE])
def test_a_tune_without_a_seventh_is_major(pitches: list[int]) -> None:
    """It fits mixolydian as well, which is known by its seventh."""
    assert detect_key(score_of(line(pitches))).value == ("C", "major")


def test_a_long_piece_may_slip_once() -> None:
    """One natural seventh of sixty raised ones is a slip, three are a mixture."""
    scale = [69, 71, 72, 74, 76, 77, 80, 81]

    def piece(naturals: int) -> Score:
        pitches = scale * 60 + [79] * naturals + [69]
        return score_of_notes([(float(at), 0.9, pitch) for at, pitch in enumerate(pitches)])

    assert detect_key(piece(1)).value == ("A", "harmonic_minor")
    assert detect_key(piece(3)).value == ("A", "minor")


PALESTRINA = {  # movements for fewer voices, with the modes that the Humdrum edition gives them
    "Credo_30_g": ("E", "phrygian"),
    "Credo_32_b": ("E", "phrygian"),
    "Agnus_II_10_b": ("G", "mixolydian"),
    "Agnus_II_66_b": ("G", "mixolydian"),
    "Benedictus_14_b": ("G", "mixolydian"),
    "Gloria_68_a": ("D", "dorian"),
    "Benedictus_68_b": ("A", "minor"),
}


def test_voices_from_before_tonality_keep_their_modes(corpus_midi) -> None:
    """As harmony is weighed, which is fitted to chorales and songs, more of them are told a fourth above."""
    scores = {name: read_midi(corpus_midi(f"palestrina/{name}")) for name in PALESTRINA}
    right = sum(detect_key(score).value == PALESTRINA[name] for name, score in scores.items())
    one_track = {name: replace(score, notes=score.notes.copy()) for name, score in scores.items()}
    for score in one_track.values():
        score.notes["track"] = 0  # no voices are known apart
    as_harmony = sum(detect_key(score).value == PALESTRINA[name] for name, score in one_track.items())
    assert right >= 6
    assert as_harmony < right - 1


def test_chorales_lines_and_drums_are_no_modal_voices(corpus_midi) -> None:
    modal = [name for name in CHORALES if are_modal_voices(read_midi(corpus_midi(name)))]
    assert modal == ["bwv27.6"]  # which is by Rosenmüller, of 1649
    voices = read_midi(corpus_midi("palestrina/Agnus_II_10_b"))
    assert are_modal_voices(voices)
    drummed = replace(voices, notes=voices.notes.copy())
    drummed.notes["is_drum"][::7] = True
    assert not are_modal_voices(drummed)
    assert not are_modal_voices(score_of(line([60, 62, 64, 65, 67] * 4)))
    assert not are_modal_voices(replace(voices, notes=voices.notes[:0]))

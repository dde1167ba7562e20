"""Keys over time: on pieces joined of phrases in known keys, against a peer, and on music that stays at home."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kelly_tui.features.midi import extract_midi_features
from kelly_tui.model.labels import KEYS
from kelly_tui.music.at_home import at_home
from kelly_tui.music.detection import Detection
from kelly_tui.music.key import Key
from kelly_tui.music.modal_stretches import Groups
from kelly_tui.music.modulation import (
    COSTS,
    DEARER,
    Region,
    best_keys,
    detect_keys,
    regions_of,
    state_of,
    without_brief,
)
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.numerals import keys_in_words, numerals, numerals_in_words
from kelly_tui.music.theory import SCALES
from tests.keys_over_time import Timed, annotated_chorales, figures, joined, phrase_figures, windowed_krumhansl
from tests.made_chords import written
from tests.modal_tunes import modal_piece
from tests.unit.music.test_music_detectors import CHORALES, line, score_of

CADENCE = {
    "major": ((0, 4, 7), (5, 9, 0), (7, 11, 2, 5), (0, 4, 7)),
    "minor": ((0, 3, 7), (5, 8, 0), (7, 11, 2, 5), (0, 3, 7)),
}


def cadences(*keys: tuple[int, str]) -> Score:
    """Six times I IV V7 I in each key, half a bar a chord: 24 seconds."""
    notes = []
    for place, (tonic, mode) in enumerate(keys):
        for index, steps in enumerate(6 * CADENCE[mode]):
            start = 48 * place + 2 * index
            notes += [(start, 1.9, 36 + (tonic + steps[0]) % 12, 80)]
            notes += [(start, 1.9, 60 + (tonic + step) % 12, 80) for step in steps]
    return score_of(notes, bpm=120)


@pytest.mark.parametrize("away", [(7, "major"), (5, "major"), (9, "minor"), (0, "minor"), (3, "major"), (1, "major")])
def test_a_middle_part_in_another_key_is_heard_from_its_first_chord(away: tuple[int, str]) -> None:
    for home in range(12):
        tonic, mode = (home + away[0]) % 12, away[1]
        found = detect_keys(cadences((home, "major"), (tonic, mode), (home, "major")))[1]
        assert [(one.tonic, one.mode) for one in found] == [
            (KEYS[home], "major"),
            (KEYS[tonic], mode),
            (KEYS[home], "major"),
        ]
        assert [one.start for one in found] == pytest.approx([0.0, 24.0, 48.0], abs=2.01)  # F and B flat: I IV, or V I
        assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]


def test_what_stays_at_home_is_one_region_in_the_key_of_the_whole(corpus_midi) -> None:
    whole, regions = detect_keys(cadences((2, "minor"), (2, "minor")))
    assert [(one.tonic, one.mode) for one in regions] == [whole.value] == [("D", "minor")]
    assert (regions[0].start, regions[0].end) == (0.0, pytest.approx(47.95, abs=0.01))


@pytest.mark.parametrize("roots", [(0, 8, 3, 10), (0, 10, 8, 10), (0, 8, 10, 0), (0, 5, 10, 0)])
def test_a_loop_in_minor_is_in_minor_all_along(roots: tuple[int, ...]) -> None:
    """Its chords are those of the relative major too, and three of the four are nearer to that by their tones."""
    for tonic in range(12):
        notes = []
        for bar, root in enumerate([*(8 * roots), 0]):
            third = 3 if root in (0, 5) else 4
            notes += [(4 * bar, 3.8, 36 + (tonic + root) % 12, 80)]
            notes += [(4 * bar, 3.8, 60 + (tonic + root + step) % 12, 80) for step in (0, third, 7)]
        whole, regions = detect_keys(score_of(notes, bpm=120))
        assert whole.value == (KEYS[tonic], "minor")
        assert [(one.tonic, one.mode) for one in regions] == [whole.value]


@pytest.mark.parametrize(
    "roots", [(0, 10, 8, 10), (0, 8, 3, 10), (0, 5, 10, 3), (0, 3, 10, 5), (0, 10, 8, 7), (0, 7, 8, 3)]
)
@pytest.mark.parametrize("texture", ["block", "broken", "comped"])
def test_four_times_around_a_loop_in_minor_under_a_melody_are_in_one_key(roots: tuple[int, ...], texture: str) -> None:
    """Melodies that chance makes of the scale lean to some key for a while; nothing in them leads there."""
    in_one = 0
    for tonic in range(12):
        chance = random.Random(f"{roots} {texture} {tonic}")
        notes = []
        for bar, root in enumerate([*(4 * roots), 0]):
            third = 3 if root in (0, 5, 7) else 4
            classes = [(tonic + root + step) % 12 for step in (0, third, 7)]
            notes += [
                (4 * bar + at, length - 0.05, pitch, 80)
                for at, length, pitch in written(classes, classes[0], texture, chance)
            ]
            notes.append((4 * bar, 3.9, 36 + classes[0], 80))
            for beat in range(4):
                scale = [(tonic + step) % 12 for step in SCALES["minor"]]
                notes.append((4 * bar + beat, 0.9, 72 + chance.choice(scale if beat % 2 else classes), 88))
        whole, regions = detect_keys(score_of(sorted(notes), bpm=110))
        assert whole.value is not None
        assert whole.value[0] == KEYS[tonic]
        in_one += [(one.tonic, one.mode) for one in regions] == [whole.value]
    assert in_one >= 11


def test_minor_is_left_for_its_relative_major_that_comes_home_of_its_own() -> None:
    """On the same scale: i VII iv i, i VI III VII; eight bars and more begin and close on the other tonic."""
    for tonic in range(12):
        notes = []
        for place, chords in enumerate(((0, 10, 5, 0), (3, 8, 10, 3), (0, 10, 5, 0))):
            for bar, root in enumerate(4 * chords, 16 * place):
                third = 3 if root in (0, 5, 7) else 4
                notes += [(4 * bar, 3.8, 36 + (tonic + root) % 12, 80)]
                notes += [(4 * bar, 3.8, 60 + (tonic + root + step) % 12, 80) for step in (0, third, 7)]
        found = detect_keys(score_of(notes, bpm=120))[1]
        assert [(one.tonic, one.mode) for one in found] == [
            (KEYS[tonic], "minor"),
            (KEYS[(tonic + 3) % 12], "major"),
            (KEYS[tonic], "minor"),
        ]
        assert [one.start for one in found] == pytest.approx([0.0, 32.0, 64.0], abs=4.01)  # i and VII are vi and V


def test_foreign_notes_lead_away_and_so_does_coming_home_elsewhere() -> None:
    """In windows of two quarter notes: C major, and F sharp in two bars of twenty-four."""
    sounding = np.tile(np.isin(np.arange(12), SCALES["major"]) / 7, (48, 1))
    starts = np.arange(0, 96, 2.0)
    groups = Groups(np.arange(0.0, 97, 16), *(np.tile(np.arange(12) == 0, (6, 1)) for _ in range(2)))
    key = ("C", "major")
    assert (at_home(sounding, starts, groups, key) == 1).all()
    sounding[20:24, 6] = 1.0
    stays = at_home(sounding, starts, groups, key)
    assert (stays[18:26] == 0).all()
    assert (np.delete(stays, range(16, 28)) == 1).all()
    sounding[:, 6] = 0.0
    for table, rows in ((groups.begins, (3, 4)), (groups.closes, (4,))):
        table[rows, 0], table[rows, 9] = False, True
    assert (at_home(sounding, starts, groups, key) == 0).nonzero()[0].tolist() == list(range(24, 40))


def test_the_key_of_the_whole_is_one_of_the_keys_over_time(corpus_midi) -> None:
    """Where the path is at first nowhere at home too: some of these chorales, and a final that all before is far of."""
    for score in (*(read_midi(corpus_midi(name)) for name in CHORALES), cadences((0, "major"), (1, "major"))):
        whole, regions = detect_keys(score)
        assert whole.value in {(one.tonic, one.mode) for one in regions}
    rng = np.random.default_rng(3)
    times, chances = np.arange(40.0), np.full(24, 1 / 24)
    for home in range(24):
        scores = rng.normal(0, 1, (40, 24)) + 4.0 * (np.arange(24) == (home + 7) % 24)
        key = Detection((KEYS[home // 2], "minor" if home % 2 else "major"), 0.9, "")
        assert key.value in {(one.tonic, one.mode) for one in regions_of(key, chances, scores, times, 40.0)[1]}


@pytest.mark.parametrize(
    ("whole", "since", "right"),
    [
        (("E", "minor"), 50, ("G", "major")),
        (("E", "minor"), 20, ("E", "minor")),
        (("E", "dorian"), 50, ("E", "dorian")),
    ],
)
def test_a_key_that_holds_nearly_all_along_is_that_of_the_whole(whole: Key, since: int, right: Key) -> None:
    """Though the relative key in which it ends is a little likelier by all else, unless that is of another mode."""
    major, relative = state_of(("G", "major")), state_of(whole)
    scores, chances = np.zeros((60, 24)), np.full(24, 0.01)
    scores[:since, major] = scores[since:, relative] = 2.0
    chances[major], chances[relative] = 0.3, 0.45
    key, regions = regions_of(Detection(whole, 0.5, ""), chances, scores, np.arange(60.0), 60.0)
    assert key.value == right
    assert [(one.start, one.tonic) for one in regions] == [(0.0, "G"), (float(since), "E")]


def found(score: Score) -> list[Timed]:
    return [(one.start, one.tonic, one.mode) for one in detect_keys(score)[1]]


def test_phrases_joined_are_told_better_than_by_a_sliding_window() -> None:
    chance = np.random.default_rng(4)
    pieces = [modal_piece(tonic, mode, int(chance.integers(99))) for tonic in range(12) for mode in ("major", "minor")]
    ours, peers = (figures(joined(pieces, 30, seed=5), find) for find in (found, windowed_krumhansl))
    assert ours.share > max(0.78, peers.share + 0.2)
    assert ours.recall > peers.recall + 0.3
    assert ours.precision > peers.precision + 0.3


@pytest.mark.slow
def test_phrases_of_chorales_end_in_the_keys_that_people_heard() -> None:
    """Of 122, of which 50 end away from home; among them two chorales of which the corpus has another key."""
    chorales = list(annotated_chorales())
    assert len(chorales) == 19
    pieces = [(one.score, one.keys) for one in chorales]
    ours, peers = (figures(pieces, find) for find in (found, windowed_krumhansl))
    assert ours.share > max(0.8, peers.share + 0.25)
    assert min(ours.precision, ours.recall) > 0.6
    right, *away = phrase_figures(chorales, found)
    assert right > 0.82
    assert min(away) > 0.7


def test_the_path_is_that_of_all_keys() -> None:
    """Against the plain recursion over 24 keys."""
    rng = np.random.default_rng(2)
    agreed = 0
    for _ in range(20):
        keys = np.repeat(rng.integers(0, 24, 4), 20)
        scores = rng.normal(0, 1, (80, 24)) + 1.5 * np.eye(24)[keys]
        home, ends = int(keys[0]), np.zeros(24)
        best, came = scores[0], []
        for row in scores[1:]:
            reached = best[:, None] - COSTS
            came.append(reached.argmax(axis=0))
            best = reached.max(axis=0) + row
        path = [int(best.argmax())]
        for origin in reversed(came):
            path.append(int(origin[path[-1]]))
        agreed += float((np.array(path[::-1]) == best_keys(scores, ends, home)).mean())
    assert agreed > 19.5


def test_numerals_are_of_the_key_that_holds() -> None:
    keys = [Region(0.5, 8.0, "C", "major", 0.9), Region(8.0, 16.0, "G", "major", 0.9)]
    chords = [(0.0, "N"), (0.5, "C"), (4.0, "D7"), (8.0, "D7"), (12.0, "G/B")]
    assert numerals(chords, keys) == ["N", "I", "V7/V", "V7", "I6"]
    assert numerals(chords, []) == []


def test_features_hold_the_keys_and_the_numerals() -> None:
    features = extract_midi_features(cadences((0, "major"), (7, "major"), (0, "major")))
    assert features.key_sequence == ["C major", "G major", "C major"]
    assert features.key_times == pytest.approx([0.0, 24.0, 48.0], abs=2.01)
    assert len(features.roman_sequence) == len(features.chord_sequence)
    assert features.roman_sequence[:4] == ["I", "IV", "V7", "I"]
    assert set(features.roman_sequence) <= {"I", "IV", "V", "V7"}
    for field in ("key", "mode"):  # as the screen says it
        assert re.search(r"; C major, from 0:2[2-6] G major, from 0:(4[6-9]|50) C major$", features.why[field])
    for field in ("chord_progression", "chord_times"):
        assert "; from C major I IV V7 I" in features.why[field]


def test_keys_and_numerals_in_words() -> None:
    keys = [Region(60.0 * at, 60.0 * at + 60, "CG"[at % 2], "major", 0.9) for at in range(10)]
    assert keys_in_words(keys[:1]) == keys_in_words([]) == numerals_in_words([], [], keys) == ""
    assert keys_in_words(keys[:2]) == "; C major, from 1:00 G major"
    assert keys_in_words(keys).endswith("from 7:00 G major … 10 in all")
    times = [0.0, 30.0, 60.0, *range(70, 76)]
    assert numerals_in_words(["I"] * 9, times, keys[:1]) == "; from C major " + "I " * 8 + "… 9 in all"
    assert numerals_in_words(["I", "V", *"IIIIIII"], times, keys) == "; from C major I V … 9 in all"


@pytest.mark.parametrize(
    "notes",
    [[(0, 1, 60, 80)], line([60, 67] * 3), line([60, 61, 62, 63] * 30, step=0.01), line([0, 127, 64, 3] * 3, step=40)],
)
def test_odd_music_has_keys_or_none(notes) -> None:
    score = score_of(notes, meter=(1, 64))
    for piece in (score, replace(score, notes=score.notes[:0]), replace(score, meters=[])):
        whole, regions = detect_keys(piece)
        assert (whole.value is None) == (regions == [])
        assert all(np.isfinite(one[:2]).all() and one.start <= one.end for one in regions)


def test_the_music_view_writes_a_new_key_before_its_first_chord() -> None:
    from kelly_tui.ui.picture import MidiPicture
    from kelly_tui.ui.widgets.music_view import MusicView

    view = MusicView()
    picture = MidiPicture(cadences((0, "major"), (9, "minor"), (0, "major")))
    assert [name for _, name in picture.keys] == ["C", "Am", "C"]
    chords = [(0.0, "C"), (1.0, "F"), (23.0, "C"), (picture.keys[1][0], "Am"), (40.0, "E7"), (50.0, "C")]
    view.show(picture, chords)
    assert [name for _, name in view.chords] == ["C: C", "F", "C", "Am: Am", "E7", "C: C"]
    view.show(MidiPicture(cadences((0, "major"))), chords)
    assert view.chords == chords


def test_the_trio_of_a_rag_is_in_the_subdominant(corpus_midi) -> None:
    """Sixteen bars, repeated: D flat in A flat, which differ by one pitch class."""
    whole, regions = detect_keys(read_midi(corpus_midi("joplin/maple_leaf_rag")))
    assert whole.value == ("G#", "major")
    assert [(one.tonic, one.mode) for one in regions] == [("G#", "major"), ("C#", "major"), ("G#", "major")]


def test_a_brief_key_must_be_worth_more_than_one_that_lasts() -> None:
    windows, away = 100, 2
    scores = np.zeros((windows, 24))
    edges = np.arange(windows + 1.0)

    def heard(length: int, gain: float) -> NDArray[np.int64]:
        path = np.zeros(windows, dtype=np.int64)
        path[40 : 40 + length] = away
        said = scores.copy()
        said[40 : 40 + length, away] = gain / length
        return without_brief(path, said, np.zeros(24), edges)

    dear = 2 * (COSTS[0, away] + DEARER)
    assert (heard(20, 0.1) == away).sum() == 20  # as long as BRIEF: the path's own affair
    assert (heard(15, dear + 0.1) == away).sum() == 15
    assert (heard(15, dear - 0.1) == 0).all()

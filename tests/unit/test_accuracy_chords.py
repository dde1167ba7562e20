"""What the confidence of chords of audio is learnt from."""

from __future__ import annotations

import pytest
import symusic

from tests.accuracy import chord_sure


def test_a_chord_is_right_with_its_seventh_and_bass() -> None:
    truth = [chord_sure.annotated_chord(*one) for one in ((0, 2, "C:7"), (2, 4, "A:min/b3"), (4, 5, "N"))]
    named = {"C7": 1.0, "C": 0.6, "Cmaj7": 0.6}
    for name, share in named.items():
        assert chord_sure.share_right([(0.0, name), (2.0, "Am/C"), (4.0, "N")], truth) == pytest.approx(share)
    assert chord_sure.share_right([(0.0, "C7"), (3.0, "Am")], truth) == pytest.approx(0.4)


def test_pieces_hold_the_chords_they_say() -> None:
    for seed in range(12):
        piece = chord_sure.piece(seed)
        score = symusic.Score.from_midi(piece.midi).to("second")
        notes = [note for track in score.tracks for note in track.notes]
        for start, end, _, bass in piece.truth[:4]:
            inside = [note.pitch for note in notes if start - 0.01 <= note.start < end - 0.01]
            assert inside, (seed, start)
            assert min(inside) % 12 == bass

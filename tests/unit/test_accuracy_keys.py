"""What keys are learnt from: tunes in ABC as music21 reads them; known again in another key; moved to other modes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from music21 import converter, corpus

from kelly_tui.music.theory import SCALES
from tests.accuracy import corpus_keys
from tests.accuracy.abc_tunes import tunes
from tests.accuracy.corpus_keys import runs_of
from tests.accuracy.keys import in_mode
from tests.keys_over_time import score_of_notes
from tests.modal_tunes import modal_tune

HEADS = {
    "X:1\nT:Plain\nM:2/4\nL:1/16\nK: Bb\n": "major",
    "X:2\nT:No length\nM:6/8\nK:E Dorian\n": "dorian",
    "X:3\nT:Nor here\nM:2/4\nK:F#m\n": "minor",
    "X:4\nT:Seventh\nM:C|\nL:1/8\nK:AMix\n": "mixolydian",
}
BODY = """B>c d2 | =e/f/g a,<B | (3efg f4- f2 |
% nothing is said here
z2 _E F ^g b' | "Am"A2 !f!c3/2d// d3/ ||
"""


@pytest.mark.parametrize("head", HEADS)
def test_tunes_in_abc_are_as_music21_reads_them(head: str) -> None:
    (tune,) = tunes(head + BODY)
    assert tune.mode == HEADS[head]
    theirs = converter.parse(head + BODY, format="abc").stripTies().flatten()
    assert tune.notes() == [(float(note.offset), float(note.quarterLength), note.pitch.midi) for note in theirs.notes
                            if note.isNote]  # fmt: skip
    key = theirs.keySignature
    assert (tune.tonic, tune.sharps) == (key.tonic.pitchClass, key.sharps)


def test_an_accidental_holds_to_the_end_of_its_bar() -> None:
    (tune,) = tunes("X:1\nT:A tune\nK:G\n_E E e =F | E F\n")
    assert [pitch for *_, pitch in tune.notes()] == [63, 63, 76, 65, 64, 66]


def test_a_tune_without_one_key_is_left_out() -> None:
    unclear = ("K: none", "K: Hp", "K: G\nabc\nK: D", "K: Dmix=c")
    assert not [tune for key in unclear for tune in tunes(f"X: 1\nT: A tune\n{key}\nabc def\n")]


def test_a_tune_is_known_again_in_another_key() -> None:
    score = modal_tune(3, "dorian", 1)
    notes = zip(*(score.notes[name].tolist() for name in ("onset_beat", "duration_beat", "pitch")))
    moved = score_of_notes([(start + 3, beats / 2, pitch + 5) for start, beats, pitch in notes])
    assert runs_of(moved) == runs_of(score)
    assert len(runs_of(score) & runs_of(modal_tune(3, "dorian", 2))) < 0.2 * len(runs_of(score))


@pytest.mark.parametrize("to", ["lydian", "phrygian", "minor"])
def test_a_piece_is_moved_degree_by_degree(to: str) -> None:
    score = modal_tune(0, "dorian", 5)
    moved = in_mode(score, 2, "dorian", to)
    degrees = [np.searchsorted(SCALES[mode], (one.notes["pitch"].astype(int) - 2) % 12)
               for one, mode in ((score, "dorian"), (moved, to))]  # fmt: skip
    assert np.array_equal(*degrees)
    assert set((moved.notes["pitch"] - 2) % 12) <= set(SCALES[to])


def test_chorales_are_kept_with_the_key_above_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [corpus.getWork(name) for name in ("bwv1.6", "bwv66.6", "bwv254")]
    monkeypatch.setattr(corpus_keys, "_KEPT", tmp_path / "kept" / "chorales.npz")
    monkeypatch.setattr(corpus_keys.corpus, "getComposer", lambda _: [*some, tmp_path / "analysis.rntxt"])
    first = [(one.tonic, one.modes, one.score.notes.tolist()) for one in corpus_keys.chorales()]
    assert [key for *key, _ in first] == [[5, ("major",)], [6, ("minor",)]]  # the last is in D minor and says A minor
    monkeypatch.setattr(corpus_keys, "_chorale", None)
    assert [(one.tonic, one.modes, one.score.notes.tolist()) for one in corpus_keys.chorales()] == first

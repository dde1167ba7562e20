"""Music of music21's corpus whose key is written above it and that is in none of the sets that are judged.

Folk songs of the Essen collection, and fiddle tunes of Aird, O'Neill and Ryan; chorales by Bach, read once and kept.
Essen's tunes are said to be in major all of them: the tonic is taken from that, and whether it is major or minor from
the notes. Chorales whose last bass is neither the tonic said nor its fifth are left out: many were written with a flat
fewer than there are, as was the custom, and the edition then says minor of another tonic. Some end on the fifth, and
without those a last bass would seem to say more than it does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from music21 import converter, corpus
from music21 import key as keys

from kelly_tui.music.key import MODES
from kelly_tui.music.notes import Score
from kelly_tui.music.theory import SCALES
from kelly_tui.paths import PROJECT
from tests.accuracy.abc_tunes import Sounding, Tune, tunes
from tests.keys_over_time import score_of_notes


class Piece(NamedTuple):
    """Music in a key."""

    source: str
    """As the judged sets call it."""
    score: Score
    tonic: int
    """0..11"""
    modes: tuple[str, ...]
    """Any of which is right."""


FOLK = {"essenFolksong": "essen", **dict.fromkeys(("airdsAirs", "oneills1850", "ryansMammoth"), "irish_scottish")}
_MOST = 150
"""So many of each mode of a folder, from all over it."""
_OF_ESSEN = 4
"""One of so many of its 8,500."""
_LEAST = 12
"""Notes of a tune."""
_ALIKE, _OF = 0.2, 8
"""The share of runs of so many intervals in common from which on a piece is another, or near it."""
_ENDS = (0, 7)
"""Semitones of a chorale's last bass above its tonic."""
_KEPT = PROJECT / ".pytest_cache" / "chorales.npz"


def unlike(judged: Sequence[Score]) -> list[Piece]:
    """What is none of those judged."""
    is_new = new_to(judged)
    return [piece for piece in (*folk_tunes(), *chorales()) if is_new(piece.score)]


def new_to(judged: Sequence[Score]) -> Callable[[Score], bool]:
    """Whether a piece is none of those judged, nor one of these in another key or setting or under another name."""
    holding: defaultdict[bytes, list[int]] = defaultdict(list)
    of_judged = [runs_of(score) for score in judged]
    for number, those in enumerate(of_judged):
        for run in those:
            holding[run].append(number)

    def is_new(score: Score) -> bool:
        mine = runs_of(score)
        common = Counter(number for run in mine for number in holding.get(run, ()))
        return all(count < _ALIKE * min(len(mine), len(of_judged[number])) for number, count in common.items())

    return is_new


def runs_of(score: Score) -> set[bytes]:
    """All runs of intervals of the highest voice."""
    notes = score.pitched
    steps = np.diff(np.maximum.reduceat(notes["pitch"].astype(np.int16), score.strokes))
    return {steps[at : at + _OF].tobytes() for at in range(max(1, len(steps) - _OF + 1))}


def folk_tunes() -> Iterator[Piece]:
    for folder, source in FOLK.items():
        of_mode: defaultdict[tuple[str, ...], list[Tune]] = defaultdict(list)
        for path in sorted(map(Path, corpus.getComposer(folder))):
            found = list(tunes(path.read_text("utf-8", errors="replace")))
            for tune in found[::_OF_ESSEN] if source == "essen" else found:
                of_mode[_with_third(tune) if source == "essen" else (tune.mode,)].append(tune)
        for modes, those in of_mode.items():
            for tune in those[:: -(-len(those) // _MOST)]:
                notes = tune.notes()
                if modes and len(notes) >= _LEAST:
                    yield Piece(source, score_of_notes(notes), tune.tonic, modes)


def _with_third(tune: Tune) -> tuple[str, ...]:
    """The modes that have the third above its tonic which sounds twice as long as the other; none if neither does."""
    _, beats, pitches = zip(*tune.notes())
    minor, major = np.bincount((np.array(pitches) - tune.tonic) % 12, beats, minlength=12)[3:5]
    third = 4 if major > 2 * minor else 3 if minor > 2 * major else None
    return tuple(mode for mode in MODES if third in SCALES[mode])


def chorales() -> list[Piece]:
    if not _KEPT.exists():
        _KEPT.parent.mkdir(exist_ok=True)
        scores = [path for path in sorted(map(Path, corpus.getComposer("bach"))) if path.suffix in (".mxl", ".xml")]
        read = [found for path in scores if (found := _chorale(path))]
        labels, notes = zip(*read)
        np.savez(_KEPT, labels=labels, notes=np.concatenate(notes), ends=np.cumsum([len(each) for each in notes]))
    with np.load(_KEPT) as kept:
        notes = np.split(kept["notes"], kept["ends"][:-1])
        labels = kept["labels"].tolist()
    pieces = []
    for (tonic, is_minor), sounding in zip(labels, notes):
        score = score_of_notes([(start, beats, int(pitch)) for start, beats, pitch in sounding.tolist()])
        ends = score.pitched["onset_beat"] + score.pitched["duration_beat"]
        last = int(score.pitched["pitch"][ends >= ends.max() - 0.26].min())
        if (last - tonic) % 12 in _ENDS:
            pieces.append(Piece("bach_chorales", score, tonic, ("minor",) if is_minor else ("major",)))
    return pieces


def _chorale(path: Path) -> tuple[tuple[int, bool], Sounding] | None:
    """The tonic, and whether it is minor; and the notes. None where the score says no key, or is for a few voices."""
    score = converter.parse(path)
    key = score.recurse().getElementsByClass(keys.Key).first()
    if key is None or len(score.parts) < 3:
        return None
    notes = [(float(note.offset), float(note.quarterLength), pitch.midi)
             for note in score.stripTies().flatten().notes for pitch in note.pitches if note.quarterLength]  # fmt: skip
    return (key.tonic.pitchClass, key.mode == "minor"), notes

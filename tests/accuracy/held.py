"""What speaks for a tempo of pitches is weighed; ``python -m tests.accuracy.held`` prints the weights for the program.

Learnt from lines and chords made by rule, as there is hardly any annotated music that is bowed, blown or sung without
drums: steps through a scale in quarters, eighths, sixteenths, halves, threes and mixtures, by 41 instruments, held for
half to all of their length, some by hand, with reverberation and without, by each of two sound fonts. Beside them songs
on a piano that `tempo_audio` has not, if they lie beside the project. Chords have weights of their own, learnt from the
songs of `tests.accuracy.bands` and from tunes too; and if they are not held, from these and the drum takes that have
pitches, near the weights of drums.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import symusic

from kelly_tui.features import audio, audio_rhythm
from kelly_tui.features.audio_notes import has_chords, note_evidence
from kelly_tui.features.pulses import above_their_mean
from kelly_tui.features.spectrum import Spectrum
from kelly_tui.music.notes import read_midi
from kelly_tui.paths import soundfonts
from kelly_tui.render.midi import render_midi
from tests.accuracy import bands
from tests.accuracy.folds import Choice, Floats, fit, played, songs_apart
from tests.accuracy.folk import folk
from tests.accuracy.judged import EVAL, annotated, folder_of
from tests.accuracy.tempi import Example, reliability

LINES, CHORDS, BARS, SONGS = range(460), range(1000, 1080), range(2000, 2160), range(1320)
"""Seeds; of `bands.song` the last."""
_PENALTY = {"held": 3.0, "held chords": 3.0, "chords": 20.0}
_WORTH = {"song": 15.0, "drums": 5.0}
"""What music that someone played counts among chords beside what is made, of which there is more."""
_OF_CHORDS, _STRUCK = ("band", "tune"), ("band", "tune", "drums")
"""What teaches chords alone; and if they are not held."""
_FOLDS = 5
_RATE = audio.RATE / audio._HEARD_HOP
_BEAT = 960
_SECONDS = (16.0, 30.0)


class Rhythm(NamedTuple):
    """Beats of notes, of which one group after the other is drawn, how often, and how fast such music is."""

    groups: tuple[tuple[float, ...], ...]
    part: float
    bpm: tuple[float, float]


RHYTHMS = {
    "quarters": Rhythm(((1,),), 0.30, (60, 168)),
    "mixed": Rhythm(((1,), (1,), (0.5, 0.5), (0.5, 0.5), (2,), (1.5, 0.5)), 0.30, (60, 150)),
    "eighths": Rhythm(((0.5, 0.5), (0.5, 0.5), (0.5, 0.5), (1,)), 0.13, (55, 130)),
    "threes": Rhythm(((1, 1, 1), (2, 1), (1, 0.5, 0.5, 1), (1.5, 0.5, 1)), 0.12, (70, 180)),
    "sixteenths": Rhythm(
        ((0.5, 0.5), (0.25, 0.25, 0.5), (1,), (0.5, 0.25, 0.25), (0.75, 0.25)), 0.07, (55, 110)
    ),
    "halves": Rhythm(((2,), (1, 1), (1,), (2,), (4,)), 0.08, (70, 170)),
}  # fmt: skip
_STEPS, _OFTEN = (-4, -2, -1, 1, 2, 4, 0), (0.04, 0.12, 0.28, 0.30, 0.14, 0.06, 0.06)
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_BLOWN = (40, 41, 42, 43, 48, 49, 52, 53, 56, 57, 58, 60, 61, 64, 65, 66, 68, 69, 70, 71, 72, 73, 74, 75, 77, 79)
_PROGRAMS = (*_BLOWN, 16, 19, 21, 22, 109, 110, 0, 4, 11, 24, 32, 46, 45, 80, 81)
_OF_CHORDS = (48, 49, 50, 52, 53, 19, 16, 21, 89, 88, 61, 40, 0, 4, 6)
"""General MIDI's, from 0."""
_LOW = {43: 36, 42: 48, 70: 46, 57: 48, 58: 40, 32: 36, 41: 55}
"""The tonic of those that play low."""
_LOUDER = (0, 8, 15, 30)


class Note(NamedTuple):
    beat: float
    beats: float
    pitch: int
    velocity: int


class Made(NamedTuple):
    kind: str
    midi: bytes
    bpm: float
    bar: int
    """Beats; 0 where it has none."""


def line(seed: int) -> Made:
    chance = np.random.default_rng(seed)
    program = int(chance.choice(_PROGRAMS))
    name, bpm, notes = _line(chance, _LOW.get(program, int(chance.integers(55, 70))))
    return Made(name, _file(chance, program, bpm, notes), bpm, 0)


def chords(seed: int) -> Made:
    """Triads of one, two or four beats, alone, below a line or as a chorale."""
    chance = np.random.default_rng(seed)
    name, bpm, tune = _line(chance, int(chance.integers(55, 70)))
    each = int(chance.choice([1, 3] if name == "threes" else [1, 2, 2, 4]))
    end = tune[-1].beat + tune[-1].beats
    triads = []
    for beat in range(0, int(end), each):
        root, third = int(chance.integers(49, 61)), int(chance.choice([3, 4]))
        triads += [Note(beat, each, root + step, 75) for step in (0, third, 7)]
    style = int(chance.integers(3))
    if style == 1:
        triads += [note._replace(pitch=note.pitch + 7) for note in tune]
    elif style == 2:
        below = [note._replace(pitch=note.pitch - int(chance.choice([7, 12, 16]))) for note in tune]
        triads = [*tune, *below, *(note._replace(pitch=note.pitch - 12) for note in triads[::3])]
    return Made("chords", _file(chance, int(chance.choice(_OF_CHORDS)), bpm, triads), bpm, 0)


def bars(seed: int) -> Made:
    """Quarters whose first of three or of four is louder, or no louder."""
    chance = np.random.default_rng(seed)
    bar, louder, bpm = 3 + seed % 2, int(chance.choice(_LOUDER)), float(chance.uniform(70, 150))
    pitches = 55 + chance.integers(13, size=int(_SECONDS[1] * bpm / 60))
    velocities = np.rint(chance.normal(80, 3, len(pitches))).astype(int)
    velocities[::bar] += louder
    notes = [Note(beat, 1, *both) for beat, both in enumerate(zip(pitches.tolist(), velocities.tolist()))]
    return Made("bars", _file(chance, int(chance.choice(_BLOWN)), bpm, notes), bpm, bar)


def _line(chance: np.random.Generator, tonic: int) -> tuple[str, float, list[Note]]:
    name = str(chance.choice(list(RHYTHMS), p=[rhythm.part for rhythm in RHYTHMS.values()]))
    groups, _, (slow, fast) = RHYTHMS[name]
    bpm = float(np.exp(chance.uniform(np.log(slow), np.log(fast))))
    scale, velocity = _SCALES[chance.integers(2)], int(chance.integers(60, 110))
    accent = int(chance.choice([0, 0, 10, 20]))
    returns = chance.integers(len(groups), size=4) if chance.random() < 0.5 else None
    notes: list[Note] = []
    beat, degree, count, beats = 0.0, 7, 0, chance.uniform(*_SECONDS) * bpm / 60
    while beat < beats:
        group = groups[chance.integers(len(groups)) if returns is None else returns[count % 4]]
        count += 1
        for length in group:
            degree = int(np.clip(degree + chance.choice(_STEPS, p=_OFTEN), 0, 14))
            pitch = tonic + 12 * (degree // 7) - 6 + scale[degree % 7]
            loud = velocity + (0 if beat % 2 else accent) + chance.normal(0, 4)
            notes.append(Note(beat, length, pitch, int(np.clip(loud, 20, 127))))
            beat += length
    return name, bpm, notes


def _file(chance: np.random.Generator, program: int, bpm: float, notes: Sequence[Note]) -> bytes:
    """Held for a part of their length, struck early or late, with reverberation or without."""
    held, late = float(chance.choice([1.0, 0.97, 0.9, 0.8, 0.65, 0.5])), float(chance.choice([0, 0, 0.006, 0.015]))
    song, track = symusic.Score(_BEAT), symusic.Track("held", program)
    song.tempos.append(symusic.Tempo(0, bpm))
    if chance.random() < 0.5:
        track.controls.extend([symusic.ControlChange(0, effect, 0) for effect in (91, 93)])
    for note in notes:
        start = max(0, round((note.beat + chance.normal() * late * bpm / 60) * _BEAT))
        track.notes.append(symusic.Note(start, round(note.beats * held * _BEAT), note.pitch, note.velocity))
    song.tracks.append(track)
    return song.dumps_midi()


def spectrum(midi: bytes, seed: int) -> Spectrum:
    """By one of two sound fonts."""
    fonts = soundfonts()[:2]
    sound = render_midi(midi, audio.RATE, fonts[seed % len(fonts)]).mean(axis=1)
    return Spectrum(np.ascontiguousarray(sound[: int(_SECONDS[1]) * audio.RATE]), audio.RATE, audio._HEARD_HOP)


def songs() -> Iterator[tuple[Path, float]]:
    """On a piano, and what tempo their files say; none where they don't lie beside the project."""
    if not EVAL.exists():
        return
    heard, more = ({Path(file).stem for file in annotated(name)} for name in ("tempo_audio", "key_midi"))
    judged = {Path(file).stem for name in ("tempo_midi", "groove_gmd") for file in annotated(name)}
    of_keys = (folder_of("key_midi") / file for file in annotated("key_midi"))
    paths = [path for path, _ in songs_apart(heard | more | judged)]
    paths += [path for path in of_keys if path.stem not in heard]
    yield from ((path, read_midi(path).tempo_bpm) for path in paths)


def examples(lines: range, chordal: range, made_songs: range) -> Iterator[Example]:
    """Of what is made by rule."""
    for make, seeds in ((line, lines), (chords, chordal)):
        for seed in seeds:
            made = make(seed)
            yield from _example(made.kind, f"{make.__name__} {seed}", spectrum(made.midi, seed), made.bpm)
    for seed in made_songs:
        song = bands.song(seed)
        yield from _example("band", f"band {seed}", spectrum(song.midi, seed), song.bpm)


def of_others() -> Iterator[Example]:
    """Of songs on a piano, tunes, and drum takes that have pitches."""
    for path, bpm in songs():
        yield from _example("song", path.stem, Spectrum(played(path), audio.RATE, audio._HEARD_HOP), bpm)
    for tune in folk():
        yield from _example("tune", tune.group, spectrum(tune.midi, tune.seed), tune.bpm)
    for path in takes():
        heard = Spectrum(played(path), audio.RATE, audio._HEARD_HOP)
        yield from _example("drums", path.stem, heard, read_midi(path).tempo_bpm)


def takes() -> list[Path]:
    """Of drums, that `tempo_audio` has not; none where they don't lie beside the project."""
    sets = ("groove_gmd", "tempo_midi") if EVAL.exists() else ()
    paths = [folder_of(name) / file for name in sets for file in annotated(name)]
    heard = {Path(file).stem for file in annotated("tempo_audio")} if sets else set()
    return list({path.stem: path for path in paths if path.parent.name == "gmd" and path.stem not in heard}.values())


def _example(kind: str, group: str, heard: Spectrum, bpm: float) -> Iterator[Example]:
    """Of those whose pitches are held, or sound at once."""
    mel = heard.mel_db(audio._HEARD_MELS)
    curves = audio_rhythm._onset_curves(mel, audio.RATE)
    pulsing = audio_rhythm.tempo_evidence(curves, above_their_mean(curves, _RATE), _RATE)
    chords = has_chords(mel, heard.chroma)
    if notes := audio_rhythm.notes_that_tell(mel, heard.chroma, curves[0], _RATE):
        texture = "held chords" if chords else "held"
        yield Example(kind, group, texture, np.hstack((pulsing, note_evidence(notes, _RATE))), bpm)
    elif chords and kind in _STRUCK:
        yield Example(kind, group, "chords", pulsing, bpm)


def weigh(seen: Sequence[Example]) -> dict[str, Floats]:
    """The weights of each texture; chords that are held are learnt from lines too."""
    held = [one for one in seen if one.texture != "chords"]
    of_lines = [Choice(one.evidence, one.right) for one in held if one.kind not in _OF_CHORDS]
    of_chords = [Choice(one.evidence, one.right, _WORTH.get(one.kind, 1.0)) for one in held]
    of_drums, last = audio_rhythm._WEIGHTS, len(audio_rhythm._WEIGHTS)
    struck = [
        Choice(np.column_stack((one.evidence, one.evidence @ of_drums)), one.right, _WORTH.get(one.kind, 1.0))
        for one in seen
        if one.texture == "chords"
    ]
    moved = fit(struck, _PENALTY["chords"], {last: 1.0})[:last]
    return {
        "held": fit(of_lines, _PENALTY["held"]),
        "chords": of_drums + moved,
        "held chords": fit(of_chords, _PENALTY["held chords"]),
    }


def out_of_fold(seen: Sequence[Example]) -> list[Floats]:
    """For each the log odds of `BPM` by the weights that the others teach."""
    folds = [zlib.crc32(one.group.encode()) % _FOLDS for one in seen]
    weights = [weigh([one for one, fold in zip(seen, folds) if fold != left]) for left in range(_FOLDS)]
    return [one.evidence @ weights[fold][one.texture] for one, fold in zip(seen, folds)]


_ROWS = (
    (11, "all bands at _MULTIPLES"),
    (5, "the bass"),
    (5, "the middle"),
    (5, "the treble"),
    (3, "bass and treble together"),
    (4, "octaves"),
    (4, "their squares"),
    (11, "changes of pitch at the same multiples"),
    (10, "lengths of notes"),
    (3, "how many notes a beat has, its square, the square of octaves over one"),
)


def in_source(weights: Floats) -> str:
    """As they stand in `kelly_tui.features.audio_rhythm`."""
    parts = np.split(weights, np.cumsum([size for size, _ in _ROWS])[:-1])
    rows = [
        f"*({', '.join(f'{weight:.2f}' for weight in part)}),  # {name}"
        for part, (_, name) in zip(parts, _ROWS)
        if len(part)
    ]
    return "\n".join(rows)


def main() -> None:
    seen = [*examples(LINES, CHORDS, SONGS), *of_others()]
    for texture, weights in weigh(seen).items():
        print(f"{texture}\n{in_source(weights)}", flush=True)
    odds = out_of_fold(seen)
    for texture in _PENALTY:
        those = [number for number, one in enumerate(seen) if one.texture == texture]
        of_texture, of_odds = [seen[number] for number in those], [odds[number] for number in those]
        for kind in dict.fromkeys(one.kind for one in of_texture):
            print(f"{texture:12}{reliability(of_texture, of_odds, kind)}", flush=True)


if __name__ == "__main__":
    main()

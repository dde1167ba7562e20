"""A piece is known again whatever was done to it, and no other is taken for it: real music, notes and sound."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from kelly_tui.augment.audio import augment_audio
from kelly_tui.augment.midi import midi_limits, read_song, vary_midi
from kelly_tui.augment.recipe import Recipe, choose_recipes
from kelly_tui.features.audio import extract_audio_features
from kelly_tui.features.fingerprint import midi_fingerprint
from kelly_tui.features.spectrum import Spectrum
from kelly_tui.music.notes import read_midi
from kelly_tui.render.midi import render_midi
from kelly_tui.store.chromagrams import packed
from kelly_tui.store.pieces import same_pieces

PIECES = (
    "bwv66.6", "bwv7.7", "bwv10.7", "bwv101.7", "bwv120.6", "bwv13.6", "bwv140.7", "bwv16.6", "bwv20.7", "bwv227.7",
    "joplin/maple_leaf_rag", "schoenberg/opus19/movement2", "trecento/Fava_Dicant_nunc_iudei",
)  # fmt: skip
POP = sorted((Path(__file__).resolve().parents[4] / "shared" / "music" / "pop").glob("*"))
WORST = Recipe(transpose=-5, time_stretch=0.9, velocity_scale=1.2, jitter_ms=5.0, dropout=0.02)
RATE = 22_050


@pytest.fixture(params=["music21's corpus", "pop"], scope="module")
def songs(request: pytest.FixtureRequest, corpus_midi: Callable[[str], bytes]) -> list[bytes]:
    if request.param == "pop":
        if not POP:
            pytest.skip("the pop songs do not lie beside this checkout")
        return [next(folder.glob("*.mid")).read_bytes() for folder in POP[::3]]
    return [corpus_midi(name) for name in PIECES]


def pieces(sketches: list[bytes]) -> list[int]:
    """The first of those that are the same, of each."""
    found = same_pieces((sketch, b"") for sketch in sketches).tolist()
    return [place if same < 0 else same for place, same in enumerate(found)]


def sketch(data: bytes) -> bytes:
    return midi_fingerprint(read_midi(data))


def test_every_variant_is_found_and_no_other_piece(songs):
    """Of each piece six as augmentation makes them and one with everything at once."""
    sketches, roots = [sketch(song) for song in songs], list(range(len(songs)))
    for number, song in enumerate(songs):
        original = read_song(song)
        for recipe in (WORST, *choose_recipes("midi", 6, str(number), 0, midi_limits(original))):
            sketches.append(sketch(vary_midi(original, recipe, number)))
            roots.append(number)
    assert pieces(sketches) == roots


def test_versions_of_a_song_are_found_but_for_those_that_share_no_tune():
    """POP909's: at least 98 of 100 pairs of versions, and no pair of other songs."""
    if not POP:
        pytest.skip("the pop songs do not lie beside this checkout")
    files = [(folder.name, path) for folder in POP for path in sorted(folder.rglob("*.mid"))]
    found = pieces([sketch(path.read_bytes()) for _, path in files])
    pairs = list(combinations(range(len(files)), 2))
    versions = [(one, other) for one, other in pairs if files[one][0] == files[other][0]]
    assert sum(found[one] == found[other] for one, other in versions) >= 0.98 * len(versions) > 100
    assert not [(files[one], files[other]) for one, other in pairs
                if files[one][0] != files[other][0] and found[one] == found[other]]  # fmt: skip


def test_another_export_is_the_same_piece(corpus_midi):
    """All on one track and channel, in ticks of its own at a tempo of its own, with lengths and loudness lost."""
    original = corpus_midi("bwv66.6")
    score = read_midi(original)
    events = []
    for note in score.notes:
        start = round(float(note["onset"]) * 1000 * 1.07)
        events.append((start, mido.Message("note_on", note=int(note["pitch"]) + 3, velocity=64)))
        events.append((start + 50, mido.Message("note_off", note=int(note["pitch"]) + 3)))
    track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=960_000)]), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    file = io.BytesIO()
    mido.MidiFile(ticks_per_beat=960, tracks=[track]).save(file=file)
    assert pieces([sketch(original), sketch(corpus_midi("bwv7.7")), sketch(file.getvalue())]) == [0, 1, 0]


def phrase(pitches: list[int], beat: int = 480) -> bytes:
    track = mido.MidiTrack()
    for pitch in pitches:
        track += [mido.Message("note_on", note=pitch), mido.Message("note_off", note=pitch, time=beat)]
    file = io.BytesIO()
    mido.MidiFile(tracks=[track]).save(file=file)
    return file.getvalue()


def test_a_short_phrase_is_known_as_a_whole_and_one_note_says_nothing():
    tune = [60, 62, 64, 65, 67, 65, 64, 62, 60]
    higher, other = [pitch + 5 for pitch in tune], [*tune[:-1], 59]
    assert pieces([sketch(phrase(one)) for one in (tune, higher, other)]) == [0, 0, 2]
    assert pieces([sketch(phrase(tune)), sketch(phrase(higher, 400))]) == [0, 0]
    assert sketch(phrase([60] * 40)) == sketch(phrase([60, 62])) == b""
    trill = sketch(phrase([60, 62] * 20))
    assert trill == b"", "to and fro between two pitches is no tune"


@pytest.fixture(scope="module")
def sounds(corpus_midi) -> list[np.ndarray]:
    names = ("bwv66.6", "bwv7.7", "joplin/maple_leaf_rag")
    return [render_midi(corpus_midi(name), RATE)[: 30 * RATE] for name in names]


@pytest.mark.slow
def test_sound_is_known_at_another_pitch_speed_level_and_with_noise(sounds):
    recipes = [
        {"pitch_shift": -2, "time_stretch": 0.9, "noise": 0.005, "gain": 0.8},
        {"pitch_shift": 2, "time_stretch": 1.1},
        {"noise": 0.005, "gain": 1.2},
    ]
    clips, roots = list(sounds), [0, 1, 2]
    for number, sound in enumerate(sounds):
        for recipe in recipes:
            clips.append(augment_audio((sound, RATE), **recipe, seed=number).samples)
            roots.append(number)
    assert pieces([extract_audio_features((clip, RATE)).fingerprint for clip in clips]) == roots


def test_sound_that_another_tool_changed_is_known(librosa, sounds):
    """librosa's pitch and speed, one after the other too; MP3 and Vorbis; another level, noise, a later start."""

    def pitched(sound: np.ndarray, semitones: float) -> np.ndarray:
        return librosa.effects.pitch_shift(sound, sr=RATE, n_steps=semitones)

    def faster(sound: np.ndarray, speed: float) -> np.ndarray:
        return librosa.effects.time_stretch(sound, rate=speed)

    sound, other = (one.mean(axis=1)[: 15 * RATE] for one in sounds[:2])
    noise = np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32) * np.float32(0.2 * sound.std())
    clips = [sound, pitched(sound, -2), faster(sound, 0.9), faster(pitched(sound, 2), 1.1), 0.3 * sound, sound + noise,
             coded(sound, "MP3"), coded(sound, "OGG"), sound[3 * RATE :], other]  # fmt: skip
    assert pieces([packed(Spectrum(clip, RATE, 512).chroma) for clip in clips]) == [0] * 9 + [9]


def coded(sound: np.ndarray, how: str) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format=how)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def test_notes_and_sound_are_never_compared_and_a_tone_says_nothing(corpus_midi, sounds):
    notes = sketch(corpus_midi("bwv66.6"))
    sound = extract_audio_features((sounds[0], RATE)).fingerprint
    assert pieces([notes, sound]) == [0, 1]
    for frames in (1, 4, 400):
        assert packed(np.tile(np.eye(12, dtype=np.float32)[3], (frames, 1))) == b""
    assert packed(np.zeros((0, 12), np.float32)) == b""

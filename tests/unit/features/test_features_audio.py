"""Audio features against librosa's own, and against sound whose answer is known."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.features.audio import (
    AudioConfig,
    analysed,
    detect_labels,
    extract_audio_features,
    extract_item,
    spans,
)
from kelly_tui.features.audio_rhythm import onset_strength
from kelly_tui.features.sound_file import valid_audio
from kelly_tui.features.spectrum import Spectrum, cepstrum
from kelly_tui.music.theory import chord_name, chord_pitches
from kelly_tui.store.layout import make_music_folders

RATE = 22_050


def tone(hertz: float, seconds: float, rate: int = RATE, decay: float = 0.0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    partials = sum(np.sin(2 * np.pi * hertz * part * time) / part**2 for part in range(1, 6))
    return 0.2 * partials * np.exp(-decay * time)


def cadence(tonic: int, minor: bool, beat: float = 0.5) -> np.ndarray:
    """I IV V I with its scale above, in the key of `tonic` (pitch class)."""
    third, sixth = (3, 8) if minor else (4, 9)
    chords = [(0, third, 7), (5, sixth, 12), (7, 11, 14), (0, third, 7)] * 4
    scale = [0, 2, third, 5, 7, 5, third, 2, 0, 2, third, 5, 7, third, 2, 0]
    parts = []
    for chord, note in zip(chords, scale, strict=True):
        pitches = [48 + tonic + step for step in chord] + [72 + tonic + note]
        parts.append(sum(tone(440 * 2 ** ((pitch - 69) / 12), beat, decay=3) for pitch in pitches))
    return np.concatenate(parts)


def clicks(bpm: float, seconds: float = 20) -> np.ndarray:
    sound = np.zeros(round(seconds * RATE))
    hit = tone(900, 0.05, decay=60)
    for index in range(int(seconds * bpm / 60)):
        start = round(index * 60 / bpm * RATE)
        part = sound[start : start + len(hit)]
        part += hit[: len(part)]
    return sound


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """Ten seconds of chords, drums of noise, a glide and silence."""
    rng = np.random.default_rng(5)
    sound = np.concatenate([cadence(2, minor=True), np.zeros(RATE // 2), tone(311, 1.5)])
    for start in range(0, len(sound) - RATE, RATE // 3):
        sound[start : start + 800] += 0.3 * rng.standard_normal(800) * np.exp(-np.arange(800) / 150)
    return (sound / np.abs(sound).max() * 0.8).astype(np.float32)


def test_equals_librosa(librosa: Any, clip: np.ndarray) -> None:
    """Same definitions; differences are those of float32 arithmetic."""
    ours = Spectrum(clip, RATE, 512)
    mel = ours.mel_db(64)
    magnitude = np.abs(librosa.stft(clip))
    their_mel = librosa.power_to_db(librosa.feature.melspectrogram(S=magnitude**2, sr=RATE, n_mels=64))
    their_chroma = librosa.feature.chroma_stft(S=magnitude**2, sr=RATE)
    pairs = {
        "mel dB": (mel.T, their_mel, 2e-3),
        "mfcc": (cepstrum(mel, 20).T, librosa.feature.mfcc(S=their_mel, n_mfcc=20), 5e-3),
        "chroma": (ours.chroma.T, their_chroma, 1e-4),
        "centroid Hz": (ours.centroid, librosa.feature.spectral_centroid(S=magnitude, sr=RATE)[0], 0.5),
        "bandwidth Hz": (ours.bandwidth, librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE)[0], 0.5),
        "zcr": (ours.zero_crossing_rate, librosa.feature.zero_crossing_rate(clip)[0], 1e-6),
        "rms": (ours.rms, librosa.feature.rms(y=clip)[0], 1e-5),
        "onset": (onset_strength(mel, 512), librosa.onset.onset_strength(S=their_mel, sr=RATE), 2e-3),
    }
    loud = librosa.feature.rms(y=clip)[0] > 1e-3  # where there is only the transform's own rounding, nothing is equal
    for name, (mine, theirs, tolerance) in pairs.items():
        assert mine.shape == theirs.shape, name
        assert np.abs(mine - theirs)[..., loud].max() <= tolerance, name
    rolloff = librosa.feature.spectral_rolloff(S=magnitude, sr=RATE)[0]
    assert np.mean(ours.rolloff[loud] == rolloff[loud]) > 0.99  # a bin may tip over by rounding
    assert ours.tuning == pytest.approx(librosa.estimate_tuning(S=magnitude**2, sr=RATE), abs=0.0101)


@pytest.mark.parametrize(("mels", "mfcc", "hop"), [(64, 20, 512), (96, 13, 256)])
def test_every_feature_of_a_file_is_librosas(librosa: Any, tmp_path, clip: np.ndarray, mels: int, mfcc: int, hop: int):
    """Through the public function, from a stereo file at another rate, whatever config.json asks.

    The tolerances are those of float32, where there is sound; a rolloff may be a bin away.
    """
    path = tmp_path / "stereo.wav"
    wide = librosa.resample(clip, orig_sr=RATE, target_sr=44_100, res_type="soxr_hq") + 1e-3
    soundfile.write(path, np.stack([wide, 0.5 * wide], axis=1), 44_100, subtype="FLOAT")
    found = extract_audio_features(path, AudioConfig(n_mels=mels, n_mfcc=mfcc, hop_length=hop))
    sound, rate = librosa.load(path, sr=RATE)
    given = {"y": sound, "sr": rate, "hop_length": hop}
    mel = librosa.power_to_db(librosa.feature.melspectrogram(**given, n_mels=mels))
    theirs = {
        "mel_spectrogram": (mel, 5e-3),
        "mfcc": (librosa.feature.mfcc(S=mel, n_mfcc=mfcc), 2e-2),
        "chroma": (librosa.feature.chroma_stft(**given), 1e-3),
        "spectral_centroid": (librosa.feature.spectral_centroid(**given)[0], 0.5),
        "spectral_bandwidth": (librosa.feature.spectral_bandwidth(**given)[0], 0.5),
        "spectral_rolloff": (librosa.feature.spectral_rolloff(**given)[0], RATE / 2048 + 0.01),
        "zero_crossing_rate": (librosa.feature.zero_crossing_rate(sound, hop_length=hop)[0], 1e-6),
        "rms_energy": (librosa.feature.rms(y=sound, hop_length=hop)[0], 1e-5),
        "onset_strength": (librosa.onset.onset_strength(S=mel, sr=rate, hop_length=hop), 5e-3),
    }
    curves = {name for name, value in found.arrays().items() if np.shape(value)[-1:] == found.rms_energy.shape}
    assert set(theirs) == curves
    for name, (expected, tolerance) in theirs.items():
        ours = getattr(found, name)
        assert ours.shape == expected.shape, name
        assert ours.dtype == np.float32, name
        assert np.abs(ours - expected)[..., theirs["rms_energy"][0] > 2e-3].max() <= tolerance, name
        if name not in ("mel_spectrogram", "mfcc"):
            assert found.means[name] == pytest.approx(expected.mean(axis=-1), rel=1e-3, abs=1e-4), name
            assert found.stds[name] == pytest.approx(expected.std(axis=-1), rel=1e-3, abs=1e-3), name


@pytest.mark.parametrize("count", [1, 700, 2048, 5000])
@pytest.mark.parametrize("hop", [160, 512])
@pytest.mark.filterwarnings("ignore:n_fft")
def test_frames_are_librosas_for_any_length_and_hop(librosa: Any, count: int, hop: int) -> None:
    sound = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    ours = Spectrum(sound, RATE, hop)
    magnitude = np.abs(librosa.stft(sound, hop_length=hop))
    assert np.abs(ours.magnitude.T - magnitude).max() < 2e-3
    assert ours.rms == pytest.approx(librosa.feature.rms(y=sound, hop_length=hop)[0], rel=1e-4)


def test_resampling_is_librosas(librosa: Any, tmp_path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([tone(440, 1, 44_100), tone(660, 1, 44_100)], axis=1), 44_100)
    theirs, _ = librosa.load(path, sr=RATE)
    assert analysed(*valid_audio(path)) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("minor", [False, True])
@pytest.mark.parametrize("tonic", range(12))
def test_key_of_a_cadence(tonic: int, minor: bool) -> None:
    features = extract_audio_features((cadence(tonic, minor), RATE))
    name = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")[tonic]
    assert (features.key_signature, features.mode) == (name, "minor" if minor else "major")


def test_key_of_a_piano_out_of_tune() -> None:
    import soxr

    flat = soxr.resample(cadence(7, minor=False), RATE, RATE * 2 ** (0.35 / 12))  # 35 cents down
    features = extract_audio_features((flat, RATE))
    assert features.tuning == pytest.approx(-0.35, abs=0.1)  # by the strong low partials, one bin wide
    assert (features.key_signature, features.mode) == ("G", "major")


@pytest.mark.parametrize("bpm", [62, 75, 90, 100, 118, 128, 140])
def test_tempo_and_beats_of_clicks(bpm: float) -> None:
    features = extract_audio_features((clicks(bpm), RATE))
    assert features.tempo_bpm == pytest.approx(bpm, rel=0.02)
    times = features.beat_frames * 512 / RATE
    away = times * bpm / 60 - np.round(times * bpm / 60)
    assert len(times) >= 0.8 * 20 * bpm / 60
    assert np.abs(away).max() * 60 / bpm < 0.07


PROGRESSION = "C Am F G C/E Dm G C Em A Dm Gm A# C F F"


def progression(names: list[str], seconds: float = 1.0) -> np.ndarray:
    """Each chord for `seconds`, struck twice, on its bass; notes have overtones."""
    parts = []
    for chord in map(chord_pitches, names):
        pitches = [36 + chord.bass, *(60 + pitch for pitch in chord.pitches)]
        hertz = [440 * 2 ** ((pitch - 69) / 12) for pitch in pitches for _ in range(2)]
        stroke = sum(tone(part * low, seconds / 2, decay=3) / part for low in hertz for part in (1, 2, 3, 4))
        parts += [stroke, stroke]
    return np.concatenate(parts)


@pytest.mark.parametrize("tuning", [0, 0.3])
def test_chords_of_a_progression(tuning: float) -> None:
    names = PROGRESSION.split()
    sound = progression(names)
    played = np.interp(np.arange(0, len(sound) - 1, 2 ** (tuning / 12)), np.arange(len(sound)), sound)
    found = extract_audio_features((played, RATE))
    starts = np.array(found.chord_times) * 2 ** (tuning / 12)
    heard = [found.chord_sequence[max(0, np.searchsorted(starts, at, side="right") - 1)] for at in
             np.arange(len(names)) + 0.5]  # fmt: skip
    alike = [chord_pitches(here)[:2] == chord_pitches(there)[:2] for here, there in zip(heard, names) if here != "N"]
    assert sum(alike) >= len(names) - 1
    assert "C/E" in heard
    labels = detect_labels(found)
    assert labels["chord_progression"].value == found.chord_sequence
    assert len(labels["chord_times"].value) == len(found.chord_sequence)
    assert labels["chord_times"].confidence > 0.5


@pytest.mark.parametrize("kind", ["noise", "clicks", "drums", "short", "constant"])
def test_no_chords_where_there_are_none(kind: str) -> None:
    rng = np.random.default_rng(0)
    hits = np.exp(-np.arange(RATE * 12) % (RATE // 4) / 900) * rng.standard_normal(RATE * 12)
    sound = {
        "noise": rng.standard_normal(RATE * 10) * 0.1,
        "clicks": np.tile(np.r_[1.0, np.zeros(RATE // 2)], 20),
        "drums": hits * 0.2,
        "short": progression(["C"], 0.4),
        "constant": np.full(RATE * 3, 0.5),
    }[kind]
    found = extract_audio_features((sound, RATE))
    assert found.chord_sequence == []
    constant = "nothing sounds: a constant level (DC) of 0.5"
    assert found.chord_why in ("no pitch stands out", "too short for chords", constant)
    assert "chord_progression" not in detect_labels(found)


@pytest.mark.parametrize("hertz", [220.0, 440.0, 523.25])
def test_one_pitch_is_no_chord(hertz: float) -> None:
    time = np.arange(RATE * 8) / RATE
    for sound in (0.5 * np.sin(2 * np.pi * hertz * time), tone(hertz, 8)):
        found = extract_audio_features((sound, RATE))
        assert found.chord_sequence == []
        assert found.key_signature is None


@pytest.mark.parametrize("hertz", [3500, 4500, 6000, 7000, 10_000])
def test_what_is_too_high_for_chords_is_none(hertz: float) -> None:
    """What resampling leaves of it was a chord at up to 0.93."""
    sound = 0.5 * np.sin(2 * np.pi * hertz * np.arange(RATE * 6) / RATE)
    found = extract_audio_features((sound, RATE))
    assert found.chord_sequence == []
    assert found.chord_why == "nothing sounds below 2.8 kHz, where chords do"
    quiet = np.tile(progression(["C", "F", "G", "C"]), 2)[: len(sound)] * 0.02
    assert extract_audio_features((sound + quiet, RATE)).chord_sequence[:2] == ["C", "F"]


def test_confidence_of_chords_is_that_of_their_sevenths_too() -> None:
    """Sevenths whose seventh is faint are named by their triads or others: less sure than triads."""
    sure = {}
    for seventh in (0.0, 0.5):
        parts = []
        for root in (0, 5, 7, 2) * 3:
            tones = [tone(130.8 * 2 ** ((root + step) / 12), 1.0) * loud for step, loud in
                     ((0, 1.0), (4, 0.8), (7, 0.8), (10, seventh))]  # fmt: skip
            parts.append(sum(tones))
        sure[seventh] = extract_audio_features((0.2 * np.concatenate(parts), RATE)).chord_confidence
    assert sure[0.5] < sure[0.0]


def test_notes_that_come_one_by_one_tell_chords_not_surely() -> None:
    steps = [0, 4, 7, 2, 9, 5, 11, 0] * 2
    line = np.concatenate([tone(261.63 * 2 ** (step / 12), 0.6) for step in steps])
    assert extract_audio_features((line, RATE)).chord_confidence < 0.45


def test_little_music_tells_little_of_its_key() -> None:
    chords = progression(["C", "F", "G", "C"])
    short, long = (extract_audio_features((np.tile(chords, times), RATE)) for times in (1, 6))
    assert (short.key_signature, short.mode) == (long.key_signature, long.mode) == ("C", "major")
    assert short.key_confidence < long.key_confidence - 0.05
    assert extract_audio_features((progression(["C"] * 4), RATE)).key_signature is None


@pytest.mark.parametrize("root", [45, 50, 57])
def test_bare_fifths_are_power_chords(root: int) -> None:
    sound = sum(tone(440 * 2 ** ((pitch - 69) / 12), 8) for pitch in (root, root + 7, root + 12))
    found = extract_audio_features((sound, RATE)).chord_sequence
    assert found == [chord_name(root, "5")]


def test_no_label_without_evidence() -> None:
    noise = np.random.default_rng(1).uniform(-0.01, 0.01, 2205)
    features = extract_audio_features((noise, RATE))  # a tenth of a second
    assert features.tempo_bpm is None
    assert "tempo_bpm" not in detect_labels(features)
    direct = extract_audio_features((np.full(RATE, 0.5), RATE))  # a constant has no pitch that means anything
    assert direct.tempo_bpm is None
    labels = detect_labels(extract_audio_features((cadence(9, minor=True), RATE)))
    assert labels["key"].value == "A"
    assert labels["key"].source == "detector"
    assert 0.5 < labels["key"].confidence <= 1


@pytest.mark.parametrize(
    "sound",
    [
        np.array([0.5]),
        np.full(RATE, 1.0),
        np.sign(np.sin(np.arange(RATE) / 9)),
        np.concatenate([np.zeros(RATE), [1.0], np.zeros(RATE)]),
        np.stack([tone(200, 1), -tone(200, 1)], axis=1),
        np.random.default_rng(0).standard_normal((9000, 6)),
        tone(50, 1) * 1e6 / np.abs(tone(50, 1)).max(),
        np.full(400, 1e-3),
    ],
    ids=["one sample", "DC", "clipped", "one click", "opposite channels", "5.1", "very loud", "very quiet"],
)
def test_finite_whatever_comes(sound: np.ndarray) -> None:
    features = extract_audio_features((sound, RATE))
    assert features.feature_vector.shape == (128,)
    assert np.isfinite(features.feature_vector).all()
    numbers = [np.asarray(value) for value in features.arrays().values()]
    assert all(np.isfinite(value).all() for value in numbers if value.dtype.kind != "U")


def test_of_channels_that_cancel_out_one_is_heard() -> None:
    alone = tone(440, 4)
    opposite = extract_audio_features((np.stack((alone, -alone), axis=1), RATE))
    np.testing.assert_array_equal(opposite.chroma, extract_audio_features((alone, RATE)).chroma)


def test_a_constant_level_is_named() -> None:
    """It was told as silence, with onsets that were too few."""
    features = extract_audio_features((np.full(4 * RATE, 0.5) + 1e-6 * tone(440, 4), RATE))
    assert set(features.why.values()) == {"nothing sounds: a constant level (DC) of 0.5"}
    assert "DC" not in "".join(extract_audio_features((0.5 + 0.1 * tone(440, 4), RATE)).why.values())


def test_three_pitches_in_turn_tell_no_key() -> None:
    """C, E and G are in many keys: they were C major at .83, and a scale says more."""
    steps = {"chord": (0, 4, 7), "scale": (0, 2, 4, 5, 7, 9, 11, 12)}
    found = {
        name: extract_audio_features((np.concatenate([tone(261.63 * 2 ** (step / 12), 1) for step in those]), RATE))
        for name, those in steps.items()
    }
    assert found["chord"].key_signature is None
    assert "pitch classes" in found["chord"].why["key"]
    assert found["scale"].key_signature is not None


@pytest.mark.parametrize("rate", [8_000, 11_025, 48_000, 96_000])
def test_any_rate(rate: int) -> None:
    sound = tone(440, 3, rate)
    features = extract_audio_features((sound, rate))
    assert features.duration_sec == pytest.approx(3, abs=1e-3)
    assert features.mel_spectrogram.shape == (64, 1 + 3 * RATE // 512)
    assert features.means["spectral_centroid"] < 1200


def test_vector_is_laid_out_as_the_data_model_says(clip: np.ndarray) -> None:
    found = extract_audio_features((clip, RATE))
    vector = found.feature_vector
    assert vector[:20] == pytest.approx(found.mfcc.mean(axis=1), rel=1e-5)
    assert vector[20:40] == pytest.approx(found.mfcc.std(axis=1), rel=1e-5)
    assert vector[40:52] == pytest.approx(found.chroma.mean(axis=1), rel=1e-5)
    singles = [
        found.spectral_centroid.mean() / 5000,
        found.spectral_centroid.std() / 2000,
        found.spectral_rolloff.mean() / 10000,
        found.spectral_bandwidth.mean() / 3000,
        found.zero_crossing_rate.mean() * 10,
        found.rms_energy.mean() * 10,
        found.rms_energy.std() * 10,
        found.tempo_bpm / 200,
        found.onset_strength.mean(),
        found.onset_strength.std(),
        found.onset_strength.max(),
        len(found.beat_frames) / found.duration_sec,
    ]
    assert vector[52:64] == pytest.approx(singles, rel=1e-4)
    assert vector[64:96] == pytest.approx(spans(found.rms_energy, 32), rel=1e-5)
    assert vector[96:] == pytest.approx(found.mel_spectrogram.mean(axis=1).reshape(32, 2).mean(axis=1), rel=1e-4)


def test_spans_keep_the_mean() -> None:
    for count in (1, 5, 31, 32, 33, 1000):
        curve = np.random.default_rng(count).random(count)
        assert spans(curve, 32).mean() == pytest.approx(curve.mean())
    assert spans(np.arange(64.0), 32) == pytest.approx(np.arange(32) * 2 + 0.5)


def test_configuration_does_what_it_says(clip: np.ndarray) -> None:
    config = AudioConfig(max_duration_sec=2, n_mels=40, n_mfcc=13, hop_length=256, extract_chroma=False)
    found = extract_audio_features((clip, RATE), config)
    assert found.mel_spectrogram.shape == (40, 1 + 2 * RATE // 256)
    assert found.mfcc.shape == (13, 1 + 2 * RATE // 256)
    assert found.chroma is None
    assert found.duration_sec == 2
    assert all(why.endswith("; only the first 2 s heard") for why in found.why.values())
    assert found.feature_vector.shape == (128,)
    whole = extract_audio_features((clip, RATE), AudioConfig(max_duration_sec=len(clip) / RATE))
    assert not any("heard" in why and "first" in why for why in whole.why.values())
    bare = extract_audio_features((clip, RATE), AudioConfig(extract_mel_spectrogram=False, extract_mfcc=False))
    names = set(np.load(io.BytesIO(bare.to_npz())).files)
    assert "chroma" in names
    assert not names & {"mel_spectrogram", "mfcc"}
    with pytest.raises(DatasetError, match="hop_length is 0"):
        extract_audio_features((clip, RATE), AudioConfig(hop_length=0))


def test_npz_is_the_same_bytes_and_numpy_reads_it(clip: np.ndarray) -> None:
    found = extract_audio_features((clip, RATE))
    data = found.to_npz()
    assert data == extract_audio_features((clip, RATE)).to_npz()
    read = np.load(io.BytesIO(data), allow_pickle=False)
    assert read["mel_spectrogram"].dtype == np.float32
    assert (read["mfcc"] == found.mfcc).all()
    assert str(read["key_signature"]) == found.key_signature
    assert read["feature_vector"].shape == (128,)


def test_refuses_by_name_and_reason(tmp_path) -> None:
    """An empty .wav once "extracted", and silent files passed."""
    rng = np.random.default_rng(0)
    paths = {name: tmp_path / f"{name}.wav" for name in ("empty", "no frames", "silent", "text", "nan", "cut", "gone")}
    paths["empty"].touch()
    soundfile.write(paths["no frames"], np.zeros((0, 2)), RATE)
    soundfile.write(paths["silent"], np.zeros((RATE, 2)), RATE)
    paths["text"].write_text("this is no sound\n" * 50)
    soundfile.write(paths["nan"], np.array([0.1, np.nan, 0.2]), RATE, subtype="FLOAT")
    soundfile.write(paths["cut"], rng.standard_normal(RATE) * 0.1, RATE, format="FLAC")
    paths["cut"].write_bytes(paths["cut"].read_bytes()[:30])
    said = {
        "empty": "empty",
        "no frames": "empty",
        "silent": "silent",
        "text": "can't be read as audio",
        "nan": "not finite",
        "cut": "can't be read as audio",
        "gone": "No such file",
    }
    for name, reason in said.items():
        with pytest.raises(FileRefused, match=reason) as refusal:
            extract_audio_features(paths[name])
        assert refusal.value.path == paths[name]
    with pytest.raises(FileRefused, match="not a file"):
        extract_audio_features("/dev/zero")


def test_ten_hours_are_not_read_whole(tmp_path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 8000, 1, subtype="PCM_U8") as file:
        file.write(tone(300, 31, 8000))
        silence = np.zeros(8000 * 600, np.float32)
        for _ in range(22):
            file.write(silence)
    assert extract_audio_features(path).duration_sec == pytest.approx(30, abs=0.01)
    with pytest.raises(FileRefused, match="too long to decode"):
        valid_audio(path)


def test_item_writes_the_features_and_says_what_it_found(tmp_path) -> None:
    soundfile.write(tmp_path / "song.flac", cadence(9, minor=True), RATE)
    make_music_folders(tmp_path, "processed/features")
    item = {
        "root": str(tmp_path),
        "sample_id": "ab12",
        "file_path": "song.flac",
        "sha256": "",
        "target": "processed/features/ab/ab12.npz",
        "config": {"max_duration_sec": 4.0, "n_mels": 64, "hop_length": 512, "unknown": 1},
    }
    result = extract_item(item)
    assert result["duration_sec"] == pytest.approx(8)
    assert len(bytes.fromhex(result["vector"])) == 128 * 4
    assert json.loads(result["columns"])["key_signature"] == "A"
    assert json.loads(result["labels"])["key"]["value"] == "A"
    assert json.loads(msgspec.json.encode(result)) == result
    first = (tmp_path / item["target"]).read_bytes()
    assert np.load(io.BytesIO(first))["mel_spectrogram"].shape == (64, 1 + 4 * RATE // 512)
    extract_item(item)
    assert (tmp_path / item["target"]).read_bytes() == first


def test_the_first_item_waits_for_no_compiler() -> None:
    """librosa's compiled functions cost 28 s on a fresh machine."""
    code = (
        "import sys, numpy as np; from kelly_tui.features.audio import extract_audio_features as f;"
        "f((np.random.default_rng(0).uniform(-1, 1, 50000), 22050));"
        "print([name for name in ('librosa', 'numba', 'sklearn', 'symusic', 'textual') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"

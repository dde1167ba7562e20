"""An audio file's features: mel bands, MFCC, chroma, spectrum, rhythm, key, and a vector of 128 numbers.

Analysed is the mean of the channels at 22,050 Hz, n_fft 2048, the first `max_duration_sec`. Definitions are
librosa 0.11's, from one shared spectrogram. No loudness label is written: how loud a file is says how it was
mastered, not how it was played.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from kelly_tui.errors import DatasetError
from kelly_tui.features.audio_chords import find_chords
from kelly_tui.features.audio_key import find_keys
from kelly_tui.features.audio_meter import find_bars
from kelly_tui.features.audio_rhythm import find_beats, find_tempo, onset_rate, onset_strength
from kelly_tui.features.npz import npz_bytes
from kelly_tui.features.sound_file import SILENCE, Samples, Sound, audio_seconds, sound_of
from kelly_tui.features.spectrum import Floats, Spectrum, cepstrum
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.numerals import keys_in_words, numerals, numerals_in_words
from kelly_tui.store.chromagrams import packed
from kelly_tui.store.durable import write_inside
from kelly_tui.store.extracted import columns_to_carry, labels_to_carry, vector_to_store
from kelly_tui.store.intact import intact

RATE = 22_050
VECTOR_MFCC = 20
VECTOR_POINTS = 32
_CHORD_LABELS = ("chord_progression", "chord_times")
_NOT_STORED = ("fingerprint", "means", "stds", "tempo_why", "meter_why", "key_why", "chord_why")
_T = TypeVar("_T")
_CLIPPED = 0.05
"""The share of samples at the limit from which sound is clipped."""
_HEARD_HOP, _HEARD_MELS = 512, 64
"""By these labels are told, whatever the configuration asks of the arrays."""


class AudioConfig(msgspec.Struct, kw_only=True):
    """The part of a `DatasetConfig` that audio features depend on."""

    max_duration_sec: float = 30.0
    n_mels: int = 64
    n_mfcc: int = 20
    hop_length: int = 512
    extract_mel_spectrogram: bool = True
    extract_mfcc: bool = True
    extract_chroma: bool = True


@dataclass(frozen=True, eq=False)
class AudioFeatures:
    """The features of one clip. T is the number of frames, ``1 + samples // hop_length``."""

    duration_sec: float
    """Of what was analysed."""
    hop_length: int
    mel_spectrogram: Floats | None
    """(n_mels, T) dB, 80 dB deep; None where the configuration leaves it out."""
    mfcc: Floats | None
    """(n_mfcc, T), of `mel_spectrogram`."""
    chroma: Floats | None
    """(12, T) from C, each frame's largest 1; tuned to the clip."""
    spectral_centroid: Floats
    """(T,) Hz."""
    spectral_rolloff: Floats
    """(T,) Hz, 85 %."""
    spectral_bandwidth: Floats
    """(T,) Hz."""
    zero_crossing_rate: Floats
    """(T,) a sample."""
    rms_energy: Floats
    """(T,) 1 is full scale."""
    onset_strength: Floats
    """(T,) dB of rise."""
    means: dict[str, NDArray[np.float32]]
    """Over time, by the array's name; of mfcc (20) and chroma too where they are left out."""
    stds: dict[str, NDArray[np.float32]]
    tempo_bpm: float | None
    """None where nothing repeats."""
    tempo_confidence: float
    tempo_why: str
    beat_frames: NDArray[np.int64]
    time_signature: str | None
    """4/4, 3/4 or 6/8; None where it can't be told."""
    meter_confidence: float
    meter_why: str
    bar_frames: NDArray[np.int64]
    """Those of `beat_frames` on which bars begin."""
    onset_rate: float
    """Onsets a second."""
    key_signature: str | None
    """The tonic; None where no pitches stand out."""
    mode: str | None
    key_confidence: float
    key_why: str
    key_sequence: list[str]
    """The keys one after another, ``C major``: one where nothing modulates, none where no key is heard."""
    key_times: list[float]
    """Seconds, where each starts."""
    roman_sequence: list[str]
    """The numeral of each chord in the key that holds then; empty where no key is heard."""
    chord_sequence: list[str]
    """As `Am7`, `C/E`, `N`; empty where no chord can be told."""
    chord_times: list[float]
    """Seconds, where each starts."""
    chord_confidence: float
    chord_why: str
    """What the chords rest on, or why there are none."""
    fingerprint: bytes
    """What the clip is recognised by: see `kelly_tui.store.chromagrams`."""
    tuning: float
    """Semitones from A = 440 Hz."""
    feature_vector: Floats
    """(128,), finite, as data-model.md lays it out; curves are means over 32 equal spans, unscaled."""

    @property
    def why(self) -> dict[str, str]:
        """For each label that could be there, what it rests on, or why there is none."""
        return {
            **dict.fromkeys(("key", "mode"), self.key_why),
            "tempo_bpm": self.tempo_why,
            "time_signature": self.meter_why,
            **dict.fromkeys(_CHORD_LABELS, self.chord_why),
        }

    def arrays(self) -> dict[str, Any]:
        """Everything by name, as in the .npz; what is absent is left out. ``why`` is JSON, an object."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _NOT_STORED}
        found |= {f"{name}_mean": value for name, value in self.means.items()}
        found |= {f"{name}_std": value for name, value in self.stds.items()}
        found["why"] = msgspec.json.encode(self.why).decode()
        return {name: value for name, value in found.items() if value is not None}

    def columns(self) -> dict[str, float | str]:
        """The single numbers and words, for the catalogue's filters, and how many keys there are one after another."""
        single: dict[str, float | str] = {
            name: value if isinstance(value, str) else round(float(value), 6)
            for name, value in self.arrays().items()
            if np.ndim(value) == 0 and name not in ("duration_sec", "hop_length", "why")
        }
        return {**single, "key_count": len(self.key_sequence)}

    def to_npz(self) -> bytes:
        """The .npz, the same bytes for the same features."""
        return npz_bytes(self.arrays())


def extract_audio_features(source: Sound, config: AudioConfig | DatasetConfig | None = None) -> AudioFeatures:
    """The features of a file or of ``(samples, rate)``; samples (n,) or (n, channels), rate in Hz.

    Raises `FileRefused` for what can't be analysed, silence among it.
    """
    config = config or AudioConfig()
    _check(config)
    samples, rate = sound_of(source, config.max_duration_sec)
    mono = analysed(samples, rate)
    hop = config.hop_length
    spectrum = Spectrum(mono, RATE, hop)
    mel = spectrum.mel_db(config.n_mels)
    mfcc = cepstrum(mel, max(config.n_mfcc, VECTOR_MFCC))
    strength = onset_strength(mel, hop)
    heard = spectrum if hop == _HEARD_HOP else Spectrum(mono, RATE, _HEARD_HOP)
    heard_mel = mel if (hop, config.n_mels) == (_HEARD_HOP, _HEARD_MELS) else heard.mel_db(_HEARD_MELS)
    tempo = find_tempo(heard_mel, heard.chroma, RATE, _HEARD_HOP)
    beats = _beats(heard_mel, tempo.value) if tempo.value else np.empty(0, np.int64)
    onsets = strength if heard_mel is mel else onset_strength(heard_mel, _HEARD_HOP)
    bars = find_bars(beats, onsets, heard_mel, heard.chroma, tempo, RATE / _HEARD_HOP)
    key, keys = find_keys(heard)
    chords = find_chords(heard, beats.astype(np.float64) * (_HEARD_HOP / RATE))
    if constant := _constant(mono):
        tempo, key, chords = unknown(constant), unknown(constant), unknown(constant)
        bars = bars._replace(meter=unknown(constant))
    elif clipped := _clipped(samples):
        tempo, key, chords = (_less_sure(tempo, clipped), _less_sure(key, clipped), _less_sure(chords, clipped))
        bars = bars._replace(meter=_less_sure(bars.meter, clipped))
    chord_times, chord_names = zip(*chords.value, strict=True) if chords.value else ((), ())
    romans = numerals(chords.value or [], keys)
    curves = {
        "spectral_centroid": spectrum.centroid,
        "spectral_rolloff": spectrum.rolloff,
        "spectral_bandwidth": spectrum.bandwidth,
        "zero_crossing_rate": spectrum.zero_crossing_rate,
        "rms_energy": spectrum.rms,
        "onset_strength": strength,
    }
    described = {**curves, "mfcc": mfcc[:, :VECTOR_MFCC], "chroma": spectrum.chroma}
    means = {name: values.mean(axis=0) for name, values in described.items()}
    stds = {name: values.std(axis=0) for name, values in described.items()}
    seconds = len(mono) / RATE
    only = _only(source, len(samples) / rate, config.max_duration_sec)
    return AudioFeatures(
        duration_sec=seconds,
        hop_length=hop,
        mel_spectrogram=mel.T if config.extract_mel_spectrogram else None,
        mfcc=mfcc[:, : config.n_mfcc].T if config.extract_mfcc else None,
        chroma=spectrum.chroma.T if config.extract_chroma else None,
        **curves,
        means=means,
        stds=stds,
        tempo_bpm=tempo.value,
        tempo_confidence=tempo.confidence,
        tempo_why=tempo.why + only,
        beat_frames=np.rint(beats * (_HEARD_HOP / hop)).astype(np.int64),
        time_signature=bars.meter.value,
        meter_confidence=bars.meter.confidence,
        meter_why=bars.meter.why + only,
        bar_frames=np.rint(beats[bars.first_beats] * (_HEARD_HOP / hop)).astype(np.int64),
        onset_rate=round(onset_rate(onsets, RATE / _HEARD_HOP), 4),
        key_signature=key.value and key.value[0],
        mode=key.value and key.value[1],
        key_confidence=key.confidence,
        key_why=key.why + keys_in_words(keys) + only,
        key_sequence=[f"{region.tonic} {region.mode}" for region in keys],
        key_times=[region.start for region in keys],
        roman_sequence=romans,
        chord_sequence=list(chord_names),
        chord_times=list(chord_times),
        chord_confidence=chords.confidence,
        chord_why=chords.why + numerals_in_words(romans, chord_times, keys) + only,
        fingerprint=packed(heard.chroma),
        tuning=spectrum.tuning,
        feature_vector=_vector(means, stds, curves, mel, tempo.value or 0.0, len(beats) / seconds),
    )


def _only(source: Sound, seconds: float, longest: float) -> str:
    """For the reasons: that no more than the first `longest` seconds were heard; empty where all was."""
    if seconds < longest - 0.1:
        return ""
    whole = audio_seconds(source) if isinstance(source, (str, Path)) else np.shape(source[0])[0] / source[1]
    return f"; only the first {longest:g} s heard" if whole > seconds + 0.1 else ""


def _constant(mono: Floats) -> str:
    """That nothing but a constant level is in a signal, which is loud by it alone; empty where something sounds."""
    level = float(mono.mean(dtype=np.float64))
    return "" if np.abs(mono - level).max() >= SILENCE else f"nothing sounds: a constant level (DC) of {level:.2g}"


def _clipped(samples: Samples) -> float:
    """The share of `samples` that lie at their limit; 0 where it is no more than music's own peaks make it.

    Of a sine 3 % lie within a thousandth of its peak.
    """
    level = np.abs(samples)
    share = float((level >= 0.999 * level.max(initial=0.0)).mean()) if samples.size else 0.0
    return share if share >= _CLIPPED else 0.0


def _less_sure(found: Detection[_T], clipped: float) -> Detection[_T]:
    """What was heard of sound of which that share is clipped: what was there is not known."""
    why = f"{found.why}; clipped: {clipped:.0%} of the samples lie at their limit"
    return replace(found, confidence=found.confidence * (1 - clipped / 2), why=why)


def _beats(mel: Floats, bpm: float) -> NDArray[np.int64]:
    """The frames of `mel` on which there is a beat."""
    return find_beats(onset_strength(mel, _HEARD_HOP), RATE / _HEARD_HOP, bpm)


def analysed(samples: Samples, rate: int) -> Floats:
    """(n,): the mean of the channels of `samples`, (n, channels), at 22,050 Hz; the loudest where they cancel out."""
    mono = np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32))
    if samples.shape[1] > 1 and np.abs(mono).max(initial=0.0) < SILENCE:  # one is the other upside down
        mono = np.ascontiguousarray(samples[:, np.abs(samples).max(axis=0).argmax()])
    if rate == RATE:
        return mono
    import soxr

    resampled: Floats = soxr.resample(mono, rate, RATE)
    return resampled if len(resampled) else np.zeros(1, np.float32)


def detect_labels(features: AudioFeatures) -> dict[str, Label]:
    """Labels that audio can be given without being heard: key, mode, tempo, meter, chords, if there are any."""
    found = {
        "key": (features.key_signature, features.key_confidence, "kelly audio-key 8"),
        "mode": (features.mode, features.key_confidence, "kelly audio-key 8"),
        "tempo_bpm": (features.tempo_bpm and round(features.tempo_bpm, 2), features.tempo_confidence,
                      "kelly audio-tempo 6"),
        "time_signature": (features.time_signature, features.meter_confidence, "kelly audio-meter 6"),
        "chord_progression": (features.chord_sequence or None, features.chord_confidence, "kelly audio-chords 4"),
        "chord_times": (features.chord_times or None, features.chord_confidence, "kelly audio-chords 4"),
    }  # fmt: skip
    return {
        field: Label(value, source="detector", by=by, confidence=round(confidence, 3))
        for field, (value, confidence, by) in found.items()
        if value is not None
    }


def absent(features: AudioFeatures) -> dict[str, str]:
    """Why a label that could be there is not, by its field."""
    labels = detect_labels(features)
    return {field: why for field, why in features.why.items() if field not in labels}


def extract_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The extract stage for one audio file, run in a worker; raises `FileRefused` and nothing else for bad input.

    `item`: root, file_path, sha256, target (relative, where the .npz goes), config. Returns what the catalogue stores.
    """
    root = Path(item["root"])
    path = intact(root, item["file_path"], item["sha256"])
    config = msgspec.convert(item.get("config", {}), AudioConfig)
    features = extract_audio_features(path, config)
    whole = features.duration_sec < config.max_duration_sec  # then what was decoded is surer than the header
    write_inside(root, item["target"], features.to_npz())
    labels = detect_labels(features)
    return {
        "duration_sec": features.duration_sec if whole else audio_seconds(path),
        "vector": vector_to_store(features.feature_vector).hex(),
        "columns": columns_to_carry(features.columns(), labels),
        "fingerprint": features.fingerprint.hex(),
        "labels": labels_to_carry(labels),
        "absent": list(absent(features)),
    }


def _vector(
    means: Mapping[str, Floats],
    stds: Mapping[str, Floats],
    curves: Mapping[str, Floats],
    mel: Floats,
    bpm: float,
    beats_per_second: float,
) -> Floats:
    vector = np.concatenate(
        [
            _filled(means["mfcc"], VECTOR_MFCC),
            _filled(stds["mfcc"], VECTOR_MFCC),
            means["chroma"],
            [means["spectral_centroid"] / 5000, stds["spectral_centroid"] / 2000],
            [means["spectral_rolloff"] / 10000, means["spectral_bandwidth"] / 3000],
            [means["zero_crossing_rate"] * 10, means["rms_energy"] * 10, stds["rms_energy"] * 10],
            [bpm / 200],
            [means["onset_strength"], stds["onset_strength"], curves["onset_strength"].max()],
            [beats_per_second],
            spans(curves["rms_energy"], VECTOR_POINTS),
            spans(mel.mean(axis=0), VECTOR_POINTS),
        ]
    )
    return vector.astype(np.float32)


def spans(curve: Floats, count: int) -> NDArray[np.float64]:
    """(count,): the mean of `curve`, (n,), over `count` equal spans, for any n from 1 up."""
    area = np.concatenate(([0.0], np.cumsum(curve, dtype=np.float64)))
    edges = np.linspace(0, len(curve), count + 1)
    return np.diff(np.interp(edges, np.arange(len(area)), area)) * count / len(curve)


def _filled(values: Floats, count: int) -> Floats:
    return np.pad(values, (0, count - len(values)))


def _check(config: AudioConfig | DatasetConfig) -> None:
    limits = {"hop_length": (32, 4096), "n_mels": (1, 512), "n_mfcc": (1, 512)}
    for name, (low, high) in limits.items():
        if not low <= getattr(config, name) <= high:
            raise DatasetError(f"{name} is {getattr(config, name)}", hint=f"Between {low} and {high}, in config.json.")

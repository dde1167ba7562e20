"""What trust in a dataset costs: pieces that are there twice, splits, and validation after nothing changed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.fingerprint import midi_fingerprint
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import KEYS
from kelly_tui.model.sample import Sample
from kelly_tui.music.notes import NOTE, Score, read_midi
from kelly_tui.paths import PROJECT
from kelly_tui.store.assign import assign, crossings
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.chromagrams import packed
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.store.members import Member, Members
from kelly_tui.store.pieces import near_duplicates, same_pieces
from kelly_tui.store.splits import split_samples, verify_proof
from kelly_tui.validate.report import validate
from tests.perf.bench_midi import songs

EMOTIONS = ("happy", "sad", "angry", "peaceful", "tense", "melancholic", "energetic", "neutral")


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    yield from _splits(n)
    few = min(n, 100_000)
    sketches = [_tune(number // 3) for number in range(few)]
    yield from _pieces(sketches)
    yield from _found([_clip(number // 3) for number in range(few // 5)], "clips of 30 s")
    yield from _validation(sketches)


def _splits(n: int) -> Iterator[tuple[str, float, float, str]]:
    """Of songs of one to eight samples, with one label in four as frequent as another."""
    rng = np.random.default_rng(0)
    song = np.sort(rng.integers(0, n // 4 + 1, n))
    label = (song * 7919 % 97) % 8 // (1 + song % 2)
    ids = [hashlib.sha256(b"%d" % number).hexdigest()[:16] for number in range(n)]
    members = Members.of(
        sorted(
            Member(one, one, one, (f"song {song[at]}",), EMOTIONS[label[at]], True, None) for at, one in enumerate(ids)
        )
    )
    begun = time.process_time()
    found = assign(members, (0.8, 0.1, 0.1))
    yield f"split {n:,} samples of {found.groups:,} songs", time.process_time() - begun, 0.0, "goal 5 s"
    placed = members.in_splits(found.split)
    begun = time.process_time()
    assert not crossings(placed).crossings
    yield f"check that no song of {n:,} samples is cut", time.process_time() - begun, 0.0, ""


_CHANCE = np.random.default_rng(0)


def _tune(piece: int) -> bytes:
    """The fingerprint of one of endless tunes in small steps and even notes, as most are, a tenth of them changed."""
    notes = _notes(piece)
    kept = notes[_CHANCE.random(251) < 0.95]
    return midi_fingerprint(Score(kept, np.array([[0.0, 120.0]]), [], [], 480, 60.0, np.empty((0, 3)), []))


@lru_cache(maxsize=8)
def _notes(piece: int) -> NDArray[np.void]:
    rng = np.random.default_rng(piece)
    steps = rng.choice(
        [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5], 250, p=[0.03, 0.05, 0.1, 0.22, 0.1, 0.1, 0.22, 0.1, 0.05, 0.03]
    )
    notes = np.zeros(251, NOTE)
    notes["pitch"][1:] = steps.cumsum() % 48
    notes["pitch"] += 40
    notes["onset"] = np.cumsum(rng.choice([0.25, 0.5], 251, p=[0.8, 0.2]))
    return notes


def _pieces(sketches: list[bytes]) -> Iterator[tuple[str, float, float, str]]:
    scores = [read_midi(data) for data in songs()]
    begun = time.process_time()
    for data in songs():
        read_midi(data)
    reading = (time.process_time() - begun) / len(scores)
    begun = time.process_time()
    for score in scores:
        midi_fingerprint(score)
    yield "fingerprint of a MIDI file", (time.process_time() - begun) / len(scores), reading, "floor: reading it"
    yield from _found(sketches, "MIDI files")


def _found(fingerprints: list[bytes], what: str) -> Iterator[tuple[str, float, float, str]]:
    before = 0.0
    for count in (len(fingerprints) // 4, len(fingerprints) // 2, len(fingerprints)):
        begun = time.process_time()
        found = same_pieces((fingerprint, b"") for fingerprint in fingerprints[:count])
        took = time.process_time() - begun
        alone = int((found < 0).sum())
        note = f"{took / before:.2f} times as long as half as many" if before else ""
        yield f"which of {count:,} {what} are the same piece, of three each", took, 0.0, f"{note}; {alone:,} not found"
        before = took


def _clip(piece: int) -> bytes:
    """The chromagram of one of endless tunes, in another key, at another speed and with noise each time."""
    rng, again = np.random.default_rng(piece), np.random.default_rng()
    notes = rng.choice([-5, -2, -1, 1, 2, 4, 7], 160).cumsum() % 12
    struck = np.repeat(np.eye(12, dtype=np.float32)[notes], rng.choice([9, 12, 18], 160), axis=0)
    at = (np.arange(1290) * again.uniform(0.95, 1.05)).astype(int)
    return packed(0.8 * np.roll(struck[at], again.integers(12), axis=1) + 0.2 * again.random((1290, 12), np.float32))


def _validation(sketches: list[bytes]) -> Iterator[tuple[str, float, float, str]]:
    """Of a dataset on the disk, with a file, features and labels for each sample."""
    with tempfile.TemporaryDirectory(dir=PROJECT / "datasets") as folder:
        create_dataset_structure(folder, DatasetConfig(dataset_id="bench"))
        with Catalogue.open(Path(folder) / "bench") as catalogue:
            _fill(catalogue, sketches)
            split_samples(catalogue)
            n = len(sketches)
            begun = time.process_time()
            validate(catalogue)
            yield f"validate {n:,} samples, all of them read", time.process_time() - begun, 0.0, ""
            begun = time.process_time()
            for path in catalogue.db.execute("SELECT file_path FROM samples"):
                os.lstat(f"{catalogue.root}/{path[0]}")
            floor = time.process_time() - begun
            catalogue.put_labels({hashlib.sha256(b"0").hexdigest()[:16]: {"valence": Label(0.5)}})
            begun = time.process_time()
            validate(catalogue)
            yield (
                f"validate {n:,} samples after one label",
                time.process_time() - begun,
                floor,
                "floor: one look a file",
            )
            begun = time.process_time()
            validate(catalogue)
            took = time.process_time() - begun
            yield f"validate {n:,} samples after nothing changed", took, floor, "goal 2 s"
            begun = time.process_time()
            assert verify_proof(catalogue).holds
            yield f"verify the splits of {n:,} samples", time.process_time() - begun, 0.0, "all compared anew"
            begun = time.process_time()
            near_duplicates(catalogue)
            yield f"near-duplicates of {n:,}, as found before", time.process_time() - begun, 0.0, ""


def _labels(piece: int) -> dict[str, Label]:
    """What a folder and the detectors say of most."""
    said = {"emotion": Label(EMOTIONS[piece % 8], "folder", at="2026-01-01T00:00:00.000Z")} if piece % 10 else {}
    heard = {"key": KEYS[piece % 12], "mode": ("major", "minor")[piece % 2], "tempo_bpm": 60.0 + piece % 120}
    return said | {name: Label(value, "detector", "kelly", confidence=0.9) for name, value in heard.items()}


def _fill(catalogue: Catalogue, sketches: list[bytes]) -> None:
    rng = np.random.default_rng(0)
    samples, features = [], []
    for number, sketch in enumerate(sketches):
        content = b"%d" % number
        digest = hashlib.sha256(content).hexdigest()
        path, features_path = (
            f"raw/midi/{number % 100}/{number}.mid",
            f"processed/features/{digest[:2]}/{digest[:16]}.json",
        )
        for one in (path, features_path):
            (catalogue.root / one).parent.mkdir(parents=True, exist_ok=True)
            (catalogue.root / one).write_bytes(content)
        samples.append(Sample(sample_id=digest[:16], file_path=path, file_type="midi", sha256=digest,
                              file_size_bytes=len(content), created_at="2999-01-01T00:00:00.000Z",
                              labels=_labels(number // 3)))  # fmt: skip
        features.append(FeatureRow(digest[:16], "k", features_path, 60.0, rng.random(117).tolist(), {}, sketch))
    catalogue.add(samples)
    catalogue.put_features(features)

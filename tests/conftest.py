"""What tests of several packages share."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest


@lru_cache(maxsize=64)
def _corpus_midi(name: str) -> bytes:
    import tempfile

    from music21 import corpus

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "score.mid"
        corpus.parse(name).write("midi", fp=path)
        return path.read_bytes()


@pytest.fixture(scope="session")
def corpus_midi() -> Callable[[str], bytes]:
    """A score of music21's corpus as the bytes of a MIDI file: ``corpus_midi("bwv66.6")``."""
    return _corpus_midi

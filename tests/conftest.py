"""What tests of several packages share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from tests.null_sink import NullSink, missing


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


@pytest.fixture(scope="session")
def _null_sink_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NullSink]:
    if what := missing():
        pytest.skip(what)
    sink = NullSink(tmp_path_factory.mktemp("pulse"))
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def null_sink(_null_sink_server: NullSink, monkeypatch: pytest.MonkeyPatch) -> NullSink:
    """A PulseAudio null sink as the sound device of every process that this test starts."""
    for name, value in _null_sink_server.environment.items():
        monkeypatch.setenv(name, value)
    return _null_sink_server

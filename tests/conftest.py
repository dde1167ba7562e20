"""What tests of several packages share."""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.null_sink import NullSink, missing

if TYPE_CHECKING:
    from tests.stores import Bucket

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `kelly` does; before the first of the tests imports numpy

# How long an example takes is the machine's business, and measured in tests/perf.
settings.register_profile("kelly", deadline=None)
settings.load_profile("kelly")


def pytest_configure(config: pytest.Config) -> None:
    """A folder of its own for what librosa's compiler keeps: two processes that fill one at once crash (numba 0.68)."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    os.environ["NUMBA_CACHE_DIR"] = str(config.cache.mkdir(f"numba-{worker}"))
    os.environ["NUMBA_OPT"] = "0"  # it is used for less time than making it fast takes
    os.environ["KELLY_WORKERS"] = "1"  # a child takes longer to start than a test's files; who tests more says so


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules that mostly wait (terminals, sound) beside those that mostly compute: as found they are in two blocks."""
    items.sort(key=lambda item: zlib.crc32(item.path.name.encode()))


def pytest_collection_finish() -> None:
    """What thousands of tests are made of stays: Python need not look through it again for what can go."""
    gc.freeze()


USED = """
import librosa, numpy
sound = numpy.random.default_rng(0).standard_normal(22_050).astype("f4")
librosa.feature.chroma_stft(y=sound)
librosa.onset.onset_strength(y=sound)
librosa.effects.pitch_shift(sound, sr=22_050, n_steps=1)
"""
"""What has librosa compile all that the tests use of it."""


@pytest.fixture(scope="session")
def librosa(pytestconfig: pytest.Config) -> Any:
    """The judge of sound, which takes half a minute to compile: the first worker that asks does it for all."""
    compiled = pytestconfig.cache.mkdir("numba")
    with (compiled / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (compiled / "done").exists():
            where = {**os.environ, "NUMBA_CACHE_DIR": str(compiled / "code")}
            subprocess.run([sys.executable, "-c", USED], env=where, check=True)
            (compiled / "done").touch()
    shutil.copytree(compiled / "code", os.environ["NUMBA_CACHE_DIR"], dirs_exist_ok=True)
    return importlib.import_module("librosa")


@pytest.fixture(scope="session")
def corpus_midi(pytestconfig: pytest.Config) -> Callable[[str], bytes]:
    """A score of music21's corpus as the bytes of a MIDI file: ``corpus_midi("bwv66.6")``. Kept in pytest's cache."""
    folder = pytestconfig.cache.mkdir("corpus")

    @lru_cache(maxsize=64)
    def midi(name: str) -> bytes:
        path = folder / f"{name.replace('/', '-')}.mid"
        if not path.exists():
            from music21 import corpus

            half = path.with_name(f"{path.name}.{os.getpid()}")
            corpus.parse(name).write("midi", fp=half)
            half.replace(path)
        return path.read_bytes()

    return midi


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


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory, corpus_midi: Callable[[str], bytes]) -> Path:
    """A folder as strangers have it: see `tests.strangers`, which names the good and the bad files in it."""
    from tests.strangers import write_music

    return write_music(tmp_path_factory.mktemp("strangers") / "music", corpus_midi)


@pytest.fixture(scope="session")
def _s3() -> Iterator[Bucket]:
    for name in ("s3fs", "moto", "flask", "flask_cors"):  # not asked for: what speaks to S3 holds pip up for long
        pytest.importorskip(name)
    from tests.stores import serving

    with serving() as bucket:
        yield bucket


@pytest.fixture(params=["folder", "s3"])
def bucket(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bucket]:
    """An empty store, with what reaches it in the environment."""
    from tests.stores import Folder

    is_folder = request.param == "folder"
    found: Bucket = Folder(tmp_path_factory.mktemp("store")) if is_folder else request.getfixturevalue("_s3")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    yield found
    found.clear()

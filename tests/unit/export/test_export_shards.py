"""Shards are read as `tarfile` reads them, and no header that lies costs more than its shard."""

import io
import signal
import tarfile
import tracemalloc
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kelly_tui.errors import FileRefused
from kelly_tui.export.back import _webdataset
from kelly_tui.export.shards import bytes_of, members
from tests.nasty.shards import SHARDS


@pytest.mark.parametrize("name", SHARDS)
def test_a_shard_that_lies_ends_at_once_and_in_little_memory(name, tmp_path):
    (tmp_path / "train-000000.tar").write_bytes(SHARDS[name])
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("goes on for ever"))
    signal.alarm(30)
    tracemalloc.start()
    try:
        for found in _webdataset(tmp_path):
            assert not getattr(found, "music", None), "nothing of it is music"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
        signal.alarm(0)


@pytest.mark.parametrize("name", [name for name in SHARDS if name.startswith(("a size", "a second size"))])
def test_what_claims_more_than_there_is_is_spoilt(name, tmp_path):
    (tmp_path / "train-000000.tar").write_bytes(SHARDS[name])
    *_, last = _webdataset(tmp_path)
    assert last[0] == "train-000000.tar"
    assert last[1].startswith("can't be read on (")


FILES = st.dictionaries(
    st.from_regex(r"\A[a-z]{1,9}(/[a-z]{1,40}){0,2}\.[a-z.]{1,9}\Z"), st.binary(max_size=2000), min_size=1
)


@given(files=FILES, form=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_what_tarfile_writes_is_read_as_it_was_written(files, form, tmp_path_factory):
    """Also with what pax says before each file, and folders between."""
    path: Path = tmp_path_factory.mktemp("shards") / "s.tar"
    with tarfile.open(path, "w", format=form, pax_headers={"comment": "made by hand"}) as shard:
        for name, data in files.items():
            folder = tarfile.TarInfo(f"of {name}")
            folder.type = tarfile.DIRTYPE
            shard.addfile(folder)
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mtime = len(data), 1.5
            shard.addfile(info, io.BytesIO(data))
    with path.open("rb") as shard:
        assert {one.name: bytes_of(shard, one) for one in members(shard)} == files


def test_a_shard_that_is_cut_is_refused_where_it_ends(tmp_path):
    path = tmp_path / "s.tar"
    path.write_bytes(SHARDS["a header cut"])
    with path.open("rb") as shard:
        found = members(shard)
        assert next(found).name == "ab.json"
        with pytest.raises(FileRefused, match="no header of a tar file at byte 512"):
            next(found)

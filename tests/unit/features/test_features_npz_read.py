"""Arrays are read as a stranger's: what `numpy.load` would read is read, and nothing that harms."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from kelly_tui.errors import FileRefused
from kelly_tui.features.npz import npz_bytes, read_npz
from kelly_tui.features.reasons import read_reasons
from tests.nasty.records import ARRAYS, BODIES

NAMES = ("feature_vector", "mel_spectrogram", "why")
HARMLESS = {
    "of text",
    "of nothing",
    "of no dimension",
    "not numbers",
    "entries of nothing",
    "other names",
    "an entry out",
}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_lies_is_refused_and_opens_nothing(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "f.npz"
    path.write_bytes(ARRAYS[name])
    if name in HARMLESS:
        read_npz(path, NAMES)
    else:
        with pytest.raises(FileRefused, match="features can't be read"):
            read_npz(path, NAMES)
    assert read_reasons(path.parent, path.name) == {}
    assert [one.name for one in tmp_path.iterdir()] == ["f.npz"]


@pytest.mark.parametrize("name", BODIES)
def test_reasons_of_what_is_no_json_are_none(name, tmp_path):
    path = tmp_path / "f.json"
    path.write_bytes(BODIES[name])
    assert read_reasons(path.parent, path.name) == {}


@given(
    values=arrays.arrays(
        st.sampled_from(["<f4", "<f8", "<i4", "<i8", "|u1", "|b1", "<U7"]), arrays.array_shapes(min_dims=0, min_side=0)
    ),
    fortran=st.booleans(),
)
def test_what_numpy_writes_is_read_as_numpy_reads_it(values, fortran, tmp_path_factory):
    path = tmp_path_factory.mktemp("npz") / "f.npz"
    path.write_bytes(npz_bytes({"x": np.asfortranarray(values) if fortran else values}))
    with np.load(path) as judge:
        np.testing.assert_array_equal(read_npz(path, ["x"])["x"], judge["x"])

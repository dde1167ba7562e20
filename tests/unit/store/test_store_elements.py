"""The values of a JSON array, found in its bytes, are those that a decoder finds; too many are no manifest's."""

import json
import tracemalloc

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.store.elements import Elements
from kelly_tui.store.layout import load_config
from kelly_tui.store.manifest import read_manifest_file

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from('[]{},"\\'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values=st.lists(ANYTHING), indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans())
def test_each_value_is_found_whole(values, indent, ascii_only):
    array = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = Elements(array, "samples")
    assert [json.loads(one) for one in found] == values
    assert len(found) == len(values)
    assert all(one in found for one in found)
    assert b"nowhere" not in found


BOMBS = {
    "zeros": b'{"samples": [' + b"0," * 500_000 + b"0]}",
    "a zero a line": b'{"config": {},\n"samples": [\n' + b"0,\n" * 500_000 + b'0\n],\n"stats": {}}\n',
    "objects of nothing": b'{"samples": [' + b"{}," * 400_000 + b"{}]}",
    "opinions": b'{"samples": [], "opinions": [' + b"0," * 500_000 + b"0]}",
    "conflicts": b'{"samples": [], "conflicts": [' + b"[]," * 500_000 + b"[]]}",
    "what was heard": b'{"samples": [],\n"blind_listening": [' + b"{}," * 500_000 + b"{}]}",
    "a configuration": b'{"samples": [], "config": {"a": [' + b"[]," * 1_500_000 + b"[]]}}",
    "figures": b'{"config": {},\n"samples": [\n],\n"stats": {"a": [' + b"{}," * 1_500_000 + b"{}]}}",
}


BESIDE = {
    "opinions": "its opinions have fewer than 32 bytes each: left out",
    "conflicts": "its conflicts have fewer than 32 bytes each: left out",
    "what was heard": "its blind_listening have fewer than 32 bytes each: left out",
    "a configuration": 'config is {"a": [[],[],[],: left out',
    "figures": 'stats is {"a": [{},{},{},: left out',
}
"""What is said of those that are none of samples."""


@pytest.mark.parametrize("name", BOMBS)
def test_of_a_manifest_many_small_things_are_refused_and_not_held(name, tmp_path):
    """Sixty megabytes of zeros were six gigabytes."""
    path = tmp_path / "manifest.json"
    path.write_bytes(BOMBS[name])
    tracemalloc.start()
    try:
        if name in BESIDE:
            assert read_manifest_file(path).findings == [BESIDE[name]]
        else:
            with pytest.raises(FileRefused, match="no manifest"):
                read_manifest_file(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * path.stat().st_size + (4 << 20)
    finally:
        tracemalloc.stop()


def test_a_row_that_is_longer_than_any_is_kept_as_it_is(tmp_path):
    row = {"sample_id": "ab" * 8, "file_path": "raw/midi/ab.mid", "x": "long" * (9 << 20)}
    path = tmp_path / "manifest.json"
    path.write_bytes(msgspec.json.encode({"samples": [row, {**row, "x": "short"}]}))
    first, second = read_manifest_file(path).rows()
    assert first == msgspec.json.encode(row)
    assert second["x"] == "short"


def test_a_dataset_without_a_configuration_is_none_where_its_manifest_has_a_bomb_for_it(tmp_path):
    (tmp_path / "manifest.json").write_bytes(BOMBS["a configuration"])
    with pytest.raises(DatasetError, match=r"there is no config\.json"):
        load_config(tmp_path)

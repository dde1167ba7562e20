"""Manifests as they are found: read line by line where they are so, and as Python's own reader has them."""

import json
import math
import tracemalloc
from pathlib import Path

import pytest
from store_samples import new_catalogue, sample

from kelly_tui.errors import FileRefused
from kelly_tui.store.manifest import load_manifest, read_manifest_file, write_manifest_file


@pytest.fixture
def written(tmp_path) -> Path:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(number, file_path=f"raw/midi/{number}],[.mid") for number in range(5)])
        write_manifest_file(catalogue, tmp_path / "manifest.json")
    return tmp_path / "manifest.json"


def rows(text: str) -> tuple[int, int]:
    """Where the samples begin and end."""
    begin = text.index('"samples": [\n') + len('"samples": [\n')
    return begin, text.index("\n],", begin)


CHANGES = {
    "as it was": lambda text: text,
    "lines of windows": lambda text: text.replace("\n", "\r\n"),
    "a mark of byte order": lambda text: "\ufeff" + text,
    "one missing comma": lambda text: text.replace("},\n", "}\n", 3),
    "one comma more": lambda text: text.replace("\n],", ",\n],"),
    "two commas": lambda text: text.replace("},\n{", "},,\n{"),
    "an empty line": lambda text: text.replace("},\n{", "},\n\n{", 1),
    "two rows on a line": lambda text: text.replace("},\n{", "}, {", 1),
    "a row over two lines": lambda text: text.replace('"file_type"', '\n"file_type"', 1),
    "a row that is cut": lambda text: text.replace('"file_type"', '"file_', 1),
    "a row that is a number": lambda text: text.replace("},\n{", "},\n7,\n{", 1),
    "spread out": lambda text: json.dumps(json.loads(text), indent=2),
    "all on one line": lambda text: json.dumps(json.loads(text)),
    "no samples": lambda text: text[: rows(text)[0]] + text[rows(text)[1] + 1 :],
    "cut in the samples": lambda text: text[: rows(text)[1]],
    "cut after them": lambda text: text[: rows(text)[1] + 4],
    "rubbish after it": lambda text: text + "and so on",
    "no number": lambda text: text.replace('"duration_sec":null', '"duration_sec":NaN', 1),
    "a number beyond any": lambda text: text.replace('"duration_sec":null', '"duration_sec":1e999', 1),
    "one in the settings": lambda text: text.replace('"min_duration_sec":1.0', '"min_duration_sec":-1e999', 1),
}


def as_no_number(written: str) -> dict:
    return {"no number": written}


def number(written: str) -> object:
    return as_no_number(written) if math.isinf(float(written)) else float(written)


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_was_done_to_a_manifest_it_is_read_as_json_is(written, change):
    text = CHANGES[change](written.read_text("utf-8"))
    written.write_text(text, "utf-8", newline="")
    try:
        wanted = json.loads(text.removeprefix("\ufeff"), parse_constant=as_no_number, parse_float=number)
    except ValueError:
        with pytest.raises(FileRefused, match="no manifest"):
            read_manifest_file(written)
        return
    found = read_manifest_file(written)
    assert [json.loads(row) if isinstance(row, bytes) else row for row in found.rows()] == wanted["samples"]
    assert len(found.lines) == len(wanted["samples"])
    assert found.config == wanted["config"]
    assert found.catalogue_rev == wanted["kelly"]["catalogue_rev"]


@pytest.mark.parametrize("by_line", [True, False])
def test_what_is_left_out_or_read_otherwise_is_told(written, by_line):
    text = written.read_text("utf-8").replace('"duration_sec":null', r'"mine":"\ud800","duration_sec":null', 1)
    text = text.replace('"created_at": "', '"created_at": 5, "x": "', 1)
    written.write_text(text if by_line else text.replace('"samples": [\n', '"samples":\n['), "utf-8")
    assert len(read_manifest_file(written).lines) == 5
    found = load_manifest(written)
    assert sorted(found.findings) == [
        r'"\ud800"' + " has half of a letter, read as \ufffd",
        "created_at is 5: left out",
    ]
    assert (found.created_at, [one.extra.get("mine") for one in found.samples].count("\ufffd")) == ("", 1)


def test_of_a_long_manifest_little_is_held(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(number, extra={"said": "x" * 4000}) for number in range(3000))
        write_manifest_file(catalogue, tmp_path / "manifest.json")
    tracemalloc.start()
    assert sum(1 for _ in read_manifest_file(tmp_path / "manifest.json").rows()) == 3000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < (tmp_path / "manifest.json").stat().st_size / 3

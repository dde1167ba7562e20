"""An export that a stranger made, or spoilt: what is whole comes in, the rest is named, nothing leaves its folder."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from export_samples import dataset, export, sample, tree

import kelly_tui
from kelly_tui.errors import FileRefused, KellyError, StageError
from kelly_tui.export.back import Returned
from kelly_tui.export.choice import Files
from kelly_tui.export.outside import HOLLOW, LONGEST, lines_in
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.pipeline import returning
from kelly_tui.store.catalogue import Catalogue

Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> dict[str, Path]:
    """A small dataset in each format."""
    folder = tmp_path_factory.mktemp("exports")
    root = dataset(folder, [sample(n) for n in range(5)])
    found = {name: folder / name for name in ("jsonl", "webdataset", "jams", "parquet")}
    for name, out in found.items():
        export(root, out, name)
    return {**found, "root": root}


def said(**more: Any) -> Spoil:
    def change(folder: Path) -> None:
        path = folder / "export.json"
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **more}))

    return change


def identity(**more: Any) -> Spoil:
    return lambda folder: said(identity={**json.loads((folder / "export.json").read_bytes())["identity"], **more})(
        folder
    )


def first_line(folder: Path) -> dict[str, Any]:
    """Of the tar shard of train."""
    with tarfile.open(next(folder.glob("train-*.tar"))) as shard:
        return json.loads(shard.extractfile(next(one for one in shard if one.name.count(".") == 1)).read())


def shard(*members: tuple[str, bytes | tarfile.TarInfo], **line: Any) -> Spoil:
    """The shard of train holds one sample whose line is changed so, and these members."""

    def change(folder: Path) -> None:
        said = {**first_line(folder), **line}
        with tarfile.open(next(folder.glob("train-*.tar")), "w") as file:
            for suffix, data in (("json", json.dumps(said).encode()), *members):
                name = f"{said['sample_id'][:16].replace('.', '')}.{suffix}"
                info = data if isinstance(data, tarfile.TarInfo) else tarfile.TarInfo(name)
                info.name, raw = name, b"" if isinstance(data, tarfile.TarInfo) else data
                info.size = len(raw)
                file.addfile(info, io.BytesIO(raw))

    return change


def special(kind: bytes, leads_to: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, leads_to
    return info


def sparse(folder: Path) -> None:
    """Twenty gigabytes of nothing in a kilobyte, as GNU tar writes them."""
    head = bytearray(special(tarfile.GNUTYPE_SPARSE, "").tobuf(tarfile.GNU_FORMAT))
    head[:20] = b"ab.mid".ljust(20, b"\0")
    head[483:495] = b"\x80" + (20 << 30).to_bytes(11, "big")
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + sum(head[156:]) + 8 * ord(" "))
    next(folder.glob("train-*.tar")).write_bytes(bytes(head) + bytes(1024))


def shards(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda folder: [path.write_bytes(change(path.read_bytes())) for path in folder.glob("train-*.tar")]


def line(**more: Any) -> Spoil:
    """The first line of train is changed so."""

    def change(folder: Path) -> None:
        path = folder / "train.jsonl"
        first, *rest = path.read_text().splitlines(keepends=True)
        path.write_text(json.dumps({**json.loads(first), **more}) + "\n" + "".join(rest))

    return change


def instead(name: str, make: Callable[[Path], object]) -> Spoil:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return change


SPOILT: dict[str, tuple[str, Spoil]] = {
    "identity is a list": ("jsonl", said(identity=[1])),
    "samples is a word": ("jsonl", said(samples="many")),
    "config is a list": ("jsonl", said(config=[1])),
    "format is a list": ("jsonl", identity(format=["jsonl"])),
    "no digest": ("jsonl", identity(digest=None)),
    "deep export.json": (
        "jsonl",
        instead("export.json", lambda path: path.write_bytes(b'{"identity":' + b"[" * 99999)),
    ),
    "export.json is a pipe": ("jsonl", instead("export.json", os.mkfifo)),
    "link": ("webdataset", shard(("mid", special(tarfile.SYMTYPE)))),
    "hard link": ("webdataset", shard(("mid", special(tarfile.LNKTYPE)))),
    "device": ("webdataset", shard(("mid", special(tarfile.CHRTYPE)))),
    "path with ..": ("webdataset", shard(("mid", b"x"), file_path="raw/midi/../../../evil.mid", sha256="")),
    "absolute path": ("webdataset", shard(("mid", b"x"), file_path="/tmp/evil.mid", sha256="")),
    "id with ..": ("webdataset", shard(("mid", b"x"), sample_id="../../evil", sha256="")),
    "sparse": ("webdataset", sparse),
    "cut between samples": ("webdataset", shards(lambda data: data[:2048])),
    "cut": ("webdataset", shards(lambda data: data[:1300])),
    "no tar": ("webdataset", shards(lambda _: b"nonsense" * 999)),
    "empty tar": ("webdataset", shards(lambda _: b"")),
    "compressed": ("webdataset", shards(gzip.compress)),
    "absolute music": ("jsonl", line(midi="/etc/passwd", sha256="")),
    "music with ..": ("jsonl", line(midi="../../../../../../etc/passwd", sha256="")),
    "music is a number": ("jsonl", line(midi=7)),
    "a size that no sum holds": ("jsonl", line(file_size_bytes=2**63 - 1)),
    "a length of ages": ("jsonl", line(duration_sec=1e308)),
    "lines are a pipe": ("jsonl", instead("train.jsonl", os.mkfifo)),
    "lines are gone": ("jsonl", instead("train.jsonl", lambda _: None)),
    "lines are noise": ("jsonl", instead("train.jsonl", lambda path: path.write_bytes(bytes(range(256)) * 9))),
    "deep line": ("jsonl", instead("train.jsonl", lambda path: path.write_bytes(b"[" * 99999))),
    "opinions are a pipe": ("jsonl", instead("opinions.jsonl", os.mkfifo)),
    "deep opinions": ("jsonl", instead("opinions.jsonl", lambda path: path.write_bytes(b"[" * 99999 + b"\n{}\n"))),
    "jams are words": (
        "jams",
        lambda folder: [path.write_bytes(b'{"sandbox": "x"}') for path in folder.glob("train/*/*.jams")],
    ),
    "no parquet": (
        "parquet",
        lambda folder: [path.write_bytes(b"PAR1" + b"x" * 99 + b"PAR1") for path in folder.glob("data/train*")],
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_spoilt_is_named_and_the_rest_comes_in(exports, tmp_path, name):
    written_as, spoil = SPOILT[name]
    folder = shutil.copytree(exports[written_as], tmp_path / "export")
    spoil(folder)
    kelly_tui.create_dataset_structure(tmp_path / "sets", DatasetConfig(dataset_id="new"))
    before = set(tmp_path.iterdir())
    outcome = None
    with suppress(KellyError):  # what can't be imported at all is said in a line
        outcome = kelly_tui.import_files(tmp_path / "sets/new", [folder])
    if outcome is not None:
        whole = outcome.done == 5 or outcome.details.get("ignored") or name == "deep opinions"
        assert outcome.failures or whole, "what did not come in is named"
        assert all(reason for _, reason in outcome.failures)
    assert set(tmp_path.iterdir()) == before
    for path, data in tree(tmp_path / "sets/new/raw").items():
        assert data.startswith(b"music"), path


def rewritten(name: str, folder: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """The first sample of train told otherwise, as Python's json writes it; its path."""
    if name == "jsonl":
        path = folder / "train.jsonl"
        first, *rest = map(json.loads, path.read_text().splitlines())
        change(first)
        path.write_text("".join(json.dumps(one) + "\n" for one in (first, *rest)).replace('"1e999"', "1e999"))
        return first["file_path"]
    if name == "jams":
        path = min(folder.glob("train/*/*.jams"))
        told = json.loads(path.read_text())
        change(first := told["sandbox"]["kelly"])
        path.write_text(json.dumps(told).replace('"1e999"', "1e999"))
        return first["file_path"]
    path, members = next(folder.glob("train-*.tar")), []
    with tarfile.open(path) as file:
        members = [(one, file.extractfile(one).read()) for one in file]
    at = next(number for number, (one, _) in enumerate(members) if one.name.count(".") == 1 and one.name[-4:] == "json")
    change(first := json.loads(members[at][1]))
    members[at] = (members[at][0], json.dumps(first).replace('"1e999"', "1e999").encode())
    with tarfile.open(path, "w") as file:
        for one, data in members:
            one.size = len(data)
            file.addfile(one, io.BytesIO(data))
    return first["file_path"]


def bad_values(said: dict[str, Any]) -> None:
    said["annotations"] |= {
        "tempo_bpm": "1e999",
        "emotion": "\ud800",
        "notes": "caf\udce9",
        "key": "C",
        "mode": "minor",
        "groove_type": "swing",
    }
    said["provenance"] |= {
        "key": {"source": "detector", "by": "kelly", "confidence": float("nan")},
        "mode": {"source": 5},
        "groove_type": {"source": "wizard"},
    }
    said["extracted"] = {"key": "k", "vector": "", "columns": {"onset_rate": [1, 2]}}
    said |= {"duration_sec": float("-inf"), "split": "holdout", "decision": "labelled"}


@pytest.mark.parametrize("name", ["jsonl", "jams", "webdataset"])
def test_one_bad_value_of_a_line_costs_that_value(exports, tmp_path, name):
    folder = shutil.copytree(exports[name], tmp_path / "export")
    path = rewritten(name, folder, bad_values)
    root = new(tmp_path)
    outcome = kelly_tui.import_files(root, [folder])
    assert outcome.done == 5
    assert {place for place, _ in outcome.failures} == {path}
    assert sorted(why.removesuffix("; the rest of the sample came back") for _, why in outcome.failures) == [
        '"\\ud800" has half of a letter, read as \ufffd',
        '"caf\\udce9" has half of a letter, read as \ufffd',
        "'holdout' is no split",
        "'\ufffd' is no emotion. Known: happy sad angry peaceful tense melancholic energetic neutral",
        "1e999 is no tempo. Wanted: a number 1..1000 BPM",
        "its duration_sec can't be -Infinity",
        "the confidence of its key can't be NaN",
        "who gave its groove_type can't be read",
        "who gave its mode can't be read",
    ]
    with Catalogue.open(root) as catalogue:
        found = next(one for one in catalogue.samples() if one.file_path == path)
    assert found.annotations == {"notes": "caf\ufffd", "key": "C", "mode": "minor", "groove_type": "swing"}
    assert (found.labels["key"].source, found.labels["key"].confidence) == ("detector", None)
    assert {found.labels[name].source for name in ("mode", "groove_type")} == {"folder"}
    assert (found.split, found.duration_sec, found.decision) == (None, None, "pending")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sample_id": "\ud800"}, "its id or its path has half of a letter"),
        ({"file_path": "raw/midi/caf\udce9.mid"}, "its id or its path has half of a letter"),
        ({"parent_id": float("nan")}, "no sample (Expected `str | null`, got `object`)"),
        (
            {"annotations": "zz"},
            "its annotations, or their provenance, are no object; the rest of the sample came back",
        ),
    ],
)
def test_what_tells_which_sample_it_is_costs_the_sample(exports, tmp_path, change, words):
    folder = shutil.copytree(exports["jsonl"], tmp_path / "export")
    rewritten("jsonl", folder, lambda said: said.update(change))
    outcome = kelly_tui.import_files(new(tmp_path), [folder])
    assert outcome.failures[0][1] == words
    assert outcome.done == (5 if "annotations" in change else 4)


def test_a_line_that_is_none_is_called_so_and_a_bad_value_of_export_json_costs_that_value(exports, tmp_path):
    folder = shutil.copytree(exports["jsonl"], tmp_path / "export")
    said(forced=["\udce9"], config={"min_duration_sec": float("nan"), "dataset_id": "new"})(folder)
    with (folder / "train.jsonl").open("a") as file:
        file.write('{"sample_id": \n')
    outcome = kelly_tui.import_files(new(tmp_path), [folder])
    assert (outcome.done, [why for _, why in outcome.failures]) == (5, ["no JSON object"])


def test_a_sparse_file_is_not_read(exports, tmp_path):
    folder = shutil.copytree(exports["jsonl"], tmp_path / "export")
    line(midi="music/huge.mid", sha256="")(folder)
    with (folder / "music/huge.mid").open("wb") as file:
        file.truncate(200 << 30)
    kelly_tui.create_dataset_structure(tmp_path / "sets", DatasetConfig(dataset_id="new"))
    outcome = kelly_tui.import_files(tmp_path / "sets/new", [folder])
    assert outcome.done == 4
    assert [why for _, why in outcome.failures] == ["larger than 8 MB (midi_bytes)"]


def test_a_folder_that_a_link_takes_the_place_of_meanwhile_is_read_no_more(tmp_path):
    root, outside = tmp_path / "songs", tmp_path / "outside"
    for folder, said in ((root / "features" / "ab", b"ours"), (outside, b"a stranger's")):
        folder.mkdir(parents=True)
        (folder / "one.json").write_bytes(said)
    files = Files(root)
    assert files.read("features/ab/one.json", 4) == b"ours"
    shutil.move(root / "features" / "ab", root / "moved")
    (root / "features" / "ab").symlink_to(outside)
    for _ in range(2):
        with pytest.raises(FileRefused, match="leads out of the dataset"):
            files.read("features/ab/one.json", 4)
    (root / "features" / "ab").unlink()
    (root / "features" / "ab").symlink_to(root / "moved")
    assert files.read("features/ab/one.json", 4) == b"ours"
    with pytest.raises(FileRefused, match="larger than"):
        files.read("features/ab/one.json", 3)


def holes(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def new(tmp_path: Path) -> Path:
    kelly_tui.create_dataset_structure(tmp_path / "sets", DatasetConfig(dataset_id="new"))
    return tmp_path / "sets/new"


def test_holes_and_what_all_lines_name_come_in_for_nobody(exports, tmp_path, monkeypatch):
    """Six lines of one file of 600 MB, of which the disk had nothing, were 3.6 GB of it."""
    folder = shutil.copytree(exports["jsonl"], tmp_path / "export")
    first = json.loads((folder / "train.jsonl").read_text().splitlines()[0])
    holes(folder / "music/hole.wav", 600 << 20)
    (folder / "music/large.mid").write_bytes(bytes(3000))
    (folder / "music/one.mid").write_bytes(b"music for all")
    named = [("hole.wav", "audio"), ("large.mid", "midi"), ("one.mid", "midi"), ("./one.mid", "midi")]
    lines = [
        {**first, "sha256": "", "sample_id": f"{n:016x}", "midi": f"music/{name}", "file_type": kind,
         "file_path": f"raw/{kind}/{n}{Path(name).suffix}"}
        for n, (name, kind) in enumerate(named)
    ]  # fmt: skip
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.setenv("KELLY_MIDI_BYTES", "2048")
    monkeypatch.setattr("kelly_tui.settings._limits", None)
    root = new(tmp_path)
    outcome = kelly_tui.import_files(root, [folder])
    why = dict(outcome.failures)
    assert why["raw/audio/0.wav"] == HOLLOW
    assert why["raw/midi/1.mid"] == "larger than 0.001953 MB (midi_bytes)"
    assert why["raw/midi/3.mid"] == "its file is that of another sample"
    assert sorted(path.name for path in (root / "raw/midi").iterdir() if path.name[0].isdigit()) == ["2.mid"]


def test_what_was_said_is_read_a_line_at_a_time_and_no_hole_of_it(exports, tmp_path):
    """A file of eight gigabytes of nothing was kept in memory, all of it."""
    folder = shutil.copytree(exports["jsonl"], tmp_path / "export")
    holes(folder / "opinions.jsonl", 8 << 30)
    holes(folder / "test.jsonl", 8 << 30)
    outcome = kelly_tui.import_files(new(tmp_path), [folder])
    assert ("opinions.jsonl", HOLLOW) in outcome.failures
    assert ("test.jsonl", HOLLOW) in outcome.failures
    with (folder / "val.jsonl").open("ab") as file:
        file.write(b'{"sample_id": "' + b"x" * LONGEST + b'"}\n')
    place = f"val.jsonl, line {(folder / 'val.jsonl').read_bytes().count(10)}"
    why = dict(kelly_tui.import_files(new(tmp_path / "again"), [folder]).failures)
    assert why[place].startswith("larger than 10 MB")
    path = tmp_path / "lines"
    path.write_bytes(b"x" * (LONGEST + 9) + b"\n\nlast")
    read = lines_in(tmp_path, path)
    assert len(next(read)) == LONGEST
    assert list(read) == [b"\n", b"last"], "what is too long is one line, and the rest of it none"


def test_what_expands_when_it_is_decoded_is_held_one_at_a_time():
    """Three lines of 21 MB, each of three million small objects, took 1.9 GB: only music was counted."""
    heavy = sample(1, extra={"x": [{"": 0}] * 400_000})
    light = Returned(sample(2), b"", None, None)
    found = [light, light, *[Returned(heavy, b"", None, None)] * 3, *[light] * 300]
    assert [len(batch) for batch in returning._batches(iter(found))] == [3, 1, 1, 200, 100]


def test_as_many_refusals_as_there_are_bytes_are_counted_and_few_are_named(exports, tmp_path, monkeypatch):
    monkeypatch.setattr(returning, "_NAMED", 3)
    folder = shutil.copytree(exports["jsonl"], tmp_path / "export")
    with (folder / "opinions.jsonl").open("w") as file:
        file.write("\n" * 1000 + "{}\n" * 1000)
    outcome = kelly_tui.import_files(new(tmp_path), [folder])
    assert outcome.done == 5
    assert [name for name, _ in outcome.failures] == [*(f"opinions.jsonl:{n}" for n in (1001, 1002, 1003)), "and"]
    assert outcome.failures[-1][1] == "997 more"


def test_an_export_json_of_terabytes_is_said_in_a_line(exports, tmp_path):
    folder = shutil.copytree(exports["jsonl"], tmp_path / "export")
    holes(folder / "export.json", 1 << 40)
    with pytest.raises(StageError, match="larger than 16 MB"):
        kelly_tui.import_files(new(tmp_path), [folder])
    with pytest.raises(StageError, match="larger than 16 MB"):
        kelly_tui.export_dataset(exports["root"], "jsonl", folder)


def test_a_journal_of_terabytes_is_none_of_ours_and_no_link_of_it_is_followed(exports, tmp_path):
    (tmp_path / "out/.export").mkdir(parents=True)
    holes(tmp_path / "out/.export/journal.jsonl", 1 << 40)
    export(exports["root"], tmp_path / "out")
    assert tree(tmp_path / "out")["train.jsonl"]
    for name in ("partial", "journal.jsonl", "parts"):
        out = tmp_path / f"to {name}"
        (out / ".export").mkdir(parents=True)
        (out / ".export" / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(KellyError, match="leads out"):
            export(exports["root"], out)
        assert not (tmp_path / "elsewhere").exists()


def test_large_music_is_held_one_by_one():
    large = Returned(sample(1), bytes(1 << 20), None, None)
    batches = returning._batches(large for _ in range(130))
    assert [len(batch) for batch in batches] == [64, 64, 2], "as many bytes as are held at once"
    small = Returned(sample(1), b"", None, None)
    assert [len(batch) for batch in returning._batches(small for _ in range(201))] == [200, 1]


def test_a_member_of_a_shard_is_no_larger_than_a_file(exports, tmp_path, monkeypatch):
    folder = shutil.copytree(exports["webdataset"], tmp_path / "export")
    shard(("mid", bytes(3000)), sha256="", file_path="raw/midi/large.mid")(folder)
    monkeypatch.setenv("KELLY_MIDI_BYTES", "2048")
    monkeypatch.setattr("kelly_tui.settings._limits", None)
    outcome = kelly_tui.import_files(new(tmp_path), [folder])
    assert ("raw/midi/large.mid", "larger than 0.001953 MB (midi_bytes)") in outcome.failures


def test_the_holes_of_a_datasets_own_files_are_not_read_for_an_export(exports, tmp_path):
    """A file of terabytes in the place of a sample's was a fault of Kelly."""
    root = shutil.copytree(exports["root"], tmp_path / "songs")
    for path in sorted((root / "raw/midi").iterdir())[:1]:
        holes(path, 1 << 40)
    outcome = export(root, tmp_path / "out")
    assert [why for _, why in outcome.failures] == ["larger than 8 MB (midi_bytes)"]

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
from kelly_tui.errors import FileRefused, KellyError
from kelly_tui.export.choice import Files
from kelly_tui.model.dataset import DatasetConfig

Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> dict[str, Path]:
    """A small dataset in each format."""
    folder = tmp_path_factory.mktemp("exports")
    root = dataset(folder, [sample(n) for n in range(5)])
    found = {name: folder / name for name in ("jsonl", "webdataset", "jams", "parquet")}
    for name, out in found.items():
        export(root, out, name)
    return found


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


def test_a_sparse_file_is_not_read(exports, tmp_path):
    folder = shutil.copytree(exports["jsonl"], tmp_path / "export")
    line(midi="music/huge.mid", sha256="")(folder)
    with (folder / "music/huge.mid").open("wb") as file:
        file.truncate(200 << 30)
    kelly_tui.create_dataset_structure(tmp_path / "sets", DatasetConfig(dataset_id="new"))
    outcome = kelly_tui.import_files(tmp_path / "sets/new", [folder])
    assert outcome.done == 4
    assert [why for _, why in outcome.failures] == ["its file is not in the export"]


def test_a_folder_that_a_link_takes_the_place_of_meanwhile_is_read_no_more(tmp_path):
    root, outside = tmp_path / "songs", tmp_path / "outside"
    for folder, said in ((root / "features" / "ab", b"ours"), (outside, b"a stranger's")):
        folder.mkdir(parents=True)
        (folder / "one.json").write_bytes(said)
    files = Files(root)
    assert files.read("features/ab/one.json") == b"ours"
    shutil.move(root / "features" / "ab", root / "moved")
    (root / "features" / "ab").symlink_to(outside)
    for _ in range(2):
        with pytest.raises(FileRefused, match="leads out of the dataset"):
            files.read("features/ab/one.json")
    (root / "features" / "ab").unlink()
    (root / "features" / "ab").symlink_to(root / "moved")
    assert files.read("features/ab/one.json") == b"ours"

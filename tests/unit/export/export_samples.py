"""Small datasets to export, made without detectors: every field of every sample is what a test says."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import kelly_tui
from kelly_tui.features.npz import npz_bytes
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure


def sample(number: int, suffix: str = "mid", **fields: Any) -> Sample:
    """A sample with its number in its bytes; `labels` by name are a folder's."""
    music = b"music %d" % number
    digest = hashlib.sha256(music).hexdigest()
    labels = {
        name: value if isinstance(value, Label) else Label(value, "folder", "folder")
        for name, value in fields.pop("labels", {}).items()
    }
    given = {
        "sample_id": digest[:16],
        "file_path": f"raw/midi/song {number}.{suffix}",
        "file_type": "midi" if suffix == "mid" else "audio",
        "sha256": digest,
        "file_size_bytes": len(music),
        "duration_sec": 2.0 + number,
        "license": "CC0-1.0",
        "features_path": f"processed/features/{digest[:2]}/{digest[:16]}.json",
        "created_at": "2026-08-01T12:00:00.000Z",
    }
    return Sample(**{**given, "labels": labels, **fields})


_MUSIC = {hashlib.sha256(data).hexdigest(): data for data in (b"music %d" % number for number in range(400))}


def dataset(
    folder: Path, samples: Iterable[Sample], contents: Mapping[str, bytes] | None = None, **config: Any
) -> Path:
    """A dataset called songs of these samples, split; `contents` by SHA-256 where they are not those of `sample`."""
    create_dataset_structure(folder, DatasetConfig(**{"dataset_id": "songs", "created_at": "2026", **config}))
    root = folder / "songs"
    with Catalogue.open(root) as catalogue:
        for one in samples:
            data = (contents or _MUSIC)[one.sha256]
            put(root / one.file_path, data)
            if one.features_path:
                of = {"of": one.sample_id}
                is_npz = one.features_path.endswith(".npz")
                put(root / one.features_path, npz_bytes(of) if is_npz else json.dumps(of).encode())
            catalogue.add([one])
    kelly_tui.split_dataset(root)
    return root


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def export(root: Path, out: Path, format: str = "jsonl", **given: Any) -> Any:
    return kelly_tui.export_dataset(root, format, out, **given)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file()}  # fmt: skip


def killed_at(moment: int, folder: Path, work: Callable[[], object]) -> bool:
    """Whether `work`, in a process of its own, came to be killed (-9) as it did its `moment`-th thing to `folder`."""
    child = os.fork()
    if child == 0:
        left, there = [moment], os.fspath(folder)

        def heard(event: str, arguments: tuple[object, ...]) -> None:
            if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.truncate", "shutil.rmtree") and any(
                isinstance(one, (str, os.PathLike)) and os.fspath(one).startswith(there) for one in arguments
            ):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(heard)
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert status == 0, "the work failed by itself"
    return False

"""Datasets and samples that the tests of the store share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure


def new_catalogue(folder: Path, **config: Any) -> Catalogue:
    """An open, empty dataset in `folder`."""
    create_dataset_structure(folder, DatasetConfig(dataset_id="songs", **config))
    return Catalogue.open(folder / "songs")


def sample(number: int, **fields: Any) -> Sample:
    """The sample of that number; labels by name make it labelled by folder."""
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    labels = {name: Label(value, "folder", "folder") for name, value in fields.pop("labels", {}).items()}
    given = {
        "sample_id": digest[:16],
        "file_path": f"raw/midi/song {number}.mid",
        "file_type": "midi",
        "sha256": digest,
    }
    return Sample(**{**given, "labels": labels, **fields})


def id_of(number: int) -> str:
    return sample(number).sample_id

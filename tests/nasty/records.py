"""JSON and arrays that a dataset may be handed in place of its own: views edited by anyone, features from anywhere."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m[bold]\u202e\u0301"

BODIES: dict[str, bytes] = {
    "empty": b"",
    "half": b'{"samples": [{"sample_id": "ab',
    "null": b"null",
    "a number": b"1e400",
    "a list": b"[]",
    "text": b"this is no JSON\n",
    "not a number": b'{"valence": NaN, "samples": NaN, "version": NaN}',
    "a hundred thousand deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "the same key twice": b'{"samples": [], "samples": {}, "emotion": "sad", "emotion": 3}',
    "UTF-16": json.dumps({"samples": [], "emotion": "sad"}).encode("utf-16"),
    "with a mark before": b"\xef\xbb\xbf" + json.dumps({"samples": []}).encode(),
    "no UTF-8": b'{"notes": "\xff\xfe\x80", "samples": []}',
    "half a pair": b'{"notes": "\\ud800", "dataset_id": "\\udfff", "samples": []}',
    "a number of a million digits": b'{"valence": ' + b"9" * 1_000_000 + b', "samples": []}',
    "zeros": bytes(10_000),
    "everything wrong": json.dumps(
        dict.fromkeys(
            ("samples", "config", "emotion", "stats", "features", "version", "emotion_labels", "groups"), ESCAPES
        )
    ).encode(),
}
"""What a file may hold in place of its JSON."""


def _samples(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    def changed(manifest: dict[str, Any]) -> None:
        for sample in manifest["samples"]:
            change(sample)

    return changed


def _put(**values: Any) -> Callable[[dict[str, Any]], object]:
    return _samples(lambda sample: sample.update(values))


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a path out": _put(file_path="../../../../etc/passwd"),
    "a path from the root": _put(file_path="/etc/passwd"),
    "a path of nothing": _put(file_path=""),
    "a path of zero": _put(file_path="raw/midi/\x00.mid"),
    "a path of escapes": _put(file_path=f"raw/midi/{ESCAPES}.mid"),
    "a path of a list": _put(file_path=["raw"]),
    "features elsewhere": _put(features_path="../../../../etc/shadow"),
    "a source of escapes": _put(source=ESCAPES),
    "an id out": _put(sample_id="../../../../tmp/owned"),
    "an id of zero": _put(sample_id="\x00"),
    "an id of a number": _put(sample_id=7),
    "all with one id": _put(sample_id="ab" * 8),
    "a parent that is itself": _samples(lambda sample: sample.update(parent_id=sample["sample_id"], is_synthetic=True)),
    "a root that is not there": _put(root_id="f" * 16),
    "sizes below nothing": _put(file_size_bytes=-1, duration_sec=-5),
    "sizes past counting": _put(file_size_bytes=10**30, duration_sec=1e308),
    "sizes that no sum holds": _put(file_size_bytes=2**63 - 1, duration_sec=1e300),
    "an emotion of escapes": _samples(lambda sample: sample["annotations"].update(emotion=ESCAPES)),
    "a valence of a list": _samples(lambda sample: sample["annotations"].update(valence=[1, 2])),
    "chords without end": _samples(lambda sample: sample["annotations"].update(chord_progression=["C"] * 200_000)),
    "notes of a megabyte": _samples(lambda sample: sample["annotations"].update(notes=ESCAPES * 50_000)),
    "labels of another kind": _samples(lambda sample: sample.update(annotations="happy")),
    "a split of another kind": _put(split={"train": True}),
    "no samples": lambda manifest: manifest.update(samples=[]),
    "samples of numbers": lambda manifest: manifest.update(samples=[1, None, "x", []]),
    "a configuration of a list": lambda manifest: manifest.update(config=[1]),
    "a name out": lambda manifest: manifest["config"].update(dataset_id="../../owned"),
}
"""Edits of a manifest that is otherwise right."""


def _npy(shape: str, body: bytes = b"", kind: str = "<f4") -> bytes:
    return _head(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}", body)


def _head(text: str, body: bytes) -> bytes:
    head = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body


_REST = "'fortran_order': False, 'shape': (1,)}"
_HEADS = (
    "{[]: 1}",
    "{1: 2, 'shape': 3, None: 4}",
    "{{}}",
    "[[['descr']]]",
    "-" * 9000 + "1",
    "(" * 9000,
    "'descr'",
    "{'shape': (1,)}",
    f"{{'descr': None, {_REST}",
    f"{{'descr': {{'names': ['a'], 'formats': ['<f4'], 'offsets': [-4]}}, {_REST}",
    f"{{'descr': [('a', '<f4', ({2**40},))], {_REST}",
    f"{{'descr': '<M8[{'9' * 30}s]', {_REST}",
    f"{{'descr': {'[' * 90}{']' * 90}, {_REST}",
    f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'1,' * 70})}}",
)
"""What may stand in the head of an array, which NumPy reads as Python."""


def _zip(entries: dict[str, bytes], packed: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, packed)
    return file.getvalue()


def _pickled() -> bytes:
    class Owned:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (Path("owned"),)

    file = io.BytesIO()
    np.savez(file, feature_vector=np.array([Owned()], object), mel_spectrogram=np.array([Owned()], object))
    return file.getvalue()


_NAMES = ("feature_vector.npy", "mel_spectrogram.npy", "why.npy")
GOOD = _zip({name: _npy("(4,)", bytes(16)) for name in _NAMES})
ARRAYS: dict[str, bytes] = {
    "empty": b"",
    "text": b"this is no archive\n",
    "zeros": bytes(10_000),
    "cut": GOOD[: len(GOOD) // 2],
    "a directory cut": GOOD[:-10],
    "pickled": _pickled(),
    "a pickle alone": b"cos\nsystem\n(S'touch owned'\ntR.",
    "an array of a petabyte": _zip(dict.fromkeys(_NAMES, _npy("(1000000, 1000000, 250)"))),
    "a length below nothing": _zip(dict.fromkeys(_NAMES, _npy("(-4,)", bytes(16)))),
    "a shape of words": _zip(dict.fromkeys(_NAMES, _npy("('x',)", bytes(16)))),
    "a shape of code": _zip(dict.fromkeys(_NAMES, _npy("__import__('os').getpid()", bytes(16)))),
    "a head that is not closed": _zip(dict.fromkeys(_NAMES, _npy("(4,)", bytes(16)).replace(b", }   ", b", }  ("))),
    "packed as no array is": _zip(dict.fromkeys(_NAMES, _npy("(4,)", bytes(16))), zipfile.ZIP_LZMA),
    "packed so and damaged": _zip(dict.fromkeys(_NAMES, bytes(99)), zipfile.ZIP_LZMA).replace(b"\x5d", b"\xff"),
    "an array cut": _zip(dict.fromkeys(_NAMES, _npy("(4000,)", bytes(16)))),
    "of text": _zip(dict.fromkeys(_NAMES, _npy("(4,)", bytes(64), "<U4"))),
    "of nothing": _zip(dict.fromkeys(_NAMES, _npy("(0,)"))),
    "of no dimension": _zip(dict.fromkeys(_NAMES, _npy("()", bytes(4)))),
    "not numbers": _zip(dict.fromkeys(_NAMES, _npy("(4,)", np.full(4, np.nan, "<f4").tobytes()))),
    "a bomb": _zip({_NAMES[0]: _npy("(17500000,)", bytes(70_000_000))}, zipfile.ZIP_DEFLATED),
    "entries of nothing": _zip({}),
    "other names": _zip({"../../owned.npy": _npy("(4,)", bytes(16)), "/tmp/owned.npy": _npy("(4,)", bytes(16))}),
    "an entry that is no array": _zip(dict.fromkeys(_NAMES, b"text")),
    "ten thousand entries": _zip({f"{at}.npy": b"" for at in range(10_000)}),
    "a comment that hides the entries": GOOD[:-2] + b"\x2a\0" + bytes(20) + GOOD[-22:-2] + b"\1\0",
    **{f"a head of {head[:16]}": _zip(dict.fromkeys(_NAMES, _head(head, bytes(64)))) for head in _HEADS},
    "an entry out": GOOD.replace(b"mel_spectrogram.npy", b"../feature_vector.n"),
}  # fmt: skip
"""What may lie in place of a sample's features, or be handed in as an array."""

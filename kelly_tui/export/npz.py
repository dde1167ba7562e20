"""Arrays for the model that the dataset is made for, or another of the five: files that numpy reads by itself.

Each, ``<model>-train-00000-of-00001.npz``, has `x`, `mask`, `y` and labels, a row for each example
(`kelly_tui.export.arrays` says what these are), ``sample``, the place of each row's sample in ``sample_ids``,
``start``, its seconds in the sample, label maps ``<name>_names``, and of `x` ``mean`` and ``std``, which are those of
train in all files.

Rows go to the disk as they are made; the files are put together at the end, when train is known.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO

import msgspec
import numpy as np

from kelly_tui.errors import StageError
from kelly_tui.export.arrays.examples import FORMS, asked, labelled, names_of
from kelly_tui.export.arrays.normal import Sums
from kelly_tui.export.arrays.rows import Form, Rows
from kelly_tui.export.choice import Part
from kelly_tui.export.options import Options
from kelly_tui.export.target import Target
from kelly_tui.model.dataset import TARGET_MODELS, DatasetConfig
from kelly_tui.model.sample import Sample

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can name
_INFO = "info.json"


class _Info(msgspec.Struct):
    """What is known of a part once its rows are written."""

    sample_ids: list[str] = []
    rows: int = 0
    arrays: dict[str, tuple[str, list[int]]] = {}
    """Type and shape of a row, by name."""
    sums: list[Any] | None = None
    left_out: dict[str, int] = {}
    """How many samples give no example, by the reason; of MIDI that can't be heard, in `silent`."""
    silent: list[str] = []
    """MIDI of which a model wants the sound, by id."""
    sounds_of: list[str] = []
    """Whose sound there is: ids of MIDI, or of other sound."""


class _Gathered:
    """Rows of a part, which go to the disk as they come."""

    def __init__(self, form: Form, options: Options, config: DatasetConfig, part: Part, target: Target) -> None:
        self._form, self._options, self._config = form, options, config
        self._part, self._target = part, target
        self._info, self._sums, self._left_out = _Info(), list[Sums](), Counter[str]()
        self.files = ExitStack()
        """Those that the rows go to; whoever gathers closes them."""
        self._by_name: dict[str, BinaryIO] = {}

    def add(self, sample: Sample, made: dict[str, Any]) -> None:
        info, model = self._info, self._form.model
        if TARGET_MODELS[model].reads == "audio":
            if sample.file_type == "midi":
                info.silent.append(sample.sample_id)
                return
            info.sounds_of.append(sample.parent_id or "")
        if why := made.get("why"):
            self._left_out[why] += 1
            return
        rows = Rows(**made)
        arrays = labelled(model, sample, rows, self._options, self._config)
        arrays["sample"] = np.full(len(rows.x), len(info.sample_ids), np.int64)
        if not self._by_name:
            enter, piece = self.files.enter_context, self._target.piece
            self._by_name = {name: enter(piece(self._part, name)) for name in arrays}
            info.arrays = {name: (array.dtype.str, list(array.shape[1:])) for name, array in arrays.items()}
        for name, array in arrays.items():
            self._by_name[name].write(np.ascontiguousarray(array).data)
        info.sample_ids.append(sample.sample_id)
        info.rows += len(rows.x)
        if self._form.channels and self._part.split == "train":
            self._sums.append(Sums.of(rows.x, rows.mask, self._form))

    def told(self) -> _Info:
        whole = Sums.together(self._sums)
        self._info.sums = None if whole is None else [sum_.tolist() for sum_ in whole]
        self._info.left_out = dict(sorted(self._left_out.items()))
        return self._info


class Npz:
    """The format ``npz``."""

    function = "kelly_tui.export.arrays.examples:rows_of"

    def __init__(self, config: DatasetConfig, options: Options) -> None:
        self._config, self._options = config, options
        self.form = FORMS[options.model or config.target_model]
        self.part_samples = self.form.part
        self.part_bytes = (options.shard_mb << 20) // self.form.grows
        self.wants_features = self.form.model == "harmonypredictor"

    def ask(self, sample: Sample) -> dict[str, Any]:
        return asked(self.form.model, sample, self._options, self._config)

    @contextmanager
    def gathering(self, part: Part, target: Target) -> Iterator[_Gathered]:
        gathered = _Gathered(self.form, self._options, self._config, part, target)
        with gathered.files:
            yield gathered
        with target.piece(part, _INFO) as file:
            file.write(msgspec.json.encode(gathered.told()))

    def finish(self, parts: Sequence[Part], target: Target) -> dict[str, Any]:
        told = [(part, _info(part, target)) for part in parts]
        left_out = Counter[str]()
        for _, info in told:
            left_out.update(info.left_out)
        left_out.update(_without_sound(info for _, info in told))
        if not any(info.rows for _, info in told):
            why = max(left_out, key=lambda reason: left_out[reason], default="they are gone")
            raise StageError(f"no sample gives {self.form.model} an example ({why})", path=target.root)
        sums = Sums.together(_sums(info) for _, info in told if info.sums is not None)
        names = names_of(self.form.model, self._options, self._config)
        fixed: dict[str, Any] = {f"{name}_names": np.array(values) for name, values in names.items()}
        if sums is not None:
            fixed |= sums.arrays
        examples, files = Counter[str](), Counter(part.split for part, info in told if info.rows)
        numbers = {split: iter(range(many)) for split, many in files.items()}
        for part, info in told:
            examples[part.split] += info.rows
            if info.rows:  # parts without examples leave no gap in the numbers
                name = part._replace(number=next(numbers[part.split]), of=files[part.split]).name
                with target.file(f"{self.form.model}-{name}.npz") as file:
                    _put_together(part, info, {**fixed, "sample_ids": np.array(info.sample_ids)}, target, file)
        return {
            "model": self.form.model,
            "arrays": {name: _described(fixed, told, name) for name in _names(fixed, told)},
            "examples": dict(examples),
            "without_example": dict(sorted(left_out.items())),
        }


def _without_sound(told: Iterable[_Info]) -> dict[str, int]:
    """How many of the MIDI samples are not there as sound too."""
    silent, sounds_of = set[str](), set[str]()
    for info in told:
        silent.update(info.silent)
        sounds_of.update(info.sounds_of)
    number = len(silent - sounds_of)
    return {"MIDI without its sound, which `kelly render` makes": number} if number else {}


def _names(fixed: dict[str, Any], told: Sequence[tuple[Part, _Info]]) -> list[str]:
    return sorted({*fixed, *(name for _, info in told for name in info.arrays)})


def _described(fixed: dict[str, Any], told: Sequence[tuple[Part, _Info]], name: str) -> str:
    """``float32 (n, 64, 313)``."""
    if name in fixed:
        kind, shape = fixed[name].dtype, fixed[name].shape
    else:
        kind, shape = next(info.arrays[name] for _, info in told if name in info.arrays)
        shape = ["n", *shape]
    word = "str" if np.dtype(kind).kind == "U" else np.dtype(kind).name
    return f"{word} ({', '.join(map(str, shape))})"


def _info(part: Part, target: Target) -> _Info:
    raw = io.BytesIO()
    target.join([part], _INFO, raw)
    return msgspec.json.decode(raw.getvalue(), type=_Info)


def _sums(info: _Info) -> Sums:
    return Sums(*(np.array(one) for one in info.sums or ()))


def _put_together(part: Part, info: _Info, fixed: dict[str, Any], target: Target, file: BinaryIO) -> None:
    """The .npz of a part: the same bytes wherever it is written; what is large is copied, never held."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted({*fixed, *info.arrays}):
            with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as entry:
                if name in fixed:
                    np.lib.format.write_array(entry, fixed[name], version=(1, 0), allow_pickle=False)
                    continue
                kind, shape = info.arrays[name]
                header = {"descr": kind, "fortran_order": False, "shape": (info.rows, *shape)}
                np.lib.format.write_array_header_1_0(entry, header)
                target.join([part], name, entry)

"""Variants and generated files made again, from roots and rows alone: to compare them, or where they are gone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from kelly_tui.augment.item import variant_bytes
from kelly_tui.errors import FileRefused, LabelError, SoundError
from kelly_tui.export.outside import most_of
from kelly_tui.model.annotation import Label
from kelly_tui.model.labels import may_replace
from kelly_tui.model.sample import Sample, file_type_of
from kelly_tui.model.variation import RENDER, changes_of, told, untold
from kelly_tui.music.soundform import libsndfile
from kelly_tui.paths import soundfont, soundfonts
from kelly_tui.pipeline.augment import VERSION
from kelly_tui.pipeline.extract import audio_config, feature_item, wanted_parameters
from kelly_tui.pipeline.inherit import inherited
from kelly_tui.pipeline.pace import patience
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.raw import GENERATED, IMPORTED, must_have_raw
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Item, Outcome, Result, Run
from kelly_tui.store import annotation_file
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.durable import make_durable, write_inside
from kelly_tui.store.inside import inside, read_inside
from kelly_tui.store.layout import dataset_errors, make_music_folders

STAGE = "rebuild"

Fault = tuple[str, str]
"""A file, and what is wrong with it."""


def check(catalogue: Catalogue, run: Run) -> Outcome:
    """Make every variant and generated file again, and compare: nothing is written.

    MIDI and JSON must be the same bytes, audio the same sound once decoded. Of JSON there are the features, where they
    are up to date, and the annotations, where they are written. Labels must be those that the parent's, or the
    generator, give. ``failures`` names what differs.
    """
    rebuilding = _Rebuilding(catalogue, run, writes=False)
    items = [rebuilding.item(sample) for sample in catalogue.samples(_MADE)]
    return rebuilding.carry_out(items, "all as its root and its row say")


@recorded(STAGE)
def rebuild(catalogue: Catalogue, run: Run) -> Outcome:
    """Make those variants and generated files again that are gone. One that is there stays, whatever is in it.

    What comes out otherwise than its row says is not written, and named.
    """
    rebuilding = _Rebuilding(catalogue, run, writes=True)
    items = [rebuilding.item(sample) for sample in catalogue.samples(_MADE) if rebuilding.is_gone(sample)]
    must_have_raw(catalogue, *IMPORTED)
    make_music_folders(catalogue.root, *_FOLDERS)
    return rebuilding.carry_out(items, "none was gone" if not items else "")


_MADE = "is:augmented|generated"
_FOLDERS = (GENERATED, "processed/augmented/midi", "processed/augmented/audio")
"""Where these lie."""


def remade_item(item: dict[str, Any]) -> dict[str, Any]:
    """In a worker: make one sample's files again. Returns ``faults``, ``written``, generated ``labels``."""
    made: dict[str, Any] = {"faults": [], "written": []}
    with TemporaryDirectory(prefix="kelly-") as scratch:
        try:
            files, labels = _made_again(item, Path(scratch))
            if labels is not None:
                made["labels"] = labels
            for path, data in files.items():
                if item["writes"]:
                    _put_back(item, path, data, made)
                elif why := _difference(item, path, data):
                    made["faults"].append((path, why + item.get("made_by", "")))
            data = files[item["target"]]
            if item["file_type"] == "midi" and not made["faults"] and _sha(data) != item["sha256"]:
                made["faults"].append((item["target"], "its row has the hash of other content"))
            if item["features"] is not None:
                _compare_features(item, data, Path(scratch), made)
        except (FileRefused, SoundError, LabelError) as error:
            made["faults"].append((item["target"], f"can't be made again: {error}"))
    return made


def _made_again(item: dict[str, Any], scratch: Path) -> tuple[dict[str, bytes], dict[str, Any] | None]:
    """The sample's files by their paths, and its labels where a generator gives them."""
    if why := item.get("untold"):
        raise FileRefused(why)
    if "recipe" in item:
        root = inside(Path(item["root"]), item["parent_path"])
        try:
            content = read_inside(Path(item["root"]), root, most_of(item["parent_path"]))
        except FileNotFoundError:
            raise FileRefused("its root is gone", path=root) from None
        if item["parent_sha256"] and _sha(content) != item["parent_sha256"]:
            raise FileRefused("its root has changed", path=root)
        if "font_sha256" in item:
            return {item["target"]: _rendered(item, content, scratch)}, None
        return {item["target"]: variant_bytes(item)[0]}, None
    from kelly_tui.synth.item import generate_sample, is_known
    from kelly_tui.synth.sample import VERSION

    if item["version"] != VERSION:
        why = f"version {item['version']} of the generator made it, this is {VERSION}"
        raise FileRefused(why, path=item["target"])
    if not is_known(item["kind"], item["classes"]):
        raise FileRefused("its row tells of classes that no generator knows", path=item["target"])
    sample = generate_sample(item["kind"], item["seed"], item["index"], item["classes"])
    labels = msgspec.to_builtins(sample.labels)
    if item["file_type"] == "midi":
        return {item["target"]: sample.midi}, labels
    return {item["rendered_from"]: sample.midi, item["target"]: _rendered(item, sample.midi, scratch)}, labels


def _rendered(item: dict[str, Any], midi: bytes, scratch: Path) -> bytes:
    """The sound file of `midi`, with the SoundFont that the sample was rendered with."""
    from kelly_tui.render.font import Font
    from kelly_tui.render.midi import render_file

    if item["font_sha256"] not in ("", _sha_of_file(item["soundfont"])):
        raise SoundError("it was rendered with another SoundFont", path=item["soundfont"])
    source = scratch / "music.mid"
    target = source.with_suffix(Path(item["target"]).suffix)
    source.write_bytes(midi)
    render_file(source, target, item["sample_rate"], Font(item["soundfont"], item["font_sha256"]))
    return target.read_bytes()


def _put_back(item: dict[str, Any], path: str, data: bytes, made: dict[str, Any]) -> None:
    file = inside(Path(item["root"]), path)
    if file.exists():
        return
    if path == item["target"] and _sha(data) != item["sha256"]:
        why = "comes out otherwise than its row says; not written"
        made["faults"].append((path, why + item.get("made_by", "")))
        return
    write_inside(Path(item["root"]), path, data)
    made["written"].append(path)


def _difference(item: dict[str, Any], path: str, data: bytes) -> str:
    """What is wrong with the dataset's file at `path`, if it should be `data`; nothing if it is."""
    root = Path(item["root"])
    there = inside(root, path)
    is_sound = file_type_of(path) == "audio"
    most = 2 * len(data) if is_sound else len(data)  # another encoder may need more, but not twice as much
    try:
        found = read_inside(root, there, most)
    except FileNotFoundError:
        return "gone"
    except FileRefused:
        found = b""
    if found == data or (is_sound and _sounds_alike(found, data)):
        return ""
    return "another sound" if is_sound else "other bytes"


def _sounds_alike(one: bytes, other: bytes) -> bool:
    soundfile = libsndfile()
    try:
        heard, rate = soundfile.read(io.BytesIO(one), dtype="int32", always_2d=True)
    except soundfile.LibsndfileError:
        return False
    wanted, wanted_rate = soundfile.read(io.BytesIO(other), dtype="int32", always_2d=True)
    return rate == wanted_rate and heard.shape == wanted.shape and bool((heard == wanted).all())


def _compare_features(item: dict[str, Any], data: bytes, scratch: Path, made: dict[str, Any]) -> None:
    from kelly_tui.features.midi import extract_item

    (scratch / "sample.mid").write_bytes(data)
    features = item["features"]
    extract_item({**features, "root": str(scratch), "file_path": "sample.mid", "sha256": "", "target": "features.json"})
    if why := _difference(item, features["target"], (scratch / "features.json").read_bytes()):
        made["faults"].append((features["target"], why))


class _Rebuilding:
    """Which files there should be, and what came of making them again."""

    def __init__(self, catalogue: Catalogue, run: Run, *, writes: bool) -> None:
        self._catalogue, self._run, self._writes = catalogue, run, writes
        self._up_to_date = dict(catalogue.stage_keys("extract"))
        self._config = audio_config(catalogue)
        self._parameters = wanted_parameters(catalogue)
        self._faults: list[Fault] = []
        self._written = 0
        self._at_fault: set[str] = set()
        self._fonts: dict[str, str] = {}
        """SoundFonts by the hash of their content."""

    def is_gone(self, sample: Sample) -> bool:
        """Whether a file of a sample that was made here is not there."""
        paths = (sample.file_path, _rendered_from(sample, ""))
        try:
            return any(path and not inside(self._catalogue.root, path).exists() for path in paths)
        except FileRefused:  # a path that leads out: a worker says so of this one, and makes the others
            return True

    def item(self, sample: Sample) -> Item:
        data: dict[str, Any] = {
            "root": str(self._catalogue.root),
            "target": sample.file_path,
            "file_type": sample.file_type,
            "sha256": sample.sha256,
            "writes": self._writes,
            "features": None if self._writes else self._features(sample),
        }
        data |= self._of_variant(sample) if sample.parent_id else self._of_generated(sample)
        function = f"{remade_item.__module__}:{remade_item.__name__}"
        is_sound = sample.file_type == "audio"
        limit = patience(sample.duration_sec, self._run.settings.sound_values) if is_sound else 1.0
        return Item(sample.sample_id, sample.file_path, "", sample.file_size_bytes, function, data, limit)

    def _of_variant(self, sample: Sample) -> dict[str, Any]:
        parent = self._catalogue.get(sample.parent_id or "")
        made_by = sample.augmentation or {}
        if why := _not_told(made_by):
            return {"untold": why}
        source, sha256 = ("", "") if parent is None else (parent.file_path, parent.sha256)
        if sample.augmentation_type == RENDER:
            return {"parent_path": source, "parent_sha256": sha256, "recipe": {}, **self._rendered_with(made_by)}
        if parent is not None and parent.file_type != sample.file_type:  # it was rendered since
            source, sha256 = _rendered_from(parent, source), ""
        return {
            "parent_path": source,
            "parent_sha256": sha256,
            "recipe": {name: amount for name, amount in changes_of(made_by).items() if name != RENDER},
            "seed": told("seed", made_by.get("seed", 0)),
            "made_by": _by_version(made_by),
        }

    def _of_generated(self, sample: Sample) -> dict[str, Any]:
        try:
            data = msgspec.structs.asdict(msgspec.convert(sample.extra.get("generator"), _Generator))
        except msgspec.ValidationError:
            return {"untold": "its row does not tell how it was generated"}
        if sample.file_type != "audio":
            return data
        made_with, source = sample.extra.get("rendered_with", {}), _rendered_from(sample, "")
        if not isinstance(made_with, dict) or not source:
            return {"untold": "its row does not tell how it was rendered"}
        if why := _not_told(made_with):
            return {"untold": why}
        return {**data, "rendered_from": source, **self._rendered_with(made_with)}

    def _rendered_with(self, row: dict[str, Any]) -> dict[str, Any]:
        digest = row.get("soundfont_sha256", "")
        if digest not in self._fonts:
            self._fonts[digest] = self._font(digest)
        return {
            "sample_rate": told("sample_rate", row.get("sample_rate", self._catalogue.config.sample_rate)),
            "soundfont": self._fonts[digest],
            "font_sha256": digest,
        }

    def _font(self, digest: str) -> str:
        """The SoundFont of that content, wherever it is found; the usual one where it is not."""
        usual = soundfont(self._catalogue.config.soundfont or self._run.settings.soundfont)
        found = [usual, *soundfonts()]
        return str(next((path for path in found if _sha_of_file(path) == digest), usual))

    def _features(self, sample: Sample) -> dict[str, Any] | None:
        """How its features are made, where they are JSON and up to date."""
        key = self._parameters[sample.file_type].key(sample.sha256 or sample.sample_id)
        if sample.file_type != "midi" or sample.features_path is None or self._up_to_date.get(sample.sample_id) != key:
            return None
        return feature_item(self._catalogue.layout, self._config, sample).data

    def carry_out(self, items: list[Item], words: str) -> Outcome:
        plan = Plan()
        for item in items:
            plan.add(item, "to make again")
        if self._run.dry_run:
            return plan.outcome(STAGE)
        room = Room(self._catalogue) if self._writes else None
        outcome = run_items(Work(STAGE, items, plan, room=room, written=lambda *_: None), self._take, self._run)
        outcome.failures += self._faults
        outcome.done -= len(self._at_fault)
        if not outcome.failures:
            outcome.words = words
        elif not self._writes:
            outcome.words = f"{len(self._at_fault):,} differ"
        outcome.details = {"compared": len(items)} if not self._writes else {"written": self._written}
        return outcome

    def _take(self, results: list[tuple[Item, Result]]) -> None:
        written = []
        for item, result in results:
            if not isinstance(result, dict):
                continue
            written += [self._catalogue.root / path for path in result["written"]]
            faults = [tuple(fault) for fault in result["faults"]]
            if not self._writes:
                faults += self._faults_of_row(item, result.get("labels"))
            self._faults += faults
            if faults:
                self._at_fault.add(item.item_id)
        with dataset_errors(self._catalogue.root):
            make_durable(written)
        self._written += len(written)

    def _faults_of_row(self, item: Item, generated: dict[str, Any] | None) -> Iterator[Fault]:
        """Labels other than those that follow, and an annotation file other than the labels."""
        sample = self._catalogue.get(item.item_id)
        if sample is None:  # gone meanwhile
            return
        if generated is not None:
            wanted = {name: msgspec.convert(label, Label) for name, label in generated.items()}
            others = [
                name
                for name, label in sample.labels.items()
                if label.source == "generator" and (name not in wanted or label.value != wanted[name].value)
            ]
        else:
            parent = self._catalogue.get(sample.parent_id or "")
            if "untold" in item.data:
                parent = None
            others = [] if parent is None else [*_unlike(sample, inherited(sample, parent))]
        if others:
            yield item.name, f"labels are not what follows: {', '.join(others)}"
        rev, exported = self._catalogue.db.execute(
            "SELECT rev, exported_rev FROM samples WHERE sample_id = ?", (item.item_id,)
        ).fetchone()
        file = self._catalogue.layout.annotation_path(item.item_id)
        if rev == exported and sample.labels and file.exists():
            name = file.relative_to(self._catalogue.root).as_posix()
            if not annotation_file.is_of(sample, self._catalogue.db, self._catalogue.root, file):
                yield name, "other bytes"


class _Generator(msgspec.Struct):
    """What a row keeps of how a sample was generated."""

    kind: str
    seed: int
    index: int
    classes: list[str]
    version: int


def _rendered_from(sample: Sample, otherwise: str) -> str:
    """The MIDI file of a generated sample that is sound now."""
    said = sample.extra.get("rendered_from")
    return said if isinstance(said, str) else otherwise


def _not_told(made: Mapping[str, object]) -> str:
    """Why a sample can't be made again by what its row tells; nothing where it can. Of whose version it was, it can."""
    names = [name[:40] for name in untold(made) if name != "version"]
    return f"its row tells no {', '.join(names[:5])} that this version knows" if names else ""


def _by_version(made: Mapping[str, object]) -> str:
    """What to say besides of a variant that another version of this program made."""
    version = told("version", made["version"]) if "version" in made else "before 3"
    if version == VERSION:
        return ""
    return f": version {version or 'unknown'} of augment made it, this is {VERSION}"


def _unlike(variant: Sample, wanted: dict[str, Label | None]) -> Iterator[str]:
    """Fields in which a variant says otherwise than it should by its parent, and no stronger source says so."""
    for name, label in wanted.items():
        now = variant.labels.get(name)
        same = now == label or (now is not None and label is not None and now.value == label.value)
        same = same or (now is None and name in variant.refused)
        if not same and (now is None or label is None or may_replace("inherited", now.source)):
            yield name


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha_of_file(path: Path | str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Labels from the folders that a person sorted files into: whole words only, the innermost folder first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import MODES

_TOKENS = re.compile(r"[^\W\d_]+|\d+")
_CASE = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zß-ÿ])")

_ARTICULATION_WORDS = ("legato", "staccato", "marcato", "tenuto")
"""Of the articulations, those that mean nothing else: a folder "normal" or "accent" may be anything."""

_BESIDE_A_MODE = {*"abcdefg", "flat", "sharp", "key", "keys", "mode", "modes", "in", "of", "scale"}
"""What may stand beside a mode in a folder that names it: "A minor", but not "Major Lazer"."""


def words(name: str) -> tuple[str, ...]:
    """The words of a folder's name, split where letters end and where case changes, in lower case."""
    tokens = _TOKENS.findall(unicodedata.normalize("NFC", name))
    return tuple(part.casefold() for token in tokens for part in _CASE.split(token))


Spellings = dict[tuple[str, ...], str]


def _spellings(labels: Iterable[str]) -> Spellings:
    """Every way to write a label as words: laid_back is "laid back" and "laidback"."""
    found: Spellings = {}
    for label in labels:
        found[words(label)] = label
        found["".join(words(label)),] = label
    found.pop((), None)
    return found


class FolderWords:
    """The words that are labels in one dataset."""

    def __init__(self, config: DatasetConfig) -> None:
        self._fields: dict[str, Spellings] = {
            "emotion": _spellings(config.choices("emotion")),
            "groove_type": _spellings(config.choices("groove_type")),
        }
        if config.target_model == "dynamicsengine":
            # Only there: elsewhere a folder "p" or "f" is a letter, and "normal" says nothing of notes.
            self._fields["articulation"] = _spellings(FIELDS["articulation"].choices)
            self._fields["dynamic_range"] = _spellings(FIELDS["dynamic_range"].choices)
        else:
            self._fields["articulation"] = _spellings(_ARTICULATION_WORDS)
        self._modes = _spellings(MODES)
        self.of_folder = lru_cache(maxsize=65536)(self._of_folder)
        self.of_path = lru_cache(maxsize=65536)(self._of_path)

    def _of_folder(self, name: str) -> dict[str, frozenset[str]]:
        """Field -> the labels that the folder's name says; more than one is no label."""
        found = words(name)
        said = {field: frozenset(_labels_in(found, spellings)) for field, spellings in self._fields.items()}
        modes = frozenset(_labels_in(found, self._modes))
        if len(modes) == 1 and not set(found) - set(words(next(iter(modes)))) - _BESIDE_A_MODE:
            said["mode"] = modes
        return {field: labels for field, labels in said.items() if labels}

    def _of_path(self, folder: str) -> dict[str, frozenset[str]]:
        """Field -> what the innermost folder that says anything about it says."""
        said: dict[str, frozenset[str]] = {}
        for name in folder.split("/"):
            said |= self.of_folder(name)
        return said

    def is_label(self, folder: str) -> bool:
        """Whether the folder's name says any label, so that it is no song's name."""
        return bool(self.of_folder(folder))


def _labels_in(found: tuple[str, ...], spellings: Spellings) -> set[str]:
    longest = max(map(len, spellings), default=0)
    labels: set[str] = set()
    start = 0
    while start < len(found):
        for length in range(min(longest, len(found) - start), 0, -1):  # "harmonic minor" is not minor
            label = spellings.get(found[start : start + length])
            if label is not None:
                labels.add(label)
                start += length - 1
                break
        start += 1
    return labels


def folder_labels(source: str, config: DatasetConfig) -> dict[str, str]:
    """The labels that the folders of `source`, a relative path, give it: ``{"emotion": "sad"}``.

    The file's own name says nothing: songs are called "Boggys Igloo Sad". A folder that names two labels of one
    field names none.
    """
    said = FolderWords(config).of_path(source.rpartition("/")[0])
    return {field: next(iter(labels)) for field, labels in said.items() if len(labels) == 1}


@dataclass
class FolderSays:
    """What the folders of all of a sample's sources say together."""

    labels: dict[str, str] = field(default_factory=dict)
    disagree: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields on which two sources differ, or one folder names two labels; in the order of the sources."""


def sources_say(sources: Iterable[str], vocabulary: FolderWords) -> FolderSays:
    """What the folders of a file that was met in several places say: a label only where they do not differ."""
    by_field: dict[str, list[str]] = {}
    for source in sources:
        said: Mapping[str, frozenset[str]] = vocabulary.of_path(source.rpartition("/")[0])
        for name, labels in said.items():
            by_field.setdefault(name, []).extend(sorted(labels))
    result = FolderSays()
    for name, found in by_field.items():
        distinct = tuple(dict.fromkeys(found))
        if len(distinct) == 1:
            result.labels[name] = distinct[0]
        else:
            result.disagree[name] = distinct
    return result

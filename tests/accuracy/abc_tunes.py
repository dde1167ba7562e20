"""Tunes in ABC notation, as far as collections of folk tunes use it: one voice, repeats as they are written.

music21 and abc2midi read far more of it, and some hundred times slower: a corpus of 12,000 tunes takes 10 s here. What
is found is what those files of the judged sets hold that were made of the same tunes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

Sounding = list[tuple[float, float, int]]
"""Beat, beats and pitch of notes."""


class Tune(NamedTuple):
    tonic: int
    """0..11"""
    mode: str
    sharps: int
    """Of its signature; flats below 0."""
    text: str

    def notes(self) -> Sounding:
        body = self.text[self.text.index("K:") :]
        return _notes(_NOT_PLAYED.sub("", body), _unit(self.text), _signature(self.sharps))


_SHARPS = {"major": 0, "mixolydian": -1, "dorian": -2, "minor": -3, "phrygian": -4, "locrian": -5, "lydian": 1}
"""More than major of the same tonic has."""
_NAMES = {"": "major", "M": "major", "m": "minor", **{mode[:3]: mode for mode in _SHARPS}}
_CIRCLE = "FCGDAEB"
_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_KEY_LINE = re.compile(r"^K: *(\S.*)$", re.MULTILINE)
_KEY = re.compile(r"([A-G])([#b]?) *([A-Za-z]*) *(?:%.*)?")
_NOT_PLAYED = re.compile(r'"[^"]*"|\{[^}]*\}|![^!\n]*!|\[[A-Za-z]:[^\]]*\]|%.*|^[A-Za-z]:.*', re.MULTILINE)
_TOKEN = re.compile(
    r"(?P<sign>[\^_=]*)(?P<letter>[A-Ga-gzx])(?P<octave>[,']*)(?P<length>\d*(?:/\d*)*)"
    r"|\((?P<tuplet>[2-9])|(?P<broken>[<>]+)|(?P<bar>\|)|(?P<tie>-)"
)
_IN_TIME_OF = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
"""So many notes last as long as so many others; two for the rest."""


def tunes(text: str) -> Iterator[Tune]:
    """Those of a file whose key is said, and is the same throughout."""
    for tune in re.split(r"^(?=X:)", text.replace("\r", ""), flags=re.MULTILINE)[1:]:
        lines = set(_KEY_LINE.findall(tune))
        said = _KEY.fullmatch(lines.pop()) if len(lines) == 1 else None
        mode = said and _NAMES.get(said[3] if len(said[3]) < 2 else said[3][:3].lower())
        if said and mode:
            alter = {"#": 1, "b": -1, "": 0}[said[2]]
            sharps = _CIRCLE.index(said[1]) - 1 + 7 * alter + _SHARPS[mode]
            yield Tune((_CLASSES[said[1]] + alter) % 12, mode, sharps, tune)


def _signature(sharps: int) -> dict[str, int]:
    """By how much each letter is altered."""
    return {letter: (sharps - at + 6) // 7 for at, letter in enumerate(_CIRCLE)}


def _unit(tune: str) -> Fraction:
    """Quarter notes of a length of 1."""
    if said := re.search(r"^L: *(\d+)/(\d+)", tune, re.MULTILINE):
        return Fraction(4 * int(said[1]), int(said[2]))
    meter = re.search(r"^M: *(\d+)/(\d+)", tune, re.MULTILINE)
    return Fraction(1, 4) if meter and 4 * int(meter[1]) < 3 * int(meter[2]) else Fraction(1, 2)


def _length(text: str) -> Fraction:
    """Of ``3``, ``/``, ``3/2`` or ``//``."""
    number, *halves = text.split("/")
    length = Fraction(int(number or 1))
    for half in halves:
        length /= int(half or 2)
    return length


def _notes(body: str, unit: Fraction, signature: dict[str, int]) -> Sounding:
    found: list[tuple[Fraction, Fraction, int]] = []
    now, factor, left, tied = Fraction(0), Fraction(1), 0, False
    after: Fraction | None = None
    held: dict[str, int] = {}
    for token in _TOKEN.finditer(body):
        if token["bar"]:
            held = {}
        elif token["tuplet"]:
            left = int(token["tuplet"])
            factor = Fraction(_IN_TIME_OF.get(left, 2), left)
        elif token["broken"]:
            short = Fraction(1, 2 ** len(token["broken"]))
            before, after = (2 - short, short) if token["broken"][0] == ">" else (short, 2 - short)
            if found:
                start, length, pitch = found[-1]
                found[-1] = (start, length * before, pitch)
                now = start + length * before
        elif token["tie"]:
            tied = True
        else:
            length = _length(token["length"]) * unit * (factor if left else 1) * (after or 1)
            left, after = max(0, left - 1), None
            letter = token["letter"].upper()
            if letter in _CLASSES:
                place = token["letter"] + token["octave"]
                if token["sign"]:
                    held[place] = token["sign"].count("^") - token["sign"].count("_")
                octave = token["letter"].islower() + token["octave"].count("'") - token["octave"].count(",")
                pitch = 60 + 12 * octave + _CLASSES[letter] + held.get(place, signature[letter])
                if tied and found and found[-1][2] == pitch:
                    found[-1] = (found[-1][0], found[-1][1] + length, pitch)
                else:
                    found.append((now, length, pitch))
            tied = False
            now += length
    return [(float(start), float(length), pitch) for start, length, pitch in found]

"""What the name of a part says of its role: whether it speaks for the melody."""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SOUND = re.compile(
    r"\b(?:voice oohs?|choir aahs?|synth (?:voice|vox|choir)|space voice|(?:lead|pad) \d+ ?(?:\(.*?\)|chiff)"
    r"|bass ?(?:&|\+|and) ?lead|(?:square|saw|sawtooth|calliope|chiff|chiffer|charang|fifths) lead)"
)
"""Sounds of General MIDI with a role's word in their names: sequencers name a part by its sound, whatever it plays."""
_WORD = re.compile(r"[^\W\d_]+")
_SURELY = re.compile(r"melod(?:y|ies|ie|ía|ia)|mélodie|tune|theme|vocal(?:s|ist)?|vox|sing(?:er|ing)?|gesang")
_PERHAPS = re.compile(r"lead|voice|solo")
_NOT = re.compile(
    r"accomp(?:animent)?|aahs?|oohs?|arp(?:eggios?)?|back(?:ground|ing|up)?|bass|bgv?s?|bkg|choir|chords?|comp(?:ing)?"
    r"|counter|harm(?:ony|onies)?|ostinato|pads?|rhythm|strum(?:ming)?"
)


def speaks_for_melody(name: str) -> int:
    """2 where a part's name says that it is the melody, 1 where it says that it may be (``Lead``, ``Voice 1``), 0 where
    it says nothing of it, -1 where it says that it is something else (``Backing Vocals``)."""
    words = _WORD.findall(_SOUND.sub(" ", _CAMEL.sub(" ", name).lower()))
    if any(map(_NOT.fullmatch, words)):
        return -1
    return 2 if any(map(_SURELY.fullmatch, words)) else int(any(map(_PERHAPS.fullmatch, words)))

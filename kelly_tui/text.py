"""Strangers' text made safe to show, and numbers with the right form of their word.

File names, MIDI track names and notes come from anywhere. A terminal obeys escape sequences wherever it meets
them, so every such text passes through `safe_text` before it is printed or drawn.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import sys
import unicodedata
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")

_BIDI_AND_SEPARATORS = {
    *range(0x202A, 0x202F),  # embeddings and overrides
    *range(0x2066, 0x206A),  # isolates
    0x200E,
    0x200F,
    0x061C,
    0x2028,
    0x2029,
    0xFEFF,
}


def _table() -> dict[int, int]:
    table = {code: 0x2400 + code for code in range(0x20)}  # control pictures
    table[0x7F] = 0x2421
    table |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)  # C1: a lone byte starts a sequence in some terminals
    table |= dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)  # surrogates: bytes that were not UTF-8
    table |= dict.fromkeys(_BIDI_AND_SEPARATORS, 0xFFFD)
    return table


_TABLE = _table()
_CONTROLS = {code: shown for code, shown in _TABLE.items() if code not in _BIDI_AND_SEPARATORS}

JOINER = "\u200d"
"""Makes one figure of those before and after it."""

_UNSHOWN = "\ufffd"
_UNSHOWN_ROW = re.compile(f"{_UNSHOWN}+")

_MAYBE_WEIGHTLESS = re.compile(
    "[\u00ad\u0300-\u1fff\u200b-\u200f\u2028-\u202e\u2060-\u206f\u20d0-\u20ff\u2cef-\u2dff\u302a-\u302f\u3099\u309a"
    "\u3164\ua66f-\uabff\ud7b0-\ud7ff\ufb1e-\uffff\U00010000-\U0010ffff]"
)
"""Where the letters of `_is_weightless` lie; most lines drawn have none of these, and cost no look at each letter."""

LONGEST_STACK = 8
"""Marks on one letter. Tibetan, which stacks most, has as many; Hebrew sung from the Torah six, Vietnamese two."""

MOST_JOINED = 4
"""Joiners in one figure. The largest family of emoji has three, a conjunct of Sinhala two."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPES = {code: f"\\u{code:04x}" for code in _TABLE if code >= 0x7F}


def count(n: int, one: str, many: str = "") -> str:
    """``1 sample``, ``2,000 samples``."""
    return f"{n:,} {agree(n, one, many or one + 's')}"


def agree(n: int, one: str, many: str) -> str:
    """The word that goes with a number: ``has`` with 1, ``have`` with others."""
    return one if n == 1 else many


def safe_text(text: str, limit: int | None = 200) -> str:
    """`text` without anything a terminal would obey, composed (NFC), at most `limit` characters long.

    Control characters become their pictures, the rest of what is dangerous becomes U+FFFD, and the rest of a flood one.
    """
    shown = text.translate(_TABLE)
    if not text.isascii():
        shown = unicodedata.normalize("NFC", shown)
        shown = _UNSHOWN_ROW.sub(_UNSHOWN, _calmed(shown))
    if limit is not None and len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    return shown


def safe_letters(text: str) -> str:
    """`text` safe to show, and letter for letter as long as it is: what is drawn while it is edited."""
    shown = text.translate(_TABLE)
    return shown if text.isascii() else _calmed(shown)


def is_safe(text: str) -> bool:
    """Whether a terminal would obey nothing in it."""
    return safe_letters(text) == text


def without_controls(text: str) -> str:
    """`text` with pictures for its control characters, which no key types. What gives it its direction stays."""
    return text.translate(_CONTROLS)


@lru_cache(maxsize=8192)
def _is_weightless(letter: str) -> bool:
    """Whether a terminal draws it over what is before it, or not at all."""
    return (
        unicodedata.category(letter) in ("Mn", "Me", "Mc", "Cf")
        or "\u1160" <= letter <= "\u11ff"  # vowels and finals of Hangul
        or "\ud7b0" <= letter <= "\ud7ff"
        or letter in "\u3164\uffa0"  # its fillers
        or "\U0001f3fb" <= letter <= "\U0001f3ff"  # tones of skin
    )


@lru_cache(maxsize=8192)
def _is_format(letter: str) -> bool:
    """Whether it is alone where it has a meaning. The tags that make a flag a region's are several."""
    return unicodedata.category(letter) == "Cf" and letter < "\U000e0000"


def _calmed(text: str) -> str:
    """`text` with U+FFFD for each letter of a flood: a row that no writing has, of what takes no room of its own.

    Thousands of marks on one letter are drawn over the lines around it; thousands of joiners make a line longer than it
    is reckoned. A U+FFFD ends a figure, and has nothing on it: a row of them may become one, and what is calm stays so.
    """
    if not _MAYBE_WEIGHTLESS.search(text):
        return text
    letters: list[str] = []
    stacked = joined = 0
    before = " "
    for letter in text:
        shown = letter
        if _is_weightless(letter):
            stacked += 1
            joined += letter == JOINER
            flood = stacked > LONGEST_STACK or joined > MOST_JOINED or (_is_format(letter) and _is_format(before))
            if flood or before == _UNSHOWN:
                shown = _UNSHOWN
        else:
            stacked = 0
            if before != JOINER:
                joined = 0
        if shown == _UNSHOWN:
            stacked = joined = 0
        letters.append(shown)
        before = shown
    return "".join(letters)


def storable(text: str, instead: str = "\ufffd") -> str:
    """`text` as UTF-8 and JSON can hold it: with `instead` for each byte of a name that was not UTF-8."""
    return text if text.isascii() else _SURROGATES.sub(instead, text)


def shell_word(text: str) -> str:
    """`text` as a shell reads it, in characters that can be shown: ``Caf\xe9`` is ``$'Caf\\xe9'``."""
    if is_safe(text):
        return shlex.quote(text)
    plain = (chr(one) if 0x20 <= one < 0x7F and chr(one) not in "'\\" else f"\\x{one:02x}" for one in os.fsencode(text))
    return f"$'{''.join(plain)}'"


def json_of(data: object) -> bytes:
    """`data` in JSON, its texts `storable`."""
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError:
        return storable(json.dumps(msgspec.to_builtins(data), ensure_ascii=False)).encode()


def of_json(data: bytes, kind: type[_T], largest: int = sys.maxsize, findings: list[str] | None = None) -> _T:
    """What `data` says, as msgspec decodes it; where that can't, what it says `mended`, of which `findings` hears.

    No field takes what is `no_number`: so that value can't be taken, and all others can. Raises as msgspec does; also
    where `data` had more than `largest` bytes so, which is of little else.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError):
        found = mended(data, [] if findings is None else findings)
        if found == data or len(found) > largest:
            raise
        return msgspec.json.decode(found, type=kind)


def mended(data: bytes, findings: list[str]) -> bytes:
    """JSON that decoders take, of what Python's json writes and they do not: one bad value costs that value.

    An object stands for each NaN and Infinity, and each number beyond any (``1e999``), see `no_number`; U+FFFD for half
    of a letter (a name that is no UTF-8 becomes ``"caf\\udce9"``); null for what lies deeper than `DEEPEST` brackets.
    The last two are said in `findings`, the first hundred of them. What is no JSON otherwise stays none.
    """
    found, end = bytearray(), 0
    for met in _TEXT_OR_NO_NUMBER.finditer(data):
        written, instead = met[0], met[0]
        if met[1] is None:
            if b"\\u" in written and (instead := _ESCAPE.sub(_whole, written)) != written:
                _find(findings, written, "has half of a letter, read as \ufffd")
        elif not math.isfinite(float(written)):
            instead = b'{"%s": "%s"}' % (_NO_NUMBER.encode(), written)
        if instead != written:
            found += data[end : met.start()] + instead
            end = met.end()
    return _shallow(bytes(found + data[end:]), findings)


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]


def _shallow(data: bytes, findings: list[str]) -> bytes:
    """`data` with null for what lies too deep; as it is where it is flat, or nearly all brackets."""
    if not DEEPEST < data.count(b"[") + data.count(b"{") < _MOST_BRACKETS:
        return data
    found, end, at, depth, deep = bytearray(), 0, 0, 0, 0
    while met := _TO_BRACKET.match(data, at):
        at = met.end()
        if met[1] in b"[{":
            depth += 1
            deep = at - 1 if depth == DEEPEST + 1 else deep
        else:
            depth -= 1
            if depth == DEEPEST:
                _find(findings, data[deep:at], "is nested too deep: left out")
                found += data[end:deep] + b"null"
                end = at
    return bytes(found + data[end:])


def _find(findings: list[str], written: bytes, why: str) -> None:
    if len(findings) < _MOST_FINDINGS:
        findings.append(f"{written[:_SHOWN].decode('utf-8', 'replace')} {why}")


def no_number(value: object) -> str:
    """What stood where `mended` has this object: ``NaN``. Empty for any other value."""
    return str(value[_NO_NUMBER]) if isinstance(value, dict) and value.keys() == {_NO_NUMBER} else ""


def as_written(value: Any) -> Any:
    """`value` with the text that was written where `numbers_worded` has an object, however deep: so it can be kept."""
    data = json_of(value)
    written = _WORDED.sub(rb"\1", data)
    return value if written == data else msgspec.json.decode(written)


DEEPEST = 20
"""Brackets within each other: of ours there are at most six."""

_MOST_FINDINGS, _SHOWN, _MOST_BRACKETS = 100, 40, 1 << 20
_NO_NUMBER = "no number"
_WORDED = re.compile(rb'\{"%s":("[^"\\]*")\}' % _NO_NUMBER.encode())
_TEXT_OR_NO_NUMBER = re.compile(
    rb'(?s)(?=["NI\d-])(?:"(?:[^"\\]++|\\.)*+"?'
    rb"|(NaN|-?Infinity|(?<![\w.+-])-?(?:[1-9]\d{308,}+|(?:0|[1-9]\d*+)(?:\.\d++)?[eE]\+?\d++)))"
)
"""The last text of what was cut short has no end; of numbers those that may be too large for a float. What is neither
is passed over at its first letter.
"""
_ESCAPE = re.compile(rb"(?is)\\(?:u(?:d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(d[89a-f][0-9a-f]{2}))|.)")
"""Of a letter that is told in two halves both; its group is one that stands alone."""
_TO_BRACKET = re.compile(rb'(?s:[^][{}"]++|"(?:[^"\\]++|\\.)*+")*+([][{}])')


def safe_json(data: bytes) -> bytes:
    """JSON of the same value, in which what a terminal would obey stands as escapes; its encoder left them as they are.

    JSON itself escapes what is below U+0020.
    """
    return data if data.isascii() and b"\x7f" not in data else data.decode().translate(_ESCAPES).encode()


def hours_in_words(hours: float) -> str:
    """``4 h 10 min``, ``25 min``, ``3,000 h``."""
    if hours >= 100:
        return f"{hours:,.0f} h"
    whole, minutes = divmod(max(round(hours * 60), 1), 60)
    return f"{whole} h {minutes} min" if whole else f"{minutes} min"

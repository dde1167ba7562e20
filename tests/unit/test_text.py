"""Strangers' text made safe to show."""

from __future__ import annotations

import json
import sys
import unicodedata
from itertools import groupby

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kelly_tui import text as texts
from kelly_tui.text import (
    DEEPEST,
    LONGEST_STACK,
    MOST_JOINED,
    is_safe,
    mended,
    no_number,
    of_json,
    safe_letters,
    safe_text,
    without_controls,
)

WRITTEN = {
    "Vietnamese": "Đàn bầu, tiếng hát ở quê nhà",
    "Vietnamese, decomposed": unicodedata.normalize("NFD", "Đàn bầu, tiếng hát ở quê nhà"),
    "Hebrew with cantillation": "בְּרֵאשִׁ֖ית בָּרָ֣א אֱלֹהִ֑ים",
    "the sixth commandment, sung in two ways": "לֹ֥֖א תִּֿ֥֖רְצָֽ֖ח׃",
    "Arabic with vowels": "بِسْمِ ٱللَّهِ ٱلرَّحْمَٰنِ",
    "Persian": "می\u200cخواهم آهنگ‌ها",
    "Devanagari": "राग यमन, श्रीकृष्ण क्\u200dष र्\u200dय",
    "Sinhala": "ශ්\u200dරී න්\u200dද්\u200dර",
    "Tibetan": "རྒྱུད་ ཧྐྵྨླྺྼྻྂ",
    "Thai": "เพลงที่น้ำ",
    "Hangul, decomposed": unicodedata.normalize("NFD", "아리랑 값"),
    "signs of music": "𝄢 ♯ ♭ ♮ 𝆏",
    "families": "👩\u200d👩\u200d👧\u200d👦 👩🏽\u200d❤️\u200d💋\u200d👨🏿 1️⃣",
    "the flag of Wales": "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
}

FLOODS = {
    "marks on one letter": "a" + "\u0301" * 1200 + "b",
    "marks of several kinds": "a" + "\u0489\u20dd\u0316" * 400 + "b",
    "marks that are composed of two": "a" + "\u0344" * 400 + "b",
    "vowels of Hangul": "하" + "\u1161" * 1200 + "b",
    "joiners in a row": "a" + "\u200d" * 5000 + "b",
    "spaces without width": "a" + "\u200b" * 5000 + "b",
    "marks between joiners": "a" + "\u0301\u200d" * 1000 + "b",
    "hidden words": "a" + "\U000e0061" * 1000 + "b",
    "tones of skin": "👩" + "\U0001f3fd" * 1000,
}


def anything() -> st.SearchStrategy[str]:
    """Texts of all letters, those that make trouble more often than others."""
    letters = st.characters() | st.sampled_from(
        "\u0301\u0316\u0344\u05b0\u1161\u11a8\u200b\u200c\u200d\ufe0f\u202e\u200f\ufb2c\U0001f3fd\ufffd"
    )
    return st.lists(st.tuples(letters, st.sampled_from((1, 1, 1, 2, 5, 20)))).map(
        lambda found: "".join(letter * times for letter, times in found)
    )


def weightless_rows(text: str) -> list[int]:
    return [len(list(row)) for is_one, row in groupby(text, texts._is_weightless) if is_one]


@given(anything())
@example("a" + "\u0344" * 9)
@example("\u200d\u200d" + "\ufffd\ufffd\u200d" * 9)
@example("\u200d[\u200d[\u200d[\u200d\ufffd\ufffd\u11ff\u1160\u200d\u200d\u200d")
@example("\u200d\u200d\u0301\u200d\u200da\u200da\u200da\u200da\u200da\u200da")
def test_what_is_shown_is_safe_once_and_for_all(text: str) -> None:
    for shown in (safe_text(text, limit=None), safe_text(text, 20)):
        assert safe_text(shown, limit=None) == shown, "what is safe is left as it is"
        assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in shown)
        assert not set(shown) & set("\u200e\u200f\u061c\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
        assert max(weightless_rows(shown), default=0) <= LONGEST_STACK
        assert is_safe(shown)
    assert len(safe_text(text, 20)) <= 20


@given(anything())
def test_what_is_drawn_of_an_edited_text_stands_letter_for_letter(text: str) -> None:
    drawn = safe_letters(text)
    assert len(drawn) == len(text)
    assert all(
        shown == letter or shown == "\ufffd" or "\u2400" <= shown <= "\u2421" for shown, letter in zip(drawn, text)
    )
    assert is_safe(drawn)
    assert is_safe(text) == (drawn == text)


def test_a_long_text_is_calmed_in_one_go() -> None:
    """Each look at it had shown one letter more that was to be calmed: 32,000 letters took two minutes."""
    unshown, joiner, space = "\ufffd", "\u200d", "\u200b"
    shown = safe_text((unshown + joiner) * 4 + (unshown + joiner + unshown + space) * 25_000, limit=None)
    assert is_safe(shown)
    assert safe_text(shown, limit=None) == shown


@given(st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20)))
def test_plain_text_is_left_as_it_is(text: str) -> None:
    assert safe_text(text, limit=None) == text


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_what_people_write_is_left_as_it_is(written: str) -> None:
    assert safe_text(written) == unicodedata.normalize("NFC", written)
    assert is_safe(written)


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_is_cut_and_seen_to_be(flood: str) -> None:
    shown = safe_text(flood, limit=None)
    assert len(shown) <= LONGEST_STACK + 4
    assert "\ufffd" in shown
    assert shown[-1] == flood[-1] or flood[-1] == "\U0001f3fd", "what comes after it is seen"
    assert not is_safe(flood)


def test_no_line_hides_its_length_behind_joiners() -> None:
    rich = pytest.importorskip("rich.cells")
    shown = safe_text("a" + "\u200da" * 1000, limit=None)
    assert rich.cell_len(shown) > 1000 / (MOST_JOINED + 2)


def test_no_weightless_letter_escapes_the_quick_look() -> None:
    weightless = [letter for letter in map(chr, range(sys.maxunicode + 1)) if texts._is_weightless(letter)]
    assert len(weightless) > 2500
    assert all(map(texts._MAYBE_WEIGHTLESS.search, weightless))


def test_what_gives_a_text_its_direction_can_be_pasted_and_a_control_cannot() -> None:
    assert without_controls("\u200fשיר\u200e \u2067a\u2069") == "\u200fשיר\u200e \u2067a\u2069"
    assert without_controls("a\x1b[31m\tb\x7f\x9b\r") == "a␛[31m␉b␡\ufffd␍"


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity", "1e999", "-1E+999", "0.1e1000", "9" * 5000])
def test_what_is_no_number_costs_one_value(written):
    data = '{"a": [1, ' + written + '], "b": "He said \\"NaN\\", 1e999", "c": 1e-999, "d": 12e3}'
    found = of_json(data.encode(), dict)
    assert no_number(found["a"].pop()) == written
    assert found == {"a": [1], "b": 'He said "NaN", 1e999', "c": 0.0, "d": 12000.0}
    assert not any(map(no_number, [found, *found.values()]))


@pytest.mark.parametrize(
    "broken", ["nan", "-NaN", "+1e999", "01e999", "1.e999", "1e999x", "[NaN1]", "{NaN: 1}", '"1e999', "[1NaN]"]
)
def test_what_is_no_json_but_for_a_number_stays_none(broken):
    with pytest.raises(msgspec.DecodeError):
        of_json(broken.encode(), object)


def test_a_file_of_nothing_that_is_a_number_is_refused_as_before():
    with pytest.raises(msgspec.DecodeError):
        of_json(b"[%s1]" % (b"NaN," * 100), object, 500)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"caf\udce9", "caf\ufffd"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83dx\uDE00", "\ufffdx\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\\ud800 \"\u00e9", '\\ud800 "é'),
    ],
)
def test_half_of_a_letter_costs_that_half(written, read):
    said: list[str] = []
    found = of_json(f'{{"a": "{written}", "b": [NaN], "{written}": 1}}'.encode(), dict, findings=said)
    assert (found["a"], found[read], list(map(no_number, found["b"]))) == (read, 1, ["NaN"])
    assert said == [f'"{written}" has half of a letter, read as \ufffd'] * (2 * ("\ufffd" in read))
    found["a"].encode()


@pytest.mark.parametrize("deep", [30, 100_000])
def test_what_is_nested_deep_costs_what_lies_within(deep):
    said: list[str] = []
    data = b'{"a": 1, "b": %s"]"%s, "c": {"d": NaN}}' % (b'[{"x": ' * deep, b"}, 1]" * deep)
    found = msgspec.json.decode(mended(data, said))
    assert (found["a"], no_number(found["c"]["d"])) == (1, "NaN")
    assert json.dumps(found).count("[") < DEEPEST
    assert [one.rpartition(" is ")[2] for one in said] == ["nested too deep: left out"]
    for broken in (data[:-20], data[:40], b"[" * deep, b"]" * deep, data + b"]"):
        with pytest.raises((msgspec.DecodeError, RecursionError)):
            of_json(broken, object)


def test_what_is_all_brackets_is_not_gone_through(monkeypatch):
    monkeypatch.setattr(texts, "_MOST_BRACKETS", 1000)
    for number in (900, 1000):
        said: list[str] = []
        mended(b"[" * number + b"]" * number, said)
        assert len(said) == (number < 1000)
    mended(b'["\\ud800"' + b', "\\ud800"' * 500 + b"]", said)
    assert len(said) == 100, "the first are named"

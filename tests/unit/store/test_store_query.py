import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import id_of, new_catalogue, sample

from kelly_tui import extract_audio_features, extract_midi_features
from kelly_tui.errors import FilterError
from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.store import filters, query
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from tests.strangers import create

CONFIG = DatasetConfig(dataset_id="songs", emotion_labels=["happy", "sad", "Saudade"])


def songs() -> list[Sample]:
    """Sixty samples in which every state occurs, with and without each other."""
    made = []
    for n in range(60):
        one = sample(
            n,
            file_path=f"raw/midi/{'rain' if n % 7 == 0 else 'sun'}/piece {n:02}%.mid",
            file_type="audio" if n % 11 == 0 else "midi",
            source=f"Music/{'Dry_Rain' if n % 13 == 0 else 'x'}/{n}.mid",
            parent_id=id_of(n - 1) if n % 5 == 1 else None,
            root_id=id_of(n - 1) if n % 5 == 1 else "",
            is_synthetic=n % 5 == 2,
            split=[None, "train", "val", "test"][n % 4],
            status="no notes" if n % 9 == 0 else "ok",
            decision=["pending", "labelled", "skipped", "flagged"][n // 4 % 4],
            rejected=n % 17 == 0,
            features_path="f.json" if n % 2 else None,
            duration_sec=None if n % 6 == 0 else n * 1.5,
            file_size_bytes=n * 100,
        )
        values: dict[str, object] = {
            "emotion": [None, "happy", "sad", "Saudade"][n % 4],
            "key": [None, "A", "C#"][n % 3],
            "mode": [None, "minor", "major"][n // 3 % 3],
            "tempo_bpm": None if n % 8 == 0 else 60.0 + n,
            "time_signature": [None, "4/4", "3/4"][n % 3],
            "chord_progression": ["Am", "G7"] if n % 4 == 0 else None,
            "tags": ["slow", "50%"] if n % 10 == 0 else None,
            "rule_breaks": ["HARMONY_ModalInterchange"] if n % 10 == 1 else None,
            "notes": "Distant rain" if n % 12 == 0 else None,
            "is_verified": [None, True, False][n % 3],
            "quality_score": n / 60 if n % 2 else None,
        }
        one.labels = {
            field: Label(value, "detector", confidence=(n * 7 + len(field)) % 20 / 20, unsure=n % 15 == 0)  # type: ignore[arg-type]
            for field, value in values.items()
            if value is not None
        }
        made.append(one)
    return made


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory):
    with new_catalogue(tmp_path_factory.mktemp("query"), emotion_labels=CONFIG.emotion_labels) as opened:
        opened.add(songs())
        opened.put_features(
            [(one.sample_id, "k", "f.json", one.duration_sec, [], {"note_count": index})
             for index, one in enumerate(songs()) if one.features_path]
        )  # fmt: skip
        with opened.writing() as db:
            db.execute("INSERT INTO conflicts (sample_id, field, at) VALUES (?, 'emotion', '')", (id_of(33),))
        yield opened


def number(one: Sample, field: str) -> float:
    value = one.value(field)
    return float(value) if isinstance(value, (int, float)) else float("nan")


def surest(one: Sample) -> float:
    return min(
        (label.confidence for label in one.labels.values() if label.confidence is not None), default=float("nan")
    )


FILTERS: dict[str, Callable[[Sample], object]] = {
    "": lambda s: True,
    "emotion:sad": lambda s: s.value("emotion") == "sad",
    "EMOTION:Sad": lambda s: s.value("emotion") == "sad",
    "emotion:saudade": lambda s: s.value("emotion") == "Saudade",
    "emotion:tense": lambda s: False,
    "emotion:happy|sad": lambda s: s.value("emotion") in ("happy", "sad"),
    "-emotion:sad": lambda s: s.value("emotion") != "sad",
    "emotion:?": lambda s: s.value("emotion") is None,
    "emotion:sad|?": lambda s: s.value("emotion") in ("sad", None),
    "-emotion:?": lambda s: s.value("emotion") is not None,
    "has:emotion": lambda s: s.value("emotion") is not None,
    "key:A": lambda s: s.value("key") == "A",
    "key:Am": lambda s: s.value("key") == "A" and s.value("mode") == "minor",
    "key:Db": lambda s: s.value("key") == "C#",
    'key:"C# major"|Am': lambda s: (s.value("key"), s.value("mode")) in (("C#", "major"), ("A", "minor")),
    "-key:Am": lambda s: (s.value("key"), s.value("mode")) != ("A", "minor"),
    "bpm:80..100": lambda s: 80 <= number(s, "tempo_bpm") <= 100,
    "tempo:100..": lambda s: number(s, "tempo_bpm") >= 100,
    "tempo_bpm:..70": lambda s: number(s, "tempo_bpm") <= 70,
    "bpm:75": lambda s: 74.5 <= number(s, "tempo_bpm") < 75.5,
    "bpm<70": lambda s: number(s, "tempo_bpm") < 70,
    "quality>.8": lambda s: number(s, "quality_score") > 0.8,
    "quality:.5..0.6": lambda s: 0.5 <= number(s, "quality_score") <= 0.6,
    "duration>60": lambda s: (s.duration_sec or 0) > 60,
    "size:1000..2000": lambda s: 1000 <= s.file_size_bytes <= 2000,
    "note_count>=40": lambda s: s.features_path and int(s.file_path[-7:-5]) >= 40,
    "conf<.3": lambda s: surest(s) < 0.3,
    "conf:.2..0.4": lambda s: 0.2 <= surest(s) <= 0.4,
    "emotion.conf<.5": lambda s: s.labels.get("emotion") and s.labels["emotion"].confidence < 0.5,  # type: ignore[operator]
    "meter:3/4": lambda s: s.value("time_signature") == "3/4",
    "chords:G7": lambda s: "G7" in s.annotations.get("chord_progression", []),  # type: ignore[operator]
    "has:note_count": lambda s: s.features_path,
    "note_count:?": lambda s: not s.features_path,
    "has:avg_pitch": lambda s: False,
    "has:conf": lambda s: surest(s) <= 1,
    "conf:?": lambda s: not surest(s) <= 1,
    "has:emotion.conf": lambda s: s.labels.get("emotion") and s.labels["emotion"].confidence is not None,
    "has:license": lambda s: s.license,
    "has:suggested": lambda s: False,
    "has:suggested.valence|issue": lambda s: False,
    "has:chords": lambda s: s.value("chord_progression"),
    "tags:50%": lambda s: s.value("tags"),
    "tags:5%": lambda s: False,
    "rule_breaks:HARMONY": lambda s: s.value("rule_breaks"),
    "notes:distant": lambda s: s.value("notes"),
    "verified:yes": lambda s: s.value("is_verified") is True,
    "verified:no": lambda s: s.value("is_verified") is False,
    "split:test": lambda s: s.split == "test",
    "split:?": lambda s: s.split is None,
    "split:train|?": lambda s: s.split in ("train", None),
    "decision:skipped": lambda s: s.decision == "skipped",
    "type:audio": lambda s: s.file_type == "audio",
    "origin:augmented": lambda s: s.origin == "augmented",
    "is:augmented": lambda s: s.origin == "augmented",
    "is:generated": lambda s: s.origin == "generated",
    "is:imported": lambda s: s.origin == "imported",
    "is:root": lambda s: s.parent_id is None,
    "is:verified": lambda s: s.value("is_verified") is True,
    "-is:verified": lambda s: s.value("is_verified") is not True,
    "is:rejected": lambda s: s.rejected,
    "is:quarantined": lambda s: s.status != "ok",
    "is:flagged|skipped": lambda s: s.decision in ("flagged", "skipped"),
    "is:labelled": lambda s: s.decision == "labelled",
    "is:unsure": lambda s: any(label.unsure for label in s.labels.values()),
    "has:features": lambda s: s.features_path,
    "has:conflict": lambda s: s.sample_id == id_of(33),
    "rain": lambda s: "rain" in f"{s.file_path}{s.source}{s.value('notes')}".lower(),
    'text:"distant RAIN"': lambda s: s.value("notes"),
    '"piece 07"': lambda s: "piece 07" in s.file_path,
    "7%.mid": lambda s: s.file_path.endswith("7%.mid"),
    "y_r": lambda s: "Dry_Rain" in (s.source or ""),
    "piece|dry -sun": lambda s: "sun" not in s.file_path,
    "id:" + id_of(7)[:6].upper(): lambda s: s.sample_id == id_of(7),
    "root:" + id_of(10): lambda s: s.root_id == id_of(10),
    "emotion:sad|happy bpm:80..100 -is:verified rain": lambda s: (
        s.value("emotion") in ("sad", "happy") and 80 <= number(s, "tempo_bpm") <= 100
        and s.value("is_verified") is not True and "rain" in f"{s.file_path}{s.source}{s.value('notes')}".lower()
    ),
    "'; DROP TABLE samples; --": lambda s: False,
}  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_finds_what_plain_python_finds(catalogue: Catalogue, text: str) -> None:
    expected = [one.sample_id for one in songs() if FILTERS[text](one)]
    assert [one.sample_id for one in catalogue.samples(text)] == expected
    parsed = query.parse(text, CONFIG)
    assert query.size(catalogue, parsed) == len(expected)
    found = query.rows(catalogue, query.order(catalogue, parsed, "added"))
    assert [row.sample_id for row in found] == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("emotoin:sad", "Did you mean emotion"),
        ("emotion:hapy", "Did you mean happy"),
        ("is:verifed", "Did you mean verified"),
        ("origin:augmetned", "no origin. Did you mean augmented"),
        ("split:tset", "Did you mean test"),
        ("has:coords", "Did you mean chords"),
        ("has:note_cuont", "Did you mean note_count"),
        ("has:text", "text: is asked, not had. Write has:key"),
        ("key:H", "is no key"),
        ("bpm:fast", "'fast' is no tempo. Wanted: a number 1..1000 BPM"),
        ("bpm:..", "a range needs a number"),
        ("bpm<", "has no value. Write bpm:"),
        ("is:", "has no value. Known: imported augmented"),
        ("failed:", "has no value. Known: import extract augment synthesize render"),
        ("emotion<3", "no size to compare"),
        ("timing_offsets_ms:3", "list of numbers"),
        ('text:"rain', "quotation mark is not closed"),
        ("issue>8", "'8' is no issue. Wanted: a number 0..1"),
        ("bpm:120..90", r"120\.\.90 ends before it begins. Write 90\.\.120"),
        ("valence>7", r"'7' is no valence. Wanted: a number -1\.\.1"),
        ("valence:-3", "'-3' is no valence"),
        ("bpm:80..2000", "'2000' is no tempo"),
        ("bpm>nan", "'nan' is no tempo"),
        ("conf<1.5", r"'1.5' is no confidence. Wanted: a number 0\.\.1"),
        ("split.conf<.5", "split is no label"),
        ("is>3", "has no size to compare"),
        ("zzz:3", "there is no field 'zzz'. Known: emotion valence .* …$"),
    ],
)
def test_what_is_unknown_names_the_nearest(text: str, said: str) -> None:
    with pytest.raises(FilterError, match=said):
        query.parse(text, CONFIG)


@pytest.mark.parametrize("text", ['is<"3\n4"', 'bpm:"9\n..\n3"', 'is:"a\nb"', 'emotion:"a\nb"', 'valence>"a\nb"'])
def test_what_is_wrong_is_said_on_one_line(text: str) -> None:
    with pytest.raises(FilterError) as raised:
        query.parse(text, CONFIG)
    assert str(raised.value).isprintable()


def test_as_many_conditions_and_values_as_are_allowed_are_asked_and_more_are_refused(catalogue: Catalogue) -> None:
    """Twenty thousand were a fault of Kelly: SQLite nests no more than a thousand expressions."""
    for most in (["rain"] * 200, ["text:" + "|".join(["rain"] * 200)], ["bpm:80..90|90..99"] * 50, ["is:midi"] * 200):
        list(catalogue.samples(" ".join(most)))
        with pytest.raises(FilterError, match="at most 200 conditions and values"):
            query.parse(" ".join(most * 101), CONFIG)


@pytest.mark.parametrize("text", ["emotoin:sad", "zzz:3", "emotion:xxx", "is:xxx", "has:xxx", "key:xxx", "valence>7"])
def test_what_is_wrong_fits_on_two_short_lines(text: str) -> None:
    with pytest.raises(FilterError) as raised:
        query.parse(text, CONFIG)
    assert len(str(raised.value)) < 140


@pytest.mark.parametrize("name", filters.NAMES)
def test_every_value_that_is_offered_is_understood(catalogue: Catalogue, name: str) -> None:
    for value in filters.values(name, CONFIG):
        query.size(catalogue, query.parse(f"{name}:{value}", CONFIG))


def test_the_offered_values_are_those_that_the_dataset_declares() -> None:
    assert filters.values("emotion", CONFIG) == ("happy", "sad", "Saudade", "?")
    assert {"verified", "open"} <= set(filters.values("is", CONFIG))
    assert filters.values("split", CONFIG) == ("train", "val", "test", "?")


SORTS = ["added", "path", "-path", "emotion", "-emotion", "tempo_bpm", "-bpm", "duration", "-size", "split", "origin"]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("text", ["", "-is:verified", "emotion:?", "emotion:sad"])
def test_pages_forwards_and_backwards_are_the_order(catalogue: Catalogue, sort: str, text: str) -> None:
    parsed = query.parse(text, CONFIG)
    whole = list(query.order(catalogue, parsed, sort))
    assert sorted(whole) == sorted(query.order(catalogue, parsed, "added"))
    forwards: list[int] = []
    while found := query.page(catalogue, parsed, sort, after=forwards[-1] if forwards else None, limit=7):
        assert len(found) <= 7
        forwards += [row.rowid for row in found]
    assert forwards == whole
    backwards = whole[-1:]
    while found := query.page(catalogue, parsed, sort, before=backwards[0], limit=7):
        backwards = [row.rowid for row in found] + backwards
    assert backwards == whole


@pytest.mark.parametrize("sort", [s for s in SORTS if s.strip("-") in FIELDS])
def test_the_order_rises_or_falls_and_what_has_no_value_comes_last(catalogue: Catalogue, sort: str) -> None:
    found = query.rows(catalogue, query.order(catalogue, query.parse("", CONFIG), sort))
    values = [getattr(row, sort.removeprefix("-")) for row in found]
    there = [value for value in values if value is not None]
    assert there == sorted(there, reverse=sort.startswith("-"))
    assert values == there + [None] * (len(values) - len(there))


NUMBERS = st.none() | st.sampled_from([60.0, 120.0, math.nextafter(120, 0), 0.1 + 0.2, 0.3]) | st.floats(-1e6, 1e6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(NUMBERS, min_size=60, max_size=60), falls=st.booleans(), text=st.sampled_from(["", "emotion:sad"])
)
def test_many_numbers_are_sorted_as_few_are(catalogue: Catalogue, numbers: list, falls: bool, text: str) -> None:
    sort, wanted = "-duration" if falls else "duration", query.parse(text, CONFIG)
    with catalogue.writing() as db:
        db.executemany("UPDATE samples SET duration_sec = ? WHERE rowid = ?", zip(numbers, range(1, 61), strict=True))
    few = query.order(catalogue, wanted, sort)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(query, "MANY", 0)
        patched.setattr(query, "PIECE", 40)
        assert query.order(catalogue, wanted, sort) == few


@pytest.mark.parametrize("sort", ["-size", "bpm", "-quality_score"])
def test_many_sizes_and_labels_are_sorted_as_few_are(catalogue: Catalogue, sort: str, monkeypatch) -> None:
    for text in ("", "emotion:sad", "split:train split:test"):
        wanted = query.parse(text, CONFIG)
        few = query.order(catalogue, wanted, sort)
        with monkeypatch.context() as patched:
            patched.setattr(query, "MANY", 0)
            assert query.order(catalogue, wanted, sort) == few


def test_an_unknown_order_names_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(FilterError, match="Did you mean duration"):
        query.order(catalogue, query.Query(), "duratoin")


def test_a_row_shows_what_the_sample_says(catalogue: Catalogue) -> None:
    for one, row in zip(songs(), query.rows(catalogue, range(1, 61)), strict=True):
        assert row.sources == {field: "D" if label.unsure else "d" for field, label in one.labels.items()}
        assert (row.origin, row.rejected, row.is_verified) == (one.origin, one.rejected, bool(one.value("is_verified")))
        for field in ("emotion", "key", "mode", "tempo_bpm", "groove_type"):
            assert getattr(row, field) == one.value(field)


def test_rows_keep_the_asked_order_and_leave_out_what_is_gone(catalogue: Catalogue) -> None:
    assert [row.rowid for row in query.rows(catalogue, [9, 1, 999, 5])] == [9, 1, 5]
    assert query.rows(catalogue, []) == []


def test_the_first_of_many_is_found_from_where_one_stands(catalogue: Catalogue) -> None:
    sad = query.parse("emotion:sad", CONFIG)
    order = query.order(catalogue, query.Query(), "path")
    expected = [row.rowid for row in query.rows(catalogue, order) if row.emotion == "sad"]
    assert query.first_of(catalogue, sad, order) == expected[0]
    assert query.first_of(catalogue, sad, reversed(order)) == expected[-1]
    assert query.first_of(catalogue, query.parse("emotion:tense", CONFIG), order) is None


def test_an_empty_list_is_explained_by_what_excludes_most(catalogue: Catalogue) -> None:
    parsed = query.parse("emotion:sad bpm:400.. split:val", CONFIG)
    without = len(list(catalogue.samples("emotion:sad split:val")))
    assert without > 0
    assert query.explain_empty(catalogue, parsed) == ("bpm:400..", without)
    assert query.explain_empty(catalogue, query.Query()) is None
    assert query.explain_empty(catalogue, query.parse("emotion:tense split:val bpm:400..", CONFIG)) is None


def test_a_page_and_an_order_by_path_need_no_sorting(catalogue: Catalogue) -> None:
    for plan in catalogue.db.execute(
        "EXPLAIN QUERY PLAN SELECT rowid FROM samples"
        " WHERE (file_path, rowid) > (?, ?) ORDER BY file_path, rowid LIMIT 50",
        ("x", 1),
    ):
        assert "SEARCH" in plan[3]
        assert "TEMP B-TREE" not in plan[3]


@pytest.mark.parametrize(
    "text", ["emotion:sad", "is:held", "origin:imported", "is:augmented -is:verified conf<.5", "bpm:80..100 key:Am"]
)
def test_filters_on_short_columns_read_the_narrow_index_only(catalogue: Catalogue, text: str) -> None:
    parsed = query.parse(text, CONFIG)
    plan = catalogue.db.execute(
        f"EXPLAIN QUERY PLAN SELECT rowid FROM samples WHERE {parsed.where} ORDER BY +file_path", parsed.parameters
    ).fetchall()
    assert "COVERING INDEX samples_short" in plan[0][3]


def test_every_number_of_the_features_filters_and_sorts(corpus_midi, tmp_path) -> None:
    """As data-model.md lists them, of MIDI and of sound; what is a label too goes by the label."""
    click = np.exp(-(np.arange(22_050 * 4) % 11_025) / 3000) * np.sin(np.arange(22_050 * 4) / 9)
    measured = {
        0: extract_midi_features(corpus_midi("bwv66.6")).columns(),
        1: extract_midi_features(corpus_midi("joplin/maple_leaf_rag")).columns(),
        2: extract_audio_features((click, 22_050)).columns(),
        3: extract_audio_features((click[::2], 22_050)).columns(),
    }
    with Catalogue.open(create(tmp_path)) as catalogue:
        names = [f"{number:016x}" for number in measured]
        catalogue.add(
            Sample(sample_id=name, file_path=f"raw/midi/{name}.mid", file_type="midi") for name in (*names, "f" * 16)
        )
        catalogue.put_features(
            FeatureRow(name, "key", "x", 1.0, [0.0], columns) for name, columns in zip(names, measured.values())
        )
        numbers = {
            name for columns in measured.values() for name, value in columns.items() if isinstance(value, (int, float))
        }
        assert numbers - set(FIELDS) == set(filters.FEATURE_NUMBERS)
        assert {"pitch_range_semitones", "dynamic_range_velocity", "note_density", "rms_energy_std"} <= numbers
        for name in filters.FEATURE_NUMBERS:
            there = sorted((row[name], rowid + 1) for rowid, row in measured.items() if name in row)
            assert list(query.order(catalogue, query.parse("", CONFIG), name))[: len(there)] == [r for _, r in there], (
                name
            )
            middle = there[0][0]
            above = query.order(catalogue, query.parse(f"{name}>{middle:.9f}", CONFIG), f"-{name}")
            wanted = [rowid for value, rowid in reversed(there) if value > float(f"{middle:.9f}")]
            assert list(above) == wanted, name
            assert query.size(catalogue, query.parse(f"{name}:?", CONFIG)) == 5 - len(there)


@pytest.mark.parametrize(
    ("model", "worst_first"),
    [("emotionrecognizer", ["main", "three", "far", "two"]), ("dynamicsengine", ["two", "three", "far", "main"])],
)
def test_a_doubted_main_label_comes_before_any_number_of_others(tmp_path, model: str, worst_first: list[str]) -> None:
    doubts = {"two": ("dynamic_range", "arousal"), "three": ("valence", "arousal", "dominance"), "main": ("emotion",),
              "sure": (), "far": ("valence", "dominance")}  # fmt: skip
    value = {"emotion": "sad", "dynamic_range": "mp"}
    with new_catalogue(tmp_path, target_model=model) as catalogue:
        for number, (name, fields) in enumerate(doubts.items()):
            one = sample(number, file_path=f"{name}.mid", augmentation={"transpose": 6} if name == "far" else None)
            one.labels = {field: Label(value.get(field, 0.5), "inherited", in_doubt=field in fields)
                          for field in ("emotion", "dynamic_range", "valence", "arousal", "dominance")}  # fmt: skip
            catalogue.add([one])
        doubted = query.page(catalogue, query.parse("is:doubted", CONFIG), "-doubt")
        assert [row.file_path.removesuffix(".mid") for row in doubted] == worst_first
        every = query.page(catalogue, query.parse("", CONFIG), "-doubt")
        assert every[-1].file_path == "sure.mid"


@pytest.mark.parametrize("sort", ["added", "path", "-bpm"])
@pytest.mark.parametrize("text", ["", "is:open", "emotion:sad|happy -is:verified", "bpm:70..90", "nothing of the kind"])
def test_the_beginning_is_that_of_the_whole_list(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, text: str, sort: str
) -> None:
    wanted = query.parse(text, CONFIG)
    whole = list(query.order(catalogue, wanted, sort))
    monkeypatch.setattr(query, "AHEAD", 25)
    begins = list(query.beginning(catalogue, wanted, sort, 5))
    assert begins == whole[: len(begins)]
    ahead = set(list(query.order(catalogue, query.Query(), sort))[:25])
    if not text or sort != "-bpm":
        assert begins == [rowid for rowid in whole if not text or rowid in ahead][:5]


@pytest.mark.parametrize("sort", ["added", "-added"])
@pytest.mark.parametrize("text", ["is:open", "emotion:sad|happy -is:verified", "bpm:70..90", "nothing of the kind"])
def test_what_is_found_first_is_told_before_all_is_looked_through(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, text: str, sort: str
) -> None:
    wanted = query.parse(text, CONFIG)
    whole = list(query.order(catalogue, wanted, sort))
    assert whole == [row.rowid for row in query.page(catalogue, wanted, sort, limit=10_000)]
    monkeypatch.setattr(query, "STEP", 7)
    monkeypatch.setattr(query, "TELLING", (1, 9))
    asked, told = [], []
    catalogue.db.set_trace_callback(asked.append)
    assert list(query.order(catalogue, wanted, sort, lambda first: told.append((len(asked), list(first))))) == whole
    catalogue.db.set_trace_callback(None)
    assert len(told) == (len(whole) >= 1) + (len(whole) >= 9)
    for enough, (questions, first) in zip((1, 9), told, strict=False):
        assert first == whole[: len(first)]
        assert enough <= len(first) < enough + 7
        assert questions < len(asked)


def test_the_nearest_is_found_however_far(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "_AT_ONCE", 7)
    wanted = query.parse("emotion:sad", CONFIG)
    order = query.order(catalogue, query.Query(), "path")
    sad = set(query.order(catalogue, wanted))
    places = [place for place, rowid in enumerate(order) if rowid in sad]
    for here in range(len(order)):
        ahead, behind = range(here + 1, len(order)), range(here - 1, -1, -1)
        assert query.nearest(catalogue, wanted, order, ahead) == next((one for one in places if one > here), None)
        assert query.nearest(catalogue, wanted, order, behind) == next(
            (one for one in reversed(places) if one < here), None
        )

"""A key that is said with its mode, "C# major": both are taken, as said by the same, however they come in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from store_files import midi, put
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Label, check_value
from kelly_tui.model.edit import Edit
from kelly_tui.model.labels import parse_key
from kelly_tui.model.tonality import apart, author_of, contradiction, said_at_once
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.opinions import blind_opinions, give_opinion
from kelly_tui.store.rebuild import last_rebuild
from kelly_tui.store.views import read_back, write_views

DETECTOR = "kelly key 1"


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with new_catalogue(tmp_path) as opened:
        opened.add(sample(number) for number in range(1, 4))
        yield opened


def say(catalogue: Catalogue, *said: tuple[str, Any], by: str = "ann") -> list[str]:
    """The fields that changed."""
    edits = [Edit(id_of(1), field, None if value is None else Label(value)) for field, value in said]
    return [event.field for event in history.edit(catalogue, edits, by).events]


def hear(catalogue: Catalogue, key: str, mode: str) -> None:
    heard = {"key": Label(key, "detector", DETECTOR), "mode": Label(mode, "detector", DETECTOR)}
    catalogue.put_labels({id_of(1): heard})


def tonality(catalogue: Catalogue) -> tuple[object, ...]:
    """(key, who says so, mode, who says so)."""
    labels = catalogue.find(id_of(1)).labels
    found = [labels.get(name) for name in ("key", "mode")]
    return tuple(said for label in found for said in ((label.value, label.by) if label else (None, None)))


def write_in(path: Path, **annotations: object) -> None:
    """As a person writes it in a view, by hand: into a sample's own file, or into the first row of the manifest."""
    data = json.loads(path.read_bytes())
    (data["samples"][0] if "samples" in data else data)["annotations"].update(annotations)
    path.write_text(json.dumps(data))


# -- what is said ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "both"),
    [
        ("C# major", ("C#", "major")), ("Am", ("A", "minor")), ("AM", ("A", "major")), ("F#m", ("F#", "minor")),
        ("Eb minor", ("D#", "minor")), ("D dorian", ("D", "dorian")),
        ("b-flat Harmonic Minor", ("A#", "harmonic_minor")),
    ],
)  # fmt: skip
def test_a_key_that_names_its_mode_says_both_and_is_no_value_of_the_key(said: str, both: tuple[str, str]) -> None:
    assert parse_key(said) == both
    assert apart({"emotion": "sad", "key": said}) == {"emotion": "sad", "key": both[0], "mode": both[1]}
    with pytest.raises(LabelError, match="is a key and a mode"):
        check_value(FIELDS["key"], said)


@pytest.mark.parametrize("said", [{"key": "Db"}, {"key": "H minor"}, {"key": 5, "mode": "minor"}, {"mode": "minor"}])
def test_what_names_no_mode_is_left_to_be_checked(said: dict[str, object]) -> None:
    assert apart(said) == said
    assert contradiction(said) == ""
    assert author_of("mode", said) == "mode"


def test_the_mode_beside_a_key_counts_unless_it_was_there_before() -> None:
    said = {"key": "A minor", "mode": "dorian"}
    assert apart(said) == {"key": "A", "mode": "dorian"}
    assert contradiction(said) == "'A minor' is minor, and the mode beside it dorian"
    assert apart(said, before="dorian") == {"key": "A", "mode": "minor"}
    assert contradiction(said, before="dorian") == ""
    for same in ("minor", "Minor", "aeolian", "harmonic minor"):
        assert apart({**said, "mode": same})["mode"] == same
        assert contradiction({**said, "mode": same}) == ""
    assert contradiction({"key": "A harmonic minor", "mode": "minor"})
    for none in ("", None, []):
        assert apart({**said, "mode": none}) == {"key": "A", "mode": "minor"}
        assert author_of("mode", {**said, "mode": none}) == "key"


# -- edits and opinions ------------------------------------------------------------------------------------------------


def test_an_edit_of_the_key_sets_its_mode_which_no_detector_changes(catalogue: Catalogue) -> None:
    assert say(catalogue, ("key", "C# major")) == ["key", "mode"]
    hear(catalogue, "C#", "minor")
    assert tonality(catalogue) == ("C#", "ann", "major", "ann")
    assert say(catalogue, ("key", "Db major")) == [], "both stand"
    assert say(catalogue, ("key", "C# minor")) == ["mode"]
    history.undo(catalogue, "ann")
    assert tonality(catalogue) == ("C#", "ann", "major", "ann")


def test_a_mode_that_stands_is_compared_and_gives_way_to_the_later_word(catalogue: Catalogue) -> None:
    say(catalogue, ("key", "C"), ("mode", "minor"))
    assert say(catalogue, ("key", "C major")) == ["mode"]
    assert tonality(catalogue)[2] == "major"


@pytest.mark.parametrize("mode", ["minor", "", None])
def test_who_contradicts_himself_is_refused_and_nothing_is_changed(catalogue: Catalogue, mode: str | None) -> None:
    for order in (1, -1):
        with pytest.raises(LabelError, match="'C major'"):
            say(catalogue, *[("emotion", "sad"), ("key", "C major"), ("mode", mode)][::order])
    assert catalogue.find(id_of(1)).annotations == {}
    with pytest.raises(LabelError, match="'C major'"):
        said_at_once({"key": "C major", "mode": mode})
    say(catalogue, ("key", "C major"), ("mode", "major"))
    assert tonality(catalogue) == ("C", "ann", "major", "ann")


def test_an_opinion_of_the_key_is_one_of_its_mode_too(catalogue: Catalogue) -> None:
    say(catalogue, ("key", "A major"))
    give_opinion(catalogue, id_of(1), {"key": "A minor"}, "bob")
    assert [(one.field, one.value) for one in blind_opinions(catalogue) if one.annotator == "bob"] == [
        ("key", "A"), ("mode", "minor"),
    ]  # fmt: skip
    asked = catalogue.db.execute("SELECT field FROM conflicts WHERE resolved_at IS NULL").fetchall()
    assert asked == [("mode",)], "of which the two differ"
    with pytest.raises(LabelError, match="'A minor'"):
        give_opinion(catalogue, id_of(1), {"key": "A minor", "mode": "major"}, "bob")


def test_no_stage_can_put_a_mode_into_the_key(catalogue: Catalogue) -> None:
    with pytest.raises(LabelError, match="is a key and a mode"):
        catalogue.put_labels({id_of(1): {"key": Label("A minor", "detector", DETECTOR)}})


# -- typed into a view -------------------------------------------------------------------------------------------------


@pytest.fixture(params=["annotations", "manifest"])
def view(catalogue: Catalogue, request: pytest.FixtureRequest) -> Path:
    """Of a sample whose tonality a detector heard as E minor."""
    hear(catalogue, "E", "minor")
    say(catalogue, ("emotion", "sad"))
    write_views(catalogue)
    layout = catalogue.layout
    return layout.annotation_path(id_of(1)) if request.param == "annotations" else layout.manifest_path


@pytest.mark.parametrize("typed", ["E major", "A minor", "A major"])
def test_a_key_typed_into_a_view_brings_its_mode(catalogue: Catalogue, view: Path, typed: str) -> None:
    write_in(view, key=typed)
    assert sorted(read_back(catalogue).taken) == [(id_of(1), "key"), (id_of(1), "mode")]
    key, mode = typed.split()
    assert tonality(catalogue) == (key, "outside", mode, "outside"), "no detector's half is left, to go with the other"
    write_views(catalogue)
    assert read_back(catalogue).words() == ""


def test_a_mode_typed_beside_the_key_counts_and_the_other_one_is_kept(catalogue: Catalogue, view: Path) -> None:
    write_in(view, key="A major", mode="dorian")
    merge = read_back(catalogue)
    assert tonality(catalogue) == ("A", "outside", "dorian", "outside")
    assert [(field, why) for _, field, why in merge.refused] == [
        ("key", "'A major' is major, and the mode beside it dorian")
    ]
    kept = [path.read_bytes() for path in (catalogue.layout.kelly_dir / "set-aside").iterdir()]
    assert any(b"A major" in data for data in kept)


def test_a_mode_that_both_sides_changed_is_a_conflict(catalogue: Catalogue, view: Path) -> None:
    say(catalogue, ("key", "E"), ("mode", "dorian"))
    write_in(view, key="E major")
    assert read_back(catalogue).conflicts == [(id_of(1), "mode")]
    assert tonality(catalogue) == ("E", "ann", "dorian", "ann")


def test_who_said_the_key_that_is_typed_again_with_a_mode_is_not_forgotten(catalogue: Catalogue, view: Path) -> None:
    say(catalogue, ("key", "E"), ("mode", "minor"))
    write_views(catalogue)
    write_in(view, key="E major")
    read_back(catalogue)
    assert tonality(catalogue) == ("E", "ann", "major", "outside")


def test_another_programs_file_says_who_said_the_key_and_so_the_mode(catalogue: Catalogue) -> None:
    said = {"annotations": {"key": "F#m"}, "provenance": {"key": {"source": "human", "by": "bob"}}}
    put(catalogue.layout.annotation_path(id_of(1)), json.dumps(said).encode())
    read_back(catalogue)
    assert tonality(catalogue) == ("F#", "bob", "minor", "bob")


def test_an_opinion_in_a_file_that_names_the_mode_is_two(catalogue: Catalogue) -> None:
    say(catalogue, ("emotion", "sad"))
    write_views(catalogue)
    path = catalogue.layout.annotation_path(id_of(1))
    opinion = {"sample_id": id_of(1), "field": "key", "annotator": "bob", "round": 1, "value": "Am", "at": "2026"}
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "opinions": [opinion]}))
    assert read_back(catalogue).said == 2
    assert [(one.field, one.value) for one in blind_opinions(catalogue)] == [("key", "A"), ("mode", "minor")]


# -- without a catalogue -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["row", "file"])
def test_an_earlier_pipelines_key_and_mode_open_as_two(tmp_path: Path, where: str) -> None:
    spelled = [("A minor", None), ("Am", ""), ("F#m", "minor"), ("Eb minor", None), ("C major", "dorian"), ("Db", None)]
    root, rows = tmp_path / "old", []
    for number, (key, mode) in enumerate(spelled):
        put(root / f"raw/midi/{number}.mid", midi(number))
        annotations = {"key": key} if number % 2 and mode is None else {"key": key, "mode": mode}
        rows.append({"sample_id": f"aaaaaaa{number}", "file_path": f"raw/midi/{number}.mid", "file_type": "midi",
                     "annotations": annotations if where == "row" else {}})  # fmt: skip
        if where == "file":
            put(root / f"annotations/aaaaaaa{number}.json", json.dumps({"annotations": annotations}).encode())
    put(root / "manifest.json", json.dumps({"config": {"dataset_id": "old"}, "samples": rows}).encode())
    with Catalogue.open(root) as catalogue:
        found = [(one.value("key"), one.value("mode")) for one in catalogue.samples()]
        told = " ".join(last_rebuild(catalogue).findings)
        assert found == [
            ("A", "minor"),
            ("A", "minor"),
            ("F#", "minor"),
            ("D#", "minor"),
            ("C", "dorian"),
            ("C#", None),
        ]
        assert {label.source for one in catalogue.samples() for label in one.labels.values()} == {"human"}
        assert "'C major' is major, and the mode beside it dorian" in told
        if where == "row":
            assert catalogue.find("aaaaaaa4").extra["other_annotations"] == {"key": "C major"}
        kept = b"".join(path.read_bytes() for path in (root / ".kelly/set-aside").iterdir())
        assert b"C major" in kept


def test_where_the_catalogue_is_lost_the_mode_is_who_said_the_keys(catalogue: Catalogue) -> None:
    say(catalogue, ("key", "E"), ("emotion", "sad"))
    write_views(catalogue)
    root = catalogue.root
    for path in (catalogue.layout.annotation_path(id_of(1)), catalogue.layout.manifest_path):
        write_in(path, key="E major")
    catalogue.close()
    for path in (root / ".kelly").glob("catalogue.sqlite*"):
        path.unlink()
    with Catalogue.open(root) as again:
        assert tonality(again) == ("E", "ann", "major", "ann")

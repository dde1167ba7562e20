"""The report as one page: it needs nothing else, says what the report says, and holds no stranger's markup.

And what all three forms say where there is little to say anything of.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest

import kelly_tui
from kelly_tui.cli import main
from kelly_tui.model.agreement import Agreement, Alpha, FieldAgreement
from kelly_tui.model.probe import Confusion, Estimate, Kept, Probe, Score
from kelly_tui.model.report import Apart, ClassCount, Finding, Report
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.validate.page import page
from tests.strangers import create

NASTY = "<img src=x onerror=alert(1)>\"'&</svg></title><script>alert(2)</script>\x1b[31m\u202e"


class Read(HTMLParser):
    """Tags, attributes and text of a page; `open_` is empty where all was closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words: list[str] = []
        self.open_: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag != "meta":
            self.open_.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open_.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def full(**changed: object) -> Report:
    """A report with something in each of its parts."""
    estimate = Estimate(0.52, 0.45, 0.6)
    probe = Probe("midi", "emotion", (Score("real", 80, 30, 80, estimate, estimate, 0.4),), ((20, 0.4), (80, 0.52)),
                  {"happy": Estimate(0.01, -0.01, 0.03)}, ("a column holds the label",))  # fmt: skip
    report = Report(
        dataset_id="set", target_model="emotionrecognizer", total=12, balance=0.5, diversity=0.25, quality=1.0,
        balance_imported=0.4, diversity_imported=0.2, quality_imported=1.0,
        origins={"imported": 6, "augmented": 4, "generated": 2}, splits={"train": 8, "val": 2, "test": 2},
        main_label="emotion", classes=(ClassCount("happy", 4, 2, 0, 10), ClassCount("sad", 2, 2, 2, 10)),
        effective_classes=2.0, imbalance_ratio=1.0, facets={"key": 0.3}, quality_parts={"of": 12, "good": 12},
        findings=(Finding("warning", "unlabelled", "3 of 12 samples have no valence", "Label them", 3, ("ab12",),
                          "is:held valence:?"),),
        apart=(Apart("test", "train", 30, 60, 0.55, 0.4, 0.7),), spread={"key": {"C": 5, "G": 1}},
        suspicion=(9, 0, 0, 0, 0, 0, 0, 0, 1, 2), probe=Kept("2026-01-01", 0, (probe,)), edits_since_probe=3,
        label_sources={"emotion": {"human": 12}}, annotators={"me": 12}, licenses={"CC0-1.0": 6}, verified=5,
        agreement=Agreement([FieldAgreement("emotion", "nominal", Alpha(0.7, 0.5, 0.9, 40))], {}, 0),
    )  # fmt: skip
    return msgspec.structs.replace(report, **changed)


def test_the_page_needs_nothing_else_and_is_whole() -> None:
    text = page(full())
    read = Read(text)
    assert read.open_ == []
    assert not read.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not [one for one in read.attributes if one[1] in ("src", "href", "xlink:href") or one[1].startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert "default-src 'none'" in [value for _, name, value in read.attributes if name == "content"][1]
    drawn = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
    assert len(drawn) == 8
    for one in drawn:
        assert ET.fromstring(one).get("aria-label")


def test_the_page_says_what_the_report_says() -> None:
    said = " ".join(Read(page(full())).words)
    for words in ("VALID", "0.52 (0.45 to 0.60)", "0.70 (0.50 to 0.90)", "0.55 (0.40 to 0.70)", "ab12",
                  "is:held valence:?", "Label them", "3 edits since", "a column holds the label",
                  "CC0-1.0"):  # fmt: skip
        assert words in said
    assert "happy: 4 imported" in said
    assert "target 10" in said


def test_bars_are_as_long_as_their_numbers() -> None:
    drawn = re.findall(r"<svg .*?</svg>", page(full()), re.DOTALL)[0]
    wide = {
        rect[0].text: float(rect.get("width") or 0) for rect in ET.fromstring(drawn).iter("rect") if len(rect)
    }  # fmt: skip
    assert wide["happy: 4 imported"] == pytest.approx(2 * wide["happy: 2 augmented"], abs=0.02)
    assert wide["happy: 4 imported"] == pytest.approx(2 * wide["sad: 2 generated"], abs=0.02)


def test_what_strangers_wrote_stays_text() -> None:
    finding = Finding("error", "x", NASTY, NASTY, 1, (NASTY,), NASTY)
    hostile = full(
        dataset_id=NASTY, target_model=NASTY, description=NASTY, main_label=NASTY, version=NASTY, findings=(finding,),
        classes=(ClassCount(NASTY, 1, 0, 0, 2),), licenses={NASTY: 1}, annotators={NASTY: 1},
        label_sources={NASTY: {NASTY: 1}}, spread={NASTY: {NASTY: 1}},
        probe=Kept("", 0, (Probe(NASTY, NASTY, (Score(NASTY, why_not=NASTY),), alarms=(NASTY,)),)),
    )  # fmt: skip
    text = page(hostile)
    plain = Read(page(full(findings=(msgspec.structs.replace(finding, message="a", todo="b", samples=("c",)),))))
    read = Read(text)
    assert read.open_ == []
    assert read.tags <= plain.tags
    assert not [one for one in read.attributes if one[1].startswith("on") or one[1] == "src"]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert any("<script>alert(2)</script>" in words for words in read.words)


# -- where there is little to say --------------------------------------------------------------------------------------


def write(root: Path, statement: str) -> None:
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute(statement)


def nothing(root: Path) -> None:
    pass


def one_class(root: Path) -> None:
    write(root, "UPDATE samples SET emotion = 'happy'")


def no_labels(root: Path) -> None:
    write(root, "UPDATE samples SET emotion = NULL, key = NULL, mode = NULL, chord_progression = NULL,"
                " tempo_bpm = NULL, time_signature = NULL, groove_type = NULL, provenance = '{}'")  # fmt: skip


def all_generated(root: Path) -> None:
    write(root, "UPDATE samples SET is_synthetic = 1, split = 'train'")


def three_samples(root: Path) -> None:
    write(root, "DELETE FROM samples WHERE rowid > 3")


def broken_features(root: Path) -> None:
    vector = np.full(117, np.inf, "<f4").tobytes().hex()
    write(root, f"UPDATE features SET vector = x'{vector}'")


def torn_features(root: Path) -> None:
    write(root, "UPDATE features SET vector = substr(vector, 1, sample + 3)")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(one_class, "empty-class"), (no_labels, "no-main-label"), (all_generated, "nothing-imported"),
     (three_samples, "too-few"), (broken_features, "features-broken"), (torn_features, "features-broken")],
)  # fmt: skip
def test_all_three_forms_say_so_and_no_score_pretends(
    clean: Path, spoil: Callable[[Path], None], code: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    spoil(clean)
    if spoil is not no_labels:
        assert main(["probe", str(clean)]) == 1, "so few pieces teach nothing, and it says so"
        assert "no figure" in capsys.readouterr().out
        assert main(["suggest", str(clean)]) == 0
    expected = all_forms(clean, code, capsys, tmp_path)
    if spoil is no_labels:
        assert (expected["balance"], expected["quality"], expected["diversity"]) == (0, 0, 0)
    assert expected["valid"] == (spoil is one_class), "one class teaches a model of harmony, no other of these anything"
    if spoil is one_class:
        assert expected["balance"] == 0
    if spoil is all_generated:
        assert [expected[f"{name}_imported"] for name in ("balance", "diversity", "quality")] == [0, 0, 0]


def test_all_three_forms_of_an_empty_dataset(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = all_forms(create(tmp_path), "empty", capsys, tmp_path)
    assert (found["balance"], found["quality"], found["diversity"], found["valid"]) == (0, 0, 0, False)


def all_forms(root: Path, code: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> dict:
    """The report as JSON, where its text and its page say the same."""
    html = tmp_path / "report.html"
    capsys.readouterr()
    status = main(["validate", str(root), "--out", str(html), "--quiet"])
    text = capsys.readouterr()
    assert text.err == ""
    assert main(["validate", str(root), "--json"]) == status
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] == (status == 0)
    (named,) = [one for one in found["findings"] if one["code"] == code]
    read = Read(html.read_text())
    assert read.open_ == []
    assert named["message"] in text.out
    assert any(named["message"] in words for words in read.words)
    for name in ("balance", "diversity", "quality"):
        assert f"{name.capitalize()} Score: {int(found[name] * 100 + 1e-9)}%" in text.out
        assert f"{int(found[name] * 100 + 1e-9)} %" in read.words
    return found


def test_the_page_goes_into_a_folder_under_the_dataset_s_name(clean: Path, tmp_path: Path) -> None:
    from kelly_tui.validate.page import write_report

    (tmp_path / "out").mkdir()
    written = write_report(kelly_tui.validate_dataset(clean), tmp_path / "out")
    assert written == tmp_path / "out" / "d.html"
    assert "Nothing is wrong with it" in written.read_text()


def test_json_goes_into_a_file_that_is_called_so(
    clean: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["validate", str(clean), "--out", str(tmp_path / "report.json")]) == 0
    assert "VALID" in capsys.readouterr().out, "and is said as well"
    assert main(["validate", str(clean), "--json"]) == 0
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(capsys.readouterr().out)


def test_the_page_shows_what_is_taken_for_what_where_held_out() -> None:
    probe = Probe("midi", "emotion", (), confusion=Confusion(("happy", NASTY), ((12, 4), (0, 1000))))
    read = Read(page(full(probe=Kept("2026-01-01", 0, (probe,)))))
    assert read.open_ == []
    squares = [float(value) for tag, name, value in read.attributes if (tag, name) == ("rect", "fill-opacity")]
    assert squares == [0.5, 0.2, 0.05, 0.65], "by the share of the row"
    assert {"12", "4", "0", "1,000"} <= set(read.words)


def test_a_page_that_can_t_be_written_is_one_line(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(clean), "--out", "/proc/no/such.html"]) == 2
    assert capsys.readouterr().err.count("\n") == 1

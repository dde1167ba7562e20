"""The card: its front matter as a hub reads it, its Croissant as mlcroissant does, and strangers' words as words."""

from __future__ import annotations

import hashlib
import json
import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import mlcroissant
import msgspec
import pytest
import yaml
from markdown_it import MarkdownIt

import kelly_tui
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.report import ClassCount, ExportedFile, Facts
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from kelly_tui.store.layout import load_config, pretty_json, save_config
from kelly_tui.validate.card import card, escaped
from kelly_tui.validate.croissant import croissant
from kelly_tui.validate.facts import facts_of, folder_files
from kelly_tui.validate.published import hub_license
from tests.strangers import create

NASTY = "<script>alert(1)</script> | [x](javascript:y) `a`\n# no heading\x1b]0;t\x07 \u202e"


@pytest.fixture(scope="module")
def _made(music, tmp_path_factory) -> Path:
    root = create(tmp_path_factory.mktemp("made"), target_model="harmonypredictor", emotion_labels=["happy", "sad"])
    kelly_tui.import_files(root, [music / "happy/song_1.mid", music / "happy/song_2.MID", music / "sad"])
    for stage in (kelly_tui.annotate_dataset, kelly_tui.extract_features, kelly_tui.split_dataset):
        stage(root)
    with Catalogue.open(root) as catalogue:
        first = next(iter(catalogue.samples()))
        edit(catalogue, [Edit(first.sample_id, "emotion", Label("sad"))], "me")
    return root


@pytest.fixture
def made(_made, tmp_path) -> Path:
    return Path(shutil.copytree(_made, tmp_path / "d"))


def facts(root: Path) -> Facts:
    with Catalogue.open(root) as catalogue:
        return facts_of(catalogue)


def front_matter(text: str) -> dict:
    _, head, _ = text.split("---\n", 2)
    return yaml.safe_load(head)


def test_facts_are_those_of_the_catalogue(made):
    found = facts(made)
    with Catalogue.open(made) as catalogue:
        samples = list(catalogue.samples("is:held"))
    assert found.seconds == pytest.approx(sum(sample.duration_sec for sample in samples))
    assert found.file_bytes == sum((made / sample.file_path).stat().st_size for sample in samples)
    assert found.file_types == {"midi": 4, "audio": 1}
    assert found.licenses == {"": 5}
    assert found.annotators == {"me": 1}
    labels = [sample.labels["emotion"] for sample in samples if "emotion" in sample.labels]
    assert found.label_sources["emotion"] == Counter(label.source for label in labels)
    assert found.label_sources["emotion"]["human"] == 1
    lines = sorted(f"{one.sample_id} {one.sha256}\n" for one in samples)
    assert found.samples_sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert found.proof is not None
    assert found.proof.inputs_sha256 == json.loads((made / "splits/PROOF.json").read_text())["inputs_sha256"]


def test_the_card_says_what_the_facts_say_and_the_same_each_time(made):
    found = facts(made)
    text = card(found, notes=["forced because the licence of 5 samples is unknown"])
    for one in found.classes:
        assert f"| {one.label} | {one.imported} | {one.augmented} | {one.generated} | {one.total} |" in text
    assert found.samples_sha256 in text
    assert found.proof.inputs_sha256 in text
    assert "| me | 1 |" in text
    assert "**forced because the licence of 5 samples is unknown**" in text
    assert card(facts(made), notes=["forced because the licence of 5 samples is unknown"]) == text


def test_hubs_read_the_front_matter(made):
    config = load_config(made)
    save_config(made, msgspec.structs.replace(config, license="CC BY 4.0"))
    files = [ExportedFile(f"data/{split}-{part:05d}-of-00002.parquet", "0" * 64, 10)
             for split in ("train", "val", "test") for part in range(2)]  # fmt: skip
    data = front_matter(card(facts(made), files))
    assert data["license"] == "cc-by-4.0"
    assert data["size_categories"] == ["n<1K"]
    assert data["pretty_name"] == "d"
    assert data["configs"] == [{"config_name": "default", "data_files": [
        {"split": "train", "path": ["data/train-*-of-*.parquet"]},
        {"split": "validation", "path": ["data/val-*-of-*.parquet"]},
        {"split": "test", "path": ["data/test-*-of-*.parquet"]},
    ]}]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "known"),
    [("", "unknown"), ("CC BY 4.0", "cc-by-4.0"), ("CC-BY-SA 4.0 International", "cc-by-sa-4.0"), ("MIT", "mit"),
     ("Creative Commons BY-NC 4.0", "cc-by-nc-4.0"), ("for evaluation only", "other")],
)  # fmt: skip
def test_a_licence_by_the_name_that_hubs_know(said, known):
    assert hub_license(said) == known


def test_what_strangers_wrote_is_no_markup(made):
    hostile = msgspec.structs.replace(
        facts(made), description=NASTY, author=NASTY, license=NASTY, licenses={NASTY: 5}, annotators={NASTY: 1},
        classes=(ClassCount(NASTY, 1, 0, 0, 1),), dataset_id="x: [y] # z",
    )  # fmt: skip
    text = card(hostile, [ExportedFile("a\n| b.jsonl", "0" * 64, 1)], [NASTY])
    data = front_matter(text)
    assert data["pretty_name"] == "x: [y] # z"
    assert data["license"] == "other"
    body = text.split("---\n", 2)[2]
    assert "<script" not in body
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert links(body) == []
    assert not [line for line in body.splitlines() if line.startswith("# no")]
    assert json.loads(json.dumps(croissant(hostile)))["license"] != [NASTY]


def links(body: str) -> list[str]:
    """What a reader of CommonMark and tables takes for a link, or for HTML."""
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    inner = [child for token in tokens for child in (token, *(token.children or ()))]
    return [token.type for token in inner if token.type in ("link_open", "image", "html_inline", "html_block")]


def test_escaped_text_reads_as_it_was_in_commonmark():
    words = "a*b* _c_ <b> & | `d` [e](f) #g ~h~ !i \\j"
    tokens = MarkdownIt("commonmark").parse(escaped(words))
    assert "".join(child.content for child in tokens[1].children) == words


def read_back(folder: Path, document: dict) -> mlcroissant.Dataset:
    path = folder / "croissant.json"
    path.write_text(json.dumps(document))
    dataset = mlcroissant.Dataset(jsonld=path)
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    return dataset


def test_mlcroissant_reads_the_folder_by_its_croissant(made):
    with Catalogue.open(made) as catalogue:
        found, files = facts_of(catalogue), list(folder_files(catalogue))
        samples = {one.sample_id: one for one in catalogue.samples()}
    dataset = read_back(made, croissant(found, files))
    rows = list(dataset.records("samples-json"))
    assert {row["samples-json/sample_id"].decode() for row in rows} == samples.keys()
    splits = {row["splits/name"]: row["splits/samples"] for row in dataset.records("splits")}
    assert splits == found.splits
    classes = {row["emotion/name"]: row["emotion/samples"] for row in dataset.records("emotion")}
    assert classes == {one.label: one.total for one in found.classes}


def test_mlcroissant_reads_an_export_by_its_croissant(made, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    files = []
    for split, names in (("train", "ab"), ("test", "c")):
        data = "".join(json.dumps({"sample_id": name, "valence": 0.5}) + "\n" for name in names).encode()
        (out / f"{split}.jsonl").write_bytes(data)
        columns = {"sample_id": "sc:Text", "valence": "sc:Float"}
        files.append(ExportedFile(f"{split}.jsonl", hashlib.sha256(data).hexdigest(), len(data), columns=columns))
    rows = list(read_back(out, croissant(facts(made), files)).records("samples-jsonl"))
    assert sorted(row["samples-jsonl/sample_id"] for row in rows) == [b"a", b"b", b"c"]
    assert {row["samples-jsonl/valence"] for row in rows} == {0.5}


def test_a_croissant_can_be_shown_in_a_terminal_and_says_what_it_said(made):
    name = "rain\x9b2J\x7f \u202elivE\u2028ü.mid"
    document = croissant(facts(made), [ExportedFile(name, "0" * 64, 7)])
    text = pretty_json(document).decode()
    assert [one for one in text.replace("\n", "") if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp")] == []
    assert json.loads(text) == document
    assert document["distribution"][0]["contentUrl"] == name
    assert "ü.mid" in text


def test_many_files_are_named_by_a_pattern(made):
    files = [ExportedFile(f"data/{number:06d}.jams", "0" * 64, 7) for number in range(2000)]
    document = croissant(facts(made), files)
    (only,) = document["distribution"]
    assert only["includes"] == ["data/*.jams"]
    assert "2,000 files, 14000 B" in only["description"]
    assert card(facts(made), files).count("data/") == 50

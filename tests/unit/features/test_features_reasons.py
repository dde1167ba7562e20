"""What a label rests on, from the file of features to the screen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from kelly_tui.features.audio import detect_labels as labels_of_audio
from kelly_tui.features.audio import extract_audio_features
from kelly_tui.features.midi import analyse, extract_midi_features, labels_of
from kelly_tui.features.npz import npz_bytes
from kelly_tui.features.reasons import read_reasons
from kelly_tui.music.notes import read_midi


def test_every_label_of_midi_has_its_reason_and_every_absent_one(corpus_midi, tmp_path: Path) -> None:
    analysis = analyse(read_midi(corpus_midi("bwv66.6")))
    file = tmp_path / "a.json"
    file.write_bytes(extract_midi_features(analysis.score).to_json())
    reasons = read_reasons(file.parent, file.name)
    assert set(labels_of(analysis)) <= set(reasons)
    assert reasons["melodic_contour"] == analysis.contour.why
    assert all(reasons.values())


def test_audio_says_why_there_is_no_tempo(tmp_path: Path) -> None:
    click = extract_audio_features((np.full(400, 0.5, np.float32), 22_050))
    file = tmp_path / "a.npz"
    file.write_bytes(click.to_npz())
    assert "tempo_bpm" not in labels_of_audio(click)
    assert read_reasons(file.parent, file.name) == click.why
    assert set(click.why) == {"key", "mode", "tempo_bpm", "time_signature", "chord_progression", "chord_times"}
    assert all(click.why.values())


def test_a_file_that_is_gone_older_or_broken_gives_none(tmp_path: Path) -> None:
    assert read_reasons(tmp_path, "gone.json") == {}
    for name, content in (("a.json", b"{"), ("b.json", b"{}"), ("c.npz", b"PK"), ("d.json", b'{"why": 3}')):
        (tmp_path / name).write_bytes(content)
        assert read_reasons(tmp_path, name) == {}


def test_reasons_that_are_longer_than_any_are_not_decoded(tmp_path: Path) -> None:
    many = msgspec.json.encode({str(number): "" for number in range(200_000)})
    (tmp_path / "a.json").write_bytes(b'{"why": ' + many + b"}")
    (tmp_path / "a.npz").write_bytes(npz_bytes({"why": many.decode()}))
    assert read_reasons(tmp_path, "a.json") == read_reasons(tmp_path, "a.npz") == {}

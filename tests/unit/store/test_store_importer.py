import base64
import hashlib
import os
import shutil
from pathlib import Path

import pytest
from store_files import midi, put, put_wav, tree
from store_samples import new_catalogue, sample

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store import counters, history, importer, probe
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.groups import propose_grouping
from kelly_tui.store.importer import import_files
from kelly_tui.store.partial import sweep
from kelly_tui.store.scan import ELSEWHERE, find_music
from kelly_tui.store.views import write_views


@pytest.fixture
def music(tmp_path) -> Path:
    """Good files and every kind of bad one; equal names, equal contents."""
    root = tmp_path / "Music"
    put(root / "happy/song.mid", midi(1))
    put(root / "sad/song.mid", midi(2))
    put(root / "sad/LOUD.MID", midi(3))
    put(root / "sad/deep/er/song.midi", midi(4))
    put(root / "happy/copy of song.mid", midi(1))
    put(root / "karaoke.kar", midi(5))
    put_wav(root / "happy/tone.wav")
    put_wav(root / "happy/Tone.WAV", hertz=220)
    put_wav(root / "happy/blip.wav", seconds=0.2)
    put(root / "bad/empty.wav", b"")
    put(root / "bad/empty.mid", b"")
    put(root / "bad/cut.mid", midi(6)[:-20])
    put(root / "bad/text.mid", b"Dear diary,\n")
    put(root / "bad/text.wav", b"Dear diary,\n" * 50)
    put(root / "bad/cover.jpg", b"\xff\xd8")
    put(root / "notes.txt", b"hello")
    put(root / ".DS_Store", b"")
    put(root / "._song.mid", b"junk")
    put(root / ".git/x.mid", midi(9))
    return root


GOOD = {
    "happy/song.mid", "sad/song.mid", "sad/LOUD.MID", "sad/deep/er/song.midi", "karaoke.kar", "happy/tone.wav",
    "happy/Tone.WAV",
}  # fmt: skip
BAD = {"bad/empty.wav", "bad/empty.mid", "bad/cut.mid", "bad/text.mid", "bad/text.wav"}


def test_every_file_is_taken_once_in_its_folder_or_reported(tmp_path, music):
    """The faults: folders flattened, equal names overwrote each other, .MID skipped, bad files taken."""
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [music])
        # which of two equal files comes first is a matter of names
        assert outcome.duplicates == [("happy/song.mid", "raw/midi/happy/copy of song.mid")]
        assert ", 1 duplicate, 1 quarantined, 5 refused, 5 ignored" in outcome.words()
        assert set(outcome.imported) == GOOD - {"happy/song.mid"} | {"happy/copy of song.mid"}
        assert {path for path, _ in outcome.refused} == BAD
        assert all(reason for _, reason in outcome.refused)
        assert [path for path, _ in outcome.quarantined] == ["happy/blip.wav"]
        assert {path for path, _ in outcome.ignored} == {
            ".DS_Store", "._song.mid", ".git", "bad/cover.jpg", "notes.txt",
        }  # fmt: skip
        for sample in catalogue.samples():
            data = (catalogue.root / sample.file_path).read_bytes()
            assert sample.file_path == f"raw/{sample.file_type}/{sample.source}"
            assert data == (music / sample.source).read_bytes()
            assert sample.sha256 == hashlib.sha256(data).hexdigest()
            assert sample.sample_id == sample.sha256[:16]
            assert sample.file_size_bytes == len(data)
        assert {failure.path for failure in catalogue.failures("import")} == BAD | {"raw/audio/happy/blip.wav"}
        assert catalogue.find("song.midi").duration_sec == pytest.approx(4.0)
        assert catalogue.find("raw/audio/happy/tone.wav").duration_sec == pytest.approx(2.0)
        assert catalogue.find("blip.wav").status == "0.20 s long, shorter than 1 s"
        assert not list((catalogue.layout.kelly_dir / "partial").iterdir())


def test_a_second_import_changes_nothing(tmp_path, music):
    """The fault: it doubled the rows."""
    with new_catalogue(tmp_path) as catalogue:
        first = import_files(catalogue, [music])
        write_views(catalogue)
        before = tree(catalogue.root)
        rows = list(catalogue.samples())
        failures = catalogue.failures()
        changes = catalogue.db.total_changes
        outcome = import_files(catalogue, [music])
        assert set(outcome.already) == {*first.imported, "happy/blip.wav"}
        assert (outcome.imported, outcome.quarantined) == ([], [])
        assert outcome.set_aside_before == first.quarantined, "what is still set aside is said again"
        assert (outcome.duplicates, outcome.refused) == (first.duplicates, first.refused), "reported again"
        write_views(catalogue)
        assert catalogue.db.total_changes == changes
        assert (list(catalogue.samples()), catalogue.failures()) == (rows, failures)
        assert history.history(catalogue) == []
        assert tree(catalogue.root) == before


def test_a_missing_source_is_an_error_and_nothing_is_taken(tmp_path, music):
    """The fault: "Imported 0", exit code 0."""
    with new_catalogue(tmp_path) as catalogue:
        with pytest.raises(DatasetError, match="no such file or folder") as caught:
            import_files(catalogue, [music, tmp_path / "nowhere"])
        assert caught.value.exit_code == 2
        assert len(catalogue) == 0


def test_one_file_and_a_folder_that_is_a_label(tmp_path, music):
    with new_catalogue(tmp_path) as catalogue:
        import_files(catalogue, [music / "sad/LOUD.MID", music / "happy"])
        assert {sample.source for sample in catalogue.samples("-is:rejected")} >= {"LOUD.MID", "happy/tone.wav"}


def test_equal_names_from_two_places(tmp_path):
    put(tmp_path / "a/song.mid", midi(1))
    put(tmp_path / "b/song.mid", midi(2))
    put(tmp_path / "c/song.mid", midi(1))
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [tmp_path / "a", tmp_path / "b", tmp_path / "c"])
        assert (len(outcome.imported), outcome.already) == (2, ["song.mid"])
        second = hashlib.sha256(midi(2)).hexdigest()[:8]
        assert {sample.file_path for sample in catalogue.samples()} == {
            "raw/midi/song.mid", f"raw/midi/song~{second}.mid",
        }  # fmt: skip
        assert import_files(catalogue, [tmp_path / "b"]).already == ["song.mid"]


def test_a_file_with_the_name_of_a_folder(tmp_path):
    put(tmp_path / "a/x.mid", midi(1))
    put(tmp_path / "b/x.mid/y.mid", midi(2))
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [tmp_path / "a", tmp_path / "b"])
        assert len(outcome.imported) == 2
        for sample in catalogue.samples():
            assert (catalogue.root / sample.file_path).is_file()


def test_ids_that_begin_the_same(tmp_path, monkeypatch):
    put(tmp_path / "in/a.mid", midi(1))
    put(tmp_path / "in/b.mid", midi(2))
    real = probe.probe_item

    def same_beginning(item):
        found = real(item)
        return {**found, "sha256": "0123456789abcdef" + found["sha256"][16:]}

    monkeypatch.setattr(importer, "probe_item", same_beginning)
    with new_catalogue(tmp_path) as catalogue:
        import_files(catalogue, [tmp_path / "in" / "a.mid"])
        import_files(catalogue, [tmp_path / "in" / "b.mid"])
        assert sorted(len(sample.sample_id) for sample in catalogue.samples()) == [16, 24]


def test_hard_links(tmp_path):
    source = put(tmp_path / "in/a.mid", midi(1))
    put_wav(tmp_path / "in/b.wav")
    (tmp_path / "in/c.mid").symlink_to(put(tmp_path / "elsewhere/c.mid", midi(2)))
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [tmp_path / "in"], link=True)
        assert outcome.how == {"hard-linked": 3}
        assert "3 hard-linked" in outcome.words()
        assert os.path.samefile(source, catalogue.root / "raw/midi/a.mid")
        linked = catalogue.root / "raw/midi/c.mid"
        assert not linked.is_symlink()
        assert os.path.samefile(linked, tmp_path / "elsewhere/c.mid")


def test_where_links_cannot_be_made_it_copies(tmp_path, monkeypatch):
    put(tmp_path / "in/a.mid", midi(1))
    real_link = os.link

    def no_links_from_outside(source, target, **options):
        if ".kelly" not in str(source):
            raise OSError(18, "Invalid cross-device link")
        real_link(source, target, **options)

    monkeypatch.setattr(os, "link", no_links_from_outside)
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [tmp_path / "in"], link=True)
        assert sum(outcome.how.values()) == 1
        assert "hard-linked" not in outcome.how
        assert (catalogue.root / "raw/midi/a.mid").read_bytes() == midi(1)


def test_hostile_names_become_safe_and_the_original_is_kept(tmp_path):
    names = [b"caf\xe9.mid", b"esc\x1b]0;title\x07.mid", b"new\nline.mid", "turn\u202eer.mid".encode(), b"-rf %s.mid"]
    names.append(b"x" * 251 + b".mid")
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate(names):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(midi(number))
    put(tmp_path / "in/é/ок 🎵.mid", midi(50))
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [folder])
        assert len(outcome.imported) == len(names) + 1
        for sample in catalogue.samples():
            sample.source.encode("utf-8")
            assert sample.source.isprintable()
            assert (catalogue.root / sample.file_path).is_file()
        kept = [sample.extra.get("original_name_b64") for sample in catalogue.samples()]
        assert {base64.b64decode(one) for one in kept if one} == set(names[:4])
        assert "é/ок 🎵.mid" in outcome.imported
        assert import_files(catalogue, [folder]).imported == []


def test_sound_with_a_name_that_is_not_utf_8_is_taken_in_as_a_song_is(tmp_path):
    folder = tmp_path / os.fsdecode(b"Caf\xe9")
    song = put_wav(tmp_path / "in/song.wav")
    folder.mkdir()
    song.rename(folder / os.fsdecode(b"\xfcber.wav"))
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [folder])
        assert not outcome.refused
        assert outcome.imported == ["_ber.wav"]
        assert catalogue.find(os.fsdecode(b"\xfcber.wav")).duration_sec == 2.0  # by the name that the shell has


def test_links_loops_pipes_and_devices(tmp_path):
    root = tmp_path / "in"
    put(root / "real/a.mid", midi(1))
    (root / "loop").symlink_to(root)
    (root / "real/up").symlink_to("..")
    (root / "first").symlink_to("real")
    (root / "gone.mid").symlink_to("nowhere")
    (root / "itself").symlink_to("itself")
    os.mkfifo(root / "pipe.mid")
    (root / "zero.mid").symlink_to("/dev/zero")
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [root])
        assert outcome.imported == ["real/a.mid"]
        assert outcome.duplicates == []
        assert {path for path, _ in outcome.refused} == {"gone.mid", "pipe.mid", "zero.mid"}


def test_a_link_that_leads_out_of_what_was_named_is_not_followed(tmp_path):
    put(tmp_path / "in/a.mid", midi(1))
    put(tmp_path / "insight/b.mid", midi(2))
    (tmp_path / "in/out").symlink_to(tmp_path / "insight")
    (tmp_path / "in/up").symlink_to("../..")
    (tmp_path / "in/all").symlink_to("/")
    (tmp_path / "in/b.mid").symlink_to("../insight/b.mid")
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [tmp_path / "in"])
        assert outcome.imported == ["a.mid", "b.mid"]
        assert outcome.ignored == [(name, ELSEWHERE) for name in ("all", "out", "up")]
        outcome = import_files(catalogue, [tmp_path / "in", tmp_path / "insight"])
        assert outcome.ignored == [(name, ELSEWHERE) for name in ("all", "up")]


def test_a_link_that_is_named_itself_is_followed(tmp_path):
    put(tmp_path / "music/inner/a.mid", midi(1))
    (tmp_path / "link").symlink_to("music")
    (tmp_path / "music/again").symlink_to("inner")
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [tmp_path / "link"])
        assert (outcome.imported, outcome.ignored) == (["inner/a.mid"], [])


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    put(tmp_path / "in/a/x.mid", midi(1))
    put(tmp_path / "in/b/y.mid", midi(2))
    real = os.scandir

    def closed(path):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", closed)
    with new_catalogue(tmp_path) as catalogue:
        outcome = import_files(catalogue, [tmp_path / "in"])
        assert outcome.imported == ["b/y.mid"]
        assert outcome.refused == [("a", "can't be read (Permission denied)")]


def test_the_dataset_itself_is_left_out(tmp_path, music):
    with new_catalogue(music / "datasets") as catalogue:
        import_files(catalogue, [music])
        count = len(catalogue)
        assert import_files(catalogue, [music]).imported == []
        assert len(catalogue) == count


def test_a_content_is_looked_up_by_its_index(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        asked = []
        catalogue.db.set_trace_callback(asked.append)
        assert not importer.has_content(catalogue, "0" * 64)
        import_files(catalogue, [put(tmp_path / "a.mid", midi(1))])
        catalogue.db.set_trace_callback(None)
        assert importer.has_content(catalogue, hashlib.sha256(midi(1)).hexdigest())
        lookups = [one for one in asked if one.startswith("SELECT") and "sha256" in one.partition("WHERE")[2]]
        assert len(lookups) >= 2
        for one in lookups:
            plan = " ".join(row[-1] for row in catalogue.db.execute(f"EXPLAIN QUERY PLAN {one}"))
            assert "samples_sha256" in plan, one


def test_labelled_and_unlabelled_samples_keep_their_order(tmp_path):
    labels = [{}, {"emotion": "happy"}, {}, {}, {"key": "C"}, {}]
    given = [sample(number, labels=of_one) for number, of_one in enumerate(labels)]
    with new_catalogue(tmp_path) as catalogue:
        assert catalogue.add(given) == len(given)
        assert catalogue.add(given) == 0
        assert [one.sample_id for one in catalogue.samples()] == [one.sample_id for one in given]
        assert [one.annotations for one in catalogue.samples()] == labels
        assert [one.rev for one in catalogue.samples()] == [int(bool(one)) for one in labels]
        assert counters.count(catalogue.db, catalogue.config) == {
            (facet, value, origin): n
            for facet, value, origin, n in catalogue.db.execute("SELECT * FROM counts WHERE n > 0")
        }


def test_a_file_that_went_from_the_dataset_comes_back(tmp_path):
    put(tmp_path / "in/a.mid", midi(1))
    with new_catalogue(tmp_path) as catalogue:
        import_files(catalogue, [tmp_path / "in"])
        (catalogue.root / "raw/midi/a.mid").unlink()
        assert import_files(catalogue, [tmp_path / "in"]).already == ["a.mid"]
        assert (catalogue.root / "raw/midi/a.mid").read_bytes() == midi(1)


def test_a_killed_import_is_taken_up_again(tmp_path, monkeypatch):
    """Files in place without rows, rows not yet there: the next import adopts them."""
    for number in range(5):
        put(tmp_path / f"in/{number}.mid", midi(number))
    with new_catalogue(tmp_path) as catalogue:
        with monkeypatch.context() as patched:
            patched.setattr(Catalogue, "add", _killed)
            with pytest.raises(KeyboardInterrupt):
                import_files(catalogue, [tmp_path / "in"])
        assert len(catalogue) == 0
        outcome = import_files(catalogue, [tmp_path / "in"])
        assert len(outcome.imported) == 5
        assert outcome.how == {"there": 5}
        assert sorted(path.name for path in (catalogue.root / "raw/midi").iterdir()) == [f"{n}.mid" for n in range(5)]


def _killed(*_):
    raise KeyboardInterrupt


def test_what_a_dead_import_left_is_swept_and_what_a_live_one_brings_is_not(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        with importer.taking_in(catalogue):
            item = {"root": str(catalogue.root), "path": str(put(tmp_path / "a.mid", midi(1))), "relative": "a.mid",
                    "file_type": "midi"}  # fmt: skip
            brought = catalogue.layout.kelly_dir / "partial" / probe.probe_item(item)["incoming"]
            assert sweep(catalogue.layout.kelly_dir) == 0
            assert brought.exists()
        assert sweep(catalogue.layout.kelly_dir) == 1
        assert not brought.exists()


def test_min_duration_does_something_when_changed(tmp_path):
    put(tmp_path / "in/four.mid", midi(1, beats=8))
    put(tmp_path / "in/one.mid", midi(2, beats=2))
    with new_catalogue(tmp_path, min_duration_sec=2.0) as catalogue:
        assert [path for path, _ in import_files(catalogue, [tmp_path / "in"]).quarantined] == ["one.mid"]
        catalogue.config.min_duration_sec = 0.5
        importer.apply_min_duration(catalogue)
        assert {sample.status for sample in catalogue.samples()} == {"ok"}
        catalogue.config.min_duration_sec = 10.0
        importer.apply_min_duration(catalogue)
        assert {sample.status for sample in catalogue.samples()} == {
            "4.00 s long, shorter than 10 s", "1.00 s long, shorter than 10 s",
        }  # fmt: skip


def test_a_refused_file_that_was_mended_is_taken(tmp_path):
    bad = put(tmp_path / "in/a.mid", midi(1)[:-20])
    with new_catalogue(tmp_path) as catalogue:
        import_files(catalogue, [tmp_path / "in"])
        assert len(catalogue.failures()) == 1
        bad.write_bytes(midi(1))
        assert import_files(catalogue, [tmp_path / "in"]).imported == ["a.mid"]
        assert catalogue.failures() == []


def test_the_probe_stands_alone(tmp_path):
    """As a worker runs it: builtins in, builtins out, no catalogue."""
    item = {"root": str(tmp_path), "path": str(put(tmp_path / "x.mid", midi(1))), "relative": "x.mid",
            "file_type": "midi", "link": False}  # fmt: skip
    found = probe.probe_item(item)
    assert found["duration_sec"] == pytest.approx(4.0)
    assert (tmp_path / ".kelly/partial" / found["incoming"]).read_bytes() == midi(1)
    with pytest.raises(FileRefused):
        probe.probe_item({**item, "path": str(put(tmp_path / "y.mid", b"MThd"))})


def test_a_sound_with_holes_keeps_them(tmp_path):
    """Four kilobytes on a disk became two gigabytes in the dataset."""
    source = put_wav(tmp_path / "hole.wav")
    heard = source.read_bytes()
    whole = heard.replace(
        b"data" + (32_000).to_bytes(4, "little"), b"data" + (32_000 + (1 << 24)).to_bytes(4, "little")
    )
    with source.open("wb") as file:
        file.write(whole)
        file.truncate(len(whole) + (1 << 24))
    probed = probe.probe_item({"root": str(tmp_path), "path": source, "relative": "hole.wav", "file_type": "audio"})
    copy = tmp_path / ".kelly/partial" / probed["incoming"]
    assert copy.read_bytes() == source.read_bytes()
    assert probed["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert copy.stat().st_blocks <= source.stat().st_blocks + (2 << 20) // 512, "but for the block where the sound ends"


def test_what_is_no_sound_is_not_read_through(tmp_path, monkeypatch):
    """A terabyte of nothing was read for three minutes, at each import."""
    with (tmp_path / "nothing.wav").open("wb") as file:
        file.truncate(1 << 40)
    item = {"root": str(tmp_path), "path": tmp_path / "nothing.wav", "relative": "nothing.wav", "file_type": "audio"}
    monkeypatch.setattr(probe, "_hash", lambda *_: pytest.fail("it is read"))
    with pytest.raises(FileRefused, match="can't be read as audio"):
        probe.probe_item(item)


def test_a_sound_that_is_written_to_while_it_is_copied_is_looked_at_again(tmp_path, monkeypatch):
    source = put_wav(tmp_path / "growing.wav")
    whole, hashed = source.read_bytes(), probe._hash

    def written_to(*args):
        source.write_bytes(whole[:5000])
        return hashed(*args)

    monkeypatch.setattr(probe, "_hash", written_to)
    item = {"root": str(tmp_path), "path": source, "relative": "growing.wav", "file_type": "audio"}
    with pytest.raises(FileRefused, match="cut short"):
        probe.probe_item(item)
    assert not list((tmp_path / ".kelly/partial").iterdir())


def test_the_order_of_found_files_is_that_of_their_names(tmp_path, music):
    shutil.copytree(music, tmp_path / "again")
    config = DatasetConfig(dataset_id="d")
    one, two = ([found.relative for found in find_music([root], config)] for root in (music, tmp_path / "again"))
    assert one == two


@pytest.mark.parametrize(
    ("sources", "proposal"),
    [
        ([f"{n:03}/{name}" for n in range(9) for name in (f"{n:03}.mid", f"versions/{n:03}-v1.mid")], "folder"),
        ([f"happy/{name}_{clip}.mid" for name in ("aXb", "c_d", "e-f") for clip in range(4)], "prefix"),
        ([f"happy/song {number}.mid" for number in range(20)], "none"),
        ([f"midi/song {number}.mid" for number in range(200)], "none"),
        ([f"{letter}/{number}.mid" for letter in "abc" for number in range(100)], "none"),
        ([f"{album}/{number}.mid" for album in ("first", "second") for number in range(5)], "none"),
        ([], "none"),
    ],
)  # fmt: skip
def test_proposed_grouping(sources, proposal):
    group_by, why = propose_grouping(sources, DatasetConfig(dataset_id="d"))
    assert group_by == proposal
    assert why

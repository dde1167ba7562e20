import json
import os
from pathlib import Path

import pytest

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.inside import inside
from kelly_tui.store.layout import (
    Layout,
    create_dataset_structure,
    dataset_root,
    find_datasets,
    load_config,
    make_folder,
    make_music_folders,
    on_network,
    save_config,
    write_atomic,
)


def test_create_makes_the_folders_and_an_empty_manifest(tmp_path: Path) -> None:
    manifest = create_dataset_structure(tmp_path, DatasetConfig(dataset_id="songs", target_model="groove_predictor"))
    root = tmp_path / "songs"
    assert manifest["samples"] == []
    assert manifest["config"]["target_model"] == "groovepredictor"
    assert json.loads((root / "manifest.json").read_bytes()) == manifest
    for folder in ("raw/midi", "raw/audio", "raw/synthetic", "processed/features", "annotations", "splits", ".kelly"):
        assert (root / folder).is_dir()
    assert load_config(root).created_at.endswith("Z")


def test_create_never_touches_a_dataset(tmp_path: Path) -> None:
    create_dataset_structure(tmp_path, DatasetConfig(dataset_id="songs"))
    manifest = tmp_path / "songs" / "manifest.json"
    manifest.write_text('{"samples": [{"sample_id": "precious"}]}')
    (tmp_path / "songs" / "config.json").unlink()
    with pytest.raises(DatasetError, match="exists already"):
        create_dataset_structure(tmp_path, DatasetConfig(dataset_id="songs"))
    assert "precious" in manifest.read_text()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../songs", ".hidden", "x\0y", " songs", "s" * 300])
def test_a_name_stays_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="can't name"):
        create_dataset_structure(tmp_path / "here", DatasetConfig(dataset_id=name))
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize(
    "relative",
    ["/etc/passwd", "../songs/x.mid", "raw/../../x", "", ".", "raw/\0x", "out/x.mid", "link", "loop", "loop/x"],
)
def test_inside_refuses_what_leads_out(tmp_path: Path, relative: str) -> None:
    root = tmp_path / "songs"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "link").symlink_to("/etc/passwd")
    (root / "loop").symlink_to("loop")
    with pytest.raises(FileRefused):
        inside(root, relative)


def test_inside_refuses_pipes_and_devices(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(FileRefused, match="device or a pipe"):
        inside(tmp_path, "pipe.mid")


def test_inside_takes_files_there_or_to_come_and_links_that_stay(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a..b.mid").write_bytes(b"x")
    (tmp_path / "raw" / "same.mid").symlink_to("a..b.mid")
    for relative in ("raw/a..b.mid", "raw/same.mid", "raw/new/later.mid"):
        assert inside(tmp_path, relative) == tmp_path / relative


def test_write_atomic_leaves_equal_bytes_alone(tmp_path: Path) -> None:
    path = tmp_path / "ab" / ("n" * 250 + ".json")  # as long as a name may be
    assert write_atomic(path, b"one")
    written = path.stat()
    assert not write_atomic(path, b"one")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (written.st_mtime_ns, written.st_ino)
    assert write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == [path.name]


def test_write_atomic_that_fails_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    write_atomic(path, b"old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(DatasetError, match="disk is full"):
        write_atomic(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["manifest.json"]


@pytest.mark.parametrize("away", ["processed", "processed/features"])
def test_a_folder_of_music_is_made_at_the_start_of_a_stage_and_never_later(tmp_path: Path, away: str) -> None:
    make_music_folders(tmp_path, "processed/features")
    make_folder(tmp_path, tmp_path / "processed/features/ab")
    (tmp_path / away).rename(tmp_path / "unmounted")
    said = f"^a folder of the dataset is gone: {tmp_path}/{away}. Put it back, or an empty one.$"
    with pytest.raises(DatasetError, match=said):
        make_folder(tmp_path, tmp_path / "processed/features/cd")
    assert not (tmp_path / away).exists()


def test_no_folder_of_music_is_made_where_a_link_leads_out(tmp_path: Path) -> None:
    for name in ("d", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "d/processed").symlink_to(tmp_path / "elsewhere")
    make_music_folders(tmp_path / "d", "processed/features")
    assert not any((tmp_path / "elsewhere").iterdir())


def test_unknown_keys_of_the_config_survive(tmp_path: Path) -> None:
    create_dataset_structure(tmp_path, DatasetConfig(dataset_id="songs"))
    path = tmp_path / "songs" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "mine": {"a": [1]}}))
    save_config(tmp_path / "songs", load_config(tmp_path / "songs"))
    assert json.loads(path.read_text())["mine"] == {"a": [1]}


def test_an_older_dataset_has_its_config_in_the_manifest(tmp_path: Path) -> None:
    config = {"dataset_id": "old", "target_model": "emotion_recognizer", "sample_rate": 22050}
    (tmp_path / "manifest.json").write_text(json.dumps({"config": config, "samples": [{"sample_id": "ab12"}]}))
    assert load_config(tmp_path).sample_rate == 22050
    assert Layout(tmp_path).has_views()


def test_a_folder_without_config_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no config\.json"):
        load_config(tmp_path)


def test_datasets_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    for name in ("beta", "alpha"):
        create_dataset_structure(tmp_path, DatasetConfig(dataset_id=name))
    (tmp_path / "no dataset").mkdir()
    assert find_datasets(tmp_path) == [tmp_path / "alpha", tmp_path / "beta"]
    assert find_datasets(tmp_path / "nowhere") == []
    assert dataset_root(tmp_path, "beta") == tmp_path / "beta"
    assert dataset_root(tmp_path / "nowhere", str(tmp_path / "beta")) == tmp_path / "beta"
    with pytest.raises(DatasetError, match="Did you mean alpha"):
        dataset_root(tmp_path, "alhpa")


def test_a_network_file_system_is_known_by_the_longest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\n"
        "server:/music /mnt/shared\\040music nfs4 rw 0 0\n"
        "/dev/sdb /mnt/shared\\040music/local ext4 rw 0 0\n"
        "me@host: /mnt/ssh fuse.sshfs rw 0 0\n"
        "tmp /mnt/sshé tmpfs rw 0 0\n"
    )
    assert on_network(Path("/mnt/shared music/songs"), mounts)
    assert on_network(Path("/mnt/ssh/songs"), mounts)
    for local in ("/mnt/shared music/local/songs", "/home/me", "/mnt/shared", "/mnt/sshé/songs"):
        assert not on_network(Path(local), mounts)
    assert not on_network(Path("/x"), tmp_path / "no mounts")


def test_on_a_network_the_catalogue_lies_on_one_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_dataset_structure(tmp_path, DatasetConfig(dataset_id="songs"))
    root = tmp_path / "songs"
    monkeypatch.setattr("kelly_tui.store.layout.on_network", lambda path: True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    first = Layout(root).catalogue_path
    assert first.is_relative_to(tmp_path / "state")
    assert Layout(root).catalogue_path == first
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    with pytest.raises(DatasetError, match="this is 'elsewhere'"):
        _ = Layout(root).catalogue_path


@pytest.mark.parametrize("name", ["sample_rate", "n_mels", "n_mfcc", "hop_length", "max_total_size_gb",
                                  "target_samples_per_category"])  # fmt: skip
@pytest.mark.parametrize("value", [0, -1])
def test_a_setting_that_can_only_be_positive_is_refused_by_name(name, value):
    with pytest.raises(DatasetError, match=f"{name} is {value}.*Use a number"):
        DatasetConfig(dataset_id="songs", **{name: value})


@pytest.mark.parametrize("name", ["sample_rate", "n_mels", "n_mfcc", "hop_length", "target_samples_per_category"])
@pytest.mark.parametrize("value", [10**12, 10**400])
def test_a_setting_that_no_stage_could_obey_is_refused_by_name(tmp_path, name, value):
    (tmp_path / "config.json").write_text(json.dumps({"dataset_id": "songs", name: value}))
    with pytest.raises(DatasetError, match=f"{name}|larger|integer"):
        load_config(tmp_path)


@pytest.mark.parametrize("declared", [[], ["happy", "sad", "happy"], ["happy", ""], [f"{at}" for at in range(1001)]])
def test_labels_are_declared_once_each_and_the_main_ones_at_all(declared):
    with pytest.raises(DatasetError, match=r"emotion.*config\.json"):
        DatasetConfig(dataset_id="songs", emotion_labels=declared)

"""A hostile dataset on a real pseudo-terminal: nothing reaches the terminal but what the app itself draws."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from tests.pty_program import PtyProgram
from tests.ui.conftest import write_midi

TITLE = "\x1b]0;OWNED\x07"
"""Would change the terminal's title; other such sequences write files or answer as if typed."""

NAMES = (
    f"title{TITLE}",
    "red\x1b[31m",
    "c1\x9b31m",
    "markup[/bold][@click=app.quit]x[/]",
    "right\u202eleft",
    "雨の歌" * 40,
    "e\u0301" * 100,
    "newline\nand\ttab\rreturn",
    "👩‍👩‍👧‍👦",
    "long" * 60,
)


KEYS = (
    *(b"j", b"j", b"G", b"gg", b"2", b"u", b"x", b"e", b"G", b"\r", b"\x1b", b"\x1b", b"gh", b"\x1b", b"gp", b"\x1b"),
    *(b"/text:zzz\r", b"/\x1b[200~a\x1b]0;OWNED\x07b\x1b[201~", b"\x1b"),  # typed and pasted
)


def hostile_dataset(folder: Path) -> Path:
    create_dataset_structure(folder, DatasetConfig(dataset_id="strangers"))
    root = folder / "strangers"
    with Catalogue.open(root) as catalogue:
        for number, name in enumerate(NAMES):
            path = f"raw/midi/{number}.mid"
            write_midi(root / path)
            catalogue.add([Sample(
                sample_id=f"{number:016x}", file_path=path, file_type="midi", sha256=f"{number:064x}", duration_sec=8.0,
                labels={"notes": Label(f"{name} {TITLE}"), "tags": Label([f"a{TITLE}"]),
                        "emotion": Label("happy", "model", by=f"x{TITLE}", confidence=0.5)},
            )])  # fmt: skip
        with catalogue.writing() as db:  # as an older or foreign program may have stored it
            for number, name in enumerate(NAMES):
                db.execute("UPDATE samples SET file_path = ? WHERE rowid = ?", (f"raw/midi/{name}.mid", number + 1))
            db.execute("UPDATE samples SET status = ? WHERE rowid = 2", (f"broken {TITLE}",))
    return root


def test_nothing_of_a_strangers_text_is_obeyed(tmp_path: Path) -> None:
    root = hostile_dataset(tmp_path)
    environment = {"KELLY_AUTOPLAY": "no", "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path)}
    with PtyProgram([sys.executable, "-m", "kelly_tui", str(root)], (160, 48), environment) as app:
        app.wait_for(b"title")
        for keys in KEYS:
            app.send(keys)
            app.read(0.3)
        app.send(b"\x11")
    written = app.written.decode("utf-8", "replace")
    assert "OWNED" in written  # it was shown,
    assert "\x1b]0;OWNED" not in written  # as text
    assert "\x07" not in written.replace("\x1b]22;default\x07", "")  # the app sets the shape of the pointer so
    assert "\x9b" not in written
    assert "\u202e" not in written
    assert "Traceback" not in written
    # every escape sequence in it is one that the app's own driver writes
    sequences = set(re.findall(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x1b\x07]*|.)", written))
    known = re.compile(r"\x1b(\[[\d;?<>=$u]*[a-zA-Z~@]?[pqtuhlmHJKGnc]?|[()78=>cM\\P_].?|\][\d;]+;?\?*.*)", re.DOTALL)
    assert [one for one in sequences if not known.fullmatch(one)] == []

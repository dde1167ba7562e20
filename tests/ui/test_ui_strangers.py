"""A hostile dataset on a real pseudo-terminal: nothing reaches the terminal but what the app itself draws."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest
import symusic

from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.store.saved_views import SavedView, save_view
from kelly_tui.ui.actions import ACTIONS, SCOPES
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

ALL_OF_IT = " ".join(NAMES)

NOT_UTF_8 = b"\xff\xfe" + TITLE.encode() + b"\x9b31m[/b]"

SCREENS = {
    "list": "j j G g g 2 u x . * _ escape",
    "form": "e =rule_breaks G a k k enter escape escape",
    "fields by key": "a n =OWNED escape escape c escape escape K escape escape a t escape escape",
    "pad": "V =1__2__3__4__5__6__7__8__9 l escape",
    "ride": "R escape",
    "tap": "y y y =4_tell_a_tempo escape",
    "lens": "g g m =drone 1 f q k c escape",
    "pipeline": "g p =·_pipeline j j escape",
    "parameters": "g p =·_pipeline j j j j e =a_Dask j enter escape escape",
    "preview": "g p =·_pipeline enter =a_folder_or_files tests/runs enter =ignored escape escape",
    "report": "g v =INVALID j G escape",
    "history": "g h =·_history j escape",
    "views": "F =saved_views j escape",
    "columns": "g c =columns_of_the_list j escape",
    "variants": "o =·_variants > < tab escape",
    "blind": "g g j b =Is_X_A_or_B tab 1 escape escape",
    "review": "g r =·_review 1 escape",
    "agreement": "g k =·_agreement j escape",
    "second": "g o escape escape",
    "datasets": "g d =last_work j k escape",
    "new": "g d =last_work n =Which_model 2 G k enter escape escape escape",
    "help": "? =esc_leaves G escape",
    "palette": "ctrl+p =Search_for escape",
    "colours": "ctrl+t ctrl+t ctrl+t ctrl+t",
}
"""How each place is reached and walked through: keys, one after another, and after an ``=`` what is waited for."""

# Escape is sent as kitty's protocol has it, which the app asks for: no letter that follows makes it another key.
_SENT = {"escape": b"\x1b[27u", "enter": b"\r", "tab": b"\t", "ctrl+p": b"\x10", "ctrl+t": b"\x14"}


def hostile_dataset(folder: Path) -> Path:
    """A dataset in which every text of a stranger's is one that a terminal would obey."""
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
                parent_id=f"{0:016x}" if number == 9 else None, root_id=f"{0:016x}" if number == 9 else "",
                augmentation_type=f"up{TITLE}" if number == 9 else None,
            )])  # fmt: skip
        history.edit(catalogue, [Edit(f"{4:016x}", "notes", Label("x" * 99_000 + TITLE))], f"anna{TITLE}")
        for who, emotion in ((f"ben{TITLE}", "sad"), ("c\x1b[31m", "tense")):  # who differ
            history.edit(catalogue, [Edit(f"{5:016x}", "emotion", Label(emotion, by=who))], who)
        with catalogue.writing() as db:  # as an older or foreign program may have stored it
            for number, name in enumerate(NAMES):
                if number:  # the first is heard and drawn
                    path = f"raw/midi/{name}.mid"
                    db.execute("UPDATE samples SET file_path = ? WHERE rowid = ?", (path, number + 1))
            db.execute("UPDATE samples SET status = ? WHERE rowid = 2", (f"broken {TITLE}",))
        save_view(catalogue.layout, f"view{TITLE}", SavedView(f'text:"{TITLE}"', "path"))
    score = symusic.Score(480)
    for number, name in enumerate(NAMES[:4]):
        track = symusic.Track(name=name, program=number)
        track.notes.append(symusic.Note(0, 480, 60 + number, 90))
        score.tracks.append(track)
    (root / "raw/midi/0.mid").write_bytes(score.dumps_midi())
    shutil.copytree(root, folder / os.fsdecode(NOT_UTF_8))  # beside it, in the list of datasets
    broken = folder / f"broken{TITLE}"
    broken.mkdir()
    (broken / "config.json").write_text(f'{{"{TITLE}')
    return root


def test_every_place_is_walked_through() -> None:
    assert set(SCREENS) >= set(SCOPES)
    typeable = {key for action in ACTIONS for keys in action.keys for key in keys.split()} | {*"0123456789"}
    assert {key for way in SCREENS.values() for key in way.split() if not key[1:]} - {"="} <= typeable


def until(app: PtyProgram, before: int, words: bytes) -> None:
    """Read until `words` have been drawn, by what it has written since `before`, colours left aside."""
    deadline = time.monotonic() + 30
    while words not in re.sub(rb"\x1b\[[\d;]*m", b"", app.written[before:]):
        assert time.monotonic() < deadline, (words, re.sub(rb"\x1b\[[\d;]*m| +", b" ", app.written[before:])[-1500:])
        app.read(0.05)


@pytest.mark.parametrize("language", ["C.UTF-8", pytest.param("C", marks=pytest.mark.slow)])
def test_nothing_of_a_strangers_text_is_obeyed(tmp_path: Path, language: str) -> None:
    root = hostile_dataset(tmp_path / "datasets")
    environment = {
        "KELLY_AUTOPLAY": "no", "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path),
        "KELLY_DATASETS": str(root.parent), "LC_ALL": language, "KELLY_ANNOTATOR": f"dora{TITLE}",
    }  # fmt: skip
    with PtyProgram([sys.executable, "-m", "kelly_tui", str(root)], (160, 48), environment) as app:
        app.wait_for(b"title" if language != "C" else b"red")
        for way in SCREENS.values():
            before = len(app.written)
            for key in way.split():
                if key.startswith("=") and key != "=":
                    words = key[1:].replace("_", " ")
                    shown = words if language != "C" else words.replace("·", ".")
                    until(app, before, shown.encode())
                else:
                    app.send(_SENT.get(key, key.encode()))
            app.read(0.05)
        app.send(b"/text:zzz\r")  # typed
        app.read(0.1)
        app.send(b"/\x1b[200~a\x1b]0;OWNED\x07b\x1b[201~")  # pasted
        app.read(0.1)
        app.send(_SENT["escape"])
        app.read(0.3)
        for _ in range(2):
            app.send(b"\x11")
            app.read(0.2)
        app.end(30)
        assert app.code == 0
    written = app.written.decode("utf-8", "replace")
    assert "OWNED" in written  # it was shown,
    assert "\x1b]0;OWNED" not in written  # as text
    assert "\x07" not in written.replace("\x1b]22;default\x07", "").replace("\x1b]22;pointer\x07", "")
    assert "\x9b" not in written
    assert "\u202e" not in written
    assert "Traceback" not in written
    # every escape sequence in it is one that the app's own driver writes
    sequences = set(re.findall(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x1b\x07]*|.)", written))
    known = re.compile(r"\x1b(\[[\d;?<>=$u]*[a-zA-Z~@]?[pqtuhlmHJKGnc]?|[()78=>cM\\P_].?|\][\d;]+;?\?*.*)", re.DOTALL)
    assert [one for one in sequences if not known.fullmatch(one)] == []

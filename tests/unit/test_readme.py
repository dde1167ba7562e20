"""The README tells only what is true: its keys, its commands and its Python are tried."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from kelly_tui.cli import parse
from kelly_tui.ui.actions import key_table_markdown

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"`(kelly [^`]+)`|^(kelly [^#\n]+)", README, re.MULTILINE)


def test_the_table_of_keys_is_the_table_of_actions() -> None:
    written = re.search(r"<!-- keys: [^>]*-->\n(.*)<!-- /keys -->", README, re.DOTALL)
    assert written is not None
    assert written[1] == key_table_markdown(), "run: python -m tests.unit.test_readme"


@pytest.mark.parametrize("command", sorted({(inline or block).strip() for inline, block in COMMANDS}))
def test_every_command_is_one(command: str) -> None:
    words = shlex.split(command.replace("\\|", "|").replace(" …", "").replace('"$(', "").replace(')"', ""))[1:]
    if words:
        parse([word for word in words if word != "DATASET"] + (["songs"] if "DATASET" in words else []))


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpus_midi: Callable[[str], bytes],
                         capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.mid").write_bytes(corpus_midi("bwv66.6"))
    block = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert block is not None
    exec(block[1].replace("1000", "8"), {})
    assert (tmp_path / "song+3.mid").is_file()
    assert "Detected key: " in capsys.readouterr().out


if __name__ == "__main__":
    marks = r"(<!-- keys: [^>]*-->\n).*(<!-- /keys -->)"
    table = key_table_markdown()
    text = re.sub(marks, lambda found: found[1] + table + found[2], README, flags=re.DOTALL)
    (Path(__file__).resolve().parents[2] / "README.md").write_text(text, "utf-8")

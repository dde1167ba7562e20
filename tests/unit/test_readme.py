"""The README tells only what is true: its keys, its commands and its Python are tried."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from kelly_tui.cli import parse
from kelly_tui.music.label_rules import rules_markdown
from kelly_tui.ui.actions import key_table_markdown

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"`(kelly [^`]+)`|^(kelly [^#\n]+)", README, re.MULTILINE)


TABLES = {"keys": key_table_markdown, "rules": rules_markdown}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_says(name: str) -> None:
    written = re.search(rf"<!-- {name}: [^>]*-->\n(.*)<!-- /{name} -->", README, re.DOTALL)
    assert written is not None
    assert written[1] == TABLES[name](), "run: python -m tests.unit.test_readme"


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
    text = README
    for name, table in TABLES.items():
        marks = rf"(<!-- {name}: [^>]*-->\n).*(<!-- /{name} -->)"
        text = re.sub(marks, lambda found, table=table: found[1] + table() + found[2], text, flags=re.DOTALL)
    (Path(__file__).resolve().parents[2] / "README.md").write_text(text, "utf-8")

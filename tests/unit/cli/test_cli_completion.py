"""Completion as the shells do it: typed in a terminal, ended with a tab."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from kelly_tui.cli import COMMANDS
from tests.terminal import Terminal, tmux_is_missing

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SET_UP = {
    "bash": 'eval "$(kelly completion bash)"',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(kelly completion zsh)"',
    "fish": "kelly completion fish | source",
}

TYPED = [
    ("kelly annot", "kelly annotate "),
    ("kelly list so", "kelly list songs "),
    ("kelly songs emotion:pe", "kelly songs emotion:peaceful "),
    ("kelly list songs is:verif", "kelly list songs is:verified "),
    ("kelly list songs -is:verif", "kelly list songs -is:verified "),
    ("kelly label songs x articulation=st", "kelly label songs x articulation=staccato "),
    ("kelly label songs x emoti", "kelly label songs x emotion="),
    ("kelly create x --target-model gr", "kelly create x --target-model groovepredictor "),
    ("kelly --quiet augment songs --mult", "kelly --quiet augment songs --multiplier "),
    ("kelly import songs some_m", "kelly import songs some_music/"),
]


@pytest.mark.skipif(tmux_is_missing(), reason="tmux is not installed")
@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_completes(kelly, tmp_path, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    kelly("create", "songs")
    (tmp_path / "some_music").mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    terminal = Terminal(tmp_path)
    try:
        started = f"cd {tmp_path}; PATH={path} exec {' '.join(SHELLS[shell])}"
        terminal.open(["sh", "-c", started], {"HOME": str(tmp_path), "LANG": "C.UTF-8"})
        terminal.press(SET_UP[shell], "Enter", "echo rea''dy", "Enter")
        terminal.wait_for("(?m)^ready")
        for typed, completed in TYPED:
            terminal.press(typed, "Tab", "x")
            terminal.wait_for(re.escape(f"{completed}x"))
            terminal.press("C-u")
    finally:
        terminal.close()


def found(kelly, *words) -> list[str]:
    return kelly("complete", "--", *words).out.splitlines()


def test_the_first_word_is_a_command_or_a_dataset(kelly):
    assert found(kelly, "") == [*COMMANDS]
    kelly("create", "songs")
    assert found(kelly, "") == [*COMMANDS, "songs"]
    assert found(kelly, "--json", "so") == ["songs"]


def test_datasets_are_found_where_the_line_says(kelly, tmp_path):
    kelly("create", "songs", "--datasets", tmp_path / "there")
    assert found(kelly, "list", "--datasets", tmp_path / "there", "") == ["songs"]
    assert found(kelly, "list", "") == []


def test_values_are_those_that_the_dataset_declares(kelly, tmp_path):
    kelly("create", "songs")
    config = tmp_path / "datasets/songs/config.json"
    config.write_text(config.read_text().replace('"peaceful"', '"saudade"'))
    assert found(kelly, "list", "songs", "emotion:sad|sa") == ["emotion:sad|sad", "emotion:sad|saudade"]
    assert found(kelly, "label", "songs", "x", "emotion=p") == []
    assert found(kelly, "label", "songs", "x", "emotion=sa") == ["emotion=sad", "emotion=saudade"]


def test_a_hidden_option_is_not_offered_and_a_new_name_is_free(kelly):
    assert "--quiet" in found(kelly, "extract", "d", "--")
    assert "--progress" not in found(kelly, "extract", "d", "--")
    kelly("create", "songs")
    assert found(kelly, "create", "") == []
    assert found(kelly, "synthesize", "songs", "--count", "") == []
    assert found(kelly, "conflicts", "songs", "--take", "") == ["ours", "theirs"]

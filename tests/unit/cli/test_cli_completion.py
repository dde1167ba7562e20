"""Completion as the shells do it: typed in a terminal, ended with a tab."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kelly_tui.cli import COMMANDS
from kelly_tui.cli.completion import SCRIPTS
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


NAME, LABEL = "odd;touch${IFS}owned_1", "joy$(touch${IFS}owned_2) or `touch owned_3`"
"""Of a dataset, and one of its emotions."""

STRANGE = [
    ("kelly stats od", NAME),
    (r"kelly stats odd\;t", NAME),
    ("kelly label songs x emotion=jo", f"emotion={LABEL}"),
    ("kelly list songs -emotion:jo", f"-emotion:{LABEL}"),
]


def strange(datasets: Path) -> None:
    """A dataset with a name that a shell would run, and in the one that is there, `songs`, such a label."""
    config = json.loads((datasets / "songs/config.json").read_text())
    config["emotion_labels"].append(LABEL)
    (datasets / NAME).mkdir()
    for name in ("songs", NAME):
        (datasets / name / "config.json").write_text(json.dumps(config))


@pytest.mark.skipif(tmux_is_missing(), reason="tmux is not installed")
@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_completes(kelly, tmp_path, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    kelly("create", "songs")
    strange(tmp_path / "datasets")
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
        for typed, inserted in STRANGE:
            terminal.press(typed, "Tab")
            terminal.wait_for(f"(?s){re.escape(typed)}.*owned")
            terminal.press("C-a", "printf '<%s>' ", "Enter")
            terminal.wait_for(re.escape(f"<{inserted}>"))
        assert not list(tmp_path.glob("owned*"))
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


BASH = """\
{script}
kelly() {{ cat offered; }}
compopt() {{ :; }}
COMP_LINE={line} COMP_POINT=${{#COMP_LINE}} COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_kelly
for reply in "${{COMPREPLY[@]}}"; do eval "printf '%s\\n' $reply"; done
"""


@pytest.mark.parametrize(
    ("words", "before"),
    [(("kelly", "stats", ""), ""), (("kelly", "label", "songs", "x", "emotion", "=", "jo"), "emotion=")],
)
def test_bash_inserts_what_a_shell_reads_as_it_was_offered(tmp_path, words, before):
    """Called as Bash calls it, and read back as it would read the line."""
    ends = [NAME, LABEL, "~root", "*", "{a,b}", "!!", "a b", "<x>|y&", "it's", '"', "\\", "#", "[a-z]", "é♯", "$HOME"]
    offered = [before + one for one in ends]
    (tmp_path / "offered").write_text("\n".join(offered) + "\n")
    line = " ".join(words).replace(" = ", "=")
    script = BASH.format(script=SCRIPTS["bash"], line=shlex.quote(line), words=shlex.join(words))
    done = subprocess.run(["bash", "--norc", "-c", script], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == ends, done.stderr
    assert not list(tmp_path.glob("owned*"))


def test_a_name_that_a_terminal_would_obey_or_that_is_two_lines_is_not_offered(kelly, tmp_path):
    kelly("create", "songs")
    for name in ("so\x1b]0;owned\x07", "so\nfake", "so\x9b31m", "so\u202egnos", "so\x7f"):
        shutil.copytree(tmp_path / "datasets/songs", tmp_path / "datasets" / name)
    assert found(kelly, "list", "so") == ["songs"]

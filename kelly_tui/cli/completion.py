"""Shell completion: each shell asks ``kelly complete`` what may stand where the cursor is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kelly_tui.cli import COMMANDS, build_parser
from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.dataset import TARGET_MODELS
from kelly_tui.store.layout import find_datasets

SCRIPTS = {
    "bash": """\
_kelly() {
    local IFS=$'\\n'
    COMPREPLY=($(compgen -W "$(kelly complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- \
"${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _kelly kelly""",
    "zsh": """\
#compdef kelly
_kelly() {
    local -a found
    found=("${(@f)$(kelly complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -a found || _files
}
compdef _kelly kelly""",
    "fish": """\
complete -c kelly -a '(kelly complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'""",
}
"""To be evaluated by the shell."""


def candidates(words: Sequence[str], datasets: Path) -> list[str]:
    """What may complete the last of `words`; nothing where it is a file."""
    *before, last = words[1:] if words[:1] == ["--"] else words or [""]
    names = [path.name for path in find_datasets(datasets)]
    if not before:
        return _starting(last, [*COMMANDS, *names])
    parser = build_parser()[1].get(before[0])
    if parser is None:
        return []
    if before[-1] == "--target-model":
        return _starting(last, TARGET_MODELS)
    if last.startswith("-"):
        return _starting(last, [word for action in parser._actions for word in action.option_strings])
    placed = [word for word in before[1:] if not word.startswith("-")]
    choices = [action.choices for action in parser._actions if not action.option_strings and action.choices]
    if choices and not placed:
        return _starting(last, list(choices[0]))
    if not placed or before[-1] == "--dataset":
        return _starting(last, names)
    if before[0] == "label" and len(placed) > 1:
        field, equals, value = last.partition("=")
        if equals:
            found = FIELDS[field].choices if field in FIELDS else ()
            return [f"{field}={choice}" for choice in found if choice.startswith(value)]
        return _starting(last, [f"{name}=" for name in FIELDS])
    return []


def _starting(beginning: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(beginning)]

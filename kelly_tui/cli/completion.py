"""Shell completion: each shell asks ``kelly complete`` what may stand where the cursor is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from kelly_tui.cli import COMMANDS, Parser, build_parser, places_of_words
from kelly_tui.errors import KellyError
from kelly_tui.model.annotation import ALIASES, FIELDS
from kelly_tui.model.dataset import TARGET_MODELS, DatasetConfig
from kelly_tui.store.completion import conditions
from kelly_tui.store.layout import dataset_root, find_datasets, load_config
from kelly_tui.text import is_safe

SCRIPTS = {
    "bash": """\
_kelly() {
    # Bash takes what follows a : or = for a word of its own: words are split here, and the replies shortened.
    # It inserts them as they are: names and labels are strangers', so they are quoted.
    local IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} last=${COMP_WORDS[COMP_CWORD]} typed reply
    local -a words replies
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    typed=${words[-1]}
    [[ $last == [:=] ]] && last=
    IFS= read last <<<"$last"
    mapfile -t replies < <(kelly complete -- "${words[@]:1}" 2>/dev/null)
    COMPREPLY=()
    for reply in "${replies[@]#"${typed%"$last"}"}"; do
        printf -v reply %q "$reply"
        COMPREPLY+=("$reply")
    done
    [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == *[:=] ]] && compopt -o nospace
}
complete -o default -F _kelly kelly""",
    "zsh": """\
#compdef kelly
_kelly() {
    local -a found open
    found=("${(@f)$(kelly complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    open=(${(M)found:#*[:=]})
    found=(${found:#*[:=]})
    (( $#open )) && compadd -S '' -a open
    (( $#found )) && compadd -a found
    (( $#open + $#found )) || _files
}
compdef _kelly kelly""",
    "fish": """\
complete -c kelly -f -a '(kelly complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
complete -c kelly -n '__fish_seen_subcommand_from import' -F
complete -c kelly -l import-dir -r -F
complete -c kelly -l datasets -r -F""",
}
"""To be evaluated by the shell. Zsh and fish quote what they insert; what was quoted before, zsh hands on so."""


def candidates(words: Sequence[str], datasets: Path) -> list[str]:
    """What may complete the last of `words`; nothing where it is a file, a number or a new name.

    A stranger's name that a terminal would obey, or that would be two lines, is not offered.
    """
    *before, last = words[1:] if words[:1] == ["--"] and len(words) > 1 else words or [""]
    parsers = build_parser()[1]
    first = next((before[place] for place in places_of_words(before, parsers["open"])), None)
    parser = parsers[first] if first in COMMANDS else parsers["open"]
    if "--datasets" in before[:-1]:
        datasets = Path(before[before.index("--datasets") + 1]).expanduser()
    found = _possible(parser, before, last, datasets)
    if first is None and not last.startswith("-"):
        found = [*COMMANDS, *found]
    return [word for word in dict.fromkeys(found) if word.startswith(last) and is_safe(word)]


def _possible(parser: Parser, before: Sequence[str], last: str, datasets: Path) -> Iterable[str]:
    """Words that may stand after `before`, whatever `last` begins with."""
    option = parser._option_string_actions.get(before[-1]) if before else None
    if option is not None and option.nargs != 0:
        return _values_of(option, datasets)
    given = [before[place] for place in places_of_words(before, parser)]
    given = given[1:] if given[:1] == [parser.prog.removeprefix("kelly ")] else given
    wanted = _argument(parser, len(given))
    if wanted is not None and wanted.dest == "filter":
        found = [one for one in conditions(last, _config(datasets, given)) if one[-1] not in "<>"]  # the shell's own
        return [*_options(parser), *found] if last.startswith("-") else found
    if last.startswith("-"):
        return _options(parser)
    if wanted is not None and wanted.dest == "labels":
        return _labels(last, _config(datasets, given))
    return _values_of(wanted, datasets) if wanted is not None and parser.prog != "kelly create" else ()


def _argument(parser: Parser, place: int) -> argparse.Action | None:
    """The argument that the word at `place` is of; the last one may take many."""
    arguments = [action for action in parser._actions if not action.option_strings]
    if place < len(arguments):
        return arguments[place]
    return arguments[-1] if arguments and arguments[-1].nargs in ("*", "+") else None


def _options(parser: Parser) -> list[str]:
    return [word for action in parser._actions if action.help != argparse.SUPPRESS for word in action.option_strings]


def _values_of(action: argparse.Action, datasets: Path) -> Iterable[str]:
    if action.dest == "dataset":
        return [path.name for path in find_datasets(datasets)]
    return TARGET_MODELS if action.dest == "target_model" else action.choices or ()


def _config(datasets: Path, given: Sequence[str]) -> DatasetConfig:
    """That of the dataset which was named, for its own labels; the usual one where there is none."""
    with suppress(KellyError, OSError):
        return load_config(dataset_root(datasets, os.path.expanduser(given[0])))
    return DatasetConfig(dataset_id="")


def _labels(last: str, config: DatasetConfig) -> list[str]:
    """``FIELD=``, and after it the field's choices."""
    name, equals, _ = last.partition("=")
    if not equals:
        return [f"{field}=" for field in FIELDS]
    field = FIELDS.get(ALIASES.get(name, name))
    if field is None:
        return []
    return [f"{name}={one}" for one in (("yes", "no") if field.kind == "flag" else config.choices(field.name))]

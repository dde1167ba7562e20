"""The command line: one parser for all commands, and one way to end.

Nothing heavy is imported before a command runs: ``kelly --help`` and a shell's completion must be instant.
Exit codes: 0 done; 1 finished, but invalid or with failed files; 2 could not be done; 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from typing import Any, NoReturn

from kelly_tui.cli.serve import SERVE, add_serve
from kelly_tui.cli.streams import open_streams, unsaid
from kelly_tui.cli.texts import AGREEMENT, CARD, EXPORT, FILTERS, REBUILD, RENDER, VALIDATE
from kelly_tui.errors import KellyError
from kelly_tui.model.dataset import TARGET_MODELS
from kelly_tui.model.labels import nearest
from kelly_tui.pipeline.parameters import AUGMENTATION, DEEP, GENERATION, LINK, MOST, PARAMETERS, Parameter

EXAMPLES = """\
examples:
  kelly create my_music --target-model emotionrecognizer
  kelly import my_music ~/Music              every MIDI and audio file below it
  kelly my_music                             hear and label it
  kelly run my_music --import-dir ~/Music --multiplier 10 --count 5000
  kelly list my_music emotion:sad bpm:80..100
"""

GROUPS: dict[str, dict[str, str]] = {
    "work": {
        "open": "open the workstation (kelly DATASET does the same)",
        "serve": "the workstation in a browser, on this machine",
        "label": "set labels of one sample: emotion=sad valence=-0.6; key= clears, refused= lets stages fill it again",
        "undo": "take back your last edit",
        "redo": "make it again",
        "history": "what was changed, by whom and when",
        "list": "samples that a filter finds",
        "show": "one sample: its labels, how sure they are and why, and its history",
        "conflicts": "what outside edits left open; decide it",
        "agreement": "how far people agree, with each other and with themselves",
    },
    "make": {
        "create": "make a dataset",
        "import": "take in MIDI and audio files",
        "annotate": "label from folder names",
        "extract": "features and detected labels; suggests emotions",
        "suggest": "suggest emotions anew, from the labels there are by now, and judge these",
        "probe": "would a model learn from it? accuracy where held out, what more labels would bring",
        "augment": "variants of imported samples",
        "synthesize": "generated samples",
        "render": "the sound of MIDI samples, into the dataset or elsewhere",
        "split": "train, val and test lists that no song crosses",
        "validate": "is it sound, balanced, diverse? exit code 1 if not",
        "card": "README.md and Croissant JSON-LD for a hub, from facts",
        "export": "as trainers read it: jsonl, parquet, webdataset, jams or npz",
        "run": "all stages, in order",
        "retry": "try again what was set aside",
        "rebuild": "make again what is gone; --check makes all again and compares",
        "stats": "counts, sizes, and what the targets will take",
        "prepare": "the flags of the first dataset script, in one command",
    },
    "kelly": {
        "doctor": "what is installed, found and missing",
        "completion": 'shell completion: eval "$(kelly completion bash)"',
    },
}
COMMANDS = {name: words for group in GROUPS.values() for name, words in group.items()}


class Parser(argparse.ArgumentParser):
    """Errors on one line, as all others are; an option is written out."""

    def __init__(self, **given: Any) -> None:
        super().__init__(allow_abbrev=False, **given)

    def error(self, message: str) -> NoReturn:
        raise KellyError(message, hint=f"See {self.prog} --help.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    open_streams()
    command = next((word for word in words if word in COMMANDS), "")
    shows = command in SHOWING or {"-h", "--help"}.intersection(words)
    return until_nobody_reads(lambda: _carry_out(words), 0 if shows else CUT_SHORT)


SHOWING = {"list", "show", "history", "stats", "conflicts", "agreement", "doctor", "completion"}
"""Of what these say one may have seen enough. What is made or judged is not whole where it was cut short."""

CUT_SHORT = 128 + 13
"""As of a program that SIGPIPE has ended."""


def until_nobody_reads(work: Callable[[], int], cut_short: int = CUT_SHORT) -> int:
    """`work`'s exit code; `cut_short` when the reader of what it says, such as head, is gone before its end.

    1 where that could not be written, though all else is done.
    """
    try:
        code = work()
        if why := unsaid():
            done = "" if code else "; what was asked is done"
            print(f"kelly: standard output can't be written ({why}){done}", file=sys.stderr)
            code = code or 1
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        return cut_short
    return code


def _carry_out(words: list[str]) -> int:
    as_json = "--json" in words
    helped = io.StringIO()
    try:
        with redirect_stdout(helped):
            arguments = parse(words)
        from kelly_tui.cli import faults

        return faults.run(arguments)
    except SystemExit:  # --help and --version
        said = helped.getvalue().rstrip()
        given = {"version": said.removeprefix("kelly ")} if "--version" in words else {"help": said}
        print(json.dumps(given) if as_json else said)
        return 0
    except KeyboardInterrupt as stop:
        _complain(str(stop) or "interrupted", as_json, 130)
        return 130
    except BrokenPipeError:
        raise
    except KellyError as error:
        _complain(str(error), as_json, error.exit_code)
        return error.exit_code
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:  # a disk, or a folder closed to this person
            _complain(f"can't read or write {os.fsdecode(error.filename)}: {error.strerror}", as_json, 2)
            return 2
        if os.environ.get("KELLY_DEBUG"):
            raise
        hint = "Run it again with KELLY_DEBUG=1 and report what it says."
        _complain(f"this is a fault of Kelly: {type(error).__name__}: {error}. {hint}", as_json, 2)
        return 2


def _complain(message: str, as_json: bool, code: int) -> None:
    from kelly_tui.text import safe_text

    line = safe_text(message, limit=None)
    if as_json:
        print(json.dumps({"error": line, "exit_code": code}))
    else:
        print(f"kelly: {line}", file=sys.stderr)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command line; ``kelly DATASET`` is ``kelly open DATASET``.

    Options may stand anywhere, and a word such as ``-is:verified`` is part of a filter: argparse knows neither.
    """
    words = list(words)
    parser, commands = build_parser()
    if not words or words[0] in ("-h", "--help", "--version"):
        first = None
    else:
        first = next(iter(places_of_words(words, commands["open"])), None)
    if first is None and set(words) & {"-h", "--help", "--version"}:
        return parser.parse_args(words)
    if first is None:
        command = "open"
    elif words[first] in commands:
        command = words.pop(first)
    else:
        _refuse_misspelt(words, first)
        command = "open"
    if command == "complete":  # these are another command line's words
        return argparse.Namespace(command=command, words=words)
    chosen = commands[command]
    places = set(places_of_words(words, chosen))
    options = [word for place, word in enumerate(words) if place not in places and word != "--"]
    given, more = chosen.parse_known_args([*options, "--", *(words[place] for place in sorted(places))])
    for word in more:
        if word != "--":
            _refuse_one_too_many(word, chosen)
    return given


def _refuse_one_too_many(word: str, parser: Parser) -> NoReturn:
    guess = nearest(word, parser._option_string_actions) if word.startswith("-") else None
    hint = f"Did you mean {guess}?" if guess else f"See {parser.prog} --help."
    raise KellyError(f"{parser.prog} has no use for {word!r}", hint=hint)


def places_of_words(words: Sequence[str], parser: Parser) -> Iterator[int]:
    """Where the words lie that are no options of `parser`, nor values of such."""
    place = 0
    while place < len(words):
        word = words[place]
        if word == "--":
            yield from range(place + 1, len(words))
            return
        if not word.startswith("--") and word != "-h":
            yield place
        elif (option := parser._option_string_actions.get(word)) is not None and option.nargs != 0:
            place += 1
        place += 1


def _refuse_misspelt(words: Sequence[str], first: int) -> None:
    """``kelly improt DATASET`` means no dataset called improt."""
    guess = nearest(words[first], COMMANDS)
    more = any(not word.startswith("-") and ":" not in word for word in words[first + 1 :])
    if guess and more:
        raise KellyError(f"there is no command {words[first]!r}", hint=f"Did you mean {guess}? See kelly --help.")


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser of ``kelly`` alone, and those of its commands."""
    from kelly_tui import __version__

    common = _common_options()
    listing = "\n".join(
        f"{group}:\n" + "\n".join(f"  {name:<12}{words}" for name, words in names.items())
        for group, names in GROUPS.items()
    )
    parser = Parser(
        prog="kelly",
        usage="kelly [DATASET] | kelly COMMAND ...",
        description="A terminal workstation for making music training data.\n\n" + listing,
        epilog=EXAMPLES + "\nkelly COMMAND --help tells more about each. "
        "Exit codes: 0 done, 1 invalid or with failed files, 2 not done, 130 interrupted, 141 nobody reads.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"kelly {__version__}")
    commands: dict[str, Parser] = {}

    def command(name: str, description: str = "") -> Parser:
        made = commands[name] = Parser(
            prog=f"kelly {name}",
            description=description or COMMANDS[name][0].upper() + COMMANDS[name][1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
        )
        made.set_defaults(command=name)
        return made

    _add_work_commands(command)
    _add_stage_commands(command)
    _add_prepare(command)
    command("doctor")
    command("completion").add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash zsh fish")
    commands["complete"] = Parser(prog="kelly complete")
    return parser, commands


def _common_options() -> Parser:
    """Options that stand before or after any command. SUPPRESS: a default after it would undo what stood before."""
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("common options")
    group.add_argument("--datasets", metavar="DIR", help="where datasets are (KELLY_DATASETS; ./datasets)")
    group.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")
    group.add_argument("--workers", type=_at_least(1), metavar="N", help="processes; one a core by default")
    group.add_argument(
        "--cluster", type=_given, metavar="URL", help="a Dask cluster: tcp://HOST:PORT, tls://HOST:PORT, local:N"
    )
    group.add_argument("--seed", type=_at_least(0), metavar="S", help="of everything drawn; 0 by default")
    group.add_argument("--dry-run", action="store_true", help="say what would be done and why; change nothing")
    group.add_argument("--as", metavar="NAME", help="whose labels and opinions these are (KELLY_ANNOTATOR)")
    group.add_argument("--quiet", action="store_true", help="only results and errors")
    group.add_argument("--progress", choices=("json",), help=argparse.SUPPRESS)
    return common


def _given(text: str) -> str:
    """What is not empty, as a variable of the shell is that nobody has set."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _at_least(low: int, high: int = MOST) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"{value} is less than {low}")
        if value > high:
            raise argparse.ArgumentTypeError(f"{text if len(text) <= 20 else f'{text:.20}…'} is more than {high:,}")
        return value

    number.__name__ = "number"
    return number


def _add_work_commands(command: Callable[..., Parser]) -> None:
    opens = command("open")
    opens.add_argument("dataset", nargs="?", metavar="DATASET", help="a name, or a path; without: choose from a list")
    opens.add_argument("filter", nargs="*", default=[], metavar="FILTER", help="samples to show, as in kelly list")
    add_serve(_dataset(command("serve", description=SERVE)))
    label = command("label")
    _dataset(label)
    label.add_argument("sample", metavar="SAMPLE", help="id, its beginning, path or file name")
    label.add_argument("labels", nargs="+", metavar="FIELD=VALUE")
    label.add_argument("--blind", action="store_true", help="an opinion, said without knowing the labels: they stay")
    for name in ("undo", "redo"):
        _dataset(command(name))
    history = command("history")
    _dataset(history)
    history.add_argument("sample", nargs="?", metavar="SAMPLE", help="of one sample; of all otherwise")
    history.add_argument("--limit", type=_at_least(1), default=30, metavar="N")
    shown = command("show")
    _dataset(shown)
    shown.add_argument("sample", metavar="SAMPLE", help="id, its beginning, path or file name")
    shown.add_argument("--limit", type=_at_least(0), default=10, metavar="N", help="changes that are told; 10")
    listing = command("list", description=FILTERS)
    _dataset(listing)
    listing.add_argument("filter", nargs="*", default=[], metavar="FILTER")
    listing.add_argument(
        "--sort", default="path", metavar="NAME", help="added, size, doubt, or a name below; --sort=-NAME falls"
    )
    for looks in (shown, listing):
        _as_of(looks)
    conflicts = command("conflicts")
    _dataset(conflicts)
    conflicts.add_argument("--take", choices=("ours", "theirs"), help="decide all of them")
    agreement = command("agreement", description=AGREEMENT)
    _dataset(agreement)
    agreement.add_argument("--majority", action="store_true", help="first decide what more than half of three say")


def _as_of(looks: Parser) -> None:
    looks.add_argument("--as-of", metavar="WHEN", help="labels as they were then: 2026-11-28T14:00, or a day")


def _add_stage_commands(command: Callable[..., Parser]) -> None:
    create = command("create")
    create.add_argument("dataset", nargs="?", metavar="DATASET")
    _target_model(create)
    create.add_argument("--all-models", action="store_true", help="the five usual datasets, one for each model")
    imports = command("import")
    _dataset(imports)
    imports.add_argument("paths", nargs="+", metavar="PATH", help="folders or files; also s3://…")
    _options(imports, PARAMETERS["import"])
    for name in ("annotate", "extract", "suggest", "probe", "retry"):
        _dataset(command(name))
    _as_of(_dataset(command("stats")))
    for name in ("augment", "synthesize"):
        _options(_dataset(command(name)), PARAMETERS[name])
    render = _dataset(command("render", description=RENDER))
    render.add_argument("samples", nargs="*", default=[], metavar="SAMPLE", help="id, its beginning, path or file name")
    render.add_argument("--out", metavar="DIR", help="write files there; made if need be")
    _options(render, PARAMETERS["render"])
    split = _dataset(command("split"))
    how = split.add_mutually_exclusive_group()
    _options(how, PARAMETERS["split"])
    how.add_argument(
        "--verify", action="store_true", help="derive PROOF.json again and compare; exit code 1 if not equal"
    )
    validate = _dataset(command("validate", description=VALIDATE))
    _options(validate, PARAMETERS["validate"])
    validate.add_argument(
        "--out",
        "--html",
        metavar="FILE",
        help="write it all, as one HTML page with plots, or as JSON where FILE is .json",
    )
    card = _dataset(command("card", description=CARD))
    card.add_argument("--out", metavar="DIR", help="write README.md and croissant.json there; made if need be")
    rebuild = _dataset(command("rebuild", description=REBUILD))
    rebuild.add_argument("--check", action="store_true", help="make all of them again, compare, write nothing")
    _options(_dataset(command("export", description=EXPORT)), PARAMETERS["export"])
    run = _dataset(command("run"))
    _target_model(run)
    run.add_argument("--import-dir", metavar="DIR", action="append", help="take in what is below it first")
    _options(run, (LINK, *AUGMENTATION, *GENERATION, DEEP))


def _add_prepare(command: Callable[..., Parser]) -> None:
    prepare = command("prepare", description="What the flags say, alone or together, in the order of the pipeline.")
    prepare.add_argument("--dataset", default="emotion_dataset_v1", metavar="DATASET")
    _target_model(prepare)
    prepare.add_argument("--all", action="store_true", help="the whole pipeline")
    prepare.add_argument("--create", action="store_true", help="make the dataset; one that is there is kept")
    prepare.add_argument("--import-dir", metavar="DIR", help="take in what is below it")
    prepare.add_argument("--annotate", action="store_true", help=COMMANDS["annotate"])
    prepare.add_argument(
        "--annotate-interactive", action="store_true", help="open the workstation on what is unlabelled"
    )
    prepare.add_argument("--extract-features", action="store_true", help=COMMANDS["extract"])
    prepare.add_argument("--augment", action="store_true", help=COMMANDS["augment"])
    prepare.add_argument("--synthesize", action="store_true", help=COMMANDS["synthesize"])
    _options(prepare, (AUGMENTATION[0], GENERATION[0]))
    prepare.add_argument("--validate", action="store_true", help=COMMANDS["validate"])
    prepare.add_argument("--stats", action="store_true", help=COMMANDS["stats"])


def _dataset(parser: Parser) -> Parser:
    parser.add_argument("dataset", metavar="DATASET", help="a name in the datasets folder, or a path")
    return parser


def _target_model(parser: Parser) -> None:
    parser.add_argument("--target-model", metavar="MODEL", help=" ".join(TARGET_MODELS))


def _options(parser: argparse._ActionsContainer, parameters: Iterable[Parameter]) -> None:
    """What may be said to a stage, as options."""
    for one in parameters:
        if one.kind == "flag":
            parser.add_argument(one.option, action="store_true", help=one.meaning)
        elif one.kind == "choice":
            parser.add_argument(one.option, choices=one.choices, default=one.usual, help=f"{one.meaning}; {one.usual}")
        elif one.kind == "number":
            parser.add_argument(one.option, type=_at_least(one.low, one.high), default=int(one.usual), metavar="N",
                                help=f"{one.meaning}; {one.usual}")  # fmt: skip
        else:
            parser.add_argument(one.option, default=one.usual, metavar=one.word, required=one.required,
                                help=one.meaning)  # fmt: skip

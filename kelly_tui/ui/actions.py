"""The table of actions: everything a person can do, in words, with its keys and where they work.

Bindings, footer, ``?``, palette, command line and the README's key table are all made from `ACTIONS`, so they
can't disagree. An action's id is the name of the method ``action_<id>`` that does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

DIGIT = "<digit>"
"""In a key: any of 0..9, handed to the action."""


class Action(NamedTuple):
    """One thing that a person can do."""

    id: str
    words: str
    """In them an action whose key is meant stands in marks, see `with_keys`."""
    keys: tuple[str, ...]
    """Keys pressed one after another are separated by a space: ``g p``, ``v <digit> <digit>``."""
    scopes: tuple[str, ...]
    """Where the keys work, see `SCOPES`."""
    short: str = ""
    """Its words in the footer, which shows those that have any."""


SCOPES = {
    "list": "Samples",
    "form": "All fields",
    "pad": "The pad of valence and arousal",
    "ride": "Riding along",
    "pipeline": "Pipeline",
    "parameters": "The parameters of a stage",
    "report": "Report",
    "history": "History",
    "tap": "Tapping",
    "lens": "Lenses",
    "views": "Saved views",
    "columns": "Columns of the list",
    "variants": "Variants",
    "blind": "Blind comparison",
    "review": "Review",
    "agreement": "Agreement",
    "second": "A second look, blind",
    "datasets": "Datasets",
    "new": "A new dataset",
    "preview": "What an import takes in",
    "help": "Keys",
}
"""Where a key can be pressed, and what that place is called."""

_OPENED = ("list", "form", "pipeline", "report", "history")
_OTHER_PAGES = ("views", "columns", "variants", "review", "agreement", "second", "datasets", "new", "preview")
_PAGES = ("pipeline", "report", "history", *_OTHER_PAGES, "help")
_LINES = ("list", "form", "parameters", *_PAGES)
_MUSIC = ("list", "lens", "variants", "review", "second")
_MODES = ("pad", "ride", "tap", "lens")

ACTIONS: tuple[Action, ...] = (
    Action("label", "label the sample, save, go to the next and play it", (DIGIT,), ("list",), "label"),
    Action("unsure", "the same, but unsure", (f"z {DIGIT}",), ("list",)),
    Action("accept", "accept the guesses, verify, go to the next", ("enter",), ("list",), "accept"),
    Action("affect", "valence and arousal: 1 lowest, 5 neutral, 9 highest",
           (f"v {DIGIT} {DIGIT}",), ("list", "second"), "valence"),
    Action("pad", "the pad of valence and arousal", ("V",), ("list",)),
    Action("ride", "ride valence and arousal on the pad while it plays", ("R",), ("list",)),
    Action("key", "type the key, with or without its mode", ("K",), ("list",)),
    Action("mode", "choose the mode", ("M",), ("list",)),
    Action("chords", "type the chords, and hear them", ("c",), ("list",)),
    Action("set_emotion", "emotion", (f"a e {DIGIT}",), ("list",)),
    Action("set_dominance", "dominance: 1 lowest, 5 neutral, 9 highest", (f"a o {DIGIT}",), ("list",)),
    Action("set_groove", "groove", (f"a g {DIGIT}",), ("list",)),
    Action("set_articulation", "articulation", (f"a a {DIGIT}",), ("list",)),
    Action("set_dynamics", "dynamics", (f"a d {DIGIT}",), ("list",)),
    Action("set_contour", "contour", (f"a c {DIGIT}",), ("list",)),
    Action("set_range", "range", (f"a r {DIGIT}",), ("list",)),
    Action("set_quality", "quality, in tenths: 0 is 1.0", (f"a q {DIGIT}",), ("list",)),
    Action("set_tempo", "tempo", ("a b",), ("list",)),
    Action("set_meter", "meter", ("a m",), ("list",)),
    Action("set_swing", "swing", ("a w",), ("list",)),
    Action("set_tags", "tags", ("a t",), ("list",)),
    Action("set_breaks", "rule breaks", ("a x",), ("list",)),
    Action("set_notes", "notes", ("a n",), ("list",)),
    Action("halve", "halve the tempo: the beat was counted twice", ("{",), ("list", "form")),
    Action("double", "double the tempo: only every other beat was counted", ("}",), ("list", "form")),
    Action("tap", "tap the tempo, with the music or without; long and short by turns: its swing",
           ("y",), ("list", "tap")),
    Action("skip", "skip, go to the next", ("s",), ("list", "second")),
    Action("skip_reason", "skip, and say why", ("S",), ("list",)),
    Action("flag", "flag for a second look, or take the flag away", ("f",), ("list",)),
    Action("reject", "refuse a variant, or take that back; on others: refuse the guess", ("x",), ("list", "variants")),
    Action("reject_recipe", "refuse all variants made by the same changes, or take that back", ("X",),
           ("list", "variants")),
    Action("refuse_all", "refuse all guesses about the sample", ("a X",), ("list",)),
    Action("hide_guesses", "hide guesses until you have decided, or show them", ("a h",), ("list",)),
    Action("play", "play, pause", ("space",), (*_MUSIC, "form", "pad", "ride", "tap", "blind"), "play"),
    Action("seek_back", "back by a beat, or a second", ("h", "left"), _MUSIC),
    Action("seek_on", "on by a beat, or a second", ("l", "right"), _MUSIC),
    Action("bar_back", "back by a bar, or five seconds", ("H",), _MUSIC),
    Action("bar_on", "on by a bar, or five seconds", ("L",), _MUSIC),
    Action("slower", "slower", ("[",), _MUSIC),
    Action("faster", "faster", ("]",), _MUSIC),
    Action("normal_speed", "normal speed", ("\\",), _MUSIC),
    Action("hook", "loop the eight seconds that tell most; again: no more",
           ("p",), _MUSIC),
    Action("loop", "loop the whole; again: from there to here; again: no more", ("O",), _MUSIC),
    Action("hear_lower", "hear MIDI a semitone lower; nothing is written", ("t",), _MUSIC),
    Action("hear_higher", "hear MIDI a semitone higher; nothing is written", ("T",), _MUSIC),
    Action("zoom_in", "see less of the music, larger", ("i",), ("list",)),
    Action("zoom_out", "see more of it", ("I",), ("list",)),
    Action("spectrum", "see sound as a spectrogram, or as a waveform", ("w",), ("list",)),
    Action("lenses", "lenses: parts, dynamics and groove taken away, a click, the labelled key and chords beside",
           ("m",), ("list", "variants")),
    Action("lens_part", "silence a part, or hear it again", (DIGIT,), ("lens",)),
    Action("lens_alone", "hear a part alone; again: all", (f"s {DIGIT}",), ("lens",)),
    Action("lens_drums", "silence the drums, or hear them again", ("d",), ("lens",)),
    Action("lens_drums_alone", "hear the drums alone; again: all", ("D",), ("lens",)),
    Action("lens_flat", "hear all notes equally loud: dynamics are missed", ("f",), ("lens",), "flat"),
    Action("lens_grid", "hear all notes on the grid: groove is missed", ("q",), ("lens",), "grid"),
    Action("lens_drone", "a drone on the labelled key", ("k",), ("lens",), "drone"),
    Action("lens_chords", "the labelled chords under the music", ("c",), ("lens",), "chords"),
    Action("lens_click", "a click on the labelled tempo and meter", ("m",), ("lens",), "click"),
    Action("lens_off", "all of it off: as it is", ("x",), ("lens",)),
    Action("soundfont", "hear MIDI with the next SoundFont", ("n",), ("lens",)),
    Action("quieter", "quieter", ("-",), _MUSIC),
    Action("louder", "louder", ("=",), _MUSIC),
    Action("compare", "hear a variant against what it was made from, at the same place",
           ("tab",), ("list", "variants", "blind"), "A/B"),
    Action("previous_variant", "previous variant", ("<",), ("list", "variants")),
    Action("next_variant", "next variant", (">",), ("list", "variants")),
    Action("variants", "the variants of a piece, as lanes", ("o",), ("list",)),
    Action("blind", "hear a variant and what it was made from as A, B and X, and say which X is", ("b",),
           ("list", "variants", "blind")),
    Action("opinion", "say it, and see what others said", (DIGIT,), ("review",), "say it"),
    Action("settle", "let it stand, go to the next", ("enter",), ("review",), "let it stand, next"),
    Action("judge", "say it; what others said, or you before, is told after", (DIGIT,), ("second",), "say it"),
    Action("say_value", "type what you say, where no digit says it", ("enter",), ("second",), "type it"),
    Action("answer", "which of the two X is: 1 says A, 2 says B", (DIGIT,), ("blind",), "X is A, B"),
    Action("autoplay", "play after labelling, or don't", ("A",), ("list",)),
    Action("undo", "undo the last edit, and go there", ("u",),
           ("list", "form", "variants", "review", "second"), "undo"),
    Action("redo", "redo", ("ctrl+r",), ("list", "form")),
    Action("repeat", "do the last edit here too", (".",), ("list",)),
    Action("mark", "mark the sample, or take the mark away: while any are marked, edits are made on all of them",
           ("*",), ("list",)),
    Action("mark_range", "mark all from the last mark to here", ("_",), ("list",)),
    Action("unmark", "take all marks away", ("escape",), ("list",)),
    Action("down", "down", ("j", "down"), _LINES),
    Action("up", "up", ("k", "up"), _LINES),
    Action("page_down", "a page down", ("pagedown", "ctrl+d"), _LINES),
    Action("page_up", "a page up", ("pageup", "ctrl+u"), _LINES),
    Action("first", "to the first", ("g g", "home"), _LINES),
    Action("last", "to the last", ("G", "end"), _LINES),
    Action("next_open", "next unlabelled", ("n",), ("list",)),
    Action("previous_open", "previous unlabelled", ("N",), ("list",)),
    Action("earlier", "back to what you decided last, and to what you decided before", ("(",), ("list",)),
    Action("later", "on again to what you decided after it", (")",), ("list",)),
    Action("filter", "find: show only some samples", ("/",), ("list",), "find"),
    Action("views", "saved views: filters with a name", ("F",), ("list",)),
    Action("columns", "the columns of the list: which, how wide, sorted by which", ("g c",), ("list",)),
    Action("next_best", "show the samples that the dataset needs most", ("g n",), ("list",)),
    Action("audition", "hear what is in doubt, the worst first: ‹accept› confirms, a digit corrects, ‹reject› refuses",
           ("g a",), ("list",)),
    Action("suspects", "hear the labels that look wrong, the worst first: ‹accept› says it is right, a digit corrects",
           ("g q",), ("list",)),
    Action("edit", "all fields", ("e",), ("list",), "fields"),
    Action("next_panel", "give the other panel the room", ("f6",), ("list",)),
    Action("edit_field", "type a value for the field", ("enter",), ("form",), "edit"),
    Action("choose", "choose the value of that number", (DIGIT,), ("form",), "choose"),
    Action("accept_field", "accept the guess of this field", ("a",), ("form",), "accept"),
    Action("refuse_field", "refuse the guess of this field, for good", ("x",), ("form",)),
    Action("clear_field", "clear the field", ("backspace", "delete"), ("form",)),
    Action("valence_down", "less valence", ("left", "h"), ("pad", "ride")),
    Action("valence_up", "more valence", ("right", "l"), ("pad", "ride"), "valence"),
    Action("arousal_down", "less arousal", ("down", "j"), ("pad", "ride")),
    Action("arousal_up", "more arousal", ("up", "k"), ("pad", "ride"), "arousal"),
    Action("pad_set", "set valence and arousal: 1 lowest, 5 neutral, 9 highest",
           (f"{DIGIT} {DIGIT}",), ("pad",), "set"),
    Action("pad_save", "save where the point is", ("enter",), ("pad",), "save"),
    Action("ride_point", "go there: valence and arousal, 1 lowest, 5 neutral, 9 highest",
           (f"{DIGIT} {DIGIT}",), ("ride",), "point"),
    Action("ride_save", "end the ride and save its median, as the music's end does", ("enter",), ("ride",),
           "save"),
    Action("tap_save", "save the tempo, and the swing if it was tapped", ("enter",), ("tap",), "save"),
    Action("start", "start the stage", ("enter",), ("pipeline",), "start"),
    Action("pause", "pause what is running, or let it go on", ("p",), ("pipeline",), "pause"),
    Action("parameters", "the parameters of the stage", ("e",), ("pipeline",), "parameters"),
    Action("set_parameter", "type a value; yes and no turn", ("enter",), ("parameters",), "set"),
    Action("usual_parameter", "the usual value again", ("backspace", "delete"), ("parameters",), "usual"),
    Action("failed", "list the samples on which the stage failed", ("!",), ("pipeline",)),
    Action("cancel", "stop what is running; it can go on later", ("x",), ("pipeline",), "stop"),
    Action("open", "open", ("enter", "o"), ("report", "history", "views", "variants", "datasets"), "open"),
    Action("save_view", "save what is listed now under a name", ("n",), ("views",), "save what is listed now"),
    Action("delete_view", "forget the view", ("x",), ("views",), "forget"),
    Action("column_show", "show the column, or hide it", ("enter", "space"), ("columns",), "show, hide"),
    Action("column_narrower", "narrower", ("h", "left"), ("columns",), "narrower"),
    Action("column_wider", "wider", ("l", "right"), ("columns",), "wider"),
    Action("column_earlier", "further to the left", ("K",), ("columns",)),
    Action("column_later", "further to the right", ("J",), ("columns",)),
    Action("column_sort", "sort by it; again: the other way round", ("s",), ("columns",), "sort"),
    Action("column_usual", "the columns and the order as they were at first", ("x",), ("columns",)),
    Action("check", "validate again", ("r",), ("report",), "validate again"),
    Action("write_page", "write the report, with plots, as report.html in the dataset's folder", ("w",), ("report",),
           "write HTML"),
    Action("new_dataset", "make a dataset", ("n",), ("datasets",), "new dataset"),
    Action("import_music", "import music into the dataset", ("i",), ("datasets",), "import"),
    Action("choose_line", "choose the model, type the field, or make the dataset", ("enter",), ("new",), "choose"),
    Action("choose_model", "the model of that number", (DIGIT,), ("new",), "model"),
    Action("import_now", "import it", ("enter",), ("preview",), "import"),
    Action("back", "leave", ("escape",), ("form", *_MODES, "blind", "parameters", *_PAGES), "leave"),
    Action("pipeline", "the pipeline", ("g p",), ("list", "form", "report", "history"), "pipeline"),
    Action("report", "the validation report", ("g v",), ("list", "form", "pipeline", "history")),
    Action("review", "what waits to be decided: people say different things of it", ("g r",), ("list",)),
    Action("agreement", "how far people agree, and you with yourself, by field and class", ("g k",), _OPENED),
    Action("hear_others", "judge blind what others have labelled", ("g o",), ("list",)),
    Action("history", "the history of edits", ("g h",), _OPENED),
    Action("sample_history", "the history of this sample", ("g u",), ("list",)),
    Action("as_of", "see the dataset as it was after this; ‹command›now comes back", ("t",), ("history",), "as then"),
    Action("datasets", "the datasets", ("g d",), _OPENED),
    Action("command", "a command by name", (":",), _OPENED, "command"),
    Action("palette", "find an action by its words", ("ctrl+p",), (*_OPENED, "datasets")),
    Action("theme", "other colours: dark, light, high contrast, the terminal's own", ("ctrl+t",), _LINES),
    Action("suspend", "to the shell; its fg comes back", ("ctrl+z",), _LINES),
    Action("quit", "quit; nothing is left unsaved", ("ctrl+q",), (*_LINES, *_MODES, "blind"), "quit"),
    Action("help", "the keys", ("?",),
           (*_OPENED, *_MODES, "parameters", *_OTHER_PAGES, "blind"), "keys"),
)  # fmt: skip

BY_ID = {action.id: action for action in ACTIONS}

_MENTION = re.compile(r"‹(\w+)›")

_SHOWN = {
    "escape": "esc",
    "enter": "enter",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "f6": "F6",
    "backspace": "⌫",
    "delete": "Del",
    "home": "Home",
    "end": "End",
}


def shown_key(keys: str, labels: int = 9, digits: Sequence[str] = "1234567890") -> str:
    """One key or sequence as a person reads it: ``g p`` is ``gp``, ``z <digit>`` is ``z 1-9``.

    `labels` is how many choices there are for a digit; `digits` the keys that mean 1..9 and 0.
    """
    parts = [_SHOWN.get(key, key) for key in keys.split()]
    plain = "".join(part for part in parts if part != DIGIT)
    return " ".join(([plain] if plain else []) + [shown_digits(labels, digits)] * parts.count(DIGIT))


def shown_digits(labels: int, digits: Sequence[str]) -> str:
    """The keys of the first so many digits: ``1-8``, ``1-9 0``, ``1-5 qwe``."""
    keys = digits[:labels]
    count = next((n for n, key in enumerate(keys) if key != str(n + 1)), len(keys))
    return " ".join([f"1-{count}", *(["".join(keys[count:])] if keys[count:] else [])])


def with_keys(words: str, shown: Callable[[str], str]) -> str:
    """A sentence with the keys of the actions that it names: ``‹back› leaves`` is ``esc leaves``.

    `shown` says the key of an action; one without a key is named as a command.
    """
    return _MENTION.sub(lambda found: (shown(found[1]) or f":{found[1]}") if found[1] in BY_ID else found[0], words)


def key_table_markdown() -> str:
    """The README's table of keys, by place."""
    lines = []
    for scope, title in SCOPES.items():
        rows = [action for action in ACTIONS if action.scopes[0] == scope]
        if not rows:
            continue
        lines += [f"**{title}**", "", "| key | does |", "|---|---|"]
        for action in rows:
            keys = " ".join(f"`` {shown_key(key)} ``" if "`" in key else f"`{shown_key(key)}`" for key in action.keys)
            lines.append(f"| {keys.replace('|', chr(92) + '|')} | {with_keys(action.words, _usual_key)} |")
        lines.append("")
    return "\n".join(lines)


def _usual_key(action: str) -> str:
    return shown_key(BY_ID[action].keys[0])

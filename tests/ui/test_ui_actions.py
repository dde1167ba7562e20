"""The table of actions, the keymap made from it, and that every action has a test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from kelly_tui.ui import keymap
from kelly_tui.ui.actions import ACTIONS, BY_ID, SCOPES, key_table_markdown, shown_key
from kelly_tui.ui.keymap import Hit, KeymapError, changed_keymap, default_keymap, load_keymap


def exercised() -> set[str]:
    """The actions that some test of this folder says, and so must prove, that it leads to by keys."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "exercises":
                found |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    return found


def test_every_action_has_a_test() -> None:
    assert {action.id for action in ACTIONS} - exercised() == set()


def test_ids_are_unique_and_scopes_exist() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert {scope for action in ACTIONS for scope in action.scopes} == set(SCOPES)


def test_every_action_is_a_method_where_it_works() -> None:
    from kelly_tui.ui.app import KellyApp
    from kelly_tui.ui.screens.blind import BlindScreen
    from kelly_tui.ui.screens.datasets import DatasetsScreen
    from kelly_tui.ui.screens.help import HelpScreen
    from kelly_tui.ui.screens.history import HistoryScreen
    from kelly_tui.ui.screens.pipeline import PipelineScreen
    from kelly_tui.ui.screens.report import ReportScreen
    from kelly_tui.ui.screens.review import ReviewScreen
    from kelly_tui.ui.screens.variants import VariantsScreen
    from kelly_tui.ui.screens.views import ViewsScreen
    from kelly_tui.ui.screens.workstation import Workstation

    screens = {"list": Workstation, "form": Workstation, "pad": Workstation, "tap": Workstation, "lens": Workstation,
               "views": ViewsScreen, "variants": VariantsScreen, "blind": BlindScreen, "review": ReviewScreen,
               "pipeline": PipelineScreen, "report": ReportScreen,
               "history": HistoryScreen, "datasets": DatasetsScreen, "help": HelpScreen}  # fmt: skip
    for action in ACTIONS:
        for scope in action.scopes:
            owners = [owner for owner in (screens[scope], KellyApp) if hasattr(owner, f"action_{action.id}")]
            assert owners, (action.id, scope)


def test_default_keys_do_not_clash() -> None:
    keys = default_keymap()
    assert keys.find("list", ("3",)) == Hit("label", (3,))
    assert keys.find("list", ("v", "3", "8")) == Hit("affect", (3, 8))
    assert keys.find("list", ("g",)) is None
    assert {action for _, action in keys.continuations("list", ("g",))} >= {"pipeline", "report", "first"}
    assert keys.find("form", ("enter",)) == Hit("edit_field", ())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"play": "u"}, "'u' means both"),
        ({"play": "g"}, "'g g' means both 'play' and 'first'"),
        ({"play": "3"}, "means both"),
        ({"paly": "p"}, "Did you mean play?"),
        ({"play": "ctrl+enter"}, "'ctrl+enter', the key of 'play', does not reach"),
        ({"play": "ctrl+i"}, "does not reach"),
        ({"play": "ctrl+A"}, "does not reach"),
        ({"play": "shift+space"}, "does not reach"),
        ({"play": 7}, "can't be 7"),
        ({"play": []}, ""),
    ],
)
def test_a_wrong_keymap_is_an_error_that_names_it(changes: dict[str, object], says: str) -> None:
    if not says:  # an action without a key is no error: it is in the palette still
        assert changed_keymap(changes).find("list", ("space",)) is None
        return
    with pytest.raises(KeymapError, match=r".*") as caught:
        changed_keymap(changes)
    assert says in str(caught.value)


def test_a_keymap_file_is_read_and_a_broken_one_named(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    assert load_keymap(path).find("list", ("u",)) == Hit("undo", ())
    path.write_text('undo = ["ctrl+u", "Q"]\npage_up = "pageup"\n')
    keys = load_keymap(path)
    assert keys.find("list", ("u",)) is None
    assert keys.find("list", ("Q",)) == Hit("undo", ())
    path.write_text("undo = [")
    with pytest.raises(KeymapError, match=r"keys\.toml"):
        load_keymap(path)


def test_the_key_table_of_the_readme_has_every_action() -> None:
    table = key_table_markdown()
    for action in ACTIONS:
        assert f"| {action.words} |" in table
    assert "| `z 1-9` | the same, but unsure |" in table


def test_keys_are_shown_as_they_are_pressed() -> None:
    assert shown_key("g p") == "gp"
    assert shown_key("v <digit> <digit>") == "v 1-9 1-9"
    assert shown_key("<digit>", 8) == "1-8"
    assert shown_key("<digit>", 10) == "1-9 0"
    assert keymap.default_keymap().keys["back"] == ("escape",)

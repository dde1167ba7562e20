"""The table of actions, the keymap made from it, and that every action has a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from kelly_tui.settings import PROFILES
from kelly_tui.ui import keymap, launch
from kelly_tui.ui.actions import ACTIONS, BY_ID, DIGIT, SCOPES, key_table_markdown, shown_key
from kelly_tui.ui.keymap import Hit, KeymapError, changed_keymap, default_keymap, load_keymap, profile_keymap
from tests.ui.conftest import Open


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
    from kelly_tui.ui.screens.agreement import AgreementScreen
    from kelly_tui.ui.screens.blind import BlindScreen
    from kelly_tui.ui.screens.columns import ColumnsScreen
    from kelly_tui.ui.screens.datasets import DatasetsScreen
    from kelly_tui.ui.screens.help import HelpScreen
    from kelly_tui.ui.screens.history import HistoryScreen
    from kelly_tui.ui.screens.import_preview import ImportPreview
    from kelly_tui.ui.screens.new_dataset import NewDataset
    from kelly_tui.ui.screens.pipeline import PipelineScreen
    from kelly_tui.ui.screens.report import ReportScreen
    from kelly_tui.ui.screens.review import ReviewScreen
    from kelly_tui.ui.screens.second import SecondLook
    from kelly_tui.ui.screens.variants import VariantsScreen
    from kelly_tui.ui.screens.views import ViewsScreen
    from kelly_tui.ui.screens.workstation import Workstation

    screens = {"list": Workstation, "form": Workstation, "pad": Workstation, "ride": Workstation,
               "tap": Workstation, "lens": Workstation,
               "views": ViewsScreen, "variants": VariantsScreen, "blind": BlindScreen, "review": ReviewScreen,
               "second": SecondLook, "agreement": AgreementScreen,
               "pipeline": PipelineScreen, "parameters": PipelineScreen, "report": ReportScreen,
               "history": HistoryScreen, "columns": ColumnsScreen, "datasets": DatasetsScreen, "new": NewDataset,
               "preview": ImportPreview,
               "help": HelpScreen}  # fmt: skip
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


@pytest.mark.parametrize("name", PROFILES)
def test_in_every_profile_every_action_is_reached_and_no_other(name: str) -> None:
    keys = profile_keymap(name)
    for action in ACTIONS:
        assert keys.keys[action.id], f"{action.id} has no key"
        assert len(keys.shown_all(action.id)) == len(keys.keys[action.id])
        for sequence in keys.keys[action.id]:
            pressed = tuple(keys.digits[2] if key == DIGIT else key for key in sequence.split())
            digits = (3,) * sequence.split().count(DIGIT)
            for scope in action.scopes:
                assert keys.find(scope, pressed) == Hit(action.id, digits)
                for typed in range(1, len(pressed)):
                    assert keys.find(scope, pressed[:typed]) is None


@pytest.mark.parametrize("name", PROFILES)
async def test_a_profile_is_what_one_presses_and_what_one_reads(open_desk: Open, root: Path, name: str) -> None:
    keys = profile_keymap(name)
    async with open_desk(root, keymap=keys) as desk:
        await desk.press(keys.digits[1], keys.keys["down"][0], keys.digits[5])
        assert desk.values("amber")["emotion"] == "sad"
        assert desk.values("cedar")["emotion"] == "melancholic"
        lines = desk.text().splitlines()
        assert f"{keys.digits[5]} melancholic" in desk.text()
        assert keys.shown("label", 8) in lines[-1]
        assert f"{keys.shown('help')} keys" in lines[-1]
        await desk.press(*keys.keys["help"][0].split())
        page = desk.text()
        told = next(line for line in page.splitlines() if "the same, but unsure" in line)
        assert keys.shown("unsure") in told
        assert f"{keys.shown('back')} leaves" in page


async def test_a_sentence_names_the_keys_that_are_in_use(open_desk: Open, root: Path) -> None:
    async with open_desk(root, keymap=changed_keymap({"reject": "Q", "suspects": "g w", "audition": "g x"})) as desk:
        await desk.press("g", "x")
        assert "a digit corrects, Q refuses" in desk.said
    mentioned = {
        name
        for path in Path(keymap.__file__).parent.rglob("*.py")
        for name in re.findall(r"‹(\w+)›", path.read_text("utf-8"))
    }
    assert mentioned <= set(BY_ID)


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
        ({"label": "q"}, "'label' takes 1 digit, and 'q' gives it others. Write \"q <digit>\"."),
        ({"affect": "B <digit>"}, 'Write "B <digit> <digit>".'),
        ({"play": "B <digit>"}, "'play' takes no digit"),
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
    for deep in ("undo = " + "[" * 20_000, "undo." * 50_000 + "a = 1"):
        path.write_text(deep)
        with pytest.raises(KeymapError, match="the keymap can't be read"):
            load_keymap(path)
    path.write_text('undo = ["ctrl+u", "Q"]\npage_up = "pageup"\n')
    keys = load_keymap(path)
    assert keys.find("list", ("u",)) is None
    assert keys.find("list", ("Q",)) == Hit("undo", ())
    path.write_text("undo = [")
    with pytest.raises(KeymapError, match=r"keys\.toml"):
        load_keymap(path)


@pytest.mark.parametrize("wrong", ['play = "u"', 'paly = "p"', '"play" = "ctrl+i"', "play = 7"])
def test_what_is_wrong_in_a_keymap_file_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    path = tmp_path / launch.KEYMAP_FILE
    path.write_text(f'# mine\nskip = "Q"\n{wrong}\n')
    with pytest.raises(KeymapError) as raised:
        load_keymap(path)
    assert f"{path}, line 3." in str(raised.value)
    monkeypatch.setattr(launch, "config_dir", lambda: tmp_path)
    keys, said = launch.usual_keymap("vim")
    assert keys.keys == profile_keymap("vim").keys
    assert said.startswith(str(raised.value))


async def test_the_app_starts_with_a_wrong_keymap_and_says_so(open_desk: Open, root: Path) -> None:
    async with open_desk(root, notice="there is no action 'paly': keys.toml, line 3.") as desk:
        assert "there is no action 'paly'" in desk.said
        await desk.press("2")
        assert desk.values("amber")["emotion"] == "sad"


def test_the_key_table_of_the_readme_has_every_action() -> None:
    table = key_table_markdown()
    for action in ACTIONS:
        assert f"| {default_keymap().in_words(action.words)} |" in table
    assert "| `z 1-9` | the same, but unsure |" in table


def test_keys_are_shown_as_they_are_pressed() -> None:
    assert shown_key("g p") == "gp"
    assert shown_key("v <digit> <digit>") == "v 1-9 1-9"
    assert shown_key("<digit>", 8) == "1-8"
    assert shown_key("<digit>", 10) == "1-9 0"
    assert keymap.default_keymap().keys["back"] == ("escape",)

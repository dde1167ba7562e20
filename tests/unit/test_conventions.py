"""The rules of the house that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "kelly_tui"
MODULES = sorted(PACKAGE.rglob("*.py"))


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after `code`."""
    script = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "code",
    [
        "import kelly_tui",
        "from kelly_tui.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
    ids=["import kelly_tui", "kelly --help"],
)
def test_a_cold_start_loads_nothing_heavy(code: str) -> None:
    heavy = {"textual", "rich", "librosa", "numpy", "scipy", "sklearn", "numba", "symusic", "soundfile", "sounddevice"}
    assert not loaded_by(code) & heavy


def test_the_app_process_never_loads_sound_or_science_to_draw_its_first_screen() -> None:
    heavy = {"librosa", "scipy", "sklearn", "numba", "sounddevice", "fluidsynth", "soundfile", "pretty_midi"}
    assert not loaded_by("import kelly_tui.ui.app") & heavy


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    source = path.read_text("utf-8")
    assert source.count("\n") <= 450, "is it still one idea?"
    assert not source.strip() or source.lstrip().startswith('"""'), "a module says what it is"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", source)


def third_party(path: Path) -> set[str]:
    """What a module imports, wherever it does, that is neither ours nor Python's."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found - {"kelly_tui"} - sys.stdlib_module_names


def test_what_is_imported_is_installed_with_kelly_or_an_extra_and_nothing_else_is() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    extras = {name: wanted for name, wanted in project["optional-dependencies"].items() if name not in ("demo", "test")}
    wanted = chain(project["dependencies"], *extras.values())
    declared = {re.split(r"[\[=<>]", requirement)[0].lower() for requirement in wanted}
    imported = set().union(*(third_party(path) for path in MODULES if path != PACKAGE / "demo.py"))
    of_module = packages_distributions()
    assert {of_module[name][0].lower() for name in imported} == declared


def test_no_module_is_named_for_nothing() -> None:
    assert not {path.stem for path in MODULES} & {"utils", "helpers", "manager", "common", "misc", "core"}


def test_nothing_in_the_package_knows_this_machine() -> None:
    for path in MODULES:
        assert not re.search(r"/work/|/root/|\.\./shared", path.read_text("utf-8")), path


def test_no_message_says_1_samples() -> None:
    """A number before a plural goes through `kelly_tui.text.count`."""
    plural = re.compile(
        r"\{(?:len\([^{}]*\)|[^{}]*:,)\} (?:samples|files|groups|edits|datasets|classes|conflicts|labels|folders)\b"
    )
    found = [f"{path.name}: {line.strip()}" for path in MODULES for line in path.read_text().splitlines()
             if plural.search(line)]  # fmt: skip
    assert found == []


def test_one_is_one_and_all_else_are_many() -> None:
    from kelly_tui.text import agree, count

    assert [count(n, "sample") for n in (0, 1, 2000)] == ["0 samples", "1 sample", "2,000 samples"]
    assert count(1, "class", "classes") == "1 class"
    assert [agree(n, "has", "have") for n in (1, 21)] == ["has", "have"]

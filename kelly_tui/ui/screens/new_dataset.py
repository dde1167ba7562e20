"""A form for a new dataset: which model it is for, what that model learns from, and what config.json should say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from kelly_tui.errors import KellyError
from kelly_tui.model.dataset import TARGET_MODELS, DatasetConfig, TargetModel
from kelly_tui.text import safe_text
from kelly_tui.ui.paint import Line, fit
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry
from kelly_tui.ui.widgets.prompt import Question
from kelly_tui.ui.words import field_word


class Item(NamedTuple):
    """A line of the form: an attribute of the configuration, and what it means."""

    name: str
    word: str
    meaning: str


TARGET = "target_samples_per_category"
ITEMS = (
    Item("dataset_id", "name", "of its folder"),
    Item(TARGET, "target", "samples of each class; else what the model wants"),
    Item("description", "description", "what it is, in your words; the card says it"),
    Item("license", "licence", "of the music: an export stops where it is unknown"),
    Item("author", "author", "who made it"),
)
MAKE = "make"
"""What the last line stands for."""


class NewDataset(Page):
    """Models by digit or enter, the rest is typed; the last line makes it."""

    place = "new"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._model = next(iter(TARGET_MODELS.values()))
        self._said: dict[str, str] = {}

    def show(self) -> None:
        self.query_one(Footer).offer(len(TARGET_MODELS))
        self.query_one(Headline).show("a new dataset", "", [(str(self._folder), "dim")])
        self.lines.show([*model_entries(self._model), *self._items()])

    def _value(self, item: Item) -> str:
        usual = self._model.dataset_id if item.name == "dataset_id" else ""
        return self._said.get(item.name, usual)

    def _items(self) -> list[Entry]:
        lines = [
            Entry(
                [
                    ("  " + fit(item.word, 14), "text"),
                    (fit(safe_text(self._value(item)) or "·", 28), "strong" if item.name in self._said else "text"),
                    (f" {item.meaning}", "dim"),
                ],
                item,
            )
            for item in ITEMS
        ]
        return [*lines, Entry(()), Entry([("  make it", "accent")], MAKE)]

    def action_choose_model(self, digit: int) -> None:
        models = list(TARGET_MODELS.values())
        if not 1 <= digit <= len(models):
            raise KellyError(f"there is no model {digit}", hint=f"There are {len(models)}.")
        self._model = models[digit - 1]
        self.show()

    def action_choose_line(self) -> None:
        chosen = self.lines.chosen
        if isinstance(chosen, TargetModel):
            self._model = chosen
            self.show()
        elif isinstance(chosen, Item):
            self.ask(
                Question(
                    chosen.word,
                    lambda text: self._say_of(chosen, text),
                    value=self._value(chosen),
                    replaces=True,
                    hint=chosen.meaning,
                    check=lambda text: self._config({**self._said, chosen.name: text.strip()}),
                )
            )
        elif chosen == MAKE:
            self._make()

    def _say_of(self, item: Item, text: str) -> None:
        self._said.pop(item.name, None)
        if text.strip():
            self._said[item.name] = text.strip()
        self.show()

    def _config(self, said: dict[str, str]) -> DatasetConfig:
        """The configuration that the form says. Raises `KellyError`."""
        chosen: dict[str, Any] = {"dataset_id": self._model.dataset_id, **said}
        if TARGET in said:
            if not said[TARGET].isdecimal():
                raise KellyError(f"{said[TARGET]!r} is no target", hint="It is a whole number over 0.")
            chosen[TARGET] = int(said[TARGET])
        return DatasetConfig(target_model=self._model.name, **chosen)

    def _make(self) -> None:
        from kelly_tui.store.layout import create_dataset_structure, dataset_root

        config = self._config(self._said)
        create_dataset_structure(self._folder, config)
        self.app.open_dataset(dataset_root(self._folder, config.dataset_id))


def model_entries(chosen: TargetModel) -> list[Entry]:
    """The five models, and what each asks of a dataset."""
    entries = [Entry([("  Which model is it for?", "strong")]), Entry(())]
    for number, model in enumerate(TARGET_MODELS.values(), 1):
        wanted = f"{model.target:,} {'of each class' if model.per_class else 'in all'}"
        needs = ", ".join(field_word(need) for need in model.needs)
        is_chosen = model is chosen
        head: Line = [
            ("● " if is_chosen else "○ ", "accent" if is_chosen else "dim"),
            (f"{number} ", "accent"),
            (fit(model.name, 20), "strong" if is_chosen else "text"),
            (f"learns from {model.data}; reads {model.reads}", "text" if is_chosen else "dim"),
        ]
        entries += [Entry(head, model), Entry([(" " * 25, "text"), (f"needs {needs}; {wanted}", "dim")])]
    return [*entries, Entry(())]

"""The part of the workstation that sets any one field by ``a`` and a letter, and takes or refuses what others say: a
guess, or all variants of a recipe."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Label, quoted
from kelly_tui.model.labels import RULE_BREAKS
from kelly_tui.text import count, safe_text
from kelly_tui.ui import edits
from kelly_tui.ui.saver import Order
from kelly_tui.ui.screens.labelling import Labelling
from kelly_tui.ui.screens.marking import refuse_too_many

if TYPE_CHECKING:
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.model.sample import Sample
    from kelly_tui.store.catalogue import Catalogue

MOST_WORDS = 500
"""Tags in use that are offered, the commonest."""

CHOSEN_BY = {
    "set_emotion": "emotion",
    "set_groove": "groove_type",
    "set_articulation": "articulation",
    "set_dynamics": "dynamic_range",
    "set_contour": "melodic_contour",
    "set_range": "pitch_range",
}
"""Actions whose digit is a choice of a field."""


def named_digits(config: DatasetConfig) -> dict[str, Sequence[str]]:
    """What the digits of an action stand for, from 1 on."""
    main = dict.fromkeys(("label", "unsure"), config.main_choices)
    return {**main, **{action: config.choices(field) for action, field in CHOSEN_BY.items()}}


class FieldKeys(Labelling):
    """Fields by key: a digit chooses, or a line is typed."""

    def _choose(self, action: str, digit: int) -> Awaitable[None] | None:
        return self.choose_value(CHOSEN_BY[action], digit)

    def action_set_emotion(self, digit: int) -> Awaitable[None] | None:
        return self._choose("set_emotion", digit)

    def action_set_groove(self, digit: int) -> Awaitable[None] | None:
        return self._choose("set_groove", digit)

    def action_set_articulation(self, digit: int) -> Awaitable[None] | None:
        return self._choose("set_articulation", digit)

    def action_set_dynamics(self, digit: int) -> Awaitable[None] | None:
        return self._choose("set_dynamics", digit)

    def action_set_contour(self, digit: int) -> Awaitable[None] | None:
        return self._choose("set_contour", digit)

    def action_set_range(self, digit: int) -> Awaitable[None] | None:
        return self._choose("set_range", digit)

    def action_set_dominance(self, digit: int) -> Awaitable[None] | None:
        return self.change(edits.each(lambda one: edits.dominance(one, digit)))

    def action_set_quality(self, digit: int) -> Awaitable[None] | None:
        return self._set("quality_score", f"{edits.tenths(digit):g}")

    def _set(self, field: str, text: str) -> Awaitable[None] | None:
        return self.change(edits.each(lambda one: edits.typed_value(one, self.session.config, field, text)))

    def action_set_tempo(self) -> None:
        self.ask_value("tempo_bpm", "beats a minute; ‹tap› taps it, ‹halve› and ‹double› halve and double it")

    def action_halve(self) -> Awaitable[None] | None:
        return self.change(edits.each(lambda one: edits.scaled_tempo(one, 0.5)))

    def action_double(self) -> Awaitable[None] | None:
        return self.change(edits.each(lambda one: edits.scaled_tempo(one, 2.0)))

    def action_set_meter(self) -> None:
        self.ask_value("time_signature", "4/4 · 3/4 · 6/8")

    def action_set_swing(self) -> None:
        self.ask_value("swing_ratio", "0.5 straight, 0.667 triplets; ‹tap› taps it")

    def action_set_tags(self) -> None:
        self._ask_words("tags", ())

    def action_set_breaks(self) -> None:
        self._ask_words("rule_breaks", RULE_BREAKS)

    def action_set_notes(self) -> None:
        self.ask_value("notes", FIELDS["notes"].meaning)

    def _ask_words(self, field: str, known: Sequence[str]) -> None:
        """Words of a list, completed by those that are in use, once these are found."""
        offered = [*known]
        self.ask_value(field, FIELDS[field].meaning, complete=lambda text: next_words(text, offered))

        async def find() -> None:
            used = await self.session.ask(lambda catalogue: words_in_use(catalogue, field))
            offered[:] = dict.fromkeys((*map(quoted, used), *known))

        self.start(find, "words")

    # -- guesses -------------------------------------------------------------------------------------------------------

    def action_accept_field(self) -> Awaitable[None] | None:
        field = self.form.field or ""
        return self.change(
            edits.each(lambda one: edits.accept_one(one, self.session.config, field, self.session.suggestion(one)))
        )

    def action_refuse_field(self) -> Awaitable[None] | None:
        field = self.form.field or ""
        return self.change(
            edits.each(lambda one: edits.refuse(one, self.session.config, [field], self.session.suggestion(one)))
        )

    def action_refuse_all(self) -> Awaitable[None] | None:
        return self.change(
            edits.each(lambda one: edits.refuse(one, self.session.config, FIELDS, self.session.suggestion(one)))
        )

    # -- variants ------------------------------------------------------------------------------------------------------

    async def action_reject_recipe(self) -> None:
        await self.reject_recipe(self._here())

    async def reject_recipe(self, like: Sample) -> None:
        """Refuse all variants that the same kinds of changes made, as one step, or take that back."""
        kind = like.augmentation_type
        if kind is None:
            raise LabelError(
                "it is no variant", hint="‹reject_recipe› refuses a variant and all that were made like it."
            )
        variants = await self.session.ask(lambda catalogue: variants_made_by(catalogue, kind))
        made = edits.reject_all({like.sample_id: like.rejected, **variants})  # first what is here: an undo goes there
        refuse_too_many(len(made))
        what = "refused" if made[0].label == Label(True) else "no longer refused"
        self.order(Order("edit", tuple(made), f"{count(len(made), 'variant')} of {safe_text(kind)} {what}"))

    @abstractmethod
    def action_chords(self) -> None:
        """Ask for the chords."""

    def action_edit_field(self) -> None:
        if (field := self.form.field) in ("tags", "rule_breaks"):
            self._ask_words(field, RULE_BREAKS if field == "rule_breaks" else ())
        elif field == "chord_progression":
            self.action_chords()
        else:
            super().action_edit_field()


def variants_made_by(catalogue: Catalogue, kind: str) -> dict[str, bool]:
    """The variants that these changes made, ``transpose+velocity``, by id, and whether they are refused."""
    found = catalogue.db.execute(
        "SELECT sample_id, rejected FROM samples WHERE parent_id IS NOT NULL AND augmentation_type = ?", (kind,)
    )
    return {sample_id: bool(rejected) for sample_id, rejected in found}


def next_words(text: str, known: Sequence[str]) -> list[str]:
    """The texts that `text` may become when its last word is completed; no word twice."""
    before, _, last = text.rpartition(" ")
    start = f"{before} " if before else ""
    folded, there = last.casefold(), set(before.split())
    fitting = [word for word in known if last and word not in (last, *there) and word.casefold().startswith(folded)]
    return [start + word for word in fitting]


def words_in_use(catalogue: Catalogue, field: str) -> list[str]:
    """The words of a list field that samples have, the commonest first. Reads them all: not for the app's thread."""
    found = catalogue.db.execute(
        f"SELECT value FROM samples, json_each(samples.{field}) WHERE {field} IS NOT NULL"
        " GROUP BY value ORDER BY count(*) DESC LIMIT ?",
        (MOST_WORDS,),
    )
    return [word for (word,) in found]

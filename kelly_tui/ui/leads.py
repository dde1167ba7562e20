"""Where a finding of the validation is mended: the samples it is about, or the stage that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kelly_tui.model.report import Finding


class Lead(NamedTuple):
    """What enter does with a finding, in words; a filter whose samples are listed, or a stage in the pipeline."""

    words: str = ""
    filter: str = ""
    stage: str = ""

    @property
    def leads(self) -> bool:
        """Whether it is anywhere that enter can go."""
        return bool(self.filter or self.stage)


_LEADS = {
    "empty": Lead("enter: import some", stage="import"),
    "empty-class": Lead("enter: generate some; or import some (‹pipeline›), or leave the class out of config.json",
                        stage="synthesize"),
    "target-unmet": Lead("enter: make variants; or label more (‹next_best›), or generate some (‹pipeline›)",
                         stage="augment"),
    "nothing-imported": Lead("enter: import real music", stage="import"),
    "mostly-generated": Lead("a model trained on them learns the generator; enter: import more", stage="import"),
    "midi-for-audio-model": Lead("enter: import recordings; kelly synthesize --audio writes generated ones as sound",
                                 stage="import"),
    "no-features": Lead("enter: extract them", stage="extract"),
    "features-missing": Lead("enter: extract them again", stage="extract"),
    "empty-split": Lead("there are too few songs; enter: import more", stage="import"),
    "no-splits": Lead("enter: make them", stage="split"),
    "unsplit": Lead("enter: place them", stage="split"),
    "split-list": Lead("enter: write the lists again; what was edited is kept", stage="split"),
    "manifest-broken": Lead("opened again (‹datasets›), the dataset sets it aside and writes it anew: "
                            "the catalogue has all"),
    "outside-edit": Lead("opened again (‹datasets›), the dataset takes it in, or shows it where it is much"),
}  # fmt: skip


def lead(finding: Finding) -> Lead:
    """Where to mend it: the stage for its kind, else the list of its samples."""
    known = _LEADS.get(finding.code)
    if known is not None:
        return known
    if finding.code == "unlabelled":
        return Lead("enter lists them: choose, or enter accepts a guess", filter=finding.found_by)
    if finding.code == "quarantined":
        return Lead("enter lists them, with the reasons; retry (‹pipeline›) tries them again", filter=finding.found_by)
    lists = "enter lists them. " if finding.found_by else ""
    return Lead(f"{lists}{finding.todo}", filter=finding.found_by)

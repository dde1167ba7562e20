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
    "empty": Lead("‹open›: import some", stage="import"),
    "empty-class": Lead("‹open›: generate some; or import some (‹pipeline›), or leave the class out of config.json",
                        stage="synthesize"),
    "target-unmet": Lead("‹open›: make variants; or label more (‹next_best›), or generate some (‹pipeline›)",
                         stage="augment"),
    "nothing-imported": Lead("‹open›: import real music", stage="import"),
    "mostly-generated": Lead("a model trained on them learns the generator; ‹open›: import more", stage="import"),
    "midi-for-audio-model": Lead("‹open›: import recordings; kelly synthesize --audio writes generated ones as sound",
                                 stage="import"),
    "no-features": Lead("‹open›: extract them", stage="extract"),
    "features-missing": Lead("‹open›: extract them again", stage="extract"),
    "empty-split": Lead("there are too few songs; ‹open›: import more", stage="import"),
    "no-splits": Lead("‹open›: make them", stage="split"),
    "unsplit": Lead("‹open›: place them", stage="split"),
    "split-list": Lead("‹open›: write the lists again; what was edited is kept", stage="split"),
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
        return Lead("‹open› lists them: choose, or ‹accept› accepts a guess", filter=finding.found_by)
    if finding.code == "quarantined":
        return Lead("‹open› lists them, with the reasons; retry (‹pipeline›) tries them again", filter=finding.found_by)
    lists = "‹open› lists them. " if finding.found_by else ""
    return Lead(f"{lists}{finding.todo}", filter=finding.found_by)

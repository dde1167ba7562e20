"""``make demo``: a dataset from real music, the whole pipeline run on it, and the workstation opened.

The music is sixty pieces of music21's corpus written as MIDI (music21 comes with the ``demo`` extra), or a folder of
one's own. What is there already is not made again, so that a second run opens at once.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from kelly_tui.errors import KellyError, LibraryMissing
from kelly_tui.paths import cache_dir

CHORALES = (
    "10.7 101.7 120.6 13.6 140.7 153.1 16.6 20.7 227.7 244.10 248.9-1 253 26.6 269 30.6 305 347 352 360 377 38.6 40.8 "
    "416 429 57.8 65.2 66.6 84.5"
)
TUNES = (
    "42dHighlandRegimentStrathspey BlueVelvetClog ClemensReel EclipseHighlandFling GoldenTressesHornpipe "
    "IsItThePriestYouWantJig LarryDownsReel MillerOfDroneStrathspey NewYorkReel PeasantsDanceHornpipe RubTheBagJig "
    "TellHerIAmJig"
)
OTHERS = (
    "beach/prayer_of_a_tired_child corelli/opus3no1/1grave cpebach/h186 handel/rinaldo/Lascia_chio_pianga "
    "haydn/opus1no1/movement1 haydn/opus1no1/movement2 haydn/opus1no1/movement4 joplin/maple_leaf_rag "
    "leadSheet/berlinAlexandersRagtime leadSheet/fosterBrownHair liliuokalani/aloha_oe luca/gloria "
    "monteverdi/madrigal.3.1 monteverdi/madrigal.3.6 mozart/k155/movement1 mozart/k155/movement2 "
    "mozart/k155/movement3 palestrina/Agnus_00 schubert/Lindenbaum schumann_clara/opus17/movement3 "
    "schumann_robert/dichterliebe_no2 verdi/laDonnaEMobile"
)
PIECES = tuple(
    [f"bach/bwv{number}" for number in CHORALES.split()]
    + [f"ryansMammoth/{name}" for name in TUNES.split()]
    + OTHERS.split()
)
"""The pieces, by the names they have in music21's corpus, short ones first."""

GENERATED = 240
MULTIPLIER = 3


def write_piece(piece: str, folder: Path) -> Path:
    """Write one piece of music21's corpus as MIDI, unless it is there. Movements share the name before the last _."""
    target = folder / (piece.replace("/movement", "_").replace("/", "-") + ".mid")
    if not target.exists():
        try:
            from music21 import corpus
        except ImportError:
            raise LibraryMissing("music21 is not installed", hint="Run `make demo`, which installs it.") from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21 notes every overfull bar of old engravings
            half = target.with_suffix(".half")
            corpus.parse(piece).write("midi", fp=half)
        half.replace(target)
    return target


def write_pieces(pieces: Iterable[str], folder: Path) -> None:
    """Write the pieces that `folder` lacks, on two processes: a movement of a symphony takes music21 seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(pieces)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(write_piece, names, [folder] * len(names), chunksize=4):
            pass


def make(root: Path, music: Path | None) -> int:
    """Make or complete the dataset at `root` as the command line does; its exit code."""
    from kelly_tui.cli import main as kelly
    from kelly_tui.model.sample import file_type_of

    model = "harmonypredictor"
    if music is None:
        music = cache_dir() / "corpus"
        if len(list(music.glob("*.mid"))) < len(PIECES):
            print("Writing sixty pieces of music21's corpus as MIDI, once", file=sys.stderr)
            write_pieces(PIECES, music)
    elif not music.is_dir():
        raise KellyError("there is no such folder", path=music, hint="Name one: make demo MUSIC=~/Music.")
    elif any(file_type_of(path.name) == "audio" for path in music.rglob("*")):
        model = "emotionrecognizer"
    options = ["--import-dir", music, "--target-model", model, "--multiplier", MULTIPLIER, "--count", GENERATED]
    return kelly(["--datasets", str(root.parent), "run", root.name, *map(str, options)])


def is_made(root: Path) -> bool:
    """Whether the pipeline ran to its end here before."""
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.layout import is_dataset

    if not is_dataset(root):
        return False
    with Catalogue.open(root) as catalogue:
        counts = catalogue.counts()
        return (root / "splits" / "PROOF.json").exists() and counts.origins.get("generated", 0) >= GENERATED


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--music", type=Path, help="a folder of your own, instead of music21's corpus")
    parser.add_argument("--screens", type=Path, metavar="DIR", help="write the README's pictures there and stop")
    arguments = parser.parse_args()
    from kelly_tui.cli import until_nobody_reads

    try:
        return until_nobody_reads(lambda: run(arguments.music and arguments.music.expanduser(), arguments.screens))
    except KellyError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("demo: interrupted; run it again to go on", file=sys.stderr)
        return 130


def run(music: Path | None, screens: Path | None) -> int:
    """Make the dataset, or look whether it is still sound, and show it; the exit code.

    Files of one's own that can't be used were named and are no failure of the demo's; its own pieces have to be valid.
    """
    from kelly_tui.cli import main as kelly
    from kelly_tui.settings import load_settings

    settings = load_settings()
    datasets = Path(settings.datasets)
    root = datasets / (f"demo-{music.resolve().name}" if music else "demo")
    if music is None and is_made(root):
        code = kelly(["--datasets", str(datasets), "validate", root.name])
    else:
        code = make(root, music)
    if code in (2, 130):
        return code
    if sys.stdin.isatty() and sys.stdout.isatty() and screens is None:
        from kelly_tui.ui.launch import run_app

        run_app(root, datasets, settings)
    else:
        from kelly_tui.ui.screenshot import write_screenshot

        target = screens / "workstation.svg" if screens else Path("demo.svg")
        write_screenshot(root, target)
        print(f"\nA picture of the workstation is in {target.resolve()}")
    return 0 if music else code


if __name__ == "__main__":
    raise SystemExit(main())

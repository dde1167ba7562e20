"""``make soak``: a thousand seeks, five minutes of playing beside niced jobs, ten thousand samples auditioned.

Prints what was found, what was asked, and what a bare PortAudio stream did in the same run. Exits with 1 if anything
was missed that the bare stream did not miss too. Some ten minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mido

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.playback import Engine
from kelly_tui.settings import Settings
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from tests import heard
from tests.null_sink import NullSink, missing
from tests.perf.bench_store import samples
from tests.pty_program import PtyProgram

MIB = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="of playing, with and without jobs beside it")
    parser.add_argument("--seeks", type=int, default=1000)
    parser.add_argument("--auditions", type=int, default=10_000)
    asked = parser.parse_args()
    if what := missing():
        print(what, file=sys.stderr)
        return 1
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n{'what':56} {'Kelly':>12} {'bare':>12}  asked")
    met = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sink = NullSink(folder)
        sink.start()
        os.environ.update(sink.environment)
        engine = Engine(Settings(volume=1.0))
        engine.start()
        bare = heard.Bare(sink)
        try:
            for what, ours, floor, goal, good in results(engine, sink, bare, folder, asked):
                met &= good
                print(f"{what:56} {ours:>12} {floor:>12}  {goal}{'' if good else '   MISSED'}", flush=True)
        finally:
            bare.close()
            engine.close()
            sink.stop()
    return 0 if met else 1


Row = tuple[str, str, str, str, bool]


def results(engine: Engine, sink: NullSink, bare: heard.Bare, folder: Path, asked: argparse.Namespace) -> Iterator[Row]:
    floor = bare.playhead(100)
    seconds = 60.0 * asked.minutes
    yield from _playhead(
        f"playhead after {asked.seeks:,} seeks", heard.after_seeks(engine, sink, folder, asked.seeks, _rest), floor
    )
    path, whole = heard.noise_file(folder / "long.wav", 120.0), heard.noise(120.0)
    yield from _playhead(
        f"playhead in {asked.minutes:g} minutes", heard.while_playing(engine, sink, path, whole, seconds), floor
    )
    with heard.niced_jobs(), _scrolling(folder):
        gone = heard.missing_while_playing(engine, sink, bare, path, seconds)
    what = f"underruns in {asked.minutes:g} minutes, 8 niced jobs, a list scrolls"
    good = gone.counted <= gone.beside
    yield what, f"{gone.counted}", f"{gone.beside}", "none but the bare stream's", good
    yield "  gaps that the sink heard", f"{gone.heard}", "", "none", gone.heard <= gone.beside
    grown = heard.growth(engine, _music(folder), 500, asked.auditions)
    what = f"memory of the sound process over {asked.auditions:,} samples"
    yield what, f"{grown / MIB:+.1f} MiB", "", "flat: 8 MiB", grown < 8 * MIB


def _playhead(what: str, found: heard.Playhead, floor: heard.Playhead) -> Iterator[Row]:
    block = heard.ONE_BLOCK
    off, worst = found.middle - floor.middle, found.worst
    goal = f"one block, {block * 1e3:.0f} ms; {len(found.found):,} of {found.asked:,} looks were clear"
    if found.unsettled:
        goal += f"; {found.unsettled:,} beside underruns are left out"
    clear = len(found.found) > 0.9 * found.asked
    yield f"{what}: median", _ms(found.middle), _ms(floor.middle), "the bare stream's, to a block", abs(off) < block
    yield f"{what}: worst from it", _ms(worst), _ms(floor.worst), goal, clear and worst < block


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def _rest() -> None:
    time.sleep(0.02)


def _music(folder: Path) -> list[Path]:
    """Forty files, sound and MIDI by turns."""
    paths = []
    for number in range(20):
        file = mido.MidiFile(ticks_per_beat=480)
        track = mido.MidiTrack([mido.Message("program_change", program=number)])
        for pitch in range(50, 70):
            track.append(mido.Message("note_on", note=pitch, velocity=80))
            track.append(mido.Message("note_off", note=pitch, time=120))
        file.tracks.append(track)
        file.save(folder / f"{number}.mid")
        paths += [folder / f"{number}.mid", heard.noise_file(folder / f"{number}.wav", 3.0, number)]
    return paths


@contextmanager
def _scrolling(folder: Path) -> Iterator[None]:
    """The app on a dataset of ten thousand, scrolled without end, without a sound of its own."""
    create_dataset_structure(folder, DatasetConfig(dataset_id="scrolled"))
    with Catalogue.open(folder / "scrolled") as catalogue:
        catalogue.add(samples(10_000))
    quiet = {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "KELLY_AUTOPLAY": "no"}
    quiet |= {"PULSE_SERVER": f"unix:{folder}/none"}
    over = threading.Event()
    with PtyProgram([sys.executable, "-m", "kelly_tui", str(folder / "scrolled")], (160, 48), quiet) as app:
        app.wait_for(b"10,000", 120.0)

        def scroll() -> None:
            while not over.is_set():
                app.send(b"j")
                app.read(0.03)

        thread = threading.Thread(target=scroll, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(10)
            app.send(b"\x11")


if __name__ == "__main__":
    raise SystemExit(main())

"""``make fuzz``: every target for its share of an hour, led by what of our code the bytes reach (atheris, libFuzzer).

``python -m tests.fuzz [MINUTES] [TARGET...]``. What breaks a target is written to ``.fuzz/`` and named; exit code 1.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(".fuzz")


def fuzz_one(name: str, seconds: int) -> None:
    """In a process of its own, which a crash may end."""
    import atheris

    with atheris.instrument_imports(include=["kelly_tui"]):
        from tests.fuzz.targets import TARGETS, holds
    target, seeds = TARGETS[name]
    corpus = FOLDER / name.replace(" ", "_")
    corpus.mkdir(parents=True, exist_ok=True)
    for place, data in enumerate(seeds()):
        (corpus / f"seed{place}").write_bytes(data)
    flags = [f"-max_total_time={seconds}", f"-artifact_prefix={FOLDER}/broke-{corpus.name}-", "-verbosity=0"]
    flags += ["-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1", "-max_len=20000"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], lambda data: holds(target, data))
    atheris.Fuzz()


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        fuzz_one(sys.argv[2], int(sys.argv[3]))
        return 0
    from tests.fuzz.targets import TARGETS

    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    names = sys.argv[2:] or list(TARGETS)
    broken = []
    print(f"{'target':14} {'inputs':>12} {'a second':>9}  result")
    for name in names:
        seconds = max(1, round(minutes * 60 / len(names)))
        command = [sys.executable, "-m", "tests.fuzz", "--one", name, str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        stats = dict(line.split(": ", 1) for line in done.stderr.splitlines() if line.startswith("stat::"))
        tried, rate = stats.get("stat::number_of_executed_units", "?"), stats.get("stat::average_exec_per_sec", "?")
        print(
            f"{name:14} {tried.strip():>12} {rate.strip():>9}  {'nothing found' if not done.returncode else 'BROKE'}",
            flush=True,
        )
        if done.returncode:
            broken.append(name)
            print("\n".join(done.stderr.splitlines()[-30:]))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

# make demo   install all, make the dataset "demo" and open the workstation on it (MUSIC=~/Music for your own)
# make test   install all that the tests need, and run them
# make bench  measure beside a floor and a peer, in one table
# make bench-scale  a million samples beside a tenth of them: time, memory, growth (SAMPLES=100000 for less)
# make plan   hours, gigabytes and money for a million MIDI files and 150,000 clips, from what a file costs here
# make accuracy  what the detectors say of music that others annotated, beside the best peer
# make generated  generated music heard by music21, mir_eval and scikit-learn; how varied it is
# make kills  hundreds of kill -9 of the app, beside the slow proofs of the rest
# make soak   long runs of the sound: a thousand seeks, minutes beside busy jobs, ten thousand samples
# make fuzz   our readers given any bytes for an hour (MINUTES=5 for less)
# make screens  draw the README's picture again, from the demo

find_python = for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && exec echo $$name; done; echo python3
PYTHON ?= $(shell $(find_python))
PYTHON := $(PYTHON)
BIN := .venv/bin

# The tests start Kelly hundreds of times: it is compiled once, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test checked tested bench bench-scale plan accuracy generated kills soak fuzz screens clean
.DELETE_ON_ERROR:

demo: .venv/.demo
	@$(BIN)/python -m kelly_tui.demo $(if $(MUSIC),--music "$(MUSIC)")

test: .venv/.test
	@$(MAKE) --no-print-directory --jobs 2 checked tested

checked:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

tested:
	$(BIN)/python -m pytest -n 3 --max-worker-restart 0 # on two cores: tests of sound and terminals mostly wait

bench: .venv/.test
	$(BIN)/python -m tests.perf

bench-scale: .venv/.test
	$(BIN)/python -m tests.scale --samples $(or $(SAMPLES),1000000)

plan: .venv/.test
	$(BIN)/python -m tests.perf.plan

accuracy: .venv/.test
	$(BIN)/python -m tests.accuracy

generated: .venv/.test
	$(BIN)/python -m tests.accuracy.generated

kills: .venv/.test
	$(BIN)/python -m pytest -m slow -n 2 -o faulthandler_timeout=5400 tests/unit tests/ui

soak: .venv/.test
	$(BIN)/python -m tests.soak

fuzz: .venv/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	$(BIN)/python -m tests.fuzz $(or $(MINUTES),60)

screens: .venv/.demo
	$(BIN)/python -m kelly_tui.demo --screens kelly_tui/ui

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .fuzz kelly_tui.egg-info

.venv/.demo: pyproject.toml .ci/system .ci/install | .venv/bin/python
	PYTHON="$(PYTHON)" .ci/system
	.ci/install demo
	@touch $@

.venv/.test: pyproject.toml .ci/system .ci/install | .venv/bin/python
	@PYTHON="$(PYTHON)" .ci/system test & system=$$!; \
	.ci/install demo,test && wait $$system # at once
	@touch $@ .venv/.demo

.venv/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Kelly needs Python 3.11 or newer; $(PYTHON) is older. Name one: make PYTHON=python3.12" >&2; exit 1; }
	PYTHON="$(PYTHON)" .ci/system
	"$(PYTHON)" -m venv .venv

# Two commands are enough to begin with: `make demo` and `make test`.
#   make demo [ARGS=--once]   the whole loop on real recorded trips
#   make test                 everything that needs only Python
#   make test-all             also what needs mosquitto, MicroPython, Chromium and the recordings (.ci/run installs them)
#   make soak [ARGS=...]      real processes, killed over and over (needs mosquitto); ARGS="--minutes 30" for hundreds more
#   make check                format, lint, types
#   make packs                make the packs that devices hold, and their pages, from the library
#   make bench                figures, each printed by the command that makes it
#   make lock                 renew the three lock files from pyproject.toml

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# One process a core; whoever debugs says ARGS=--numprocesses=0.
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --dist=worksteal

.PHONY: demo test test-all soak check bench lock packs clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Headway needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up in $(VENV) (about 30 seconds) ..."; date +%s >$(@F).started
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq --require-hashes --requirement requirements.lock
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@echo "Set up in $$(($$(date +%s) - $$(cat $(@F).started))) s."; rm -f $(@F).started
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@$(PIP) install -qq --require-hashes --requirement requirements-dev.lock
	@touch $@

packs: $(VENV)/.runtime
	@$(BIN)/python -m headway_simulators.shipped_packs edge/headway_edge/packs
	@$(BIN)/python -m headway_simulators.generated_docs docs

demo: $(VENV)/.runtime
	@$(BIN)/headway demo $(ARGS)

test: $(VENV)/.dev
	@$(PYTEST) -m "not full" $(ARGS)

test-all: $(VENV)/.judges
	@$(PYTEST) $(ARGS)

soak: $(VENV)/.runtime
	@$(BIN)/headway soak $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

$(VENV)/.judges: $(VENV)/.dev requirements-judges.lock
	@$(PIP) install -qq --require-hashes --requirement requirements-judges.lock
	@touch $@

bench: $(VENV)/.judges
	@$(BIN)/python -m bench $(ARGS)

lock: $(VENV)/.dev
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra simulators --group build --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra simulators --group build --group dev --output-file requirements-dev.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group judges --output-file requirements-judges.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

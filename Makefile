# Every target sets up what it needs: a virtual environment inside the checkout, from locked.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: help venv demo test check docs bench real-build real

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##|^[a-z-]+: +##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/ -/' | sort

$(STAMP): pyproject.toml locked.txt
	@echo "setting up $(VENV) (about half a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@began=$$(date +%s); \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -c locked.txt -e '.[dev]' && \
	  echo "set up in $$(($$(date +%s) - began)) s"
	@touch $@

venv: $(STAMP)   ## set up the environment alone

demo: $(STAMP)   ## the tutorial, end to end, on an embedded cluster
	@$(BIN)/canary-controller demo

test: $(STAMP)   ## the whole offline suite
	@$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(STAMP)  ## lint, types, import rules, tidy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_tidy.py -q

docs: $(STAMP)   ## print docs/phases.md and docs/decision-table.md from the code again
	@$(BIN)/python tests/make_docs.py

real-build: $(STAMP) ## build the binaries of the real control plane, once (about 20 minutes; needs Go)
	@PYTHONPATH=tests $(BIN)/python -m e2e.rig build

real: $(STAMP)   ## conformance and end-to-end tests on a real control plane (skipped with a reason where Go is missing)
	@if PYTHONPATH=tests $(BIN)/python -m e2e.rig check; then \
	  $(MAKE) --no-print-directory real-build && \
	  CANARYKIT_REAL=1 $(BIN)/python -m pytest -m real --durations=10 tests/conformance tests/e2e/real; \
	else echo "make real: skipped, see above"; fi

bench: $(STAMP)  ## speed and cost, as ratios within one run
	@$(BIN)/python tests/bench.py

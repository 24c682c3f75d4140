# Everything a newcomer needs. `make` alone prints this help.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check lint bench lock clean

help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/run.stamp ## Start everything on this machine and show it (Ctrl-C stops it; ARGS="--port 8001" and the like)
	@exec $(BIN)/vinkki demo $(ARGS)

test: $(VENV)/dev.stamp ## Run every test, on real servers that the tests start themselves
	@$(BIN)/python -m tests.browser
	@$(BIN)/pytest $(ARGS)

check: $(VENV)/dev.stamp ## Look: formatting, lint, types, import contracts; changes nothing
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

lint: $(VENV)/dev.stamp ## Change files: format them and mend what can be mended
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp ## Measure speed and memory; writes bench/results.json
	@$(BIN)/vinkki bench $(ARGS)

lock: $(VENV)/dev.stamp ## Write the hash-locked requirements anew from requirements*.in
	@$(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header requirements.in -o requirements.txt
	@$(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header --override requirements-dev.overrides requirements-dev.in -o requirements-dev.txt

clean: ## Remove the virtual environment; state in var/ stays
	@rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else f"Vinkki needs Python 3.11 or newer; {sys.executable} is {v[0]}.{v[1]}. Try: make PYTHON=python3.11")'
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "This Python cannot make virtual environments; install its venv package (Debian: python3-venv)."; exit 1; }

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Vinkki runs on: $$(grep -c '^[a-zA-Z]' requirements.txt) packages, about 350 MB; one to three minutes"
	@$(BIN)/pip install --disable-pip-version-check --progress-bar off --require-hashes -r requirements.txt | sed -u -n 's/^Collecting \([^ =<>;[]*\).*/  \1/p; s/^Installing collected.*/  unpacking/p'; test $${PIPESTATUS[0]} -eq 0
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-index --no-build-isolation --editable .
	@$(BIN)/python -m api.assets
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "Installing what tests and checks need: $$(grep -c '^[a-zA-Z]' requirements-dev.txt) packages"
	@$(BIN)/pip install --disable-pip-version-check --quiet --progress-bar off --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

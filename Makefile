# Lablet Cloud Manager: every task of a developer. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCKS := $(wildcard poetry.lock src/*/poetry.lock)
PACKAGES := -p lcm_core -p control_plane_api -p resource_scheduler -p worker_controller -p lablet_controller -p lcm_simulators -p lcm_cli
TESTS ?=
PYTEST_OPTIONS ?=

##@ Start here

.PHONY: setup
setup: install tools ## Install everything

.PHONY: run
run: install tools ## Run the whole platform on this machine (console at port 8000, Ctrl-C stops it)
	$(BIN)/python -m lcm_simulators.world run $(RUN_OPTIONS)

.PHONY: run-debug
run-debug: install tools ## The same with debug logs
	LCM_LOG_LEVEL=DEBUG $(BIN)/python -m lcm_simulators.world run $(RUN_OPTIONS)

.PHONY: start
start: install tools ## The same in the background; returns when it is ready
	$(BIN)/python -m lcm_simulators.world run --detach $(RUN_OPTIONS)

.PHONY: down
down: ## Stop the platform that `make run` or `make start` started
	$(BIN)/python -m lcm_simulators.world down

.PHONY: status
status: ## Show the processes of the platform and their health
	$(BIN)/python -m lcm_simulators.world status

.PHONY: demo
demo: install ## Run one lab from upload to score: make demo TOPOLOGY=lab.yaml [RUBRIC=rubric.yaml]
	$(BIN)/python scripts/demo.py --topology "$(TOPOLOGY)" $(if $(RUBRIC),--rubric "$(RUBRIC)")

##@ Install

.PHONY: install
install: $(STAMP) ## Install the Python packages, editable, into .venv

$(STAMP): pyproject.toml $(wildcard src/*/pyproject.toml) $(LOCKS)
	$(PYTHON) scripts/install.py
	touch $@

.PHONY: tools
tools: ## Install the programs of the embedded platform (etcd, database, AWS API) into .tools
	$(PYTHON) scripts/bootstrap_tools.py

.PHONY: lock
lock: ## Resolve the dependencies of every package again
	$(PYTHON) scripts/bootstrap_tools.py poetry
	$(PYTHON) scripts/lock.py

##@ Check

.PHONY: test
test: install tools ## Run the tests
	$(PYTHON) scripts/bootstrap_tools.py virl2
	$(BIN)/python -m pytest $(PYTEST_OPTIONS) $(TESTS)

.PHONY: test-quick
test-quick: install tools ## Run the tests that take less than ten seconds each
	$(BIN)/python -m pytest -m "not slow and not browser and not chaos" $(PYTEST_OPTIONS) $(TESTS)

.PHONY: test-cov
test-cov: install tools ## Run the tests and write a coverage report to htmlcov
	$(BIN)/python -m pytest --cov --cov-report=term --cov-report=html $(PYTEST_OPTIONS) $(TESTS)

.PHONY: lint
lint: install ## Check style, types, layers and house rules
	$(BIN)/ruff check .
	$(BIN)/black --quiet --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check_rules.py

.PHONY: format
format: install ## Format the code
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/black --quiet .

##@ Documentation

.PHONY: docs-install
docs-install: install ## Install the documentation tools
	$(PYTHON) scripts/install.py --with docs

.PHONY: docs-serve
docs-serve: ## Serve the documentation at the next free port from 8000
	$(BIN)/python scripts/docs.py serve

.PHONY: docs-build
docs-build: ## Build the documentation into site
	$(BIN)/python scripts/docs.py build

.PHONY: docs-deploy
docs-deploy: ## Publish the documentation (maintainers)
	$(BIN)/python -m mkdocs gh-deploy

##@ House keeping

.PHONY: info
info: ## Show what this is and where it listens
	@$(PYTHON) scripts/environment.py info

.PHONY: env-check
env-check: ## Check what this machine has and what is missing
	@$(PYTHON) scripts/environment.py check

.PHONY: clean
clean: ## Remove caches and what was built (data and environments stay)
	find . -path ./.venv -prune -o -path ./.tools -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov site dist build

.PHONY: clean-all
clean-all: clean ## Also stop the platform and remove its data, and the environments
	if [ -x $(BIN)/python ]; then $(BIN)/python -m lcm_simulators.world down; fi
	rm -rf .data .venv .tools

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Lablet Cloud Manager: every task of a developer. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -o pipefail -c

# Compiled modules are kept, whatever the environment says: without them every start of a service or a test compiles
# what it imports (6.5 seconds of a processor instead of 2.5 for the control plane).
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCKS := $(wildcard poetry.lock src/*/poetry.lock)
UI := src/control-plane-api/frontend
UI_PACKAGES := $(UI)/node_modules/.package-lock.json
UI_BUILT := src/control-plane-api/control_plane_api/ui/static/index.html
UI_SOURCES := $(shell find $(UI) -path $(UI)/node_modules -prune -o -type f -print)
NODE := $(shell command -v npm 2>/dev/null)
PACKAGES := -p lcm_core -p control_plane_api -p resource_scheduler -p worker_controller -p lablet_controller -p lcm_simulators -p lcm_cli
TESTS ?=
OPTIONS ?=
PYTEST_OPTIONS ?=
# Two test processes: most tests wait for other processes. Files stay whole, because modules share a running platform,
# and keep the order that the plugin of the simulators gives them.
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder

##@ Start here

.PHONY: setup
setup: install tools ## Install everything

.PHONY: run
run: install tools console ## Run the whole platform on this machine (console at port 8000, Ctrl-C stops it)
	$(BIN)/python -m lcm_simulators.world run $(RUN_OPTIONS)

.PHONY: run-debug
run-debug: install tools console ## The same with debug logs
	LCM_LOG_LEVEL=DEBUG $(BIN)/python -m lcm_simulators.world run $(RUN_OPTIONS)

.PHONY: start
start: install tools console ## The same in the background; returns when it is ready
	$(BIN)/python -m lcm_simulators.world run --detach $(RUN_OPTIONS)

.PHONY: down
down: ## Stop the platform: the processes of `make run` and `make start`, and the containers of `make up`
	if [ -x $(BIN)/python ]; then $(BIN)/python -m lcm_simulators.world down; fi
	if docker compose ps --quiet 2> /dev/null | grep -q .; then docker compose down; fi

.PHONY: status
status: ## Show the processes of the platform and their health
	$(BIN)/python -m lcm_simulators.world status

.PHONY: demo
demo: install ## Run one lab from upload to score: make demo TOPOLOGY=lab.yaml [RUBRIC=rubric.yaml]
	$(BIN)/python scripts/demo.py --topology "$(TOPOLOGY)" $(if $(RUBRIC),--rubric "$(RUBRIC)")

##@ Simulators

.PHONY: sim
sim: install ## Run one simulator: make sim NAME=lds PORT=8043 (ec2, lds, grading, identity, or cml for a fleet)
	$(BIN)/python scripts/simulator.py "$(NAME)" $(if $(PORT),--port $(PORT))

.PHONY: sim-cml
sim-cml: install ## Run one simulated CML with TLS: make sim-cml PORT=9443 (CML_USER and CML_PASSWORD, else admin)
	$(if $(PORT),PORT=$(PORT)) $(BIN)/python -m lcm_simulators.cml.standalone

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

##@ Console

.PHONY: install-ui
install-ui: $(UI_PACKAGES) ## Install the packages of the console

$(UI_PACKAGES): $(UI)/package.json $(UI)/package-lock.json
	cd $(UI) && npm ci --no-audit --no-fund
	touch $@

.PHONY: build-ui
build-ui: $(UI_BUILT) ## Build the console when its sources changed

$(UI_BUILT): $(UI_PACKAGES) $(UI_SOURCES)
	cd $(UI) && npm run --silent build
	touch $@

# Without Node the platform runs all the same, and its start page says how to build the console.
.PHONY: console
ifeq ($(NODE),)
console:
	@echo "npm is not on PATH: the platform runs without its console"
else
console: build-ui ## Build the console where npm is there
endif

.PHONY: dev-ui
dev-ui: install-ui ## Serve the console at port 5173 and reload it on changes (the platform runs beside it)
	cd $(UI) && npm run --silent dev

.PHONY: test-ui
test-ui: install-ui ## Check the console's style and types, and run its unit tests
	cd $(UI) && npm run --silent check && npm run --silent test

.PHONY: lighthouse
lighthouse: install tools console ## Let Lighthouse judge the console (fetches it by npx; needs Chromium)
	LCM_LIGHTHOUSE=1 $(BIN)/python -m pytest -q -s tests/browser/test_lighthouse.py

.PHONY: types
types: install install-ui ## Generate the console's types from the API
	$(BIN)/python scripts/openapi.py
	cd $(UI) && npm run --silent types

##@ Check

.PHONY: test
test: install tools console ## Run the tests
	$(PYTHON) scripts/bootstrap_tools.py virl2
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_OPTIONS) $(TESTS)

.PHONY: bench
bench: install tools ## Measure speed and scale, print the table and renew docs/performance.md (BENCH=scheduling runs one part)
	$(BIN)/python tests/benchmarks/run.py $(BENCH)

.PHONY: security
security: install ## Look for defects with Bandit, known weaknesses of dependencies, and secrets in files
	$(PYTHON) scripts/bootstrap_tools.py security
	$(BIN)/python scripts/security.py $(SECURITY_OPTIONS)

.PHONY: fuzz
fuzz: install ## Feed every parser with strange input: make fuzz [MINUTES=10 SEED=1]
	$(BIN)/python -m tests.security $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

.PHONY: exam-morning
exam-morning: install tools ## Run an exam from no machine to every score: make exam-morning [SESSIONS=600 SLOTS=3 WORKERS=25 FACTOR=12]
	$(BIN)/python -m tests.exam $(if $(SESSIONS),--sessions $(SESSIONS)) $(if $(SLOTS),--slots $(SLOTS)) \
	  $(if $(WORKERS),--workers $(WORKERS)) $(if $(FACTOR),--factor $(FACTOR))

.PHONY: exam-day
exam-day: install tools ## Run an exam every hour for a day and watch that nothing grows: make exam-day [HOURS=24 SESSIONS=16 WORKERS=2 FACTOR=60]
	$(BIN)/python -m tests.exam --day-hours $(or $(HOURS),24) --sessions $(or $(SESSIONS),16) \
	  --workers $(or $(WORKERS),2) --factor $(or $(FACTOR),60)

.PHONY: simulate
simulate: install ## Run the platform in virtual time under faults: make simulate SEEDS=100 [FIRST_SEED=1]
	$(BIN)/python -m tests.simulate $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST_SEED),--first-seed $(FIRST_SEED)) $(OPTIONS)

.PHONY: chaos
chaos: install tools ## Let faults strike the whole platform and check its promises: make chaos [SEEDS=10 FIRST_SEED=1 DURATION=40 TOGETHER=10]
	$(BIN)/python -m tests.chaos $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST_SEED),--first-seed $(FIRST_SEED)) \
	  $(if $(DURATION),--duration $(DURATION)) $(if $(TOGETHER),--together $(TOGETHER))

.PHONY: check-tools
check-tools: ## Bring what some checks use (Chromium, Redis, Helm, promtool, …), as far as this machine can have it
	$(PYTHON) scripts/check_tools.py

.PHONY: test-keycloak
test-keycloak: install tools ## Run the sign-in tests against a real Keycloak as well (needs Maven and a JDK of 17 or newer)
	$(PYTHON) scripts/fetch_keycloak.py
	LCM_TEST_KEYCLOAK=1 $(BIN)/python -m pytest -k keycloak $(PYTEST_OPTIONS) src/simulators/tests

COMPOSE_TESTS ?= tests/compose
.PHONY: test-compose
test-compose: install tools ## Build every image, run both compose stacks and use them (minutes; needs a container engine and Maven)
	LCM_TEST_CONTAINERS=1 $(BIN)/python -m pytest -rs $(PYTEST_OPTIONS) $(COMPOSE_TESTS)

.PHONY: test-quick
test-quick: install tools ## Run the tests that take less than ten seconds each
	$(BIN)/python -m pytest -m "not slow and not browser" $(PYTEST_OPTIONS) $(TESTS)

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

.PHONY: hooks
hooks: install ## Run the hooks of pre-commit on every file
	$(BIN)/pip install --quiet pre-commit==4.3.0
	$(BIN)/pre-commit run --all-files --show-diff-on-failure

.PHONY: format
format: install ## Format the code
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/black --quiet .

##@ Containers

COMPOSE := docker compose
PROD := deployment/docker-compose
PROD_COMPOSE := docker compose --env-file $(PROD)/.env.prod -f $(PROD)/docker-compose.prod.yml
SERVICES := control-plane-api resource-scheduler worker-controller lablet-controller

.PHONY: build
build: ## Build the image of every service
	$(COMPOSE) build

.PHONY: up
up: ## Start the whole platform in containers, with the simulated world (console at port 8020)
	$(COMPOSE) up -d --wait

.PHONY: dev
dev: ## Build, start the containers and show their logs
	$(COMPOSE) up -d --build --wait
	$(COMPOSE) logs --follow

.PHONY: rebuild
rebuild: ## Build everything again without cache and start it
	$(COMPOSE) build --no-cache
	$(COMPOSE) up -d --wait --force-recreate

.PHONY: rebuild-services
rebuild-services: ## Build the four services again and restart them alone
	$(COMPOSE) build $(SERVICES)
	$(COMPOSE) up -d --wait --no-deps --force-recreate $(SERVICES)

.PHONY: restart
restart: ## Restart the containers
	$(COMPOSE) restart

.PHONY: logs
logs: ## Show the logs of the containers
	$(COMPOSE) logs --follow --tail 100

.PHONY: docker-up
docker-up: up ## The same as `up`

.PHONY: docker-logs
docker-logs: logs ## The same as `logs`

.PHONY: docker-down
docker-down: ## Stop and remove the containers; their data stays
	$(COMPOSE) down

.PHONY: prod-up
prod-up: ## Start the production stack (see docs/deployment/production.md)
	@test -f $(PROD)/.env.prod || { echo "first: cp $(PROD)/.env.prod.example $(PROD)/.env.prod, and look through it"; exit 1; }
	$(PYTHON) scripts/prepare_production.py
	$(PROD_COMPOSE) up -d --build --wait

.PHONY: prod-logs
prod-logs: ## Show the logs of the production stack
	$(PROD_COMPOSE) logs --follow --tail 100

.PHONY: prod-down
prod-down: ## Stop and remove the production stack; its data stays
	$(PROD_COMPOSE) down

.PHONY: prod-backup
prod-backup: ## Back up the production stack into deployment/docker-compose/backups
	$(PROD)/backup.sh

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
	rm -rf .data .venv .tools $(UI)/node_modules src/control-plane-api/control_plane_api/ui/static

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

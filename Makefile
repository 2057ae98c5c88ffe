# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REPO ?=

.PHONY: demo test lint types imports bench bench-signals bench-latency bench-learning clean setup format

demo: setup
	$(BIN)/habitus demo $(if $(REPO),--repo "$(REPO)") --out build/demo

test: lint types imports
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports --no-cache

# Each runs, whatever those before it missed.
bench: setup $(VENV)/.bench
	failed=0; \
	for one in benchmarks/startup.py benchmarks/shared_engine.py benchmarks/decode.py \
	  benchmarks/memory.py "-m benchmarks.signals" "-m benchmarks.latency" \
	  "-m benchmarks.learning"; do \
	  echo "== $$one"; $(BIN)/python $$one || failed=1; \
	done; exit $$failed

bench-signals: setup
	$(BIN)/python -m benchmarks.signals

bench-latency: setup $(VENV)/.bench
	$(BIN)/python -m benchmarks.latency

bench-learning: setup
	$(BIN)/python -m benchmarks.learning

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(VENV)/.ready

# The constraints pin every package; the torch wheel is whichever build of that
# version pip finds (CUDA from the registry, CPU where a local one is configured).
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

# The latency bench compares with llama.cpp, which is compiled here.
$(VENV)/.bench: $(VENV)/.ready
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable ".[bench]"
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

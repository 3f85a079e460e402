# Two commands do everything on a fresh machine with Python, pip and make.
#   make demo   own environment, install, one guarded episode on a real model
#   make test   own environment, install, all fast tests
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test test-long test-spot lint bench clean

demo: $(VENV)/.installed
	$(BIN)/agentspec demo

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-long: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m long

# The laws of backends on Spot too; fails where Spot does not import (PYTHONPATH may lead to it).
test-spot: $(VENV)/.installed-dev
	$(BIN)/python -c "from agentspec.automata import spot; print('Spot', spot.version())"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/automata/test_backends.py tests/automata/test_spot.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/agents.py
	$(BIN)/python benchmarks/clerk.py
	$(BIN)/python benchmarks/decoder.py
	$(BIN)/python benchmarks/react_speed.py --tasks 3
	$(BIN)/python benchmarks/many.py
	$(BIN)/python benchmarks/translate.py
	$(BIN)/python benchmarks/declare.py
	$(BIN)/python benchmarks/compile.py
	$(BIN)/python benchmarks/replay.py
	$(BIN)/python benchmarks/validate_prompts.py

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV)

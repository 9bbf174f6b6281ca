# Each target does all its own set-up. `make demo` and `make test` work on a fresh clone.
#   PYTHON=python3.12   another interpreter (3.11 or newer)
#   DATA=DIR            real documents for the tests and benchmarks that use them

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := $(BIN)/svrag --library .svrag/demo

.PHONY: demo test lint format serve bench lock clean

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "svrag needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(BIN)/python pyproject.toml constraints.txt setup.py $(wildcard svrag/retrievers/maxsim/kernel/*)
	$(PIP) --editable .
	@touch $@

$(VENV)/.server: $(VENV)/.core
	$(PIP) --editable ".[server]"
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --editable ".[dev]"
	@touch $@

demo:
	@bash scripts/system_packages.sh tesseract-ocr
	@$(MAKE) --no-print-directory $(VENV)/.core
	@bash scripts/demo.sh $(BIN)/svrag .svrag/demo
ifneq ($(CI),true)
	@$(MAKE) --no-print-directory $(VENV)/.server
	$(DEMO) serve --open
endif

test: $(VENV)/.dev
	@bash scripts/system_packages.sh tesseract-ocr chromium
	SVRAG_DATA=$(abspath $(DATA)) $(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

serve: $(VENV)/.server
	$(BIN)/svrag serve --open

bench: $(VENV)/.dev
	@bash scripts/system_packages.sh tesseract-ocr
	$(BIN)/python benchmarks/parsing.py --data $(DATA)/mmlongbench/documents
	$(BIN)/python benchmarks/captions.py --data $(DATA)/mmlongbench/documents
	$(BIN)/svrag eval mmlongbench --data $(DATA)/mmlongbench --baselines

# The exact set that CI and `make` install, from the loose bounds of pyproject.toml. `===` takes the builds of PyPI, not
# another index's "+cpu": a torch and a torchvision of different builds do not load together.
lock: $(VENV)/.dev
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
		--extra dev --output-file constraints.txt pyproject.toml
	sed -i.old -E 's/^(torch|torchvision)==+/\1===/' constraints.txt && rm constraints.txt.old

clean:
	rm -rf $(VENV) .svrag build *.egg-info .pytest_cache .mypy_cache .ruff_cache

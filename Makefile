# `make` alone lists the targets. Everything is made in .venv; nothing else is installed but, where allowed, GL libraries.
.DEFAULT_GOAL := help
.PHONY: help setup test lint format demo bench lock torch clean
.DELETE_ON_ERROR:

# The interpreter for .venv: Python 3.11 or 3.12. Empty: the first of python3, python3.11, python3.12 that is one.
PYTHON ?=
# no: never call apt-get.
SYSTEM_PACKAGES ?= yes
PYTEST_FLAGS ?= -n 2 --dist loadgroup
# Such as --quick; see `python -m scripts.bench_engine --help`.
BENCH_FLAGS ?=
# Such as --index-url of a mirror with builds for CPUs, where pip's own index has none.
TORCH_PIP ?=
export PYTHON SYSTEM_PACKAGES

BIN := .venv/bin
# Stamps: files that say what was done, so that it is done again only when what it depends on has changed. The first one's
# name stands for this folder, because a virtual environment cannot be moved.
READY := .venv/.ready-$(shell pwd -P | cksum | cut -d ' ' -f 1)
READY_DEV := .venv/.ready-dev
READY_GL := .venv/.ready-gl

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{printf "%-12s %s\n", $$1, $$2}'

setup: $(READY) $(READY_GL) ## make .venv with LIBERO and the command evalharness

test: lint ## run ruff, mypy and the tests; those that need torch where `make torch` was run
	$(BIN)/python -m pytest $(PYTEST_FLAGS)
	@if [ -d .torch ]; then PYTHONPATH="$(CURDIR)/.torch" $(BIN)/python -m pytest $(PYTEST_FLAGS) -m torch; fi

lint: setup $(READY_DEV) ## run ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY_DEV) ## format the code and mend what ruff can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

demo: setup ## let the scripted expert solve four episodes of LIBERO-Object, with videos (about a minute)
	$(BIN)/evalharness libero --suite object --policy expert --tasks 0-1 --episodes 2 --workers 2

bench: setup ## measure LIBERO's engine beside upstream's loop and write docs/benchmarks.md (a quarter of an hour)
	$(BIN)/python -m scripts.bench_engine $(BENCH_FLAGS)

lock: ## write requirements/*.lock anew; UPGRADE=1 takes the newest versions
	sh scripts/lock.sh $(if $(UPGRADE),--upgrade)

# In a folder of its own, because no environment needs it: .venv stays what `make setup` promises.
torch: setup ## put torch for CPUs into .torch, for the tests that need it (TORCH_PIP: further options of pip)
	rm -rf .torch.part
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --target .torch.part $(TORCH_PIP) \
		torch==2.13.0 filelock fsspec jinja2 markupsafe mpmath networkx sympy typing-extensions
	rm -rf .torch && mv .torch.part .torch

clean: ## remove .venv, builds and caches; results stay
	rm -rf .venv .torch build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements/build.lock requirements/libero.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh
	@touch $@

$(READY_DEV): requirements/dev.lock $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes -r $<
	@touch $@

# Stays absent, and is tried again, until every way of drawing works; the harness itself needs only one.
$(READY_GL): scripts/system_packages.sh $(READY)
	@if sh scripts/system_packages.sh; then touch $@; fi

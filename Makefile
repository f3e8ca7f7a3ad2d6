# Everything is set up inside this folder: Python tools in .venv, the Rust build in target
# (or in CARGO_TARGET_DIR when that is set). What is up to date is not made again.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
VENV ?= .venv
QUICK ?=
UV ?= uv

PY := $(abspath $(VENV))/bin/python
DOCS_VENV := .venv-docs
BENCH_VENV := .venv-bench
CLUSTERS_VENV := .venv-clusters
AZURITE := .servers/node_modules/.bin/azurite-blob
EXTENSION := $(VENV)/.extension-built
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name '*.json' -o -name Cargo.toml) Cargo.toml Cargo.lock

# The same environment for every cargo call as maturin gives to its own, or each of them would
# build PyO3 anew. The signature is read when it is used: the .venv must exist by then.
export PYO3_PYTHON := $(PY)
export PYO3_BUILD_EXTENSION_MODULE := 1
export VIRTUAL_ENV := $(abspath $(VENV))
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(abspath $(VENV))/bin:$(PATH)
SIGNATURE = $(shell $(PY) -c 'import struct, sys; print("cpython-%d.%d-%dbit" % (*sys.version_info[:2], 8 * struct.calcsize("P")))')
CARGO = PYO3_ENVIRONMENT_SIGNATURE=$(SIGNATURE) cargo

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

# ---- set-up ----------------------------------------------------------------------------------

# $(call make-venv,folder,requirements): a virtual environment with exactly what the lock names.
define make-venv
	@command -v $(PYTHON) >/dev/null || { echo "no \`$(PYTHON)\` here; hint: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "\`$(PYTHON)\` is older than Python 3.11; hint: make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1) || { echo "\`$(PYTHON) -m venv\` failed; hint: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	@echo "installing $(2) into $(1)"
	@$(1)/bin/python -m pip install --quiet --require-hashes --requirement $(2)
	@touch $@
endef

$(VENV)/.installed: requirements/tools.txt
	$(call make-venv,$(VENV),$<)

$(DOCS_VENV)/.installed: requirements/docs.txt
	$(call make-venv,$(DOCS_VENV),$<)

$(BENCH_VENV)/.installed: requirements/bench.txt
	$(call make-venv,$(BENCH_VENV),$<)

$(CLUSTERS_VENV)/.installed: requirements/clusters.txt
	$(call make-venv,$(CLUSTERS_VENV),$<)

# Everything cargo needs, test dependencies too, so that later runs need no network.
$(VENV)/.fetched: Cargo.lock $(VENV)/.installed
	@command -v cargo >/dev/null || { echo "no \`cargo\` here; hint: install Rust from https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "no C compiler (\`cc\`) here; hint: on Debian and Ubuntu, apt-get install build-essential" >&2; exit 1; }
	@cargo fetch --quiet --locked
	@touch $@

$(EXTENSION): $(RUST_SOURCES) pyproject.toml $(VENV)/.fetched
	@echo "building the engine into $(VENV) (the first time takes 10 to 20 minutes on two cores)"
	@PIP_QUIET=1 $(VENV)/bin/maturin develop --release --locked
	@touch $@

.PHONY: build
build: $(EXTENSION) ## the package, ready to import from .venv/bin/python

# ---- what people run -------------------------------------------------------------------------

.PHONY: demo
demo: $(EXTENSION) ## make data, run a row function and a word count over it
	@$(PY) examples/demo.py

.PHONY: examples
examples: $(EXTENSION) ## run every example
	@for example in examples/*.py; do echo "== $$example"; $(PY) "$$example"; done

.PHONY: bench
bench: $(EXTENSION) $(BENCH_VENV)/.installed ## Windrow and its peers side by side (QUICK=1: small and fast)
	@$(BENCH_VENV)/bin/python -m benches --windrow-python $(PY) $(if $(QUICK),--quick) $(BENCH_ARGS)

.PHONY: docs
docs: $(DOCS_VENV)/.installed ## the documentation, into site/
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --quiet --strict --config-file docs/mkdocs.yml
	@echo "docs: site/index.html"

# ---- tests and checks ------------------------------------------------------------------------

.PHONY: test test-rust test-python
test: test-rust test-python ## all tests
	@echo "make test: Rust and Python tests passed"

test-rust: $(EXTENSION)
	@if cargo nextest --version >/dev/null 2>&1; then \
	  $(CARGO) nextest run --locked --workspace --cargo-profile release --no-tests pass; \
	  $(CARGO) test --locked --workspace --release --doc --quiet; \
	else \
	  $(CARGO) test --locked --workspace --release --quiet; \
	fi

# The differential tests of native functions talk to this small program.
RUN_SPEC := $(VENV)/.run-spec-built
$(RUN_SPEC): $(EXTENSION)
	@$(CARGO) build --locked --workspace --release --quiet --example run_spec
	@touch $@

test-python: $(EXTENSION) $(RUN_SPEC)
	@$(PY) -m pytest --quiet $(PYTEST_ARGS)

# Two processes, each with its own half: with the default number the cases are the same every time.
CASES ?= 20000
.PHONY: fuzz-functions
fuzz-functions: $(EXTENSION) $(RUN_SPEC) ## generated row functions beside Python's answers (CASES=1000000)
	@printf '1\n2\n' | xargs -P 2 -I{} env WINDROW_FUZZ_PART={} WINDROW_FUZZ_CASES=$$(( $(CASES) / 2 )) \
	  $(if $(filter 20000,$(CASES)),WINDROW_FUZZ_SAME=1) $(PY) -m pytest --quiet -p no:cacheprovider \
	  --timeout $$(( 300 + $(CASES) / 20 )) tests/python/test_functions_fuzz.py::test_generated_functions

.PHONY: compat compat-cpython compat-joblib
compat: compat-cpython compat-joblib ## others' own tests, with our classes in place of theirs

compat-cpython: $(EXTENSION)
	@$(PY) tests/compat/run.py

compat-joblib: $(EXTENSION)
	@$(PY) tests/compat/joblib_suite.py

# Tests beside other systems on this machine: a Dask cluster, and servers of S3 and Azure. What is not
# there is skipped, and said. (On Slurm run `test-slurm` and some of `test-rust`, where slurm-wlm and munge are installed.)
.PHONY: servers test-clusters test-slurm
servers: $(CLUSTERS_VENV)/.installed ## Dask, and servers that speak S3 and Azure, for test-clusters
	@if command -v npm >/dev/null; then \
	  test -x $(AZURITE) || npm install --silent --no-fund --no-audit --prefix .servers azurite@3.37.0; \
	else echo "no \`npm\` here: tests against Azure are skipped"; fi

test-clusters: $(EXTENSION) servers ## tests on Dask and over object stores
	@PYTHONPATH=$(abspath python) WINDROW_WAYS=dask $(CLUSTERS_VENV)/bin/python -m pytest --quiet tests/clusters tests/cases $(PYTEST_ARGS)

# The cases in every way: also with a process for each task, which takes minutes.
.PHONY: test-cases
test-cases: $(EXTENSION) servers ## the same programs in every way: threads, processes, one for each task, Dask
	@WINDROW_WAYS="threads,processes,one process per task" $(PY) -m pytest --quiet tests/cases $(PYTEST_ARGS)
	@PYTHONPATH=$(abspath python) WINDROW_WAYS=dask $(CLUSTERS_VENV)/bin/python -m pytest --quiet tests/cases $(PYTEST_ARGS)

test-slurm: $(EXTENSION) ## tests on a real Slurm of four nodes on this machine
	@$(PY) -m pytest --quiet tests/slurm $(PYTEST_ARGS)

.PHONY: lint lint-rust lint-python
lint: lint-rust lint-python ## format, lints, types, stubs, doc links

# In the release profile throughout, so that dependencies are checked once and built once.
lint-rust: $(VENV)/.fetched
	cargo fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --release --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --workspace --no-deps --release --quiet

lint-python: $(EXTENSION)
	$(VENV)/bin/ruff check --quiet
	$(VENV)/bin/ruff format --quiet --check
	$(VENV)/bin/mypy --no-error-summary
	$(PY) -m mypy.stubtest --concise windrow._native

.PHONY: format
format: $(VENV)/.installed ## format all code
	cargo fmt --all
	$(VENV)/bin/ruff check --quiet --fix
	$(VENV)/bin/ruff format --quiet

# ---- housekeeping ----------------------------------------------------------------------------

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
.PHONY: lock
lock: ## renew requirements/*.txt from pyproject.toml (needs uv)
	$(COMPILE) pyproject.toml --group tools --output-file requirements/tools.txt
	$(COMPILE) --group docs --output-file requirements/docs.txt
	$(COMPILE) pyproject.toml --group bench --output-file requirements/bench.txt
	$(COMPILE) pyproject.toml --group clusters --output-file requirements/clusters.txt

.PHONY: clean
clean: ## remove all that make has made, except a CARGO_TARGET_DIR elsewhere
	rm -rf .venv .venv-* .servers .demo .bench-data site target .mypy_cache .pytest_cache .ruff_cache
	find python benches examples tests -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f python/windrow/_native*.so

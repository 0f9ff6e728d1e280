# CoverPay's commands. A fresh Debian needs make and python3 (3.11 or later); the rest is installed below.
#
#   make demo     bring everything up, run the main job, serve until Ctrl-C (SERVE=0: stop after the main job)
#   make test     all tests (ARGS="-k words" to choose)
#   make check    format, lint, types, contracts, generated files, then all tests
#   make format   lay out code and templates as `make check` wants them
#   make bench    benchmarks, each beside its limit
#   make stop     stop what `make demo` serves
#   make lock     pin the requirements again
#   make clean    remove the virtual environment and all local data

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo stop test check checks format bench lock clean runtime dev
MAKEFLAGS += --no-print-directory

SERVE ?= 1
ARGS ?=
BIN := .venv/bin
PY := $(BIN)/python
INSTALL := bash coverpay/local/install.sh
# Cached bytecode is a good part of a quick start.
unexport PYTHONDONTWRITEBYTECODE

help:
	@sed -n '3,10s/^#   //p' Makefile

demo: runtime
	@exec $(PY) -m coverpay.local demo $(if $(filter 0,$(SERVE)),--no-serve)

stop: runtime
	@exec $(PY) -m coverpay.local stop

test: dev
	@$(INSTALL) --chromium
	@exec $(PY) -m pytest -n 2 $(ARGS)

check: checks
	@$(MAKE) test

checks: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(PY) -m djlint templates --check --lint --quiet
	$(PY) -m mypy .
	$(BIN)/lint-imports
	$(PY) -m pytest -n 0 tests/architecture --ignore tests/architecture/test_every_route.py
	$(PY) -m coverpay.local run --fresh -- bash -euc '\
		$(PY) manage.py makemigrations --check --dry-run; \
		BEHIND_TLS=1 $(PY) manage.py check --deploy --fail-level WARNING; \
		$(PY) manage.py generate --check'

format: dev
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .
	$(PY) -m djlint templates --reformat --quiet || true

bench: dev
	@$(INSTALL) requirements-bench.txt
	@exec $(PY) -m coverpay.local run --fresh -- $(PY) -m benchmarks $(ARGS)

# pip-tools comes into an environment of its own, so that the locks never depend on themselves.
COMPILE = var/lock-tools/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(ARGS)
lock: runtime
	@test -x var/lock-tools/bin/pip-compile || ($(PY) -m venv var/lock-tools && var/lock-tools/bin/pip install -q pip-tools)
	$(COMPILE) -o requirements.txt requirements.in
	$(COMPILE) -o requirements-dev.txt requirements-dev.in
	$(COMPILE) -o requirements-bench.txt requirements-bench.in

clean:
	@if [ -x $(PY) ]; then $(PY) -m coverpay.local stop; fi
	@if [ -L var/postgres/data ]; then rm -rf "$$(dirname "$$(readlink var/postgres/data)")"; fi
	rm -rf .venv .venv.lock var

runtime:
	@$(INSTALL) requirements.txt

dev:
	@$(INSTALL) requirements.txt requirements-dev.txt

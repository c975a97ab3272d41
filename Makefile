# Every target does the set-up it needs. `make` alone lists them.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo run stop test lint types e2e e2e-again bench

PORT ?= 8000
VISITS ?= 20000
VAR := $(or $(HIS_VAR),var)
PY := .venv/bin/python
MANAGE := $(PY) manage.py
# Python keeps what it compiled, whatever the surroundings say: every later process of a check starts sooner.
export PYTHONDONTWRITEBYTECODE =

help:  ## List the targets
	@grep -E '^[a-z0-9]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 10

setup: .venv/installed  ## Make the Python environment in .venv

# One environment for use and for checks, so that everything works without a network once it is there.
.venv/installed: requirements.txt requirements-dev.txt
	@python=; for p in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	  if "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$p; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Cần Python 3.11 trở lên có mô-đun venv (Debian/Ubuntu: gói python3-venv)." >&2; \
	  echo "Python 3.11 or newer with the venv module is needed (Debian/Ubuntu: package python3-venv)." >&2; exit 1; \
	fi; \
	echo "Đang cài đặt môi trường Python vào .venv ..."; \
	$(PY) -c '' 2>/dev/null || "$$python" -m venv --clear .venv
	@$(PY) -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-dev.txt
	@touch $@

demo: setup  ## Load the demonstration data and export its month of claims
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) demo

run: setup  ## Serve the product on this machine (PORT=8000); end with Ctrl-C or `make stop`
	@mkdir -p "$(VAR)/static"
	@$(MANAGE) migrate --verbosity 0
	@echo "Mở trình duyệt tại: http://127.0.0.1:$(PORT)/  (Ctrl-C để dừng)"
	@$(PY) -m gunicorn his.wsgi:application --bind 127.0.0.1:$(PORT) --workers 2 --threads 4 \
	  --no-control-socket --log-level warning --pid "$(VAR)/gunicorn.pid"

stop:  ## Stop the server and the database
	@pid=$$(cat "$(VAR)/gunicorn.pid" 2>/dev/null) && grep -q 'his.wsgi' "/proc/$$pid/cmdline" 2>/dev/null \
	  && kill "$$pid" && echo "Đã dừng máy chủ web" || true
	@if [ -e .venv/installed ]; then $(MANAGE) db stop; fi

test: setup  ## Run the tests, without those in a browser
	@$(PY) -m pytest -n 2 --dist worksteal -q

lint: setup  ## Check style, layers and missing migrations
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) .venv/bin/lint-imports
	@$(MANAGE) makemigrations --check --dry-run

types: setup  ## Check the types
	@$(PY) -m mypy

e2e: setup  ## Run the flows in a real browser (needs chromium)
	@$(PY) -m pytest -n 2 --dist worksteal -q -m e2e

e2e-again: setup  ## Run the flows that failed once more, one after the other
	@$(PY) -m pytest --last-failed --last-failed-no-failures none -q -m e2e

bench: export HIS_VAR = $(VAR)/bench
bench: setup  ## Measure the split, the stock of one lot, then loading and exporting a month of VISITS=20000 visits, on a database of its own
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) bench split
	@$(MANAGE) bench stock
	@$(MANAGE) bench claims --visits $(VISITS)
	@$(MANAGE) db stop

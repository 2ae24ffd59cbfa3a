# One command a task; each sets up what it needs in .venv, once, and says where its result is.
#
#   make report    writes the report of the shipped case Moscow I into reports/
#   make test      passes the tests: style (ruff), types (mypy), behaviour (pytest)
#
# Python 3.12 or newer, make and a package index within reach are all they need.

CASE ?= moscow_i
OUT ?= reports
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

# A Python that is named is the one; else the first of these that is new enough and has venv.
NAMED := $(patsubst ~/%,$(HOME)/%,$(PYTHON))
CANDIDATES := $(if $(NAMED),"$(NAMED)",python3 python3.13 python3.12 python3.14)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup report test docs format lock hooks clean
MAKEFLAGS += --no-print-directory

help:
	@echo "make report    set up, then write the report of Moscow I into reports/  (CASE=my_case OUT=folder)"
	@echo "make test      set up, then check style and types and run all tests     (ARGS=\"-m 'not slow'\")"
	@echo "make setup     only set up .venv"
	@echo "make docs      make docs/case_file.md anew from the models"
	@echo "make format    format the code and strip the notebooks"
	@echo "make lock      make requirements.lock anew from pyproject.toml         (ARGS=--upgrade for newer versions)"
	@echo "make audit     look the locked packages up among known vulnerabilities     (needs the network)"
	@echo "make hooks     run the checks before every commit (pre-commit)"
	@echo "make clean     remove .venv, reports and caches"
	@echo "PYTHON=/path/to/python3 names the Python to set up with: 3.12 or newer, with venv."

report: $(VENV)/installed
	@echo "Making the report of $(CASE): its notebook is run from top to bottom, then written as one HTML file."
	@$(BIN)/forecast report "$(CASE)" -o "$(OUT)"
	@echo "Done. Open it in a browser; it needs no network."

test: $(VENV)/installed
	@echo "Checking style and types, then running the tests."
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)
	@echo "Done. Style, types and tests pass; nothing was written outside $(VENV) and the caches."

docs: $(VENV)/installed
	@$(BIN)/python docs/case_file.py

format: $(VENV)/installed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/nbstripout notebooks/*.ipynb

lock: $(VENV)/installed
	@$(BIN)/python -m uv pip compile pyproject.toml --group dev --universal --python-version 3.12 \
	  --generate-hashes --custom-compile-command "make lock" --python $(BIN)/python --quiet \
	  --output-file requirements.lock $(ARGS)
	@echo "Done. requirements.lock is made anew; the next make installs it."

# pip-audit has an environment of its own, made anew: what it needs is no need of the package. What it
# cannot look up, such as behind an index without advisories, is a failure (--strict) and not silence.
audit: $(VENV)/installed
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(BIN)/python -m venv "$$folder" && \
	  "$$folder/bin/python" -m pip install -qq --disable-pip-version-check pip-audit && \
	  "$$folder/bin/pip-audit" --strict --require-hashes --disable-pip --progress-spinner off -r requirements.lock $(ARGS)
	@echo "Done. No known vulnerability in the packages of requirements.lock."

hooks: $(VENV)/installed
	@$(BIN)/pre-commit install

clean:
	rm -rf $(VENV) reports dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup: $(VENV)/installed
	@echo "Ready: $(BIN)/forecast is the command, $(BIN)/python the interpreter."

# The package itself, editable: its build backend comes from the lock, so nothing unhashed is fetched.
$(VENV)/installed: $(VENV)/locked pyproject.toml
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Prints ok, or what is wrong with this Python; runs on any Python from 2 on.
define PROBE
import sys
v = sys.version_info
if v < (3, 12):
    print("it is Python %d.%d.%d" % v[:3])
else:
    try:
        import ensurepip, venv
        print("ok")
    except ImportError:
        print("it lacks venv (on Debian and Ubuntu: apt install python3-venv)")
endef
export PROBE

$(VENV)/locked: requirements.lock
	@$(BIN)/python -c "import sys, pip; sys.exit(sys.version_info < (3, 12))" 2>/dev/null || { \
	  found=; wrong=; \
	  for python in $(CANDIDATES); do \
	    says=$$("$$python" -c "$$PROBE" 2>/dev/null) || says="it does not run"; \
	    if [ "$$says" = ok ]; then found=$$python; break; fi; \
	    wrong=$${wrong:-"$$python will not do: $$says"}; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "forecast needs Python 3.12 or newer with venv, and $$wrong;" \
	      "name another with PYTHON=/path/to/python3 after make." >&2; \
	    exit 1; \
	  fi; \
	  "$$found" -m venv --clear $(VENV); \
	}
	@echo "Setting up $(VENV), once: the packages of requirements.lock, each checked by its hash (some minutes, 1.6 GB)."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

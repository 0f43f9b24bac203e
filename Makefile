# make book    build the site            make chapter N=03   run one notebook again, store its outputs
# make test    pass every test           make chapters       run them all
# make serve   look at the site          make lab            open the notebooks in JupyterLab
# make cover   take the cover from its notebook       make sheets   compute the explorers' pictures again
# make weights train the shipped weights that are missing (NAMES="a b": these again, NAMES=all: all; hours)
# make results compute the shipped results that are missing (NAMES as above; hours)
# Everything is set up in .venv on first use; nothing is asked.

PYTHON ?= python3
PORT ?= 8000
JOBS ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
BIN := .venv/bin
SITE := build/site
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DELETE_ON_ERROR:
.PHONY: help book test lint serve chapters chapter cover sheets weights results lab clean

help:
	@sed -n '1,/^$$/s/^# //p' Makefile

# The set-up. Stamped by what decides it, so that a second run does no work twice. Python compiles what it imports: half a
# minute sooner than pip, which compiles all there is.
.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or later is needed, this is {v[0]}.{v[1]}; try: make PYTHON=python3.12 ...")'
	@echo "Setting up .venv (once; a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[test]'
	@touch $@

book: build/site.stamp
	@echo "The site is built. Open $(SITE)/html/index.html in a browser, or: make serve"

SOURCES := $(shell find book deconvlib solutions chapters -type f -not -path "*/.*" -not -name '*.pyc' 2>/dev/null) \
	_config.yml _toc.yml references.bib $(wildcard *.md *.rst) pyproject.toml

build/site.stamp: .venv/ready $(SOURCES)
	@mkdir -p build
	@$(BIN)/jupyter-book build . --path-output build/site-work -W -n --keep-going --quiet
	@rm -rf $(SITE) && mkdir -p $(SITE) && cp -r build/site-work/_build/html $(SITE)/html
	@touch $@

serve: book
	@echo "http://localhost:$(PORT)  (stop with Ctrl-C)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory $(SITE)/html

# solutions/ and tests/ under the names they are imported by, for the type checker.
build/types:
	@mkdir -p $@ && ln -sfn ../../solutions $@/deconv_solutions && ln -sfn ../../tests $@/deconv_tests

lint: .venv/ready build/types
	@$(BIN)/ruff check . && $(BIN)/ruff check --quiet --preview --select PLW1514 . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

# Tests and notebooks are one run, spread over the processors (conftest.py says how), each process with one thread. Strict
# nbval compares every stored output; the site is built once and the site's tests look at that build. Limits are for hangs.
test: .venv/ready
	@$(MAKE) --no-print-directory -j2 lint book
	@DECONV_SITE=$(SITE)/html OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests chapters --answers=solutions \
		--nbval --nbval-cell-timeout=600 -n $(JOBS) --durations=10
	@echo "Every test passed. The site is in $(SITE)/html, screenshots in build/screenshots."

chapters: .venv/ready
	@$(BIN)/python book/execute.py chapters/*.ipynb

chapter: .venv/ready
	@test -n "$(N)" || { echo "name a chapter: make chapter N=03"; exit 2; }
	@$(BIN)/python book/execute.py chapters/$(N)-*.ipynb

cover: .venv/ready
	@$(BIN)/python book/cover.py

# The pictures of the explorers that show a trained network; some minutes.
sheets: .venv/ready
	@$(BIN)/python book/sheets.py

# The weights that a chapter shows and cannot train in its time.
weights: .venv/ready
	@$(BIN)/python book/weights.py $(NAMES)

results: .venv/ready
	@$(BIN)/python book/results.py $(NAMES)

lab: .venv/ready
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lab]'
	@$(BIN)/jupyter lab chapters

clean:
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache

# The same few words for readers, authors and CI. Each makes .venv when it is missing or stale.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
TOOLS := $(BIN)/python book/tools
CHAPTER ?=
ROW ?=

.DEFAULT_GOAL := help
.PHONY: help book serve lab test export execute check progressive portable peer bench published site-test lint clean

help:  ## Lists these words
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

.venv/book: requirements/book.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else f"This needs Python 3.11, 3.12 or 3.13; $(PYTHON) is {v.major}.{v.minor}. Try: make PYTHON=python3.12 …")'
	@echo "Setting up .venv (once; a few minutes)"
	@$(PYTHON) -m venv .venv
	@$(PIP) install -r requirements/book.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

.venv/%: requirements/%.txt .venv/book
	@$(PIP) install -r $<
	@touch $@

book: .venv/book  ## Builds the site and says where to open it
	@$(BIN)/jupyter-book build -W -n --keep-going .
	@echo "Open _build/html/index.html, or: make serve"

serve: book  ## Serves the site on http://localhost:8000
	@$(BIN)/python -m http.server --bind localhost --directory _build/html 8000

lab: .venv/lab  ## Opens the chapters in JupyterLab, sliders live
	@$(BIN)/jupyter lab --notebook-dir=chapters

test: check  ## Exports in step, chapter checks, every chapter compared, unit tests
	@$(BIN)/python -m pytest --nbval --numprocesses 2 --dist loadscope --quiet

export: .venv/book  ## Writes nnlib from the chapters
	@$(TOOLS)/export.py

execute: export  ## Runs the chapters in place: make execute CHAPTER=04
	@$(TOOLS)/execute.py $(CHAPTER)

check: .venv/book  ## Is nnlib in step, is every result checked, is every figure described?
	@$(TOOLS)/export.py --check
	@$(TOOLS)/check_chapters.py

progressive: .venv/book  ## Runs each chapter on what the chapters before it export
	@$(TOOLS)/progressive.py

portable: .venv/book  ## Runs the chapters on other kernels, CPU features and NumPy versions
	@$(TOOLS)/portable.py

peer: .venv/peer  ## Compares nnlib with PyTorch
	@$(BIN)/python -m pytest tests/peer --quiet

bench: .venv/peer  ## Prints speed ratios against PyTorch and scikit-learn
	@$(BIN)/python tests/benchmarks/functional.py
	@$(BIN)/python tests/benchmarks/losses.py
	@$(BIN)/python tests/benchmarks/training.py
	@$(BIN)/python tests/benchmarks/mnist.py

published: .venv/book  ## Runs published results again (20 minutes, downloads 40 MB): make published ROW=nielsen
	@PYTHONPATH=book $(BIN)/python -m published $(ROW)

site-test: .venv/site-test book  ## Reads the built site in a real browser (needs Chromium or Chrome)
	@$(BIN)/python -m pytest tests/site --numprocesses 2 --dist worksteal --quiet

lint: .venv/book  ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy nnlib

clean:  ## Removes what was built, .venv included
	@rm -rf _build .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

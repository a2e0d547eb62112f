# The verbs of this project. Each does its own set-up on a machine that has Python 3.11 and make.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-run
READY_DEV := $(VENV)/.ready-dev
DEMO_CUSTOMERS ?= 500
FUZZ ?= 1000000

.DEFAULT_GOAL := help
.PHONY: help demo test check bench fuzz docs packages

help:  ## what there is to do
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; name it with make PYTHON=…")'
	@$(PYTHON) -m venv $(VENV) || { bash .ci/packages python3-venv && rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --upgrade pip

$(READY): pyproject.toml | $(BIN)/python
	@echo "Installing the hotline and its libraries…"
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(READY_DEV): pyproject.toml $(READY) | $(BIN)/python
	@echo "Installing what the tests need…"
	@$(BIN)/python -m pip install --quiet --editable '.[postgres,training,voice]' --group dev
	@touch $@

packages: | $(READY)
	@bash .ci/packages
	@bash .ci/models $(BIN) $(VENV)/models

demo: $(READY)  ## a hotline with a demonstration portfolio, ready to be dialled
	@$(BIN)/hotline demo --customers $(DEMO_CUSTOMERS)

test: $(READY_DEV) packages  ## every test, with the telephones and databases it needs
	@bash .ci/tests $(BIN) $(TESTS)

check: $(READY_DEV)  ## lint, types, floors, flows, prompts, docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/hotline flow check
	@$(BIN)/hotline flow test
	@$(BIN)/hotline prompts check
	@$(BIN)/python docs/generate.py --check

bench: $(READY_DEV) packages  ## figures: calls, engine, database, telephone
	@$(BIN)/python -m tests.bench

fuzz: $(READY_DEV)  ## a million mutated SIP messages, and as many RTP and RTCP packets
	@$(BIN)/python -m tests.sip.fuzz --messages $(FUZZ)
	@$(BIN)/python -m tests.media.rtp_fuzz --packets $(FUZZ)

docs: $(READY_DEV)  ## write again what docs and README take from the code
	@$(BIN)/python docs/generate.py
